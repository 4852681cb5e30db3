"""Executions that are taken back or corrected: the books are those of whoever was never told."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.property.test_books_book import (
    FUND,
    Adoption,
    Event,
    apply,
    booked,
    decimals,
    executions,
    histories,
    opened,
)

from smart_leverage.books.book import Book
from smart_leverage.books.episodes import Episodes
from smart_leverage.books.exact import canonical
from smart_leverage.books.postings import imbalance
from smart_leverage.domain.orders import HOUSE, Fill, Order, Role, Side

D = Decimal
ZERO = D(0)


def replaced(events: Sequence[Event], name: str, after: Fill | None) -> list[Event]:
    """Return a history in which an execution was another one, or never happened."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, Adoption) or event[0].execution_id != name:
            kept.append(event)
        elif after is not None:
            kept.append((structs.replace(after, execution_id=name), event[1]))
    return kept


@st.composite
def corrections(draw: st.DrawFn, fill: Fill) -> Fill | None:
    """Return what an execution may turn out to be; half of the time nothing at all."""
    if draw(st.booleans()):
        return None
    return structs.replace(
        fill,
        execution_id=f"{fill.execution_id}+",
        qty=draw(decimals("0.01", "9", 2)),
        price=draw(decimals("1", "99", 6)),
    )


@given(events=histories(), data=st.data())
def test_after_a_correction_the_books_are_as_if_it_had_been_told_so(
    events: list[Event], data: st.DataObject
) -> None:
    fill = data.draw(st.sampled_from(executions(events)))
    after = data.draw(corrections(fill))
    book = booked(events)
    applied = book.revise(fill, after)
    never = booked(replaced(events, fill.execution_id, after))
    assert book.state() == never.state()
    assert applied.is_new
    assert imbalance(applied.postings) == {}
    assert list(book.closings()) == list(never.closings())
    for bot in ("alpha", "beta", HOUSE):
        assert canonical(book.bot_record(bot)) == canonical(never.bot_record(bot))


@given(events=histories(), data=st.data())
def test_it_is_booked_once_and_the_execution_never_again(
    events: list[Event], data: st.DataObject
) -> None:
    fill = data.draw(st.sampled_from(executions(events)))
    after = data.draw(corrections(fill))
    book = booked(events)
    book.revise(fill, after)
    state = book.state()
    assert not book.revise(fill, after).is_new
    for event in events:
        if not isinstance(event, Adoption):
            assert not apply(book, event).is_new
    assert book.state() == state
    assert book.standing(fill.execution_id) == after


@given(events=histories(), data=st.data())
def test_what_is_told_after_it_finds_the_same_books(
    events: list[Event], data: st.DataObject
) -> None:
    """The correction may come right behind its execution, or after everything."""
    fill = data.draw(st.sampled_from(executions(events)))
    after = data.draw(corrections(fill))
    early, late = opened(), booked(events)
    for event in events:
        apply(early, event)
        if not isinstance(event, Adoption) and event[0] == fill:
            early.revise(fill, after)
    late.revise(fill, after)
    assert early.state() == late.state()


@given(events=histories(), data=st.data())
def test_a_correction_that_is_itself_corrected_leaves_the_last_word(
    events: list[Event], data: st.DataObject
) -> None:
    fill = data.draw(st.sampled_from(executions(events)))
    first = structs.replace(fill, execution_id="first", price=fill.price + 1)
    last = data.draw(corrections(structs.replace(first, execution_id=fill.execution_id)))
    book = booked(events)
    book.revise(fill, first)
    book.revise(first, last)
    assert book.state() == booked(replaced(events, fill.execution_id, last)).state()
    assert book.standing(fill.execution_id) == last


# -- from flat to flat -----------------------------------------------------------------------------

LOT = D("0.01")


def lived(deals: Sequence[tuple[Fill, Order]], undone: str = "") -> tuple[Episodes, Book]:
    """Tell deals of two bots, each within its own holding, and take one of them back at the end."""
    episodes, book = Episodes(), opened()
    for fill, order in deals:
        applied = book.apply_fill(fill, order)
        for bot, qty in applied.moves:
            episodes.move(
                fill.at_ns, bot, fill.key, qty, applied.cash, LOT, is_forced=False,
                name=fill.execution_id,
            )  # fmt: skip
    if undone:
        fill = next(each for each, _ in deals if each.execution_id == undone)
        applied = book.revise(fill, None)
        episodes.revise(undone, fill.key, dict(applied.moves), ZERO, LOT)
    return episodes, book


@st.composite
def own_deals(draw: st.DrawFn) -> list[tuple[Fill, Order]]:
    """Return purchases and sales of two bots; nobody sells what it does not hold."""
    held = {"alpha": ZERO, "beta": ZERO}
    made: list[tuple[Fill, Order]] = []
    for number in range(draw(st.integers(1, 12))):
        bot = draw(st.sampled_from(sorted(held)))
        is_sale = bool(held[bot]) and draw(st.booleans())
        qty = held[bot] if is_sale and draw(st.booleans()) else draw(decimals("0.01", "9", 2))
        qty = min(qty, held[bot]) if is_sale else qty
        held[bot] += -qty if is_sale else qty
        order = Order(
            client_order_id=f"o{number}", bot=bot, key=FUND, qty=qty, role=Role.BOT,
            side=Side.SELL if is_sale else Side.BUY,
        )  # fmt: skip
        fill = Fill(
            execution_id=f"e{number:02}", client_order_id=order.client_order_id, key=FUND,
            side=order.side, qty=qty, price=draw(decimals("1", "99", 2)), fee=ZERO,
            fee_asset="USD", at_ns=number,
        )  # fmt: skip
        made.append((fill, order))
    return made


@settings(max_examples=200)
@given(deals=own_deals(), data=st.data())
def test_episodes_are_those_of_whoever_never_dealt_it(
    deals: list[tuple[Fill, Order]], data: st.DataObject
) -> None:
    """As long as nobody has sold what was taken back: then everybody sells his own."""
    undone, order = data.draw(st.sampled_from(deals))
    left = {"alpha": ZERO, "beta": ZERO}
    for fill, each in deals:
        if fill != undone:
            left[each.bot] += fill.qty if fill.side is Side.BUY else -fill.qty
            if left[each.bot] < 0:
                return
    episodes, book = lived(deals, undone.execution_id)
    never, other = lived([each for each in deals if each[0] != undone])
    assert episodes.closed == never.closed
    assert episodes._open == never._open
    assert book.state() == other.state()
    values = {FUND: D(1)}
    assert episodes.losers(99, values) == never.losers(99, values)
    assert order.bot in left
