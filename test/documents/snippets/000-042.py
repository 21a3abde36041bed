# pip install anthropic
import anthropic

client = anthropic.Anthropic(
    base_url="https://forge-api.lanaai.io/v1",
    api_key="your-forge-api-key",
)

message = client.messages.create(
    model="claude-sonnet-4-20250514",
    max_tokens=1024,
    messages=[{"role": "user", "content": "Hello from Forge!"}],
)
