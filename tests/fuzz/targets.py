"""What is read of others, each as a function of bytes that may raise nothing but its own refusals.

`deep` lets a fuzzer find its way in by what is covered; `test_targets` sends everything that is
known to be read or refused.
"""

import io
import json
import math
import os
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from tests.fuzz.bodies import NAMES, NUMBERS, TEXTS, bodies

from smart_leverage.brokers.alpaca import reading
from smart_leverage.domain.errors import BadData, BrokerDown, ConfigError, InvariantViolation
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.records import (
    FlowSeen,
    Marked,
    Noted,
    Record,
    StateChanged,
    decode,
    encode,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.history.base import Asked
from smart_leverage.history.reading import read_file
from smart_leverage.ledger.chain import draft
from smart_leverage.market.csv_rows import read_csv
from smart_leverage.runtime.importing import gather
from smart_leverage.settings import Settings
from smart_leverage.settings.loading import load
from smart_leverage.settings.sections import flat
from smart_leverage.settings.template import template
from smart_leverage.wire.checks import check_for_asset
from smart_leverage.wire.data_stream import StreamError, Subscriptions
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.reading import parse
from smart_leverage.wire.requests import order_request
from smart_leverage.wire.symbols import key_of_symbol
from smart_leverage.wire.updates import action_of, credentials, framed, said, streams

REGISTRY = Registry.builtin()
NOW_NS = 1_785_765_600_000_000_000
MOST = Decimal(10) ** 15
LONGEST = 4096


def orders(content: bytes) -> None:
    """An order: within its bounds and the same order when it is read once more, or refused."""
    request = None
    with suppress(WireError):
        request = order_request(parse(content))
    if request is None:
        return
    for amount in (request.qty, request.notional, request.limit_price, request.stop_price):
        assert amount is None or (amount.is_finite() and 0 < amount <= MOST), amount
    assert (request.qty is None) is not (request.notional is None)
    assert order_request(parse(content)) == request
    key = key_of_symbol(request.symbol, REGISTRY)
    if key is not None:
        is_crypto = REGISTRY[key].asset_class is AssetClass.CRYPTO
        with suppress(WireError):
            check_for_asset(request, is_crypto=is_crypto)


def settings(content: bytes) -> None:
    """A file of settings: every number finite and the policy a file of its own, or refused."""
    path = Path(tempfile.gettempdir()) / f"smart-leverage-fuzzed-{os.getpid()}.toml"
    path.write_bytes(content)
    found = None
    with suppress(ConfigError):
        found = load(path, {}).settings
    if found is None:
        return
    for name, value in flat(found.model_dump()):
        assert not isinstance(value, float) or math.isfinite(value), name
    tomllib.loads(found.policy_text())
    assert found.policy_hash() == load(path, {}).settings.policy_hash()


def records(content: bytes) -> None:
    """A line of the journal: a record that comes back as it is and can be chained, or refused."""
    try:
        record = decode(content)
    except msgspec.DecodeError:  # of which an error of validation is one
        return
    except UnicodeDecodeError:
        return
    canonical = encode(record)
    assert encode(decode(canonical)) == canonical
    with suppress(InvariantViolation):  # a number that is none is refused before it is written
        draft(record)


def history(content: bytes) -> None:
    """A file of what was traded before, in any form: deals that can be put together, or refused."""
    path = Path(tempfile.gettempdir()) / f"smart-leverage-fuzzed-{os.getpid()}.history"
    path.write_bytes(content)
    asked = Asked(registry=REGISTRY, now_ns=NOW_NS, quotes={"USDT": "USD"})
    with suppress(BadData):
        for deal in gather([read_file(path, asked)], leaves_unbought=True).deals:
            assert deal.qty.is_finite()
            assert deal.at_ns <= NOW_NS


def bars(content: bytes) -> None:
    """A file of prices: rows of finite numbers, or refused."""
    with suppress(BadData):
        read_csv(content, "fuzzed.csv", is_naive_utc=True)


def frames(content: bytes) -> None:
    """What a client says to a stream, in text and packed: heard, or nothing."""
    text = content.decode("utf-8", "replace")
    for heard in (said(text, None), said(None, content)):
        keys = credentials(heard)
        assert keys is None or all(len(each) <= LONGEST for each in keys)
        assert streams(heard) in (None, [], ["trade_updates"])
        framed({"action": action_of(heard)}, is_packed=True)
        for kind in (AssetClass.CRYPTO, AssetClass.US_EQUITY):
            wanted = Subscriptions(kind)
            with suppress(StreamError):
                wanted.change(heard)


def broker(content: bytes) -> None:
    """What the broker answers: records of ours, or no answer at all."""
    try:
        row = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    if not isinstance(row, Mapping):
        return
    readers: tuple[Callable[[Any], Any], ...] = (
        lambda one: reading.broker_order(one, REGISTRY, {}),
        lambda one: reading.position(one, REGISTRY),
        lambda one: reading.account(one, NOW_NS),
        lambda one: reading.activity(one, 1, REGISTRY),
    )
    for read in readers:
        with suppress(BadData, BrokerDown):
            read(row)


class Target(NamedTuple):
    """A function, what it begins with, and words that lead somewhere."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[str, ...]


def _jsons(*rows: Mapping[str, Any]) -> tuple[bytes, ...]:
    return tuple(json.dumps(row).encode() for row in rows)


def _zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("backtest.json", content)
    return packed.getvalue()


ORDER = {
    "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
    "client_order_id": "sl-one",
    "symbol": "BTC/USD",
    "asset_class": "crypto",
    "side": "buy",
    "type": "limit",
    "order_class": "simple",
    "time_in_force": "gtc",
    "qty": "0.01",
    "limit_price": "60000",
    "filled_qty": "0",
    "status": "new",
    "submitted_at": "2026-08-03T14:00:00Z",
    "updated_at": "2026-08-03T14:00:00.123456789Z",
}
POSITION = {
    "symbol": "SPY", "asset_class": "us_equity", "qty": "3", "qty_available": "3", "side": "long",
    "avg_entry_price": "600", "current_price": "601.5", "market_value": "1804.5",
}  # fmt: skip
ACCOUNT = {
    "id": "x", "cash": "100000", "equity": "100000", "buying_power": "200000", "multiplier": "2",
    "non_marginable_buying_power": "100000", "initial_margin": "0", "maintenance_margin": "0",
    "account_blocked": False, "trading_blocked": False,
}  # fmt: skip
ACTIVITY = {
    "id": "20260803::1", "activity_type": "CSD", "date": "2026-08-03", "net_amount": "100",
    "status": "executed", "symbol": "SPY", "qty": "1", "price": "1",
}  # fmt: skip
RECORDS: tuple[Record, ...] = (
    Noted(at_ns=1, code="c", text="t"),
    FlowSeen(at_ns=1, amount=Decimal("0.1"), source="bank", reference="r"),
    Marked(
        at_ns=1, equity=Decimal(1), cash=Decimal(1), crypto=Decimal(0), leveraged=Decimal(0),
        gross=Decimal(0), crypto_cap=Decimal("0.25"), leveraged_cap=Decimal("0.35"),
    ),
    StateChanged(at_ns=1, before="active", after="halted", why="because", who="ann"),
)  # fmt: skip
TRADES = (
    b"time,symbol,side,qty,price\n2026-01-05T15:00:00Z,BTC/USD,buy,0.1,90000\n"
    b"2026-01-06T15:00:00Z,BTC/USD,sell,0.1,91000\n"
)
BARS = (
    b"ts,open,high,low,close,volume\n2026-01-05T15:00:00Z,1,2,0.5,1.5,10\n"
    b"2026-01-05T16:00:00Z,1.5,2,1,1.75,10\n"
)
EQUITY = b'{"timestamp":[1767600000,1767686400],"equity":[100000,100100],"base_value":100000}'
SAID = (
    b'{"action":"authenticate","data":{"key_id":"SLKA","secret_key":"s"}}',
    b'{"action":"auth","key":"SLKA","secret":"s"}',
    b'{"action":"listen","data":{"streams":["trade_updates"]}}',
    b'{"action":"subscribe","bars":["BTC/USD"],"quotes":["*"],"trades":["SPY"]}',
)

TARGETS = {
    "orders": Target(orders, tuple(bodies(0, 60)), (*NAMES, *TEXTS[:30], *NUMBERS)),
    "settings": Target(
        settings,
        (
            b'[policy]\npreset = "steady"\n[limits]\nsymbol_cap = 0.1\n',
            b"[tiers.learning]\ncrypto_cap = 0.2\n[risk]\nloosen_after_hours = 24\n",
            template(Settings()).encode(),
        ),
        tuple(name for name, _ in flat(Settings().model_dump())),
    ),
    "records": Target(records, tuple(encode(each) for each in RECORDS), ("NaN", "1e400", "kind")),
    "history": Target(
        history, (TRADES, EQUITY, *_jsons(ACTIVITY), _zipped(EQUITY)), ("PK", "trades", "strategy")
    ),
    "bars": Target(bars, (BARS,), ("ts", "open", "nan", "inf", "1e400")),
    "frames": Target(
        frames,
        (*SAID, *(msgspec.msgpack.encode(msgspec.json.decode(each)) for each in SAID)),
        ("action", "data", "streams", "trade_updates", "subscribe", "key_id"),
    ),
    "broker": Target(
        broker,
        _jsons(ORDER, POSITION, ACCOUNT, ACTIVITY, {**ORDER, "legs": [ORDER], "qty": 1e-7}),
        (*ORDER, *POSITION, *ACCOUNT, *ACTIVITY),
    ),
}
"""By name, what is fuzzed."""
