"""Equity with flows, halts and tier changes, and below it how far the account was under water."""

from bisect import bisect_right
from decimal import Decimal

from smart_leverage.domain.records import FlowSeen, Marked, TierGranted
from smart_leverage.domain.sentences import TIERS, money, percent
from smart_leverage.reports.citing import cited, clipped, counted, events, signed, signed_money
from smart_leverage.reports.html.parts import Chart, Head, Table, left_out
from smart_leverage.reports.html.plot import (
    Band,
    Curve,
    Key,
    Mark,
    Panel,
    Path,
    Scale,
    area,
    drawn,
    line,
    merged,
    padded,
)
from smart_leverage.reports.html.scene import FIRST_STATE, Scene
from smart_leverage.reports.thinning import thinned

CENTS = 100
FINE = 1_000_000
_DAYS_LISTED = 62
"""Up to so many days are listed one by one; longer runs are listed by month."""


def equity_chart(scene: Scene) -> Chart:
    """Return equity, NAV where flows make it differ, and the underwater curve."""
    panels = []
    if scene.story.marks:
        panels = [_equity(scene), *([_nav(scene)] if scene.story.flows else []), _underwater(scene)]
    return Chart(
        id="equity",
        title="Equity and drawdown",
        caption=_caption(scene),
        source=cited(scene.places(Marked), "mark"),
        panels=panels,
        keys=_keys(scene) if panels else [],
        x_ticks=scene.x_ticks,
        x_title=scene.x_title,
        table=_table(scene),
        note=_note(scene),
    )


def dollars(value: float) -> str:
    """Return money for an axis."""
    return money(Decimal(repr(value)), 0 if abs(value) >= 100 else 2)


def share(value: float) -> str:
    """Return a fraction for an axis, with as many places as it needs."""
    places = next((each for each in range(3) if abs(round(value, each + 2) - value) < 1e-9), 3)
    return percent(value, places)


# -- panels ---------------------------------------------------------------------------------------


def _equity(scene: Scene) -> Panel:
    curve, points = scene.curve, scene.bounds.points
    own = drawn(curve.times, curve.equities, points)
    lows, highs = [min(curve.equities)], [max(curve.equities)]
    other = _compared(scene)
    if other is not None and other.values:
        lows.append(min(other.values))
        highs.append(max(other.values))
    y = padded(min(lows), max(highs), above=0.12)
    paths = [
        Path("start", line([(0, y.units(curve.equities[0])), (2000, y.units(curve.equities[0]))]))
    ]
    series = [own.series("equity", "money", "main", CENTS)]
    if other is not None:
        paths.append(Path("other", line(other.points(scene.x, y))))
        series.append(other.series(clipped(_other_name(scene), 40), "money", "other", CENTS))
    paths.append(Path("main", line(own.points(scene.x, y))))
    return Panel(
        title="Equity",
        unit="US dollars",
        height=260,
        paths=paths,
        ticks=y.ticks(dollars),
        zero=y.percent(0.0) if y.low < 0.0 < y.high else None,
        bands=state_bands(scene),
        marks=[*_flows(scene, y), *_tier_marks(scene)],
        series=series,
    )


def _nav(scene: Scene) -> Panel:
    curve = scene.curve
    own = drawn(curve.times, curve.navs, scene.bounds.points)
    y = padded(min(curve.navs), max(curve.navs))
    return Panel(
        title="NAV, flows taken out",
        unit="value of one unit",
        height=150,
        paths=[
            Path("start", line([(0, y.units(1.0)), (2000, y.units(1.0))])),
            Path("main", line(own.points(scene.x, y))),
        ],
        ticks=y.ticks(lambda value: f"{value:.4g}", 3),
        zero=None,
        bands=state_bands(scene),
        marks=[],
        series=[own.series("NAV", "number", "main", FINE)],
    )


def _underwater(scene: Scene) -> Panel:
    curve = scene.curve
    depths = curve.depths
    own = drawn(curve.times, depths, scene.bounds.points)
    y = Scale(min(min(depths) * 1.15, -0.001), 0.0)
    points = own.points(scene.x, y)
    return Panel(
        title="Underwater",
        unit="% below the high-water mark of the NAV",
        height=130,
        paths=[Path("fall-area", area(points, 0)), Path("fall", line(points))],
        ticks=y.ticks(share, 3),
        zero=0.0,
        bands=[],
        marks=[],
        series=[own.series("below the high", "fraction", "fall", FINE)],
    )


def state_bands(scene: Scene) -> list[Band]:
    """Return the stretches in which the account was not active."""
    bands = [
        Band(
            scene.x.percent(span.start_ns),
            max(scene.x.percent(span.end_ns) - scene.x.percent(span.start_ns), 0.15),
            f"state-{state_css(span.name)}",
            span.name.upper(),
            f"{span.name.upper()} from {scene.zone.text(span.start_ns)}: {clipped(span.why)}",
        )
        for span in scene.states
    ]
    return [each for each in merged(bands, scene.bounds.marks) if each.css != "state-active"]


def state_css(name: str) -> str:
    """Return the look of a state; one of a newer version looks like the strictest."""
    return name if name in ("active", "reducing", "halted", "frozen") else "frozen"


def _flows(scene: Scene, y: Scale) -> list[Mark]:
    found = []
    for flow in scene.story.flows[: scene.bounds.marks]:
        index = max(bisect_right(scene.curve.times, flow.at_ns) - 1, 0)
        word = "deposit" if flow.amount > 0 else "withdrawal"
        found.append(
            Mark(
                "flow-in" if flow.amount > 0 else "flow-out",
                scene.x.percent(flow.at_ns),
                y.percent(scene.curve.equities[index]),
                f"{word} {money(abs(flow.amount))}, {scene.zone.text(flow.at_ns)}",
            )
        )
    return found


