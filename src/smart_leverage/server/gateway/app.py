"""The gateway's routes: each with the scope that it takes; what is not here is not passed on."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.bots import Scope
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.office import Office
from smart_leverage.server.bridge import Bridge
from smart_leverage.server.gate import Door, Gate
from smart_leverage.server.gateway.account import AccountRoutes
from smart_leverage.server.gateway.instruments import Instruments, Listing
from smart_leverage.server.gateway.market import MarketRoutes
from smart_leverage.server.gateway.orders import Orders
from smart_leverage.server.gateway.positions import Positions
from smart_leverage.server.gateway.updates import Updates
from smart_leverage.server.gateway.views import LastPrice
from smart_leverage.server.gateway.watchlists import Watchlists
from smart_leverage.server.http import Route

WATCHLISTS = "watchlists.json"
READ, REDUCE, TRADE = Scope.READ, Scope.REDUCE, Scope.TRADE


class Parts(NamedTuple):
    """What a gateway stands on."""

    trader: Driven
    office: Office
    folder: Path
    ledger: Path
    door: Door
    last_price: LastPrice
    similar_max: float = math.inf
    """How often a bot may ask for one instrument within a minute."""


More = Callable[[Bridge, Listing], Sequence[Route]]


class Gateway(NamedTuple):
    """The application, and whom to tell of the loop that runs it."""

    app: Gate
    bridge: Bridge
    updates: Updates


def gateway(parts: Parts, more: More) -> Gateway:
    """Return the application of an account; `more` makes the routes beside the broker's own."""
    bridge, door = Bridge(parts.office), parts.door
    instruments = Instruments(parts.trader)
    listing = Listing(instruments)
    orders = Orders(bridge, listing, door.rates, parts.similar_max)
    updates = Updates(
        parts.office,
        lambda: parts.trader.engine.state.seats,
        lambda bot, key: parts.trader.engine.state.book.bot_qty(bot, key),
        door.now_ns,
    )
    routes = [
        *_orders(orders),
        *_positions(Positions(bridge, orders, listing, parts.last_price)),
        *_account(AccountRoutes(bridge, parts.ledger, door.now_ns)),
        *_market(MarketRoutes(listing, instruments, door.now_ns)),
        *_watchlists(Watchlists(parts.folder / WATCHLISTS, listing, door.now_ns)),
        *more(bridge, listing),
    ]
    return Gateway(Gate(routes, door, {"/stream": updates}), bridge, updates)


def _orders(orders: Orders) -> list[Route]:
    path, one = "/v2/orders", "/v2/orders/{id}"
    return [
        # Its rate is taken once the side is known: a sale is never throttled.
        Route("POST", path, REDUCE, orders.create, is_free=True),
        Route("GET", path, READ, orders.list),
        Route("DELETE", path, REDUCE, orders.cancel_all, is_free=True),
        Route("GET", "/v2/orders:by_client_order_id", READ, orders.by_client_id),
        Route("GET", one, READ, orders.by_id),
        Route("PATCH", one, REDUCE, orders.replace, is_free=True),
        Route("DELETE", one, REDUCE, orders.cancel, is_free=True),
    ]


def _positions(positions: Positions) -> list[Route]:
    path, one = "/v2/positions", "/v2/positions/{symbol:path}"
    return [
        Route("GET", path, READ, positions.list),
        Route("DELETE", path, REDUCE, positions.close_all, is_free=True),
        Route("GET", one, READ, positions.one),
        Route("DELETE", one, REDUCE, positions.close, is_free=True),
    ]


def _account(account: AccountRoutes) -> list[Route]:
    path = "/v2/account"
    return [
        Route("GET", path, READ, account.account),
        Route("GET", f"{path}/configurations", READ, account.configuration),
        Route("PATCH", f"{path}/configurations", REDUCE, account.configure, is_free=True),
        Route("GET", f"{path}/portfolio/history", READ, account.history),
        Route("GET", f"{path}/activities", READ, account.activities),
        Route("GET", f"{path}/activities/{{type}}", READ, account.activities),
    ]


def _market(market: MarketRoutes) -> list[Route]:
    return [
        Route("GET", "/v2/clock", READ, market.clock),
        Route("GET", "/v2/calendar", READ, market.calendar),
        Route("GET", "/v3/clock", READ, market.clocks),
        Route("GET", "/v3/calendar/{market}", READ, market.days),
        Route("GET", "/v2/assets", READ, market.assets),
        Route("GET", "/v2/assets/{symbol:path}", READ, market.asset),
    ]


def _watchlists(lists: Watchlists) -> list[Route]:
    path, one, named = "/v2/watchlists", "/v2/watchlists/{id}", "/v2/watchlists:by_name"
    routes = [
        Route("GET", path, READ, lists.list),
        Route("POST", path, READ, lists.create),
        Route("DELETE", "/v2/watchlists/{id}/{symbol:path}", READ, lists.remove),
    ]
    for place in (named, one):
        routes += [
            Route("GET", place, READ, lists.get),
            Route("PUT", place, READ, lists.update),
            Route("POST", place, READ, lists.add),
            Route("DELETE", place, READ, lists.delete),
        ]
    return routes
