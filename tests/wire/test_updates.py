"""The stream of trade updates, with the official client and with frames of every kind."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from alpaca.trading.stream import TradingStream
from tests.wire.serving import Served
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

GTC = TimeInForce.GTC


class Heard:
    """The official stream of one bot, on a thread of its own."""

    def __init__(self, served: Served, name: str) -> None:
        keys = served.add_bot(name)
        self.client = TradingClient(*keys, url_override=served.url)
        self.updates: list[Any] = []
        self.stream = TradingStream(*keys, url_override=served.ws)
        self.stream.subscribe_trade_updates(self.hear)
        self.thread = threading.Thread(target=self.stream.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 10.0
        while not self.stream._running and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.3)

    async def hear(self, update: Any) -> None:
        self.updates.append(update)

    def wait(self, count: int) -> list[str]:
        until = time.monotonic() + 8.0
        while len(self.updates) < count and time.monotonic() < until:
            time.sleep(0.05)
        return [str(getattr(update.event, "value", update.event)) for update in self.updates]

    def stop(self) -> None:
        self.stream.stop()
        self.thread.join(5.0)


@contextmanager
def heard(served: Served, name: str) -> Iterator[Heard]:
    """Listen until the block ends, however it ends: a stream left alone connects again for ever."""
    one = Heard(served, name)
    try:
        yield one
    finally:
        one.stop()


def market(client: TradingClient, side: OrderSide, **amount: float) -> Any:
    return client.submit_order(
        MarketOrderRequest(symbol="BTC/USD", side=side, time_in_force=GTC, **amount)
    )


def test_the_official_stream_tells_a_bot_of_its_own_orders_only(served: Served) -> None:
    with heard(served, "stream1") as one, heard(served, "stream2") as other:
        order = market(one.client, OrderSide.BUY, qty=0.002)
        events = one.wait(2)
        assert events[0] == "new"
        assert events[-1] == "fill"
        last = one.updates[-1]
        assert last.order.id == order.id
        assert last.order.status == "filled"
        assert float(last.position_qty) == pytest.approx(0.002 * 0.9975)
        assert sum(float(each.qty) for each in one.updates if each.qty) == pytest.approx(0.002)
        before = len(one.updates)
        rest = one.client.submit_order(
            LimitOrderRequest(
                symbol="ETH/USD", side=OrderSide.BUY, qty=0.02, limit_price=900, time_in_force=GTC
            )
        )
        one.wait(before + 1)
        one.client.cancel_order_by_id(rest.id)
        events = one.wait(before + 3)[before:]
        assert events == ["new", "pending_cancel", "canceled"]
        assert other.updates == []


Encode = Callable[[Any], str | bytes]
KINDS: dict[str, tuple[dict[str, str], Encode, Callable[[Any], Any]]] = {
    "text": ({}, json.dumps, json.loads),
    "binary": ({}, lambda said: json.dumps(said).encode(), json.loads),
    "msgpack": (
        {"Content-Type": "application/msgpack"},
        msgspec.msgpack.encode,
        msgspec.msgpack.decode,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("form", ["authenticate", "auth"])
def test_every_form_of_frames_and_of_the_first_message(
    served: Served, kind: str, path: str, form: str
) -> None:
    headers, encode, decode = KINDS[kind]
    key_id, secret = served.add_bot(f"frames-{kind}-{form}-{len(path)}")
    hello: dict[str, Any] = {"action": "auth", "key": key_id, "secret": secret}
    if form == "authenticate":
        hello = {"action": form, "data": {"key_id": key_id, "secret_key": secret}}
    with connect(served.ws + path, additional_headers=headers) as stream:
        stream.send(encode(hello))
        said = decode(stream.recv(5.0))
        assert said["stream"] == "authorization"
        assert said["data"] == {"status": "authorized", "action": "authenticate"}
        stream.send(encode({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        assert decode(stream.recv(5.0)) == {
            "stream": "listening",
            "data": {"streams": ["trade_updates"]},
        }
        client = TradingClient(key_id, secret, url_override=served.url)
        market(client, OrderSide.BUY, notional=20)
        said = decode(stream.recv(5.0))
        assert (said["stream"], said["data"]["event"]) == ("trade_updates", "new")
        stream.send(encode({"action": "listen", "data": {"streams": []}}))
        assert _until_listening(stream, decode) == []


def _until_listening(stream: ClientConnection, decode: Callable[[Any], Any]) -> Any:
    for _ in range(50):
        said = decode(stream.recv(5.0))
        if said["stream"] == "listening":
            return said["data"]["streams"]
    raise AssertionError("never listened")


def test_a_stranger_hears_nothing(served: Served) -> None:
    with connect(served.ws) as stream:
        stream.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        assert json.loads(stream.recv(5.0))["data"]["status"] == "unauthorized"
        wrong = {"key_id": served.keys["bot"][0], "secret_key": "wrong"}
        stream.send(json.dumps({"action": "authenticate", "data": wrong}))
        assert json.loads(stream.recv(5.0))["data"]["status"] == "unauthorized"
        with pytest.raises(ConnectionClosed):
            stream.recv(5.0)


def test_a_fifth_stream_of_one_token_is_turned_away(served: Served) -> None:
    key_id, secret = served.add_bot("many")
    hello = json.dumps({"action": "auth", "key": key_id, "secret": secret})
    with ExitStack() as open_ones:
        streams = [open_ones.enter_context(connect(served.ws)) for _ in range(5)]
        for stream in streams[:4]:
            stream.send(hello)
            assert json.loads(stream.recv(5.0))["data"]["status"] == "authorized"
        streams[4].send(hello)
        with pytest.raises(ConnectionClosed):
            streams[4].recv(5.0)


def test_a_revoked_token_hears_no_more(served: Served) -> None:
    import subprocess

    from tests.wire.serving import PROGRAM

    key_id, secret = served.add_bot("leaver")
    with connect(served.ws) as stream:
        stream.send(json.dumps({"action": "auth", "key": key_id, "secret": secret}))
        stream.recv(5.0)
        done = subprocess.run(
            [
                *(PROGRAM, "bots", "revoke", "leaver"),
                *("--reason", "test"),
                "--ledger",
                served.folder,
            ],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with pytest.raises(ConnectionClosed):
            stream.recv(12.0)


def test_what_is_not_legible_ends_nothing(served: Served) -> None:
    async def hostile() -> None:
        from websockets.asyncio.client import connect as open_stream

        async with open_stream(served.ws) as stream:
            for frame in (b"\xff\xff", "{", "[]", b"\x81" * 200, json.dumps({"action": 5})):
                await stream.send(frame)
            async with asyncio.timeout(5.0):
                assert json.loads(await stream.recv())["stream"] == "authorization"

    asyncio.run(hostile())
    assert TradingClient(*served.keys["bot"], url_override=served.url).get_clock() is not None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("[" * 8_000, id="deep-json"),
        pytest.param('{"a":' * 1_500, id="deep-objects"),
        pytest.param(b"\x91" * 8_000, id="deep-msgpack"),
        pytest.param(b"\xa2\xff\xfe", id="msgpack-that-is-not-utf-8"),
        pytest.param('{"action":"listen","data":{"streams":5}}', id="number-of-streams"),
    ],
)
@pytest.mark.parametrize("is_stranger", [True, False])
def test_a_hostile_frame_ends_no_stream(
    served: Served, frame: str | bytes, is_stranger: bool
) -> None:
    key_id, secret = served.keys["bot"]
    first = {"action": "authenticate", "data": {"key_id": key_id, "secret_key": secret}}
    with connect(served.ws) as socket:
        if is_stranger:
            socket.send(frame)
            assert json.loads(socket.recv(5.0))["data"]["status"] == "unauthorized"
        socket.send(json.dumps(first))
        assert json.loads(socket.recv(5.0))["data"]["status"] == "authorized"
        if not is_stranger:
            socket.send(frame)
        socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        heard = [json.loads(socket.recv(5.0))]
        if heard[-1]["data"]["streams"] == []:
            heard.append(json.loads(socket.recv(5.0)))
        assert heard[-1] == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
