"""Exposure beside its caps over a period, and which cap was the smallest."""

from collections import Counter

from smart_leverage.domain.records import (
    ExposureMoved,
    Marked,
)
from smart_leverage.domain.sentences import percent
from smart_leverage.reports.citing import clipped
from smart_leverage.reports.html.parts import Head, Table
from smart_leverage.reports.statement.part import Part


def exposure(part: Part) -> Table:
    """Return each group beside its cap: over time, at worst, and at the end."""
    rows = []
    for group in part.groups:
        if group.mean is None:
            continue
        worst = max(group.exposures)
        place = group.exposures.index(worst)
        has_cap = bool(group.caps)
        rows.append(
            (
                group.name,
                percent(group.mean),
                percent(worst),
                part.zone.text(group.times[place]),
                percent(group.caps[place]) if has_cap else "not known",
                "not known" if group.near is None else percent(group.near),
                "not known" if group.above is None else percent(group.above),
                percent(group.exposures[-1]),
                percent(group.caps[-1]) if has_cap else "not known",
            )
        )
    return Table(
        caption="Exposure and caps, of equity",
        heads=[
            Head("group"),
            Head("mean over time", is_number=True),
            Head("at worst", is_number=True),
            Head("when"),
            Head("cap then", is_number=True),
            Head("time at 90 % of it", is_number=True),
            Head("time above it", is_number=True),
            Head("at the end", is_number=True),
            Head("cap at the end", is_number=True),
        ],
        rows=rows,
        source=part.source(Marked, "mark"),
        empty="not known: no time passed between two marks",
        note="a cap bounds orders; prices can move what is held above it",
    )


def binding(part: Part) -> Table:
    """Return which named cap was the smallest, and for how long, by sleeve."""
    before: dict[str, ExposureMoved] = {}
    for each in part.story.exposures:
        if each.at_ns < part.start_ns:
            before[each.sleeve] = each
    moves = [*before.values(), *part.records(ExposureMoved)]
    held: Counter[tuple[str, str]] = Counter()
    last: dict[str, ExposureMoved] = {}
    for name in dict.fromkeys(each.sleeve for each in moves):
        own = [each for each in moves if each.sleeve == name]
        ends = [*(each.at_ns for each in own[1:]), part.end_ns]
        for each, end_ns in zip(own, ends, strict=True):
            held[name, each.binding] += max(end_ns - max(each.at_ns, part.start_ns), 0)
        last[name] = own[-1]
    total = max(part.end_ns - part.start_ns, 1)
    rows = [
        (
            clipped(name, 24),
            clipped(cap, 24),
            percent(lasted / total),
            percent(last[name].after) if last[name].binding == cap else "",
        )
        for (name, cap), lasted in sorted(held.items(), key=lambda pair: (pair[0][0], -pair[1]))
    ]
    return Table(
        caption="Which named cap was the smallest",
        heads=[
            Head("sleeve"),
            Head("cap"),
            Head("of the time", is_number=True),
            Head("exposure in force at the end", is_number=True),
        ],
        rows=rows,
        source=part.source(ExposureMoved, "move of exposure", "moves of exposure"),
        empty="the tier's caps alone: this policy earns no exposure beside them",
    )
