"""Order bodies as nobody should send them: mutations of good ones, the same by one seed."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

NUMBERS = (
    "0", "-0", "-1", "+1", "1", "1.0", "0.1", "1e-5", "1E-05", "0.30000000000000004", "1e308",
    "1e400", "1E+2000000", "1e-2000000", "9" * 15, "9" * 16, "9" * 400, "0." + "0" * 40 + "1",
    "NaN", "nan", "sNaN", "Infinity", "-Infinity", "inf", "1_0", " 1", "1 ", "0x10", "1,5", "1/3",
    "٣", "１", "²", "", "null", "true", "1e", ".5", "5.", "--1", "1e+12", "1e13", "0e0", "00001",
)  # fmt: skip
TEXTS = (
    "BTC/USD", "BTCUSD", "btc/usd", "BTC-USD", "ВTC/USD", "BTC/USD\u0000", "BTC/USD\n", "../BTC",
    "BTC/USD ", "ＢＴＣ/USD", "SPY", "TQQQ", "AAPL261218C00200000", "", "A" * 25, "A" * 2000,
    "<script>", "'; drop table orders;--", "${jndi:x}", "%00", "\ud800", "👾", "buy", "sell", "BUY",
    "market", "limit", "stop", "stop_limit", "trailing_stop", "gtc", "day", "ioc", "fok", "opg",
    "bracket", "oco", "oto", "mleg", "simple", "sell_to_open", "buy_to_close", "x" * 129,
)  # fmt: skip
NAMES = (
    "symbol", "qty", "notional", "side", "type", "time_in_force", "limit_price", "stop_price",
    "trail_price", "trail_percent", "extended_hours", "client_order_id", "order_class",
    "take_profit", "stop_loss", "position_intent", "legs", "advanced_instructions", "__proto__",
)  # fmt: skip
GOOD: tuple[dict[str, Any], ...] = (
    {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc", "qty": 0.0005},
    {"symbol": "BTCUSD", "side": "sell", "type": "market", "time_in_force": "gtc", "qty": "0.0001"},
    {"symbol": "ETH/USD", "side": "buy", "type": "limit", "time_in_force": "gtc", "qty": "0.01",
     "limit_price": "1000"},
    {"symbol": "ETH/USD", "side": "buy", "type": "market", "time_in_force": "ioc",
     "notional": "15"},
    {"symbol": "SPY", "side": "buy", "type": "market", "time_in_force": "day", "qty": 1,
     "order_class": "bracket", "take_profit": {"limit_price": 900},
     "stop_loss": {"stop_price": 1, "limit_price": 0.9}},
    {"symbol": "TQQQ", "side": "sell", "type": "stop_limit", "time_in_force": "gtc", "qty": "2",
     "stop_price": "50", "limit_price": "49", "client_order_id": "mine"},
)  # fmt: skip


def bodies(seed: int, count: int) -> Iterator[bytes]:
    """Yield so many bodies."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _body(chance)


def _body(chance: random.Random) -> bytes:
    order = json.loads(json.dumps(chance.choice(GOOD)))
    for _ in range(chance.randrange(4)):
        chance.choice(_CHANGES)(chance, order)
    text = json.dumps(order, ensure_ascii=chance.random() < 0.5)
    for token in NUMBERS:  # numbers as tokens, not as text
        if chance.random() < 0.02:
            text = text.replace(f'"{token}"', token or "0")
    body = text.encode("utf-8", "surrogatepass")
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        body = chance.choice(_BYTES)(chance, body)
    return body


def _value(chance: random.Random, order: dict[str, Any]) -> None:
    kinds: list[Any] = [
        chance.choice(NUMBERS),
        chance.choice(TEXTS),
        None,
        True,
        5,
        -1,
        1e300,
        [],
        {},
    ]
    order[chance.choice(NAMES)] = chance.choice(kinds)


def _gone(chance: random.Random, order: dict[str, Any]) -> None:
    if order:
        del order[chance.choice(list(order))]


def _known(chance: random.Random, order: dict[str, Any]) -> None:
    name = chance.choice(list(order) or ["qty"])
    order[name] = chance.choice(NUMBERS if name.endswith(("qty", "price")) else TEXTS)


def _nested(chance: random.Random, order: dict[str, Any]) -> None:
    deep: Any = chance.choice(NUMBERS)
    for _ in range(chance.choice((2, 15, 17, 60))):
        deep = [deep] if chance.random() < 0.5 else {"a": deep}
    order[chance.choice(NAMES)] = deep


def _strange(chance: random.Random, order: dict[str, Any]) -> None:
    for place in range(chance.choice((1, 3, 70))):
        order[f"{chance.choice(TEXTS)[:40]}{place}"] = 1


_SPOILERS = (
    b"\xff", b"\x00", b"\xef\xbb\xbf", b"{", b"[" * 300, b'"' * 3, b"\\u", b" " * 3000,
)  # fmt: skip


def _flip(chance: random.Random, body: bytes) -> bytes:
    if not body:
        return body
    place = chance.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :]


def _cut(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def _twice(chance: random.Random, body: bytes) -> bytes:
    return chance.choice(
        (body + body, body[:-1] + b"," + body[1:], b"[" + body + b"]", body + b" x")
    )


def _spoilt(chance: random.Random, body: bytes) -> bytes:
    extra = chance.choice(
        (b"\xff", b"\x00", b"\xef\xbb\xbf", b"{", b"[" * 300, b'"' * 3, b"\\u", b" " * 3000)
    )
    place = chance.randrange(len(body) + 1)
    return body[:place] + extra + body[place:]


_CHANGES: tuple[Callable[[random.Random, dict[str, Any]], None], ...] = (
    _value, _known, _known, _gone, _nested, _strange,
)  # fmt: skip
_BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (_flip, _cut, _twice, _spoilt)
