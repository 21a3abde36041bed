# pip install langchain-openai
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

# Use Forge as your LLM
llm = ChatOpenAI(
    base_url="https://forge-api.lanaai.io/v1",
    api_key="your-forge-api-key",
    model="auto",
)

# Use Forge for embeddings too
embeddings = OpenAIEmbeddings(
    base_url="https://forge-api.lanaai.io/v1",
    api_key="your-forge-api-key",
    model="embedding",
)

# Works with any LangChain chain
response = llm.invoke("What is Forge?")
print(response.content)
