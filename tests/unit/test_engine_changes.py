"""A bot changes its open orders: what is proved, what is refused, and what counts meanwhile."""

from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, KO, SPY, D, Desk

from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Order, OrderState, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Decided, Intended, OrderMoved
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import (
    BrokerLost,
    ChangeWished,
    Command,
    Rung,
    Started,
    Verdict,
    Wished,
)
from smart_leverage.policy.reasons import TradingState

# KO costs 60, our own limit is 60.30; a tenth of 100,000 is the most of one share.


def bought(desk: Desk, qty: str = "100") -> Order:
    """Return an open purchase of KO."""
    assert desk.buy(KO, qty).given == D(qty)
    return desk.take()


def units(desk: Desk) -> Decimal:
    """Return what is held and bought of KO at worst."""
    return desk.engine._core.worst().units.get(KO, D(0))


def state_of(desk: Desk, order: Order) -> OrderState:
    found = desk.state.orders.find(order.client_order_id)
    assert found is not None
    return found.state


def cash_reserved(desk: Desk) -> Decimal:
    return desk.engine._core.worst().reserved


# -- what is allowed ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("qty", "limit", "verdict", "reason"),
    [
        pytest.param("160", "", "approved", "none", id="more-inside-the-cap"),
        pytest.param("170", "", "denied", "cap_symbol", id="more-than-the-cap"),
        pytest.param("50", "", "approved", "none", id="less"),
        pytest.param("", "60.10", "approved", "none", id="cheaper"),
        pytest.param("120", "59.00", "approved", "none", id="more-and-cheaper"),
        pytest.param("", "60.50", "denied", "bad_input", id="above-what-is-paid"),
        pytest.param("", "60.301", "denied", "bad_input", id="less-than-a-step-is-no-change"),
    ],
)
def test_a_change_is_decided_like_an_order(qty: str, limit: str, verdict: str, reason: str) -> None:
    desk = Desk()
    order = bought(desk)
    decided = desk.change(order, qty, limit)
    assert (decided.verdict, decided.reason) == (verdict, reason)
    assert len(desk.changes) == (verdict == "approved")
    assert not desk.sent
    assert state_of(desk, order) is (
        OrderState.PENDING_REPLACE if verdict == "approved" else OrderState.OPEN
    )


def test_the_old_order_is_left_out_of_the_proof() -> None:
    """160 and 100 together would be over the cap, and over what a purchase of 160 may be."""
    desk = Desk()
    order = bought(desk)
    assert desk.buy(KO, "160").verdict == "denied"
    decided = desk.change(order, "160")
    assert decided.figures["KO, worst case"] == "0.00"
    assert (decided.asked, decided.given) == (D(160), D(160))


def test_a_dearer_limit_is_proved_at_the_larger_of_both_quantities() -> None:
    """Until one side is final, what the old order may still buy counts at the higher limit."""
    desk = Desk()
    order = bought(desk, "163")
    desk.print_one(KO, "61.20", Rung.QUOTE)  # 163 come to 9,976, at 61.50 to 10,025
    decided = desk.change(order, "20", "61.50")
    assert (decided.verdict, decided.reason) == ("denied", "cap_symbol")
    assert desk.change(order, "20", "60.20").verdict == "approved"


def test_less_is_allowed_where_nothing_may_be_added() -> None:
    desk = Desk()
    order = bought(desk)
    desk.feed(BrokerLost(at_ns=desk.now_ns))
    assert desk.change(order, "110").reason == "not_ready"
    assert desk.change(order, "90", "60.20").verdict == "approved"


def test_more_needs_a_fresh_price() -> None:
    desk = Desk()
    order = bought(desk)
    desk.wait(200)
    assert desk.change(order, "110").reason == "no_price"
    assert desk.change(order, "90").verdict == "approved"


@pytest.mark.parametrize("command", [Command.HALT, Command.REDUCE])
def test_while_nothing_may_be_added_a_purchase_is_under_cancellation(command: Command) -> None:
    desk = Desk()
    order = bought(desk)
    desk.order(command)
    for qty in ("160", "50"):
        decided = desk.change(order, qty)
        assert decided.figures["order"].endswith("is being cancelled")
    assert not desk.changes


