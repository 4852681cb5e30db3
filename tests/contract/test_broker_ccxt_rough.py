"""An exchange through ccxt, over sockets, where it does what its pages do not promise."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.alpaca_venue import Handler
from tests.contract.ccxt_venue import KEYS, LOOPBACK, Venue, ccxt_venue
from tests.contract.test_broker_alpaca import cut_before, eventually, half, lost, names, saying
from tests.contract.test_broker_ccxt import (
    DELETE,
    LOOK,
    OPEN,
    POST,
    REGISTRY,
    TRADES,
    bought,
    executions,
    opened,
    order,
    posts,
    sent,
    told,
)
from tests.contract.test_broker_contract import AAPL, BTC, ETH, MONDAY, beside

from smart_leverage.brokers.budget import Budget
from smart_leverage.brokers.ccxt import CcxtBroker, ExchangeOptions, line, watching
from smart_leverage.brokers.ccxt.reading import Execution
from smart_leverage.brokers.ccxt.transport import Elsewhere, OneWay
from smart_leverage.brokers.ccxt.watching import Watching
from smart_leverage.brokers.sim import Mode, SimBrokerClient, SimConfig, Start
from smart_leverage.domain.errors import BrokerDown, NotSent, OutcomeUnknown, Refused
from smart_leverage.domain.orders import Approved, BrokerOrder, Fill, OrderType, Side

D = Decimal
TLS = Path(__file__).parents[1] / "wire" / "tls"
BALANCE, PRICES = "GET /api/v3/account", "GET /api/v3/ticker/price"


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[SimBrokerClient]:
    """The exchange's market and books, on a socket of their own."""
    config = SimConfig(
        mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.0,
        positions=(Start(AAPL, D(10), D(190)), Start(ETH, D(1), D(2000))),
    )  # fmt: skip
    with beside(config, tmp_path) as desk:
        assert isinstance(desk.venue, SimBrokerClient)
        desk.venue.on_quote(MONDAY, BTC, 49_990.0, 50_010.0)
        yield desk.venue


@pytest.fixture
def venue(behind: SimBrokerClient) -> Iterator[Venue]:
    with ccxt_venue(behind) as running:
        yield running


@pytest.fixture
def broker(venue: Venue, tmp_path: Path) -> Iterator[CcxtBroker]:
    with opened(venue, tmp_path) as one:
        one.account()  # the markets are known from here on
        yield one


# -- who waits for whom ---------------------------------------------------------------------------


def hanging(until: threading.Event) -> Callable[[Handler], bool]:
    """Have a request wait, and then go on as if nothing had been."""

    def wait(handler: Handler) -> bool:
        until.wait(20.0)
        return False

    return wait


@pytest.mark.parametrize("hangs", [POST, OPEN, BALANCE], ids=["purchase", "list", "balance"])
def test_nothing_that_hangs_holds_up_a_sale_or_a_cancel(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient, hangs: str
) -> None:
    goes_on = threading.Event()
    venue.before[hangs] = hanging(goes_on)
    errands: dict[str, Callable[[], Any]] = {
        POST: lambda: sent(broker, "late"),
        OPEN: lambda: broker.updates(0),
        BALANCE: broker.positions,
    }
    with ThreadPoolExecutor(1) as beside:
        under_way = beside.submit(errands[hangs])
        eventually(lambda: hangs not in venue.before)
        began = time.monotonic()
        sent(broker, "s", key=ETH, side=Side.SELL, qty="0.5", limit_price=D(3000))
        broker.cancel("s")
        sent(broker, "t", key=ETH, side=Side.SELL, qty="0.5", limit_price=D(3000))
        assert time.monotonic() - began < 3.0
        goes_on.set()
        under_way.result(20.0)
    assert set(names(behind)) >= {"s", "t"}


def test_many_at_the_same_time_are_each_sent_once_and_each_hear_of_their_own(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient
) -> None:
    def one(number: int) -> tuple[str, str]:
        answer = sent(broker, f"o{number}", qty="0.001", limit_price=D(40_000 + number))
        assert answer.order.limit_price == 40_000 + number
        looked_up = broker.order(f"o{number}")
        assert looked_up is not None
        return answer.broker_order_id, looked_up.broker_order_id

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(40)))
    assert all(sent_as == listed_as for sent_as, listed_as in found)
    assert len({first for first, _ in found}) == 40 == posts(venue) == len(behind.orders())


