"""Measures what an instant of a backtest costs at the simulated broker; the last line is JSON.

    python benchmarks/sim_broker.py [INSTANTS]

Ten coins, each held and protected by a resting stop-limit that is never reached, one bar a coin and
instant. Times are CPU of this process; the best of five runs is shown, since others share the
machine.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import Approved, Order, OrderType, Side, TimeInForce
from smart_leverage.domain.registry import Registry
from smart_leverage.fills.costs import CostModel

STEP_NS = 300_000_000_000
SYMBOLS = 10
RUNS = 5


def coins() -> list[Instrument]:
    """Return the first coins of the builtin registry."""
    listed = Registry.builtin().values()
    return [each for each in listed if each.asset_class is AssetClass.CRYPTO][:SYMBOLS]


def protected(path: Path | None = None) -> SimBroker:
    """Return a venue that holds every coin under a stop-limit at half its price."""
    starts = tuple(Start(each.key, Decimal(100), each.reference_price) for each in coins())
    config = SimConfig(positions=starts, opened_at_ns=STEP_NS)
    broker = SimBroker(Registry.builtin(), CostModel(), config, path)
    prices = [(each.key, float(each.reference_price)) for each in coins()]
    broker.print_opens(STEP_NS, prices)
    broker.fill_opens(STEP_NS)
    for each in coins():
        broker.submit(Approved(stop_of(each), "benchmark"))
    return broker


def stop_of(instrument: Instrument) -> Order:
    stop = each_tick(instrument, instrument.reference_price / 2)
    return Order(
        client_order_id=f"stop {instrument.symbol}",
        bot="house",
        key=instrument.key,
        side=Side.SELL,
        qty=Decimal(100),
        type=OrderType.STOP_LIMIT,
        time_in_force=TimeInForce.GTC,
        stop_price=stop,
        limit_price=each_tick(instrument, stop * Decimal("0.98")),
    )


def each_tick(instrument: Instrument, price: Decimal) -> Decimal:
    return price // instrument.tick * instrument.tick


def market(instants: int) -> list[tuple[int, list[tuple[Key, Bar]], list[tuple[Key, float]]]]:
    """Return bars that wander within a tenth of a percent."""
    steps = []
    for number in range(1, instants + 1):
        start, end = number * STEP_NS, (number + 1) * STEP_NS
        bars, opens = [], []
        for place, each in enumerate(coins()):
            price = float(each.reference_price) * (1 + ((number * 7 + place) % 11) / 10_000)
            bar = Bar(start, end, price, price * 1.0005, price * 0.9995, price, 1.0)
            bars.append((each.key, bar))
            opens.append((each.key, price))
        steps.append((end, bars, opens))
    return steps


def best(act: Callable[[], float]) -> float:
    return min(act() for _ in range(RUNS))


def quiet_us(instants: int, path: Path | None = None, *, has_client: bool = False) -> float:
    """Return microseconds of an instant in which nothing trades."""
    steps = market(instants)
    with protected(path) as broker:
        began = time.process_time_ns()
        for at_ns, bars, opens in steps:
            broker.close_bars(at_ns, bars)
            if has_client:
                broker.account()
                broker.positions()
                broker.updates(10)
            broker.print_opens(at_ns, opens)
            broker.fill_opens(at_ns)
        return (time.process_time_ns() - began) / instants / 1000


def trade_us(orders: int) -> float:
    """Return microseconds of one order: submitted, filled at the next open."""
    first = coins()[0]
    price = float(first.reference_price)
    with SimBroker(Registry.builtin(), CostModel(), SimConfig(opened_at_ns=STEP_NS)) as broker:
        broker.print_opens(STEP_NS, [(first.key, price)])
        broker.fill_opens(STEP_NS)
        spent = 0
        for number in range(2, orders + 2):
            side = Side.BUY if number % 2 == 0 else Side.SELL
            held = broker.positions()
            order = Order(
                client_order_id=str(number),
                bot="bot",
                key=first.key,
                side=side,
                qty=Decimal(1) if side is Side.BUY else held[0].qty_available,
                time_in_force=TimeInForce.IOC,
            )
            began = time.process_time_ns()
            broker.submit(Approved(order, "benchmark"))
            broker.print_opens(number * STEP_NS, [(first.key, price)])
            broker.fill_opens(number * STEP_NS)
            spent += time.process_time_ns() - began
        return spent / orders / 1000


def quote_us(quotes: int) -> float:
    """Return microseconds of a quote that wakes nothing."""
    first = coins()[0]
    config = SimConfig(mode=Mode.LIVE, opened_at_ns=STEP_NS)
    with SimBroker(Registry.builtin(), CostModel(), config) as broker:
        began = time.process_time_ns()
        for number in range(quotes):
            broker.on_quote(STEP_NS + number, first.key, 100.0, 100.1)
        return (time.process_time_ns() - began) / quotes / 1000


def main(instants: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = (Path(folder) / f"{number}.db" for number in range(RUNS))
        figures = {
            "quiet_instant_us": best(lambda: quiet_us(instants)),
            "quiet_instant_with_client_us": best(lambda: quiet_us(instants, has_client=True)),
            "quiet_instant_file_us": best(lambda: quiet_us(instants // 10, next(paths))),
            "order_and_fill_us": best(lambda: trade_us(2000)),
            "quote_us": best(lambda: quote_us(instants)),
        }
    for name, value in figures.items():
        print(f"{name:32} {value:8.1f}")
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
