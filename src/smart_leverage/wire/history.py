"""What an account was worth over time: as it is asked for, and as the wire shows it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from smart_leverage.domain.clock import DAY_NS, MINUTE_NS, SECOND_NS
from smart_leverage.wire.errors import invalid
from smart_leverage.wire.reading import Query

POINTS_MAX = 10_000

_STEPS = {
    "1Min": MINUTE_NS,
    "5Min": 5 * MINUTE_NS,
    "15Min": 15 * MINUTE_NS,
    "1H": 60 * MINUTE_NS,
    "1D": DAY_NS,
}
_UNITS = {"D": 1, "W": 7, "M": 30, "A": 365}

_NAMES = (
    "period", "timeframe", "intraday_reporting", "start", "end", "date_start", "date_end",
    "pnl_reset", "extended_hours", "cashflow_types",
)  # fmt: skip


class HistoryRequest(NamedTuple):
    """From when to when, UTC, both included, and one point for each step."""

    start_ns: int
    end_ns: int
    step_ns: int
    timeframe: str


def history_request(query: Query, now_ns: int) -> HistoryRequest:
    """Return what is asked for.

    Raises:
        WireError: 422, a period or a timeframe is none.
    """
    query.only(*_NAMES)
    end_ns = query.moment("end") or query.moment("date_end") or now_ns
    start_ns = query.moment("start") or query.moment("date_start")
    if start_ns is None:
        start_ns = end_ns - _period_ns(query.text("period") or "1M")
    timeframe = query.text("timeframe") or _usual(end_ns - start_ns)
    if timeframe not in _STEPS:
        raise invalid(f"timeframe must be one of {', '.join(_STEPS)}")
    step_ns = max(_STEPS[timeframe], (end_ns - start_ns) // POINTS_MAX)
    return HistoryRequest(start_ns, end_ns, step_ns, timeframe)


def history_json(points: Sequence[tuple[int, Decimal]], timeframe: str) -> dict[str, Any]:
    """Return the object of a history: instants with the equity at each, oldest first."""
    base = points[0][1] if points else Decimal(0)
    gains = [equity - base for _, equity in points]
    return {
        "timestamp": [at_ns // SECOND_NS for at_ns, _ in points],
        "equity": [float(equity) for _, equity in points],
        "profit_loss": [float(gain) for gain in gains],
        "profit_loss_pct": [float(gain / base) if base else 0.0 for gain in gains],
        "base_value": float(base),
        "base_value_asof": None,
        "timeframe": timeframe,
        "cashflow": {},
    }


def _period_ns(text: str) -> int:
    count, unit = text[:-1], text[-1:].upper()
    if unit not in _UNITS or not (count.isascii() and count.isdigit() and len(count) <= 4):
        raise invalid("period must be a number and D, W, M or A, as in 1M")
    return int(count) * _UNITS[unit] * DAY_NS


def _usual(span_ns: int) -> str:
    if span_ns < 7 * DAY_NS:
        return "1Min"
    return "15Min" if span_ns < 30 * DAY_NS else "1D"
