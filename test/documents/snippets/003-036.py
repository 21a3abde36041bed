from openai import OpenAI

client = OpenAI(
    api_key=os.environ["PRIYO_API_KEY"],
    base_url="https://api.priyo.ai/v1",
)
