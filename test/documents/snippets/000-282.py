from openai import OpenAI, APIError, RateLimitError, AuthenticationError

client = OpenAI(
    base_url="https://forge-api.lanaai.io/v1",
    api_key="your-forge-api-key",
)

try:
    response = client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": "Hello"}],
    )
except AuthenticationError:
    print("Invalid API key")
except RateLimitError as e:
    print(f"Rate limited. Retry after: {e.response.headers.get('Retry-After')}s")
except APIError as e:
    if e.status_code == 429:
        print("Monthly quota exceeded — upgrade your plan")
    elif e.status_code == 503:
        print("Sovereign mode: self-hosted model unavailable")
    else:
        print(f"API error: {e}")
