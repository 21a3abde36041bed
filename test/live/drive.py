"""Drives Forge with the official Python SDK, beside the same calls straight to the model's server.

Prints one JSON object a line: {"call": ...} for a call that Forge has answered, {"check": ...} for a finding.
"""
import json
import os
import time

import openai

MODEL = os.environ["MODEL"]
HOSTED = f"selfhosted/{MODEL}"
STEADY = {"temperature": 0, "seed": 7}
TOOLS = [{
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}]
DOT = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

forge = openai.OpenAI(base_url=os.environ["FORGE"], api_key=os.environ["FORGE_KEY"], max_retries=0)
direct = openai.OpenAI(base_url=os.environ["DIRECT"], api_key="none", max_retries=0)


def say(**line):
    print(json.dumps(line), flush=True)


def check(name, ok, detail=""):
    say(check=name, ok=bool(ok), detail=str(detail))


def tokens(usage):
    return None if usage is None else {"inputTokens": usage.prompt_tokens, "outputTokens": usage.completion_tokens}


def settle_model():
    """Leaves the model's cache in the same state before each call, so that equal calls compute equal numbers."""
    direct.completions.create(model=MODEL, prompt="-", max_tokens=1)


def ask(client, model, messages, **options):
    settle_model()
    began = time.perf_counter()
    raw = client.chat.completions.with_raw_response.create(model=model, messages=messages, **STEADY, **options)
    return raw.headers, raw.parse(), time.perf_counter() - began


def compare(name, messages, **options):
    """The same call both ways: same message, same finish, same usage. Returns what Forge answered."""
    _, expected, direct_s = ask(direct, MODEL, messages, **options)
    headers, answer, forge_s = ask(forge, HOSTED, messages, **options)
    got, want = answer.choices[0].message, expected.choices[0].message
    calls = [[(c.function.name, c.function.arguments) for c in m.tool_calls or []] for m in (got, want)]
    say(call=name, id=headers.get("x-request-id"), prompt=str(messages[-1]["content"])[:80], answer=got.content or str(calls[0]),
        usage=tokens(answer.usage), seconds=forge_s, directSeconds=direct_s)
    check(f"{name}: same answer as straight from the model", got.content == want.content and calls[0] == calls[1])
    check(f"{name}: same usage", answer.usage == expected.usage, tokens(answer.usage))
    check(f"{name}: same finish_reason", answer.choices[0].finish_reason == expected.choices[0].finish_reason, answer.choices[0].finish_reason)
    return answer


def stream(client, model, messages, **options):
    settle_model()
    events = client.chat.completions.create(model=model, messages=messages, stream=True, **STEADY, **options)
    return events, list(events)


def streams():
    messages = [{"role": "user", "content": "Name three colours of the rainbow."}]
    _, whole, _ = ask(direct, MODEL, messages, max_tokens=48)
    for name, options in (("stream", {}), ("stream with include_usage", {"stream_options": {"include_usage": True}})):
        _, expected = stream(direct, MODEL, messages, max_tokens=48, **options)
        began = time.perf_counter()
        events, chunks = stream(forge, HOSTED, messages, max_tokens=48, **options)
        seconds = time.perf_counter() - began
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        told = [chunk.usage for chunk in chunks if chunk.usage]
        say(call=name, id=events.response.headers.get("x-request-id"), prompt=messages[-1]["content"], answer=text,
            usage=tokens(told[0]) if told else None, known=tokens(whole.usage), seconds=seconds)
        check(f"{name}: same text as the whole answer", text == whole.choices[0].message.content)
        check(f"{name}: as many chunks as straight from the model", len(chunks) == len(expected), f"{len(chunks)} and {len(expected)}")
        if not options:
            check("stream: choices[0] exists in every chunk", all(chunk.choices for chunk in chunks))
            check("stream: no usage that nobody asked for", not told)


