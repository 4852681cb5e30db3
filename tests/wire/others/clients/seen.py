"""What a script saw of the gateway: step by step, told as one JSON object in its last line.

It runs in the environment of a client, so it may need nothing but Python itself.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

WITHIN_S = 10.0


class Seen:
    """Collects what each step returned or raised; a step that fails ends nothing."""

    def __init__(self) -> None:
        self.steps: dict[str, Any] = {}

    def step(self, name: str, act: Callable[[], Any]) -> Any:
        """Do one thing under a name; return what it returned, None where it raised."""
        try:
            value = act()
        except Exception as error:  # noqa: BLE001 - whatever it raises is what was seen
            self.steps[name] = {"error": told(error)}
            return None
        self.steps[name] = {"value": plain(value)}
        return value

    def all(self, *acts: Callable[[], Any]) -> None:
        """Do them all, and tell what was seen also where one of them stopped the others."""
        self.step("all", lambda: [act() for act in acts] and None)
        self.tell()

    def tell(self) -> None:
        sys.stdout.write("\n" + json.dumps(self.steps) + "\n")
        sys.stdout.flush()


def told(error: Exception) -> dict[str, Any]:
    """Return an error as its classes, the most special first, its text and its code."""
    kinds = [kind.__name__ for kind in type(error).__mro__[:-2]]
    code = status = None
    for_code = getattr(error, "code", None)
    if isinstance(for_code, int):
        code = for_code
    for_status = getattr(error, "status_code", None)
    if isinstance(for_status, int):
        status = for_status
    return {"kinds": kinds, "text": str(error), "code": code, "status": status}


def plain(value: Any) -> Any:
    """Return something that JSON can hold."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    raw = getattr(value, "_raw", None)
    return plain(raw) if isinstance(raw, (dict, list)) else str(value)


def until(read: Callable[[], Any]) -> Any:
    """Return what is read once it is something; the embedded market moves every second."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        if found := read():
            return found
        time.sleep(0.05)
    raise TimeoutError(f"not within {WITHIN_S} s")
