# pip install openai
from openai import OpenAI

client = OpenAI(
    base_url="https://forge-api.lanaai.io/v1",
    api_key="your-forge-api-key",
)

response = client.chat.completions.create(
    model="auto",  # or "fast", "gpt-4o", "claude-sonnet-4-20250514", etc.
    messages=[{"role": "user", "content": "Hello from Forge!"}],
)

print(response.choices[0].message.content)
