"""Bytes become names and texts within bounds, or a refusal with its own status; never a float."""

import json
from decimal import Decimal

import pytest

from smart_leverage.wire.errors import WireError
from smart_leverage.wire.numbers import Number
from smart_leverage.wire.reading import BODY_MAX, params, parse


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_number_tokens_stay_text() -> None:
    content = parse(b'{"qty": 1e-05, "limit_price": 0.30000000000000004, "a": -1, "b": "2"}')
    assert content == {"qty": "1e-05", "limit_price": "0.30000000000000004", "a": "-1", "b": "2"}
    kinds = [type(value) for value in content.values()]
    assert kinds == [Number, Number, Number, str]


def test_what_is_usual_passes() -> None:
    body = b' {"symbol":"BTC/USD","take_profit":{"limit_price":2.5},"legs":null,"x":[true,{}]}\n'
    assert parse(body)["take_profit"] == {"limit_price": "2.5"}
    assert parse(nested(16)) is not None


UNREADABLE = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"   ", id="spaces"),
    pytest.param(b"{", id="open-end"),
    pytest.param(b'{"a":1', id="cut-off"),
    pytest.param(b'{"a":1}}', id="one-end-too-many"),
    pytest.param(b'{"a":1} {"b":2}', id="two-objects"),
    pytest.param(b'{"a":1}x', id="trailing-letter"),
    pytest.param(b'{"a":1}\x00', id="trailing-nul"),
    pytest.param(b"{'a':1}", id="other-quotes"),
    pytest.param(b"{a:1}", id="name-without-quotes"),
    pytest.param(b'{"a":1,}', id="trailing-comma"),
    pytest.param(b'{"a":01}', id="leading-zero"),
    pytest.param(b'{"a":+1}', id="plus"),
    pytest.param(b'{"a":.5}', id="no-digit-before-the-point"),
    pytest.param(b'{"a":NaN}', id="nan"),
    pytest.param(b'{"a":Infinity}', id="infinity"),
    pytest.param(b'{"a":-Infinity}', id="minus-infinity"),
    pytest.param(b'{"a":"\n"}', id="raw-line-end"),
    pytest.param(b'{"a":"\\x"}', id="unknown-escape"),
    pytest.param(b'{"a":"\\ud8"}', id="half-an-escape"),
    pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
    pytest.param(b'{"a":"\xff"}', id="not-utf-8"),
    pytest.param(b'{"a":"\xed\xa0\x80"}', id="surrogate-in-utf-8"),
    pytest.param(b'{"a":"\xc0\xaf"}', id="overlong-utf-8"),
    pytest.param('{"a":1}'.encode("utf-16"), id="utf-16"),
    pytest.param(b"[]", id="list"),
    pytest.param(b'"a"', id="text"),
    pytest.param(b"1", id="number"),
    pytest.param(b"null", id="null"),
    pytest.param(b"symbol=AAPL&qty=1", id="form"),
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_what_is_no_json_object_is_400(body: bytes) -> None:
    with pytest.raises(WireError) as caught:
        parse(body)
    assert (caught.value.status, caught.value.code) == (400, 40010000)


BEYOND = [
    pytest.param(b'{"a":1,"a":1}', id="name-twice"),
    pytest.param(b'{"a":{"b":1,"b":2}}', id="name-twice-within"),
    pytest.param(b'{"a":1,"\\u0061":2}', id="name-twice-by-escape"),
    pytest.param(nested(17), id="seventeen-levels"),
    pytest.param(b'{"a":' + b"[" * 17 + b"]" * 17 + b"}", id="seventeen-lists"),
    pytest.param(b"[" * 60_000, id="a-body-of-brackets"),
    pytest.param(json.dumps({f"n{i}": 1 for i in range(65)}).encode(), id="65-names"),
    pytest.param(json.dumps({"a": [1] * 65}).encode(), id="65-entries"),
    pytest.param(json.dumps({"a": "x" * 1_025}).encode(), id="1025-characters"),
    pytest.param(json.dumps({"x" * 1_025: 1}).encode(), id="1025-characters-of-a-name"),
    pytest.param(b'{"a":' + b"1" * 1_025 + b"}", id="1025-digits"),
    pytest.param(b'{"a":"\\u0000"}', id="nul"),
    pytest.param(b'{"a":"\\ud800"}', id="lone-high-surrogate"),
    pytest.param(b'{"a":"\\udfff"}', id="lone-low-surrogate"),
    pytest.param(b'{"\\ud800":1}', id="surrogate-in-a-name"),
    pytest.param(b'{"a":"\\u001b[31m"}', id="colour-of-a-terminal"),
    pytest.param(b'{"a":"x\\ny"}', id="line-end"),
    pytest.param(b'{"a":"\\u202eUSD"}', id="right-to-left"),
]


