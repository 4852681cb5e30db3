"""Imports in any order, in any pieces and any number of times end in one record."""

import random
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.books.book import Book
from smart_leverage.books.episodes import Episodes
from smart_leverage.books.past import Past
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, DealKind

D = Decimal
DAY_NS = 86_400_000_000_000
KEYS = (Key("us_equity:SPY"), Key("crypto:BTC/USD"))


@st.composite
def deals(draw: st.DrawFn) -> list[Deal]:
    """Draw some days of buying, selling, shorting and covering; sales of nothing are among them."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        key = draw(st.sampled_from(KEYS))
        is_fee = draw(st.integers(0, 9)) == 0
        found.append(
            Deal(
                id=f"d{number:02d}",
                order=f"o{number:02d}",
                key=key,
                side=draw(st.sampled_from(Side)),
                qty=D(0) if is_fee else D(draw(st.integers(1, 6))),
                price=D(draw(st.integers(90, 110))),
                fee=D(draw(st.integers(0, 3))) / 8,
                fee_asset="USD",
                at_ns=draw(st.integers(0, 4)) * DAY_NS + draw(st.integers(0, 2)),
                lot=D("0.0001"),
                tick=D("0.01"),
                is_short=draw(st.booleans()),
                kind=DealKind.FEE if is_fee else DealKind.TRADE,
            )
        )
    return found


@given(deals(), st.randoms(use_true_random=False), st.integers(1, 4))
def test_order_pieces_and_repeats_do_not_matter(
    history: list[Deal], chance: random.Random, pieces: int
) -> None:
    whole, cut = Book(), Book()
    whole.take_past(history)
    shuffled = list(history)
    chance.shuffle(shuffled)
    for piece in range(pieces):
        part = shuffled[piece::pieces]
        cut.take_past(part)
        cut.take_past(part)
    assert cut.state() == whole.state()
    assert cut.record == whole.record
    assert cut.past.unmatched == whole.past.unmatched
    assert cut.past.episodes == whole.past.episodes


@given(deals())
def test_a_past_moves_neither_cash_nor_holdings(history: list[Deal]) -> None:
    book = Book()
    book.open(D(1000))
    book.take_past(history)
    assert (book.cash, book.keys, book.trades()) == (D(1000), (), ())
    record = book.record.with_forced
    assert record.imported == record.closed


@given(deals())
def test_what_was_gained_is_what_was_paid_and_received(history: list[Deal]) -> None:
    """Profit of all round trips, and cost of what is left, are the cash of what counted."""
    past = Past()
    trades = past.take(history).trades
    counting = {each.deal.id: each.held for each in past.unmatched}
    cash = D(0)
    for deal in history:
        qty = counting.get(deal.id, deal.qty)
        if deal.kind is DealKind.FEE:
            cash -= D(0) if deal.id in counting else deal.fee
        elif qty:
            cash += (-1 if deal.side is Side.BUY else 1) * qty * deal.price - deal.fee
    held = sum((one.cost_basis if one.qty > 0 else -one.cost_basis for one in past.left_open), D(0))
    assert sum((trade.net for trade in trades), D(0)) == cash + held


@given(deals())
def test_episodes_of_a_past_are_those_that_ours_would_have_been(history: list[Deal]) -> None:
    """Without shorts the two ways to find them agree, to the digits of a fraction."""
    longs = [each for each in history if not (each.is_short or each.kind is DealKind.FEE)]
    past, ours = Past(), Episodes()
    past.take(longs)
    counting = {each.deal.id: each.held for each in past.unmatched}
    for deal in sorted(longs, key=lambda each: each.rank):
        qty = counting.get(deal.id, deal.qty)
        sign = 1 if deal.side is Side.BUY else -1
        if qty:
            cash = -sign * qty * deal.price - deal.fee
            ours.move(deal.at_ns, "", deal.key, sign * qty, cash, deal.lot, is_forced=False)
    known = sorted(ours.closed, key=lambda each: (each.at_ns, each.key))
    assert [(each.at_ns, each.key, each.lasted_ns) for each in past.episodes] == [
        (each.at_ns, each.key, each.lasted_ns) for each in known
    ]
    assert [each.outcome for each in past.episodes] == pytest.approx(
        [each.outcome for each in known], rel=1e-12
    )


@given(deals(), st.data())
def test_a_deal_that_is_another_one_now_changes_nothing(
    history: list[Deal], data: st.DataObject
) -> None:
    past = Past()
    past.take(history)
    before = dict(past.deals)
    one = data.draw(st.sampled_from(history))
    other = msgspec.structs.replace(one, fee=one.fee + 1)
    with pytest.raises(BadData, match="was counted as"):
        past.take([other])
    assert past.deals == before
