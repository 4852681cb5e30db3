"""What was asked, held back and filled in a period."""

from collections import Counter
from decimal import Decimal

from smart_leverage.books.postings import USD
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import (
    Decided,
)
from smart_leverage.domain.sentences import money, plain, short
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.citing import cited, clipped
from smart_leverage.reports.html.parts import Head, Table, left_out
from smart_leverage.reports.statement.part import ROWS_MAX, Part
from smart_leverage.reports.trading import refused


def verdicts(part: Part) -> Table:
    """Return how many decisions ended how, by who asked."""
    counts: Counter[tuple[str, str]] = Counter()
    values: dict[tuple[str, str], Decimal] = {}
    for each in part.records(Decided):
        who = "the house" if each.source == "house" else each.bot
        name = (who, each.verdict)
        counts[name] += 1
        values[name] = values.get(name, Decimal(0)) + refused(each)
    ranked = counts.most_common()
    rows = [
        (clipped(who, 24), verdict, f"{count:,}", money(values[who, verdict], 0))
        for (who, verdict), count in ranked[:ROWS_MAX]
    ]
    return Table(
        caption="Decisions by verdict",
        heads=[
            Head("asked by"),
            Head("verdict"),
            Head("decisions", is_number=True),
            Head("value not given", is_number=True),
        ],
        rows=rows,
        source=part.source(Decided, "decision"),
        empty="nothing was asked",
        more=left_out(len(rows), len(ranked), "the most frequent ones are shown"),
    )


def reasons(part: Part) -> Table:
    """Return what bound cut and denied orders, and why the broker rejected others."""
    counts: Counter[tuple[str, str]] = Counter()
    for each in part.records(Decided):
        if each.verdict in ("cut", "denied", "observed", "warned"):
            counts[each.verdict, short(each.reason)] += 1
    for move in part.rejected:
        counts["rejected by the broker", move.reason or "no reason given"] += 1
    ranked = counts.most_common()
    rows = [
        (verdict, clipped(reason, 80), f"{count:,}")
        for (verdict, reason), count in ranked[:ROWS_MAX]
    ]
    return Table(
        caption="What was held back, by reason",
        heads=[Head("verdict"), Head("reason", wraps=True), Head("orders", is_number=True)],
        rows=rows,
        source=part.source(Decided, "decision"),
        empty="nothing was cut, denied or rejected",
        more=left_out(len(rows), len(ranked), "the most frequent ones are shown"),
    )


def fills(part: Part) -> Table:
    """Return what was bought and sold, by instrument."""
    sums: dict[str, list[Decimal]] = {}
    for fill, _, _, _ in part.executions:
        name = symbol_of(fill.key)
        line = sums.setdefault(name, [Decimal(0)] * 5)
        is_buy = fill.side is Side.BUY
        line[0 if is_buy else 2] += fill.qty
        line[1 if is_buy else 3] += fill.qty * fill.price
        line[4] += fill.fee if fill.fee_asset == USD else fill.fee * fill.price
    ranked = sorted(sums.items(), key=lambda pair: -(pair[1][1] + pair[1][3]))
    rows = [
        (
            clipped(name, 24),
            plain(line[0]),
            money(line[1]),
            plain(line[2]),
            money(line[3]),
            money(line[4]),
        )
        for name, line in ranked[:ROWS_MAX]
    ]
    return Table(
        caption="Fills by instrument",
        heads=[
            Head("instrument"),
            Head("bought", is_number=True),
            Head("for", is_number=True),
            Head("sold", is_number=True),
            Head("for", is_number=True),
            Head("fees", is_number=True),
        ],
        rows=rows,
        source=cited([each.seq for each in part.executions], "execution"),
        empty="nothing was filled",
        more=left_out(len(rows), len(ranked), "the largest by value are shown"),
    )
