curl https://api.priyo.ai/v1/audio/transcriptions \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -F file="@audio.mp3" \
  -F model="whisper-1"
