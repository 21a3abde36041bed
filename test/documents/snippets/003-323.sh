curl https://api.priyo.ai/v1/rerank \
  -H "Authorization: Bearer $PRIYO_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "rerank-english-v3.0",
    "query": "best mango variety in Bangladesh",
    "documents": [
      "Himsagar is sweet and aromatic.",
      "The Padma river flows through Bangladesh.",
      "Langra mangoes ripen in early summer."
    ],
    "top_n": 2
  }'
