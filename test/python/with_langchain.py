"""LangChain on Forge, as LANA's document sets it up: chains, streams, tools, agents' turns, structured output, embeddings, errors."""
import asyncio

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import AuthenticationError

from check import BASE, KEY, play, same

LLM = ChatOpenAI(base_url=BASE, api_key=KEY, model="auto")
CLAUDE = ChatOpenAI(base_url=BASE, api_key=KEY, model="claude-sonnet-4-6")
ABOUT = "What is Forge?"
VECTOR = [0.5, -0.25, 0.125, 1.0]


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}."


def whole():
    for llm in (LLM, CLAUDE):
        told = llm.invoke(ABOUT)
        same(told.content, "A gateway.")
        assert told.usage_metadata["total_tokens"] > 0, told.usage_metadata


def streamed():
    for llm in (LLM, CLAUDE):
        pieces = list(llm.stream(ABOUT, stream_usage=True))
        same("".join(piece.content for piece in pieces), "A gateway.")
        assert len(pieces) > 2, pieces
        same([piece.usage_metadata["total_tokens"] > 0 for piece in pieces if piece.usage_metadata], [True])


def asynchronous():
    same(asyncio.run(LLM.ainvoke(ABOUT)).content, "A gateway.")


def side_by_side():
    same([told.content for told in LLM.batch([ABOUT, "What is sovereign mode?"])], ["A gateway.", "Nothing leaves."])


def chained():
    chain = ChatPromptTemplate.from_messages([("system", "Answer based on: {docs}"), ("user", "{query}")]) | LLM | StrOutputParser()
    same(chain.invoke({"docs": ["It supports sovereign mode"], "query": "What is sovereign mode?"}), "Nothing leaves.")


def tools_by_turns():
    for llm in (LLM, CLAUDE):
        asked = [HumanMessage("What's the weather in Tokyo?")]
        told = llm.bind_tools([get_weather]).invoke(asked)
        same([(call["name"], call["args"]) for call in told.tool_calls], [("get_weather", {"city": "Tokyo"})])
        results = [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in told.tool_calls]
        same(llm.bind_tools([get_weather]).invoke([*asked, told, *results]).content, "It rains in Tokyo.")


def tools_streamed():
    pieces = list(LLM.bind_tools([get_weather]).stream("What's the weather in Tokyo?"))
    told = pieces[0]
    for piece in pieces[1:]:
        told += piece
    same([(call["name"], call["args"]) for call in told.tool_calls], [("get_weather", {"city": "Tokyo"})])


def structured():
    schema = {"title": "City", "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
    same(LLM.with_structured_output(schema, method="json_schema").invoke("Name a city as JSON."), {"city": "Dhaka"})


def responses():
    same(ChatOpenAI(base_url=BASE, api_key=KEY, model="gpt-5", use_responses_api=True).invoke(ABOUT).text, "A gateway.")


def embeddings():
    texts = OpenAIEmbeddings(base_url=BASE, api_key=KEY, model="embedding", check_embedding_ctx_length=False)
    same(texts.embed_documents(["Forge is an AI gateway", "It supports sovereign mode"]), [VECTOR, VECTOR])
    same(texts.embed_query("What is sovereign mode?"), VECTOR)


def embeddings_of_tokens():
    """What it sends unless it is told not to count: token ids. Its tokenizer's table is not on PyPI, so the ids are ours."""
    told = OpenAIEmbeddings(base_url=BASE, api_key=KEY, model="embedding").client.create(input=[[9906, 11, 1917], [0]], model="embedding")
    same([len(one.embedding) for one in told.data], [4, 4])


def refused():
    try:
        ChatOpenAI(base_url=BASE, api_key="rrt-burst-nobody", model="auto").invoke(ABOUT)
    except AuthenticationError:
        return
    raise AssertionError("no error")


play("langchain-openai", [whole, streamed, asynchronous, side_by_side, chained, tools_by_turns, tools_streamed, structured, responses, embeddings, embeddings_of_tokens, refused])
