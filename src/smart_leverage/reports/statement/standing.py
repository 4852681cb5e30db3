"""Where the account stood when a period ended: positions with stops, movers, what is due."""

from collections.abc import Iterator
from decimal import Decimal

from smart_leverage.books.exact import ratio
from smart_leverage.domain.sentences import money, percent, plain, price
from smart_leverage.domain.stamps import span
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.citing import cited, clipped, signed, signed_money
from smart_leverage.reports.html.parts import Head, Table, left_out
from smart_leverage.reports.statement.close import Position
from smart_leverage.reports.statement.part import ROWS_MAX, Part

MOVERS = 5
"""So many instruments that made, and that lost, the most."""


def positions(part: Part) -> Table:
    """Return what was held at the end, with the stop that protected it."""
    held = part.after.positions
    equity = part.closing_equity or part.opening_equity
    rows = [tuple(_position(part, each, equity)) for each in held[:ROWS_MAX]]
    return Table(
        caption="Positions at the end, with their stops",
        heads=[
            Head("instrument"),
            Head("quantity", is_number=True),
            Head("entry", is_number=True),
            Head("price", is_number=True),
            Head("from"),
            Head("value", is_number=True),
            Head("of equity", is_number=True),
            Head("not realised", is_number=True),
            Head("stop", is_number=True),
            Head("below the price", is_number=True),
        ],
        rows=rows,
        source=f"the books after event {part.after.seq:,}; prices as named beside them",
        empty="nothing was held",
        more=left_out(len(rows), len(held), "the others by `export`"),
    )


def _position(part: Part, each: Position, equity: Decimal) -> Iterator[str]:
    yield clipped(symbol_of(each.key), 24)
    yield plain(each.qty)
    yield price(each.entry_price)
    if each.seen is None or each.value is None:
        yield from ("not known", "no price was seen", "not known", "", "")
    else:
        yield price(each.seen.price)
        yield f"{each.seen.source}, {part.zone.text(each.seen.at_ns)}"
        yield money(each.value)
        yield percent(ratio(each.value, equity)) if equity > 0 else "not known"
        yield signed_money(each.value - each.qty * each.entry_price)
    if each.stop is None:
        since = each.bare_since_ns
        yield "none" if since is None else f"none for {span(max(part.end_ns - since, 0))}"
        yield ""
    else:
        yield price(each.stop)
        is_seen = each.seen is not None and each.seen.price > 0
        yield percent(1 - ratio(each.stop, each.seen.price)) if is_seen and each.seen else ""


def movers(part: Part) -> Table:
    """Return which instruments made and lost the most."""
    known = sorted(
        ((made, key) for key, made in part.moved.items() if made), key=lambda each: -each[0]
    )
    gains = [each for each in known if each[0] > 0][:MOVERS]
    losses = [each for each in known if each[0] < 0][-MOVERS:]
    shown = [*gains, *losses]
    unknown = sum(made is None for made in part.moved.values())
    rows = [
        (
            clipped(symbol_of(key), 24),
            signed_money(made),
            signed(float(ratio(made, part.opening_equity))) if part.opening_equity > 0 else "",
        )
        for made, key in shown
    ]
    note = "value at the end, less at the start, less what was put in; prices as above"
    return Table(
        caption="Largest movers",
        heads=[
            Head("instrument"),
            Head("made", is_number=True),
            Head("of equity at the open", is_number=True),
        ],
        rows=rows,
        source=cited([each.seq for each in part.executions], "execution")
        + ", and the prices above",
        note=f"{note}; {unknown} without a price left out" if unknown else note,
        empty="nothing that was held moved",
        more=left_out(len(rows), len(known), "the largest gains and losses are shown"),
    )


def due(part: Part) -> Table:
    """Return what was under way or still to come at the end."""
    rows = [(each.what, clipped(each.text, 240)) for each in part.after.due[:ROWS_MAX]]
    return Table(
        caption="Under way and due",
        heads=[Head("what"), Head("when, and what is known", wraps=True)],
        rows=rows,
        source=f"the state of the account after event {part.after.seq:,}",
        empty="nothing is due: no plan, no pending limit, no lock",
        more=left_out(len(rows), len(part.after.due), "the first ones are shown"),
    )
