"""An exchange that speaks the protocol of Binance US over sockets, with faults to order.

Behind it stands the simulated venue in a process of its own; between the two this says everything
as the exchange does: signed requests, filters, its own order numbers, executions with the currency
of their fee, a name that may be used again once its order has ended. ccxt is left as it is; only
the last step of its requests leads here instead of to the exchange.
"""

import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.contract import alpaca_venue

from smart_leverage.brokers.ccxt import ExchangeOptions, Keys
from smart_leverage.brokers.sim import SimBrokerClient
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, BrokerOrder, Order, OrderType, Side, TimeInForce
from smart_leverage.wire.encoding import plain

LOOPBACK = alpaca_venue.LOOPBACK
KEYS = Keys("key-of-the-exchange", "a-secret-of-the-exchange")
MS_NS = 1_000_000
STEPS = {
    "BTC": ("0.00001000", "0.01000000"),
    "ETH": ("0.00010000", "0.01000000"),
    "SOL": ("0.01000000", "0.01000000"),
    "DOGE": ("1.00000000", "0.00001000"),
}
"""Coins that are traded: the step of a quantity, and of a price."""

NOTIONAL_MIN = "10.00000000"
STATUSES = {
    "new": "NEW", "accepted": "NEW", "pending_new": "NEW", "held": "NEW",
    "partially_filled": "PARTIALLY_FILLED", "filled": "FILLED", "canceled": "CANCELED",
    "replaced": "CANCELED", "expired": "EXPIRED", "rejected": "REJECTED",
}  # fmt: skip
TYPES = {
    OrderType.MARKET: "MARKET",
    OrderType.LIMIT: "LIMIT",
    OrderType.STOP_LIMIT: "STOP_LOSS_LIMIT",
}


class ExchangeError(Exception):
    """The exchange's own no."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Venue(alpaca_venue.Venue):
    """The exchange's front: what clients asked, and what is to go wrong."""

    def __init__(self, behind: SimBrokerClient) -> None:
        super().__init__(behind)
        self.numbers: dict[str, int] = {}
        self.lock = threading.Lock()
        self.ahead_ms = 0
        """How far the exchange's clock is ahead of ours."""
        self.hides: set[str] = set()
        """Names of orders whose executions the exchange does not list yet."""
        self.books: dict[Key, tuple[float, float]] = {}
        """Bid and ask, as far as a test has said."""

    def options(self, **more: Any) -> ExchangeOptions:
        url = f"http://{LOOPBACK}:{self.port}"
        words = {"exchange": "binanceus", "pairs": ("BTC/USD", "ETH/USD"), "url": url}
        return ExchangeOptions(**(words | more))

    def number(self, broker_order_id: str) -> int:
        with self.lock:
            return self.numbers.setdefault(broker_order_id, 7_000_001 + len(self.numbers))

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms

    def all(self) -> list[BrokerOrder]:
        return list(self.behind.orders())

    def filled(self) -> list[Any]:
        return [each for each in self.behind.updates(0) if each.fill is not None]


def symbol_of(key: Key) -> str:
    return key.partition(":")[2].replace("/", "")


def name_of(order: BrokerOrder) -> str:
    """Return the name that a client gave: behind, a name that was used again has a mark."""
    return order.order.client_order_id.partition("~")[0]


def ms(at_ns: int) -> int:
    return at_ns // MS_NS


def eight(value: Decimal | None) -> str:
    """Return a number as the exchange writes it; the venue behind it knows a ninth decimal."""
    least = f"{value or 0:.8f}"
    return least if Decimal(least) == (value or 0) else plain(value or Decimal(0))


