"""Market data passed on: what the broker says comes as it is, and what it does not say is a 503."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.wire.raw import Raw

from smart_leverage.domain.bots import Scope, Seat, digest
from smart_leverage.server.desk import passing
from smart_leverage.server.desk.passing import PER_MINUTE, Passing
from smart_leverage.server.gate import Door, Gate
from smart_leverage.server.rates import Rates
from smart_leverage.server.serving import Binding, serving

KEYS = ("KEY-OF-THE-ACCOUNT", "secret-of-the-account")
BARS = "/v2/stocks/bars"
SEAT = Seat(bot="one", token_id="SLKA", secret_sha256=digest("s"), scopes=(Scope.READ,))


class Broker(ThreadingHTTPServer):
    """A server of market data that answers as its paths say, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[tuple[str, str, str]] = []
        self.has_ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of those who hang up."""


class Answering(BaseHTTPRequestHandler):
    server: Broker

    def do_GET(self) -> None:
        headers = self.headers
        key, secret = headers["APCA-API-KEY-ID"], headers["APCA-API-SECRET-KEY"]
        self.server.asked.append((self.path, key, secret))
        kind = self.path.partition("?")[0].rpartition("/")[2]
        if kind == "cut":
            return  # closes the line without a word
        if kind == "silent":
            self.server.has_ended.wait(10.0)
            return
        content = b'{"bars": {}}' if kind != "endless" else b"x" * 5_000
        self.send_response({"missing": 404, "often": 429, "moved": 302}.get(kind, 200))
        if kind == "moved":
            self.send_header("Location", "/v2/stocks/bars")
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content) * (2 if kind == "torn" else 1)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.01,))
        thread.start()
        yield one
        one.has_ended.set()
        one.shutdown()
        thread.join()


class Watch:
    """Counts seconds when it is told to."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def passed_on(url: str, watch: Watch | None = None) -> Iterator[Raw]:
    """Serve what is passed on, as the desk does, to a bot with its token."""
    routes = Passing(url, KEYS, watch or Watch()).routes()
    door = Door(frozenset({"127.0.0.1"}), lambda: {"SLKA": SEAT}, Rates(1e6, 1e6))
    with serving(Gate(routes, door, {}), Binding(), lambda loop: None) as address:
        yield Raw(address.url, ("SLKA", "s"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param(f"{BARS}?symbols=SPY&timeframe=1Day", 200, id="an-answer"),
        pytest.param("/v1beta3/crypto/us/missing", 404, id="a-refusal"),
        pytest.param("/v2/stocks/often", 429, id="too-often-for-the-broker"),
        pytest.param("/v2/stocks/moved", 302, id="elsewhere-and-not-followed"),
    ],
)
def test_an_answer_is_passed_on_as_it_is(broker: Broker, path: str, status: int) -> None:
    with passed_on(broker.url) as bot:
        answer = bot("GET", path)
    assert (answer.status, answer.json) == (status, {"bars": {}})
    assert broker.asked == [(path, *KEYS)]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        pytest.param("/v2/stocks/cut", "do not answer: RemoteProtocolError", id="hung-up"),
        pytest.param("/v2/stocks/silent", "do not answer: ReadTimeout", id="silent"),
        pytest.param("/v2/stocks/torn", "do not answer: RemoteProtocolError", id="torn"),
        pytest.param("/v2/stocks/endless", "the answer has no end", id="endless"),
    ],
)
def test_no_answer_is_a_503_that_says_why(
    broker: Broker, path: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing, "ANSWER_S", 0.3)
    monkeypatch.setattr(passing, "ANSWER_MAX", 4_000)
    with passed_on(broker.url) as bot:
        answer = bot("GET", path)
        assert (answer.status, answer.json["code"]) == (503, 50300000)
        assert answer.json["message"].endswith(why)
        assert KEYS[1] not in str(answer.json)
        assert bot("GET", BARS).status == 200  # and the next question is asked


def test_a_broker_that_is_not_there_is_a_503() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with passed_on(f"http://127.0.0.1:{port}") as bot:
        answer = bot("GET", BARS)
    assert answer.status == 503
    assert "do not answer: ConnectError" in answer.json["message"]


def test_who_asks_too_often_waits_and_the_broker_does_not_hear_of_it(broker: Broker) -> None:
    watch = Watch()
    with passed_on(broker.url, watch) as bot:
        for number in range(PER_MINUTE):
            watch.now_s = number * 0.25  # over half a minute
            assert bot("GET", BARS).status == 200
        for watch.now_s in (30.0, 59.99):
            answer = bot("GET", BARS)
            assert (answer.status, answer.json["code"]) == (429, 42910000)
            assert answer.headers["retry-after"] == "1"
            assert f"{PER_MINUTE} questions a minute" in answer.json["message"]
        assert len(broker.asked) == PER_MINUTE
        # In any minute so many and no more: the first has just left it, the second has not.
        watch.now_s = 60.0
        assert [bot("GET", BARS).status for _ in range(2)] == [200, 429]
        watch.now_s = 60.25
        assert [bot("GET", BARS).status for _ in range(2)] == [200, 429]
    assert len(broker.asked) == PER_MINUTE + 2


def test_only_market_data_are_passed_on(broker: Broker) -> None:
    with passed_on(broker.url) as bot:
        assert bot("GET", "/v2/account").status == 404
        assert bot("POST", BARS).status == 403
    assert broker.asked == []
