"""The real broker's adapter over sockets, where a broker does what its pages do not promise."""

import gzip
import json
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Never

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.alpaca_venue import KEYS, REGISTRY, Handler, Venue, alpaca_venue
from tests.contract.test_broker_alpaca import (
    cut_before,
    eventually,
    executions,
    opened,
    order,
    saying,
    sent,
    told,
)
from tests.contract.test_broker_contract import AAPL, BTC, ETH, MONDAY, in_process

from smart_leverage.brokers.alpaca import AlpacaBroker, Hosts, client, hearing
from smart_leverage.brokers.alpaca.line import Line, Lost
from smart_leverage.brokers.alpaca.writing import order_body
from smart_leverage.brokers.budget import Lane, Unbounded
from smart_leverage.brokers.sim import Mode, SimBrokerClient, SimConfig, Start
from smart_leverage.brokers.told import Told
from smart_leverage.domain.errors import BrokerDown, NotSent, OutcomeUnknown, Refused
from smart_leverage.domain.orders import BrokerOrder, OrderType
from smart_leverage.wire.encoding import when

D = Decimal
LOOPBACK = "127.0.0.1"
TLS = Path(__file__).parents[1] / "wire" / "tls"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimBrokerClient]:
    """The venue's market and books, in a process of its own, for all tests here."""
    config = SimConfig(
        mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.0,
        positions=(Start(AAPL, D(10), D(190)), Start(ETH, D(1), D(2000))),
    )  # fmt: skip
    with in_process(config, tmp_path_factory.mktemp("venue")) as desk:
        assert isinstance(desk.venue, SimBrokerClient)
        desk.venue.on_quote(MONDAY, AAPL, 199.98, 200.02)
        desk.venue.on_quote(MONDAY, BTC, 49_990.0, 50_010.0)
        yield desk.venue


@pytest.fixture
def venue(behind: SimBrokerClient) -> Iterator[Venue]:
    with alpaca_venue(behind) as running:
        yield running


@pytest.fixture
def broker(venue: Venue, tmp_path: Path) -> Iterator[AlpacaBroker]:
    with opened(venue, tmp_path, Unbounded()) as one:
        yield one


def always(venue: Venue, name: str, body: bytes) -> None:
    """Have every request of a name answered alike."""

    def say(handler: Handler) -> bool:
        venue.before[name] = say
        return bool(saying(200, body)(handler))

    venue.before[name] = say


CLOCK = iter(range(MONDAY + 1, MONDAY + 10**9))


def bought(broker: AlpacaBroker, behind: SimBrokerClient, name: str) -> None:
    """Have a purchase of three filled."""
    sent(broker, name, type=OrderType.MARKET, qty="3")
    behind.on_quote(next(CLOCK), AAPL, 200.0, 200.03)


# -- what the registry does not have --------------------------------------------------------------


def holding(symbol: str, asset_class: str, qty: str = "3", **more: str) -> dict[str, str]:
    return {"symbol": symbol, "asset_class": asset_class, "qty": qty, "current_price": "7"} | more


def test_a_holding_that_the_registry_lacks_hides_no_other(
    broker: AlpacaBroker, venue: Venue
) -> None:
    rows = [
        holding("AAPL", "us_equity"),
        holding("ZZQX", "us_equity"),
        holding("ZZQXUSD", "crypto"),
        holding("AAPL270115C00200000", "us_option"),
    ]
    assert not {"us_equity:ZZQX", "crypto:ZZQX/USD"} & set(REGISTRY)
    venue.before["GET /v2/positions"] = saying(200, json.dumps(rows).encode())
    assert [one.key for one in broker.positions()] == [
        "us_equity:AAPL", "us_equity:ZZQX", "crypto:ZZQX/USD", "us_option:AAPL270115C00200000",
    ]  # fmt: skip


def test_an_order_for_what_the_registry_lacks_is_listed_and_can_be_sent(
    broker: AlpacaBroker, venue: Venue, behind: SimBrokerClient
) -> None:
    sent(broker, "listed")
    row = venue.row(next(each for each in behind.orders() if each.order.key == AAPL))
    row |= {"symbol": "ZZQX/USD", "asset_class": "crypto"}
    venue.before["GET /v2/orders"] = saying(200, json.dumps([row]).encode())
    (found,) = broker.orders(is_open=True)
    assert found.order.key == "crypto:ZZQX/USD"
    assert order_body(found.order)["symbol"] == "ZZQX/USD"
    broker.cancel("listed")


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(holding("ZZQX", ""), id="of-no-class"),
        pytest.param(holding("zz qx", "us_equity"), id="no-symbol"),
        pytest.param(holding("", "us_equity"), id="without-a-symbol"),
    ],
)
def test_what_nobody_can_name_is_no_answer(
    broker: AlpacaBroker, venue: Venue, row: dict[str, str]
) -> None:
    venue.before["GET /v2/positions"] = saying(200, json.dumps([row]).encode())
    with pytest.raises(BrokerDown, match="a position of the broker cannot be read"):
        broker.positions()


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_short_holding_is_below_zero_whichever_sign_the_broker_writes(
    broker: AlpacaBroker, venue: Venue, sign: str
) -> None:
    row = holding("AAPL", "us_equity", f"{sign}3", side="short", qty_available=f"{sign}2")
    venue.before["GET /v2/positions"] = saying(200, json.dumps([row]).encode())
    (short,) = broker.positions()
    assert (short.qty, short.qty_available) == (D(-3), D(-2))


