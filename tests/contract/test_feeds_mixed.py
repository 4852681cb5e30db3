"""A feed that lags beside a live one: each price by its own age, and the older one never counts."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.simulation.desk import BTC, DOGE, KO, D, Desk

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.clock import MINUTE_NS, SystemClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Prices, Rung, Wished
from smart_leverage.market.latest import AlpacaQuotes, LatestQuotes
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, Traders, in_real_time, opening
from smart_leverage.wiring.venues import Venue

LAG = timedelta(minutes=15)
PRICES = {"KO": 60.0, "BTC/USD": 50_000.0}


class Data(BaseHTTPRequestHandler):
    """Market data: coins as they are, shares of the delayed feed as they were, others as asked."""

    feeds: ClassVar[list[str]] = []

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = parse_qs(url.query)
        feed = asked.get("feed", [""])[0]
        type(self).feeds.extend([feed] if "stocks" in url.path else [])
        now = datetime.now(UTC) - (LAG if feed == "delayed_sip" else timedelta(0))
        quotes = {
            symbol: {"t": now.isoformat().replace("+00:00", "Z"), "bp": price, "ap": price}
            for symbol in asked["symbols"][0].split(",")
            if (price := PRICES.get(symbol))
        }
        body = json.dumps({"quotes": quotes} if "quotes" in url.path else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def url() -> Iterator[str]:
    Data.feeds.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Data)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("feed", "of_a_share"), [("delayed_sip", "no_price"), ("sip", "other")])
def test_shares_of_a_delayed_feed_carry_nothing_and_coins_beside_them_do(
    url: str, tmp_path: Path, feed: str, of_a_share: str
) -> None:
    settings, registry, keys = Settings(), Registry.builtin(), [KO, BTC]
    start = Beginning(D(100_000))
    with (
        closing(AlpacaQuotes(("k", "s"), url=url, feed=feed)) as asker,
        closing(LatestQuotes(asker, lambda: keys)) as quotes,
        SimBroker(registry, config=SimConfig(mode=Mode.LIVE, cash=start.cash)) as broker,
    ):
        quotes.begin()
        venue = Venue(
            broker=broker,
            quotes=quotes,
            market=broker,
            begin=lambda at_ns: opening(settings, at_ns, start, registry, keys),
            last_close=lambda key: None,
        )
        with in_real_time(
            tmp_path, settings, nullcontext(venue), Traders(), clock=SystemClock()
        ) as (driver, _):
            driver.step()
            told = {key: _bought(driver, key, qty) for key, qty in ((KO, "1"), (BTC, "0.001"))}
            marks = driver.trader.engine.valuation()
    assert set(Data.feeds) == {feed}
    assert told[BTC] == "none"
    assert (told[KO] == "no_price") is (of_a_share == "no_price")
    assert marks.equity > 0


def _bought(driver: Any, key: Key, qty: str) -> str:
    at_ns = driver.clock.now_ns()
    wish = OrderWish(at_ns=at_ns, key=key, side=Side.BUY, source="b", id=key, qty=Decimal(qty))
    reason: str = driver.trader.offer(Wished(at_ns=at_ns, wish=wish, bot="b"))[0].reason
    return reason


def quoted(desk: Desk, key: Key, price: str, minutes_ago: int = 0) -> None:
    desk.wait(1)
    seen_ns = desk.now_ns - minutes_ago * MINUTE_NS
    prints = ((key, D(price)),)
    desk.feed(Prices(at_ns=desk.now_ns, prints=prints, seen_ns=(seen_ns,), rung=Rung.QUOTE))


def test_what_a_lagging_feed_says_of_the_same_instrument_changes_nothing() -> None:
    """Otherwise the old price would stand in for the new one, and age it."""
    desk = Desk()
    quoted(desk, DOGE, "0.11")
    quoted(desk, DOGE, "0.09", minutes_ago=15)
    assert desk.buy(DOGE, "100").verdict == "approved"
    assert desk.engine._core.ladder.mark(DOGE) == D("0.11")
    quoted(desk, DOGE, "0.5", minutes_ago=15)  # nor does its jump put the live price in doubt
    assert desk.buy(DOGE, "100").verdict == "approved"
    quoted(desk, DOGE, "0.1105")
    assert desk.buy(DOGE, "100").price == D("0.1105")


def test_a_lagging_feed_alone_values_and_carries_no_increase_but_every_exit() -> None:
    desk = Desk()
    desk.hold(KO, "10")
    desk.wait(20 * 60)
    quoted(desk, KO, "61", minutes_ago=15)
    assert desk.engine._core.ladder.mark(KO) == D(61)
    assert desk.buy(KO, "1").reason == "no_price"
    assert desk.sell(KO, "10").given == D(10)
