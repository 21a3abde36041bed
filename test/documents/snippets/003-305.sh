curl https://api.priyo.ai/v1/responses \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "gpt-5",
    "input": "Plan a 3-day Dhaka food tour."
  }'
