"""Pictures of a walk: what was promised beside what came, and the money along the way."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from smart_leverage.domain.sentences import money, percent
from smart_leverage.reports.citing import clipped, ratio_text, signed
from smart_leverage.reports.html.parts import Cell, Chart, Head, Table, left_out
from smart_leverage.reports.html.plot import (
    WIDTH,
    AxisTick,
    Curve,
    Key,
    Panel,
    Path,
    Scale,
    Series,
    area,
    drawn,
    line,
    padded,
)
from smart_leverage.reports.local import LocalTime
from smart_leverage.research.walk_forward.results import Result
from smart_leverage.research.walk_forward.running import WindowDone
from smart_leverage.research.walk_forward.scoring import Score

POINTS_MAX = 1_200
ROWS_MAX = 120
_FINE = 1_000_000
_CENTS = 100


class Axis(NamedTuple):
    """The time axis that all pictures share."""

    zone: LocalTime
    x: Scale
    start_ns: int
    end_ns: int

    @property
    def ticks(self) -> list[AxisTick]:
        """Labels; every second one is left out where the page is narrow."""
        ticks = self.zone.ticks(self.start_ns, self.end_ns)
        return [
            AxisTick(self.x.percent(tick.at_ns), tick.label, "second" if place % 2 else "")
            for place, tick in enumerate(ticks)
        ]


def axis_of(result: Result) -> Axis:
    """Return the axis from the first test mark to the last."""
    start_ns = result.windows[0].curve.at[0]
    end_ns = max(result.windows[-1].curve.at[-1], start_ns + 1)
    x = Scale(start_ns, end_ns, units=WIDTH, flips=False)
    return Axis(LocalTime(result.work.timezone), x, start_ns, end_ns)


def score_text(score: Score, value: float) -> str:
    """Return a score as it is shown."""
    if value != value:
        return "not known"
    return signed(value) if score.is_share else ratio_text(value, 3)


# -- promised and kept ----------------------------------------------------------------------------


def promise_chart(result: Result, axis: Axis) -> Chart:
    """Return, window by window, the score of the choice in-sample and out-of-sample."""
    score = result.score
    keys = [Key("line other", "in-sample"), Key("line main", "out-of-sample")]
    if result.is_tuned:
        keys.append(Key("box spread", "in-sample, from the worst candidate to the best"))
    return Chart(
        id="promise",
        title="In-sample beside out-of-sample",
        caption=(
            f"One step per window, drawn where its test lies. Score: {score.says}. Where the "
            "solid line lies below the dashed one, the choice promised more than it kept."
        ),
        source=f"{len(result.windows)} windows",
        panels=[_promise(result, axis)],
        keys=keys,
        x_ticks=axis.ticks,
        x_title=f"time in {axis.zone.name}",
        table=_scores_table(result),
    )


def _promise(result: Result, axis: Axis) -> Panel:
    done = result.windows
    inside, outside = [each.inside.score for each in done], [each.outside.score for each in done]
    low, high = [_lowest(each) for each in done], [_highest(each) for each in done]
    known = [value for value in (*inside, *outside, *low, *high) if value == value] or [0.0]
    y = padded(min(*known, 0.0), max(*known, 0.0))
    unit = "fraction" if result.score.is_share else "number"
    return Panel(
        title=f"Score: {result.score.name}",
        unit=result.score.says,
        height=260,
        paths=[
            Path("main-area", _boxes(done, low, high, axis.x, y) if result.is_tuned else ""),
            Path("other", _levels(done, inside, axis.x, y)),
            Path("main", _levels(done, outside, axis.x, y)),
        ],
        ticks=y.ticks(lambda value: score_text(result.score, value)),
        zero=y.percent(0.0),
        bands=[],
        marks=[],
        series=[
            _stepped(done, inside, "in-sample", unit, "other"),
            _stepped(done, outside, "out-of-sample", unit, "main"),
        ],
    )


def _lowest(window: WindowDone) -> float:
    return min((score for score in window.inside_scores if score == score), default=float("nan"))


def _highest(window: WindowDone) -> float:
    return max((score for score in window.inside_scores if score == score), default=float("nan"))


def _ends(window: WindowDone, x: Scale) -> tuple[int, int]:
    return x.units(window.curve.at[0]), x.units(window.curve.at[-1])


def _levels(done: Sequence[WindowDone], values: Sequence[float], x: Scale, y: Scale) -> str:
    """Return one level stroke per window; what is not known has none."""
    parts = []
    for window, value in zip(done, values, strict=True):
        if value == value:
            first, last = _ends(window, x)
            parts.append(f"M{first} {y.units(value)}H{last}")
    return "".join(parts)


def _boxes(
    done: Sequence[WindowDone], lows: Sequence[float], highs: Sequence[float], x: Scale, y: Scale
) -> str:
    parts = []
    for window, low, high in zip(done, lows, highs, strict=True):
        if low == low:
            first, last = _ends(window, x)
            parts.append(f"M{first} {y.units(low)}H{last}V{y.units(high)}H{first}z")
    return "".join(parts)


def _stepped(
    done: Sequence[WindowDone], values: Sequence[float], name: str, unit: str, css: str
) -> Series:
    pairs = [(w.curve.at[0], v) for w, v in zip(done, values, strict=True) if v == v]
    curve = Curve([at for at, _ in pairs], [value for _, value in pairs])
    return curve.series(name, unit, css, _FINE, is_step=True)


def _scores_table(result: Result) -> Table:
    score, dates = result.score, result.dates
    rows = [
        (
            str(number),
            f"{dates[each.train[0]]} to {dates[each.train[1] - 1]}",
            *(
                score_text(score, value)
                for value in (
                    each.inside.score,
                    _lowest(each),
                    _highest(each),
                    each.expected,
                    each.outside.score,
                )
            ),
        )
        for number, each in enumerate(result.windows, 1)
    ]
    return Table(
        caption="Scores of each window",
        heads=[
            Head("window", is_number=True),
            Head("trained on"),
            Head("in-sample", is_number=True),
            Head("worst candidate in-sample", is_number=True),
            Head("best candidate in-sample", is_number=True),
            Head("expected by folds", is_number=True),
            Head("out-of-sample", is_number=True),
        ],
        rows=rows[-ROWS_MAX:],
        more=left_out(min(len(rows), ROWS_MAX), len(rows), "the latest ones are shown"),
        note=(
            "Expected by folds: the best outside of each fold, scored in it; the training part's "
            "own estimate of what a choice is worth."
        ),
    )


def windows_table(result: Result) -> Table:
    """Return one row per window: what was chosen, promised and kept."""
    score, dates = result.score, result.dates
    rows = [
        (
            str(number),
            f"{dates[each.test[0]]} to {dates[each.test[1] - 1]}",
            f"{each.chosen + 1}",
            score_text(score, each.inside.score),
            _judged(score, each.outside.score),
            score_text(score, each.plain_outside.score),
            signed(each.outside.growth),
            percent(each.inside.drawdown, 1),
            percent(each.outside.drawdown, 1),
            f"{each.outside.trades:,}",
        )
        for number, each in enumerate(result.windows, 1)
    ]
    return Table(
        caption="Windows",
        heads=[
            Head("window", is_number=True),
            Head("tested on"),
            Head("chosen", is_number=True),
            Head("in-sample score", is_number=True),
            Head("out-of-sample score", is_number=True),
            Head("as it was, out-of-sample", is_number=True),
            Head("growth out-of-sample", is_number=True),
            Head("drawdown in-sample", is_number=True),
            Head("out-of-sample", is_number=True),
            Head("trades", is_number=True),
        ],
        rows=rows[-ROWS_MAX:],
        more=left_out(min(len(rows), ROWS_MAX), len(rows), "the latest ones are shown"),
        note=f"Score: {score.says}. The candidates have their numbers in a table below.",
    )


def _judged(score: Score, value: float) -> Cell:
    css = "" if value != value else ("gain" if value > 0.0 else "loss" if value < 0.0 else "")
    return Cell(score_text(score, value), css)


# -- money ----------------------------------------------------------------------------------------


def equity_chart(result: Result, axis: Axis) -> Chart:
    """Return the test parts set one behind the other, and how far they lay under water."""
    own = _stitched(result, is_plain=False)
    other = _stitched(result, is_plain=True) if result.is_tuned else None
    keys = [Key("line main", "chosen anew in each window" if other else "the policy as it was")]
    if other:
        keys.append(Key("line other", f"{clipped(result.candidates[0].name, 60)}, never changed"))
    first, last = money(Decimal(repr(result.work.setup.cash))), money(Decimal(repr(own.values[-1])))
    return Chart(
        id="equity",
        title="Out-of-sample equity and drawdown",
        caption=(
            f"Test parts one behind the other: {first} became {last}. At each border everything is "
            "sold at its costs, and the next part begins with cash."
        ),
        source=f"{len(own.times):,} marks of {len(result.windows)} test parts",
        panels=[_equity(result, axis, own, other), _underwater(axis, own)],
        keys=keys,
        x_ticks=axis.ticks,
        x_title=f"time in {axis.zone.name}",
        table=_parts_table(result),
    )


def _stitched(result: Result, *, is_plain: bool) -> Curve:
    curves = [each.plain_curve if is_plain else each.curve for each in result.windows]
    return Curve(
        [at for curve in curves for at in curve.at],
        [equity for curve in curves for equity in curve.equity],
    )


def _equity(result: Result, axis: Axis, own: Curve, other: Curve | None) -> Panel:
    shown = [drawn(own.times, own.values, POINTS_MAX)]
    if other is not None:
        shown.append(drawn(other.times, other.values, POINTS_MAX))
    values = [result.work.setup.cash, *(value for curve in shown for value in curve.values)]
    y = padded(min(values), max(values), above=0.12)
    start = y.units(result.work.setup.cash)
    looks = [("main", "chosen"), ("other", "as it was")][: len(shown)]
    return Panel(
        title="Equity",
        unit="US dollars",
        height=260,
        paths=[
            Path("start", line([(0, start), (WIDTH, start)])),
            *(
                Path(css, line(curve.points(axis.x, y)))
                for curve, (css, _) in reversed(list(zip(shown, looks, strict=True)))
            ),
        ],
        ticks=y.ticks(lambda value: money(Decimal(repr(value)), 0)),
        zero=None,
        bands=[],
        marks=[],
        series=[
            curve.series(name, "money", css, _CENTS)
            for curve, (css, name) in zip(shown, looks, strict=True)
        ],
    )


def _underwater(axis: Axis, own: Curve) -> Panel:
    equity = np.array(own.values)
    depths = (equity / np.maximum.accumulate(equity) - 1.0).tolist()
    shown = drawn(own.times, depths, POINTS_MAX)
    y = Scale(min(min(depths) * 1.15, -0.001), 0.0)
    points = shown.points(axis.x, y)
    return Panel(
        title="Underwater",
        unit="% below the best mark so far",
        height=130,
        paths=[Path("fall-area", area(points, 0)), Path("fall", line(points))],
        ticks=y.ticks(lambda value: percent(value, 1), 3),
        zero=0.0,
        bands=[],
        marks=[],
        series=[shown.series("below the high", "fraction", "fall", _FINE)],
    )


def _parts_table(result: Result) -> Table:
    rows = [
        (
            str(number),
            result.dates[each.test[1] - 1],
            money(Decimal(repr(each.outside.equity))),
            money(Decimal(repr(each.outside.switch))),
            money(Decimal(repr(each.plain_outside.equity))),
        )
        for number, each in enumerate(result.windows, 1)
    ]
    return Table(
        caption="Equity at the end of each test part",
        heads=[
            Head("window", is_number=True),
            Head("last day"),
            Head("equity", is_number=True),
            Head("of it spent on leaving", is_number=True),
            Head("as it was", is_number=True),
        ],
        rows=rows[-ROWS_MAX:],
        more=left_out(min(len(rows), ROWS_MAX), len(rows), "the latest ones are shown"),
    )
