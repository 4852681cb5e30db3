"""The real broker's adapter over sockets: what every answer proves, and what is never repeated."""

import socket
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contract.alpaca_venue import KEYS, REGISTRY, Handler, Venue, alpaca_venue
from tests.contract.test_broker_contract import AAPL, BTC, ETH, MONDAY, in_process

from smart_leverage.brokers.alpaca import AlpacaBroker, Hosts, Keys
from smart_leverage.brokers.alpaca.hosts import hosts_of
from smart_leverage.brokers.budget import Budget, Lane
from smart_leverage.brokers.sim import Mode, SimBrokerClient, SimConfig, Start
from smart_leverage.domain.errors import (
    BrokerDown,
    ConfigError,
    NotSent,
    OutcomeUnknown,
    Refused,
)
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    Approved,
    BrokerOrder,
    Order,
    OrderClass,
    OrderType,
    Side,
    TimeInForce,
    TradeUpdate,
)

D = Decimal
POST, LIST = "POST /v2/orders", "GET /v2/orders"
LOOPBACK = "127.0.0.1"


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[SimBrokerClient]:
    """The venue's market and books, in a process of its own."""
    config = SimConfig(
        mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.0,
        positions=(Start(AAPL, D(10), D(190)), Start(ETH, D(1), D(2000))),
    )  # fmt: skip
    with in_process(config, tmp_path) as desk:
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
    with opened(venue, tmp_path) as one:
        yield one


def opened(venue: Venue, folder: Path, budget: Budget | None = None) -> AlpacaBroker:
    """Return an adapter whose clock shows the day that the venue plays."""
    return AlpacaBroker(venue.hosts, KEYS, REGISTRY, folder, budget, lambda: MONDAY + 60 * 10**9)


def order(name: str, key: Key = AAPL, side: Side = Side.BUY, qty: str = "1", **more: Any) -> Order:
    words: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(150)} | more
    if words["type"] is OrderType.MARKET:
        del words["limit_price"]
    return Order(
        client_order_id=name, bot="mine", key=key, side=side, qty=D(qty),
        **{"time_in_force": TimeInForce.GTC} | words,
    )  # fmt: skip


def sent(broker: AlpacaBroker, name: str, **more: Any) -> BrokerOrder:
    return broker.submit(Approved(order(name, **more), "test"))


def eventually(look: Callable[[], Any], within_s: float = 30.0) -> Any:
    until = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def posts(venue: Venue) -> int:
    return sum(asked == ("POST", "/v2/orders") for asked in venue.asked)


def names(behind: SimBrokerClient) -> list[str]:
    return [each.order.client_order_id for each in behind.orders()]


def told(broker: AlpacaBroker, name: str) -> list[TradeUpdate]:
    return [u for u in broker.updates(0) if u.broker_order.order.client_order_id == name]


def executions(broker: AlpacaBroker, name: str) -> list[Decimal]:
    return [each.fill.qty for each in told(broker, name) if each.fill is not None]


# -- what is asked and answered -------------------------------------------------------------------


def test_an_order_is_sent_listed_looked_up_changed_and_cancelled(
    broker: AlpacaBroker, behind: SimBrokerClient
) -> None:
    answer = sent(broker, "a", qty="1.5", key=BTC, limit_price=D("40000.5"))
    assert (answer.order.client_order_id, answer.order.bot) == ("a", "mine")
    assert (answer.order.qty, answer.order.limit_price) == (D("1.5"), D("40000.5"))
    (there,) = behind.orders()
    assert (there.order.key, there.order.qty) == (BTC, D("1.5"))
    looked_up = broker.order("a")
    assert looked_up is not None
    assert looked_up.broker_order_id == there.broker_order_id
    assert [each.order.client_order_id for each in broker.orders(is_open=True)] == ["a"]
    changed = broker.replace("a", limit_price=D(41000), new_client_order_id="b")
    assert (changed.order.client_order_id, changed.replaces) == ("b", there.broker_order_id)
    broker.cancel("b")
    assert {each.status for each in behind.orders()} == {"replaced", "canceled"}
    with pytest.raises(Refused, match="canceled"):
        broker.cancel("b")


def test_what_is_not_listed_is_none_and_cannot_be_cancelled(broker: AlpacaBroker) -> None:
    assert broker.order("nobody's") is None
    with pytest.raises(Refused, match="order not found for nobody's"):
        broker.cancel("nobody's")


