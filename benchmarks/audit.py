"""Measures how long the audit of a past takes, from the command to its page, phase by phase.

The past is made up: prices that wander at random, executions of four coins and four shares over
three years, the same for the same number. What the command does is done in its order, and what it
says on the way ends a phase; imports count where they first happen. The last line is one JSON
object; beyond a minute the program ends with 1.

    python benchmarks/audit.py [ORDERS]
"""

import csv
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import exp, sqrt
from pathlib import Path

from smart_leverage.cli.audited import Beginning, audit_of, read_past
from smart_leverage.cli.importing import asked_of
from smart_leverage.cli.screen import Screen

EQUITY = "40000"
YEARS = 3
AT_MOST_S = 60.0
"""A user's past is to be audited within a minute."""

COINS = {"BTC/USD": (30000.0, 0.6), "ETH/USD": (2000.0, 0.8), "SOL/USD": (60.0, 1.0),
         "DOGE/USD": (0.1, 1.1)}  # fmt: skip
SHARES = {"AAPL": (150.0, 0.3), "SPY": (400.0, 0.2), "TQQQ": (50.0, 0.6), "KO": (60.0, 0.2)}
"""Price at first and volatility a year."""

PHASES = {"reading": "reading", "replaying": "replaying", "skill or luck": "luck",
          "the target": "target", "the page": "page"}  # fmt: skip
"""What the command says when a phase begins, and how the phase is called here."""


class Clock(Screen):
    """Takes the time whenever something is said."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()
        self._phase = ""

    def note(self, text: str) -> None:
        """End the phase before and begin this one."""
        now = time.monotonic()
        if self._phase:
            self.seconds[self._phase] = now - self._since
            print(f"{self._phase:10} {self.seconds[self._phase]:7.1f} s", flush=True)
        self._phase, self._since = PHASES.get(text, ""), now

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Begin a phase that counts."""
        self.note(what)
        return super().progress(what)


def executions(number: int, seed: int = 7) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield rows of a table of executions; nothing is sold that was not bought."""
    rng, assets = random.Random(seed), COINS | SHARES
    prices = {symbol: price for symbol, (price, _) in assets.items()}
    held = dict.fromkeys(assets, 0)  # ten-thousandths of a unit
    at, step = datetime(2021, 1, 4, 15, tzinfo=UTC), timedelta(days=YEARS * 365) / number
    for row in range(number):
        at += step * rng.uniform(0.5, 1.5)
        for symbol, (_, volatility) in assets.items():
            prices[symbol] *= exp(rng.gauss(0.0, volatility * sqrt(YEARS / number)))
        is_open = at.weekday() < 5 and 15 <= at.hour < 20
        symbol = rng.choice([*assets] if is_open else [*COINS])
        units, price = held[symbol], prices[symbol]
        if not units or (rng.random() < 0.3 and units * price < 15000e4):
            side, moved = "buy", max(round(rng.uniform(500, 4000) / price * 1e4), 1)
            held[symbol] += moved
        else:
            side, moved = "sell", units if rng.random() < 0.7 else max(units // 2, 1)
            held[symbol] -= moved
        yield f"x{row}", at.isoformat(), symbol, side, f"{moved / 1e4:.4f}", f"{price:.6f}"


def write_past(to: Path, number: int) -> None:
    """Write the table."""
    with to.open("w", newline="", encoding="utf-8") as text:
        table = csv.writer(text)
        table.writerow(("id", "time", "symbol", "side", "qty", "price"))
        table.writerows(executions(number))


def timed(orders: int, folder: Path) -> dict[str, float]:
    """Audit a past of so many orders in a folder; return the seconds of each phase."""
    past = folder / "orders.csv"
    write_past(past, orders)
    os.chdir(folder)
    begins = Beginning(equity=EQUITY, hold=[], coins=None, bars=[])
    asked = asked_of(None, None, "", counts_unknown=True)
    clock = Clock()
    clock.note("reading")
    found = read_past([past], asked)
    of, run = audit_of(clock, found, begins, (0.05, 0.08), asked, "timed")
    clock.note("the page")
    from smart_leverage.runtime.audit.page import write_page

    write_page(of, run / "audit.html", command="python benchmarks/audit.py")
    clock.note("")
    return clock.seconds


def main() -> None:
    """Audit, and print the seconds of each phase."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        begun, cpu = time.monotonic(), time.process_time()
        seconds = timed(orders, Path(folder))
        wall, cpu = time.monotonic() - begun, time.process_time() - cpu
        os.chdir(home)
    figures = {f"{phase}_s": round(spent, 2) for phase, spent in seconds.items()}
    print(f"{'all':10} {wall:7.1f} s, at most {AT_MOST_S:g}; CPU {cpu:.1f} s")
    print(
        json.dumps({"orders": orders, **figures, "wall_s": round(wall, 2), "cpu_s": round(cpu, 2)})
    )
    if wall > AT_MOST_S:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
