"""The desk: market data for those who have keys, and pages for the people who have a session."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.market.base import MarketSource
from smart_leverage.server.desk.routes import DataRoutes
from smart_leverage.server.desk.steering.app import Place, pages
from smart_leverage.server.desk.steering.door import Pages
from smart_leverage.server.desk.streams import Streams
from smart_leverage.server.frames import Message, Receive, Send
from smart_leverage.server.gate import Door, Gate
from smart_leverage.server.health import LIVE, READY
from smart_leverage.server.http import Call, Reply, Route
from smart_leverage.server.metrics.desk import PATH as METRICS

SHARES = "/v2/stocks"
COINS = "/v1beta3/crypto/{location}"


PROGRAMS = ("/v1", "/v2", "/v3", "/sl/", METRICS, LIVE, READY)
"""How the paths begin that are for programs; they have tokens and refuse what a browser sends."""


Serve = Callable[[Message, Receive, Send], Any]


class Data(NamedTuple):
    """What programs can ask of market data: routes, websockets by path, and who needs the loop."""

    routes: Sequence[Route]
    sockets: Mapping[str, Serve] = {}
    connect: Callable[[asyncio.AbstractEventLoop | None], None] = lambda loop: None


class Desk(NamedTuple):
    """The application, and what has to be told of the loop that runs it."""

    app: "Both"
    connect: Callable[[asyncio.AbstractEventLoop | None], None]


class Both:
    """Sends programs to the gate and people to the pages; neither lets in who belongs elsewhere."""

    def __init__(self, gate: Gate, pages: Pages) -> None:
        """Stand before both."""
        self._gate = gate
        self._pages = pages

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI."""
        is_for_people = scope["type"] == "http" and not scope["path"].startswith(PROGRAMS)
        await (self._pages if is_for_people else self._gate)(scope, receive, send)


def desk(data: Data, door: Door, place: Place, more: Sequence[Route] = ()) -> Desk:
    """Return the application that shows a market to programs, and an account to its people.

    `more` are further routes for programs; their paths stand in `PROGRAMS`.
    """
    gate = Gate([*data.routes, *more], door, data.sockets)
    return Desk(Both(gate, pages(place, door)), data.connect)


def data_of(source: MarketSource, door: Door) -> Data:
    """Return what can be asked of a market that is at hand."""
    shares = DataRoutes(source, AssetClass.US_EQUITY, door.now_ns)
    coins = DataRoutes(source, AssetClass.CRYPTO, door.now_ns)
    streams = Streams(source, door.seats, door.now_ns)
    of_shares = streams.of(AssetClass.US_EQUITY)
    sockets = {
        "/v2/iex": of_shares,
        "/v2/sip": of_shares,
        "/v1beta3/crypto/us": streams.of(AssetClass.CRYPTO),
    }
    return Data([*_of_shares(shares), *_of_coins(coins)], sockets, streams.connect)


def _of_shares(routes: DataRoutes) -> list[Route]:
    """Return the routes of shares, each for several symbols and for the one in the path."""
    found = []
    for base in (SHARES, f"{SHARES}/{{symbol}}"):
        found += [
            _closed(f"{base}/bars", routes.bars),
            _closed(f"{base}/quotes", routes.quotes),
            _closed(f"{base}/trades", routes.trades),
            _closed(f"{base}/bars/latest", routes.latest_bars),
            _closed(f"{base}/quotes/latest", routes.latest_quotes),
            _closed(f"{base}/trades/latest", routes.latest_trades),
        ]
    return [
        *found,
        _closed(f"{SHARES}/snapshots", routes.snapshots),
        _closed(f"{SHARES}/{{symbol}}/snapshot", routes.snapshots),
    ]


def _of_coins(routes: DataRoutes) -> list[Route]:
    return [
        _open(f"{COINS}/bars", routes.bars),
        _open(f"{COINS}/quotes", routes.quotes),
        _open(f"{COINS}/trades", routes.trades),
        _open(f"{COINS}/latest/bars", routes.latest_bars),
        _open(f"{COINS}/latest/quotes", routes.latest_quotes),
        _open(f"{COINS}/latest/trades", routes.latest_trades),
        _open(f"{COINS}/latest/orderbooks", routes.latest_books),
        _open(f"{COINS}/snapshots", routes.snapshots),
    ]


_Handler = Callable[[Call], Awaitable[Reply]]


def _closed(path: str, handler: _Handler) -> Route:
    return Route("GET", path, Scope.READ, handler)


def _open(path: str, handler: _Handler) -> Route:
    """Return a route that needs no key, as the venue's own."""
    return Route("GET", path, Scope.READ, handler, is_open=True)
