curl https://api.priyo.ai/v1/images/edits \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -F model="gpt-image-1" \
  -F image="@photo.png" \
  -F mask="@mask.png" \
  -F prompt="Add a rickshaw in the background"