# -- what is not answered -------------------------------------------------------------------------


def test_where_nobody_listens_a_cancel_may_be_repeated_and_a_change_was_not_sent(
    tmp_path: Path,
) -> None:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        url = f"http://{LOOPBACK}:{free.getsockname()[1]}"
    options = ExchangeOptions(exchange="binanceus", pairs=("BTC/USD",), url=url)
    with CcxtBroker(options, KEYS, REGISTRY, tmp_path) as broker:
        with pytest.raises(OutcomeUnknown):
            broker.cancel("a")
        with pytest.raises(NotSent, match="could not be looked up"):
            broker.replace("a", qty=D(2), new_client_order_id="b")


@pytest.mark.parametrize("status", [401, 403, 418, 429])
def test_a_cancel_that_was_not_taken_is_no_last_word_of_its_order(
    broker: CcxtBroker, venue: Venue, status: int
) -> None:
    sent(broker, "a")
    venue.before[DELETE] = saying(status, b'{"code": -1003, "msg": "not now"}')
    with pytest.raises(OutcomeUnknown):
        broker.cancel("a")
    venue.before[DELETE] = cut_before
    with pytest.raises(OutcomeUnknown):
        broker.cancel("a")
    broker.cancel("a")
    with pytest.raises(Refused, match='already in "canceled" state'):
        broker.cancel("a")


def test_a_cancel_whose_answer_is_lost_is_told_by_the_lists(
    broker: CcxtBroker, venue: Venue
) -> None:
    sent(broker, "a")
    venue.after[DELETE] = lost
    with pytest.raises(OutcomeUnknown):
        broker.cancel("a")
    assert eventually(lambda: told(broker, "a"))[-1].event == "canceled"


def test_what_the_exchange_limits_is_not_asked_again_at_once(
    venue: Venue, tmp_path: Path, behind: SimBrokerClient
) -> None:
    now = [0.0]
    budget = Budget(1200, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))

    def later(handler: Handler) -> bool:
        body = b'{"code": -1003, "msg": "too many"}'
        handler.send_response(429)
        handler.send_header("Retry-After", "30")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    with opened(venue, tmp_path, budget) as broker:
        broker.account()
        venue.before[POST] = later
        with pytest.raises(Refused, match="too many") as refusal:
            sent(broker, "a")
        assert refusal.value.broker_code == 42910000
        asked = len(venue.asked)
        with pytest.raises(NotSent, match="limit of requests"):
            sent(broker, "b")
        with pytest.raises(BrokerDown, match="limit of requests"):
            broker.account()
        assert len(venue.asked) == asked
        sent(broker, "s", key=ETH, side=Side.SELL, qty="0.5", limit_price=D(3000))
        now[0] += 60.0
        sent(broker, "c")
        assert set(names(behind)) == {"s", "c"}


@pytest.mark.parametrize("fault", [cut_before, half, saying(503, b""), saying(200, b"{}")])
@pytest.mark.parametrize("name", [OPEN, TRADES, LOOK])
def test_a_list_that_fails_is_read_again_and_nothing_is_told_twice_or_left_out(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient, name: str, fault: Any
) -> None:
    broker._watching._clock = lambda: 50.0 * time.monotonic()  # looks more often
    broker.updates(0)
    sent(broker, "b")
    bought(broker, behind, "a")
    (venue.after if fault is half else venue.before)[name] = fault
    downs = 0

    def heard() -> bool:
        nonlocal downs
        try:
            return bool(executions(broker, "a")) and bool(told(broker, "b"))
        except BrokerDown:
            downs += 1
            return False

    eventually(heard)
    assert downs == 1
    assert executions(broker, "a") == [D("0.1")]
    assert [each.event for each in told(broker, "b")] == ["new"]


