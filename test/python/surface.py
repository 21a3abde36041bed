"""What the runner says, and what every surface of an SDK has in common."""
import asyncio
import json
import os

URL = os.environ["FORGE_URL"]
KEY = os.environ["FORGE_KEY"]
RESOURCES_URL = os.environ["FORGE_RESOURCES_URL"]
RESOURCES_KEY = os.environ["FORGE_RESOURCES_KEY"]
TRUTH = json.loads(os.environ["FORGE_TRUTH"])
PROMPT = "Greet me."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TIMEOUT_S = 20

LOOP = asyncio.Runner()


class Surface:
    """One way to ask an SDK, against the upstreams of one protocol.

    A subclass has: `name`; `sync` and `aio`, its clients; `whole(client, model)`, a call; `streamed(model)` and `streamed_aio(model)`,
    what the SDK makes of a stream; `read(answer)`, that in the truth's words, without those that the surface has no place for;
    `limited`, `failed` and `broken`, the exceptions for a 429, for a 5xx and for a stream that dies. Where the SDK counts tokens also
    `count(client, model, protocol)`, and `counted`, the number in its result.
    """

    count = None

    def __init__(self, protocol):
        self.headers = {"X-Forge-Protocol": protocol}

    def ways(self, model):
        """The ways to ask, by name."""
        return {
            "whole": lambda: self.whole(self.sync, model),
            "streamed": lambda: self.streamed(model),
            "async whole": lambda: LOOP.run(self.whole(self.aio, model)),
            "async streamed": lambda: LOOP.run(self.streamed_aio(model)),
        }

    def counts(self, model, protocol):
        """The ways to count, by name."""
        return {
            "sync": lambda: self.counted(self.count(self.sync, model, protocol)),
            "async": lambda: self.counted(LOOP.run(self.count(self.aio, model, protocol))),
        }


def calls(told):
    """Tool calls of (id, name, input), in the truth's words."""
    return [{"id": id, "name": name, "input": input} for id, name, input in told]
