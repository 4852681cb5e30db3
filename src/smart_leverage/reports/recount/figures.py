"""Every figure of a statement, counted from the facts of a journal."""

import math
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from smart_leverage.reports.recount.facts import ZERO, Facts, Flow, Mark
from smart_leverage.reports.recount.matching import Trade, trades

TARGET = 0.05
"""What a month is meant to bring; written here once more, since this is a recount."""

DAY_NS = 86_400 * 10**9

Value = Fraction | float | None
"""A figure; None where it is not known."""


class _Placed(Protocol):
    @property
    def seq(self) -> int: ...


T = TypeVar("T", bound=_Placed)


class Span(NamedTuple):
    """A period, `start_ns` to before `end_ns`, and the entries that were written in it."""

    kind: str
    start_ns: int
    end_ns: int
    first: int
    last: int


class Recount:
    """The figures of any period of one journal."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._navs = _navs(facts)
        self._highs = list(accumulate(self._navs, max, initial=1.0))
        self._trades = trades(facts.changes)
        self._valued = [each for each in facts.marks if each.equity > 0]

    def span(self, kind: str, label: str) -> Span:
        """Return the period of a label, "2026-11-24", "2026-W48" or "2026-11".

        Raises:
            ValueError: It is no label of this kind.
        """
        first, after = _days(kind, label)
        zone, facts = ZoneInfo(self._facts.zone), self._facts
        start, end = (int(datetime(*_ymd(day), tzinfo=zone).timestamp()) for day in (first, after))
        start_ns, end_ns = start * 10**9, end * 10**9
        opening = 1 if facts.opened_ns >= start_ns else bisect_left(facts.times, start_ns) + 1
        return Span(kind, start_ns, end_ns, opening, bisect_left(facts.times, end_ns))

    def figures(self, span: Span) -> dict[str, Value]:
        """Return them by code."""
        return {
            **self._money(span),
            **self._exposures(span),
            **self._orders(span),
            **self._costs(span),
            **self._record(span),
        }

    # -- money ------------------------------------------------------------------------------------

    def _money(self, span: Span) -> dict[str, Value]:
        opening, flows = self._equity(span.first - 1), self._came(span.first, span.last)
        found: dict[str, Value] = {"equity_open": opening, "flows": flows}
        first = bisect_left(self._facts.marks, span.first, key=_seq)
        after = bisect_right(self._facts.marks, span.last, key=_seq)
        if first == after:
            names = ("equity_close", "result", "return", "target", "drawdown", "drawdown_worst")
            return {**found, **dict.fromkeys(names)}
        close = self._equity(span.last)
        before = self._navs[first - 1] if first else 1.0
        change = self._navs[after - 1] / before - 1.0 if before > 0.0 else None
        # The highest of everything up to each mark: the first of the list is the opening.
        depths = [1.0 - self._navs[i] / self._highs[i + 1] for i in range(first, after)]
        return {
            **found,
            "equity_close": close,
            "result": close - opening - flows,
            "return": change,
            "target": None if change is None else change - self._pace(span),
            "drawdown": depths[-1],
            "drawdown_worst": max(depths),
        }

    def _equity(self, seq: int) -> Fraction:
        """Return the equity of the last valuation up to an entry, and what came in since."""
        place = bisect_right(self._facts.marks, seq, key=_seq)
        last = self._facts.marks[place - 1] if place else None
        base, since = (self._facts.opening_equity, 0) if last is None else (last.equity, last.seq)
        return base + self._came(since + 1, seq)

    def _came(self, first: int, last: int) -> Fraction:
        return sum((each.amount for each in _inside(self._facts.flows, first, last)), ZERO)

    def _lasted(self, span: Span) -> tuple[int, int]:
        start = max(span.start_ns, self._facts.opened_ns)
        is_over = self._facts.at_ns >= span.end_ns
        return start, max(span.end_ns if is_over else self._facts.at_ns, start)

    def _pace(self, span: Span) -> float:
        """Return what an even pace to the target makes in the time that the period lasted."""
        start, end = self._lasted(span)
        is_whole = self._facts.opened_ns <= span.start_ns and self._facts.at_ns >= span.end_ns
        if span.kind == "month" and is_whole:
            return TARGET
        last = datetime.fromtimestamp(max(end - 1, start) // 10**9, UTC)
        here = last.astimezone(ZoneInfo(self._facts.zone))
        days = monthrange(here.year, here.month)[1]
        return math.pow(1.0 + TARGET, (end - start) / DAY_NS / days) - 1.0

    # -- exposure ---------------------------------------------------------------------------------

    def _exposures(self, span: Span) -> dict[str, Value]:
        start, end = self._lasted(span)
        first, last = (bisect_left(self._valued, ns, key=_at) for ns in (start, span.end_ns))
        held = self._valued[max(first - 1, 0) : last]
        edges = [max(each.at_ns, start) for each in held] + ([end] if held else [])
        time = edges[-1] - edges[0] if edges else 0
        return {
            f"exposure_{name}": _mean(held, name, edges) if time > 0 else None
            for name in ("crypto", "leveraged", "gross")
        }

    # -- orders -----------------------------------------------------------------------------------

    def _orders(self, span: Span) -> dict[str, Value]:
        asked = _inside(self._facts.asked, span.first, span.last)
        counts = Counter(each.verdict for each in asked)
        start, _ = self._lasted(span)
        refused = sum(start <= at_ns < span.end_ns for at_ns in self._facts.refused_ns)
        verdicts = ("approved", "cut", "denied", "observed", "warned")
        return {**{each: float(counts[each]) for each in verdicts}, "rejected": float(refused)}

    def _costs(self, span: Span) -> dict[str, Value]:
        inside = _inside(self._facts.executed, span.first, span.last)
        slipped = [each.slipped for each in inside if each.slipped is not None]
        return {
            "fills": float(len(inside)),
            "traded": sum((each.qty * each.price for each in inside), ZERO),
            "fees": sum((each.fee for each in inside), ZERO),
            "slippage": sum(slipped, ZERO) if slipped else None,
        }

    def _record(self, span: Span) -> dict[str, Value]:
        first, after = (bisect_left(self._trades, (ns,)) for ns in (span.start_ns, span.end_ns))
        inside = self._trades[first:after]
        wins, losses = _counting(inside, 1), _counting(inside, -1)
        closed = len(wins) + len(losses)
        return {
            "realised": sum((each.net for each in inside), ZERO),
            "win_rate": len(wins) / closed if closed else None,
            "profit_factor": sum(wins, ZERO) / sum(losses, ZERO) if losses else None,
        }


def _counting(inside: Sequence[Trade], sign: int) -> list[Fraction]:
    """Return the results of the trades that won, or what those lost that lost."""
    return [each.net * sign for each in inside if not each.is_scratch and each.net * sign > 0]


def _inside(found: Sequence[T], first: int, last: int) -> Sequence[T]:
    return found[bisect_left(found, first, key=_seq) : bisect_right(found, last, key=_seq)]


def _mean(held: Sequence[Mark], name: str, edges: Sequence[int]) -> float:
    """Return exposure over equity, each valuation counting until the next one."""
    pairs = zip(held, pairwise(edges), strict=True)
    areas = (
        float(mark.exposures[name] / mark.equity) * (after - before)
        for mark, (before, after) in pairs
    )
    return math.fsum(areas) / (edges[-1] - edges[0])


def _navs(facts: Facts) -> list[float]:
    """Return what one unit of the opening is worth at each mark; flows buy and sell units."""
    navs: list[float] = []
    equity, units, idle, is_begun = float(facts.opening_equity), 0.0, 0.0, False
    moves: list[Mark | Flow] = sorted([*facts.marks, *facts.flows], key=_seq)
    for move in moves:
        if not is_begun and equity > 0.0:
            is_begun, units = True, equity
        if isinstance(move, Mark):
            equity = float(move.equity)
            if not is_begun and equity > 0.0:
                is_begun, units = True, equity
            navs.append(equity / units if units else idle if is_begun else 1.0)
            continue
        after = equity + float(move.amount)
        if units and equity > 0.0 and after > 0.0:
            units *= after / equity
        elif units:  # everything went, or nothing was left that could grow again
            idle, units = max(equity / units, 0.0), 0.0
        elif idle > 0.0 and after > 0.0:
            units = after / idle
        equity = after
    return navs


def _days(kind: str, label: str) -> tuple[date, date]:
    """Return the first day of a period and the one after its last."""
    if kind == "day":
        first = date.fromisoformat(label)
        return first, first + timedelta(days=1)
    if kind == "week":
        year, _, week = label.partition("-W")
        first = date.fromisocalendar(int(year), int(week), 1)
        return first, first + timedelta(days=7)
    first = date.fromisoformat(f"{label}-01")
    return first, first + timedelta(days=monthrange(first.year, first.month)[1])


def _ymd(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _seq(placed: _Placed) -> int:
    return placed.seq


def _at(mark: Mark) -> int:
    return mark.at_ns