def test_a_halt_stops_more_and_not_less() -> None:
    """A purchase that the broker turned up with during a halt is open, like any other."""
    desk = Desk()
    order = bought(desk)
    desk.state.trading = TradingState.HALTED
    assert desk.change(order, "110").reason == "halted"
    assert desk.change(order, "", "60.20").verdict == "approved"


def test_a_halt_cancels_an_order_and_its_change() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "160")
    (change,) = desk.changes
    desk.order(Command.HALT)
    assert desk.cancelled == [order.client_order_id, change.approved.order.client_order_id]


# -- what is refused ------------------------------------------------------------------------------


def test_what_cannot_be_changed_says_why() -> None:
    desk = Desk()
    house = desk.change(desk.hold(SPY, "10"), "5")
    order = bought(desk, "20")
    others = desk.change(order, "10", bot="other")
    unknown = desk.feed(
        ChangeWished(at_ns=desk.now_ns, bot="bot", client_order_id="nobody's", qty=D(1))
    ).decisions[0]
    desk.fill(order, "60")
    ended = desk.change(order, "30")
    told = [each.figures["order"].partition(" ")[2] for each in (others, house, unknown, ended)]
    assert told == [
        "is no order of this bot", "is no order of this bot", "is unknown", "is filled already",
    ]  # fmt: skip
    assert not desk.changes


def test_neither_is_an_order_changed_whose_fate_is_open() -> None:
    desk = Desk()
    assert desk.buy(KO, "10").given == D(10)
    order = desk.pop()
    assert desk.change(order, "20").figures["order"].endswith("has not left yet")
    desk.answer(order, Verdict.UNKNOWN)
    assert desk.change(order, "20").figures["order"].endswith("its outcome is unknown")
    desk.look_up(order, "new")
    assert desk.change(order, "20").verdict == "approved"
    assert desk.change(order, "30").figures["order"].endswith("is being changed already")


@pytest.mark.parametrize(
    ("qty", "limit", "why"),
    [
        pytest.param("NaN", "", "above zero", id="nan"),
        pytest.param("sNaN", "", "above zero", id="signalling"),
        pytest.param("-5", "", "above zero", id="negative"),
        pytest.param("1e5000", "", "above zero", id="huge"),
        pytest.param("", "Infinity", "above zero", id="infinite"),
        pytest.param("", "0.00001", "less than one step", id="tiny-limit"),
        pytest.param("40", "", "filled already", id="less-than-filled"),
        pytest.param("100", "60.30", "nothing would be different", id="the-same"),
        pytest.param("", "", "nothing would be different", id="nothing"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(qty: str, limit: str, why: str) -> None:
    desk = Desk()
    order = bought(desk)
    desk.fill(order, "60", "40")
    decided = desk.change(order, qty, limit)
    assert (decided.verdict, decided.reason) == ("denied", "bad_input")
    assert why in decided.figures["change"]
    assert desk.change(order, "60").verdict == "approved"


def test_a_market_order_has_no_limit_to_change() -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    desk.sell(KO, "50")
    desk.end(stop)
    sale = desk.take(Role.BOT)
    assert desk.change(sale, "", "61").figures["change"] == "a market order has no limit"


# -- twice ----------------------------------------------------------------------------------------


def test_a_change_that_was_granted_is_no_new_one_when_it_comes_again() -> None:
    desk = Desk()
    order = bought(desk)
    event = ChangeWished(
        at_ns=desk.now_ns, bot="bot", client_order_id=order.client_order_id, request="c", qty=D(90)
    )
    assert desk.feed(event).decisions[0].verdict == "approved"
    assert desk.feed(event).records == []
    desk.engine = Engine(desk.config, desk.records)
    assert desk.feed(event).records == []
    (other,) = desk.feed(
        ChangeWished(
            at_ns=desk.now_ns, bot="bot", client_order_id=order.client_order_id, request="c",
            qty=D(80),
        )
    ).decisions  # fmt: skip
    assert "c was change" in other.figures["request"]


# -- what counts meanwhile ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("qty", "most"), [pytest.param("160", 160, id="more"), pytest.param("50", 100, id="less")]
)
def test_the_larger_of_both_counts_once_until_one_side_is_final(qty: str, most: int) -> None:
    desk = Desk()
    order = bought(desk)
    before = cash_reserved(desk) / 100
    desk.change(order, qty)
    assert units(desk) == most
    assert cash_reserved(desk) == before * most
    desk.take_change()
    assert state_of(desk, order) is OrderState.REPLACED
    assert units(desk) == D(qty)
    assert cash_reserved(desk) == before * D(qty)


def test_what_the_old_order_fills_meanwhile_is_not_counted_again() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "160")
    desk.fill(order, "60", "30")
    assert desk.state.book.qty(KO) == 30
    assert units(desk) == 160
    desk.take_change(less="30")
    assert state_of(desk, order) is OrderState.REPLACED
    assert units(desk) == 160


def test_fills_that_the_broker_has_not_told_stay_reserved_with_the_old_order() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "160")
    new = desk.take_change(less="30")
    assert state_of(desk, order) is OrderState.PENDING_CANCEL
    desk.fill(new, "60")
    assert desk.state.book.qty(KO) == 130
    assert units(desk) == 230  # until it tells that 30 are all
    desk.fill(order, "60", "30")
    desk.look_up(order, "replaced", "30")
    assert state_of(desk, order) is OrderState.REPLACED
    assert units(desk) == desk.state.book.qty(KO) == 160


