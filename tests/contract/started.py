"""Commands in processes of their own, loaded from nothing: for those that start processes too."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.contract.forked import Done, environment

from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import BarSeries

COMMAND = [sys.executable, "-c", "from smart_leverage.cli import main; main()"]
TIMEOUT_S = 550
"""The first command compiles the kernel."""


def started(home: Path, *words: str, **variables: str) -> Done:
    """Run a command in a folder, with more variables of the environment, and wait for its end."""
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=home,
        env=environment() | variables,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def write_bars(folder: Path, series: Iterable[BarSeries]) -> None:
    """Write hourly bars as files that a command finds its instruments by, as BTC-USD.1h.csv."""
    for each in series:
        symbol = each.key.partition(":")[2].replace("/", "-")
        lines = ["ts,open,high,low,close,volume"]
        lines += [
            f"{iso(b.start_ns)},{b.open!r},{b.high!r},{b.low!r},{b.close!r},{b.volume!r}"
            for b in each
        ]
        (folder / f"{symbol}.1h.csv").write_text("\n".join(lines) + "\n")
