"""ccxt's class for the venue, unmodified: its address book points at the gateway, that is all."""

import asyncio
import sys
from typing import Any

import ccxt
import ccxt.pro
from seen import Seen, until

url, key_id, secret = sys.argv[1:4]
BTC, ETH = "BTC/USD", "ETH/USD"
seen = Seen()


def pointed(kind: Any, password: str = secret) -> Any:
    exchange = kind({"apiKey": key_id, "secret": password, "rateLimit": 20})
    exchange.urls["api"] = {
        "broker": url,
        "trader": url,
        "market": url,
        "ws": {"trading": url.replace("http", "ws", 1) + "/stream"},
    }
    return exchange


api = pointed(ccxt.alpaca)


def settled(order: Any, status: str) -> Any:
    return until(lambda: (found := api.fetch_order(order["id"]))["status"] == status and found)


def limit(price: float, **params: Any) -> Any:
    return api.create_order(ETH, "limit", "buy", 0.02, price, params)


def look() -> None:
    seen.step("version", lambda: ccxt.__version__)
    seen.step(
        "markets", lambda: {name: market["id"] for name, market in api.load_markets().items()}
    )
    seen.step("time", api.fetch_time)
    seen.step("balance", api.fetch_balance)
    seen.step("no orders", api.fetch_open_orders)


def trade() -> None:
    order = seen.step("buy", lambda: api.create_order(BTC, "market", "buy", 0.01))
    seen.step("bought", lambda: settled(order, "closed"))
    seen.step("balance with coins", api.fetch_balance)
    seen.step("trades", lambda: api.fetch_my_trades(BTC))
    free = api.fetch_balance()["BTC"]["free"]
    sale = seen.step("sell", lambda: api.create_order(BTC, "market", "sell", free))
    seen.step("sold", lambda: settled(sale, "closed"))
    cost = seen.step("buy for money", lambda: api.create_market_buy_order_with_cost(ETH, 50))
    seen.step("bought for money", lambda: settled(cost, "closed"))
    seen.step("closed orders", lambda: api.fetch_closed_orders(BTC, limit=10))


def rest() -> None:
    order = seen.step("limit", lambda: limit(900, clientOrderId="ccxt-1"))
    seen.step("open orders", lambda: api.fetch_open_orders(ETH, since=api.milliseconds() - 60_000))
    changed = seen.step("edit", lambda: api.edit_order(order["id"], ETH, "limit", "buy", 0.02, 910))
    seen.step("edited", lambda: settled(order, "canceled"))
    seen.step("cancel", lambda: api.cancel_order(changed["id"]))
    seen.step("cancelled", lambda: settled(changed, "canceled"))
    seen.step("cancel again", lambda: api.cancel_order(changed["id"]))
    limit(800)
    limit(801)
    seen.step("cancel all", api.cancel_all_orders)
    seen.step("none open", lambda: until(lambda: api.fetch_open_orders() == []))
    trigger = seen.step(
        "trigger",
        lambda: api.create_order(ETH, "limit", "buy", 0.02, 9_010, {"triggerPrice": 9_000}),
    )
    api.cancel_order(trigger["id"])


def be_refused() -> None:
    seen.step("too much", lambda: api.create_order(BTC, "market", "buy", 50))
    seen.step("too much money", lambda: api.create_market_buy_order_with_cost(BTC, 90_000))
    seen.step("not held", lambda: api.create_order(BTC, "market", "sell", 1))
    seen.step("too little", lambda: api.create_order(BTC, "market", "buy", 0.00001))
    seen.step("unknown order", lambda: api.fetch_order("00000000-0000-0000-0000-000000000000"))
    seen.step("fill or kill", lambda: limit(900, timeInForce="FOK"))
    seen.step("withdraw", lambda: api.withdraw("BTC", 0.1, "bc1qnowhere"))
    seen.step("wrong keys", lambda: pointed(ccxt.alpaca, "wrong").fetch_balance())


async def watch() -> list[Any]:
    """Return the states of an order as the stream told them, from its entry to its cancel."""
    exchange = pointed(ccxt.pro.alpaca)
    told: list[Any] = []
    try:
        await exchange.load_markets()
        watching = asyncio.ensure_future(exchange.watch_orders(ETH))
        await asyncio.sleep(1.0)
        order = await exchange.create_order(ETH, "limit", "buy", 0.02, 905)
        async with asyncio.timeout(10.0):
            told += [[each["id"] == order["id"], each["status"]] for each in await watching]
            await exchange.cancel_order(order["id"])
            while told[-1][1] != "canceled":
                news = await exchange.watch_orders(ETH)
                told += [[each["id"] == order["id"], each["status"]] for each in news]
    finally:
        await exchange.close()
    return told


async def watch_trade() -> Any:
    exchange = pointed(ccxt.pro.alpaca)
    try:
        await exchange.load_markets()
        watching = asyncio.ensure_future(exchange.watch_my_trades(ETH))
        await asyncio.sleep(1.0)
        order = await exchange.create_order(ETH, "market", "buy", 0.01)
        async with asyncio.timeout(10.0):
            trades = await watching
        return [[each["order"] == order["id"], each["side"], each["amount"]] for each in trades]
    finally:
        await exchange.close()


def stream() -> None:
    seen.step("watched", lambda: asyncio.run(watch()))
    seen.step("watched trades", lambda: asyncio.run(watch_trade()))


seen.all(look, trade, rest, be_refused, stream)
