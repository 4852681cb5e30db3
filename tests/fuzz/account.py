"""The whole application in this process, over an account on a venue in memory; no sockets."""

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.bots import Scope, Seat, digest
from smart_leverage.domain.clock import SECOND_NS, ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, BrokerOrder
from smart_leverage.domain.records import SeatChanged
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Prices, Rung
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.runtime.office import Office
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.runtime.trader import Trader
from smart_leverage.server.api.app import native_routes
from smart_leverage.server.api.native import Native, NativeParts
from smart_leverage.server.gate import Door
from smart_leverage.server.gateway.app import Gateway, Parts, gateway
from smart_leverage.server.rates import Rates
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, engine_config, opening

MONDAY = 1_785_765_600_000_000_000
"""A Monday at ten in New York: shares and coins trade."""

QUOTES = {
    Key("crypto:BTC/USD"): 63_000.0,
    Key("crypto:ETH/USD"): 3_100.0,
    Key("us_equity:SPY"): 600.0,
    Key("us_equity:TQQQ"): 90.0,
}
SEAT = Seat(bot="one", token_id="SLKA", secret_sha256=digest("s"), scopes=(Scope.TRADE,))


class Answered(NamedTuple):
    status: int
    body: bytes


class Venue(SimBroker):
    """Counts the orders of bots that it has taken."""

    of_bots = 0

    def submit(self, approved: Approved) -> BrokerOrder:
        taken = super().submit(approved)
        self.of_bots += not approved.order.role.is_house
        return taken


class Account:
    """Serves requests by hand: whoever asks also lets the trading thread have its turn."""

    def __init__(
        self, folder: Path, venue: Venue, ledger: SqliteLedger, rates: Rates,
        similar_max: float = math.inf,
    ) -> None:  # fmt: skip
        self.venue, self.clock = venue, ManualClock(MONDAY)
        self.office = Office(lambda: None, Shelf())
        self.trader = Trader(
            Engine(engine_config(Settings())), ledger, venue, self.clock, see=self.office.shelf.hear
        )
        start = Beginning(cash=Decimal(100_000))
        registry = Registry.builtin()
        self.trader.offer(opening(Settings(), MONDAY, start, registry, list(QUOTES)))
        self.trader.engine.state.apply(
            SeatChanged(at_ns=MONDAY, seat=SEAT, who="a test", reason="a test")
        )
        self.trader.reconcile()
        self.move()

        def seats() -> dict[str, Seat]:
            return self.trader.engine.state.seats

        now_ns, path = self.clock.now_ns, folder / "ledger.sqlite"
        self.gateway: Gateway = gateway(
            Parts(
                trader=self.trader,
                office=self.office,
                folder=folder,
                ledger=path,
                door=Door(hosts=frozenset({"testing"}), seats=seats, rates=rates, now_ns=now_ns),
                last_price=lambda key: None,
                similar_max=similar_max,
            ),
            lambda bridge, listing: native_routes(
                Native(NativeParts(bridge, listing, folder, path, rates, seats, now_ns))
            ),
        )

    def move(self) -> None:
        """Let a second pass, with the same quotes."""
        now = self.clock.now_ns() + SECOND_NS
        self.clock.move_to(now)
        prints = tuple((key, Decimal(repr(price))) for key, price in QUOTES.items())
        self.trader.offer(Prices(at_ns=now, prints=prints, rung=Rung.QUOTE))
        for key, price in QUOTES.items():
            self.venue.on_quote(now, key, price * 0.9995, price * 1.0005)
        self.trader.drain()

    async def __call__(self, method: str, path: str, body: bytes = b"") -> Answered:
        sent: list[Any] = []
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if not parts:
                await asyncio.Event().wait()
            return parts.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [
            (b"host", b"testing"),
            (b"apca-api-key-id", b"SLKA"),
            (b"apca-api-secret-key", b"s"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"",
            "headers": headers, "client": ("127.0.0.1", 1),
        }  # fmt: skip
        self.gateway.bridge.connect(asyncio.get_running_loop())
        task = asyncio.ensure_future(self.gateway.app(scope, receive, send))
        while not task.done():
            await asyncio.sleep(0)
            if not self.office.is_idle:
                self.office.attend(self.trader, self.clock.now_ns)
        await task
        return Answered(sent[0]["status"], sent[1]["body"])


@contextmanager
def account(folder: Path, burst: float = 1e12, similar_max: float = math.inf) -> Iterator[Account]:
    """Make an account for the time of the block; a token has `burst` requests and gains none."""
    config = SimConfig(mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.0)
    with Venue(Registry.builtin(), config=config) as venue:
        path = folder / "ledger.sqlite"
        with SqliteLedger(path, durability=Durability.NONE) as ledger:
            yield Account(folder, venue, ledger, Rates(1e-9, burst), similar_max)
