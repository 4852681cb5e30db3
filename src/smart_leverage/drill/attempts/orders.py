"""More than is allowed, by the shape of orders: replaced, small, nested, misspelt, repeated."""

import uuid
from typing import Any

from smart_leverage.drill.attempt import BTC, ETH, SHARES, SOL, Ground, attempt, symbol_of

EXITS: dict[str, Any] = {"take_profit": {"limit_price": 9_000}, "stop_loss": {"stop_price": 1}}
LEVERAGED = ("us_equity:TQQQ", "us_equity:UPRO", "us_equity:SOXL")
AAPL = SHARES[0]


@attempt()
def more_by_replacing(ground: Ground) -> None:
    """Make a small resting order large, or dear, by PATCH."""
    bot = ground.bot()
    for key, qty in ((BTC, ground.room(BTC, 0.05)), (AAPL, "2")):
        price, large = ground.stage.price(key), ground.worth(key, 0.6)
        resting: dict[str, Any] = {"type": "limit", "limit_price": f"{price * 0.8:.2f}"}
        name = ground.buy(key, qty, **resting).json.get("id", "none")
        for change in (
            {"qty": large},
            {"limit_price": f"{price * 150:.2f}"},
            {"qty": large, "limit_price": f"{price * 1.001:.2f}"},
            {"qty": "1e9"},
            {"qty": "-1"},
        ):
            told = bot("PATCH", f"/v2/orders/{name}", change).json
            name = told.get("id", name)


@attempt()
def many_small_orders(ground: Ground) -> None:
    """Send eighty small orders at once, each of which would fit alone."""
    price, qty = ground.stage.price(BTC), ground.room(BTC, 0.15)
    terms: dict[str, Any] = {"type": "limit", "limit_price": f"{price * 0.95:.2f}"}

    def send() -> None:
        for number in range(20):
            ground.buy(BTC, qty, **(terms if number % 2 else {}))

    ground.at_once(send, send, send, send)


@attempt()
def bracket_legs(ground: Ground) -> None:
    """Hide size in entries with exits, and sell the same shares by a leg and by hand."""
    bot, symbol = ground.bot(), symbol_of(AAPL)
    for order_class in ("bracket", "oto", "oco"):
        ground.buy(AAPL, ground.worth(AAPL, 3.0), order_class=order_class, **EXITS)
        ground.buy(BTC, ground.worth(BTC, 3.0), order_class=order_class, **EXITS)
    price = ground.stage.price(AAPL)
    near: dict[str, Any] = {
        "take_profit": {"limit_price": round(price * 1.02, 2)},
        "stop_loss": {"stop_price": round(price * 0.9, 2)},
    }
    ground.buy(AAPL, "5", order_class="bracket", **near)
    ground.stage.settled()
    bot.order(symbol=symbol, side="sell", qty="5")
    bot.order(symbol=symbol, side="sell", qty="5", type="stop", stop_price=f"{price:.2f}")
    bot("DELETE", f"/v2/positions/{symbol}")
    ground.stage.move(1.03, AAPL)
    ground.stage.settled()


@attempt()
def amounts_of_money(ground: Ground) -> None:
    """Name an amount instead of a quantity, both at once, and amounts beyond all numbers."""
    bot, equity = ground.bot(), float(ground.stage.seen().opening)
    for notional in (f"{equity:.0f}", f"{equity * 3:.0f}", "1e12", "1e999", "-5000", "0", "NaN"):
        bot.order(notional=notional)
        bot.order(symbol=symbol_of(AAPL), notional=notional)
    bot.order(qty="0.001", notional=f"{equity:.0f}")
    for _ in range(4):
        bot.order(symbol="ETH/USD", notional=f"{equity * 0.04:.0f}")


@attempt()
def closing_more_than_held(ground: Ground) -> None:
    """Sell what is held several times over, at once and by every route."""
    bot = ground.bot()
    ground.buy(BTC, ground.room(BTC, 0.3))
    ground.buy(AAPL, "10")
    held = ground.stage.settled().held
    for key in (BTC, AAPL):
        qty, symbol = held.get(key), symbol_of(key)
        if qty is None:
            continue
        path = f"/v2/positions/{symbol.replace('/', '')}"

        def sell(qty: str = f"{qty}", symbol: str = symbol) -> None:
            bot.order(symbol=symbol, side="sell", qty=qty)

        bot.order(symbol=symbol, side="sell", qty=f"{qty * 2}")
        bot("DELETE", f"{path}?qty={qty * 3}")
        bot("DELETE", f"{path}?percentage=300")
        ground.at_once(sell, sell, sell, lambda path=path: bot("DELETE", path))  # type: ignore[misc]


