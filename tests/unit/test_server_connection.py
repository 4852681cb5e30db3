"""Connections have bounds: how long a head may take, how large it may be, how many there are."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from smart_leverage.server import connection
from smart_leverage.server.serving import Address, Binding, serving

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
WITHIN_S = 60.0


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_WITHIN_S", 0.2)
    monkeypatch.setattr(connection, "CONNECTIONS_MAX", 4)


@pytest.fixture
def served(bounds: None) -> Iterator[Address]:
    with serving(hello, Binding(), lambda loop: None) as address:
        yield address


def connected(address: Address) -> socket.socket:
    return socket.create_connection((address.host, address.port), WITHIN_S)


def rest(other: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    said = b""
    with suppress(ConnectionResetError):
        while part := other.recv(65_536):
            said += part
    return said


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"", id="says-nothing"),
        pytest.param(b"GET / HT", id="half-a-line"),
        pytest.param(GET[:-2], id="no-end-of-the-head"),
        pytest.param(b"\r\n\r\n", id="blank-lines"),
    ],
)
def test_nobody_is_waited_for_who_does_not_end_a_head(served: Address, begun: bytes) -> None:
    with connected(served) as slow:
        slow.sendall(begun)
        assert rest(slow) == b""


def test_a_second_head_is_timed_as_the_first(served: Address) -> None:
    with connected(served) as slow:
        slow.sendall(GET + b"GET / HT")
        assert rest(slow).count(b"200 OK") == 1


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"], ids=["without-end", "whole"])
def test_a_head_over_its_bound_is_refused(served: Address, end: bytes) -> None:
    with connected(served) as large:
        large.sendall(GET[:-2] + b"X: " + b"a" * connection.HEADERS_MAX + end)
        assert rest(large).startswith(b"HTTP/1.1 431 ")


def test_whoever_keeps_connections_open_makes_room_for_a_newcomer(served: Address) -> None:
    with ExitStack() as kept:
        idle = [kept.enter_context(connected(served)) for _ in range(4)]
        for each in idle:
            each.sendall(GET)
            assert each.recv(65_536).startswith(b"HTTP/1.1 200")
        newcomer = kept.enter_context(connected(served))
        newcomer.sendall(GET)
        assert newcomer.recv(65_536).startswith(b"HTTP/1.1 200")
