"""A simulated venue in a process of its own: who dies, who is told what, and what goes on."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimBrokerClient, SimConfig
from smart_leverage.brokers.sim.messages import FRAME_MAX, HEADER, PART
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import (
    BadData,
    BrokerDown,
    ConfigError,
    NotSent,
    OutcomeUnknown,
    Refused,
)
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, BrokerOrder, Order, Side, TimeInForce
from smart_leverage.domain.registry import Registry

D = Decimal
BTC = Key("crypto:BTC/USD")
NOON = 1785765600 * SECOND_NS


class Served(NamedTuple):
    """A running server and where it is."""

    process: subprocess.Popen[str]
    socket: Path
    file: Path

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start servers on one file and one socket; what still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Served:
        where = (tmp_path / "s", tmp_path / "venue.db")
        words = [str(where[0]), "--file", str(where[1]), *options]
        process = subprocess.Popen(
            [sys.executable, "-m", "smart_leverage.brokers.sim", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready {where[0]}\n"
        return Served(process, *where)

    yield start
    for process in started:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        with process:
            pass


@pytest.fixture
def server(serve: Serve) -> Served:
    return serve("--seed", "5")


@pytest.fixture
def client(server: Served) -> Iterator[SimBrokerClient]:
    with SimBrokerClient(server.socket) as client:
        client.on_quote(NOON, BTC, 50_000.0, 50_000.0)
        yield client


def approved(name: str, side: Side = Side.BUY, qty: str = "0.01", **more: Any) -> Approved:
    words: dict[str, Any] = {"time_in_force": TimeInForce.GTC} | more
    order = Order(client_order_id=name, bot="bot", key=BTC, side=side, qty=D(qty), **words)
    return Approved(order, "test")


# -- who dies -------------------------------------------------------------------------------------


def test_the_venue_lives_on_when_its_client_dies(server: Served) -> None:
    """Also one that is killed in the middle of a request."""
    script = (
        "import sys, os\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "import test_broker_process as here\n"
        "client = here.SimBrokerClient(Path(sys.argv[1]))\n"
        "client.on_quote(here.NOON, here.BTC, 50_000.0, 50_000.0)\n"
        "client.submit(here.approved('mine'))\n"
        "client._own.connection.send(b'\\0\\0\\1\\0half of a request')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    words = [sys.executable, "-c", script, str(server.socket), str(Path(__file__).parent)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    with SimBrokerClient(server.socket) as client:
        order = client.order("mine")
        assert order is not None
        assert order.status == "new"
        client.on_quote(NOON + 1, BTC, 50_000.0, 50_000.0)
        assert client.updates(0)[-1].event in {"fill", "partial_fill"}


def test_newcomers_meet_the_standing_quote_and_after_a_kill_the_next_one(
    serve: Serve, server: Served, client: SimBrokerClient
) -> None:
    client.submit(approved("a"))
    client.meet_newcomers(NOON + 1)
    assert client.updates(0)[-1].event in {"fill", "partial_fill"}
    client.submit(approved("b"))
    server.kill()
    serve("--seed", "5")
    client.meet_newcomers(NOON + 2)  # nobody remembers since when the quote has stood
    assert client.order("b").status == "new"  # type: ignore[union-attr]
    client.on_quote(NOON + 3, BTC, 50_000.0, 50_000.0)
    assert client.updates(0)[-1].event in {"fill", "partial_fill"}


def test_a_killed_venue_continues_with_the_same_account_and_client(
    serve: Serve, server: Served, client: SimBrokerClient
) -> None:
    client.submit(approved("a"))
    client.on_quote(NOON + 1, BTC, 50_000.0, 50_000.0)
    client.submit(approved("b"))
    before = (client.account(), client.positions(), client.orders(), client.updates(0))
    server.kill()
    with pytest.raises(BrokerDown):
        client.account()
    serve("--seed", "77", "--cash", "1")  # the file's own setup counts
    assert (client.account(), client.positions(), client.orders(), client.updates(0)) == before


def test_ids_are_unique_over_restarts(serve: Serve, server: Served) -> None:
    ids: list[str] = []
    for number in range(3):
        with SimBrokerClient(server.socket) as client:
            client.on_quote(NOON + number, BTC, 50_000.0, 50_000.0)
            ids += [client.submit(approved(f"{number} {i}")).broker_order_id for i in range(3)]
            client.on_quote(NOON + number, BTC, 50_000.0, 50_000.0)
            ids += [each.fill.execution_id for each in client.updates(0)[-3:] if each.fill]
        server.kill()
        server = serve()
    with SimBrokerClient(server.socket) as client:
        fills = [each.fill.execution_id for each in client.updates(0) if each.fill]
        orders = [each.broker_order_id for each in client.orders()]
        activities = [each.activity_id for each in client.activities()]
    every = fills + orders + activities
    assert len(set(every)) == len(every) > 9
    assert set(ids) <= set(every)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["term", "int"])
def test_a_signal_ends_it_cleanly(server: Served, number: int) -> None:
    os.kill(server.process.pid, number)
    assert server.process.wait(timeout=30) == 0
    assert not server.socket.exists()
    assert server.process.stderr is not None
    assert server.process.stderr.read() == ""


# -- honest answers -------------------------------------------------------------------------------


def test_before_a_byte_has_left_nothing_was_sent(tmp_path: Path) -> None:
    with SimBrokerClient(tmp_path / "nobody") as client:
        for send in (
            lambda: client.submit(approved("a")),
            lambda: client.cancel("a"),
            lambda: client.replace("a", qty=D(1)),
            lambda: client.deposit(NOON, D(1)),
        ):
            with pytest.raises(NotSent, match="nobody listens"):
                send()
        for ask in (
            client.account,
            client.positions,
            client.orders,
            client.activities,
            client.changes,
            lambda: client.order("a"),
            lambda: client.updates(0),
            lambda: client.advance(NOON),
            lambda: client.on_quote(NOON, BTC, 1.0, 1.0),
            lambda: client.fill_opens(NOON),
        ):
            with pytest.raises(BrokerDown):
                ask()


def test_a_dead_server_behind_an_open_connection_is_noticed_before_a_byte_leaves(
    server: Served, client: SimBrokerClient
) -> None:
    client.account()
    server.kill()
    with pytest.raises(NotSent):
        client.submit(approved("a"))


def test_what_left_and_was_not_answered_is_unknown(server: Served, client: SimBrokerClient) -> None:
    os.kill(server.process.pid, signal.SIGSTOP)
    with SimBrokerClient(server.socket, timeout_s=0.2) as hasty:
        with pytest.raises(OutcomeUnknown) as unknown:
            hasty.submit(approved("a"))
        assert unknown.value.client_order_id == "a"
        assert unknown.value.waited_s >= 0.2
        with pytest.raises(OutcomeUnknown):
            hasty.cancel("nobody's")
        with pytest.raises(BrokerDown):
            hasty.order("a")
    os.kill(server.process.pid, signal.SIGCONT)
    patience = time.monotonic() + 30
    while client.order("a") is None and time.monotonic() < patience:
        time.sleep(0.01)
    with pytest.raises(Refused, match="must be unique"):  # it had arrived
        client.submit(approved("a"))


class Impostor:
    """Listens like a server and answers every request with the same bytes."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen()
        self.answer = answer
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            with connection:
                if not connection.recv(65536):
                    return
                connection.sendall(self.answer)

    def stop(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
            last.connect(str(path))
        self.thread.join()
        self.listener.close()


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(HEADER) + body


OTHER = approved("other").order
OTHERS = msgspec.json.encode(
    {
        "broker_order_id": "x",
        "order": OTHER,
        "status": "new",
        "filled_qty": "0",
        "filled_avg_price": None,
        "submitted_at_ns": 0,
        "updated_at_ns": 0,
    }
)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0\0", id="half-a-length"),
        pytest.param(frame(b'{"answer":"done","result":nul')[:20], id="cut-off"),
        pytest.param(frame(b"<html>502</html>"), id="not-ours"),
        pytest.param((FRAME_MAX + 1).to_bytes(HEADER) + b"x" * 99, id="too-long"),
        pytest.param(frame(b'{"answer":"done","result":{"odd":1}}'), id="of-another-shape"),
        pytest.param(frame(b'{"answer":"done","result":%s}' % OTHERS), id="about-another-order"),
        pytest.param(
            frame(b'{"answer":"fault","code":"broker.down","message":"disk full"}'), id="fault"
        ),
    ],
)
def test_an_answer_that_proves_nothing_proves_nothing(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "s"
    impostor = Impostor(path, answer)
    try:
        with SimBrokerClient(path, timeout_s=20.0) as client:
            with pytest.raises(OutcomeUnknown):
                client.submit(approved("a"))
            words = client.submit_all([approved("a"), approved("b")])
            assert [(type(each), each.client_order_id) for each in words] == [  # type: ignore[union-attr]
                (OutcomeUnknown, "a"),
                (OutcomeUnknown, "b"),
            ]
            with pytest.raises(BrokerDown):
                client.account()
            with pytest.raises(BrokerDown):
                client.positions()
    finally:
        impostor.stop(path)


def test_a_request_too_long_for_a_frame_is_not_sent(client: SimBrokerClient) -> None:
    with pytest.raises(NotSent, match="at most"):
        client.submit(approved("x" * FRAME_MAX))
    with pytest.raises(BrokerDown, match="at most"):
        client.order("x" * FRAME_MAX)
    with pytest.raises(NotSent):
        client.submit(approved("\ud800"))


# -- many with one message ------------------------------------------------------------------------


def test_of_many_orders_each_gets_its_own_answer(client: SimBrokerClient) -> None:
    client.submit(approved("before"))
    sale = approved("unheld", Side.SELL)
    one, again, unheld, two = client.submit_all(
        [approved("one"), approved("before"), sale, approved("two")]
    )
    assert isinstance(one, BrokerOrder)
    assert isinstance(two, BrokerOrder)
    assert (one.order.client_order_id, two.order.client_order_id) == ("one", "two")
    assert isinstance(again, Refused)
    assert again.is_repeated_id
    assert isinstance(unheld, Refused)
    assert unheld.message.startswith("insufficient balance")
    listed = [each.order.client_order_id for each in client.orders()]
    assert listed == ["before", "one", "two"]


def test_many_orders_are_the_same_orders_as_one_by_one(serve: Serve, tmp_path: Path) -> None:
    wanted = [approved(f"n{number}", qty=f"0.0{number}") for number in range(1, 5)]
    with SimBrokerClient(serve("--seed", "5").socket) as client:
        client.on_quote(NOON, BTC, 50_000.0, 50_000.0)
        together = client.submit_all(wanted)
        client.on_quote(NOON + 1, BTC, 50_000.0, 50_000.0)
        after = (client.account(), client.orders(), client.updates(0))
    (tmp_path / "apart").mkdir()
    with SimBroker(Registry.builtin(), config=SimConfig(mode=Mode.LIVE, seed=5)) as broker:
        broker.on_quote(NOON, BTC, 50_000.0, 50_000.0)
        apart = [broker.submit(each) for each in wanted]
        broker.on_quote(NOON + 1, BTC, 50_000.0, 50_000.0)
        alone = (broker.account(), list(broker.orders()), list(broker.updates(0)))
    assert together == apart
    assert after == alone


def test_many_that_did_not_leave_and_many_that_nobody_answered(
    server: Served, client: SimBrokerClient
) -> None:
    many = [approved("a"), approved("b")]
    os.kill(server.process.pid, signal.SIGSTOP)
    with SimBrokerClient(server.socket, timeout_s=0.2) as hasty:
        assert {type(each) for each in hasty.submit_all(many)} == {OutcomeUnknown}
    server.kill()
    assert [type(each) for each in client.submit_all(many)] == [NotSent, NotSent]


# -- what is bounded ------------------------------------------------------------------------------


def test_long_lists_come_in_parts_and_whole(client: SimBrokerClient) -> None:
    names = [f"{number:03} {'ü' * 120}" for number in range(2 * PART)]
    for name in names[: PART + 1]:
        client.submit(approved(name, qty="0.001"))
    assert [each.order.client_order_id for each in client.orders()] == names[: PART + 1]
    assert [each.sequence for each in client.updates(0)] == list(range(1, PART + 2))
    assert client.updates(PART + 1) == []


def test_no_name_makes_a_list_too_long_to_read(client: SimBrokerClient) -> None:
    for words in ({"bot": "x" * 100_000}, {"key": Key("x" * 900_000)}):
        order = msgspec.structs.replace(approved("a").order, **words)
        with pytest.raises(Refused) as refusal:
            client.submit(Approved(order, "test"))
        assert len(refusal.value.message) < 400
    with pytest.raises(Refused) as refusal:
        client.cancel("y" * 900_000)
    assert len(refusal.value.message) < 400
    assert client.orders() == []


def test_nonsense_harms_nobody(server: Served, client: SimBrokerClient) -> None:
    for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", frame(b"{"), b"\xff" * 100, b""):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
            stranger.connect(str(server.socket))
            stranger.sendall(bytes_)
    assert client.account().cash == 100_000
    with pytest.raises(BadData):
        client.on_quote(NOON, BTC, float("nan"), 1.0)
    with pytest.raises(ConfigError):
        client.fill_opens(NOON)
    assert client.account().cash == 100_000


def test_clients_take_turns(server: Served, client: SimBrokerClient) -> None:
    def order(number: int) -> None:
        with SimBrokerClient(server.socket) as own:
            for each in range(10):
                own.submit(approved(f"{number}-{each}", qty="0.001"))

    threads = [threading.Thread(target=order, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.broker_order_id for each in client.orders()}) == 60
    assert [each.sequence for each in client.updates(0)] == list(range(1, 61))


# -- starting -------------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "smart_leverage.brokers.sim", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_only_its_owner_may_speak_to_it(server: Served) -> None:
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600


def test_a_second_server_is_refused_and_the_first_stays(
    server: Served, client: SimBrokerClient, tmp_path: Path
) -> None:
    assert run(str(tmp_path / "s2"), "--file", str(server.file)) == (
        1,
        f"{server.file} is run by another process\n",
    )
    code, error = run(str(server.socket), "--file", str(tmp_path / "other.db"))
    assert (code, error) == (1, f"another server listens on {server.socket}\n")
    assert client.account().cash == 100_000


def test_the_socket_of_a_killed_server_is_taken_over(serve: Serve, server: Served) -> None:
    server.kill()
    assert server.socket.exists()
    with SimBrokerClient(serve().socket) as client:
        assert client.account().cash == 100_000


def test_a_file_that_a_kill_left_empty_is_begun(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "venue.db").touch()
    with SimBrokerClient(serve("--cash", "250.5", "--multiplier", "1").socket) as client:
        assert client.account().buying_power == D("250.5")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(("s", "--cash", "much"), 2, "'much' is not a number", id="no-number"),
        pytest.param(("s", "--cash", "NaN"), 1, "cash = NaN: zero or more", id="nan"),
        pytest.param(("s", "--multiplier", "3"), 2, "invalid choice: 3", id="multiplier"),
        pytest.param(("x" * 200,), 1, "at most 107 bytes", id="long-path"),
        pytest.param(("none/s",), 1, "No such file or directory", id="no-folder"),
        pytest.param(("taken",), 1, "Address already in use", id="a-file-in-the-way"),
    ],
)
def test_a_bad_start_says_why(
    tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    (tmp_path / "taken").write_text("mine")
    path, *options = words
    result, error = run(str(tmp_path / path), "--file", str(tmp_path / "venue.db"), *options)
    assert (result, message in error) == (code, True), error
    assert (tmp_path / "taken").read_text() == "mine"
