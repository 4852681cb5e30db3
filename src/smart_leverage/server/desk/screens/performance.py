"""How it has gone: months as a heat map, days as a histogram, bands of tier and state, trades."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.trades import Trade
from smart_leverage.domain.bots import Seat
from smart_leverage.engine.state import State
from smart_leverage.server.desk.screens.history import History, Moment, Span

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SHADES = (0.005, 0.02, 0.05)
"""Edges of the shades, fractions; a change below the first stays plain."""

_EDGES = (-0.03, -0.02, -0.01, -0.005, 0.0, 0.005, 0.01, 0.02, 0.03)
_BINS = tuple(zip((None, *_EDGES), (*_EDGES, None), strict=True))
TRADES = 40


class Cell(NamedTuple):
    """One month, or one year: None where there was none."""

    change: float | None

    @property
    def shade(self) -> str:
        """The class of its colour, which repeats sign and number."""
        if self.change is None:
            return "none"
        strength = sum(abs(self.change) >= edge for edge in _SHADES)
        return f"{'up' if self.change > 0 else 'down'}-{strength}" if strength else "flat"


class Year(NamedTuple):
    """A row of the heat map; the last cell is the year."""

    label: str
    cells: list[Cell]


def compounded(history: History) -> list[Year]:
    """Return months of NAV over NAV; the year multiplies them."""
    return _years({span.label: span.change for span in history.months}, _product)


def simple(history: History) -> list[Year]:
    """Return months as sums of their days; the year adds them."""
    found: dict[str, float] = {}
    for day in history.days:
        found[day.label[:7]] = found.get(day.label[:7], 0.0) + day.change
    return _years(found, sum)


def _years(months: Mapping[str, float], total: Callable[[Sequence[float]], float]) -> list[Year]:
    rows = []
    for label in sorted({month[:4] for month in months}):
        changes = [months.get(f"{label}-{number:02d}") for number in range(1, 13)]
        known = [change for change in changes if change is not None]
        rows.append(Year(label, [*map(Cell, changes), Cell(total(known))]))
    return rows


def _product(changes: Sequence[float]) -> float:
    value = 1.0
    for change in changes:
        value *= 1.0 + change
    return value - 1.0


class Bin(NamedTuple):
    """Days whose return lies between two edges."""

    label: str
    days: int
    height: str
    """Of a hundred, the highest bin being all of it."""
    is_loss: bool


def distribution(days: Sequence[Span]) -> list[Bin]:
    """Return how many days brought how much; empty without a whole day."""
    changes = [day.change for day in days[:-1]]
    if not changes:
        return []
    counts = [sum(_is_in(change, *edges) for change in changes) for edges in _BINS]
    return [
        Bin(
            label=_between(low, high),
            days=days,
            height=f"{100 * days / max(counts):.1f}",
            is_loss=high is not None and high <= 0,
        )
        for (low, high), days in zip(_BINS, counts, strict=True)
    ]


def _is_in(change: float, low: float | None, high: float | None) -> bool:
    return (low is None or change >= low) and (high is None or change < high)


def _between(low: float | None, high: float | None) -> str:
    def shown(edge: float) -> str:
        return f"{edge * 100:+.1f}".replace("-", "−").replace("+0.0", "0")

    if low is None:
        return f"below {shown(high or 0.0)}"
    return f"{shown(low)} and more" if high is None else f"{shown(low)} to {shown(high)}"


class Band(NamedTuple):
    """A stretch of time in one tier or state; places are per cent of the whole."""

    word: str
    begin_ns: int
    why: str
    x: str
    width: str

    @property
    def is_wide(self) -> bool:
        """Whether its word fits into it."""
        return float(self.width) >= 12.0


def bands(moments: Sequence[Moment], first: str, begin_ns: int, end_ns: int) -> list[Band]:
    """Return the stretches between changes, from the opening to now.

    Args:
        moments: Changes, oldest first.
        first: What held before the first of them.
        begin_ns: The opening.
        end_ns: Now.
    """
    changes = [Moment(begin_ns, first, "the opening"), *moments]
    whole, found = max(end_ns - begin_ns, 1), list[Band]()
    for place, moment in enumerate(changes):
        until = changes[place + 1].at_ns if place + 1 < len(changes) else end_ns
        x, width = (moment.at_ns - begin_ns) / whole * 100, (until - moment.at_ns) / whole * 100
        if width > 0 or not found:
            found.append(
                Band(moment.what, moment.at_ns, moment.why, f"{x:.2f}", f"{max(width, 0.0):.2f}")
            )
    return found


def trades(state: State) -> list[Trade]:
    """Return the last trades that were closed, newest first."""
    return sorted(state.book.trades(), key=lambda trade: trade.rank, reverse=True)[:TRADES]


class Bot(NamedTuple):
    """A bot with its keys, its holdings and its record, with and without what we closed for it."""

    name: str
    keys: list[Seat]
    share: Decimal | None
    holds: list[tuple[str, Decimal]]
    closed: int
    win_rate: Decimal | None
    payoff: Decimal | None
    net: Decimal
    forced: int
    """Closings that the house forced."""


def bots(state: State) -> list[Bot]:
    """Return every bot that has or had a key or holds something, by name."""
    names = {seat.bot for seat in state.seats.values()}
    for key in state.book.keys:
        names |= {bot for bot, qty in state.book.quantities(key).items() if qty}
    return [_bot(state, name) for name in sorted(names)]


def _bot(state: State, name: str) -> Bot:
    record = state.book.bot_record(name)
    keys = [seat for seat in state.seats.values() if seat.bot == name]
    shares = [seat.share for seat in keys if not seat.is_revoked]
    known = [share for share in shares if share is not None]
    held = ((key, state.book.bot_qty(name, key)) for key in state.book.keys)
    return Bot(
        name=name,
        keys=keys,
        share=max(known) if known and len(known) == len(shares) else None,
        holds=[(key, qty) for key, qty in held if qty],
        closed=record.capping.closed,
        win_rate=record.capping.win_rate,
        payoff=record.capping.payoff_ratio,
        net=record.with_forced.net,
        forced=record.with_forced.closed - record.without_forced.closed,
    )
