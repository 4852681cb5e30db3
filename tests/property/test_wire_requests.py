"""Whatever comes in, a request becomes an order within its bounds or a refusal of the wire."""

import json
import string
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_leverage.domain.orders import OrderClass, OrderType, Side
from smart_leverage.domain.registry import Registry
from smart_leverage.wire.checks import check_for_asset
from smart_leverage.wire.encoding import plain
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.numbers import number
from smart_leverage.wire.reading import params, parse
from smart_leverage.wire.requests import change_request, order_request
from smart_leverage.wire.symbols import key_of_symbol
from smart_leverage.wire.terms import OrderRequest
from smart_leverage.wire.updates import credentials, said, streams

T = TypeVar("T")

KNOWN = Registry.builtin()
DIGITS = st.text(string.digits, min_size=1, max_size=16)
TOKENS = st.builds(
    lambda whole, places, power: whole + places + power,
    DIGITS,
    st.one_of(st.just(""), DIGITS.map(lambda digits: f".{digits}")),
    st.one_of(st.just(""), st.integers(-20, 20).map(lambda power: f"e{power}")),
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=12),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)
PRICES = st.sampled_from(["1", "190", "200", "210", 0.5, 199.99, "1e-05", "210.001"])
Fields = dict[str, st.SearchStrategy[Any]]
LIMIT: Fields = {"limit_price": PRICES}
STOP: Fields = {"stop_price": PRICES}
TARGET: Fields = {"take_profit": st.fixed_dictionaries(LIMIT)}
LOSS: Fields = {"stop_loss": st.fixed_dictionaries(STOP, optional=LIMIT)}
BY_TYPE: dict[str, Fields] = {
    "market": {},
    "limit": LIMIT,
    "stop": STOP,
    "stop_limit": LIMIT | STOP,
}
BY_CLASS: dict[str, Fields] = {
    "simple": {},
    "bracket": TARGET | LOSS,
    "oco": TARGET | LOSS,
    "oto": LOSS,
}
NAMES = (
    "symbol", "side", "type", "order_type", "time_in_force", "qty", "notional", "limit_price",
    "stop_price", "extended_hours", "client_order_id", "order_class", "take_profit", "stop_loss",
    "position_intent", "legs", "unheard_of",
)  # fmt: skip


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an order that a client might send, and spoil up to two of its fields."""
    kind, group = draw(st.sampled_from(list(BY_TYPE))), draw(st.sampled_from(list(BY_CLASS)))
    amounts = TOKENS | st.sampled_from(["1", "1.5", 0.1 + 0.2])
    content = {"type": kind, "order_class": group}
    terms: Fields = {
        "symbol": st.sampled_from(["AAPL", "BTC/USD", "BTCUSD"]),
        "side": st.sampled_from(["buy", "sell"]),
        "time_in_force": st.sampled_from(["day", "gtc", "ioc"]),
        draw(st.sampled_from(["qty", "qty", "notional"])): amounts,
    }
    content |= draw(st.fixed_dictionaries(terms | BY_TYPE[kind] | BY_CLASS[group]))
    spoilt: dict[str, Any] = draw(st.dictionaries(st.sampled_from(NAMES), ODD, max_size=2))
    return content | spoilt


def tried(function: Callable[[], T]) -> T | WireError:
    """Return what a function does, or its refusal; anything else that it raises is a fault."""
    try:
        return function()
    except WireError as error:
        refusal = error
    assert refusal.status in (400, 403, 413, 422)
    assert len(msgspec.json.encode(refusal.body())) < 1_000
    return refusal


def body_of(content: Any) -> bytes:
    return json.dumps(content).encode("utf-8", errors="surrogatepass")


@given(TOKENS)
def test_a_number_is_exactly_its_token(token: str) -> None:
    value = tried(lambda: number(token, "qty"))
    if isinstance(value, WireError):
        return
    assert value == Decimal(token)
    assert 0 <= value < 10**16
    assert "E+" not in str(value)
    assert number(plain(value), "qty") == value if len(plain(value)) <= 32 else True


@given(st.text(max_size=40))
def test_a_text_is_a_number_only_where_its_letters_are(token: str) -> None:
    value = tried(lambda: number(token, "qty"))
    if isinstance(value, WireError):
        return
    assert set(token) <= set("0123456789.eE+-")
    assert value.is_finite()


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_refusal(body: bytes) -> None:
    assert isinstance(tried(lambda: parse(body)), dict | WireError)


@given(st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.text(max_size=3), inner, max_size=3), max_leaves=20))  # fmt: skip
def test_nothing_that_is_read_is_a_float(content: object) -> None:
    read = tried(lambda: parse(body_of({"a": content})))
    if isinstance(read, WireError):
        return
    waiting: list[object] = [read]
    while waiting:
        one = waiting.pop()
        assert not isinstance(one, int | float) or isinstance(one, bool)
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one


def asked(content: dict[str, Any]) -> OrderRequest | None:
    """Read an order as the gateway does; None for an asset that is not listed."""
    request = order_request(parse(body_of(content)))
    key = key_of_symbol(request.symbol, KNOWN)
    if key is None:
        return None
    check_for_asset(request, is_crypto=key.startswith("crypto"))
    return request


@settings(max_examples=400)
@given(orders())
def test_an_order_is_within_its_bounds_or_refused(content: dict[str, Any]) -> None:
    request = tried(lambda: asked(content))
    if request is None or isinstance(request, WireError):
        return
    given_amounts = [each for each in (request.qty, request.notional) if each is not None]
    assert len(given_amounts) == 1
    assert 0 < given_amounts[0] < 10**16
    assert given_amounts[0] % Decimal("1e-9") == 0
    assert "unheard_of" not in content, "a field that nobody reads was overlooked"
    has_limit = request.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    has_stop = request.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    assert (request.limit_price is not None) == has_limit
    assert (request.stop_price is not None) == has_stop
    if request.take_profit is not None and request.stop_loss is not None:
        rises = (request.side is Side.BUY) != (request.order_class is OrderClass.OCO)
        assert (request.take_profit > request.stop_loss) == rises


@given(st.dictionaries(st.sampled_from(["qty", "limit_price", "stop_price", "trail", "x"]), ODD))
def test_a_change_changes_something_or_is_refused(content: dict[str, Any]) -> None:
    change = tried(lambda: change_request(parse(body_of(content))))
    if isinstance(change, WireError):
        return
    prices = (change.qty, change.limit_price, change.stop_price, change.trail)
    assert any(each is not None for each in (*prices, change.time_in_force))
    assert all(each > 0 for each in prices if each is not None)


@given(st.text(max_size=30))
def test_a_symbol_means_one_instrument_or_none(symbol: str) -> None:
    key = key_of_symbol(symbol, KNOWN)
    if key is not None:
        assert KNOWN[key].symbol.replace("/", "") == symbol.replace("/", "")


@given(st.binary(max_size=100))
def test_any_address_is_read_or_refused(query: bytes) -> None:
    read = tried(lambda: params(query))
    if isinstance(read, WireError):
        return
    for name in ("a", "limit", "nested"):
        assert read.text(name) is None or read.text(name)


@given(st.one_of(st.none(), st.text(max_size=50)), st.binary(max_size=100))
def test_any_frame_is_heard_without_harm(words: str | None, packed: bytes) -> None:
    heard = said(words, packed)
    assert credentials(heard) is None or isinstance(credentials(heard), tuple)
    assert streams(heard) in (None, [], ["trade_updates"])
