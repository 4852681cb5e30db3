"""What is lent by day, and that it is gone before the close whatever stands in the way."""

import math
from collections.abc import Mapping
from decimal import Decimal

import pytest
from tests.simulation.desk import AAPL, BTC, SPY, TQQQ, D, Desk, at
from tests.unit.test_engine_plan_ends import ended, moves, react, told

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import AccountSnapshot
from smart_leverage.domain.parts import plan_kind
from smart_leverage.domain.records import Decided
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command, Reconciled
from smart_leverage.policy.intraday import IntradayTerms, Phase
from smart_leverage.policy.tier import Caps, TierCaps

NOON = at("2024-03-05T17:00")
CLOSE = at("2024-03-05T21:00")
"""A Tuesday, four hours before the close in New York."""
HALF_DAY = at("2024-11-29T18:00")
"""The close of the day after Thanksgiving, three hours early."""


def config(*, is_on: bool = True, **other: object) -> EngineConfig:
    policy = EngineConfig().policy
    return EngineConfig(
        policy=policy._replace(
            tiers=TierCaps(*[Caps(crypto=0.3, leveraged=1.5)] * 4),
            groups=policy.groups._replace(symbol=1.5, symbol_broad=1.5),
            intraday=IntradayTerms(is_on=is_on, gross_cap=2.5),
            limits=policy.limits._replace(loss_limit_daily=0.5, loss_limit_monthly=0.6),
        ),
        **other,  # type: ignore[arg-type]
    )


def desk(
    holdings: Mapping[Key, str] | None = None, cash: int = 100_000, now_ns: int = NOON,
    **other: object,
) -> Desk:  # fmt: skip
    return Desk(cash=cash, holdings=holdings, config=config(**other), now_ns=now_ns)  # type: ignore[arg-type]


def until(desk: Desk, minutes_left: float, close_ns: int = CLOSE, how: str = "rest") -> None:
    """Let time pass, look at the prices, and let the broker react."""
    desk.now_ns = close_ns - int(minutes_left * MINUTE_NS)
    desk.prices()
    react(desk, how)


def bought(desk: Desk, key: Key, qty: str) -> None:
    assert desk.buy(key, qty).given == D(qty)
    react(desk, "fill")


def leveraged() -> Desk:
    """$120,000 of a threefold fund with $100,000 of own money."""
    one = desk()
    bought(one, TQQQ, "2400")
    assert one.state.book.cash == D(-20_000)
    return one


def sales(desk: Desk) -> list[tuple[str, str, Decimal]]:
    return [
        (each.key.partition(":")[2], each.reason, each.given)
        for each in desk.records
        if isinstance(each, Decided) and each.side.value == "sell"
    ]


# --- what is lent --------------------------------------------------------------------------------


def test_a_fund_is_bought_with_what_margin_carries_and_no_more() -> None:
    one = desk()
    answer = one.buy(TQQQ, "3000")
    assert (answer.given, answer.reason) == (D(0), "buying_power")
    assert answer.bound > D(130_000)  # $100,000 at 75 %, less what the price may cost
    assert answer.bound < D(133_334)
    assert desk(is_on=False).buy(TQQQ, "2400").reason == "cap_gross"


def test_of_plain_shares_the_gross_cap_of_the_day_is_the_bound() -> None:
    one = desk()
    bought(one, SPY, "290")
    answer = one.buy(AAPL, "600")
    assert (answer.reason, answer.bound) == ("cap_gross", D("2.5"))
    assert one.buy(AAPL, "480").given == D(480)


def test_coins_are_never_bought_with_borrowed_money() -> None:
    one = desk()
    bought(one, SPY, "190")  # $95,000
    answer = one.buy(BTC, "0.2")
    assert (answer.reason, answer.given) == ("buying_power", D(0))
    bought(one, BTC, "0.09")
    assert one.state.book.cash > 0
    bought(one, SPY, "20")
    assert one.state.book.cash < 0
    assert one.buy(BTC, "0.001").reason == "buying_power"


