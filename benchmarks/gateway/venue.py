"""Measures the venue alone under one client: the part of an order's time that is the broker's.

    python benchmarks/gateway/venue.py FOLDER [--seconds 10] [--rate 100]

A simulated venue as a process of its own, as `make run` starts it, with its file in FOLDER. One
thread sends it small purchases of a coin at the market, due at fixed times, over the socket that
the account uses; no gateway, no ledger of ours. The last line is one JSON object.
"""

import argparse
import json
import time
from decimal import Decimal
from pathlib import Path
from statistics import quantiles

from smart_leverage.brokers.sim.client import SimBrokerClient
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.orders import Approved, Order, OrderType, Side, TimeInForce
from smart_leverage.domain.registry import Registry
from smart_leverage.runtime.venue_process import venue_process

CASH, COIN = Decimal(10_000_000), "BTC/USD"
SPREAD = 0.0005


def order_of(coin: Instrument, number: int) -> Approved:
    """Return the next order, a small purchase."""
    order = Order(
        client_order_id=f"venue {number}",
        bot="benchmark",
        key=coin.key,
        side=Side.BUY,
        qty=Decimal("0.001"),
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
    )
    return Approved(order, "benchmark")


def waits(client: SimBrokerClient, seconds: float, rate: float) -> list[float]:
    """Return the milliseconds that each order waited for its answer, from when it was due."""
    coin = next(each for each in Registry.builtin().values() if each.symbol == COIN)
    price = float(coin.reference_price)
    found: list[float] = []
    began = time.perf_counter()
    for number in range(int(seconds * rate)):
        if number % rate == 0:  # the market moves once a second
            client.on_quote(time.time_ns(), coin.key, price * (1 - SPREAD), price * (1 + SPREAD))
        due = began + (number + 1) / rate
        time.sleep(max(due - time.perf_counter(), 0.0))
        client.submit(order_of(coin, number))
        found.append((time.perf_counter() - due) * 1_000.0)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Load a venue with orders.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=int, default=100, help="orders a second")
    asked = parser.parse_args()
    with venue_process(asked.folder, CASH) as client:
        hundredths = quantiles(waits(client, asked.seconds, asked.rate), n=100)
    print(json.dumps({f"p{at}_ms": round(hundredths[at - 1], 3) for at in (50, 90, 99)}))


if __name__ == "__main__":
    main()
