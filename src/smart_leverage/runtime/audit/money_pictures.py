"""What an account was worth, with and without the policy, as picture and as table."""

from collections.abc import Sequence

from smart_leverage.domain.sentences import money, percent
from smart_leverage.reports.citing import counted, signed
from smart_leverage.reports.html.money_charts import CENTS, FINE, dollars, share
from smart_leverage.reports.html.parts import Cell, Chart, Head, Table
from smart_leverage.reports.html.plot import Key, Panel, Path, Scale, area, line, padded
from smart_leverage.research.verify.words import share as told
from smart_leverage.runtime.audit.auditing import Audit
from smart_leverage.runtime.audit.axis import WITH, WITHOUT, Axis, Line, lines_of
from smart_leverage.runtime.counterfactual import Course


def equity_chart(of: Audit, axis: Axis) -> Chart | None:
    """Return what the account was worth, with and without the policy; None where nobody knows."""
    lines = lines_of(of)
    if not lines:
        return None
    panels = [_money(each, axis) for each in _panels(of, lines)]
    panels.append(_underwater([each for each in lines if each.css != "start"], axis))
    points = sum(len(each.times) for each in lines)
    return Chart(
        id="equity",
        title="Equity and drawdown",
        caption=_caption(of),
        source=f"{counted(points, 'point')}; {_origin(of)}",
        panels=panels,
        keys=[Key(f"line {each.css}", each.name) for each in lines],
        x_ticks=axis.ticks,
        x_title=axis.title,
        table=_courses_table(of),
        note=axis.note,
    )


def _origin(of: Audit) -> str:
    origin = "equity in the files" if of.is_recorded else ""
    replay = "replays of the orders at a simulated venue" if of.replay is not None else ""
    return " and ".join(each for each in (origin, replay) if each)


def _panels(of: Audit, lines: list[Line]) -> list[list[Line]]:
    """Return which curves share a frame: deposits move the record and not the replays."""
    if not of.gathered.flows or len(lines) < 3:
        return [lines]
    return [lines[:2], lines[2:]]


def _money(lines: list[Line], axis: Axis) -> Panel:
    curves = [axis.curve(each.times, each.values) for each in lines]
    every = [value for each in curves for value in each.values]
    y = padded(min(every), max(every), above=0.12)
    paths = [
        Path(each.css, line(curve.points(axis.x, y)))
        for each, curve in zip(lines, curves, strict=True)
    ]
    return Panel(
        title="Equity" if lines[0].name == WITHOUT else "Equity as recorded",
        unit="US dollars",
        height=250,
        paths=paths[::-1],
        ticks=y.ticks(dollars),
        zero=y.percent(0.0) if y.low < 0.0 < y.high else None,
        bands=[],
        marks=[],
        series=[
            curve.series(each.name, "money", each.css, CENTS)
            for each, curve in zip(lines, curves, strict=True)
        ],
    )


def _underwater(lines: list[Line], axis: Axis) -> Panel:
    kept = [each for each in lines if each.name in (WITHOUT, WITH)] or lines
    curves = [
        axis.curve(each.times, depths)
        for each, depths in ((each, _depths(each.values)) for each in kept)
    ]
    low = min(value for each in curves for value in each.values)
    y = Scale(min(low * 1.15, -0.0005), 0.0)
    points = [each.points(axis.x, y) for each in curves]
    paths = [Path("fall-area", area(points[0], 0)), Path("fall", line(points[0]))]
    paths += [Path("other", line(each)) for each in points[1:]]
    looks = ["fall", "other"]
    return Panel(
        title="Below the best so far",
        unit="% of it; solid without the policy, dashed with it" if len(kept) > 1 else "% of it",
        height=130,
        paths=paths,
        ticks=y.ticks(share, 3),
        zero=0.0,
        bands=[],
        marks=[],
        series=[
            curve.series(each.name, "fraction", css, FINE)
            for each, curve, css in zip(kept, curves, looks, strict=False)
        ],
    )


def _depths(values: Sequence[float]) -> list[float]:
    found, best = [], values[0]
    for value in values:
        best = max(best, value)
        found.append(value / best - 1.0 if best > 0.0 else 0.0)
    return found


def _caption(of: Audit) -> str:
    if of.replay is None:
        return "What the account was worth, as its own record says."
    return (
        "The same orders, twice, at one set of prices: straight to the venue, and through the "
        "policy. Where both lines are one, nothing was held back."
    )


def courses(of: Audit) -> list[list[Cell | str]]:
    """Return a row for each course: equity at first and at the end, change and drawdown."""
    rows: list[list[Cell | str]] = []
    if of.is_recorded and of.worths is not None:
        worths = of.worths
        rows.append(
            [
                "as recorded",
                money(worths.points[0][1]),
                money(worths.points[-1][1]),
                signed(worths.change),
                told(worths.drawdown, 2),
            ]
        )
    if of.replay is None:
        return rows
    alone, governed = of.replay.compared.alone, of.replay.compared.governed
    rows += [_course(WITHOUT, alone), _course(WITH, governed)]
    more = governed.replayed.equity_last - alone.replayed.equity_last
    deeper = governed.drawdown - alone.drawdown
    rows.append(["with it, less without", "", money(more), "", percent(deeper, 2)])
    return rows


def _course(name: str, course: Course) -> list[Cell | str]:
    first, last = course.replayed.equity_first, course.replayed.equity_last
    change = float(last / first) - 1.0 if first > 0 else 0.0
    return [name, money(first), money(last), signed(change), percent(course.drawdown, 2)]


def _courses_table(of: Audit) -> Table:
    return Table(
        caption="Money and drawdown, with and without the policy",
        heads=[
            Head(""),
            Head("equity at first", is_number=True),
            Head("at the end", is_number=True),
            Head("return", is_number=True),
            Head("deepest drawdown", is_number=True),
        ],
        rows=courses(of),
    )


def money_table(of: Audit) -> Table:
    """Return money and drawdown with and without the policy."""
    return _courses_table(of)._replace(source=_origin(of))