def test_an_old_order_that_fills_further_than_its_change_leaves_it_nothing() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "50")
    desk.fill(order, "60", "70")
    change = desk.changes.pop()
    (new,) = [change.approved.order]
    assert units(desk) == 100
    desk.answer(new, Verdict.REFUSED, "qty must be more than what is filled")
    assert state_of(desk, order) is OrderState.OPEN
    desk.fill(order, "60")
    assert units(desk) == 100


def test_an_order_that_filled_first_leaves_its_change_refused() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "160")
    desk.fill(order, "60")
    assert units(desk) == 160
    desk.answer(desk.changes.pop().approved.order, Verdict.REFUSED, "order is already filled")
    assert units(desk) == 100
    assert not desk.state.orders.buys()


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.NOT_SENT])
def test_a_change_that_is_refused_leaves_the_order_as_it_was(verdict: Verdict) -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "160")
    new = desk.changes.pop().approved.order
    desk.answer(new, verdict, "no")
    assert state_of(desk, order) is OrderState.OPEN
    assert state_of(desk, new).is_final
    assert units(desk) == 100
    assert desk.change(order, "120").verdict == "approved"


# -- an answer that stays away --------------------------------------------------------------------


def lost(desk: Desk, qty: str = "160") -> tuple[Order, Order]:
    """Return an order and its change, of which no answer came."""
    order = bought(desk)
    desk.change(order, qty)
    new = desk.changes.pop().approved.order
    desk.answer(new, Verdict.UNKNOWN, "no answer")
    return order, new


def test_of_an_unknown_change_both_sides_stay_reserved() -> None:
    desk = Desk()
    order, new = lost(desk)
    assert state_of(desk, order) is OrderState.PENDING_REPLACE
    assert state_of(desk, new) is OrderState.UNKNOWN
    desk.look_up(order, "new")
    assert state_of(desk, order) is OrderState.PENDING_REPLACE
    assert units(desk) == 160


def test_a_change_is_never_sent_again() -> None:
    desk = Desk()
    _, new = lost(desk)
    for _ in range(5):
        desk.wait(5)
        desk.look_up(new)
        desk.reconcile()
        desk.prices()
    assert (desk.sent, desk.changes) == ([], [])


