"""Halts an account under load, again and again, and measures what left after the click.

    python benchmarks/gateway/halting.py PORT FOLDER STAMPS [--trials 200] [--seconds 60]

FOLDER is the account's, for the socket through which an admin resumes; STAMPS is what `proxy.py`
writes. A trial waits until purchases flow, clicks at a random moment, waits for the answer and then
until nothing more can come, and resumes. The click is the moment before the first byte of the
request; `after_click_…` is how long after it the last purchase began to leave, and 0 when none
did. The last line is one JSON object. Keys: LOAD_KEY_ID, LOAD_SECRET, LOAD_ADMIN.
"""

import argparse
import json
import os
import random
import socket
import time
from pathlib import Path
from typing import NamedTuple

QUIET_S = 0.06
"""So long after an answer is waited for purchases that leave all the same."""

FLOW_WITHIN_S = 2.0
FLOWING = 3
"""So many purchases must have left since the resume before a halt counts as one under load."""


class Trial(NamedTuple):
    """One halt, milliseconds after the click; `late` counts purchases after the answer."""

    answered: float
    last: float
    late: int


class Stamps:
    """Reads what the proxy notes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")

    def take(self) -> list[int]:
        """Return the times that were noted since the last call."""
        return [int(line.split()[0]) for line in self._file.read().splitlines()]


class Clicker:
    """A person's connection to the gateway, kept open."""

    def __init__(self, port: int, key_id: str, secret: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b'{"reason":"a halt under load"}'
        self._request = (
            f"POST /sl/v1/halt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"APCA-API-KEY-ID: {key_id}\r\nAPCA-API-SECRET-KEY: {secret}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def halt(self) -> tuple[int, int]:
        """Halt; return when the click was and when the answer was there."""
        click = time.monotonic_ns()
        self._socket.sendall(self._request)
        said = b""
        while b"\r\n\r\n" not in said or not said.rstrip().endswith(b"}"):
            part = self._socket.recv(65_536)
            if not part:
                raise ConnectionError("the gateway hung up")
            said += part
        answered = time.monotonic_ns()
        if b" 200 " not in said[:16]:
            raise RuntimeError(f"not halted: {said!r}")
        return click, answered


def resume(folder: Path, token: str) -> None:
    """Let an admin resume the account."""
    request = {"command": "resume", "who": "bench", "reason": "the next trial", "token": token}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(15.0)
        connection.connect(str(folder / "control.sock"))
        connection.sendall(json.dumps(request).encode() + b"\n")
        said = b""
        while not said.endswith(b"\n"):
            said += connection.recv(65_536)
    answer = json.loads(said)
    if answer["result"] != "done":
        raise RuntimeError(f"not resumed: {answer}")


def flows(stamps: Stamps) -> bool:
    """Wait until purchases leave; False when none does for too long."""
    count, until = 0, time.monotonic() + FLOW_WITHIN_S
    while count < FLOWING and time.monotonic() < until:
        count += len(stamps.take())
        time.sleep(0.002)
    return count >= FLOWING


def trial(clicker: Clicker, stamps: Stamps) -> Trial:
    """Halt once, under load."""
    stamps.take()
    click, answered = clicker.halt()
    time.sleep(QUIET_S)
    seen = stamps.take()
    last = max((at for at in seen if at > click), default=click)
    return Trial(
        answered=(answered - click) / 1e6,
        last=(last - click) / 1e6,
        late=sum(at > answered for at in seen),
    )


def _quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(max(-int(-q * len(ordered) // 1) - 1, 0), len(ordered) - 1)], 3)


def main() -> None:
    """Make the trials and print what they came to."""
    parser = argparse.ArgumentParser(description="Halt an account under load.")
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("stamps", type=Path)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0, help="make fewer trials after this")
    asked = parser.parse_args()
    clicker = Clicker(asked.port, os.environ["LOAD_KEY_ID"], os.environ["LOAD_SECRET"])
    stamps, draw, made, without = Stamps(asked.stamps), random.Random(1), list[Trial](), 0
    until = time.monotonic() + asked.seconds
    while len(made) < asked.trials and time.monotonic() < until:
        if flows(stamps):
            time.sleep(draw.random() * 0.02)
            made.append(trial(clicker, stamps))
        else:
            without += 1
            clicker.halt()
        resume(asked.folder, os.environ["LOAD_ADMIN"])
    if not made:
        raise SystemExit("no purchase left; nothing was measured")
    last, answered = [one.last for one in made], [one.answered for one in made]
    figures = {
        "halt_trials": len(made),
        "halt_trials_without_flow": without,
        "halt_p50_ms": _quantile(last, 0.5),
        "halt_p99_ms": _quantile(last, 0.99),
        "halt_p999_ms": _quantile(last, 0.999),
        "halt_max_ms": _quantile(last, 1.0),
        "halt_answered_p50_ms": _quantile(answered, 0.5),
        "halt_answered_p999_ms": _quantile(answered, 0.999),
        "increases_after_the_answer": sum(one.late for one in made),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
