"""Asks every surface of the SDKs for every case at the upstreams of every protocol, and every resource beside. Prints a line for each, and a total."""
import sys

import anthropic_sdk
import google_sdk
import openai_sdk
import resources
from check import passes
from surface import TRUTH


def answered(surface, ask, expected):
    """The answer is the truth, as far as the surface has words for it."""
    read = surface.read(ask())
    return [f"{what}: {value!r}, not {expected[what]!r}" for what, value in read.items() if value != expected[what]]


def refused(surface, ask, expected):
    """A refusal is the SDK's own exception for its status; whoever is to wait learns how long."""
    kind = surface.limited if expected["status"] == 429 else surface.failed
    try:
        return [f"no error but {ask()!r}"]
    except kind as error:
        status = getattr(error, "status_code", None) or error.code
        told = {"status": status, "retryAfter": error.response.headers.get("retry-after")}
        wanted = {"status": expected["status"], "retryAfter": expected.get("retryAfter")}
        return [] if told == wanted else [f"{told}, not {wanted}"]


def died(surface, ask, _):
    """A stream that dies is never an answer."""
    try:
        return [f"no error but {ask()!r}"]
    except surface.broken:
        return []


def counted(surface, ask, expected):
    tokens = ask()
    return [] if tokens == expected else [f"{tokens}, not {expected}"]


def problems(check, surface, ways, expected):
    """What is wrong, by way. Any other exception is wrong too."""
    found = {}
    for way, ask in ways.items():
        try:
            found[way] = check(surface, ask, expected)
        except Exception as error:
            found[way] = [f"{type(error).__name__}: {error}"]
    return found


def cases(surface, protocol):
    """What is asked of a surface: case, check, ways, what must come of it."""
    upstream = TRUTH["upstreams"][protocol]
    ways = {model: surface.ways(f"{upstream['provider']}/{model}") for model in [*TRUTH["answers"], *TRUTH["refusals"], *TRUTH["deaths"]]}
    for model, answer in TRUTH["answers"].items():
        if not answer["calls"] or not isinstance(surface, openai_sdk.Completions):
            yield model, answered, ways[model], answer
    for model, refusal in TRUTH["refusals"].items():
        yield model, refused, ways[model], refusal
    for model in TRUTH["deaths"]:
        yield model, died, {way: ask for way, ask in ways[model].items() if "streamed" in way}, None
    if surface.count and upstream["counts"]:
        yield "count", counted, surface.counts(f"{upstream['provider']}/text", upstream["counts"]), TRUTH["counted"]


def main():
    passed = failed = asked = 0
    for kind in openai_sdk.SURFACES + anthropic_sdk.SURFACES + google_sdk.SURFACES:
        for protocol in TRUTH["upstreams"]:
            surface = kind(protocol)
            for case, check, ways, expected in cases(surface, protocol):
                found = problems(check, surface, ways, expected)
                wrong = {way: why for way, why in found.items() if why}
                print(f"{'FAIL' if wrong else 'ok  '} {surface.name:<24} {protocol:<19} {case:<19} {', '.join(found)}", flush=True)
                for way, why in wrong.items():
                    print(f"       {way}: " + "; ".join(why), flush=True)
                asked += len(found)
                passed, failed = passed + (not wrong), failed + bool(wrong)
    for resource in resources.RESOURCES:
        right = passes("resource", resource)
        passed, failed = passed + right, failed + (not right)
    print(f"\n{asked} calls")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
