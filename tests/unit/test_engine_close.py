"""A part of an account is sold out on a person's order, and the rest of it trades on."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from tests.simulation.desk import AAPL, BTC, ETH, KO, SPY, D, Desk
from tests.unit.test_engine_plan_ends import (
    COINS,
    deleveraging,
    ended,
    moves,
    pass_time,
    react,
    told,
    wide,
)

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import Filled, Noted
from smart_leverage.engine.events import Command, Outcome
from smart_leverage.policy.reasons import TradingState

MIXED = {BTC: "0.1", ETH: "1", AAPL: "40"}


def close(desk: Desk, part: str) -> Outcome:
    outcome = desk.close(part)
    desk.prices()
    return outcome


def mixed(holdings: Mapping[Key, str] = MIXED) -> Desk:
    return wide(holdings, 90_000)


def held(desk: Desk) -> dict[Key, Decimal]:
    return dict(desk.state.held())


def notes(desk: Desk) -> list[tuple[str, str]]:
    return [(each.code, each.text) for each in desk.records if isinstance(each, Noted)]


@pytest.mark.parametrize(
    ("part", "sold"),
    [
        pytest.param("BTC/USD", {BTC}, id="a-symbol"),
        pytest.param("btcusd", {BTC}, id="as-it-is-also-spelled"),
        pytest.param("AAPL", {AAPL}, id="a-share"),
        pytest.param("crypto", {BTC, ETH}, id="a-group"),
        pytest.param("leveraged", {BTC, ETH}, id="what-counts-as-leveraged"),
    ],
)
def test_a_part_is_sold_to_the_last_unit_and_the_rest_stays(part: str, sold: set[Key]) -> None:
    desk = mixed()
    before = held(desk)
    close(desk, part)
    react(desk, "fill")
    pass_time(desk, 10, "fill")
    assert held(desk) == {key: qty for key, qty in before.items() if key not in sold}
    assert told(desk)[-1] == ("p1", "reached", 0)
    assert desk.state.trading is TradingState.ACTIVE
    fills = [each.fill for each in desk.records if isinstance(each, Filled)]
    assert {fill.key for fill in fills} == sold
    assert {fill.side for fill in fills} == {Side.SELL}


def test_nothing_of_it_is_bought_until_it_is_sold_and_the_rest_is() -> None:
    desk = mixed()
    desk.buy(BTC, "0.01")
    react(desk, "rest")  # the stop that is in the way goes first
    (entry,) = desk.state.orders.buys()
    close(desk, "BTC/USD")
    assert entry.order.client_order_id in desk.cancelled
    assert desk.buy(BTC, "0.01").reason == "deleveraging"
    assert desk.buy(AAPL, "1").verdict == "approved"
    react(desk, "fill")
    pass_time(desk, 10, "fill")
    assert desk.state.plan is None
    assert desk.buy(BTC, "0.01").verdict == "approved"


def test_a_sale_is_of_the_house_and_says_whose_wish_it_was() -> None:
    desk = mixed()
    close(desk, "AAPL")
    react(desk, "rest")
    (sale,) = desk.state.orders.sales(AAPL)
    assert sale.order.role is Role.FLATTEN
    assert desk.state.plan is not None
    assert desk.state.plan.why == "sold out by ann: because"
    assert moves(desk)[-1].ceiling == 0


def test_it_goes_on_after_a_restart() -> None:
    desk = mixed()
    close(desk, "crypto")
    react(desk, "rest")
    desk.restart()
    desk.prices()
    assert desk.state.plan is not None
    assert desk.state.plan.kind == "close crypto"
    pass_time(desk, 200, "fill")
    assert desk.state.book.qty(AAPL) == D(40)


def test_a_part_beside_one_that_is_being_sold_joins_it() -> None:
    desk = mixed()
    close(desk, "AAPL")
    react(desk, "rest")
    close(desk, "ETH/USD")
    assert told(desk) == [("p1", "started", 0), ("p1", "failed", 0), ("p2", "started", 0)]
    assert desk.state.plan is not None
    assert desk.state.plan.kind == f"close {ETH} {AAPL}"
    pass_time(desk, 125, "fill")
    assert BTC in held(desk)
    assert ETH not in held(desk)


def test_a_running_plan_gives_way_and_what_is_over_its_cap_is_sold_beside() -> None:
    """The cap of the other coins holds on: they are trimmed by the same plan or by the next."""
    desk = deleveraging()
    close(desk, "BTC/USD")
    assert ended(desk).why.startswith("58.0 % of equity above the cap of 25.0 % for crypto")
    pass_time(desk, 300, "fill")
    assert BTC not in held(desk)
    valuation = desk.engine.valuation()
    assert valuation.crypto <= D("0.25") * valuation.equity
    assert desk.state.trading is TradingState.ACTIVE


def test_what_is_left_at_the_deadline_goes_on_being_sold() -> None:
    desk = mixed()
    close(desk, "crypto")
    react(desk, "refuse")
    pass_time(desk, 125, "refuse")
    end = ended(desk)
    assert (end.status, end.group) == ("failed", "close crypto")
    assert end.why.endswith("not sold: BTC/USD (refused), ETH/USD (refused)")
    assert desk.state.plan is not None
    assert desk.state.plan.kind == "close crypto"
    pass_time(desk, 10, "fill")
    assert set(held(desk)) == {AAPL}


@pytest.mark.parametrize("trading", [Command.HALT, Command.REDUCE])
def test_it_works_in_every_trading_state_and_lifts_none(trading: Command) -> None:
    desk = mixed()
    desk.order(trading)
    before = desk.state.trading
    close(desk, "crypto")
    react(desk, "fill")
    pass_time(desk, 10, "fill")
    assert set(held(desk)) == {AAPL}
    assert desk.state.trading is before


@pytest.mark.parametrize("step", ["observe", "warn", "entries"])
def test_a_persons_order_is_carried_out_on_every_step(step: str) -> None:
    desk = Desk(holdings={SPY: "10", AAPL: "10"}, cash=90_000, enforcement=step)
    close(desk, "AAPL")
    react(desk, "fill")
    assert set(held(desk)) == {SPY}


def test_it_sells_also_when_the_equity_is_gone() -> None:
    desk = wide({KO: "500", AAPL: "10"}, -55_000)
    close(desk, "AAPL")
    assert desk.engine.valuation().equity < 0
    react(desk, "fill")
    assert AAPL not in held(desk)


@pytest.mark.parametrize(
    ("part", "code", "text"),
    [
        pytest.param(
            "TULIP", "close.refused",
            "nothing changed for ann: 'TULIP' is no group and no instrument here", id="unknown",
        ),
        pytest.param("", "close.refused",
            "nothing changed for ann: '' is no group and no instrument here", id="nothing"),
        pytest.param("KO", "plan.idle", "nothing of it is held, so nothing is sold", id="not-held"),
    ],
)  # fmt: skip
def test_what_cannot_be_sold_out_is_said(part: str, code: str, text: str) -> None:
    desk = mixed()
    close(desk, part)
    assert notes(desk)[-1] == (code, text)
    assert desk.state.plan is None


def test_where_everything_is_being_sold_a_part_is_no_news() -> None:
    desk = mixed()
    desk.order(Command.FLATTEN)
    close(desk, "AAPL")
    assert notes(desk)[-1] == ("plan.idle", "plan p1 is selling that already")
    assert desk.state.plan is not None
    assert desk.state.plan.kind == "flatten"


def test_a_flatten_takes_over_from_it_and_halts() -> None:
    desk = mixed()
    close(desk, "crypto")
    desk.order(Command.FLATTEN)
    desk.prices()
    pass_time(desk, 10, "fill")
    assert not held(desk)
    assert desk.state.trading is TradingState.HALTED


def test_coins_of_a_whole_group_are_sold_however_many_they_are() -> None:
    desk = wide(COINS, 17_000)
    close(desk, "crypto")
    pass_time(desk, 10, "fill")
    assert not held(desk)
    assert desk.state.trading is TradingState.ACTIVE