def test_a_bracket_brings_its_exits_along(broker: AlpacaBroker) -> None:
    answer = sent(broker, "a", order_class=OrderClass.BRACKET, take_profit=D(220), stop_loss=D(140))
    assert {leg.order.type for leg in answer.legs} == {OrderType.LIMIT, OrderType.STOP}
    assert {leg.order.side for leg in answer.legs} == {Side.SELL}


def test_the_account_and_its_holdings(broker: AlpacaBroker, behind: SimBrokerClient) -> None:
    ours, theirs = broker.account(), behind.account()
    assert (ours.cash, ours.equity, ours.is_blocked) == (theirs.cash, theirs.equity, False)
    assert {one.key: one.qty for one in broker.positions()} == {AAPL: D(10), ETH: D(1)}
    clock = broker.clock_ns()
    assert clock is not None
    assert abs(clock - time.time_ns()) < 60 * 10**9


def test_somebody_elses_order_is_seen_and_said_to_be_external(
    broker: AlpacaBroker, behind: SimBrokerClient
) -> None:
    behind.submit(Approved(order("by-hand"), "the broker's page"))
    (found,) = broker.orders()
    assert (found.order.client_order_id, found.order.bot) == ("by-hand", "external")


def test_activities_keep_their_numbers_over_a_restart(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue, tmp_path: Path
) -> None:
    behind.deposit(MONDAY + 1, D(500), "d1")
    (first,) = broker.activities()
    behind.deposit(MONDAY + 2, D(-20), "d2")
    with opened(venue, tmp_path) as again:
        (second,) = again.activities(first.number)
    assert [(one.type, one.net_amount) for one in (first, second)] == [
        ("CSD", D(500)),
        ("CSW", D(-20)),
    ]


def test_the_broker_itself_can_be_told_to_refuse_orders(broker: AlpacaBroker) -> None:
    broker.suspend(is_suspended=True)
    with pytest.raises(Refused, match="suspended"):
        sent(broker, "a")
    broker.suspend(is_suspended=False)
    sent(broker, "b")


# -- what an answer proves ------------------------------------------------------------------------


def test_a_refusal_says_code_words_and_figures(broker: AlpacaBroker) -> None:
    with pytest.raises(Refused) as refusal:
        sent(broker, "a", qty="100000")
    assert refusal.value.broker_code == 40310000
    assert refusal.value.facts["buying_power"]


def test_an_id_that_is_taken_is_known_by_its_refusal(broker: AlpacaBroker) -> None:
    sent(broker, "a")
    with pytest.raises(Refused) as refusal:
        sent(broker, "a")
    assert refusal.value.is_repeated_id


def cut_before(handler: Handler) -> bool:
    handler.cut()
    return True


def saying(status: int, body: bytes, kind: str = "application/json") -> Callable[..., bool]:
    def say(handler: Handler, *answer: Any) -> bool:
        handler.say(status, body, kind)
        return True

    return say


def lost(handler: Handler, status: int, body: bytes) -> bool:
    handler.cut()
    return True


def half(handler: Handler, status: int, body: bytes) -> bool:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.cut()
    return True


def another(handler: Handler, status: int, body: bytes) -> bool:
    handler.say(status, body.replace(b'"a"', b'"z"'))
    return True


@pytest.mark.parametrize(
    ("fault", "is_there"),
    [
        pytest.param(cut_before, False, id="cut-before-it-was-read"),
        pytest.param(saying(500, b"oops", "text/plain"), False, id="500"),
        pytest.param(saying(503, b"<html>busy</html>", "text/html"), False, id="503"),
        pytest.param(saying(504, b""), False, id="504"),
        pytest.param(saying(429, b"slow down", "text/plain"), False, id="429-of-a-proxy"),
        pytest.param(saying(403, b"<html>no</html>", "text/html"), False, id="403-of-a-proxy"),
        pytest.param(saying(302, b""), False, id="sent-elsewhere"),
        pytest.param(lost, True, id="the-answer-is-lost"),
        pytest.param(half, True, id="half-an-answer"),
        pytest.param(saying(200, b""), True, id="an-empty-answer"),
        pytest.param(saying(200, b"{}"), True, id="an-answer-without-anything"),
        pytest.param(saying(200, b'{"id": NaN'), True, id="no-json"),
        pytest.param(another, True, id="about-another-order"),
    ],
)
def test_what_proves_nothing_leaves_the_outcome_unknown_and_is_sent_once(
    broker: AlpacaBroker, venue: Venue, behind: SimBrokerClient, fault: Any, is_there: bool
) -> None:
    (venue.after if is_there else venue.before)[POST] = fault
    with pytest.raises(OutcomeUnknown) as unknown:
        sent(broker, "a")
    assert unknown.value.client_order_id == "a"
    assert posts(venue) == 1
    assert names(behind) == (["a"] if is_there else [])
    found = broker.order("a")
    assert (found is not None) == is_there


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429])
def test_the_brokers_own_error_proves_that_there_is_no_order(
    broker: AlpacaBroker, venue: Venue, behind: SimBrokerClient, status: int
) -> None:
    venue.before[POST] = saying(status, b'{"code": 40310000, "message": "no", "existing": 7}')
    with pytest.raises(Refused) as refusal:
        sent(broker, "a")
    assert (refusal.value.message, refusal.value.facts) == ("no", {"existing": "7"})
    assert names(behind) == []


