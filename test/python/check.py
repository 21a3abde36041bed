"""What scripts of checks have in common: where Forge is, and functions that fail by an exception."""
import os
import sys

BASE, KEY = os.environ["FORGE_URL"] + "/v1", os.environ["FORGE_KEY"]


def same(what, wanted):
    assert what == wanted, f"{what!r}, not {wanted!r}"


def passes(where, check):
    """Runs one, and prints a line for it."""
    try:
        check()
        why = ""
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    print(f"{'FAIL' if why else 'ok  '} {where:<24} {check.__name__} {why}", flush=True)
    return not why


def play(framework, checks):
    """Runs all, and ends the process with how many were wrong."""
    sys.exit([passes(framework, check) for check in checks].count(False))
