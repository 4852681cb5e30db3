"""Requests that two readers could take for different ones: none is answered as if it were clear.

A proxy in front of the gateway and the gateway itself have to see the same requests. What could be
read in two ways is refused, its connection is closed, and whatever follows on it is not looked at.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import pytest
from tests.wire.raw import Raw
from tests.wire.serving import Served, gateway

LIMIT_S = 15.0
NUMBERS = count(1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gateway(tmp_path_factory.mktemp("smuggling")) as running:
        yield running


@pytest.fixture(scope="module")
def raw(served: Served) -> Raw:
    return Raw(served.url, served.add_bot("smuggler"))


def said(raw: Raw, request: bytes) -> bytes:
    """Send bytes and return everything that comes back until the other side closes."""
    answered = bytearray()
    with (
        socket.create_connection(raw.place, LIMIT_S) as connection,
        suppress(ConnectionResetError, BrokenPipeError),
    ):
        connection.sendall(request)
        while part := connection.recv(65_536):
            answered += part
    return bytes(answered)


def order(raw: Raw, name: str) -> bytes:
    """Return a whole and valid order, the last on its connection, for whoever reads it."""
    terms = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
    body = json.dumps(terms | {"notional": "50", "client_order_id": name}).encode()
    fields = (f"Content-Length: {len(body)}", "Connection: close")
    return head(raw, "POST /v2/orders", *fields) + body


def head(raw: Raw, line: str, *fields: str, end: str = "\r\n") -> bytes:
    lines = [
        f"{line} HTTP/1.1",
        f"Host: {raw.host}",
        f"APCA-API-KEY-ID: {raw.keys[0]}",
        f"APCA-API-SECRET-KEY: {raw.keys[1]}",
        "Content-Type: application/json",
        *fields,
    ]
    return (end.join(lines) + end + end).encode("latin-1")


def is_there(raw: Raw, name: str) -> bool:
    return raw("GET", f"/v2/orders:by_client_order_id?client_order_id={name}").status == 200


@pytest.fixture
def name() -> str:
    """Name an order that nobody else's test sends."""
    return f"smuggled-{next(NUMBERS)}"


AMBIGUOUS = [
    pytest.param(("Content-Length: 5", "Transfer-Encoding: chunked"), id="length-and-chunked"),
    pytest.param(("Transfer-Encoding: chunked", "Content-Length: 5"), id="chunked-and-length"),
    pytest.param(("Content-Length: 5", "Content-Length: 0"), id="two-lengths"),
    pytest.param(("Content-Length: 5", "Content-Length: 5"), id="one-length-twice"),
    pytest.param(("Content-Length: 5, 5",), id="a-list-of-lengths"),
    pytest.param(("Content-Length: +5",), id="length-with-a-sign"),
    pytest.param(("Content-Length: 0x5",), id="length-in-another-base"),
    pytest.param(("Content-Length: -5",), id="negative-length"),
    pytest.param(("Content-Length: 5 5",), id="length-in-parts"),
    pytest.param(("Content-Length: 99999999999999999999999",), id="length-beyond-all-numbers"),
    pytest.param(("Content-Length : 5",), id="space-before-the-colon"),
    pytest.param((" Content-Length: 5",), id="space-before-the-name"),
    pytest.param(("Transfer-Encoding: xchunked",), id="another-coding"),
    pytest.param(("Transfer-Encoding: chunked, identity",), id="chunked-not-last"),
    pytest.param(("Transfer-Encoding: chunked", "Transfer-Encoding: x"), id="two-codings"),
    pytest.param(("Transfer-Encoding:\x0bchunked",), id="another-blank"),
    pytest.param(("X-A: b", " continued: c", "Content-Length: 5"), id="folded-line"),
    pytest.param(("X-A: b\tc\x00d", "Content-Length: 5"), id="nothing-byte-in-a-value"),
    pytest.param(("X-\x00A: b", "Content-Length: 5"), id="nothing-byte-in-a-name"),
    pytest.param(("X-A: b\rContent-Length: 5",), id="bare-carriage-return"),
]


