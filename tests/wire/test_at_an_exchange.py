"""An account at an exchange through ccxt: a real process, real sockets, configuration only."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from tests.contract.ccxt_venue import KEYS, Venue, ccxt_venue
from tests.contract.test_broker_contract import BTC, ETH, beside
from tests.wire.serving import gateway
from tests.wire.test_alpaca_py import eventually
from tests.wire.test_at_a_broker import books, buy, held, notes, status, told

from smart_leverage.brokers.sim import Mode, SimBrokerClient, SimConfig

BOOKS = {BTC: (49_990.0, 50_010.0), ETH: (1_999.0, 2_001.0)}


@contextmanager
def ticking(venue: Venue) -> Iterator[None]:
    """Let the exchange's market go on as real ones do."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(0.3):
            now = time.time_ns()
            venue.behind.on_quotes(now, [(key, *book) for key, book in BOOKS.items()])

    venue.books = dict(BOOKS)
    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5.0)


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    config = SimConfig(mode=Mode.LIVE, opened_at_ns=time.time_ns(), partial_probability=0.3, seed=5)
    with beside(config, tmp_path) as desk:
        assert isinstance(desk.venue, SimBrokerClient)
        with ccxt_venue(desk.venue) as exchange, ticking(exchange):
            yield exchange


def settings_of(venue: Venue, folder: Path) -> str:
    (folder / "keys").touch(mode=0o600)
    (folder / "keys").write_text(f"{KEYS.key_id}\n{KEYS.secret}\n")
    url = venue.options().url
    return (
        '[account]\nmode = "paper"\n[broker]\nexchange = "binanceus"\nkeys_file = "keys"\n'
        f'symbols = "BTC/USD, ETH/USD"\nurl = "{url}"\ndata_url = "{url}"\n'
    )


def sells(venue: Venue) -> list[str]:
    orders = venue.behind.orders(is_open=True)
    return [one.order.client_order_id for one in orders if one.order.side.value == "sell"]


def at_the_exchange(venue: Venue) -> dict[str, Decimal]:
    return {one.key.partition(":")[2].replace("/", ""): one.qty for one in venue.behind.positions()}


def test_an_account_at_an_exchange_is_governed_and_goes_on(venue: Venue, tmp_path: Path) -> None:
    place = tmp_path / "account"
    place.mkdir()
    settings = settings_of(venue, place)
    with gateway(place, settings=settings) as governed:
        bot = TradingClient(*governed.keys["bot"], url_override=governed.url)
        buy(bot, "BTC/USD", qty="0.02")
        eventually(lambda: held(bot), 20.0)
        eventually(lambda: books(governed) == at_the_exchange(venue), 20.0)
        with pytest.raises(APIError, match="symbol cap"):
            buy(bot, "ETH/USD", notional="60000")
        eventually(lambda: sells(venue), 20.0)  # what was bought is protected there
        assert status(governed)["state"] == "active"
        keys = governed.keys["bot"]
    with gateway(place, settings=settings) as again:
        bot = TradingClient(*keys, url_override=again.url)
        eventually(lambda: books(again) == at_the_exchange(venue), 20.0)
        buy(bot, "ETH/USD", qty="0.5")
        eventually(lambda: books(again).get("ETHUSD"), 20.0)
        eventually(lambda: books(again) == at_the_exchange(venue), 20.0)
        assert "reconcile.difference" not in notes(again)
    (place / "smart-leverage.toml").write_text(settings)
    found = told(place, "doctor", "--ledger", "runs/live")
    assert f"taken by {venue.options().url}, paper" in found.stdout