# -- lists and answers ----------------------------------------------------------------------------


def test_a_list_without_end_is_no_answer(
    broker: AlpacaBroker, venue: Venue, behind: SimBrokerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGES_MAX", 5)
    sent(broker, "one")
    row = venue.row(behind.orders()[-1])
    always(venue, "GET /v2/orders", json.dumps([row] * 500).encode())
    with pytest.raises(BrokerDown, match="no end"):
        broker.orders()
    fee = {"id": "x", "activity_type": "CFEE", "date": "2026-08-03", "net_amount": "-1"}
    always(venue, "GET /v2/account/activities", json.dumps([fee] * 100).encode())
    with pytest.raises(BrokerDown, match="no end"):
        broker.activities()


def test_activities_that_were_all_seen_are_not_read_from_the_beginning_again(
    broker: AlpacaBroker, venue: Venue
) -> None:
    asked = []

    def listed(handler: Handler) -> bool:
        asked.append(handler.path)
        venue.before["GET /v2/account/activities"] = listed
        rows = [
            {"id": f"{day}", "activity_type": "CSD", "date": day, "net_amount": "5"}
            for day in ("2025-01-02", "2026-08-01")
        ]
        return bool(saying(200, json.dumps(rows).encode())(handler))

    venue.before["GET /v2/account/activities"] = listed
    assert [one.number for one in broker.activities()] == [1, 2]
    assert broker.activities(2) == []
    assert [one.number for one in broker.activities(1)] == [2]
    assert ["after=2026-06-22" in path for path in asked] == [False, True, False]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"id": "x", "activity_type": "DIV", "net_amount": "many"}, id="no-amount"),
        pytest.param({"activity_type": "DIV", "net_amount": "1"}, id="no-id"),
        pytest.param(
            {"id": "x", "activity_type": "SPLIT", "symbol": "ZZQX", "qty": "3"}, id="of-nothing"
        ),
        pytest.param([], id="no-row"),
    ],
)
def test_an_activity_that_cannot_be_read_is_no_answer(
    broker: AlpacaBroker, venue: Venue, row: Any
) -> None:
    venue.before["GET /v2/account/activities"] = saying(200, json.dumps([row]).encode())
    with pytest.raises(BrokerDown):
        broker.activities()


def test_a_dividend_of_what_the_registry_lacks_is_money(broker: AlpacaBroker, venue: Venue) -> None:
    row = {"id": "x", "activity_type": "DIV", "symbol": "ZZQX", "net_amount": "12.5"}
    venue.before["GET /v2/account/activities"] = saying(200, json.dumps([row]).encode())
    (paid,) = broker.activities()
    assert (paid.type, paid.net_amount, paid.key) == ("DIV", D("12.5"), None)


def test_a_new_symbol_of_a_reorganisation_is_a_share_and_hides_no_other_row(
    broker: AlpacaBroker, venue: Venue
) -> None:
    rows = [
        {"id": "x", "activity_type": "NC", "symbol": "ZZQX", "qty": "5", "group_id": "g"},
        {"id": "y", "activity_type": "NC", "symbol": "AAPL", "qty": "-5", "group_id": "g"},
    ]
    venue.before["GET /v2/account/activities"] = saying(200, json.dumps(rows).encode())
    came, gone = broker.activities()
    assert (came.key, came.qty, came.group) == ("us_equity:ZZQX", D(5), "g")
    assert (gone.key, gone.qty, gone.group) == ("us_equity:AAPL", D(-5), "g")


def test_an_execution_that_cannot_be_read_is_asked_for_again(
    broker: AlpacaBroker, venue: Venue, behind: SimBrokerClient
) -> None:
    bought(broker, behind, "illegible")
    rows = b'[{"order_id": "o", "activity_type": "FILL", "qty": "1"}]'
    venue.before["GET /v2/account/activities"] = saying(200, rows)
    with pytest.raises(BrokerDown, match="execution"):
        broker.updates(0)
    assert executions(broker, "illegible") == [D(3)]


