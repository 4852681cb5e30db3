"""Whatever is bought of funds that are looked through: no cap is broken, at the send or the fill.

The worst case is counted here anew, in fractions, from what the books hold and what is under way.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.desk import AAPL, BTC, TQQQ, Desk

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Order, Role, Side
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Event, Opened, Outcome, Verdict, Wished
from smart_leverage.policy.caps import weight_of
from smart_leverage.policy.params import CLASSIC

SQQQ, QLD, BITX = (Key(f"us_equity:{each}") for each in ("SQQQ", "QLD", "BITX"))
FUNDS = {SQQQ: "20", QLD: "80", BITX: "40"}
TIMES = {TQQQ: 3, SQQQ: 3, QLD: 2, BITX: 2, BTC: 1, AAPL: 1}
"""What each counts, written down a second time."""

GROUPS = {"crypto": {BTC, BITX}, "leveraged": {*TIMES} - {AAPL}, "gross": {*TIMES}}
CAPS = {"crypto": Fraction("0.25"), "leveraged": Fraction("0.35"), "gross": Fraction(1)}
REGISTRY = Registry.builtin()


class Funds(Desk):
    """A desk at which more funds are listed."""

    def __init__(self, *, is_on: bool) -> None:
        exposure = CLASSIC.exposure._replace(is_look_through=is_on)
        groups = CLASSIC.groups._replace(symbol=0.5)
        policy = CLASSIC._replace(exposure=exposure, groups=groups)
        super().__init__(config=EngineConfig(policy=policy), first=FUNDS)

    def feed(self, event: Event) -> Outcome:
        if isinstance(event, Opened):
            more = tuple(REGISTRY[key] for key in FUNDS)
            event = msgspec.structs.replace(event, instruments=event.instruments + more)
        return super().feed(event)


def shares(desk: Desk, *, is_on: bool) -> Iterator[tuple[str, Fraction]]:
    """Yield what positions, at their prices, and buys under way, at their limits, come to."""
    amounts = {key: Fraction(qty * desk.price[key]) for key, qty in desk.state.held()}
    equity = Fraction(desk.state.book.cash) + sum(amounts.values())
    for tracked in desk.state.orders.buys():
        left = Fraction((tracked.order.qty - tracked.filled) * tracked.reserve_price)
        amounts[tracked.order.key] = amounts.get(tracked.order.key, Fraction(0)) + left
    for group, members in GROUPS.items():
        counted = Fraction(0)
        for key in members & amounts.keys():
            counted += amounts[key] * (TIMES[key] if is_on and group != "gross" else 1)
        yield group, counted / equity


def check(desk: Desk, key: Key, *, is_on: bool) -> None:
    """Compare every group in which an instrument counts with its cap."""
    for group, share in shares(desk, is_on=is_on):
        if key in GROUPS[group]:
            assert share <= CAPS[group], (group, float(share))


steps = st.lists(
    st.tuples(
        st.sampled_from(list(TIMES)),
        st.sampled_from([500, 2_000, 6_000, 15_000, 60_000]),
        st.sampled_from(["whole", "part", "rests", "unknown"]),
        st.sampled_from([Decimal(each) for each in ("0.98", "1", "1", "1.004", "1.02")]),
    ),
    min_size=3,
    max_size=12,
)


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
@given(todo=steps)
@settings(max_examples=60, deadline=None)
def test_no_cap_is_broken_at_the_send_or_the_fill(
    is_on: bool, todo: list[tuple[Key, int, str, Decimal]]
) -> None:
    desk = Funds(is_on=is_on)
    for key, money, course, move in todo:
        qty = Decimal(money) / desk.price[key]
        lots = REGISTRY[key].quantity(REGISTRY[key].lots(qty))
        bought = desk.buy(key, f"{lots}", may_shrink=True)
        check_the_most_is_allowed(desk, key, bought.allowed)
        if bought.given:
            check(desk, key, is_on=is_on)  # at the send
            carry(desk, course)
            check(desk, key, is_on=is_on)  # at the fill
        desk.wait(1.0)
        desk.prices({key: f"{(desk.price[key] * move).quantize(REGISTRY[key].tick)}"})
        for order in [each for each in desk.sent if each.role is not Role.BOT]:
            desk.sent.remove(order)
            desk.answer(order, Verdict.ACCEPTED)
        for client_order_id in list(desk.cancelled):
            desk.end(desk.state.orders.by_id[client_order_id].order)


def carry(desk: Desk, course: str) -> None:
    """Let what was bought leave, once the stop in its way has ended, and fill or not."""
    for client_order_id in list(desk.cancelled):
        desk.end(desk.state.orders.by_id[client_order_id].order)
    waiting = [each for each in desk.sent if each.role is Role.BOT]
    for order in waiting:
        if course == "unknown":
            desk.answer(desk.pop(Role.BOT), Verdict.UNKNOWN)
            continue
        desk.take(Role.BOT)
        if course != "rests":
            fill(desk, order, is_whole=course == "whole")


def fill(desk: Desk, order: Order, *, is_whole: bool) -> None:
    """Let an order fill at its limit, the worst there is."""
    assert order.limit_price is not None
    half = REGISTRY[order.key].quantity(REGISTRY[order.key].lots(order.qty / 2))
    desk.fill(order, order.limit_price, "" if is_whole or not half else f"{half}")


def check_the_most_is_allowed(desk: Desk, key: Key, most: Decimal) -> None:
    """What a decision says would fit is approved when it is asked for."""
    if any(one.is_buy and one.order.key == key for one in desk.state.orders.buys()):
        return  # that decision has been taken, and counts
    if most * desk.price[key] < REGISTRY[key].notional_min:
        return
    wish = OrderWish(
        at_ns=desk.now_ns, key=key, side=Side.BUY, source="bot", id="", qty=most, notional=None
    )
    asked = Wished(at_ns=desk.now_ns, wish=wish, bot="bot", may_shrink=False)
    assert desk.engine.preview(asked).verdict == "approved"


@given(st.decimals(-6, 6, places=2), st.booleans())
def test_rule_and_registry_weigh_alike(factor: Decimal, is_on: bool) -> None:
    fund: Instrument = msgspec.structs.replace(REGISTRY[TQQQ], factor=factor)
    exact = fund.weight(is_look_through=is_on)
    assert float(exact) == weight_of(float(factor), is_on)
    assert exact >= 1
