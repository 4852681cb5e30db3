"""What only a small change of the code had shown to be unheeded: edges, and the second of several.

Each of these tests fails where one sign, number or word of the engine is another; see the page on
small changes.
"""

from typing import Any

import pytest
from tests.simulation.desk import BTC, DOGE, ETH, KO, SOL, SPY, D, Desk
from tests.unit import test_engine_intraday as by_day
from tests.unit.test_engine_changes import bought
from tests.unit.test_engine_exits import BRACKET
from tests.unit.test_engine_exits import wish as wish_of_ko
from tests.unit.test_engine_importing import bring, trips
from tests.unit.test_engine_ordering import wish
from tests.unit.test_engine_trailing import trailing

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Order,
    OrderType,
    Role,
    Side,
    TimeInForce,
)
from smart_leverage.domain.records import AssetLocked, BreakerMoved, Decided, Noted
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Reconciled, Verdict

GTC: dict[str, Any] = {"time_in_force": TimeInForce.GTC}
LIMIT = OrderType.LIMIT


def of_the_house(desk: Desk, reason: str) -> list[Key]:
    return [
        each.key
        for each in desk.records
        if isinstance(each, Decided) and each.reason == reason and each.bot == "house"
    ]


# -- stops ----------------------------------------------------------------------------------------


def test_every_position_is_watched_and_not_only_the_first_that_is_well() -> None:
    desk = Desk()
    desk.hold(KO, "10")
    desk.hold(SPY, "10")
    assert [key for key, _ in desk.state.held()] == [KO, SPY]
    for price in ("460", "420"):
        desk.print_one(SPY, price)
    assert of_the_house(desk, "stop_hit") == [SPY]


def test_what_is_being_sold_whole_is_not_sold_by_the_watch_as_well() -> None:
    desk = Desk()
    stop = desk.hold(KO, "10")
    assert desk.sell(KO, "10").given == D(10)
    desk.end(stop)
    desk.take(Role.BOT)
    for price in ("54", "49"):
        desk.print_one(KO, price)
    assert of_the_house(desk, "stop_hit") == []


def test_a_lost_stop_of_all_that_is_held_is_sent_again() -> None:
    desk = Desk()
    desk.buy(KO, "10")
    desk.fill(desk.take(), "60")
    stop = desk.pop(Role.STOP)
    desk.answer(stop, Verdict.UNKNOWN)
    desk.look_up(stop)
    desk.wait(1)
    desk.prices()
    assert [each.client_order_id for each in desk.sent] == [stop.client_order_id]


# -- what the broker does not list ----------------------------------------------------------------


def lost_sale(desk: Desk) -> Order:
    """Return a sale of which the broker, asked, knows nothing."""
    stop = desk.hold(SPY, "4")
    assert desk.sell(SPY, "4").given == D(4)
    desk.end(stop)
    sale = desk.pop(Role.BOT)
    desk.answer(sale, Verdict.UNKNOWN)
    desk.look_up(sale)
    return sale


def test_a_lost_purchase_that_nobody_wants_any_more_holds_up_no_lost_sale() -> None:
    desk = Desk()
    desk.buy(BTC, "0.01")
    purchase = desk.pop()
    desk.answer(purchase, Verdict.UNKNOWN)
    desk.look_up(purchase)
    sale = lost_sale(desk)
    desk.wait(61)
    desk.print_one(SPY, "500")  # of coins there is no price that would carry a purchase
    assert [each.client_order_id for each in desk.sent] == [sale.client_order_id]


def test_a_change_of_unknown_outcome_holds_up_no_lost_sale() -> None:
    desk = Desk()
    order = bought(desk)
    assert desk.change(order, "50").verdict == "approved"
    later = desk.changes.pop(0).approved.order
    desk.answer(later, Verdict.UNKNOWN)
    sale = lost_sale(desk)
    desk.wait(1)
    desk.prices()
    assert [each.client_order_id for each in desk.sent] == [sale.client_order_id]


def test_lists_that_lag_are_believed_three_seconds_after_they_differed_first() -> None:
    desk = Desk(config=EngineConfig(lists_lag=True))
    desk.reconcile(positions={KO: D(3)})
    assert desk.of(Noted) == []
    desk.now_ns += 3 * SECOND_NS
    desk.reconcile(positions={KO: D(3)})
    (note,) = desk.of(Noted)
    assert isinstance(note, Noted)
    assert note.code == "reconcile.difference"


# -- orders of several bots, and of several legs --------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "reason"),
    [pytest.param("61", "opposite_bot", id="meets-it"), pytest.param("60.99", "none", id="below")],
)
def test_a_purchase_that_would_pay_what_a_resting_sale_wants_is_denied(
    limit: str, reason: str
) -> None:
    desk = Desk()
    stop = desk.hold(KO, "10")
    assert wish(desk, KO, Side.SELL, "10", type=LIMIT, limit_price=D(61), **GTC).given == D(10)
    desk.end(stop)
    desk.take(Role.BOT)
    desk.print_one(KO, "60.9")
    decided = wish(desk, KO, Side.BUY, "1", type=LIMIT, limit_price=D(limit), **GTC)
    assert decided.reason == reason


