"""Somebody else changes an order of ours: what comes in its place is reserved and counted."""

from decimal import Decimal

import msgspec
import pytest
from tests.simulation.desk import KO, PRICE, D, Desk

from smart_leverage.domain.orders import BrokerOrder, Fill, Order, OrderState, Role, TradeUpdate
from smart_leverage.domain.records import Intended, Noted
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Command, Reconciled, Updated

STRANGE = "by-hand"


def theirs(desk: Desk, old: Order, qty: str, status: str = "new", name: str = STRANGE,
           **more: Decimal) -> BrokerOrder:  # fmt: skip
    """Return what somebody put in the place of an order, as the broker tells it."""
    order = msgspec.structs.replace(
        old, client_order_id=name, bot="somebody", role=Role.BOT, qty=D(qty), **more
    )
    view = desk.view(order, status)
    return msgspec.structs.replace(view, replaces=f"b-{old.client_order_id}")


def tell(desk: Desk, view: BrokerOrder, fill: Fill | None = None) -> None:
    update = TradeUpdate(
        sequence=len(desk.events),
        event=view.status,
        broker_order=view,
        at_ns=desk.now_ns,
        fill=fill,
    )
    desk.feed(Updated(at_ns=desk.now_ns, update=update))


def listed(desk: Desk, *views: BrokerOrder) -> None:
    """Let the broker's lists be compared, with these orders open there."""
    desk.reconcile()
    (event,) = [each for each in desk.events[-1:] if isinstance(each, Reconciled)]
    desk.feed(msgspec.structs.replace(event, orders=views))


def bought(desk: Desk, qty: str = "100") -> Order:
    assert desk.buy(KO, qty).given == D(qty)
    return desk.take()


def units(desk: Desk) -> Decimal:
    return desk.engine._core.worst().units.get(KO, D(0))


def notes(desk: Desk) -> list[str]:
    return [
        each.text
        for each in desk.records
        if isinstance(each, Noted) and each.code == "order.external"
    ]


@pytest.mark.parametrize("is_listed", [False, True], ids=["told", "listed"])
def test_what_came_in_the_place_of_our_order_is_ours(is_listed: bool) -> None:
    desk = Desk()
    old = bought(desk)
    desk.end(old, "replaced")
    view = theirs(desk, old, "120")
    if is_listed:
        listed(desk, view)
    else:
        tell(desk, view)
    (tracked,) = desk.state.orders.buys()
    assert (tracked.order.client_order_id, tracked.state) == (STRANGE, OrderState.OPEN)
    assert (tracked.order.bot, tracked.order.role) == ("bot", Role.BOT)
    assert units(desk) == 120
    assert len(notes(desk)) == 1
    assert old.client_order_id in notes(desk)[0]
    intended = desk.of(Intended)[-1]
    assert isinstance(intended, Intended)
    assert (intended.replaces, intended.is_foreign) == (old.client_order_id, True)


def test_it_is_adopted_once() -> None:
    desk = Desk()
    old = bought(desk)
    desk.end(old, "replaced")
    view = theirs(desk, old, "120")
    for _ in range(2):
        tell(desk, view)
        listed(desk, view)
    assert units(desk) == 120
    assert len(notes(desk)) == 1


def test_what_the_old_order_may_have_filled_counts_until_it_is_told() -> None:
    """The new quantity is what is left to trade, so both may still come in full."""
    desk = Desk()
    old = bought(desk)
    tell(desk, theirs(desk, old, "80"))
    assert units(desk) == 180
    tracked = desk.state.orders.find(old.client_order_id)
    assert tracked is not None
    assert tracked.state is OrderState.PENDING_REPLACE
    desk.fill(old, "60", "20")
    desk.look_up(old, "replaced", "20")
    assert units(desk) == 100


