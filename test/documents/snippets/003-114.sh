curl https://api.priyo.ai/v1/completions \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "priyo-llama",
    "prompt": "Once upon a time in Dhaka,",
    "max_tokens": 64
  }'