def round_trip():
    question = {"role": "user", "content": "What is the weather in Paris?"}
    choice = {"type": "function", "function": {"name": "get_weather"}}
    first = compare("tools, call", [question], tools=TOOLS, tool_choice=choice, max_tokens=60)
    call = first.choices[0].message.tool_calls[0]
    check("tools: arguments are JSON with the city", "city" in json.loads(call.function.arguments), call.function.arguments)
    asked = {"role": "assistant", "content": "", "tool_calls": [call.model_dump()]}
    result = {"role": "tool", "tool_call_id": call.id, "content": "22 degrees and sunny"}
    compare("tools, result", [question, asked, result], tools=TOOLS, max_tokens=48)


def abort():
    story = [{"role": "user", "content": "Write a long story about a lighthouse keeper."}]
    events = forge.chat.completions.create(model=HOSTED, messages=story, stream=True, max_tokens=900, **STEADY)
    text = ""
    for count, chunk in enumerate(events):
        text += chunk.choices[0].delta.content or ""
        if count == 12:
            break
    events.close()
    say(call="abort mid-stream", id=events.response.headers.get("x-request-id"), prompt=story[0]["content"], answer=text, usage=None, end="client_gone")


def refusal(name, expected, act):
    try:
        act()
        check(name, False, "no error")
    except openai.APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        shaped = isinstance(body.get("message"), str) and {"type", "param", "code"} <= body.keys()
        check(name, type(error) is expected and shaped, f"{type(error).__name__} {error.status_code} {body.get('code')}: {body.get('message')}"[:160])
        check(f"{name}: x-request-id", error.response.headers.get("x-request-id"))
        return error


def errors():
    hello = [{"role": "user", "content": "hello"}]
    stranger = openai.OpenAI(base_url=os.environ["FORGE"], api_key="sk-forge-nobody", max_retries=0)
    limited = openai.OpenAI(base_url=os.environ["FORGE"], api_key=os.environ["LIMITED_KEY"], max_retries=0)
    refusal("bad key", openai.AuthenticationError, lambda: stranger.chat.completions.create(model=HOSTED, messages=hello))
    refusal("unknown model", openai.NotFoundError, lambda: forge.chat.completions.create(model="no-such-model", messages=hello))
    refusal("malformed messages", openai.BadRequestError, lambda: forge.chat.completions.create(model=HOSTED, messages="hello"))
    limited.chat.completions.create(model=HOSTED, messages=hello, max_tokens=1)
    error = refusal("rate limit", openai.RateLimitError, lambda: limited.chat.completions.create(model=HOSTED, messages=hello, max_tokens=1))
    after = error.response.headers.get("retry-after", "") if error else ""
    check("rate limit: retry-after says how long", after.isdigit() and 1 <= int(after) <= 60, after)


def headers():
    told, answer, seconds = ask(forge, HOSTED, [{"role": "user", "content": "hi"}], max_tokens=1)
    names = ("x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining")
    say(call="raw response", id=told.get("x-request-id"), prompt="hi", answer=answer.choices[0].message.content,
        usage=tokens(answer.usage), seconds=seconds)
    check("raw response headers", all(told.get(name) for name in names), {name: told.get(name) for name in names})
    limit, remaining = (int(told.get(name, -1)) for name in names[1:])
    check("x-ratelimit-remaining is below the limit", 0 <= remaining < limit, f"{remaining} of {limit}")


if __name__ == "__main__":
    for question in ("What is the capital of France?", "Explain in one sentence why the sky is blue.", "Schreibe ein Gedicht über Bäume. 🌳"):
        compare("chat", [{"role": "user", "content": question}], max_tokens=64)
    compare("sovereign header", [{"role": "user", "content": "Count to five."}], max_tokens=24, extra_headers={"X-Sovereign": "true"})
    streams()
    round_trip()
    answer = compare("JSON mode", [{"role": "user", "content": "Give a JSON object with keys city and country for Paris."}],
                     max_tokens=80, response_format={"type": "json_object"})
    check("JSON mode: the answer is JSON", isinstance(json.loads(answer.choices[0].message.content), dict))
    compare("vision part", [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": DOT}}]}], max_tokens=24)
    abort()
    errors()
    headers()
