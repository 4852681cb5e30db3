"""Whoever comes with another token, with none, or with one that may do less."""

from typing import Any

from smart_leverage.drill.attempt import BTC, ETH, Ground, attempt

ORDER = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
SMALL = {**ORDER, "qty": "0.001"}


@attempt()
def a_second_token(ground: Ground) -> None:
    """Take the room of the account once more by each further token."""
    qty = ground.room(BTC, 0.7)
    ground.buy(BTC, qty)
    for name in ("bot", "second", "third"):
        ground.buy(BTC, qty, ground.stage.another_token(name))
        ground.buy(ETH, ground.room(ETH, 0.7), ground.stage.another_token(name))


@attempt()
def what_another_bot_holds(ground: Ground) -> None:
    """Sell, close and cancel by one bot what another one holds and has ordered."""
    price = ground.stage.price(ETH)
    ground.buy(BTC, ground.room(BTC, 0.3))
    resting: dict[str, Any] = {"type": "limit", "limit_price": f"{price * 0.5:.2f}"}
    mine = ground.buy(ETH, ground.room(ETH, 0.1), **resting).json
    before = ground.stage.settled()
    thief = ground.bot("thief")
    thief.order(side="sell", qty=f"{before.held.get(BTC, 0)}")
    thief("DELETE", f"/v2/orders/{mine.get('id')}")
    thief("DELETE", "/v2/positions/BTCUSD")
    thief("DELETE", "/v2/orders", is_aside=True)
    thief("DELETE", "/v2/positions?cancel_orders=true", is_aside=True)
    after = ground.stage.settled()
    held = (before.held.get(BTC), after.held.get(BTC))
    ground.must(held[0] == held[1], "what one bot held was sold by another one")
    open_before = {one.name for one in before.of_bots if one.is_open}
    open_after = {one.name for one in after.of_bots if one.is_open}
    ground.must(open_before == open_after, "an order of one bot was cancelled by another one")


@attempt()
def raising_its_own_limits(ground: Ground) -> None:
    """Change the configuration of the account, its limits and its state by the bot's own token."""
    bot = ground.bot()
    for change in (
        {"max_margin_multiplier": "4"},
        {"no_shorting": False},
        {"suspend_trade": False, "limits": {"symbol_cap": 1}},
        {"fractional_trading": True, "dtbp_check": "entry", "max_options_trading_level": 3},
    ):
        bot("PATCH", "/v2/account/configurations", change)
    for path in ("limits", "enforcement", "resume", "bots", "config"):
        for method in ("POST", "PUT", "PATCH"):
            bot(method, f"/sl/v1/{path}", {"limits.symbol_cap": 1, "reason": "more"})
    ground.buy(BTC, ground.worth(BTC, 0.5))
    ground.must_have_bought_nothing(ground.began, "after the bot had raised its own limits")


@attempt()
def a_reading_token(ground: Ground) -> None:
    """Trade by a token that may only read, and buy by one that may only sell."""
    reader, seller = ground.bot("reader", scope="read"), ground.bot("seller", scope="reduce")
    for method, path in (
        ("POST", "/v2/orders"),
        ("POST", "/sl/v1/signals"),
        ("DELETE", "/v2/orders"),
        ("DELETE", "/v2/positions"),
        ("POST", "/sl/v1/halt"),
    ):
        reader(method, path, SMALL if method == "POST" else None)
    for path in ("/v2/%6frders", "//v2/orders", "/v2/orders/", "/V2/orders", "/v2/x/../orders"):
        reader("POST", path, SMALL)
    seller("POST", "/v2/orders", SMALL)
    ground.signal(seller, "BTC/USD", f"seller-{ground.chance.getrandbits(32)}")
    ground.must_have_sent_nothing("by a token that may not send any")
    ground.must(ground.state() != "halted", "a token that may only read has halted the account")


@attempt()
def a_revoked_token(ground: Ground) -> None:
    """Go on trading by a token that its owner has taken away."""
    gone = ground.bot("gone")
    ground.must(gone("GET", "/v2/account", is_aside=True).is_taken, "its token never worked")
    ground.stage.revoke("gone")
    gone("GET", "/v2/account")
    gone("POST", "/v2/orders", SMALL)
    gone("DELETE", "/v2/positions")
    ground.must_have_sent_nothing("by a token that had been revoked")


@attempt()
def strangers(ground: Ground) -> None:
    """Trade without a token, with another secret, and from a web page or under a foreign name."""
    key_id, secret = ground.stage.keys["bot"]
    wrong = [(key_id, secret[:-1] + ("x" if secret[-1] != "x" else "y")), (key_id, "")]
    for keys in [*wrong, ("SLKNOBODY", secret), ("", ""), None]:
        ground.stage.line(keys)("POST", "/v2/orders", SMALL)
    bot = ground.bot()
    for headers in (
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
    ):
        bot("POST", "/v2/orders", SMALL, headers)
    ground.must_have_sent_nothing("from somebody who is not let in")
