"""The rest of what a period left in the journal: spans without a stop, limits, money, notes."""

from collections import Counter

from smart_leverage.domain.limits import told
from smart_leverage.domain.records import (
    FlowSeen,
    LimitChanged,
    Noted,
    Unprotected,
)
from smart_leverage.domain.stamps import span
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.citing import clipped, events, signed_money
from smart_leverage.reports.html.parts import Head, Table, left_out
from smart_leverage.reports.statement.part import ROWS_MAX, Part


def unprotected(part: Part) -> Table:
    """Return how long positions were without a live stop."""
    spans: dict[str, list[int]] = {}
    for each in part.records(Unprotected):
        spans.setdefault(each.key, []).append(each.at_ns - each.since_ns)
    rows = [
        (clipped(symbol_of(key), 24), f"{len(each):,}", span(max(each)), span(sum(each)))
        for key, each in sorted(spans.items())[:ROWS_MAX]
    ]
    return Table(
        caption="Positions without a live stop",
        heads=[
            Head("instrument"),
            Head("times", is_number=True),
            Head("longest", is_number=True),
            Head("in all", is_number=True),
        ],
        rows=rows,
        source=part.source(Unprotected, "span"),
        empty="no span without a stop ended in this period",
        more=left_out(len(rows), len(spans), "the first ones by name"),
    )


def changes(part: Part) -> Table:
    """Return the limits that somebody changed."""
    found = [(each, seq) for each, seq in part.placed(LimitChanged) if each.before]
    rows = [
        (
            part.zone.text(each.at_ns),
            clipped(told(each), 160),
            clipped(each.who, 40),
            clipped(each.reason, 120),
            f"event {seq:,}",
        )
        for each, seq in found[-ROWS_MAX:]
    ]
    return Table(
        caption="Changed limits",
        heads=[
            Head("when"),
            Head("what", wraps=True),
            Head("who"),
            Head("reason", wraps=True),
            Head("source"),
        ],
        rows=rows,
        empty="no limit was changed",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


def flows(part: Part) -> Table:
    """Return deposits and withdrawals."""
    found = part.placed(FlowSeen)
    rows = [
        (
            part.zone.text(each.at_ns),
            signed_money(each.amount),
            clipped(each.source, 40),
            f"event {seq:,}",
        )
        for each, seq in found[-ROWS_MAX:]
    ]
    return Table(
        caption="Deposits and withdrawals",
        heads=[Head("when"), Head("amount", is_number=True), Head("told by"), Head("source")],
        rows=rows,
        empty="no money came or went",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


def notes(part: Part) -> Table:
    """Return how often what was noted, and the last text of each kind."""
    counts: Counter[str] = Counter()
    last: dict[str, tuple[str, int]] = {}
    for each, seq in part.placed(Noted):
        counts[each.code] += 1
        last[each.code] = (each.text, seq)
    ranked = counts.most_common()
    rows = [
        (
            clipped(code, 40),
            f"{count:,}",
            clipped(last[code][0], 160),
            events([last[code][1]]),
        )
        for code, count in ranked[:ROWS_MAX]
    ]
    return Table(
        caption="Notes of the journal",
        heads=[
            Head("code"),
            Head("times", is_number=True),
            Head("the last one", wraps=True),
            Head("source"),
        ],
        rows=rows,
        empty="nothing was noted",
        more=left_out(len(rows), len(ranked), "the most frequent ones are shown"),
    )