@pytest.mark.parametrize("body", BEYOND)
def test_what_goes_beyond_a_bound_is_422(body: bytes) -> None:
    with pytest.raises(WireError) as caught:
        parse(body)
    assert (caught.value.status, caught.value.code) == (422, 40010001)


def test_a_body_too_long_is_413_before_it_is_read() -> None:
    with pytest.raises(WireError) as caught:
        parse(b"\xff" * (BODY_MAX + 1))
    assert (caught.value.status, caught.value.code) == (413, 41310000)
    assert parse(b'{"a":1}' + b" " * (BODY_MAX - 7)) == {"a": "1"}


# -- addresses ------------------------------------------------------------------------------------


def test_parameters_are_decoded_once() -> None:
    query = params(b"symbols=BTC%2FUSD%2CAAPL,&after=2026-08-03T10:00:00%2B00:00&a=%2525&empty=")
    assert query.words("symbols") == ("BTC/USD", "AAPL")
    assert query.text("after") == "2026-08-03T10:00:00+00:00"
    assert query.text("a") == "%25"
    assert query.text("empty") is None
    assert query.text("missing") is None


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(b"symbols=BTC%2FUSD,AAPL", id="with-commas"),
        pytest.param(b"symbols=BTC%2FUSD&limit=5&symbols=AAPL", id="once-for-each"),
    ],
)
def test_a_list_is_written_either_way(query: bytes) -> None:
    assert params(query).words("symbols") == ("BTC/USD", "AAPL")


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "tRuE"])
def test_true_in_any_case(word: str) -> None:
    assert params(f"nested={word}".encode()).flag("nested") is True
    assert params(b"nested=False").flag("nested", default=True) is False
    assert params(b"").flag("nested", default=True) is True


def test_counts_have_bounds() -> None:
    query = params(b"limit=501&zero=0&sign=-1&word=ten&long=9999999999&arabic=%D9%A3")
    assert query.count("limit", 50, 1, 500) == 500
    assert query.count("missing", 50, 1, 500) == 50
    for name in ("zero", "sign", "word", "long", "arabic"):
        with pytest.raises(WireError, match=name):
            query.count(name, 50, 1, 500)


def test_an_amount_is_exact_and_a_plain_number() -> None:
    query = params(b"qty=1.50&none=&sign=-1&nan=NaN&under=1_0&long=" + b"9" * 40)
    assert (query.amount("qty"), query.amount("none"), query.amount("gone")) == (
        Decimal("1.5"),
        None,
        None,
    )
    for name in ("sign", "nan", "under", "long"):
        with pytest.raises(WireError, match=f"{name} is no number"):
            query.amount(name)


def test_words_are_of_a_list() -> None:
    query = params(b"status=ALL&side=both")
    assert query.word("status", ("open", "closed", "all"), "open") == "all"
    assert query.word("direction", ("asc", "desc"), "desc") == "desc"
    with pytest.raises(WireError, match="side must be one of buy, sell"):
        query.word("side", ("buy", "sell"), "buy")


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(b"a=1&a=1", id="twice"),
        pytest.param(b"a=1&%61=2", id="twice-by-escape"),
        pytest.param(b"a=%ff", id="not-utf-8"),
        pytest.param(b"a=%00", id="nul"),
        pytest.param(b"a=%0d%0aHost:x", id="line-ends"),
        pytest.param(b"a=%1b[31m", id="escape-code"),
        pytest.param(b"a=" + b"1" * 8_192, id="too-long"),
        pytest.param(b"&".join(b"n%d=1" % i for i in range(65)), id="65-parameters"),
    ],
)
def test_an_address_beyond_its_bounds_is_422(query: bytes) -> None:
    with pytest.raises(WireError) as caught:
        params(query)
    assert caught.value.status == 422


def test_no_parameter_is_overlooked() -> None:
    query = params(b"nested=true&cancel_order=true")
    with pytest.raises(WireError, match="unknown parameter cancel_order"):
        query.only("nested", "cancel_orders")
    assert query.only("nested", "cancel_order") is query


def test_a_flag_is_true_or_false() -> None:
    with pytest.raises(WireError, match="nested must be true or false"):
        params(b"nested=1").flag("nested")
