"""What the scripts of frameworks have in common: where Forge is, and functions that fail by an exception."""
import os
import sys

BASE, KEY = os.environ["FORGE_URL"] + "/v1", os.environ["FORGE_KEY"]


def same(what, wanted):
    assert what == wanted, f"{what!r}, not {wanted!r}"


def play(framework, checks):
    """Runs all, prints a line for each, and ends the process with how many were wrong."""
    failed = 0
    for check in checks:
        try:
            check()
            why = ""
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
        print(f"{'FAIL' if why else 'ok  '} {framework:<24} {check.__name__} {why}", flush=True)
        failed += bool(why)
    sys.exit(failed)