def _tier_marks(scene: Scene) -> list[Mark]:
    return [
        Mark(
            "tier-up" if each.why == "rise" else "tier-down",
            scene.x.percent(each.at_ns),
            100.0,
            f"tier {TIERS.get(each.before, each.before)} → {TIERS.get(each.after, each.after)}, "
            f"{scene.zone.text(each.at_ns)}",
        )
        for each in scene.story.tiers[: scene.bounds.marks]
    ]


def _compared(scene: Scene) -> Curve | None:
    """Return the comparison inside the run's time, cut down for drawing."""
    if scene.baseline is None:
        return None
    pairs = sorted(
        (at_ns, float(equity))
        for at_ns, equity in scene.baseline.points
        if scene.start_ns <= at_ns <= scene.end_ns
    )
    times, values = [at_ns for at_ns, _ in pairs], [equity for _, equity in pairs]
    kept = thinned(times, values, scene.bounds.points)
    return Curve([times[index] for index in kept], [values[index] for index in kept])


# -- words ----------------------------------------------------------------------------------------


def _other_name(scene: Scene) -> str:
    return scene.baseline.name if scene.baseline is not None else ""


def _keys(scene: Scene) -> list[Key]:
    keys = [Key("line main", "equity"), Key("line start", "opening equity")]
    if scene.baseline is not None:
        keys.append(Key("line other", clipped(_other_name(scene))))
    if any(flow.amount > 0 for flow in scene.story.flows):
        keys.append(Key("use flow-in", "deposit"))
    if any(flow.amount < 0 for flow in scene.story.flows):
        keys.append(Key("use flow-out", "withdrawal"))
    if any(change.why == "rise" for change in scene.story.tiers):
        keys.append(Key("use tier-up", "tier rises"))
    if any(change.why != "rise" for change in scene.story.tiers):
        keys.append(Key("use tier-down", "tier falls"))
    names = dict.fromkeys(span.name for span in scene.states if span.name != FIRST_STATE)
    keys += [Key(f"box state-{state_css(name)}", name) for name in names]
    return keys


def _caption(scene: Scene) -> str:
    curve, deepest = scene.curve, scene.curve.deepest
    if not scene.story.marks:
        return "The account was never valued, so there is nothing to draw."
    first, last = (money(Decimal(repr(each))) for each in (curve.equities[0], curve.equities[-1]))
    text = (
        f"Equity went from {first} to {last}; one unit invested changed by {signed(curve.total)}."
    )
    if deepest is None:
        return f"{text} It was never below a high."
    low = scene.zone.text(deepest.low_ns)
    text += f" The deepest fall, {percent(deepest.depth, 2)}, reached its low on {low}"
    if deepest.end_ns is None:
        return f"{text} and had not recovered at the end."
    return f"{text} and had recovered on {scene.zone.text(deepest.end_ns)}."


def _note(scene: Scene) -> str:
    flows = scene.story.flows
    parts = []
    if flows:
        total = sum((flow.amount for flow in flows), Decimal(0))
        places = events(scene.places(FlowSeen))
        parts.append(f"{counted(len(flows), 'flow')} of {signed_money(total)} in all, {places}.")
    if scene.story.tiers:
        places = events(scene.places(TierGranted))
        parts.append(f"Changes of tier are ticks on the axis, {places}.")
    if scene.baseline is not None:
        parts.append(
            f"“{clipped(_other_name(scene))}” comes from another run, not from this ledger."
        )
        other = _compared(scene)
        if other is not None and other.values:
            parts.append(f"It ended at {money(Decimal(repr(other.values[-1])))}.")
        else:
            parts.append("It has no point in this time.")
    return " ".join(parts)


def _table(scene: Scene) -> Table:
    is_daily = len(scene.curve.days) <= _DAYS_LISTED
    noun = "risk day" if is_daily else "risk month"
    periods = scene.curve.days if is_daily else scene.curve.months
    lasts = _last_equities(scene, is_daily=is_daily)
    depths = _deepest_by(scene, is_daily=is_daily)
    rows = [
        (
            each.label,
            money(Decimal(repr(lasts[each.label]))),
            f"{each.nav:.6f}",
            signed(each.change),
            percent(depths[each.label], 2),
        )
        for each in periods[-scene.bounds.rows :]
    ]
    return Table(
        caption=f"Equity by {noun}",
        heads=[
            Head(noun),
            Head("equity at its end", is_number=True),
            Head("NAV", is_number=True),
            Head("return", is_number=True),
            Head("deepest drawdown in it", is_number=True),
        ],
        rows=rows,
        source=cited(scene.places(Marked), "mark"),
        empty="no mark: the account was never valued",
        more=left_out(len(rows), len(periods), "the latest ones are shown"),
    )


def _label_of(scene: Scene, at_ns: int, *, is_daily: bool) -> str:
    calendar = scene.story.calendar
    return calendar.day_of(at_ns) if is_daily else calendar.month_of(at_ns)


def _last_equities(scene: Scene, *, is_daily: bool) -> dict[str, float]:
    curve = scene.curve
    return {
        _label_of(scene, at_ns, is_daily=is_daily): equity
        for at_ns, equity in zip(curve.times[1:], curve.equities[1:], strict=True)
    }


def _deepest_by(scene: Scene, *, is_daily: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    curve = scene.curve
    for at_ns, depth in zip(curve.times[1:], curve.depths[1:], strict=True):
        label = _label_of(scene, at_ns, is_daily=is_daily)
        found[label] = max(found.get(label, 0.0), -depth)
    return found
