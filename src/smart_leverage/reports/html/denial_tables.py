"""Tables of what was asked and denied: by verdict, by reason, by bot, and the largest."""

from collections import Counter
from collections.abc import Sequence
from heapq import nsmallest

from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.domain.sentences import (
    VERDICTS,
    money,
    percent,
    sentence,
    short,
)
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.citing import (
    cited,
    clipped,
    events,
)
from smart_leverage.reports.html.parts import Cell, Head, Table, left_out
from smart_leverage.reports.html.scene import Scene
from smart_leverage.reports.trading import Sum, summed

LARGEST = 10
"""So many of the largest denied orders, and of the deepest falls, are shown."""


def verdicts_table(scene: Scene) -> Table:
    """Return how many decisions ended how, bots and house apart."""
    rows = []
    bots = [each.verdict for each in scene.story.decisions if each.source != "house"]
    house = [each.verdict for each in scene.story.decisions if each.source == "house"]
    for who, verdicts in (("bots and signals", bots), ("the house itself", house)):
        for name, count in Counter(verdicts).most_common():
            said = VERDICTS[name].line if name in VERDICTS else ""
            bar = Cell(percent(count / len(verdicts)), "bar", count / len(verdicts) * 100.0)
            rows.append((who, clipped(name, 24), f"{count:,}", bar, said))
    return Table(
        caption="Decisions by verdict",
        heads=[
            Head("asked by"),
            Head("verdict"),
            Head("decisions", is_number=True),
            Head("share"),
            Head("meaning", wraps=True),
        ],
        rows=rows,
        source=cited(scene.places(Decided), "decision"),
        empty="nothing was asked",
    )


def reasons_table(scene: Scene) -> Table:
    """Return denials by reason as bars."""
    lines = scene.by_reason
    return _bars(scene, "Denials by reason", "reason", lines, [short(line.name) for line in lines])


def bots_table(scene: Scene) -> Table:
    """Return denials by bot as bars."""
    lines = summed((each.bot for _, each in scene.denials), scene.refused)
    return _bars(scene, "Denials by bot", "bot", lines, [line.name for line in lines])


def _bars(
    scene: Scene, caption: str, noun: str, lines: Sequence[Sum], names: Sequence[str]
) -> Table:
    most = max((line.decisions for line in lines), default=1)
    total = sum(line.decisions for line in lines) or 1
    rows = [
        (
            clipped(name, 28),
            Cell(f"{line.decisions:,}", "number"),
            Cell(percent(line.decisions / total), "bar", line.decisions / most * 100.0),
            money(line.refused, 0),
        )
        for line, name in zip(lines, names, strict=True)
    ][: scene.bounds.rows]
    return Table(
        caption=caption,
        heads=[
            Head(noun),
            Head("denied", is_number=True),
            Head("share"),
            Head("value refused", is_number=True),
        ],
        rows=rows,
        source=events([seq for seq, _ in scene.denials]),
        empty="nothing was denied",
        more=left_out(len(rows), len(lines), "the most frequent ones are shown"),
    )


def largest_table(scene: Scene) -> Table:
    """Return the largest denied orders, each with the sentence of its reason."""
    found = scene.denials
    triples = zip(scene.refused, found, strict=True)
    ranked = nsmallest(LARGEST, triples, key=lambda triple: (-triple[0], triple[1][0]))
    rows = [
        (
            scene.zone.text(each.at_ns),
            clipped(each.bot, 24),
            f"{each.side} {clipped(symbol_of(each.key), 24)}",
            money(value, 0),
            clipped(
                sentence(
                    each.reason,
                    each.unit,
                    each.bound,
                    each.would_be,
                    is_sale=each.side is Side.SELL,
                ),
                160,
            ),
            f"event {seq:,}",
        )
        for value, (seq, each) in ranked
    ]
    return Table(
        caption="The largest denied orders",
        heads=[
            Head("when"),
            Head("bot"),
            Head("order"),
            Head("value", is_number=True),
            Head("why", wraps=True),
            Head("source"),
        ],
        rows=rows,
        source=events([seq for seq, _ in found]),
        note="smart-leverage explain EVENT shows the arithmetic of each",
        empty="nothing was denied",
        more=left_out(len(rows), len(found), "smart-leverage orders --verdict denied lists all"),
    )
