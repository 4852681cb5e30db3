"""alpaca-trade-api, unmodified: pointed at the gateway by its environment, as its users do it."""

import asyncio
import os
import sys
import threading
from typing import Any

url, key_id, secret = sys.argv[1:4]
os.environ |= {
    "APCA_API_BASE_URL": url,
    "APCA_API_KEY_ID": key_id,
    "APCA_API_SECRET_KEY": secret,
    "APCA_RETRY_WAIT": "1",
}

import alpaca_trade_api  # noqa: E402
from alpaca_trade_api import REST, Stream  # noqa: E402
from seen import Seen, until  # noqa: E402

BTC, ETH = "BTC/USD", "ETH/USD"
seen = Seen()
api = REST()
updates: list[dict[str, Any]] = []


async def hear(update: Any) -> None:
    updates.append(update._raw)


def listen() -> None:
    """Run the client's stream on a thread and return once it has said that it listens."""
    stream = Stream()
    stream.subscribe_trade_updates(hear)
    running = threading.Thread(target=lambda: asyncio.run(stream._trading_ws._run_forever()))
    running.daemon = True
    running.start()
    until(lambda: stream._trading_ws._running)


def filled(order: Any) -> Any:
    return until(
        lambda: ((found := api.get_order(order.id)).status == "filled" and found) or None,
    )


def with_status(order: Any, status: str) -> Any:
    return until(lambda: ((found := api.get_order(order.id)).status == status and found) or None)


def limit(price: str, **more: Any) -> Any:
    return api.submit_order(
        ETH, qty=0.02, side="buy", type="limit", time_in_force="gtc", limit_price=price, **more
    )


def look() -> None:
    seen.step("version", lambda: alpaca_trade_api.__version__)
    seen.step("account", api.get_account)
    seen.step("configurations", api.get_account_configurations)
    seen.step("clock", api.get_clock)
    seen.step("calendar", lambda: api.get_calendar("2026-11-25", "2026-11-30"))
    seen.step("assets", lambda: api.list_assets(status="active", asset_class="crypto"))
    for name in (BTC, "BTCUSD"):
        seen.step(f"asset {name}", lambda name=name: api.get_asset(name))
    seen.step("no positions", api.list_positions)
    seen.step("no orders", api.list_orders)
    seen.step("history", lambda: api.get_portfolio_history(period="1D", timeframe="1Min"))


def trade() -> None:
    order = seen.step("buy", lambda: api.submit_order(BTC, qty=0.01, time_in_force="gtc"))
    seen.step("bought", lambda: filled(order))
    seen.step("position", lambda: api.get_position("BTCUSD"))
    seen.step("position by pair", lambda: api.get_position(BTC))
    seen.step("positions", api.list_positions)
    seen.step("fills", lambda: api.get_activities(activity_types="FILL"))
    seen.step("fees", lambda: api.get_activities(activity_types=["CFEE", "FEE"], page_size=5))
    seen.step("sell a part", lambda: api.close_position("BTCUSD", qty=0.004))
    until(lambda: float(api.get_position("BTCUSD").qty) < 0.0061)
    seen.step("sell all", api.close_all_positions)
    seen.step("nothing left", lambda: until(lambda: api.list_positions() == []))
    money = seen.step(
        "buy for money", lambda: api.submit_order(ETH, notional=50, time_in_force="gtc")
    )
    seen.step("bought for money", lambda: filled(money))
    seen.step("close", lambda: api.close_position("ETHUSD"))
    until(lambda: api.list_positions() == [])


def rest() -> None:
    order = seen.step("limit", lambda: limit("900", client_order_id="trade-api-1"))
    seen.step("by client id", lambda: api.get_order_by_client_order_id("trade-api-1"))
    seen.step("again", lambda: limit("900", client_order_id="trade-api-1"))
    seen.step("name taken", lambda: limit("905", client_order_id="trade-api-1"))
    seen.step("orders", lambda: api.list_orders(status="open", nested=True, symbols=["ETHUSD"]))
    changed = seen.step("replace", lambda: api.replace_order(order.id, limit_price="910"))
    seen.step("replaced", lambda: with_status(order, "replaced"))
    seen.step("cancel", lambda: api.cancel_order(changed.id))
    seen.step("cancelled", lambda: with_status(changed, "canceled"))
    seen.step("cancel again", lambda: api.cancel_order(changed.id))
    limit("800")
    limit("801")
    seen.step("cancel all", api.cancel_all_orders)
    seen.step("none open", lambda: until(lambda: api.list_orders() == []))
    seen.step("closed", lambda: api.list_orders(status="closed", limit=100, direction="asc"))


def be_refused() -> None:
    seen.step("too much", lambda: api.submit_order(BTC, qty=50, time_in_force="gtc"))
    seen.step("not held", lambda: api.submit_order(BTC, qty=1, side="sell", time_in_force="gtc"))
    seen.step("unknown order", lambda: api.get_order("00000000-0000-0000-0000-000000000000"))
    seen.step("unknown asset", lambda: api.get_asset("NOSUCH"))
    seen.step("no such symbol", lambda: api.submit_order("NOSUCH", qty=1))
    seen.step("day for a coin", lambda: api.submit_order(BTC, qty=0.01, time_in_force="day"))
    seen.step("loosen", lambda: api.update_account_configurations(no_shorting=False))
    seen.step("wrong keys", lambda: REST(key_id, "wrong").get_account())


def keep_watchlists() -> None:
    made = seen.step("watchlist", lambda: api.create_watchlist("mine", ["SPY", BTC]))
    seen.step("add", lambda: api.add_to_watchlist(made.id, ETH))
    seen.step("remove", lambda: api.delete_from_watchlist(made.id, "SPY"))
    seen.step("rename", lambda: api.update_watchlist(made.id, name="other"))
    seen.step("by name", lambda: api.get_watchlist_by_name("other"))
    seen.step("delete", lambda: api.delete_watchlist(made.id))
    seen.step("watchlists", api.get_watchlists)


def suspend_itself() -> None:
    seen.step("tighten", lambda: api.update_account_configurations(suspend_trade=True))
    seen.step("suspended", lambda: api.submit_order(BTC, qty=0.001, time_in_force="gtc"))
    seen.step("updates", lambda: updates)


seen.all(listen, look, trade, rest, be_refused, keep_watchlists, suspend_itself)
os._exit(0)  # The client's stream would reconnect for ever.