def test_markets_that_cannot_be_read_again_stay_as_they_were(
    broker: CcxtBroker, venue: Venue
) -> None:
    broker._line._loaded_s -= line.MARKETS_LAST_S
    venue.before["GET /api/v3/exchangeInfo"] = saying(503, b"")
    sent(broker, "a")
    broker.account()
    assert venue.asked.count(("GET", "/api/v3/exchangeInfo")) == 2
    sent(broker, "b")
    broker._line._loaded_s -= line.MARKETS_LAST_S
    broker.account()
    assert venue.asked.count(("GET", "/api/v3/exchangeInfo")) == 3


@pytest.mark.parametrize("hours", [-30, 30])
def test_orders_leave_also_when_our_clock_is_wrong(
    venue: Venue, tmp_path: Path, behind: SimBrokerClient, hours: int
) -> None:
    venue.ahead_ms = hours * 3_600_000
    with opened(venue, tmp_path) as broker:
        sent(broker, "a")
        broker.updates(0)
        broker.cancel("a")
        clock = broker.clock_ns()
        assert clock is not None
        assert abs(clock - time.time_ns() - hours * 3_600 * 10**9) < 60 * 10**9
        venue.ahead_ms += 3_600_000  # since its markets were read
        with pytest.raises(Refused, match="recvWindow"):
            sent(broker, "b")
        broker.account()
        sent(broker, "c")
    assert names(behind) == ["a", "c"]