@pytest.mark.parametrize("fields", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    raw: Raw, name: str, fields: tuple[str, ...]
) -> None:
    answer = said(raw, head(raw, "POST /v2/orders", *fields) + b"0\r\n\r\n" + order(raw, name))
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert not answer or answer.split()[1] in (b"400", b"413", b"501")
    assert not is_there(raw, name)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", id="size-beyond-all-numbers"),
        pytest.param(b"-5\r\nhello\r\n0\r\n\r\n", id="negative-size"),
        pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", id="size-with-a-prefix"),
        pytest.param(b"5\nhello\n0\n\n", id="bare-line-feeds"),
        pytest.param(b"5\r\nhello0\r\n\r\n", id="chunk-without-its-end"),
    ],
)
def test_chunks_that_are_none_are_refused(raw: Raw, name: str, body: bytes) -> None:
    request = head(raw, "POST /v2/orders", "Transfer-Encoding: chunked") + body
    answer = said(raw, request + order(raw, name))
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert not answer or answer.split()[1] in (b"400", b"413", b"431")
    assert not is_there(raw, name)


def test_bare_line_feeds_end_no_header(raw: Raw, name: str) -> None:
    answer = said(raw, head(raw, "GET /v2/account", end="\n") + order(raw, name))
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert not answer or answer.split()[1] == b"400"
    assert not is_there(raw, name)


def test_a_body_in_chunks_has_the_same_bound(raw: Raw, name: str) -> None:
    chunk = b"20000\r\n" + b"a" * 0x20000 + b"\r\n0\r\n\r\n"
    answer = said(raw, head(raw, "POST /v2/orders", "Transfer-Encoding: chunked") + chunk + b"\0")
    assert answer.split()[1] == b"413"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("http://127.0.0.1/v2/orders", id="whole-address"),
        pytest.param("//v2/orders", id="two-slashes"),
        pytest.param("/v2/%6frders", id="encoded-letter"),
        pytest.param("/v2%2forders", id="encoded-slash"),
        pytest.param("/v2/%256frders", id="encoded-twice"),
        pytest.param("/v2/./orders", id="dot"),
        pytest.param("/v2/x/../orders", id="dots"),
        pytest.param("/V2/orders", id="other-case"),
        pytest.param("/v2/orders/", id="slash-at-the-end"),
        pytest.param("/v2/orders;a=b", id="parameter"),
        pytest.param("/v2/orders\x00", id="nothing-byte"),
    ],
)
def test_no_spelling_of_a_path_gets_past_a_scope(served: Served, path: str) -> None:
    """Whoever may only read gets no order through, however its address is spelled."""
    reader = Raw(served.url, served.add_bot(f"reader{next(NUMBERS)}", scope="read"))
    name = f"by-path-{next(NUMBERS)}"
    request = order(reader, name).replace(b"POST /v2/orders ", f"POST {path} ".encode())
    answer = said(reader, request)
    assert not answer or answer.split()[1] in (b"400", b"403", b"404")
    assert not is_there(reader, name)


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "TRACK", "PROPFIND", "XYZZY"])
def test_other_methods_lead_nowhere(raw: Raw, method: str) -> None:
    answer = said(raw, head(raw, f"{method} /v2/account", "Connection: close"))
    assert not answer or answer.split()[1] in (b"400", b"403", b"405", b"501")


def test_a_head_has_a_bound(raw: Raw) -> None:
    fields = [f"X-{number}: {'a' * 900}" for number in range(10)]
    assert said(raw, head(raw, "GET /v2/account", *fields)).split()[1] == b"431"
    usual = head(raw, "GET /v2/account", *fields[:7], "Connection: close")
    assert said(raw, usual).split()[1] == b"200"


def test_a_header_that_never_ends_is_cut(raw: Raw) -> None:
    start = head(raw, "GET /v2/account").removesuffix(b"\r\n") + b"X-Endless: "
    assert said(raw, start + b"a" * 1_000_000).split()[1:2] in ([b"431"], [])


def test_what_is_clear_is_read_one_request_after_the_other(raw: Raw) -> None:
    """The check itself: the same bytes behind a clear request are carried out."""
    answer = said(raw, head(raw, "GET /v2/account") + order(raw, "clear"))
    assert answer.count(b"HTTP/1.1 200") == 2
    assert is_there(raw, "clear")
