"""Google's SDK: generateContent."""
from google import genai
from google.genai import errors, types

from surface import KEY, PROMPT, SCHEMA, TIMEOUT_S, URL, Surface, calls


class GenerateContent(Surface):
    name = "google-genai models"
    limited, failed, broken = errors.ClientError, errors.ServerError, errors.APIError
    finishes = {"STOP": "stop", "MAX_TOKENS": "length"}

    def __init__(self, protocol):
        super().__init__(protocol)
        options = types.HttpOptions(base_url=URL, headers=self.headers, timeout=TIMEOUT_S * 1000, retry_options=types.HttpRetryOptions(attempts=1))
        self.sync = genai.Client(api_key=KEY, http_options=options)
        self.aio = self.sync.aio

    def ask(self, model):
        tool = types.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)
        config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[tool])], thinking_config=types.ThinkingConfig(include_thoughts=True))
        return {"model": model, "contents": PROMPT, "config": config}

    def whole(self, client, model):
        return client.models.generate_content(**self.ask(model))

    def streamed(self, model):
        return self.joined(list(self.sync.models.generate_content_stream(**self.ask(model))))

    async def streamed_aio(self, model):
        return self.joined([chunk async for chunk in await self.aio.models.generate_content_stream(**self.ask(model))])

    def joined(self, chunks):
        """The SDK has no accumulator: the last chunk with the parts of all."""
        whole = chunks[-1]
        whole.candidates[0].content.parts = [part for chunk in chunks for part in chunk.parts or []]
        return whole

    def read(self, answer):
        parts, usage = answer.parts, answer.usage_metadata
        made = [part.function_call for part in parts if part.function_call]
        finish = answer.candidates[0].finish_reason.value
        thoughts = usage.thoughts_token_count or 0
        return {
            "thought": "".join(part.text for part in parts if part.text and part.thought),
            "text": "".join(part.text for part in parts if part.text and not part.thought),
            "calls": calls((call.id, call.name, call.args) for call in made),
            "finish": "tools" if made and finish == "STOP" else self.finishes.get(finish, finish),
            "usage": {
                "input": usage.prompt_token_count, "cached": usage.cached_content_token_count or 0,
                "output": usage.candidates_token_count + thoughts, "reasoning": thoughts,
            },
        }

    def count(self, client, model, protocol):
        options = types.HttpOptions(headers={"X-Forge-Protocol": protocol})
        return client.models.count_tokens(model=model, contents=PROMPT, config=types.CountTokensConfig(http_options=options))

    def counted(self, result):
        return result.total_tokens


SURFACES = [GenerateContent]
