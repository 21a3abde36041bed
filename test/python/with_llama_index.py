"""LlamaIndex on Forge, by its classes for servers like OpenAI's: chats, streams, tools, embeddings, and an index asked a question."""
import asyncio

from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

from check import BASE, KEY, play, same

LLM = OpenAILike(model="auto", api_base=BASE, api_key=KEY, is_chat_model=True, is_function_calling_model=True, context_window=128_000)
TEXT = OpenAILike(model="priyo-llama", api_base=BASE, api_key=KEY, is_chat_model=False)
EMBED = OpenAILikeEmbedding(model_name="embedding", api_base=BASE, api_key=KEY)
ASK = [ChatMessage(role="system", content="You are brief."), ChatMessage(role="user", content="What is Forge?")]
VECTOR = [0.5, -0.25, 0.125, 1.0]


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."


def whole():
    same(LLM.chat(ASK).message.content, "A gateway.")
    same(LLM.complete("What is Forge?").text, "A gateway.")


def streamed():
    pieces = list(LLM.stream_chat(ASK))
    same(pieces[-1].message.content, "A gateway.")
    assert len(pieces) > 1, pieces


def asynchronous():
    same(asyncio.run(LLM.achat(ASK)).message.content, "A gateway.")


def completions():
    same(TEXT.complete("Once upon a time in Dhaka,").text, " a kite was lost.")


def tools():
    told = LLM.chat_with_tools([FunctionTool.from_defaults(get_weather)], user_msg="What's the weather in Tokyo?")
    same([(call.tool_name, call.tool_kwargs) for call in LLM.get_tool_calls_from_response(told)], [("get_weather", {"city": "Tokyo"})])


def embeddings():
    same(EMBED.get_text_embedding_batch(["Forge is an AI gateway", "It supports sovereign mode"]), [VECTOR, VECTOR])
    same(EMBED.get_query_embedding("What is sovereign mode?"), VECTOR)


def an_index():
    Settings.llm, Settings.embed_model = LLM, EMBED
    index = VectorStoreIndex.from_documents([Document(text="Forge is an AI gateway"), Document(text="It supports sovereign mode")])
    same(str(index.as_query_engine().query("What is sovereign mode?")), "Nothing leaves.")


play("llama-index", [whole, streamed, asynchronous, completions, tools, embeddings, an_index])