def test_what_exits_may_sell_that_nobody_has_told_of_counts_beside_what_others_sell() -> None:
    desk = Desk()
    stop = desk.hold(KO, "10", bot="other")
    sale = {"type": LIMIT, "limit_price": D(66), **GTC}
    assert wish_of_ko(desk, Side.SELL, "5", bot="other", **sale).given == D(5)
    desk.end(stop)
    desk.take(Role.BOT)
    assert wish_of_ko(desk, Side.BUY, "100", **BRACKET).given == D(100)
    desk.end(desk.take(Role.STOP))
    desk.fill(desk.take(Role.BOT), "60")
    assert desk.state.orders.selling(KO) == D(105)
    assert desk.sell(KO, "1").given == D(0)


def test_a_trail_in_dollars_may_be_above_a_hundred() -> None:
    desk = Desk()
    order = trailing(desk, trail_percent=None, trail_price=D(20))
    assert desk.change(order, trail="110").verdict == "approved"


# -- limits ---------------------------------------------------------------------------------------


def falling(desk: Desk) -> None:
    for price in ("40000", "34900"):
        desk.print_one(BTC, price)


def test_a_lock_of_one_coin_says_the_limit_of_one_coin() -> None:
    policy = EngineConfig().policy
    policy = policy._replace(rolling=policy.rolling._replace(loss_limit_sleeve=0.07))
    desk = Desk(config=EngineConfig(policy=policy))
    desk.hold(BTC, "0.15")
    falling(desk)
    (locked,) = desk.of(AssetLocked)
    assert isinstance(locked, AssetLocked)
    assert (locked.limit, locked.is_by_sleeve) == (D("0.02"), False)


def test_while_entries_are_not_governed_a_lock_cancels_no_purchase() -> None:
    for step, is_cancelled in (("observe", False), ("all", True)):
        desk = Desk(enforcement=step)
        wish(desk, BTC, Side.BUY, "0.01", type=LIMIT, limit_price=D(30_000), **GTC)
        resting = desk.take(Role.BOT)
        desk.buy(BTC, "0.15")
        desk.fill(desk.take(Role.BOT), "50000")
        falling(desk)
        assert len(desk.of(AssetLocked)) == 1
        assert (resting.client_order_id in desk.cancelled) is is_cancelled


def test_a_breaker_that_is_cleared_says_so_and_not_that_a_limit_was_passed() -> None:
    desk = Desk(holdings={SPY: "100"}, cash=50_000)
    desk.print_one(SPY, "464")
    desk.now_ns += DAY_NS
    desk.prices()
    moved = [each for each in desk.records if isinstance(each, BreakerMoved)]
    told = [(each.is_tripped, each.why) for each in moved if each.breaker == "day"]
    assert told == [(True, "loss over the limit"), (False, "a new period or a better mark")]


def test_while_coins_are_sold_down_a_share_inside_its_band_stays() -> None:
    """A plan for one group does without the band of that group alone."""
    coins = {BTC: "0.198", ETH: "3.96", SOL: "99", DOGE: "99000"}
    desk = Desk(cash=50_080, holdings={**coins, KO: "172"})  # 10.3 % of equity: over, in the band
    desk.wait(1)
    desk.prices()
    assert desk.state.plan is not None
    assert desk.state.plan.kind == "crypto"
    sold = {each.key for each in desk.records if isinstance(each, Decided) and each.bot == "house"}
    assert sold
    assert KO not in sold


# -- what is lent by day --------------------------------------------------------------------------


def tells(desk: Desk, power: str, multiplier: int) -> None:
    """Let the broker say how much it lends."""
    snapshot = AccountSnapshot(
        account_id="desk", cash=desk.state.book.cash, equity=D(0), buying_power=D(power),
        non_marginable_buying_power=D(0), initial_margin=D(0), maintenance_margin=D(0),
        multiplier=multiplier, is_blocked=False, at_ns=desk.now_ns,
    )  # fmt: skip
    desk.feed(Reconciled(at_ns=desk.now_ns, account=snapshot, positions=(), orders=()))


def test_a_broker_that_lends_nothing_is_believed_whatever_power_it_names() -> None:
    one = by_day.desk()
    tells(one, "1000000", multiplier=1)
    assert one.engine._core.withheld == D(100_000)
    tells(one, "1000000", multiplier=2)
    assert one.engine._core.withheld == 0


def test_what_the_broker_lacks_is_withheld_to_the_cent() -> None:
    one = by_day.desk()
    tells(one, "100000.01", multiplier=4)
    withheld = one.engine._core.withheld
    assert withheld > 0
    assert withheld == withheld.quantize(D("0.01"))


def test_to_an_account_that_is_too_small_nothing_is_lent_and_its_cash_is_its_own() -> None:
    one = by_day.desk(cash=1_500)
    tells(one, "0", multiplier=1)
    assert one.engine._core.withheld == 0
    assert one.buy(BTC, "0.005").verdict == "approved"


# -- the past -------------------------------------------------------------------------------------


def test_trades_of_the_past_are_told_apart_from_our_own() -> None:
    desk = Desk()
    bring(desk, trips(3, wins=2))
    assert len(desk.state.book.past_trades()) == 3
    assert desk.state.book.trades() == ()
