"""The engine at its edges: the smallest order, the last unit, the same instant, one of two."""

import pytest
from tests.simulation.desk import AAPL, BTC, ETH, KO, PRICE, SOL, SPY, TQQQ, D, Desk

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Order, OrderState, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Decided,
    LimitChanged,
    Unprotected,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.answering import MISSES_MIN
from smart_leverage.engine.buying import ONE
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command, Rung, Verdict, Wished
from smart_leverage.engine.exposure import ZERO, value
from smart_leverage.engine.judging import judge_tier
from smart_leverage.engine.reconciling import LAG_NS
from smart_leverage.engine.releasing import may_still_leave
from smart_leverage.engine.shrinking import _is_member, is_concerned
from smart_leverage.engine.subaccount import subaccount
from smart_leverage.engine.tracked_orders import ENDED_KEPT
from smart_leverage.policy.breakers import BreakerState
from smart_leverage.policy.intraday import Phase
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.tier import Tier

LISTED = Registry.builtin()


def decided(desk: Desk, **fields: object) -> list[Decided]:
    found = [each for each in desk.records if isinstance(each, Decided)]
    return [each for each in found if all(getattr(each, n) == v for n, v in fields.items())]


def test_figures_that_nobody_sets() -> None:
    assert (D(0), D(1)) == (ZERO, ONE)
    assert LAG_NS == 3 * SECOND_NS
    assert ENDED_KEPT == 10_000


# -- sales ----------------------------------------------------------------------------------------


def test_a_sale_says_the_price_and_what_was_asked() -> None:
    desk = Desk()
    desk.hold(AAPL, "10")
    sale = desk.sell(AAPL, "4")
    assert (sale.price, sale.asked, sale.allowed, sale.given) == (D(200), D(4), D(4), D(4))
    assert (sale.bound, sale.would_be) == (D(10), D(4))


def test_a_signal_to_sell_asks_for_all_that_is_held() -> None:
    desk = Desk()
    desk.hold(KO, "10", bot="signal")
    sale = desk.signal(KO, Side.SELL)
    assert (sale.asked, sale.given, sale.would_be) == (D(10), D(10), D(10))


@pytest.mark.parametrize(
    ("notional", "given"), [("60", "1"), ("119.99", "1"), ("120", "2"), ("600", "10")]
)
def test_an_amount_is_sold_in_whole_lots_that_it_pays_for(notional: str, given: str) -> None:
    desk = Desk()
    desk.hold(KO, "10")
    lot = LISTED[KO].lot
    wanted = (D(notional) / 60 / lot).to_integral_value(rounding="ROUND_DOWN") * lot
    sale = desk.sell(KO, notional=notional)
    assert sale.given == sale.asked == wanted
    assert D(given) <= wanted < D(given) + 1


def test_less_than_a_lot_for_an_amount_is_nothing() -> None:
    desk = Desk()
    desk.hold(KO, "10")
    sale = desk.sell(KO, notional="0.0000000001")
    assert (sale.verdict, sale.given, sale.asked) == ("denied", D(0), D(0))


def test_what_another_sells_already_leaves_nothing_to_a_signal() -> None:
    desk = Desk()
    desk.hold(KO, "10", bot="signal")
    assert desk.sell(KO, "10", bot="signal").given == 10
    sale = desk.signal(KO, Side.SELL)
    assert (sale.verdict, sale.reason, sale.given, sale.bound) == ("denied", "not_held", D(0), D(0))


def test_in_a_frozen_account_nothing_is_sold() -> None:
    desk = Desk()
    desk.hold(KO, "10")
    desk.state.trading = TradingState.FROZEN
    for sale in (desk.sell(KO, "10"), desk.sell(KO, "1"), desk.sell(KO, notional="60")):
        assert (sale.verdict, sale.reason, sale.given) == ("denied", "frozen", D(0))


def test_a_signal_to_sell_takes_less_than_a_lot_along() -> None:
    desk = Desk()
    desk.hold(BTC, "0.1", bot="signal")
    assert desk.sell(BTC, "0.033333333", bot="signal").given == D("0.033333333")
    sale = desk.signal(BTC, Side.SELL)
    assert sale.given == sale.asked == D("0.066666667")


