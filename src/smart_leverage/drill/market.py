"""The market of the drill: it stands still until a price is asked for, and notes when it moved."""

import json
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import DAY_NS, SystemClock
from smart_leverage.domain.instruments import Key
from smart_leverage.market.quotes import Quote

WANTED = "prices.json"
MOVES = "moves.jsonl"
SHIFT = "shift"
FIRST = 1


class StageClock:
    """The machine's clock, set to another day; a second process on the folder goes on with it."""

    def __init__(self, folder: Path, shows_ns: int) -> None:
        """Show a time at the first start, and go on from there at every other."""
        self._clock = SystemClock()
        note = folder / SHIFT
        if not note.exists():
            note.write_text(str(shows_ns - self._clock.now_ns()), encoding="ascii")
        self._shift_ns = int(note.read_text(encoding="ascii"))

    def now_ns(self) -> int:
        """Return UTC as nanoseconds since 1970, on that day."""
        return self._clock.now_ns() + self._shift_ns

    def monotonic_ns(self) -> int:
        """Return the machine's monotonic count."""
        return self._clock.monotonic_ns()


class StagedMarket:
    """Quotes the prices that the drill has put into a file, bid and ask alike."""

    def __init__(self, folder: Path, prices: Mapping[str, float], until_ns: int) -> None:
        """Begin with some prices."""
        self._wanted, self._moves = folder / WANTED, folder / MOVES
        self._prices = dict(prices)
        self._until_ns = until_ns + DAY_NS
        self._number, self._noted = FIRST, 0

    @property
    def until_ns(self) -> int:
        """When the market ends: long after the drill."""
        return self._until_ns

    def at(self, at_ns: int) -> list[Quote]:
        """Return the quotes of an instant; what moved is noted before anybody sees it."""
        with suppress(FileNotFoundError):
            number, prices = json.loads(self._wanted.read_bytes())
            if number > self._number:
                self._number = number
                self._prices |= prices
        if self._noted != self._number:
            with self._moves.open("a", encoding="ascii") as file:
                file.write(f"{json.dumps([self._number, at_ns, self._prices])}\n")
            self._noted = self._number
        return [Quote(Key(key), price, price) for key, price in self._prices.items()]

    def closed(self, after_ns: int, until_ns: int) -> Iterator[tuple[Key, Bar]]:
        """Yield nothing: nobody here proposes by bars."""
        return iter(())


class Moves:
    """What everything was worth at a time, as the market noted it."""

    def __init__(self, folder: Path) -> None:
        """Read what was noted so far."""
        self._times: list[int] = []
        self._prices: list[dict[str, float]] = []
        self.number = 0
        with suppress(FileNotFoundError):
            for line in (folder / MOVES).read_text(encoding="ascii").splitlines():
                self.number, at_ns, prices = json.loads(line)
                self._times.append(at_ns)
                self._prices.append(prices)

    def price(self, key: str, at_ns: int) -> Decimal:
        """Return a price in force at an instant; before the first move, that of the first."""
        place = max(bisect_right(self._times, at_ns) - 1, 0)
        return Decimal(repr(self._prices[place][key]))

    def now(self, key: str) -> Decimal:
        """Return the price that was noted last."""
        return Decimal(repr(self._prices[-1][key]))


def move(folder: Path, prices: Mapping[str, float], *, within_s: float) -> bool:
    """Have a market show other prices, and wait until it does.

    Returns:
        Whether it did in time.
    """
    number = Moves(folder).number + 1
    new = folder / f"{WANTED}.new"
    new.write_text(json.dumps([number, dict(prices)]), encoding="ascii")
    new.replace(folder / WANTED)
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if Moves(folder).number >= number:
            return True
        time.sleep(0.02)
    return False