def test_an_increase_beyond_a_cap_is_reported_and_cancelled_at_the_next_price() -> None:
    desk = Desk()
    old = bought(desk)
    desk.end(old, "replaced")
    tell(desk, theirs(desk, old, "400"))
    assert notes(desk)[0].endswith("it does not fit: cap_symbol")
    assert desk.buy(KO, "10").verdict == "denied"
    desk.wait()
    desk.prices()
    assert desk.cancelled == [STRANGE]


def test_an_increase_while_the_account_is_halted_is_cancelled() -> None:
    desk = Desk()
    old = bought(desk)
    desk.order(Command.HALT)
    desk.end(old, "replaced")
    tell(desk, theirs(desk, old, "50"))
    assert desk.cancelled == [STRANGE]
    tracked = desk.state.orders.find(STRANGE)
    assert tracked is not None
    assert (tracked.state, tracked.broker_order_id) == (
        OrderState.PENDING_CANCEL,
        f"b-{STRANGE}",
    )


def test_a_fill_that_is_the_first_we_hear_of_it_counts() -> None:
    desk = Desk()
    old = bought(desk)
    view = theirs(desk, old, "120", "filled")
    view = msgspec.structs.replace(view, filled_qty=D(120))
    fill = Fill(
        execution_id="x", client_order_id=STRANGE, key=KO, side=old.side, qty=D(120),
        price=PRICE[KO], fee=D(0), fee_asset="USD", at_ns=desk.now_ns,
    )  # fmt: skip
    tell(desk, view, fill)
    desk.look_up(old, "replaced")
    assert desk.state.book.bot_qty("bot", KO) == 120
    assert not desk.state.orders.by_id.get(STRANGE)
    assert units(desk) == 120


def test_a_chain_of_foreign_changes_is_followed_after_a_restart() -> None:
    desk = Desk()
    old = bought(desk)
    desk.end(old, "replaced")
    first = theirs(desk, old, "90")
    tell(desk, first)
    desk.engine = Engine(desk.config, desk.records)
    desk.end(first.order, "replaced")
    tell(desk, theirs(desk, first.order, "70", name="again"))
    (tracked,) = desk.state.orders.buys()
    assert (tracked.order.client_order_id, tracked.order.bot) == ("again", "bot")


def test_a_stop_that_somebody_moved_is_still_the_stop() -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    view = theirs(desk, stop, "100", stop_price=D("55.00"))
    desk.end(stop, "replaced")
    tell(desk, view)
    live = desk.state.live_stop(KO)
    assert live is not None
    assert (live.order.client_order_id, live.order.role) == (STRANGE, Role.STOP)


def test_an_order_in_the_place_of_a_stranger_is_a_strangers() -> None:
    desk = Desk()
    old = bought(desk)
    view = msgspec.structs.replace(theirs(desk, old, "50"), replaces="b-nobody")
    tell(desk, view)
    listed(desk, view)
    assert units(desk) == 150
    assert notes(desk) == [f"buy 50 {KO} did not come through us: {STRANGE}"]


def test_an_order_that_gave_way_stays_reserved_until_its_successor_is_told() -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    gone = msgspec.structs.replace(desk.view(stop, "replaced"), replaced_by=f"b-{STRANGE}")
    tell(desk, gone)
    live = desk.state.live_stop(KO)
    assert live is not None
    assert live.state is OrderState.PENDING_REPLACE
    assert desk.sent == []  # no second stop beside the one that must be there
    tell(desk, theirs(desk, stop, "100", stop_price=D("55.00")))
    (tracked,) = desk.state.orders.stops(KO)
    assert tracked.order.client_order_id == STRANGE


def test_a_successor_that_was_told_first_is_adopted_once_the_order_is_known() -> None:
    desk = Desk()
    desk.buy(KO, "100")
    old = desk.pop()
    tell(desk, theirs(desk, old, "80"))
    assert desk.state.orders.find(STRANGE) is None
    desk.look_up(old, "new")
    assert desk.state.orders.find(STRANGE) is not None
