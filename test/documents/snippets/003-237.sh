curl https://api.priyo.ai/v1/images/generations \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "dall-e-3",
    "prompt": "A street vendor in Dhaka at golden hour, watercolor",
    "size": "1024x1024",
    "n": 1
  }'
