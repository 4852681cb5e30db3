"""What a bot may use of the caps: its share, its tier, its instruments, exact in every sequence."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulation.desk import BTC, DOGE, ETH, KO, SPY, TQQQ, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Role
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Command
from smart_leverage.engine.shares import parts_of, tier_of
from smart_leverage.policy.tier import Tier

D = Decimal
KEYS = (BTC, DOGE, ETH, KO, SPY, TQQQ)


def core_of(desk: Desk) -> Core:
    return desk.engine._core


def test_a_share_is_a_part_of_every_cap() -> None:
    desk = Desk()
    desk.seat("half", share="0.5")
    one = desk.buy(TQQQ, "190", bot="half")  # $9,500 of $17,500 that half of 35 % allows
    assert one.verdict == "approved"
    two = desk.buy(BTC, "0.18", bot="half")  # $9,000: both would be $18,500
    assert (two.verdict, two.reason, two.unit) == ("denied", "cap_bot", "money")
    assert two.bound < D(9_000) < two.would_be
    assert desk.buy(BTC, "0.18", bot="other").verdict == "approved"


def test_a_bot_adds_to_its_own_instruments_only_and_leaves_any() -> None:
    desk = Desk()
    desk.seat("narrow", symbols=BTC)
    assert desk.buy(KO, "1", bot="narrow").reason == "cap_bot"
    assert desk.buy(BTC, "0.01", bot="narrow").verdict == "approved"


def test_a_purchase_against_the_sale_of_another_bot_is_denied() -> None:
    desk = Desk()
    desk.buy(KO, "50", bot="a")
    desk.fill(desk.take(Role.BOT), "60")
    desk.sell(KO, "50", bot="a")
    assert desk.buy(KO, "10", bot="b").reason == "opposite_bot"


@pytest.mark.parametrize("tier", list(Tier))
def test_a_new_bot_is_in_the_learning_tier_at_most(tier: Tier) -> None:
    desk = Desk()
    desk.state.tier = tier
    desk.seat("new")
    assert tier_of(core_of(desk), "new") is min(tier, Tier.LEARNING)
    assert tier_of(core_of(desk), "no seat") is tier


def test_a_new_bot_in_a_proven_account_has_the_caps_of_the_learning_tier() -> None:
    desk = Desk()
    desk.state.tier = Tier.PROFITABLE
    desk.seat("new")
    parts = parts_of(core_of(desk), "new", core_of(desk).worst())
    assert {name: cap for name, (cap, _) in parts.items()} == {
        "gross": D("1.0"), "leveraged": D("0.35"), "crypto": D("0.25"),
    }  # fmt: skip


def test_headroom_is_what_the_share_leaves_and_nothing_in_a_halt() -> None:
    desk = Desk()
    desk.seat("half", share="0.5")
    room = desk.engine.subaccount("half").headroom
    assert (room.any, room.leveraged, room.crypto) == (D(50_000), D(17_500), D(12_500))
    desk.order(Command.HALT)
    assert set(desk.engine.subaccount("half").headroom) == {D(0)}


ASKS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(KEYS),
        st.integers(100, 30_000),
        st.booleans(),
        st.sampled_from(["fill", "rest", "end"]),
    ),
    max_size=12,
)


@given(ASKS, st.sampled_from(["0.1", "0.3", "0.5"]), st.sampled_from(["0.2", "0.7", "1"]))
def test_no_order_of_two_bots_exceeds_its_share_and_all_together_hold_the_caps(
    asks: Sequence[tuple[str, Key, int, bool, str]], first: str, second: str
) -> None:
    desk = Desk()
    shares = {"a": D(first), "b": D(second)}
    for bot, share in shares.items():
        desk.seat(bot, share=str(share))
    for bot, key, money, may_shrink, then in asks:
        one = desk.buy(key, notional=str(money), bot=bot, may_shrink=may_shrink)
        if one.given > 0:
            judge(desk, bot, shares[bot], key)
            follow(desk, then, str(desk.price[key]))
        worst, caps = core_of(desk).worst(), desk.engine.caps
        assert worst.crypto <= caps.crypto * worst.equity
        assert worst.leveraged <= caps.leveraged * worst.equity
        assert worst.gross <= caps.gross * worst.equity


def follow(desk: Desk, then: str, price: str) -> None:
    """Let what was asked fill, rest or end, if it left at once."""
    if not any(order.role is Role.BOT for order in desk.sent):
        return
    order = desk.take(Role.BOT)
    if then == "fill":
        desk.fill(order, price)
    elif then == "end":
        desk.end(order)


def judge(desk: Desk, bot: str, share: Decimal, bought: Key) -> None:
    """Recount a bot from book and orders, at the price at which the account counts each key.

    Only the groups in which the purchase counts: what it costs takes a little equity from all.
    """
    worst, state = core_of(desk).worst(), desk.state
    for group, cap in (("gross", "1"), ("leveraged", "0.35"), ("crypto", "0.25")):
        if group != "gross" and not getattr(state.instruments[bought], f"is_{group}"):
            continue
        used = D(0)
        for key, unit in worst.unit_worst.items():
            if group == "gross" or getattr(state.instruments[key], f"is_{group}"):
                buys = (o for o in state.orders.of(key) if o.is_buy and o.order.bot == bot)
                used += unit * sum((o.remaining for o in buys), state.book.bot_qty(bot, key))
        assert used <= share * D(cap) * worst.equity, (bot, group)
