"""A stream of the real broker that does not let us in, as where another program has our place."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.alpaca_venue import LOOPBACK, Venue
from tests.contract.test_broker_alpaca import behind, broker, eventually, opened, venue
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from smart_leverage.brokers.alpaca import AlpacaBroker
from smart_leverage.brokers.base import MayRefuseStream

__all__ = ["behind", "broker", "venue"]


def _says_406(connection: ServerConnection) -> None:
    connection.send('[{"T":"error","code":406,"msg":"connection limit exceeded"}]')


def _closes_as_too_many(connection: ServerConnection) -> None:
    connection.close(4_406, "connection limit exceeded")


def _closes_by_policy(connection: ServerConnection) -> None:
    connection.close(1_008, "")


def _knows_no_such_keys(connection: ServerConnection) -> None:
    connection.send('{"stream":"authorization","data":{"status":"unauthorized"}}')


@pytest.mark.parametrize(
    ("refuse", "told"),
    [
        pytest.param(_says_406, "it says 406 connection limit exceeded", id="error"),
        pytest.param(_closes_as_too_many, "it closes with 4406 connection limit", id="own-code"),
        pytest.param(_closes_by_policy, "it closes with 1008", id="policy"),
        pytest.param(_knows_no_such_keys, "it says unauthorized to our keys", id="keys"),
    ],
)
def test_a_stream_that_does_not_let_us_in_is_told_until_it_does(
    broker: AlpacaBroker, venue: Venue, refuse: Callable[[ServerConnection], None], told: str
) -> None:
    assert isinstance(broker, MayRefuseStream)
    venue.refuse = refuse
    broker.updates(0)
    assert eventually(lambda: broker.refused)
    assert told in broker.refused
    venue.refuse = None
    assert eventually(lambda: not broker.refused)


def _breaks_off(connection: ServerConnection) -> None:
    connection.close_socket()


def _is_ending(connection: ServerConnection) -> None:
    connection.close(1_001, "going away")


@pytest.mark.parametrize("end", [_breaks_off, _is_ending])
def test_a_stream_that_is_only_away_refuses_nobody(
    broker: AlpacaBroker, venue: Venue, end: Callable[[ServerConnection], None]
) -> None:
    ended = []

    def refuse(connection: ServerConnection) -> None:
        end(connection)
        ended.append(connection)

    venue.refuse = refuse
    broker.updates(0)
    assert eventually(lambda: len(ended) > 1)
    assert broker.refused == ""


def test_a_handshake_that_is_turned_down_is_a_refusal_and_a_server_in_trouble_is_none(
    venue: Venue, tmp_path: Path
) -> None:
    for status, told in ((429, "it answers 429"), (503, "")):
        asked: list[str] = []

        def turn_down(
            connection: ServerConnection, request: Request, status: int = status,
            asked: list[str] = asked,
        ) -> Response:  # fmt: skip
            asked.append(request.path)
            return connection.respond(status, "")

        with serve(lambda connection: None, LOOPBACK, 0, process_request=turn_down) as streams:
            thread = threading.Thread(target=streams.serve_forever)
            thread.start()
            venue.stream_port = streams.socket.getsockname()[1]
            with opened(venue, tmp_path) as one:
                one.updates(0)
                assert eventually(lambda: len(asked) > 1)  # noqa: B023 - used within the turn
                assert one.refused == told
            streams.shutdown()
            thread.join()
