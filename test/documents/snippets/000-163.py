from openai import OpenAI

client = OpenAI(
    base_url="https://forge-api.lanaai.io/v1",
    api_key="your-forge-api-key",
)

# Step 1: Embed your documents
docs = ["Forge is an AI gateway", "It supports sovereign mode"]
embeddings = client.embeddings.create(
    model="embedding",
    input=docs,
)
vectors = [e.embedding for e in embeddings.data]
# Store vectors in your database (Pinecone, Weaviate, pgvector, etc.)

# Step 2: Query with context
query = "What is sovereign mode?"
query_vec = client.embeddings.create(model="embedding", input=query)
# Search your vector DB for similar docs...
relevant_docs = ["It supports sovereign mode"]  # from vector search

# Step 3: Generate answer with retrieved context
response = client.chat.completions.create(
    model="auto",
    messages=[
        {"role": "system", "content": f"Answer based on: {relevant_docs}"},
        {"role": "user", "content": query},
    ],
)
