"""Everything is sold at the broker while the account's process is dead, or hangs: once, and known.

The one that is alive is in the story of an account at a broker.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import QueryOrderStatus
from alpaca.trading.requests import GetOrdersRequest
from tests.wire.serving import Served, gateway
from tests.wire.test_alpaca_py import eventually
from tests.wire.test_at_a_broker import FORWARDS, Place, books, buy, held, notes, status, told


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gateway(tmp_path_factory.mktemp("broker"), settings=FORWARDS) as running:
        yield running


def rescued(place: Place) -> None:
    done = told(
        place.folder, "rescue", "--mode", "paper", "--keys", "broker.keys", "--url",
        place.broker.url, "--account", "runs/live", "--yes", "--for", "60", "--leave-open",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert held(place.theirs) == {}


@pytest.mark.parametrize("how", ["dead", "hung"])
def test_what_a_rescue_sold_is_adopted_and_nothing_is_doubled(
    broker: Served, tmp_path: Path, how: str
) -> None:
    place = Place(broker, tmp_path)
    with gateway(tmp_path, settings=place.settings()) as governed:
        bot = TradingClient(*governed.keys["bot"], url_override=governed.url)
        for symbol in ("BTC/USD", "ETH/USD"):
            buy(bot, symbol, notional="2000")
        eventually(lambda: len(held(bot)) == 2, 15.0)
        eventually(lambda: books(governed) == held(place.theirs), 15.0)
        number = governed.process.pid
        if how == "hung":
            os.kill(number, signal.SIGSTOP)
            try:
                rescued(place)
            finally:
                os.kill(number, signal.SIGCONT)
            eventually(lambda: books(governed) == {}, 30.0)
            assert status(governed)["state"] == "halted"
        os.kill(number, signal.SIGKILL)
        governed.process.wait(10.0)
    if how == "dead":
        rescued(place)
    with gateway(tmp_path, settings=place.settings()) as again:
        eventually(lambda: books(again) == {}, 30.0)
        assert "reconcile.difference" not in notes(again)
        assert status(again)["state"] == "halted"
    assert held(place.theirs) == {}
    every = place.theirs.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500))
    names = [one.client_order_id for one in every]
    assert len(names) == len(set(names))
