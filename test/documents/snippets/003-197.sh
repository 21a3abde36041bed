curl https://api.priyo.ai/v1/audio/speech \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "tts-1",
    "input": "Hello from Priyo Forge.",
    "voice": "alloy"
  }' \
  --output speech.mp3
