"""Measures our kernel beside other backtesters that hold the same policy as far as they can.

    python benchmarks/peers [ROUNDS [--write]]

Every peer is a process of its own in its own environment (`make bench-peers` sets them up), and in
each of the ROUNDS (default 3) all take their turn, ours among them, since others may share the
machine; medians are shown. All are given the same bars and the same signals. A peer that is slow is
given fewer hours: costs are per bar of one coin. `--write` renews table and chart of
docs/performance.md. The last line is one JSON object; `benchmarks/README.md` says what its keys
mean. Exit code 1: a peer could not be run, or disagrees with our kernel where both do the same.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from page import write
from preparing import FREE, PLAIN, prepare

from smart_leverage.research.kernel import run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SETS = 200
LONG, SHORT = 25_000, 2_500
"""Hours of fourteen coins: for those that take seconds, and for those that would take minutes."""

AGREES_WITHIN = 1e-6
"""Relative difference of final equities where tiers, sizing, caps and proof are all there is."""


class Peer(NamedTuple):
    """A program here, the environment that runs it, and how many hours it is given."""

    program: str
    environment: str
    hours: int


PEERS = (
    Peer("with_vectorbt.py", "peers", LONG),
    Peer("plain.py", "peers", LONG),
    Peer("with_raptorbt.py", "peers", LONG),
    Peer("with_backtesting.py", "peers", SHORT),
    Peer("with_nautilus.py", "peers-nautilus", SHORT),
    Peer("with_backtrader.py", "peers", SHORT),
)


def lines(command: Sequence[str]) -> list[dict[str, Any]]:
    """Run a program; return the objects that it printed, one a line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TQDM_DISABLE": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=1_800
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command[1:]))} failed:\n{done.stderr[-2_000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def told(peer: Peer, folder: Path) -> list[dict[str, Any]]:
    """Run a peer on a case."""
    python = ROOT / ".tools" / peer.environment / "bin" / "python"
    return lines([str(python), str(HERE / peer.program), str(folder)])


def agreement(folder: Path) -> dict[str, float]:
    """Return by how much peers end apart from our kernel where both can say everything."""
    prepared = prepare(folder, SHORT, PLAIN, FREE)
    ended = run(prepared.columns, prepared.signals, PLAIN, FREE, record=False)
    ours = float(ended.metrics.equity[0])
    checked = [each for each in PEERS if each.program in ("with_vectorbt.py", "plain.py")]
    apart = {"ours_equity": ours}
    for each in checked:
        one = told(each, folder)[0]
        apart[one["peer"]] = one["final_equity"] / ours - 1.0
    return apart


def rounds_of(rounds: int, folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Let all take turns; return what peers said, and the medians of ours."""
    ours: list[dict[str, Any]] = []
    theirs: dict[str, list[dict[str, Any]]] = {}
    for number in range(rounds):
        ours += lines([sys.executable, str(HERE / "ours.py"), str(LONG), str(SETS)])
        for peer in PEERS:
            for one in told(peer, folder / str(peer.hours)):
                one["ns"] = one["cpu_s"] / one["asset_bars"] * 1e9
                theirs.setdefault(one["peer"], []).append(one)
                print(f"round {number + 1}: {one['peer']:18} {one['ns']:12,.1f} ns", flush=True)
    peers = [each[0] | {"ns": median(one["ns"] for one in each)} for each in theirs.values()]
    kept = {key: median(one[key] for one in ours) for key in ours[0] if ours[0][key] is not None}
    return peers, kept


def main(rounds: int, *, is_written: bool) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        apart = agreement(folder / "plain")
        ended: dict[str, float] = {}
        for hours in (LONG, SHORT):
            made = prepare(folder / str(hours), hours)
            one = run(made.columns, made.signals, made.policy, made.setup, record=False)
            ended[str(made.columns.bars)] = float(one.metrics.equity[0])
        peers, ours = rounds_of(rounds, folder)
    figures = {
        "single_ns": ours["single_ns"],
        "sweep_ns": ours["sweep_ns"],
        "c_ns": ours.get("c_ns"),
        "vectorbt_ns": next(one["ns"] for one in peers if one["peer"] == "vectorbt"),
        "ours": ours,
        "sets": SETS,
        "rounds": rounds,
        "ours_equity": ended,
        "apart": apart,
        "peers": peers,
    }
    if is_written:
        write(figures, ROOT / "docs")
    print(json.dumps(figures))
    worst = max(abs(apart[name]) for name in apart if name != "ours_equity")
    return 1 if worst > AGREES_WITHIN else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    sys.exit(main(numbers[0] if numbers else 3, is_written="--write" in sys.argv))
