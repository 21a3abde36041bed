"""OpenAI's SDK: chat completions, Responses, legacy completions."""
import json

import openai

from surface import KEY, PROMPT, SCHEMA, TIMEOUT_S, URL, Surface, calls

USAGE = {"stream_options": {"include_usage": True}}


class OpenAI(Surface):
    """What its three surfaces have in common."""

    limited, failed, broken = openai.RateLimitError, openai.InternalServerError, openai.APIError

    def __init__(self, protocol):
        super().__init__(protocol)
        options = {"base_url": f"{URL}/v1", "api_key": KEY, "max_retries": 0, "timeout": TIMEOUT_S, "default_headers": self.headers}
        self.sync, self.aio = openai.OpenAI(**options), openai.AsyncOpenAI(**options)


def chat_usage(usage):
    return {
        "input": usage.prompt_tokens, "cached": usage.prompt_tokens_details.cached_tokens,
        "output": usage.completion_tokens, "reasoning": usage.completion_tokens_details.reasoning_tokens,
    }


class Chat(OpenAI):
    name = "openai chat.completions"
    finishes = {"stop": "stop", "tool_calls": "tools", "length": "length"}

    def ask(self, model):
        tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
        return {"model": model, "messages": [{"role": "user", "content": PROMPT}], "tools": [tool], "reasoning_effort": "low"}

    def whole(self, client, model):
        return client.chat.completions.create(**self.ask(model))

    def streamed(self, model):
        try:
            with self.sync.chat.completions.stream(**self.ask(model), **USAGE) as stream:
                return stream.get_final_completion()
        except openai.LengthFinishReasonError as cut:
            return cut.completion

    async def streamed_aio(self, model):
        try:
            async with self.aio.chat.completions.stream(**self.ask(model), **USAGE) as stream:
                return await stream.get_final_completion()
        except openai.LengthFinishReasonError as cut:
            return cut.completion

    def read(self, answer):
        (choice,) = answer.choices
        message = choice.message.to_dict()
        pages = [annotation["url_citation"] for annotation in message.get("annotations") or []]
        return {
            "thought": message.get("reasoning_content") or "",
            "text": message.get("content") or "",
            "calls": calls((call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message.get("tool_calls") or []),
            "citations": [{"url": page["url"], "title": page["title"]} for page in pages],
            "finish": self.finishes.get(choice.finish_reason, choice.finish_reason),
            "usage": chat_usage(answer.usage),
        }


class Responses(OpenAI):
    name = "openai responses"
    # For `response.failed` the SDK has no error of its own: it misses the final response.
    broken = (openai.APIError, RuntimeError)

    def ask(self, model):
        tool = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
        return {"model": model, "input": PROMPT, "tools": [tool], "reasoning": {"effort": "low", "summary": "auto"}}

    def whole(self, client, model):
        return client.responses.create(**self.ask(model))

    def streamed(self, model):
        with self.sync.responses.stream(**self.ask(model)) as stream:
            last = [event for event in stream][-1]
            return last.response if last.type == "response.incomplete" else stream.get_final_response()

    async def streamed_aio(self, model):
        async with self.aio.responses.stream(**self.ask(model)) as stream:
            last = [event async for event in stream][-1]
            return last.response if last.type == "response.incomplete" else await stream.get_final_response()

    def read(self, answer):
        of = {kind: [item for item in answer.output if item.type == kind] for kind in ("reasoning", "message", "function_call")}
        parts = [part for message in of["message"] for part in message.content]
        cut = answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
        usage = answer.usage
        return {
            "thought": "\n\n".join(part.text for item in of["reasoning"] for part in [*item.summary, *(item.content or [])]),
            "text": answer.output_text,
            "calls": calls((call.call_id, call.name, json.loads(call.arguments)) for call in of["function_call"]),
            "citations": [{"url": one.url, "title": one.title} for part in parts for one in part.annotations],
            "finish": "length" if cut else answer.status if answer.status != "completed" else "tools" if of["function_call"] else "stop",
            "usage": {
                "input": usage.input_tokens, "cached": usage.input_tokens_details.cached_tokens,
                "output": usage.output_tokens, "reasoning": usage.output_tokens_details.reasoning_tokens,
            },
        }

    def count(self, client, model, protocol):
        return client.responses.input_tokens.count(model=model, input=PROMPT, extra_headers={"X-Forge-Protocol": protocol})

    def counted(self, result):
        return result.input_tokens


class Completions(OpenAI):
    name = "openai completions"

    def ask(self, model):
        return {"model": model, "prompt": PROMPT}

    def whole(self, client, model):
        return client.completions.create(**self.ask(model))

    def streamed(self, model):
        return self.joined(list(self.sync.completions.create(**self.ask(model), stream=True, **USAGE)))

    async def streamed_aio(self, model):
        return self.joined([chunk async for chunk in await self.aio.completions.create(**self.ask(model), stream=True, **USAGE)])

    def joined(self, chunks):
        """The SDK has no accumulator for these: the whole answer that the chunks say."""
        choices = [choice for chunk in chunks for choice in chunk.choices]
        whole = chunks[-1].model_copy(update={"choices": choices[-1:]})
        whole.choices[0].text = "".join(choice.text for choice in choices)
        return whole

    def read(self, answer):
        (choice,) = answer.choices
        return {"text": choice.text, "finish": choice.finish_reason, "usage": chat_usage(answer.usage)}


SURFACES = [Chat, Responses, Completions]
