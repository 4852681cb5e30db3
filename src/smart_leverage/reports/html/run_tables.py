"""Tables of the run itself: its deepest falls, its flows, and the bars it was given."""

from collections.abc import Sequence

from smart_leverage.domain.records import FlowSeen
from smart_leverage.domain.sentences import (
    percent,
)
from smart_leverage.domain.stamps import span
from smart_leverage.reports.citing import (
    clipped,
    counted,
    signed_money,
)
from smart_leverage.reports.html.parts import Cell, Head, Table, left_out
from smart_leverage.reports.html.scene import Scene
from smart_leverage.reports.inputs import DataFile
from smart_leverage.reports.measures import trips

LARGEST = 10
"""So many of the largest denied orders, and of the deepest falls, are shown."""


def falls_table(scene: Scene) -> Table:
    """Return the deepest falls below a high, and what tripped during them."""
    found = sorted(scene.curve.falls, key=lambda fall: -fall.depth)[:LARGEST]
    moves = trips(scene.story)
    last = scene.curve.times[-1]
    rows = []
    for each in found:
        end_ns = last if each.end_ns is None else each.end_ns
        during = dict.fromkeys(
            clipped(trip.breaker, 16) for trip in moves if each.high_ns <= trip.start_ns <= end_ns
        )
        rows.append(
            (
                percent(each.depth, 2),
                scene.zone.text(each.high_ns),
                scene.zone.text(each.low_ns),
                "not yet" if each.end_ns is None else scene.zone.text(each.end_ns),
                span(end_ns - each.high_ns),
                ", ".join(during) or "none",
            )
        )
    return Table(
        caption="The deepest falls below a high",
        heads=[
            Head("depth", is_number=True),
            Head("high"),
            Head("low"),
            Head("next high"),
            Head("lasted", is_number=True),
            Head("breakers during it"),
        ],
        rows=rows,
        empty="the curve was never below a high",
        more=left_out(len(rows), len(scene.curve.falls), "the deepest ones are shown"),
    )


def flows_table(scene: Scene) -> Table:
    """Return deposits and withdrawals."""
    pairs = list(zip(scene.places(FlowSeen), scene.story.flows, strict=True))
    rows = [
        (
            scene.zone.text(each.at_ns),
            signed_money(each.amount),
            clipped(each.source, 60),
            f"event {seq:,}",
        )
        for seq, each in pairs[-scene.bounds.rows :]
    ]
    return Table(
        caption="Deposits and withdrawals",
        heads=[
            Head("when"),
            Head("amount", is_number=True),
            Head("source of it", wraps=True),
            Head("source"),
        ],
        rows=rows,
        empty="no money came or went",
        more=left_out(len(rows), len(pairs), "the latest ones are shown"),
    )


def data_table(scene: Scene) -> Table:
    """Return the bar files that were run."""
    return files_table(scene.data, scene.bounds.rows)


def files_table(data: Sequence[DataFile], rows_max: int = 400) -> Table:
    """Return bar files, so many of them at most."""
    bars = sum(each.rows for each in data)
    rows = [
        (
            clipped(each.name, 60),
            f"{each.rows:,}",
            clipped(each.first, 32),
            clipped(each.last, 32),
            f"{each.holes:,}",
            Cell(clipped(each.sha256, 64), "hash"),
        )
        for each in list(data)[:rows_max]
    ]
    return Table(
        caption="Bars that were run",
        heads=[
            Head("file"),
            Head("bars", is_number=True),
            Head("first"),
            Head("last"),
            Head("holes", is_number=True),
            Head("SHA-256"),
        ],
        rows=rows,
        source=f"{counted(bars, 'bar')} in all; nothing was filled in",
        empty="not stated by whoever wrote this report",
        more=left_out(len(rows), len(data), "the first ones are shown"),
    )
