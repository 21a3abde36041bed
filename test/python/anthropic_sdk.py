"""Anthropic's SDK: Messages."""
import anthropic

from surface import KEY, PROMPT, SCHEMA, TIMEOUT_S, URL, Surface, calls


class Messages(Surface):
    name = "anthropic messages"
    limited, failed, broken = anthropic.RateLimitError, anthropic.InternalServerError, anthropic.APIError
    finishes = {"end_turn": "stop", "tool_use": "tools", "max_tokens": "length"}

    def __init__(self, protocol):
        super().__init__(protocol)
        options = {"base_url": URL, "api_key": KEY, "max_retries": 0, "timeout": TIMEOUT_S, "default_headers": self.headers}
        self.sync, self.aio = anthropic.Anthropic(**options), anthropic.AsyncAnthropic(**options)

    def ask(self, model):
        return {
            "model": model, "max_tokens": 2048, "messages": [{"role": "user", "content": PROMPT}],
            "tools": [{"name": "weather", "input_schema": SCHEMA}], "thinking": {"type": "enabled", "budget_tokens": 1024},
        }

    def whole(self, client, model):
        return client.messages.create(**self.ask(model))

    def streamed(self, model):
        with self.sync.messages.stream(**self.ask(model)) as stream:
            return stream.get_final_message()

    async def streamed_aio(self, model):
        async with self.aio.messages.stream(**self.ask(model)) as stream:
            return await stream.get_final_message()

    def read(self, answer):
        of = {kind: [block for block in answer.content if block.type == kind] for kind in ("thinking", "text", "tool_use")}
        usage = answer.usage
        thinking = usage.output_tokens_details
        return {
            "thought": "".join(block.thinking for block in of["thinking"]),
            "text": "".join(block.text for block in of["text"]),
            "calls": calls((block.id, block.name, block.input) for block in of["tool_use"]),
            "finish": self.finishes.get(answer.stop_reason, answer.stop_reason),
            "usage": {
                "input": usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens, "cached": usage.cache_read_input_tokens,
                "output": usage.output_tokens, "reasoning": thinking.thinking_tokens if thinking else 0,
            },
        }

    def count(self, client, model, protocol):
        return client.messages.count_tokens(model=model, messages=self.ask(model)["messages"], extra_headers={"X-Forge-Protocol": protocol})

    def counted(self, result):
        return result.input_tokens


SURFACES = [Messages]
