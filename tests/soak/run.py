"""Loads an account for a long time and looks whether anything grows: `make soak SECONDS=2700`.

    python -m tests.soak.run SECONDS [--rate 100] [--connections 8] [--lives 1]

The account is started as a user starts it, with its own venue and desk, and bots send so many
orders a second, small ones of which most pass and large ones that are denied. With a rate of 0 each
connection sends its next order when the last one was answered. With several lives the process that
trades is killed at the end of each and started again on the same ledger; it is judged on its own.
Every second the system is asked what each process uses. What was used at first, once all was warm,
is compared with what is used in the end:

- open files and threads: no more than a handful beyond the most of the beginning;
- memory: hardly anything for each order, because of what lies far back only names are kept, in a
  few bytes each, beside an allowance for the allocator and for what the first orders fill; the
  venue is a broker and keeps them all;
- latency: the slow ones take no more than twice as long, beside an allowance.

The last line is one JSON object. Ends with 1 if something grew, or nothing was ordered.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tests.soak.processes import Use, descendants, role_of, use_of
from tests.wire import serving
from tests.wire.serving import Served, gateway

from smart_leverage.runtime.venue_process import PID

LOAD = Path(__file__).parents[2] / "benchmarks" / "gateway" / "load.py"
CASH = "10000000"
SETTINGS = "[server]\nrequests_per_s = 1000000\nrequests_burst = 1000000\nsimilar_max = 1000000\n"
RATE = 100.0
WARM = 0.25
"""So much of the time everything may still grow: pools fill, the first pages are read."""

PART = 0.25
"""Of the time after that, the first and the last part are compared."""

SLICES = 12
FILES_MORE = 6
THREADS_MORE = 4
RSS_KIB_EACH = 0.1
"""For every order that was sent: the digests of its name and of its executions."""

RSS_KIB_EACH_FILLING = 3.0
FILLING = 150_000
"""With so many orders a process fills what it remembers of the last ones; then it is full."""

RSS_KIB_EACH_AT_VENUE = 6.0

RSS_KIB_MORE = 24 * 1024
SLOWER = 2.0
SLOWER_MS = 20.0

START_WITHIN_S = 600.0
"""A long journal is read from its beginning, beside whatever else the machine does."""


class Sample(NamedTuple):
    """What every process used at a moment, by its role."""

    at_s: float
    uses: dict[str, Use]


class Slice(NamedTuple):
    """What came of the orders of one span of time."""

    at_s: float
    orders: int
    approved: int
    unanswered: int
    p50_ms: float
    p99_ms: float


class Soak:
    """Samples while loads follow each other."""

    def __init__(
        self, served: Served, seconds: float, rate: float = RATE, connections: int = 8
    ) -> None:
        self._served, self._seconds, self._rate = served, seconds, rate
        self._connections = connections
        self.samples: list[Sample] = []
        self.slices: list[Slice] = []
        self._began = time.monotonic()

    def run(self) -> None:
        """Load, one span after the other, and look on."""
        each = self._seconds / SLICES
        for number in range(SLICES):
            loading = self._load(each, number)
            while loading.poll() is None:
                self._sample()
                time.sleep(1.0)
            said, _ = loading.communicate()
            if loading.returncode:
                raise RuntimeError(f"the load ended with {loading.returncode}")
            self._take(json.loads(said.splitlines()[-1]))

    def _load(self, seconds: float, seed: int) -> "subprocess.Popen[str]":
        key_id, secret = self._served.keys["bot"]
        port = self._served.url.rsplit(":", 1)[1]
        command = [
            sys.executable,
            str(LOAD),
            port,
            "--seconds",
            f"{seconds:g}",
            "--seed",
            str(seed),
        ]
        command += ["--rate", f"{self._rate:g}", "--connections", str(self._connections)]
        keys = {**os.environ, "LOAD_KEY_ID": key_id, "LOAD_SECRET": secret}
        return subprocess.Popen(command, env=keys, stdout=subprocess.PIPE, text=True)

    def _sample(self) -> None:
        uses: dict[str, Use] = {}
        # The venue outlives whoever started it, as a broker does.
        venue = int((self._served.folder / PID).read_text())
        for pid in {*descendants(self._served.process.pid), venue}:
            use, role = use_of(pid), role_of(pid)
            if use is not None and role not in ("", "helper"):
                uses[role if role not in uses else f"{role} {pid}"] = use
        self.samples.append(Sample(time.monotonic() - self._began, uses))

    def _take(self, told: dict[str, Any]) -> None:
        self.slices.append(
            Slice(
                time.monotonic() - self._began, told["orders"], told["approved"],
                told["unanswered"], told["p50_ms"], told["p99_ms"],
            )
        )  # fmt: skip


def parts(soak: Soak) -> tuple[list[Sample], list[Sample], int, int]:
    """Return the first and the last samples that are compared, and the orders before both."""
    whole = soak.samples[-1].at_s
    begin, end = whole * WARM, whole
    span = (end - begin) * PART
    first = [each for each in soak.samples if begin <= each.at_s <= begin + span]
    last = [each for each in soak.samples if each.at_s >= end - span]
    rate = sum(each.orders for each in soak.slices) / whole
    return first, last, int(rate * begin), int(rate * (end - span))


def bound_kib(role: str, before: int, after: int) -> float:
    """Return by how much the memory of a process may grow from so many orders to so many."""
    if role == "venue":
        return RSS_KIB_MORE + RSS_KIB_EACH_AT_VENUE * (after - before)
    filling = max(min(after, FILLING) - before, 0)
    more = RSS_KIB_EACH_FILLING * filling + RSS_KIB_EACH * (after - before - filling)
    return RSS_KIB_MORE + more


def judged(soak: Soak) -> tuple[dict[str, Any], list[str]]:
    """Return the figures and what grew beyond its bound."""
    first, last, begun, ended = parts(soak)
    orders = ended - begun
    figures: dict[str, Any] = {}
    grown: list[str] = []
    for role in sorted(set(first[0].uses) & set(last[-1].uses)):
        before = [each.uses[role] for each in first if role in each.uses]
        after = [each.uses[role] for each in last if role in each.uses]
        rss = [round(median(use.rss_kib for use in uses)) for uses in (before, after)]
        files = [max(use.files for use in uses) for uses in (before, after)]
        threads = [max(use.threads for use in uses) for uses in (before, after)]
        each_kib = (rss[1] - rss[0]) / max(orders, 1)
        figures[role] = {
            "rss_mib": [round(kib / 1024, 1) for kib in rss],
            "rss_kib_per_order": round(each_kib, 3),
            "files": files,
            "threads": threads,
        }
        if rss[1] - rss[0] > bound_kib(role, begun, ended):
            grown.append(f"memory of {role}: {rss[0]:,} to {rss[1]:,} KiB over {orders:,} orders")
        if files[1] > files[0] + FILES_MORE:
            grown.append(f"open files of {role}: {files[0]} to {files[1]}")
        if threads[1] > threads[0] + THREADS_MORE:
            grown.append(f"threads of {role}: {threads[0]} to {threads[1]}")
    slow = [
        median(each.p99_ms for each in some)
        for some in (soak.slices[SLICES // 4 : SLICES // 2], soak.slices[-SLICES // 4 :])
    ]
    figures["p99_ms"] = [round(each, 1) for each in slow]
    if slow[1] > slow[0] * SLOWER + SLOWER_MS:
        grown.append(f"latency: p99 from {slow[0]:.1f} to {slow[1]:.1f} ms")
    return figures, grown


def told(soak: Soak) -> None:
    """Print a line for each span of time, and one for each process."""
    print(f"{'until s':>8} {'orders':>8} {'passed':>7} {'lost':>5} {'p50 ms':>8} {'p99 ms':>8}")
    for each in soak.slices:
        print(
            f"{each.at_s:8.0f} {each.orders:8,} {each.approved:7,} {each.unanswered:5} "
            f"{each.p50_ms:8.1f} {each.p99_ms:8.1f}"
        )


def live(
    place: Path, asked: argparse.Namespace, *, before: Served | None, is_killed: bool
) -> tuple[Served, dict[str, Any], float]:
    """Load an account for one life; return it, its figures, and how long it took to begin."""
    began_s = time.monotonic()
    with gateway(place, settings=SETTINGS, options=["--cash", CASH], before=before) as served:
        started_s = time.monotonic() - began_s
        soak = Soak(served, asked.seconds / asked.lives, asked.rate, asked.connections)
        soak.run()
        if is_killed:
            served.process.kill()
    told(soak)
    figures, grown = judged(soak)
    for role, each in figures.items():
        print(f"{role:8} {json.dumps(each)}")
    for growth in grown:
        print(f"grown: {growth}", file=sys.stderr)
    sums = {
        "seconds": round(soak.samples[-1].at_s),
        "samples": len(soak.samples),
        "orders": sum(each.orders for each in soak.slices),
        "approved": sum(each.approved for each in soak.slices),
        "unanswered": sum(each.unanswered for each in soak.slices),
        "grown": grown,
        **figures,
    }
    return served, sums, started_s


def main(arguments: Sequence[str]) -> int:
    """Live as often as asked, and print what came of it."""
    parser = argparse.ArgumentParser(description="Load an account for a long time.")
    parser.add_argument("seconds", type=float, nargs="?", default=300.0)
    parser.add_argument("--rate", type=float, default=RATE, help="orders a second, 0: closed loop")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--lives", type=int, default=1, help="killed and started again between")
    asked = parser.parse_args(arguments)
    serving.START_WITHIN_S = START_WITHIN_S
    lives: list[dict[str, Any]] = []
    served: Served | None = None
    with tempfile.TemporaryDirectory() as place:
        for number in range(asked.lives):
            is_killed = number + 1 < asked.lives
            served, sums, started_s = live(Path(place), asked, before=served, is_killed=is_killed)
            lives.append(sums)
            orders = sum(each["orders"] for each in lives[:-1])
            print(f"life {number + 1}: began in {started_s:.1f} s with {orders:,} orders behind it")
    print(json.dumps(lives[-1] | {"lives": len(lives), **_in_all(lives)}))
    is_idle = any(not each["approved"] or "venue" not in each for each in lives)
    return 1 if is_idle or any(each["grown"] or each["unanswered"] for each in lives) else 0


def _in_all(lives: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {
        name: sum(each[name] for each in lives) for name in ("orders", "approved", "unanswered")
    }
    return {**sums, "grown": [growth for each in lives for growth in each["grown"]]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
