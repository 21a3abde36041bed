curl https://api.priyo.ai/v1/moderations \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "omni-moderation-latest",
    "input": "Sample text to classify."
  }'