def rest(desk: Desk, side: Side, qty: str, limit: str) -> Decided:
    """Wish for an order of KO that waits for its price."""
    wish = OrderWish(
        at_ns=desk.now_ns, key=KO, side=side, source="bot", id=f"rest-{len(desk.events)}",
        qty=D(qty), type=OrderType.LIMIT, limit_price=D(limit), time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    return desk.feed(Wished(at_ns=desk.now_ns, wish=wish, bot="bot")).decisions[0]


def test_a_purchase_that_waits_far_below_counts_at_the_price_with_its_haircut() -> None:
    desk = Desk()
    bought = rest(desk, Side.BUY, "10", "50")
    assert bought.verdict == "approved"
    assert D(bought.figures["counted per unit"]) == D("60.30")
    desk.print_one(KO, "60", Rung.QUOTE)
    assert D(rest(desk, Side.BUY, "10", "50").figures["counted per unit"]) == 60


def test_as_much_of_a_sale_at_another_price_needs_nothing_more() -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    assert rest(desk, Side.SELL, "50", "70").given == 50
    desk.end(stop)
    sale = desk.take(Role.BOT)
    decision = desk.change(sale, "", "71")
    assert (decision.verdict, decision.bound, decision.asked) == ("approved", D(0), D(50))


@pytest.mark.parametrize(("wanted", "asked"), [("49.00005", "49"), ("49.0001", "49.0001")])
def test_a_sale_of_shares_is_changed_in_lots(wanted: str, asked: str) -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    desk.sell(KO, "50")
    desk.end(stop)
    assert desk.change(desk.take(Role.BOT), wanted).asked == D(asked)


def test_a_stop_stays_where_it_is_while_its_position_does_not_grow() -> None:
    desk = Desk()
    stop = desk.hold(BTC, "0.1")
    for price in ("54000", "50000", "54000", "50000"):
        desk.wait(86_400)
        desk.prices({BTC: price})
    assert desk.engine._core.ladder.volatility_daily(BTC) > 0.05
    desk.sent.clear()
    desk.end(stop, "expired")
    again = desk.pop(Role.STOP)
    assert (again.stop_price, again.qty) == (stop.stop_price, stop.qty)


def test_a_sale_of_the_house_says_the_price() -> None:
    desk = Desk(holdings={KO: "10"})
    stop = desk.state.live_stop(KO)
    assert stop is not None
    desk.order(Command.FLATTEN)
    desk.prices()
    desk.end(stop.order)
    desk.prices()
    (sale,) = [each for each in desk.records if isinstance(each, Decided)]
    assert (sale.bot, sale.side, sale.price) == ("house", Side.SELL, D(60))
    assert (sale.asked, sale.allowed, sale.given) == (D(10), D(10), D(10))


@pytest.mark.parametrize(("asked", "given"), [("1", "1"), ("7", "7"), ("7.5", "0"), ("8", "8")])
def test_a_trailing_stop_is_of_whole_shares(asked: str, given: str) -> None:
    desk = Desk()
    desk.hold(AAPL, "10")
    wish = OrderWish(
        at_ns=desk.now_ns, key=AAPL, side=Side.SELL, source="bot", id="one", qty=D(asked),
        type=OrderType.TRAILING_STOP, trail_percent=D(2), time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    wished = Wished(at_ns=desk.now_ns, wish=wish, bot="bot", may_shrink=True)
    assert desk.feed(wished).decisions[0].given == D(given)


# -- purchases ------------------------------------------------------------------------------------


def test_the_least_that_the_venue_takes_is_bought_and_less_is_not() -> None:
    least = LISTED[BTC].notional_min
    just = least / PRICE[BTC]
    assert just % LISTED[BTC].lot == 0
    desk = Desk()
    bought = desk.buy(BTC, str(just))
    assert (bought.verdict, bought.given) == ("approved", just)
    short = desk.buy(BTC, str(just - LISTED[BTC].lot))
    assert (short.verdict, short.reason, short.given) == ("denied", "minimum", D(0))
    assert (short.bound, short.would_be < short.bound) == (least, True)


def test_the_least_leaves_as_asked_where_entries_are_not_governed() -> None:
    least, lot = LISTED[BTC].notional_min / PRICE[BTC], LISTED[BTC].lot
    desk = Desk(holdings={BTC: "2"}, cash=1000, enforcement="observe")
    bought = desk.buy(BTC, str(least))
    assert (bought.verdict, bought.reason, bought.given) == ("observed", "cap_crypto", least)
    assert bought.figures["given if enforced"] == "0"
    assert desk.buy(BTC, str(least - lot)).given == 0


def test_what_is_given_as_allowed_says_nothing_of_what_would_have_been() -> None:
    desk = Desk()
    assert "given if enforced" not in desk.buy(KO, "1").figures


@pytest.mark.parametrize(("lots", "verdict"), [(167, "approved"), (166, "denied")])
def test_as_many_lots_as_the_least_takes_are_enough(lots: int, verdict: str) -> None:
    bought = Desk().buy(KO, str(lots * LISTED[KO].lot))
    assert (bought.verdict, bought.bound) == (verdict, D(1 if verdict == "denied" else 0))


def test_an_account_without_equity_says_that_nothing_carries_a_purchase() -> None:
    bought = Desk(cash=0).buy(KO, "1")
    assert (bought.verdict, bought.reason, bought.given) == ("denied", "no_equity", D(0))


def test_a_purchase_against_an_own_sale_is_refused_with_nothing_counted() -> None:
    desk = Desk()
    stop = desk.hold(KO, "10")
    desk.sell(KO, "5")
    desk.end(stop)
    desk.take(Role.BOT)
    bought = desk.buy(KO, "1", bot="other")
    assert (bought.verdict, bought.reason) == ("denied", "opposite_bot")
    assert (bought.bound, bought.would_be) == (D(0), D(0))


def test_a_signal_that_makes_no_sense_is_refused_as_that() -> None:
    desk = Desk()
    assert desk.signal(KO, ratio=1000.0).reason == "bad_input"
    assert desk.buy(KO, "0.00001").reason == "minimum"


def test_an_id_is_a_short_word() -> None:
    desk = Desk()
    desk.buy(KO, "1")
    order = desk.take()
    assert order.client_order_id.startswith("sl-")
    assert len(order.client_order_id) == 27


# -- changes --------------------------------------------------------------------------------------


def test_a_change_to_the_least_is_taken_and_below_it_is_not() -> None:
    desk = Desk()
    desk.buy(BTC, "0.01")
    order = desk.take()
    least, lot = LISTED[BTC].notional_min / PRICE[BTC], LISTED[BTC].lot
    shorter = desk.change(order, str(least - lot), str(order.limit_price + 1))  # type: ignore[operator]
    assert shorter.verdict == "denied"
    other = Desk()
    other.buy(BTC, "0.005")
    order = other.take()
    assert other.change(order, "0.01").verdict == "approved"


def test_a_change_that_adds_nothing_says_the_price_and_counts_nothing() -> None:
    desk = Desk()
    desk.buy(KO, "10")
    decision = desk.change(desk.take(), "4")
    assert (decision.price, decision.asked, decision.allowed) == (D(60), D(4), D(4))
    assert (decision.bound, decision.would_be, decision.unit) == (D(0), D(4), "count")


@pytest.mark.parametrize(("qty", "given"), [("60", "60"), ("100", "100"), ("101", "0")])
def test_more_of_a_sale_is_what_the_bot_holds_at_most(qty: str, given: str) -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    desk.sell(KO, "50")
    desk.end(stop)
    sale = desk.take(Role.BOT)
    decision = desk.change(sale, qty)
    assert (decision.given, decision.bound, decision.price) == (D(given), D(100), D(60))
    assert decision.side is Side.SELL
    assert decision.reason == ("none" if D(given) else "not_held")
    assert decision.figures == {"held by this bot": "100.0000", "asked": str(decision.asked)}


# -- losses and tiers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tripped",
    [
        pytest.param(BreakerState(True, False, False), id="day"),
        pytest.param(BreakerState(False, True, False), id="month"),
        pytest.param(BreakerState(False, False, False, True), id="drawdown"),
    ],
)
def test_one_breaker_is_enough_to_hold_a_tier_down(tripped: BreakerState) -> None:
    desk = Desk()
    core = desk.engine._core
    desk.state.tier = Tier.EMERGENCY  # of an empty record learning is due
    desk.state.breakers = tripped
    before = len(core.out.records)
    judge_tier(core, D(100_000))
    assert len(core.out.records) == before
    desk.state.breakers = BreakerState(False, False, False)
    judge_tier(core, D(100_000))
    assert desk.state.tier is Tier.LEARNING


def test_a_lock_is_over_at_the_instant_at_which_it_ends() -> None:
    desk = Desk(holdings={ETH: "4"}, cash=90_000)
    desk.prices({ETH: "1999"})
    (lock,) = desk.of(AssetLocked)
    assert isinstance(lock, AssetLocked)
    desk.now_ns = lock.until_ns - 61 * SECOND_NS
    desk.prices()
    assert desk.buy(ETH, "0.01").reason == "asset_locked"
    desk.now_ns = lock.until_ns
    desk.prices()
    assert desk.buy(ETH, "0.01").reason != "asset_locked"


def test_a_coin_of_which_nothing_is_left_is_locked_without_a_sale() -> None:
    desk = Desk(holdings={ETH: "4"}, cash=90_000)
    stop = desk.state.live_stop(ETH)
    assert stop is not None
    desk.fill(stop.order, "1990")
    desk.prices({ETH: "2000"})
    assert len(desk.of(AssetLocked)) == 1
    assert [each for each in desk.records if isinstance(each, Decided)] == []


def test_a_breaker_says_why_it_moved() -> None:
    desk = Desk(holdings={SPY: "100"}, cash=50_000)
    desk.prices({SPY: "460"})
    moved = desk.of(BreakerMoved)
    assert isinstance(moved[-1], BreakerMoved)
    assert (moved[-1].breaker, moved[-1].is_tripped) == ("day", True)
    assert (moved[-1].why, moved[-1].limit) == ("loss over the limit", D("0.03"))


def test_a_coin_is_locked_once_a_day() -> None:
    desk = Desk(holdings={ETH: "4"}, cash=90_000)
    desk.prices({ETH: "1999"})
    desk.prices({ETH: "1990"})
    assert len(desk.of(AssetLocked)) == 1


# -- reconciliation -------------------------------------------------------------------------------


@pytest.mark.parametrize("theirs", ["0", "0.1", "0.4", "0.5"])
def test_what_somebody_sold_is_missing_however_little(theirs: str) -> None:
    """A part of a share has no stop at the venue that could have sold it."""
    desk = Desk()
    desk.buy(AAPL, "0.5")
    desk.fill(desk.take(), "200")
    desk.reconcile(positions={AAPL: D(theirs)})
    gone = D("0.5") - D(theirs)
    assert desk.engine._core.missing == ({AAPL: gone} if gone else {})
    assert desk.engine._core.sellable(AAPL) == D(theirs)


def unknown_sale(desk: Desk) -> Order:
    stop = desk.hold(BTC, "0.1")
    desk.sell(BTC, "0.1")
    desk.end(stop)
    sale = desk.pop()
    desk.answer(sale, Verdict.UNKNOWN)
    return sale


def known_state(desk: Desk, order: Order) -> OrderState:
    tracked = desk.state.orders.find(order.client_order_id)
    assert tracked is not None
    return tracked.state


def test_an_order_is_absent_at_its_horizon_and_not_before() -> None:
    desk = Desk()
    sale = unknown_sale(desk)
    sent_ns = desk.now_ns
    for _ in range(MISSES_MIN):
        desk.look_up(sale)
    desk.now_ns = sent_ns + int(desk.config.absent_after_s * SECOND_NS) - 1
    desk.look_up(sale)
    assert known_state(desk, sale) is OrderState.UNKNOWN
    desk.now_ns += 1
    desk.look_up(sale)
    assert known_state(desk, sale) is OrderState.ABSENT


def test_as_many_look_ups_as_it_takes_and_not_one_less_make_an_order_absent() -> None:
    desk = Desk()
    sale = unknown_sale(desk)
    desk.now_ns += int(desk.config.absent_after_s * SECOND_NS)
    for _ in range(MISSES_MIN - 1):
        desk.look_up(sale)
        assert known_state(desk, sale) is OrderState.UNKNOWN
    desk.look_up(sale)
    assert known_state(desk, sale) is OrderState.ABSENT


# -- what waited ----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["halt", "old", "lock", "clock"])
def test_what_allowed_a_purchase_has_to_hold_when_it_leaves(what: str) -> None:
    desk = Desk()
    desk.buy(ETH, "0.1")
    order = desk.pop()
    core = desk.engine._core
    assert may_still_leave(core, order)
    if what == "halt":
        desk.state.trading = TradingState.REDUCING
    elif what == "old":
        desk.wait(100_000)
        desk.print_one(SOL, "100")
    elif what == "lock":
        desk.state.locks[ETH] = core.now_ns + 1
    else:
        core.is_ready = False
    assert not may_still_leave(core, order)


def test_a_lock_that_is_over_holds_nothing_back() -> None:
    desk = Desk()
    desk.buy(ETH, "0.1")
    order = desk.pop()
    core = desk.engine._core
    desk.state.locks[ETH] = core.now_ns
    assert may_still_leave(core, order)


def test_where_entries_are_not_governed_only_state_and_price_matter() -> None:
    desk = Desk(enforcement="observe")
    desk.buy(ETH, "0.1")
    order = desk.pop()
    core = desk.engine._core
    desk.state.locks[ETH] = core.now_ns + 1
    assert may_still_leave(core, order)
    desk.wait(100_000)
    desk.print_one(SOL, "100")
    assert not may_still_leave(core, order)


@pytest.mark.parametrize(("key", "may"), [(KO, True), (ETH, False)], ids=["share", "coin"])
def test_coins_over_their_cap_keep_back_coins_and_no_share(key: Key, *, may: bool) -> None:
    desk = Desk()
    desk.buy(key, "0.1")
    order = desk.pop()
    core = desk.engine._core
    limit = core.caps.crypto * core.worst().equity
    desk.state.book.adopt(BTC, limit / desk.price[BTC] + 1, desk.price[BTC], "", at_ns=core.now_ns)
    assert core.worst().crypto > core.caps.crypto * core.worst().equity
    assert may_still_leave(core, order) is may


def test_an_order_without_any_price_does_not_leave() -> None:
    desk = Desk()
    desk.buy(ETH, "0.1")
    order = desk.pop()
    desk.engine._core.ladder._seen.clear()
    assert not may_still_leave(desk.engine._core, order)


# -- stops that are missing -----------------------------------------------------------------------


def test_a_position_is_reported_beyond_its_time_and_not_at_it() -> None:
    desk = Desk()
    desk.buy(AAPL, "0.5")
    desk.fill(desk.take(), "200")
    since_ns = desk.state.bare_since[AAPL]
    limit_ns = int(desk.config.protect_within_s * SECOND_NS)
    desk.now_ns = since_ns + limit_ns - SECOND_NS
    desk.print_one(SOL, "100")
    assert desk.of(Unprotected) == []
    desk.print_one(SOL, "100")
    assert [each.at_ns - since_ns for each in desk.of(Unprotected)] == [limit_ns + SECOND_NS]


def test_a_bot_reads_what_it_holds_and_no_debt_of_others() -> None:
    desk = Desk()
    desk.hold(KO, "10")
    account = subaccount(desk.engine._core, "bot")
    assert (account.market_value, account.equity) == (D(600), account.cash + 600)
    desk.state.book.flow(-desk.state.book.cash - 1000)
    account = subaccount(desk.engine._core, "bot")
    assert (account.cash, account.equity) == (D(0), D(600))


# -- shrinking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [KO, TQQQ])
def test_at_its_cap_nothing_of_one_instrument_is_sold(key: Key) -> None:
    desk = Desk(holdings={key: "10"}, cash=100_000)
    core = desk.engine._core
    worth = value(core.state, core.ladder)
    cap = core.full_caps.of_symbol(core.instrument(key))
    just = cap * worth.equity / PRICE[key]
    assert not is_concerned(core, "symbol", key, just, worth)
    assert is_concerned(core, "symbol", key, just + D("0.001"), worth)


def test_a_group_is_what_belongs_to_it() -> None:
    found = {
        group: [key for key in (BTC, TQQQ, KO) if _is_member(LISTED[key], group)]
        for group in ("crypto", "leveraged", "gross")
    }
    assert found == {"crypto": [BTC], "leveraged": [BTC, TQQQ], "gross": [BTC, TQQQ, KO]}


def test_ended_orders_are_known_up_to_ten_thousand() -> None:
    desk = Desk()
    desk.buy(KO, "1")
    order = desk.take()
    orders = desk.state.orders
    tracked = orders.find(order.client_order_id)
    assert tracked is not None
    orders._ended.update({f"o{number}": tracked for number in range(ENDED_KEPT - 1)})
    desk.end(order)
    assert orders.find("o0") is tracked
    assert orders.find(order.client_order_id) is tracked
    orders._ended.update({"one-more": tracked})
    desk.buy(KO, "1")
    desk.end(desk.take())
    assert orders.find("o0") is None


def test_what_waited_leaves_inside_the_share_of_its_bot() -> None:
    desk = Desk()
    desk.seat("bot", "token", share="0.9")
    assert desk.buy(KO, "100").given == 100
    order = desk.pop()
    core = desk.engine._core
    assert may_still_leave(core, order)


def test_what_was_borrowed_by_day_is_not_a_bots_own() -> None:
    plan = CLASSIC.intraday._replace(is_on=True)
    desk = Desk(config=EngineConfig(policy=CLASSIC._replace(intraday=plan)))
    desk.hold(KO, "100")
    core = desk.engine._core
    assert core.phase is not Phase.OFF
    desk.state.book.flow(-desk.state.book.cash - 1000)
    account = subaccount(core, "bot")
    assert (account.cash, account.market_value, account.equity) == (D(0), D(6000), D(5000))


def test_a_limit_that_comes_into_force_late_is_said_to_be_looser() -> None:
    desk = Desk()
    (asked,) = desk.limit("limits.symbol_cap=0.2", is_admin=True)
    assert asked.is_looser
    desk.wait(desk.config.loosen_after_hours * 3600)
    desk.prices()
    last = desk.of(LimitChanged)[-1]
    assert isinstance(last, LimitChanged)
    assert (last.before, last.after, last.is_looser) == (asked.before, "0.2", True)