@attempt()
def other_spellings(ground: Ground) -> None:
    """Take the room of one coin once for each way to spell it."""
    half = ground.room(BTC, 0.6)
    for name in ("BTC/USD", "BTCUSD", "btc/usd", "BTC-USD", "BTC/USD ", "ВTC/USD", "BTC//USD"):
        ground.bot().order(symbol=name, qty=half, time_in_force="gtc")


@attempt()
def short_sales(ground: Ground) -> None:
    """Sell what is not held: at the market, by a stop, by an amount, by a signal."""
    bot = ground.bot()
    for key in (ETH, AAPL, LEVERAGED[0]):
        symbol, qty, price = symbol_of(key), ground.worth(key, 0.05), ground.stage.price(key)
        bot.order(symbol=symbol, side="sell", qty=qty)
        bot.order(symbol=symbol, side="sell", notional="5000")
        limit = {"type": "limit", "limit_price": f"{price * 0.99:.2f}"}
        bot.order(symbol=symbol, side="sell", qty=qty, **limit)
        bot.order(symbol=symbol, side="sell", qty=qty, type="stop", stop_price=f"{price:.2f}")
        bot.order(symbol=symbol, side="sell_short", qty=qty)
        ground.signal(bot, symbol, f"short-{uuid.uuid4()}", side="sell")
        bot("DELETE", f"/v2/positions/{symbol.replace('/', '')}")
    ground.must_have_sent_nothing("although nothing was held that could be sold")


@attempt()
def leveraged_funds(ground: Ground) -> None:
    """Buy funds of three times the market until somebody says no."""
    for key in (*LEVERAGED, *LEVERAGED):
        for part in (0.3, 0.09, 0.05, 0.03):
            ground.buy(key, ground.worth(key, part))
    ground.buy(BTC, ground.worth(BTC, 0.09))
    ground.buy(ETH, ground.worth(ETH, 0.09))


@attempt()
def the_same_id_again(ground: Ground) -> None:
    """Hang up before the answer and send the same order with its id again, and again."""
    bot, name = ground.bot(), f"lost-{uuid.uuid4()}"
    terms = {"symbol": "ETH/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
    order = {**terms, "qty": ground.room(ETH, 0.2), "client_order_id": name}
    bot.hang_up_after("POST", "/v2/orders", order)
    for _ in range(4):
        bot("POST", "/v2/orders", order)
    bot("POST", "/v2/orders", {**order, "qty": ground.room(ETH, 0.9)})
    seen = ground.stage.settled()
    count = len([one for one in seen.bought_after(ground.began) if one.key == ETH])
    ground.must(count <= 1, f"one order with one id reached the broker {count} times")


@attempt()
def new_ids_after_a_timeout(ground: Ground) -> None:
    """Hang up, believe the order lost, and send it twelve times more under new ids."""
    bot, qty = ground.bot(), ground.room(SOL, 0.4)
    terms = {"symbol": "SOL/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
    for _ in range(12):
        order = {**terms, "qty": qty, "client_order_id": f"again-{uuid.uuid4()}"}
        bot.hang_up_after("POST", "/v2/orders", order)
        bot("POST", "/v2/orders", {**order, "client_order_id": f"again-{uuid.uuid4()}"})


@attempt()
def two_bots_race(ground: Ground) -> None:
    """Let two bots take most of one cap in the same instant, coin after coin."""
    one, other = ground.bot(), ground.bot("rival")
    for key in (BTC, ETH, SOL, *SHARES[:2]):
        qty = ground.room(key, 0.7)
        ground.at_once(*(lambda bot=bot: ground.buy(key, qty, bot) for bot in (one, other) * 2))  # noqa: B023


@attempt()
def taking_the_stop_away(ground: Ground) -> None:
    """Cancel everything, so that the protective stop of a position goes too."""
    bot = ground.bot()
    ground.buy(BTC, ground.room(BTC, 0.5))
    stops = [one for one in ground.stage.settled().orders if one.bot == "house" and one.is_open]
    bot("DELETE", "/v2/orders")
    for stop in stops:
        bot("DELETE", f"/v2/orders/{stop.name}")
        bot("PATCH", f"/v2/orders/{stop.name}", {"stop_price": "1"})
    still = {one.name for one in ground.stage.settled().orders if one.is_open}
    gone = [one for one in stops if one.name not in still]
    ground.must(not gone, "the protective stop of the position is gone from the broker")
    if not stops:
        ground.note("no protective stop rested at the broker")
