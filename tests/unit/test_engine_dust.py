"""What is too small for the venue to sell: nobody tries, and nothing waits for it."""

from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, KO, PRICE, D, Desk

from smart_leverage.domain.orders import Role, Side
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command
from smart_leverage.policy.reasons import TradingState

LEAST = EngineConfig(sale_has_minimum=True)
DUST = f"{D(9) / PRICE[BTC]:.7f}"
"""Coins worth nine dollars, where ten are the smallest order."""


def roles(desk: Desk) -> list[Role]:
    return [each.role for each in desk.sent]


@pytest.mark.parametrize(("config", "is_protected"), [(LEAST, False), (EngineConfig(), True)])
def test_dust_gets_no_stop_where_nobody_would_take_it(
    config: EngineConfig, is_protected: bool
) -> None:
    desk = Desk(holdings={BTC: DUST}, config=config)
    for _ in range(3):
        desk.wait()
        desk.prices()
    assert (desk.state.live_stop(BTC) is not None) == is_protected
    assert desk.sent == []


@pytest.mark.parametrize("config", [LEAST, EngineConfig()])
def test_what_can_be_sold_is_protected_as_before(config: EngineConfig) -> None:
    desk = Desk(holdings={BTC: "0.01"}, config=config)
    stop = desk.state.live_stop(BTC)
    assert stop is not None
    assert stop.remaining == D("0.01")


def test_the_watch_does_not_sell_dust_again_and_again() -> None:
    desk = Desk(holdings={BTC: DUST}, config=LEAST)
    for _ in range(5):
        desk.wait()
        desk.prices({BTC: str(PRICE[BTC] / 2)})
    assert desk.sent == []


def test_a_flatten_ends_although_dust_stays() -> None:
    desk = Desk(holdings={BTC: DUST, KO: "10"}, config=LEAST)
    stop = desk.state.live_stop(KO)
    assert stop is not None
    desk.order(Command.FLATTEN)
    desk.prices()
    assert desk.cancelled == [stop.order.client_order_id]
    desk.end(stop.order)
    sale = desk.take(Role.FLATTEN)
    assert (sale.key, sale.side, sale.qty) == (KO, Side.SELL, D(10))
    desk.fill(sale, PRICE[KO])
    desk.wait()
    desk.prices()
    assert desk.state.trading is TradingState.HALTED
    assert desk.state.plan is None
    assert dict(desk.state.held()) == {BTC: D(DUST)}
    assert desk.sent == []


def test_the_smallest_sale_is_whole_lots_worth_the_smallest_order() -> None:
    core = Desk(config=LEAST).engine._core
    instrument = core.instrument(BTC)
    least = core.sale_min(BTC)
    assert least % instrument.lot == 0
    assert least * PRICE[BTC] >= instrument.notional_min > (least - instrument.lot) * PRICE[BTC]
    assert core.is_dust(BTC, least - instrument.lot)
    assert not core.is_dust(BTC, least)
    assert not core.is_dust(BTC, Decimal(0))
    assert Desk().engine._core.sale_min(BTC) == 0