def test_where_nobody_listens_nothing_was_sent(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        hosts = Hosts(f"http://{LOOPBACK}:{free.getsockname()[1]}", "ws://127.0.0.1:9/stream")
    with AlpacaBroker(hosts, KEYS, REGISTRY, tmp_path) as broker:
        with pytest.raises(NotSent, match="cannot be reached"):
            sent(broker, "a")
        with pytest.raises(BrokerDown):
            broker.account()


def test_wrong_keys_are_refused_and_stand_in_no_message(venue: Venue, tmp_path: Path) -> None:
    wrong = Keys("PKTEST", "another-secret-1234")
    assert "another" not in repr(wrong)
    with (
        AlpacaBroker(venue.hosts, wrong, REGISTRY, tmp_path) as broker,
        pytest.raises(BrokerDown, match="not authorized") as down,
    ):
        broker.account()
    assert "another-secret" not in str(down.value)


@pytest.mark.parametrize(
    "body", [b'{"a": 1}', b'[{"symbol": "AAPL"}]', b'[{"symbol": "AAPL", "qty": "NaN"}]', b"[[]]"]
)
def test_a_list_that_cannot_be_read_is_no_answer(
    broker: AlpacaBroker, venue: Venue, body: bytes
) -> None:
    venue.before["GET /v2/positions"] = saying(200, body)
    with pytest.raises(BrokerDown):
        broker.positions()


# -- what happens is told once --------------------------------------------------------------------


def test_a_fill_is_told_by_the_stream(broker: AlpacaBroker, behind: SimBrokerClient) -> None:
    broker.updates(0)
    sent(broker, "a", type=OrderType.MARKET, qty="3")
    behind.on_quote(MONDAY + 1, AAPL, 200.0, 200.03)
    last = eventually(lambda: [each for each in told(broker, "a") if each.fill])[-1]
    assert (last.event, last.broker_order.status) == ("fill", "filled")
    assert (last.fill.qty, last.fill.price, last.fill.side) == (D(3), D("200.03"), Side.BUY)


def test_what_happened_before_it_listened_is_in_the_lists(
    broker: AlpacaBroker, behind: SimBrokerClient
) -> None:
    sent(broker, "a", type=OrderType.MARKET, qty="3")
    behind.on_quote(MONDAY + 1, AAPL, 200.0, 200.03)
    sent(broker, "b")
    broker.cancel("b")
    assert executions(broker, "a") == [D(3)]
    assert told(broker, "b")[-1].event == "canceled"


def test_what_the_stream_left_out_is_found_and_told_once(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    """Of two executions the first is not told: the second shows that something is missing."""
    broker.updates(0)
    eventually(lambda: venue.streams)
    sent(broker, "a", type=OrderType.MARKET, qty="3")
    seen = behind.updates(0)[-1].sequence
    venue.dropped |= {seen + 1, seen + 2}
    behind.on_quote(MONDAY + 1, AAPL, 200.0, 200.03)
    sent(broker, "b", type=OrderType.MARKET, qty="2", side=Side.SELL)
    behind.on_quote(MONDAY + 2, AAPL, 201.0, 201.03)
    venue.streams[-1].close()
    eventually(lambda: executions(broker, "a"))
    assert executions(broker, "a") == [D(3)]
    assert eventually(lambda: executions(broker, "b")) == [D(2)]


def test_without_a_stream_the_lists_are_read_again_and_again(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    venue.is_streaming = False
    broker.updates(0)
    sent(broker, "a", type=OrderType.MARKET, qty="3")
    behind.on_quote(MONDAY + 1, AAPL, 200.0, 200.03)
    assert eventually(lambda: executions(broker, "a")) == [D(3)]


def test_the_thread_that_hears_the_stream_may_be_watched(broker: AlpacaBroker) -> None:
    broker.updates(0)
    assert [(one.name, one.is_alive()) for one in broker.threads()] == [("broker-stream", True)]
    broker.close()
    assert broker.threads() == ()


def test_after_a_restart_numbers_go_on_and_executions_keep_their_names(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue, tmp_path: Path
) -> None:
    sent(broker, "a", type=OrderType.MARKET, qty="3")
    behind.on_quote(MONDAY + 1, AAPL, 200.0, 200.03)
    before = told(broker, "a")[-1]
    with opened(venue, tmp_path) as again:
        after = [each for each in again.updates(before.sequence) if each.fill]
    assert [each.fill.execution_id for each in after if each.fill] == [
        before.fill.execution_id if before.fill else ""
    ]
    assert all(each.sequence > before.sequence for each in after)


# -- the budget -----------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_reading_waits_first_then_purchases_and_exits_never() -> None:
    clock = Clock()
    budget = Budget(100, lambda: clock.now, clock.sleep)
    assert sum(budget.take(Lane.READ) for _ in range(200)) == 50
    assert sum(budget.take(Lane.RISE) for _ in range(200)) == 25
    assert all(budget.take(Lane.FALL) for _ in range(200))
    assert not budget.take(Lane.RISE)
    clock.now += 600.0
    assert budget.take(Lane.RISE)


def test_a_question_waits_for_its_turn_within_bounds() -> None:
    clock = Clock()
    budget = Budget(60, lambda: clock.now, clock.sleep)
    while budget.take(Lane.READ):
        pass
    assert budget.take(Lane.READ, within_s=10.0)
    assert 0.0 < clock.now <= 1.0


def test_a_broker_that_refuses_is_left_alone_for_a_while_and_longer_each_time() -> None:
    clock = Clock()
    budget = Budget(600, lambda: clock.now, clock.sleep)
    budget.refused()
    assert not budget.take(Lane.READ, within_s=0.5)
    assert budget.take(Lane.FALL)  # an exit is tried all the same
    assert budget.take(Lane.READ, within_s=1.0)
    assert clock.now == pytest.approx(1.0, abs=0.01)
    budget.refused()
    assert not budget.take(Lane.READ, within_s=1.5)
    assert budget.take(Lane.READ, within_s=2.0)
    budget.taken()
    budget.refused(wait_s=7.0)
    assert not budget.take(Lane.RISE, within_s=6.0)
    assert budget.take(Lane.RISE, within_s=7.0)


def test_a_purchase_beyond_the_budget_stays_here_and_a_sale_leaves(
    venue: Venue, tmp_path: Path
) -> None:
    budget = Budget(4)
    while budget.take(Lane.RISE):
        pass
    with opened(venue, tmp_path, budget) as broker:
        with pytest.raises(NotSent, match="limit of requests"):
            sent(broker, "a")
        assert posts(venue) == 0
        sent(broker, "b", side=Side.SELL, limit_price=D(300))


# -- where it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "url", "trading"),
    [
        ("paper", "", "https://paper-api.alpaca.markets"),
        ("live", "", "https://api.alpaca.markets"),
        ("live", "https://api.alpaca.markets/v2", "https://api.alpaca.markets"),
        ("paper", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_keys_go_to_the_broker_or_to_this_machine(mode: str, url: str, trading: str) -> None:
    hosts = hosts_of(mode, url)
    assert hosts.trading == trading
    assert hosts.stream == f"ws{trading.removeprefix('http')}/stream"


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        pytest.param("sim", "", id="no-such-mode"),
        pytest.param("paper", "https://api.alpaca.markets", id="live-host-for-paper"),
        pytest.param("live", "https://paper-api.alpaca.markets", id="paper-host-for-live"),
        pytest.param("live", "http://api.alpaca.markets", id="in-the-clear"),
        pytest.param("live", "https://api.alpaca.markets.evil.example", id="another-host"),
        pytest.param("live", "https://api.alpaca.markets@evil.example", id="a-name-before-it"),
        pytest.param("live", "https://evil.example/api.alpaca.markets", id="a-path"),
        pytest.param("paper", "ftp://127.0.0.1", id="no-such-scheme"),
    ],
)
def test_keys_go_nowhere_else(mode: str, url: str) -> None:
    with pytest.raises(ConfigError):
        hosts_of(mode, url)
