curl https://api.priyo.ai/v1/messages \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -H "anthropic-version: 2023-06-01" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "claude-sonnet-4-6",
    "max_tokens": 1024,
    "messages": [
      {"role": "user", "content": "Summarise Bangla literature in 3 lines."}
    ]
  }'