def test_a_change_that_never_arrived_leaves_the_order() -> None:
    desk = Desk()
    order, new = lost(desk)
    for _ in range(4):
        desk.wait(50)
        desk.prices()
        desk.look_up(new)
        desk.look_up(order, "new")
    assert state_of(desk, new) is OrderState.ABSENT
    assert state_of(desk, order) is OrderState.OPEN
    assert units(desk) == 100


def test_a_change_that_did_arrive_is_found() -> None:
    desk = Desk()
    order, new = lost(desk)
    desk.look_up(order, "replaced")
    desk.look_up(new, "new")
    assert state_of(desk, order) is OrderState.REPLACED
    assert state_of(desk, new) is OrderState.OPEN
    assert units(desk) == 160


def test_a_change_without_an_answer_is_unknown_after_a_start() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "160")
    new = desk.changes.pop().approved.order
    desk.engine = Engine(desk.config, desk.records)
    outcome = desk.feed(Started(at_ns=desk.now_ns))
    assert (outcome.sends, outcome.changes) == ([], [])
    assert state_of(desk, new) is OrderState.UNKNOWN
    assert state_of(desk, order) is OrderState.PENDING_REPLACE
    assert units(desk) == 160


def test_a_change_of_which_nothing_left_may_leave_after_a_start() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "60")
    change = desk.changes.pop()
    desk.engine = Engine(desk.config, desk.records)
    desk.feed(Started(at_ns=desk.now_ns, unsent=(change.approved,)))
    desk.reconcile()
    desk.prices()
    assert desk.sent == []
    assert [each.approved for each in desk.changes] in ([change.approved], [])
    assert units(desk) == 100


# -- sales ----------------------------------------------------------------------------------------


def selling(desk: Desk, qty: str = "50") -> Order:
    """Hold a hundred of KO, sell some, and return the sale; the stop for the rest is unanswered."""
    stop = desk.hold(KO, "100")
    assert desk.sell(KO, qty).given == D(qty)
    desk.end(stop)
    return desk.take(Role.BOT)


def test_less_of_a_sale_leaves_at_once_and_keeps_the_larger_reserved() -> None:
    desk = Desk()
    sale = selling(desk)
    assert desk.change(sale, "20").verdict == "approved"
    assert desk.state.orders.selling(KO) == 50
    desk.take_change()
    assert desk.state.orders.selling(KO) == 20


def test_more_of_a_sale_waits_until_the_stop_gave_way() -> None:
    desk = Desk()
    sale = selling(desk)
    stop = desk.take(Role.STOP)
    assert desk.change(sale, "80").verdict == "approved"
    assert desk.state.orders.selling(KO) == 80
    assert (desk.changes, desk.cancelled) == ([], [stop.client_order_id])
    desk.end(stop)
    desk.take_change()
    assert desk.state.orders.selling(KO) == 80
    assert desk.pop(Role.STOP).qty == 20


def test_a_change_that_waits_ends_with_the_order_that_it_would_change() -> None:
    desk = Desk()
    sale = selling(desk)
    stop = desk.take(Role.STOP)
    desk.change(sale, "80")
    desk.fill(sale, "60")
    desk.end(stop)
    assert desk.changes == []
    assert desk.state.orders.selling(KO) == 0


def test_no_more_is_sold_than_the_bot_holds() -> None:
    desk = Desk()
    sale = selling(desk)
    desk.take(Role.STOP)
    decided = desk.change(sale, "101")
    assert (decided.reason, decided.allowed) == ("not_held", D(100))
    assert desk.changes == []


def test_a_sale_may_be_changed_while_the_account_is_halted() -> None:
    desk = Desk()
    sale = selling(desk)
    desk.order(Command.HALT)
    assert desk.change(sale, "20").verdict == "approved"
    assert len(desk.changes) == 1


# -- the record -----------------------------------------------------------------------------------