def test_the_smaller_of_the_own_figure_and_the_brokers_is_spent() -> None:
    one = desk()

    def tells(power: int, multiplier: int = 4) -> None:
        account = AccountSnapshot(
            account_id="desk", cash=one.state.book.cash, equity=D(0), buying_power=D(power),
            non_marginable_buying_power=D(0), initial_margin=D(0), maintenance_margin=D(0),
            multiplier=multiplier, is_blocked=False, at_ns=one.now_ns,
        )  # fmt: skip
        one.feed(Reconciled(at_ns=one.now_ns, account=account, positions=(), orders=()))

    def most() -> Decimal:
        return one.buy(TQQQ, "9000").bound

    own = most()
    tells(400_000)
    assert most() == own
    tells(320_000)  # four times $80,000
    assert most() == pytest.approx(D(80_000) / D("0.75"), rel=D("0.001"))
    tells(500_000)
    assert most() == own
    tells(100_000, multiplier=1)
    assert most() == D(100_000)


def test_a_figure_of_the_broker_that_is_old_lends_nothing() -> None:
    one = desk(power_age_max_s=300.0)
    one.reconcile()
    one.engine._core.withheld = D(0)
    one.wait(301.0)
    one.prices()
    assert one.buy(TQQQ, "2400").reason == "buying_power"


def test_a_bot_is_shown_what_it_may_spend() -> None:
    one = desk()
    room = one.engine.subaccount("bot").headroom
    assert room.any == D(250_000)
    assert room.leveraged == pytest.approx(D(133_333), rel=D("0.001"))
    assert room.crypto == D(30_000)
    one.now_ns = CLOSE - 45 * MINUTE_NS
    one.prices()
    assert one.engine.subaccount("bot").headroom.any == D(100_000)


# --- before the close ----------------------------------------------------------------------------


def test_everything_borrowed_is_gone_well_before_the_close() -> None:
    one = desk()
    bought(one, TQQQ, "1000")
    bought(one, SPY, "200")  # $150,000 held
    until(one, 31, how="fill")
    assert sales(one) == []
    until(one, 30, how="fill")
    assert sales(one)[-2:] == [("TQQQ", "intraday", D(1000)), ("SPY", "cap_gross", D(4))]
    assert dict(one.state.held()) == {SPY: D(196)}
    until(one, 29, how="fill")
    assert told(one) == [("p1", "started", 0), ("p1", "reached", 0)]
    assert one.state.book.cash >= 0
    first = moves(one)[0]
    assert first.group == plan_kind({"intraday"})
    assert first.deadline_ns == CLOSE - 10 * MINUTE_NS
    assert first.why == "the session closes soon"


def test_an_early_close_is_an_early_close() -> None:
    one = desk(now_ns=HALF_DAY - 120 * MINUTE_NS)
    bought(one, TQQQ, "2400")
    until(one, 61, HALF_DAY)
    assert one.engine._core.phase is Phase.LENDING
    until(one, 60, HALF_DAY)
    assert one.buy(TQQQ, "1").reason == "intraday"
    until(one, 30, HALF_DAY, "fill")
    assert not one.state.held()


def test_in_the_last_hour_nothing_is_lent_and_no_fund_is_bought() -> None:
    one = desk()
    until(one, 60)
    assert one.buy(TQQQ, "10").reason == "intraday"
    answer = one.buy(SPY, "250")
    assert (answer.reason, answer.bound) == ("cap_gross", D("1.0"))
    bought(one, SPY, "100")
    until(one, -1)
    assert one.buy(TQQQ, "10").reason == "intraday"


def test_a_purchase_that_rests_is_cancelled_when_entries_end() -> None:
    one = desk()
    one.buy(TQQQ, "10")
    order = one.take()
    until(one, 60)
    assert one.state.orders.by_id.get(order.client_order_id) is None


def test_coins_stay_and_only_securities_make_room() -> None:
    one = desk()
    bought(one, BTC, "0.5")  # $25,000
    bought(one, SPY, "200")  # $100,000
    until(one, 30, how="fill")
    held = dict(one.state.held())
    assert held[BTC] == D("0.5")
    assert D(144) <= held[SPY] <= D(146)  # 98 % of equity less the coins
    assert one.state.book.cash > 0


