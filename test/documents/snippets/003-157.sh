curl https://api.priyo.ai/v1/models \
  -H "Authorization: Bearer $PRIYO_API_KEY"
