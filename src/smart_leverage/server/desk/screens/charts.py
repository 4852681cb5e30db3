"""Series for the charts: at most two thousand points each, as JSON, CSV and table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.stamps import second
from smart_leverage.reports.thinning import POINTS_MAX, thinned
from smart_leverage.server.desk.screens.history import Columns, History, Moment

ROWS_MAX = 60
"""Rows of a table beside a chart; the CSV has every point that is kept."""

RANGES: Mapping[str, int] = {"1d": DAY_NS, "1w": 7 * DAY_NS, "1m": 31 * DAY_NS}

_HALTED = ("halted", "frozen")


class Line(NamedTuple):
    """One line of a chart; `unit` is money or fraction, a step line holds until its next point."""

    label: str
    unit: str
    of: Callable[[Columns], Sequence[float]]
    is_step: bool = False


def _share(of: Callable[[Columns], Sequence[float]]) -> Callable[[Columns], Sequence[float]]:
    """Return a column of money as a share of equity."""

    def shares(columns: Columns) -> list[float]:
        return [
            value / equity if equity > 0 else 0.0
            for value, equity in zip(of(columns), columns.equity, strict=True)
        ]

    return shares


CHARTS: Mapping[str, tuple[Line, ...]] = {
    "equity": (Line("equity", "money", lambda one: one.equity),),
    "underwater": (
        Line("below the best", "fraction", lambda one: [-value for value in one.drawdown]),
    ),
    "exposure": (
        Line("crypto", "fraction", _share(lambda one: one.crypto)),
        Line("cap", "fraction", lambda one: one.crypto_cap, is_step=True),
    ),
    "leveraged": (
        Line("crypto and leveraged", "fraction", _share(lambda one: one.leveraged)),
        Line("cap", "fraction", lambda one: one.leveraged_cap, is_step=True),
    ),
}
"""By name; the first line of a chart decides which points are kept."""


class Chart(NamedTuple):
    """One chart as it is drawn."""

    lines: tuple[Line, ...]
    at_ns: list[int]
    values: list[list[float]]


def chart(history: History, name: str, span: str = "all", points: int = POINTS_MAX) -> Chart:
    """Return a chart; a span that is not known is all of it.

    Args:
        history: Of the account.
        name: A key of `CHARTS`.
        span: 1d, 1w, 1m, ytd or all, counted back from the last mark.
        points: Most points of each series.
    """
    lines, columns = CHARTS[name], _since(history.columns, span)
    values = [line.of(columns) for line in lines]
    kept = thinned(columns.at_ns, values[0], points)
    return Chart(
        lines,
        [columns.at_ns[place] for place in kept],
        [[each[place] for place in kept] for each in values],
    )


def _since(columns: Columns, span: str) -> Columns:
    if not columns.at_ns:
        return columns
    last_ns = columns.at_ns[-1]
    if span == "ytd":
        year = datetime.fromtimestamp(last_ns // SECOND_NS, UTC).year
        begin_ns = int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * SECOND_NS
    elif span in RANGES:
        begin_ns = last_ns - RANGES[span]
    else:
        return columns
    first = next(place for place, at_ns in enumerate(columns.at_ns) if at_ns >= begin_ns)
    return Columns._make(column[first:] for column in columns)


def fields(history: History, name: str, span: str) -> dict[str, Any]:
    """Return a chart as the page draws it: times in seconds, moments beside the series."""
    made = chart(history, name, span)
    begin_ns = made.at_ns[0] if made.at_ns else 0
    return {
        "zone": history.zone,
        "times": [at_ns / SECOND_NS for at_ns in made.at_ns],
        "series": [
            {
                "label": line.label,
                "unit": line.unit,
                "step": line.is_step,
                "values": [round(value, 6) for value in values],
            }
            for line, values in zip(made.lines, made.values, strict=True)
        ],
        "halts": [
            [max(low, begin_ns) / SECOND_NS, high / SECOND_NS]
            for low, high in halts(history)
            if high > begin_ns
        ],
        "tiers": [[each.at_ns / SECOND_NS, each.what] for each in _after(history.tiers, begin_ns)],
        "flows": [
            [each.at_ns / SECOND_NS, each.amount] for each in _after(history.flows, begin_ns)
        ],
    }


def last(history: History) -> dict[str, Any] | None:
    """Return the last point of every chart; None before there is one."""
    if not history.columns.at_ns:
        return None
    end = Columns._make(column[-1:] for column in history.columns)
    return {
        "time": end.at_ns[0] / SECOND_NS,
        "charts": {
            name: [round(line.of(end)[0], 6) for line in lines] for name, lines in CHARTS.items()
        },
    }


def csv(history: History, name: str) -> str:
    """Return every point that is kept, plain numbers, times in UTC."""
    columns, lines = history.columns, CHARTS[name]
    values = [line.of(columns) for line in lines]
    head = ",".join(("time", *(f"{line.label.replace(' ', '_')}" for line in lines)))
    rows = (
        ",".join((second(at_ns), *(f"{each[place]:.6f}" for each in values)))
        for place, at_ns in enumerate(columns.at_ns)
    )
    return "\n".join((head, *rows, ""))


def halts(history: History) -> Iterator[tuple[int, int]]:
    """Yield from when to when nothing could be added, halted or frozen."""
    began = 0
    for moment in history.states:
        if moment.what in _HALTED:
            began = began or moment.at_ns
        elif began:
            yield began, moment.at_ns
            began = 0
    if began:
        end_ns = history.columns.at_ns[-1] if history.columns.at_ns else began
        yield began, max(end_ns, began)


def _after(moments: Sequence[Moment], begin_ns: int) -> list[Moment]:
    return [moment for moment in moments if moment.at_ns >= begin_ns]
