"""Requests that are hostile by themselves: bodies, routes, and signals that come again."""

import json

from smart_leverage.drill.attempt import BTC, Ground, attempt

HEAD = '"symbol":"BTC/USD","side":"buy","type":"market","time_in_force":"gtc"'
NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    "1e-999",
    "9" * 5_000,
    f"0.{'0' * 5_000}1",
    '"NaN"',
    '"Infinity"',
    '"1e999"',
    '"0x10"',
    '"１"',
    '"1_000"',
    "-1",
    "0",
    "true",
    "null",
    "[1]",
    '{"qty":1}',
)
WHOLE = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"order"',
    b"\xff\xfe{}",
    b"\x00" * 64,
    b"[" * 20_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    f'{{{HEAD},"qty":"0.001","qty":"50"}}'.encode(),
    f'{{{HEAD},"qty":"50","qty":"0.001"}}'.encode(),
    f'{{{HEAD},"side":"sell","qty":"0.001"}}'.encode(),
    f'{{{HEAD},"qty":"0.001"}}{{{HEAD},"qty":"50"}}'.encode(),
    f'{{{HEAD},"qty":"0.001","pad":"{"a" * 200_000}"}}'.encode(),
)
ROUTES = (
    ("PUT", "/v2/orders"),
    ("POST", "/v1/orders"),
    ("POST", "/v3/orders"),
    ("POST", "/v2/orders/bulk"),
    ("POST", "/v2/positions"),
    ("POST", "/v2/positions/BTCUSD/exercise"),
    ("POST", "/v2/options/orders"),
    ("POST", "/v2/account/margin"),
    ("POST", "/v2/wallets/transfers"),
    ("POST", "/v2/crypto/transfers"),
    ("POST", "/v1/accounts/1/transfers"),
    ("POST", "/v1/trading/accounts/1/orders"),
    ("PATCH", "/v2/account"),
    ("PUT", "/v2/account/configurations"),
    ("DELETE", "/v2/account"),
    ("POST", "/v2/orders?symbol=BTC/USD"),
    ("PROPFIND", "/v2/orders"),
)


@attempt()
def hostile_bodies(ground: Ground) -> None:
    """Send numbers that are none, huge digits, doubled keys, deep and broken JSON."""
    bot = ground.bot()
    bodies = [f'{{{HEAD},"qty":{number}}}'.encode() for number in NUMBERS]
    bodies += [f'{{{HEAD},"notional":{number}}}'.encode() for number in NUMBERS]
    for path in ("/v2/orders", "/sl/v1/signals", "/sl/v1/preview"):
        for body in (*bodies, *WHOLE):
            bot("POST", path, body)
    bot("PATCH", "/v2/account/configurations", b'{"no_shorting":' + b"9" * 5_000 + b"}")
    ground.must_have_sent_nothing("out of a body that nobody can read in one way")
    ground.must(bot("GET", "/v2/account", is_aside=True).is_taken, "the gateway no longer answers")


@attempt()
def unknown_routes(ground: Ground) -> None:
    """Ask for what the broker may offer and the gateway does not know."""
    bot = ground.bot()
    order = json.loads(f'{{{HEAD},"qty":"0.001"}}')
    for method, path in ROUTES:
        if "?" not in path:
            answer = bot(method, path, order)
            ground.must(not answer.is_taken, f"{method} {path} was answered with {answer.status}")
    bot("POST", "/v2/orders?symbol=BTC/USD", b"{}")
    ground.must_have_sent_nothing("by a route that is not offered")


@attempt()
def signals_again(ground: Ground) -> None:
    """Send one signal again and again, changed, and long after it was true."""
    bot, name = ground.bot(), f"signal-{ground.chance.getrandbits(64)}"
    for _ in range(6):
        ground.signal(bot, "BTC/USD", name)
    ground.signal(bot, "ETH/USD", name)
    old = {"id": f"{name}-old", "symbol": "BTC/USD", "side": "buy", "at": "2020-01-01T00:00:00Z"}
    for change in ({}, {"at": "2050-01-01T00:00:00Z"}, {"confidence": 1e9}, {"size": 5}):
        bot("POST", "/sl/v1/signals", old | change)
    seen = ground.stage.settled()
    count = len(seen.bought_after(ground.began))
    ground.must(count <= 1, f"one signal came to {count} orders at the broker")
    is_same = all(one.key == BTC for one in seen.bought_after(ground.began))
    ground.must(is_same, "a signal that came again bought something else")