def test_an_exit_waits_for_no_disk(
    broker: CcxtBroker, behind: SimBrokerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(line: str) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(broker._names, "_write", full)
    sent(broker, "s", key=ETH, side=Side.SELL, qty="0.5", limit_price=D(3000))
    broker.cancel("s")
    assert [each.status for each in behind.orders()] == ["canceled"]


# -- the connection itself ------------------------------------------------------------------------


def test_an_answer_that_drips_without_end_proves_nothing(venue: Venue) -> None:
    is_over = threading.Event()

    def dripping(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not is_over.wait(0.02):
            handler.wfile.write(b"[")
            handler.wfile.flush()
        handler.cut()
        return True

    venue.before[POST] = dripping
    hours = iter(range(0, 3600 * 10**6, 3600))
    url = f"http://{LOOPBACK}:{venue.port}"
    session = OneWay(frozenset({"api.binance.us"}), url, lambda: float(next(hours)))
    with pytest.raises(requests.Timeout, match="not whole after"):
        session.request("POST", "https://api.binance.us/api/v3/order")
    is_over.set()
    assert session.trace.has_left
    assert session.trace.status == 0


def test_a_connection_that_never_was_proves_that_nothing_left(venue: Venue) -> None:
    """A name that nobody has, and a host that is not who it says it is."""
    session = OneWay(frozenset({"exchange.invalid", "localhost"}))
    with pytest.raises(requests.ConnectionError):
        session.request("POST", "https://exchange.invalid/order")
    assert not session.trace.has_left
    with serving_tls() as port, pytest.raises(requests.exceptions.SSLError):
        session.request("POST", f"https://localhost:{port}/order")
    assert not session.trace.has_left


@contextmanager
def serving_tls() -> Iterator[int]:
    """Serve one connection with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
    with socket.create_server((LOOPBACK, 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5.0)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.binance.us/order", "https://evil.example/order",
        "https://api.binance.us.evil.example/", "https://api.binance.us@evil.example/",
    ],
)  # fmt: skip
def test_nothing_leaves_for_another_host_or_in_the_clear(url: str) -> None:
    session = OneWay(frozenset({"api.binance.us"}))
    with pytest.raises(Elsewhere):
        session.request("POST", url)
    assert not session.trace.has_left


def test_an_idle_connection_is_not_used_again(venue: Venue) -> None:
    now = [0.0]
    url = f"http://{LOOPBACK}:{venue.port}"
    session = OneWay(frozenset({"api.binance.us"}), url, lambda: now[0])
    closed: list[float] = []
    session.close = lambda: closed.append(now[0])  # type: ignore[method-assign]
    for now[0] in (1.0, 4.5, 60.0):
        session.request("GET", "https://api.binance.us/api/v3/time")
    assert closed == [60.0]


# -- what an exchange says ------------------------------------------------------------------------


def test_a_coin_without_a_market_or_a_price_hides_no_other(
    broker: CcxtBroker, venue: Venue
) -> None:
    def airdrop(handler: Handler, status: int, body: bytes) -> bool:
        said = json.loads(body)
        said["balances"] += [
            {"asset": "AIRDROP", "free": "1000000.0", "locked": "0.0"},
            {"asset": "SOL", "free": "3.0", "locked": "1.0"},
        ]
        handler.say(status, json.dumps(said).encode())
        return True

    venue.after[BALANCE] = airdrop
    held = {each.key: each for each in broker.positions()}
    assert {str(key): (one.qty, one.price) for key, one in held.items()} == {
        "crypto:AIRDROP/USD": (D(1_000_000), D(0)),
        "crypto:SOL/USD": (D(4), D(0)),
        "crypto:ETH/USD": (D(1), D(2000)),
    }
    venue.after[BALANCE] = airdrop
    with pytest.raises(BrokerDown, match="no price of SOL"):  # an equity without it is none
        broker.account()


@pytest.mark.parametrize("body", [b"[]", b"{}", b'[{"symbol": "ETHUSD", "price": "0"}]'])
def test_an_account_without_prices_is_no_answer(
    broker: CcxtBroker, venue: Venue, body: bytes
) -> None:
    venue.before[PRICES] = saying(200, body)
    with pytest.raises(BrokerDown, match="no price of ETH"):
        broker.account()


def test_an_account_that_may_not_trade_is_blocked(broker: CcxtBroker, venue: Venue) -> None:
    def barred(handler: Handler, status: int, body: bytes) -> bool:
        handler.say(status, body.replace(b'"canTrade": true', b'"canTrade": false'))
        return True

    venue.after[BALANCE] = barred
    assert broker.account().is_blocked
    assert not broker.account().is_blocked


def test_a_status_that_nobody_knows_counts_as_open(broker: CcxtBroker, venue: Venue) -> None:
    sent(broker, "a")

    def odd(handler: Handler, status: int, body: bytes) -> bool:
        handler.say(status, body.replace(b'"NEW"', b'"ON_THE_MOON"'))
        return True

    venue.after[LOOK] = odd
    found = broker.order("a")
    assert found is not None
    assert found.is_open
    assert "ON_THE_MOON" in found.status


def test_an_answer_about_another_order_is_none(broker: CcxtBroker, venue: Venue) -> None:
    sent(broker, "a")

    def another(handler: Handler, status: int, body: bytes) -> bool:
        handler.say(status, body.replace(b'"a"', b'"z"'))
        return True

    venue.after[LOOK] = another
    with pytest.raises(BrokerDown, match="another order"):
        broker.order("a")


def test_an_order_that_arrived_twice_is_listed_twice(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient
) -> None:
    """A name is free again once its order has ended: so whoever repeats makes another order."""
    bought(broker, behind, "a")
    bought(broker, behind, "a")
    listed = [each for each in broker.orders() if each.order.client_order_id == "a"]
    assert len({each.broker_order_id for each in listed}) == 2
    assert eventually(lambda: executions(broker, "a")) == [D("0.1"), D("0.1")]
    assert not broker.capabilities.rejects_repeated_ids


def test_what_somebody_else_cancels_is_told(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient
) -> None:
    sent(broker, "a")
    assert eventually(lambda: told(broker, "a"))[-1].event == "new"
    behind.cancel("a")
    last = eventually(lambda: [u for u in told(broker, "a") if u.event == "canceled"])
    assert last[-1].broker_order.order.bot == "mine"


def test_a_market_that_somebody_else_uses_is_looked_at_now_and_then(
    broker: CcxtBroker, behind: SimBrokerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "ALL_EVERY_S", 0.2)
    broker.updates(0)
    behind.submit(Approved(order("by-hand", type=OrderType.MARKET), "the exchange's page"))
    behind.on_quote(MONDAY + 10**9, BTC, 49_990.0, 50_010.0)
    assert eventually(lambda: executions(broker, "by-hand")) == [D("0.1")]


def test_a_holding_that_moved_is_explained_at_once(
    broker: CcxtBroker, behind: SimBrokerClient
) -> None:
    """By somebody else, in a market where nothing of ours is open."""
    broker.updates(0)
    behind.submit(Approved(order("by-hand", type=OrderType.MARKET), "the exchange's page"))
    behind.on_quote(MONDAY + 10**9, BTC, 49_990.0, 50_010.0)
    broker.positions()
    assert eventually(lambda: executions(broker, "by-hand"), 3.0) == [D("0.1")]


# -- lists that lag behind each other -------------------------------------------------------------


PARTS = (D(1), D("1.5"), D("0.5"))
WHOLE = sum(PARTS, D(0))


class Lagging:
    """An exchange with one order of three parts, whose lists each show a moment of their own."""

    def __init__(self) -> None:
        self.order_at = self.executions_at = 0
        self.is_listed_open = True
        self.is_down = False

    def _stand(self) -> BrokerOrder:
        filled = sum(PARTS[: self.order_at], D(0))
        status = "new" if not filled else "filled" if filled == WHOLE else "partially_filled"
        return BrokerOrder(
            broker_order_id="7", order=order("a", qty="3"), status=status, filled_qty=filled,
            filled_avg_price=None, submitted_at_ns=MONDAY, updated_at_ns=MONDAY + self.order_at,
        )  # fmt: skip

    def _told(self) -> list[Execution]:
        return [
            Execution("7", "BTC/USD", Fill(
                execution_id=f"7/{number}", client_order_id="", key=BTC, side=Side.BUY, qty=qty,
                price=D(10), fee=D(0), fee_asset="USD", at_ns=MONDAY + number,
            ), ())
            for number, qty in enumerate(PARTS[: self.executions_at])
        ]  # fmt: skip

    def _up(self) -> None:
        if self.is_down:
            raise BrokerDown("no answer")

    def open_orders(self, market: str | None) -> list[BrokerOrder]:
        self._up()
        stand = self._stand()
        return [stand] if stand.is_open and self.is_listed_open else []

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        return [self._stand()] if self.is_listed_open else []

    def order_of_id(self, order_id: str, market: str) -> BrokerOrder | None:
        self._up()
        return self._stand()

    def executions(self, market: str, since_ns: int) -> list[Execution]:
        self._up()
        return self._told()

    def executions_of(self, order: BrokerOrder) -> list[Execution]:
        self._up()
        return self._told()

    def market_of(self, order: BrokerOrder) -> str:
        return "BTC/USD"

    def watched(self) -> list[str]:
        return ["BTC/USD"]


MOMENTS = st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans(), st.booleans())


@given(st.lists(MOMENTS, max_size=12), st.booleans())
def test_however_lists_lag_each_part_is_told_once_and_the_last_word_last(
    moments: list[tuple[int, int, bool, bool]], is_expected: bool
) -> None:
    source, now = Lagging(), [0.0]
    heard = Watching(source, lambda: MONDAY, lambda: now[0])
    if is_expected:
        heard.expect(msgspec.structs.replace(source._stand(), status="new"))
    for order_at, executions_at, is_listed, is_down in [*moments, (3, 3, True, False)]:
        now[0] += 100.0 if executions_at % 2 else 3.0
        source.order_at = max(source.order_at, order_at)
        source.executions_at = max(source.executions_at, executions_at)
        source.is_listed_open, source.is_down = is_listed, is_down
        try:
            heard.updates(0)
        except BrokerDown:
            assert is_down
    now[0] += 100.0
    updates = heard.updates(0)
    fills = [each.fill for each in updates if each.fill]
    assert [fill.execution_id for fill in fills] == ["7/0", "7/1", "7/2"]
    assert [fill.client_order_id for fill in fills] == ["a"] * 3
    filled = [each.broker_order.filled_qty for each in updates]
    assert filled == sorted(filled)
    assert [each.broker_order.is_open for each in updates].count(False) == 1
    assert (updates[-1].event, updates[-1].broker_order.status) == ("fill", "filled")
    assert updates[-1].broker_order.filled_avg_price == 10
    sequences = [each.sequence for each in updates]
    assert sequences == sorted(set(sequences))