def test_the_journal_says_what_a_change_replaces_before_it_leaves() -> None:
    desk = Desk()
    order = bought(desk)
    decided = desk.change(order, "160", "60.25", request="up")
    intended = desk.of(Intended)[-1]
    assert isinstance(intended, Intended)
    assert intended.replaces == order.client_order_id
    assert intended.decision_id == decided.decision_id
    assert (decided.source, decided.request) == ("change", "up")
    (change,) = desk.changes
    assert change.approved.order == intended.order
    assert change.approved.order.client_order_id != order.client_order_id
    assert (change.qty, change.limit_price) == (D(160), D("60.25"))


def test_the_request_counts_what_was_filled_already() -> None:
    desk = Desk()
    order = bought(desk)
    desk.fill(order, "60", "40")
    decided = desk.change(order, "150")
    assert decided.given == 110
    (change,) = desk.changes
    assert (change.qty, change.limit_price, change.approved.order.qty) == (D(150), None, D(110))


def test_a_change_of_the_limit_alone_leaves_the_quantity_to_the_broker() -> None:
    desk = Desk()
    order = bought(desk)
    desk.fill(order, "60", "40")
    desk.change(order, "", "60.10")
    (change,) = desk.changes
    assert (change.qty, change.limit_price, change.is_increase) == (None, D("60.10"), False)


def test_an_order_is_changed_again_once_the_one_before_has_ended() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "120")
    new = desk.take_change(less="30")
    assert "has not ended yet" in desk.change(new, "130").figures["order"]
    desk.fill(order, "60", "30")
    desk.look_up(order, "replaced", "30")
    assert desk.change(new, "130").verdict == "approved"
    assert desk.changes[0].qty == 130
    assert units(desk) == 160


def test_a_fold_of_the_records_knows_a_change() -> None:
    desk = Desk()
    order = bought(desk)
    desk.change(order, "160")
    desk.fill(order, "60", "30")
    again = Engine(desk.config, desk.records)
    again._core.ladder.see(KO, D(60), desk.now_ns, Rung.TRADE)
    assert again._core.worst().units[KO] == units(desk) == 160
    (_, tracked) = again.state.orders.buys()
    assert (tracked.replaces, tracked.taken) == (order.client_order_id, D(30))


def test_other_instruments_are_left_alone() -> None:
    desk = Desk()
    order = bought(desk)
    desk.buy(SPY, "10")
    spy = desk.take()
    desk.change(order, "160")
    desk.take_change()
    assert state_of(desk, spy) is OrderState.OPEN
    assert [type(each) for each in desk.records[-2:]] == [OrderMoved, OrderMoved]
    assert isinstance(desk.of(Decided)[-1], Decided)


@pytest.mark.parametrize(
    ("qty", "limit", "is_increase"),
    [
        pytest.param("120", "", True, id="more"),
        pytest.param("100", "60.40", True, id="dearer"),
        pytest.param("120", "60.00", True, id="more-and-cheaper"),
        pytest.param("80", "60.40", True, id="less-and-dearer"),
        pytest.param("80", "60.00", False, id="less-and-cheaper"),
        pytest.param("80", "", False, id="less"),
    ],
)
def test_whatever_may_cost_or_hold_more_is_held_back_like_a_purchase(
    qty: str, limit: str, is_increase: bool
) -> None:
    desk = Desk()
    order = bought(desk)
    desk.prices({KO: "60.20"})  # more is paid now than when it was bought
    desk.change(order, "" if qty == "100" else qty, limit)
    assert [each.is_increase for each in desk.changes] == [is_increase]


@pytest.mark.parametrize("qty", ["0.050000001", "0.099999999"])
def test_a_sale_of_a_coin_is_changed_to_the_last_unit_whatever_the_lot(qty: str) -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")
    wish = OrderWish(
        at_ns=desk.now_ns, key=BTC, side=Side.SELL, source="bot", id="rests", qty=D("0.1"),
        type=OrderType.LIMIT, limit_price=D(55_000), time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    desk.feed(Wished(at_ns=desk.now_ns, wish=wish, bot="bot"))
    desk.end(stop)
    decided = desk.change(desk.take(Role.BOT), qty)
    assert (decided.asked, decided.given) == (D(qty), D(qty))
