"""How accounts went, as pictures: equity of several, and what one held beside its cap."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl

from smart_leverage.research.sweep import svg

POINTS_MAX = 800
"""So many points a line has at most; a picture has no more columns of pixels."""

_BOX = svg.Box(right=880)
_COLOURS = ("#2f6db3", "#b3430f", "#2e8b57", "#8a4fa3", "#8c6d1f")
_DASHES = ("", "7 4", "2 3", "9 3 2 3", "1 5")
_DAY_S = 86_400.0


class _Line(NamedTuple):
    name: str
    seconds: list[float]
    values: list[float]


def equity_picture(curves: Mapping[str, pl.DataFrame]) -> str:
    """Return the equity of accounts over the same time, as a picture.

    Args:
        curves: A name to the curve of an account, as `Backtest.curve`; one to five.

    Returns:
        A whole file of SVG.

    Raises:
        ValueError: There are none, or more than can be told apart.
    """
    if not 1 <= len(curves) <= len(_COLOURS):
        raise ValueError(f"{len(curves)} curves: give one to {len(_COLOURS)}")
    lines = [_line(name, curve, pl.col("equity")) for name, curve in curves.items()]
    ends = ", ".join(f"{line.name} {line.values[-1]:,.0f}" for line in lines)
    return _drawn("equity", f"at the end: {ends}", lines, unit="account currency")


def exposure_picture(curve: pl.DataFrame) -> str:
    """Return what an account held in crypto beside the cap in force, as a picture.

    Args:
        curve: Of an account, as `Backtest.curve`.

    Returns:
        A whole file of SVG, in per cent of equity.
    """
    held = pl.col("crypto") / pl.col("equity") * 100.0
    lines = [_line("held", curve, held), _line("cap", curve, pl.col("cap_crypto") * 100.0)]
    over = curve.select((pl.col("crypto") > pl.col("cap_crypto") * pl.col("equity")).mean()).item()
    return _drawn(
        "held in crypto, beside the cap in force",
        f"{over:.1%} of the time above the cap: entries stop at it, sales begin above a band",
        lines,
        unit="% of equity",
        floor=0.0,
    )


def _line(name: str, curve: pl.DataFrame, value: pl.Expr) -> _Line:
    """Return a thinned line: of each stretch the value that lies furthest from its beginning."""
    table = curve.select(at=pl.col("at").cast(pl.Int64) / 1e9, value=value)
    size = -(-len(table) // (POINTS_MAX // 2))
    if size > 1:
        stretch = (pl.int_range(pl.len()) // size).alias("stretch")
        far = (pl.col("value") - pl.col("value").first()).abs().arg_max()
        grouped = table.group_by(stretch, maintain_order=True)
        ends = grouped.agg(pl.all().last())
        table = pl.concat([grouped.agg(pl.all().get(far)), ends]).sort("at").select("at", "value")
    return _Line(name, table["at"].to_list(), table["value"].to_list())


def _drawn(
    title: str, subtitle: str, lines: Sequence[_Line], *, unit: str, floor: float | None = None
) -> str:
    values = [value for line in lines for value in line.values]
    low = min(values) if floor is None else floor
    air = (max(values) - low) * 0.04 or 1.0
    y = _BOX.y(low - (air if floor is None else 0.0), max(values) + air)
    begin = min(line.seconds[0] for line in lines)
    end = max(line.seconds[-1] for line in lines)
    x = _BOX.x(begin, max(end, begin + 1.0))
    parts = [*_dates(x, begin, end), *svg.axis_y(_BOX, y, unit)]
    for place, line in enumerate(lines):
        look = f'fill="none" stroke="{_COLOURS[place]}" stroke-width="1.8"'
        if _DASHES[place]:
            look += f' stroke-dasharray="{_DASHES[place]}"'
        points = zip(line.seconds, line.values, strict=True)
        parts.append(svg.path([(x.at(at), y.at(value)) for at, value in points], look))
        left = _BOX.left + 170 * place
        parts.append(svg.path([(left, _BOX.bottom + 50), (left + 28, _BOX.bottom + 50)], look))
        parts.append(svg.text(left + 36, _BOX.bottom + 54, line.name))
    return svg.page(title, subtitle, parts)


def _dates(x: svg.Span, begin: float, end: float) -> list[str]:
    """Return the axis of time."""
    parts = [svg.path([(_BOX.left, _BOX.bottom), (_BOX.right, _BOX.bottom)], 'class="line"')]
    for moment, label in _ticks(begin, end):
        at = x.at(moment.timestamp())
        parts.append(svg.path([(at, _BOX.bottom), (at, _BOX.bottom + 5)], 'class="line"'))
        parts.append(svg.text(at, _BOX.bottom + 22, label, css="soft", anchor="middle"))
    return parts


def _ticks(begin: float, end: float) -> Iterator[tuple[datetime, str]]:
    """Yield at most eight first days of months, or midnights where there are few months."""
    days = math.ceil((end - begin) / _DAY_S)
    first = datetime.fromtimestamp(begin, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if days <= 120:
        for each in range(0, days + 1, max(1, -(-days // 7))):
            moment = first + timedelta(days=each)
            if begin <= moment.timestamp() <= end:
                yield moment, f"{moment.day} {moment:%b}"
        return
    step = next(each for each in (1, 2, 3, 6, 12, 24, 60, 120, 10**6) if days / 30.5 / each <= 8)
    month = (first.month - 1) // min(step, 12) * min(step, 12)
    while True:
        moment = first.replace(year=first.year + month // 12, month=month % 12 + 1, day=1)
        if moment.timestamp() > end:
            return
        if moment.timestamp() >= begin:
            yield moment, f"{moment:%b %Y}"
        month += step
