curl https://api.priyo.ai/v1/embeddings \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "priyo-embed",
    "input": "Bangla is a beautiful language."
  }'
