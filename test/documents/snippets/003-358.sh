curl https://api.priyo.ai/v1/files \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -F purpose="batch" \
  -F file="@batch_input.jsonl"