def test_fractions_are_exact_also_where_the_broker_writes_numbers(
    broker: AlpacaBroker, venue: Venue
) -> None:
    body = b'{"cash": 0.12345678901234567890, "equity": "7", "buying_power": 1e-9}'
    venue.before["GET /v2/account"] = saying(200, body)
    account = broker.account()
    assert (account.cash, account.buying_power) == (D("0.12345678901234567890"), D("0.000000001"))


def test_an_answer_that_drips_without_end_proves_nothing(venue: Venue) -> None:
    def dripping(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(b"{")
        handler.wfile.flush()
        handler.cut()
        return True

    venue.before["POST /v2/orders"] = dripping
    hours = iter(range(0, 3600 * 10**6, 3600))
    line = Line(venue.hosts, KEYS, Unbounded(), lambda: float(next(hours)))
    with pytest.raises(Lost, match="not whole after"):
        line.send("POST", "/v2/orders", {}, Lane.FALL)
    line.close()


@pytest.mark.parametrize("way", ["gzip", "zstd"])
def test_an_answer_that_is_small_packed_and_huge_unpacked_is_cut(venue: Venue, way: str) -> None:
    bomb = gzip.compress(bytes(300 << 20), 1) if way == "gzip" else b"(\xb5/\xfd and so on"

    def packed(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Encoding", way)
        handler.send_header("Content-Length", str(len(bomb)))
        handler.end_headers()
        with suppress(OSError):
            handler.wfile.write(bomb)
        handler.cut()
        return True

    venue.before["POST /v2/orders"] = packed
    line = Line(venue.hosts, KEYS, Unbounded())
    tracemalloc.start()
    with pytest.raises(Lost, match="without end" if way == "gzip" else "nobody asked for"):
        line.send("POST", "/v2/orders", {}, Lane.FALL)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200 << 20  # of more than a gigabyte that it could become
    line.close()


def test_the_stream_is_tried_again_after_pauses_that_grow_and_are_bounded(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "AGAIN_S", (0.05, 0.4))
    tried: list[float] = []

    def refused(*_: Any, **__: Any) -> Never:
        tried.append(time.monotonic())
        raise OSError("refused")

    monkeypatch.setattr(hearing, "connect", refused)
    with opened(venue, tmp_path, Unbounded()) as broker:
        broker.updates(0)
        eventually(lambda: len(tried) >= 7)
    pauses = [after - before for before, after in pairwise(tried)]
    for pause, least in zip(pauses, (0.1, 0.2, 0.4, 0.4, 0.4, 0.4), strict=False):
        assert pause >= least


def test_a_certificate_that_nobody_signed_is_not_believed_and_nothing_is_sent(
    tmp_path: Path,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    said: list[bytes] = []
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):  # the other side ends it
                    said.append(context.wrap_socket(connection, server_side=True).recv(4096))

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        hosts = Hosts(f"https://{LOOPBACK}:{port}", f"wss://{LOOPBACK}:{port}/stream")
        with AlpacaBroker(hosts, KEYS, REGISTRY, tmp_path, Unbounded()) as broker:
            with pytest.raises(NotSent):
                sent(broker, "a")
            with pytest.raises(BrokerDown):
                broker.account()
            with pytest.raises(BrokerDown):
                broker.updates(0)  # the stream tries as well
            assert not broker._hearing.is_up
        server.shutdown(socket.SHUT_RDWR)
    assert not any(said)


# -- cancels and changes --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_cancel_that_was_not_taken_is_no_last_word_of_its_order(
    broker: AlpacaBroker, venue: Venue, status: int
) -> None:
    name = f"cancel-{status}"
    sent(broker, name)
    body = json.dumps({"code": status * 100_000, "message": "not now"}).encode()
    venue.before["DELETE /v2/orders"] = saying(status, body)
    with pytest.raises(OutcomeUnknown):
        broker.cancel(name)
    broker.cancel(name)
    with pytest.raises(Refused):
        broker.cancel(name)


def test_where_nobody_listens_a_cancel_may_be_repeated_and_a_change_was_not_sent(
    tmp_path: Path,
) -> None:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        hosts = Hosts(f"http://{LOOPBACK}:{free.getsockname()[1]}", "ws://127.0.0.1:9/stream")
    with AlpacaBroker(hosts, KEYS, REGISTRY, tmp_path) as broker:
        with pytest.raises(OutcomeUnknown):
            broker.cancel("a")
        with pytest.raises(NotSent, match="could not be looked up"):
            broker.replace("a", qty=D(2), new_client_order_id="b")


def test_a_change_of_what_cannot_be_looked_up_is_not_sent(
    broker: AlpacaBroker, venue: Venue
) -> None:
    name = "GET /v2/orders:by_client_order_id"

    def cut_each(handler: Handler) -> bool:
        venue.before[name] = cut_each
        return cut_before(handler)

    venue.before[name] = cut_each
    with pytest.raises(NotSent, match="could not be looked up"):
        broker.replace("somebody's", qty=D(2), new_client_order_id="b")
    assert not [asked for asked in venue.asked if asked[0] == "PATCH"]


# -- the stream -----------------------------------------------------------------------------------


def test_what_happens_while_the_stream_lets_us_in_is_not_missed(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "LISTS_EVERY_S", 0.5)
    are_read, is_filled = threading.Event(), threading.Event()

    def fill_after_lists() -> None:
        assert are_read.wait(30.0)
        behind.on_quote(next(CLOCK), AAPL, 200.0, 200.03)
        is_filled.set()
        venue.before_listening = lambda: None

    def lists() -> int:
        broker.updates(0)
        return venue.asked.count(("GET", "/v2/account/activities"))

    venue.before_listening = fill_after_lists
    sent(broker, "early", type=OrderType.MARKET, qty="3")
    eventually(lambda: lists() >= 2)
    are_read.set()
    assert is_filled.wait(30.0)
    assert eventually(lambda: executions(broker, "early")) == [D(3)]


def test_a_stream_that_is_silent_by_mistake_is_noticed(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "CHECKED_EVERY_S", 0.1)
    eventually(lambda: broker.updates(0) is not None and venue.streams)
    seen = behind.updates(0)[-1].sequence if behind.updates(0) else 0
    venue.dropped |= set(range(seen + 1, seen + 20))
    bought(broker, behind, "silent")
    assert eventually(lambda: executions(broker, "silent")) == [D(3)]
    assert len(venue.streams) == 1


@pytest.mark.parametrize("frame", ["[" * 200_000, "{", b"\xff\xfe", "7" * 5_000])
def test_a_frame_that_cannot_be_read_ends_a_connection_and_not_the_hearing(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue, frame: str | bytes
) -> None:
    name = f"frame-{len(frame)}"
    eventually(lambda: broker.updates(0) is not None and venue.streams)
    venue.streams[-1].send(frame)
    eventually(lambda: len(venue.streams) == 2)
    bought(broker, behind, name)
    assert eventually(lambda: executions(broker, name)) == [D(3)]
    assert told(broker, name)[-1].broker_order.status == "filled"


FILLED = (D(0), D(1), D("2.5"), D(3))


def step(number: int) -> tuple[BrokerOrder, dict[str, Any]]:
    """Return how an order of three stands after so many of its three executions."""
    filled = FILLED[number]
    status = "new" if not number else "filled" if number == 3 else "partially_filled"
    row = {"qty": str(filled - FILLED[max(0, number - 1)]), "price": "200"}
    return (
        BrokerOrder(
            broker_order_id="b1", order=order("a", AAPL, qty="3"), status=status,
            filled_qty=filled, filled_avg_price=None, submitted_at_ns=MONDAY,
            updated_at_ns=MONDAY + number,
        ),
        row | {"timestamp": when(MONDAY + number)},
    )  # fmt: skip


@given(st.lists(st.integers(0, 3), max_size=12))
def test_in_whatever_order_and_how_often_things_are_told_nothing_is_taken_back(
    numbers: list[int],
) -> None:
    heard = Told()
    for number in [*numbers, 1, 2, 3]:
        stand, row = step(number)
        if number:
            event = "partial_fill" if number < 3 else "fill"
            heard.fill(stand, hearing._fill(stand, row, stand.filled_qty), event, stand.filled_qty)
        else:
            heard.change("new", stand, MONDAY)
    updates = list(heard.updates)
    assert sorted(each.fill.qty for each in updates if each.fill) == [D("0.5"), D(1), D("1.5")]
    quantities = [each.broker_order.filled_qty for each in updates]
    assert quantities == sorted(quantities)
    assert [each.broker_order.is_open for each in updates].count(False) >= 1
    assert not updates[-1].broker_order.is_open
    sequences = [each.sequence for each in updates]
    assert sequences == sorted(set(sequences))


def test_an_execution_that_the_broker_takes_back_is_told() -> None:
    heard = Told()
    whole, row = step(3)
    heard.fill(whole, hearing._fill(whole, row, whole.filled_qty), "fill", whole.filled_qty)
    name = f"{whole.broker_order_id}/3"
    for _ in range(2):
        heard.revise("trade_bust", step(2)[0], name, None, MONDAY + 9)
    assert [each.event for each in heard.updates] == ["fill", "trade_bust"]
    assert [each.revises for each in heard.updates] == ["", name]
    assert heard.filled(whole) == D("2.5")