class Handler(alpaca_venue.Handler):
    """One connection of a client."""

    venue: Venue

    def _answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        try:
            return 200, self._answered(path, query, body.decode())
        except ExchangeError as error:
            return error.status, {"code": error.code, "msg": error.message}

    def _answered(self, path: str, query: dict[str, str], body: str) -> Any:
        if path in PUBLIC:
            return PUBLIC[path](self.venue)
        said = self._signed(body if self.command == "POST" else urlsplit(self.path).query)
        route = ROUTES.get((self.command, path))
        if route is None:
            raise ExchangeError(-1000, f"no route {self.command} {path}", 404)
        return route(self.venue, said)

    def _signed(self, query: str) -> dict[str, str]:
        """Return the parameters of a request whose signature and time are right."""
        signed, _, signature = query.rpartition("&signature=")
        wanted = hmac.new(KEYS.secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if self.headers["X-MBX-APIKEY"] != KEYS.key_id:
            raise ExchangeError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        if not hmac.compare_digest(wanted, signature):
            raise ExchangeError(-1022, "Signature for this request is not valid.")
        said = dict(parse_qsl(signed))
        late_ms = self.venue.now_ms() - int(said["timestamp"])
        if not -1000 < late_ms <= int(said.get("recvWindow", "5000")):
            raise ExchangeError(-1021, "Timestamp for this request is outside of the recvWindow.")
        return said


# -- what is answered -----------------------------------------------------------------------------


def row_of(venue: Venue, one: BrokerOrder) -> dict[str, Any]:
    order = one.order
    cost = one.filled_qty * (one.filled_avg_price or 0)
    return {
        "symbol": symbol_of(order.key), "orderId": venue.number(one.broker_order_id),
        "orderListId": -1, "clientOrderId": name_of(one), "price": eight(order.limit_price),
        "origQty": eight(order.qty), "executedQty": eight(one.filled_qty),
        "cummulativeQuoteQty": eight(cost), "status": STATUSES[one.status],
        "timeInForce": "IOC" if order.time_in_force is TimeInForce.IOC else "GTC",
        "type": TYPES[order.type], "side": order.side.value.upper(),
        "stopPrice": eight(order.stop_price), "icebergQty": "0.00000000",
        "time": ms(one.submitted_at_ns), "updateTime": ms(one.updated_at_ns), "isWorking": True,
        "workingTime": ms(one.submitted_at_ns), "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }  # fmt: skip


def _info(venue: Venue) -> Any:
    symbols = []
    for coin, (step, tick) in STEPS.items():
        filters = [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000",
             "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000.00000000",
             "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "500.00000000",
             "stepSize": "0.00000000"},
            {"filterType": "NOTIONAL", "minNotional": NOTIONAL_MIN, "applyMinToMarket": True,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
        ]  # fmt: skip
        symbols.append(
            {"symbol": f"{coin}USD", "status": "TRADING", "baseAsset": coin,
             "baseAssetPrecision": 8, "quoteAsset": "USD", "quotePrecision": 4,
             "quoteAssetPrecision": 4, "baseCommissionPrecision": 8, "quoteCommissionPrecision": 2,
             "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"],
             "icebergAllowed": True, "ocoAllowed": True, "quoteOrderQtyMarketAllowed": True,
             "isSpotTradingAllowed": True, "isMarginTradingAllowed": False, "filters": filters,
             "permissions": ["SPOT"]}
        )  # fmt: skip
    return {"timezone": "UTC", "serverTime": venue.now_ms(), "rateLimits": [],
            "exchangeFilters": [], "symbols": symbols}  # fmt: skip


def _time(venue: Venue) -> Any:
    return {"serverTime": venue.now_ms()}


def _prices(venue: Venue) -> Any:
    return [
        {"symbol": symbol_of(one.key), "price": eight(one.price)}
        for one in venue.behind.positions()
        if one.key.startswith("crypto:")
    ]


def _books(venue: Venue) -> Any:
    return [
        {"symbol": symbol_of(key), "bidPrice": f"{bid:.8f}", "bidQty": "1.00000000",
         "askPrice": f"{ask:.8f}", "askQty": "1.00000000"}
        for key, (bid, ask) in venue.books.items()
    ]  # fmt: skip


def _submit(venue: Venue, said: dict[str, str]) -> Any:
    coin = said["symbol"].removesuffix("USD")
    if coin not in STEPS:
        raise ExchangeError(-1121, "Invalid symbol.")
    qty, (step, tick) = Decimal(said["quantity"]), STEPS[coin]
    if qty % Decimal(step):
        raise ExchangeError(-1013, "Filter failure: LOT_SIZE")
    prices = {
        name: Decimal(said[name]) for name in ("price", "stopPrice") if said.get(name) is not None
    }
    if any(price % Decimal(tick) for price in prices.values()):
        raise ExchangeError(-1013, "Filter failure: PRICE_FILTER")
    name = said["newClientOrderId"]
    if len(name) > 36:
        raise ExchangeError(-1100, "Illegal characters found in parameter 'newClientOrderId'.")
    same = [each for each in venue.all() if name_of(each) == name]
    if any(each.is_open for each in same):
        raise ExchangeError(-2010, "Duplicate order sent.")
    order = Order(
        client_order_id=f"{name}~{len(same)}" if same else name, bot="venue",
        key=Key(f"crypto:{coin}/USD"), side=Side(said["side"].lower()), qty=qty,
        type=next(kind for kind, word in TYPES.items() if word == said["type"]),
        time_in_force=TimeInForce(said.get("timeInForce", "GTC").lower()),
        limit_price=prices.get("price"), stop_price=prices.get("stopPrice"),
    )  # fmt: skip
    try:
        answer = venue.behind.submit(Approved(order, "venue"))
    except Refused as error:
        raise _own(error) from error
    row = row_of(venue, answer)
    return row | {"transactTime": row["time"], "fills": []}


def _own(error: Refused) -> ExchangeError:
    if "insufficient" in error.message:
        return ExchangeError(-2010, "Account has insufficient balance for requested action.")
    if "cost basis" in error.message:
        return ExchangeError(-1013, "Filter failure: NOTIONAL")
    return ExchangeError(-2010, f"Order was rejected: {error.message}")


def _named(venue: Venue, said: dict[str, str], code: int, message: str) -> BrokerOrder:
    """Return the order that a request names, the last one of those that had the name."""
    for each in reversed(venue.all()):
        is_it = (
            name_of(each) == said["origClientOrderId"]
            if "origClientOrderId" in said
            else str(venue.number(each.broker_order_id)) == said["orderId"]
        )
        if is_it and symbol_of(each.order.key) == said["symbol"]:
            return each
    raise ExchangeError(code, message)


def _order(venue: Venue, said: dict[str, str]) -> Any:
    return row_of(venue, _named(venue, said, -2013, "Order does not exist."))


def _cancel(venue: Venue, said: dict[str, str]) -> Any:
    order = _named(venue, said, -2011, "Unknown order sent.")
    try:
        venue.behind.cancel(order.order.client_order_id)
    except Refused as error:
        raise ExchangeError(-2011, "Unknown order sent.") from error
    row = row_of(venue, _named(venue, said, -2011, "Unknown order sent."))
    return row | {"origClientOrderId": row["clientOrderId"], "clientOrderId": "cancel-of-it"}


def _open(venue: Venue, said: dict[str, str]) -> Any:
    rows = [
        row_of(venue, each)
        for each in venue.behind.orders(is_open=True)
        if each.order.key.startswith("crypto:")
    ]
    return [row for row in rows if said.get("symbol") in (None, row["symbol"])]


def _within(said: dict[str, str], at_ms: int) -> bool:
    first, last = int(said.get("startTime", 0)), int(said.get("endTime", 2**62))
    if last <= first:
        raise ExchangeError(-1102, "Mandatory parameter 'endTime' was not sent or malformed.")
    if "startTime" in said and "endTime" in said and last - first > 24 * 3600 * 1000:
        raise ExchangeError(-1127, "More than 24 hours between startTime and endTime.")
    return first <= at_ms <= last


def _all(venue: Venue, said: dict[str, str]) -> Any:
    rows = [row_of(venue, each) for each in venue.all() if each.order.key.startswith("crypto:")]
    rows = [r for r in rows if r["symbol"] == said["symbol"] and _within(said, r["time"])]
    return _page(rows, said)


def _page(rows: list[dict[str, Any]], said: dict[str, str]) -> list[dict[str, Any]]:
    """Return the first rows since a time, or the newest where none is named."""
    limit = int(said.get("limit", "500"))
    return rows[:limit] if "startTime" in said else rows[-limit:]


def _trades(venue: Venue, said: dict[str, str]) -> Any:
    rows = []
    for update in venue.filled():
        fill, one = update.fill, update.broker_order
        if symbol_of(fill.key) != said["symbol"] or name_of(one) in venue.hides:
            continue
        rows.append(
            {"symbol": symbol_of(fill.key), "id": update.sequence,
             "orderId": venue.number(one.broker_order_id), "orderListId": -1,
             "price": eight(fill.price), "qty": eight(fill.qty),
             "quoteQty": eight(fill.qty * fill.price), "commission": plain(fill.fee),
             "commissionAsset": fill.fee_asset, "time": ms(fill.at_ns),
             "isBuyer": fill.side is Side.BUY, "isMaker": False, "isBestMatch": True}
        )  # fmt: skip
    if "orderId" in said:
        rows = [row for row in rows if str(row["orderId"]) == said["orderId"]]
    rows = [row for row in rows if _within(said, int(row["time"]))]
    return _page(rows, said)


def _account(venue: Venue, said: dict[str, str]) -> Any:
    one = venue.behind.account()
    free = one.non_marginable_buying_power
    coins = [
        (each.key.partition(":")[2].partition("/")[0], each.qty_available, each.qty)
        for each in venue.behind.positions()
        if each.key.startswith("crypto:")
    ]
    balances = [("USD", free, one.cash), *coins, ("BNB", Decimal(0), Decimal(0))]
    return {
        "makerCommission": 10, "takerCommission": 10, "canTrade": True, "canWithdraw": False,
        "canDeposit": True, "updateTime": ms(one.at_ns), "accountType": "SPOT", "uid": 354937868,
        "balances": [
            {"asset": code, "free": eight(left), "locked": eight(total - left)}
            for code, left, total in balances
        ],
        "permissions": ["SPOT"],
    }  # fmt: skip


def _deposits(venue: Venue, said: dict[str, str]) -> Any:
    return [
        {"id": one.activity_id, "amount": plain(one.net_amount), "coin": "USD", "network": "ACH",
         "status": 1, "txId": one.reference, "insertTime": ms(one.at_ns), "transferType": 0}
        for one in venue.behind.activities()
        if one.type == "CSD"
    ]  # fmt: skip


def _withdrawals(venue: Venue, said: dict[str, str]) -> Any:
    return [
        {"id": one.activity_id, "amount": plain(-one.net_amount), "transactionFee": "0",
         "coin": "USD", "status": 6, "txId": one.reference,
         "applyTime": f"{datetime.fromtimestamp(one.at_ns // 10**9, UTC):%Y-%m-%d %H:%M:%S}"}
        for one in venue.behind.activities()
        if one.type == "CSW"
    ]  # fmt: skip


PUBLIC = {
    "/api/v3/exchangeInfo": _info,
    "/api/v3/time": _time,
    "/api/v3/ticker/price": _prices,
    "/api/v3/ticker/bookTicker": _books,
}
ROUTES = {
    ("POST", "/api/v3/order"): _submit,
    ("GET", "/api/v3/order"): _order,
    ("DELETE", "/api/v3/order"): _cancel,
    ("GET", "/api/v3/openOrders"): _open,
    ("GET", "/api/v3/allOrders"): _all,
    ("GET", "/api/v3/myTrades"): _trades,
    ("GET", "/api/v3/account"): _account,
    ("GET", "/sapi/v1/capital/deposit/hisrec"): _deposits,
    ("GET", "/sapi/v1/capital/withdraw/history"): _withdrawals,
}


@contextmanager
def ccxt_venue(behind: SimBrokerClient) -> Iterator[Venue]:
    """Serve requests until the block ends."""
    venue = Venue(behind)
    server = ThreadingHTTPServer((LOOPBACK, 0), type("Bound", (Handler,), {"venue": venue}))
    server.daemon_threads = True
    venue.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield venue
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)