def test_what_is_late_is_told_and_is_sold_until_it_is_gone() -> None:
    one = leveraged()
    one.now_ns = CLOSE - 30 * MINUTE_NS
    one.prices()
    react(one, "refuse")
    until(one, 20, how="refuse")
    assert told(one) == [("p1", "started", 0)]
    until(one, 10, how="refuse")
    assert told(one)[-1] == ("p1", "late", 0)
    assert moves(one)[-1].deadline_ns == CLOSE
    tries = len(sales(one))
    until(one, 9, how="refuse")
    until(one, 8, how="refuse")
    assert len(sales(one)) == tries + 2  # anew with each look
    until(one, -1, how="refuse")
    assert ended(one).status == "failed"
    assert "120.0 % of equity is still held; not sold: TQQQ" in ended(one).why
    assert told(one)[-1] == ("p2", "started", 0)
    morning = at("2024-03-06T14:31")
    until(one, (CLOSE - morning) / MINUTE_NS, how="fill")
    until(one, (CLOSE - morning) / MINUTE_NS - 1, how="fill")
    assert told(one)[-1] == ("p2", "reached", 0)
    assert not one.state.held()


def test_from_the_deadline_on_purchases_of_any_security_make_way() -> None:
    one = leveraged()
    one.now_ns = CLOSE - 20 * MINUTE_NS
    one.prices()
    react(one, "rest")
    one.buy(BTC, "0.001")
    until(one, 10)
    assert [each for each in one.state.orders.buys() if each.order.key != BTC] == []
    assert one.state.orders.selling(TQQQ) == D(2400)


def test_without_a_price_it_is_sold_all_the_same() -> None:
    one = leveraged()
    one.price.pop(TQQQ)
    one.now_ns = CLOSE - 30 * MINUTE_NS
    one.prices()
    assert ("TQQQ", "intraday", D(2400)) in sales(one)


def test_an_account_that_owes_more_than_it_has_still_sells() -> None:
    one = leveraged()
    one.prices({TQQQ: "8"})
    one.wait(1.0)
    one.prices({TQQQ: "8.01"})
    assert one.engine.valuation().equity < 0
    one.now_ns = CLOSE - 30 * MINUTE_NS
    one.prices()
    assert one.state.orders.selling(TQQQ) == D(2400)


def test_a_plan_that_runs_gives_way_and_what_it_was_for_goes_on() -> None:
    one = desk()
    bought(one, TQQQ, "1000")
    bought(one, SPY, "100")
    one.close("SPY")
    one.prices()
    until(one, 30)
    assert [each.group for each in moves(one)] == [
        plan_kind({SPY}), plan_kind({SPY}), plan_kind({SPY, "intraday"})
    ]  # fmt: skip
    assert moves(one)[1].status == "failed"
    until(one, 29, how="rest")
    for order in [each.order for each in one.state.orders.by_id.values()]:
        one.fill(order, one.price[order.key])
    one.prices()
    assert told(one)[-1] == ("p2", "reached", 0)
    assert not one.state.held()


def test_a_flatten_sells_all_of_it_anyway() -> None:
    one = leveraged()
    one.order(Command.FLATTEN)
    until(one, 30)
    until(one, 10)
    assert {each.group for each in moves(one)} == {"flatten"}


def test_where_the_house_does_not_sell_it_is_only_told_what_would_be_sold() -> None:
    one = Desk(holdings={TQQQ: "100"}, config=config(), now_ns=NOON, enforcement="observe")
    until(one, 30)
    until(one, 29)
    assert told(one) == []
    would = [each for each in sales(one) if each[1] == "intraday"]
    assert would == [("TQQQ", "intraday", D(0))]


def test_after_a_restart_the_plan_goes_on() -> None:
    one = leveraged()
    one.now_ns = CLOSE - 30 * MINUTE_NS
    one.prices()
    react(one, "refuse")
    one.restart()
    until(one, 29, how="fill")
    until(one, 28, how="fill")
    assert told(one) == [("p1", "started", 0), ("p1", "reached", 0)]
    assert not one.state.held()


def test_off_is_off() -> None:
    one = desk({TQQQ: "100"}, is_on=False)
    for minutes in (60, 30, 10, 1, -1):
        until(one, minutes)
    assert sales(one) == []
    assert told(one) == []
    assert one.engine._core.phase is Phase.OFF
    assert math.isinf(one.engine._core.config.power_age_max_s)


# --- as a limit ----------------------------------------------------------------------------------


def test_switching_it_on_is_loosening_and_off_is_tightening_at_once() -> None:
    one = desk(is_on=False)
    (change,) = one.limit("intraday.plan=on", is_admin=True)
    assert change.is_looser
    assert change.effective_ns > change.at_ns
    one = leveraged()
    (change,) = one.limit("intraday.plan=off")
    assert change.effective_ns == change.at_ns
    one.wait()
    one.prices()
    react(one, "fill")
    assert one.engine.valuation().gross <= one.engine.valuation().equity
