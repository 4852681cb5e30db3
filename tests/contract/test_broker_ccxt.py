"""An exchange through ccxt, over sockets: what every answer proves, and what is never repeated."""

import socket
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.alpaca_venue import Handler
from tests.contract.ccxt_venue import KEYS, LOOPBACK, Venue, ccxt_venue
from tests.contract.test_broker_alpaca import (
    another,
    cut_before,
    eventually,
    half,
    lost,
    names,
    saying,
)
from tests.contract.test_broker_contract import AAPL, BTC, ETH, MONDAY, in_process

from smart_leverage.brokers.budget import Budget, Lane, Unbounded
from smart_leverage.brokers.ccxt import CcxtBroker, ExchangeOptions, Keys
from smart_leverage.brokers.ccxt.abilities import BY_NAME
from smart_leverage.brokers.ccxt.line import Line
from smart_leverage.brokers.ccxt.writing import (
    DECIMAL_PLACES,
    SIGNIFICANT_DIGITS,
    TICK_SIZE,
    step_of,
    terms_of,
)
from smart_leverage.brokers.sim import Mode, SimBrokerClient, SimConfig, Start
from smart_leverage.domain.errors import BrokerDown, ConfigError, NotSent, OutcomeUnknown, Refused
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
from smart_leverage.domain.registry import Registry

D = Decimal
REGISTRY = Registry.builtin()
ORDER = "/api/v3/order"
POST, DELETE, LOOK = f"POST {ORDER}", f"DELETE {ORDER}", f"GET {ORDER}"
TRADES, OPEN = "GET /api/v3/myTrades", "GET /api/v3/openOrders"


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[SimBrokerClient]:
    """The exchange's market and books, in a process of its own."""
    config = SimConfig(
        mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.0,
        positions=(Start(AAPL, D(10), D(190)), Start(ETH, D(1), D(2000))),
    )  # fmt: skip
    with in_process(config, tmp_path) as desk:
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
        yield one


def opened(
    venue: Venue, folder: Path, budget: Budget | None = None, keys: Keys = KEYS, **more: Any
) -> CcxtBroker:
    """Return an adapter whose clock shows the day that the exchange plays."""
    budget = budget or Unbounded()
    now = MONDAY + 60 * 10**9
    return CcxtBroker(venue.options(**more), keys, REGISTRY, folder, budget, lambda: now)


def order(name: str, key: Key = BTC, side: Side = Side.BUY, qty: str = "0.1", **more: Any) -> Order:
    words: dict[str, Any] = {"type": OrderType.LIMIT, "limit_price": D(40_000)} | more
    if words["type"] is OrderType.MARKET:
        del words["limit_price"]
    return Order(
        client_order_id=name, bot="mine", key=key, side=side, qty=D(qty),
        **{"time_in_force": TimeInForce.GTC} | words,
    )  # fmt: skip


def sent(broker: CcxtBroker, name: str, **more: Any) -> BrokerOrder:
    return broker.submit(Approved(order(name, **more), "test"))


def bought(broker: CcxtBroker, behind: SimBrokerClient, name: str, qty: str = "0.1") -> None:
    sent(broker, name, type=OrderType.MARKET, qty=qty)
    behind.on_quote(MONDAY + 10**9 * (1 + len(behind.updates(0))), BTC, 49_990.0, 50_010.0)


def posts(venue: Venue) -> int:
    return venue.asked.count(("POST", ORDER))


def told(broker: CcxtBroker, name: str) -> list[TradeUpdate]:
    return [u for u in broker.updates(0) if u.broker_order.order.client_order_id == name]


def executions(broker: CcxtBroker, name: str) -> list[Decimal]:
    return [each.fill.qty for each in told(broker, name) if each.fill is not None]


# -- what is asked and answered -------------------------------------------------------------------


def test_an_order_is_sent_listed_looked_up_changed_and_cancelled(
    broker: CcxtBroker, behind: SimBrokerClient
) -> None:
    answer = sent(broker, "a", qty="0.15", limit_price=D("40000.5"))
    assert (answer.order.client_order_id, answer.order.bot, answer.status) == ("a", "mine", "new")
    assert (answer.order.qty, answer.order.limit_price) == (D("0.15"), D("40000.5"))
    (there,) = behind.orders()
    assert (there.order.key, there.order.qty) == (BTC, D("0.15"))
    looked_up = broker.order("a")
    assert looked_up == answer
    assert [each.order.client_order_id for each in broker.orders(is_open=True)] == ["a"]
    changed = broker.replace("a", limit_price=D(41000), new_client_order_id="b")
    assert (changed.order.client_order_id, changed.replaces) == ("b", answer.broker_order_id)
    old = broker.order("a")
    assert old is not None
    assert (old.status, old.replaced_by) == ("canceled", changed.broker_order_id)
    broker.cancel("b")
    assert {each.status for each in behind.orders()} == {"canceled"}
    with pytest.raises(Refused, match='already in "canceled" state'):
        broker.cancel("b")


def test_what_is_not_listed_is_none_and_cannot_be_cancelled(broker: CcxtBroker) -> None:
    assert broker.order("nobody's") is None
    with pytest.raises(Refused, match="order not found for nobody's"):
        broker.cancel("nobody's")
    with pytest.raises(Refused, match="order not found for nobody's"):
        broker.replace("nobody's", qty=D(1))


def test_the_account_and_its_coins(broker: CcxtBroker, behind: SimBrokerClient) -> None:
    sent(broker, "a", qty="0.1", limit_price=D(40_000))
    sent(broker, "s", key=ETH, side=Side.SELL, qty="0.4", limit_price=D(3000))
    account = broker.account()
    assert (account.cash, account.equity, account.buying_power) == (
        D(100_000), D(102_000), D(96_000),
    )  # fmt: skip
    assert (account.account_id, account.multiplier) == ("binanceus-354937868", 1)
    assert not account.is_blocked
    (held,) = broker.positions()
    assert (held.key, held.qty, held.qty_available, held.price) == (
        ETH, D(1), D("0.6"), D(2000),
    )  # fmt: skip
    clock = broker.clock_ns()
    assert clock is not None
    assert abs(clock - time.time_ns()) < 60 * 10**9


def test_somebody_elses_order_is_seen_and_said_to_be_external(
    broker: CcxtBroker, behind: SimBrokerClient
) -> None:
    behind.submit(Approved(order("by-hand"), "the exchange's page"))
    (found,) = broker.orders()
    assert (found.order.client_order_id, found.order.bot) == ("by-hand", "external")
    assert [each.broker_order.order.bot for each in broker.updates(0)] == ["external"]


def test_a_stop_rests_with_its_limit(broker: CcxtBroker, behind: SimBrokerClient) -> None:
    terms = {"type": OrderType.STOP_LIMIT, "stop_price": D(1800), "limit_price": D(1790)}
    sent(broker, "s", key=ETH, side=Side.SELL, qty="1", **terms)
    (there,) = behind.orders()
    assert (there.order.type, there.order.stop_price) == (OrderType.STOP_LIMIT, D(1800))
    with opened_again(broker) as again:  # which has not sent it
        (listed,) = again.orders(is_open=True)
    assert (listed.order.type, listed.order.limit_price) == (OrderType.STOP_LIMIT, D(1790))


def opened_again(broker: CcxtBroker) -> CcxtBroker:
    folder = broker._names._path.parent
    return CcxtBroker(broker._options, KEYS, REGISTRY, folder, Unbounded(), broker._now_ns)


def test_flows_keep_their_numbers_over_a_restart(
    broker: CcxtBroker, behind: SimBrokerClient
) -> None:
    behind.deposit(MONDAY + 1, D(500), "d1")
    (first,) = broker.activities()
    behind.deposit(MONDAY + 2, D(-20), "d2")
    with opened_again(broker) as again:
        (second,) = again.activities(first.number)
    flows = [(one.type, one.net_amount) for one in (first, second)]
    assert flows == [("CSD", D(500)), ("CSW", D(-20))]


def test_after_a_restart_an_order_is_found_in_its_market(
    venue: Venue, tmp_path: Path, behind: SimBrokerClient
) -> None:
    sol = Key("crypto:SOL/USD")
    behind.on_quote(MONDAY, sol, 100.0, 100.1)
    with opened(venue, tmp_path) as one:
        sent(one, "a", key=sol, qty="1", limit_price=D(90))
    with opened(venue, tmp_path) as again:
        found = again.order("a")
        assert found is not None
        assert found.order.key == sol
        again.cancel("a")
    (tmp_path / "broker-markets").write_text("a SOL")  # the end of the line was lost
    with opened(venue, tmp_path, pairs=("BTC/USD", "SOL/USD")) as searching:
        assert searching.order("a") is not None


# -- what leaves ----------------------------------------------------------------------------------


def test_a_quantity_is_rounded_down_and_a_price_to_the_careful_side(
    broker: CcxtBroker, behind: SimBrokerClient
) -> None:
    sent(broker, "buy", qty="0.123456789", limit_price=D("40000.019"))
    sent(broker, "sell", key=ETH, side=Side.SELL, qty="0.99999", limit_price=D("3000.001"))
    bought, sold = (each.order for each in behind.orders())
    assert (bought.qty, bought.limit_price) == (D("0.12345"), D("40000.01"))
    assert (sold.qty, sold.limit_price) == (D("0.9999"), D("3000.01"))


NUMBERS = st.decimals("0.00000001", "99999999", allow_nan=False, places=12).filter(bool)


@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["0.00001", "0.5", "1", "1E-8"]), st.booleans())
def test_no_order_is_more_than_was_approved(
    qty: Decimal, limit: Decimal, stop: Decimal, step: str, is_buy: bool
) -> None:
    side = Side.BUY if is_buy else Side.SELL
    market = {"symbol": "BTC/USD", "precision": {"amount": step, "price": step}}
    wanted = order(
        "a", side=side, qty=str(qty), type=OrderType.STOP_LIMIT, limit_price=limit, stop_price=stop
    )
    if qty < D(step):
        with pytest.raises(Refused, match="less than one step"):
            terms_of(wanted, market, TICK_SIZE, has_stops=True)
        return
    terms = terms_of(wanted, market, TICK_SIZE, has_stops=True)
    assert terms.price is not None
    amount, price = D(terms.amount), D(terms.price)
    woken = D(terms.params["triggerPrice" if is_buy else "stopLossPrice"])
    assert 0 < amount <= qty < amount + D(step)
    assert (limit - D(step) < price <= limit) if is_buy else (limit <= price < limit + D(step))
    assert stop <= woken < stop + D(step)
    assert {amount % D(step), price % D(step), woken % D(step)} == {D(0)}


@pytest.mark.parametrize(
    ("said", "mode", "step"),
    [
        ("0.001", TICK_SIZE, D("0.001")),
        ("3", DECIMAL_PLACES, D("0.001")),
        ("-2", DECIMAL_PLACES, D(100)),
        ("5", SIGNIFICANT_DIGITS, D("0.1")),
        (None, TICK_SIZE, None),
        ("0", TICK_SIZE, None),
    ],
)
def test_steps_are_read_in_each_of_the_three_ways(said: Any, mode: int, step: Any) -> None:
    assert step_of(D("1234.5678"), said, mode) == step


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param({"qty": "0.000001"}, 40310000, "less than one step", id="under-a-step"),
        pytest.param({"qty": "0.0002"}, 40310000, "minimal amount of order 10", id="too-cheap"),
        pytest.param({"qty": "9001"}, 40310000, "maximal amount of order 9000", id="too-many"),
        pytest.param(
            {"qty": "501", "type": OrderType.MARKET}, 40310000, "amount of order 500", id="market"
        ),
        pytest.param({"qty": "NaN"}, 40010001, "qty must be > 0", id="nan"),
        pytest.param({"qty": "-1"}, 40010001, "qty must be > 0", id="negative"),
        pytest.param({"limit_price": D("1e30")}, 40010001, "limit_price", id="huge-price"),
        pytest.param({"limit_price": None}, 40010001, "require limit_price", id="no-limit"),
        pytest.param({"stop_price": D(1)}, 40010001, "must not have stop_price", id="a-stop"),
        pytest.param({"time_in_force": TimeInForce.DAY}, 42210000, "time_in_force", id="day"),
        pytest.param(
            {"order_class": OrderClass.BRACKET, "stop_loss": D(1)}, 42210000, "simple", id="bracket"
        ),
        pytest.param(
            {"type": OrderType.STOP, "limit_price": None, "stop_price": D(1)},
            40010001, "invalid order type", id="plain-stop",
        ),
        pytest.param(
            {"type": OrderType.TRAILING_STOP, "limit_price": None, "trail_price": D(1)},
            40010001, "invalid order type", id="trailing",
        ),
        pytest.param({"key": AAPL}, 42210000, 'asset "us_equity:AAPL" not found', id="share"),
        pytest.param({"key": Key("crypto:ZZQX/USD")}, 42210000, "no ZZQX/USD", id="no-market"),
        pytest.param({"key": Key("crypto:ETH/BTC")}, 42210000, "not found", id="in-other-money"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_leaves(
    broker: CcxtBroker, venue: Venue, words: dict[str, Any], code: int, message: str
) -> None:
    with pytest.raises(Refused, match=message) as refusal:
        sent(broker, "a", **words)
    assert refusal.value.broker_code == code
    assert posts(venue) == 0


# -- what an answer proves ------------------------------------------------------------------------


def test_a_refusal_says_code_and_words(broker: CcxtBroker, behind: SimBrokerClient) -> None:
    with pytest.raises(Refused, match="insufficient balance") as refusal:
        sent(broker, "a", qty="3")
    assert refusal.value.broker_code == 40310000
    with pytest.raises(Refused, match="insufficient balance"):
        sent(broker, "b", side=Side.SELL, qty="1")
    assert names(behind) == []


def test_an_id_that_is_open_is_known_by_its_refusal_and_one_that_ended_is_not(
    broker: CcxtBroker, behind: SimBrokerClient
) -> None:
    sent(broker, "a")
    with pytest.raises(Refused) as refusal:
        sent(broker, "a")
    assert refusal.value.is_repeated_id
    broker.cancel("a")
    assert not broker.capabilities.rejects_repeated_ids
    sent(broker, "a")
    assert len(behind.orders()) == 2


@pytest.mark.parametrize(
    ("fault", "is_there"),
    [
        pytest.param(cut_before, False, id="cut-before-it-was-read"),
        pytest.param(saying(500, b"oops", "text/plain"), False, id="500"),
        pytest.param(saying(503, b"<html>busy</html>", "text/html"), False, id="503"),
        pytest.param(saying(504, b""), False, id="504"),
        pytest.param(saying(500, b'{"code": -2010, "msg": "no"}'), False, id="500-in-its-words"),
        pytest.param(saying(400, b'{"code": -1006, "msg": "unknown"}'), False, id="says-unknown"),
        pytest.param(saying(400, b'{"code": -1007, "msg": "timeout"}'), False, id="says-timeout"),
        pytest.param(saying(400, b'{"code": -1001, "msg": "cut off"}'), False, id="says-cut-off"),
        pytest.param(saying(429, b"slow down", "text/plain"), False, id="429-of-a-proxy"),
        pytest.param(saying(403, b"<html>no</html>", "text/html"), False, id="403-of-a-proxy"),
        pytest.param(saying(400, b"LOT_SIZE", "text/plain"), False, id="400-of-a-proxy"),
        pytest.param(saying(404, b'{"error": "here is nothing"}'), False, id="404"),
        pytest.param(saying(302, b'{"orderId": 7}'), False, id="sent-elsewhere"),
        pytest.param(lost, True, id="the-answer-is-lost"),
        pytest.param(half, True, id="half-an-answer"),
        pytest.param(saying(200, b""), True, id="an-empty-answer"),
        pytest.param(saying(200, b"{}"), True, id="an-answer-without-anything"),
        pytest.param(saying(200, b"[" * 100_000), True, id="an-endless-answer"),
        pytest.param(saying(200, b'{"orderId": NaN'), True, id="no-json"),
        pytest.param(another, True, id="about-another-order"),
    ],
)
def test_what_proves_nothing_leaves_the_outcome_unknown_and_is_sent_once(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient, fault: Any, is_there: bool
) -> None:
    (venue.after if is_there else venue.before)[POST] = fault
    with pytest.raises(OutcomeUnknown) as unknown:
        sent(broker, "a")
    assert unknown.value.client_order_id == "a"
    assert posts(venue) == 1
    assert names(behind) == (["a"] if is_there else [])
    found = broker.order("a")
    assert (found is not None) == is_there


@pytest.mark.parametrize("status", [400, 401, 403, 418, 422, 429])
def test_the_exchanges_own_error_proves_that_there_is_no_order(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient, status: int
) -> None:
    broker.account()
    for number, code in enumerate((-2010, -1013, -1021, -2015, -4444)):
        venue.before[POST] = saying(status, b'{"code": %d, "msg": "it says no"}' % code)
        with pytest.raises(Refused, match="it says no"):
            sent(broker, "a")
        assert (posts(venue), names(behind)) == (number + 1, [])


def test_where_nobody_listens_nothing_was_sent(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        url = f"http://{LOOPBACK}:{free.getsockname()[1]}"
    options = ExchangeOptions(exchange="binanceus", url=url)
    with CcxtBroker(options, KEYS, REGISTRY, tmp_path) as broker:
        with pytest.raises(NotSent, match="cannot be read"):
            sent(broker, "a")
        with pytest.raises(BrokerDown):
            broker.account()
        with pytest.raises(BrokerDown):
            broker.updates(0)


def test_when_the_exchange_has_gone_nothing_was_sent(venue: Venue, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        deaf = f"http://{LOOPBACK}:{free.getsockname()[1]}"
    with opened(venue, tmp_path) as broker:
        broker.account()
        for client in broker._line._made:
            client.session._moved_to = deaf
        broker._line._options = venue.options(url=deaf)
        with pytest.raises(NotSent):
            sent(broker, "a")
        with pytest.raises(OutcomeUnknown):
            broker.cancel("a")


def test_wrong_keys_are_refused_and_stand_in_no_message(venue: Venue, tmp_path: Path) -> None:
    wrong = Keys("key-of-the-exchange", "another-secret-1234")
    assert "another" not in repr(wrong)
    with opened(venue, tmp_path, keys=wrong) as broker:
        with pytest.raises(BrokerDown, match="Signature") as down:
            broker.account()
        with pytest.raises(Refused, match="Signature") as refusal:
            sent(broker, "a")
    for said in (str(down.value), str(refusal.value)):
        assert "another-secret" not in said
        assert "signature=" not in said


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b'{"balances": 7}', b'{"balances": [{"asset": "BTC", "free": "many"}]}', b"[[]]",
        b'{"balances": [{"asset": "BTC", "free": "1", "locked": "NaN"}]}', b"<html>",
    ],
)  # fmt: skip
def test_a_balance_that_cannot_be_read_is_no_answer(
    broker: CcxtBroker, venue: Venue, body: bytes
) -> None:
    venue.before["GET /api/v3/account"] = saying(200, body)
    with pytest.raises(BrokerDown):
        broker.positions()


@pytest.mark.parametrize("body", [b"{}", b'{"rows": 7}', b"", b"null", b"[7]", b'[{"id": 1}]'])
def test_an_empty_list_has_to_be_said(broker: CcxtBroker, venue: Venue, body: bytes) -> None:
    sent(broker, "a")
    for name in (OPEN, "GET /api/v3/allOrders", TRADES):
        venue.before[name] = saying(200, body)
        with pytest.raises(BrokerDown):
            broker.updates(0)
    assert [each.event for each in broker.updates(0)] == ["new"]


def test_a_missing_order_is_missing_only_in_the_exchanges_own_words(
    broker: CcxtBroker, venue: Venue
) -> None:
    sent(broker, "a")
    for status, body in ((404, b"not found"), (400, b"<html>"), (200, b"{}"), (200, b"null")):
        venue.before[LOOK] = saying(status, body)
        with pytest.raises(BrokerDown):
            broker.order("a")
    venue.before[LOOK] = saying(400, b'{"code": -2013, "msg": "Order does not exist."}')
    assert broker.order("a") is None


# -- what happens is told once --------------------------------------------------------------------


def test_what_happened_is_in_the_lists(broker: CcxtBroker, behind: SimBrokerClient) -> None:
    bought(broker, behind, "a")
    sent(broker, "b")
    broker.cancel("b")
    (fill,) = told(broker, "a")
    assert (fill.event, fill.broker_order.status) == ("fill", "filled")
    assert fill.fill is not None
    assert (fill.fill.qty, fill.fill.price, fill.fill.side) == (
        D("0.1"), D(50_010), Side.BUY,
    )  # fmt: skip
    assert (fill.fill.client_order_id, fill.broker_order.order.bot) == ("a", "mine")
    assert told(broker, "b")[-1].event == "canceled"


def test_a_fill_is_heard_of_soon(broker: CcxtBroker, behind: SimBrokerClient) -> None:
    broker.updates(0)
    sent(broker, "a", limit_price=D(40_000))
    assert eventually(lambda: told(broker, "a"))[-1].event == "new"
    behind.on_quote(MONDAY + 10**9, BTC, 39_000.0, 39_010.0)
    eventually(lambda: executions(broker, "a"))
    assert [each.event for each in told(broker, "a")] == ["new", "fill"]


def test_a_fee_is_told_as_it_is(broker: CcxtBroker, behind: SimBrokerClient) -> None:
    """Of a purchase in coins, which shrinks the holding; of a sale in money."""
    bought(broker, behind, "buy")
    sent(broker, "sell", side=Side.SELL, type=OrderType.MARKET, qty="0.05")
    behind.on_quote(MONDAY + 60 * 10**9, BTC, 50_000.0, 50_010.0)
    (purchase,) = [each.fill for each in told(broker, "buy") if each.fill]
    (sale,) = eventually(lambda: [each.fill for each in told(broker, "sell") if each.fill])
    assert (purchase.fee, purchase.fee_asset) == (D("0.00025"), "BTC")
    assert (sale.fee, sale.fee_asset) == (D("6.25"), "USD")
    held = {each.key: each.qty for each in broker.positions()}
    assert held[BTC] == D("0.1") - D("0.00025") - D("0.05")


def test_a_fee_in_another_coin_is_told_beside_the_fill(
    broker: CcxtBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    bought(broker, behind, "a")

    def in_bnb(handler: Handler, status: int, body: bytes) -> bool:
        said = body.replace(b'"commissionAsset": "BTC"', b'"commissionAsset": "BNB"')
        handler.say(status, said)
        return True

    venue.after[TRADES] = in_bnb
    (fill,) = [each.fill for each in told(broker, "a") if each.fill]
    assert (fill.fee, fill.fee_asset) == (D(0), "USD")
    (row,) = broker.activities()
    assert (row.type, row.key, row.qty) == ("CFEE", "crypto:BNB/USD", D("-0.00025"))


def test_an_orders_last_word_waits_until_its_executions_are_listed(
    broker: CcxtBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    broker.updates(0)
    venue.hides.add("a")
    bought(broker, behind, "a")
    for _ in range(3):
        time.sleep(0.3)
        assert told(broker, "a") == []
    venue.hides.clear()
    (update,) = eventually(lambda: told(broker, "a"))
    assert (update.event, update.broker_order.filled_qty) == ("fill", D("0.1"))


def test_what_somebody_else_bought_is_told(broker: CcxtBroker, behind: SimBrokerClient) -> None:
    behind.submit(Approved(order("by-hand", type=OrderType.MARKET), "the exchange's page"))
    behind.on_quote(MONDAY + 10**9, BTC, 49_990.0, 50_010.0)
    (update,) = broker.updates(0)
    assert (update.event, update.broker_order.order.bot) == ("fill", "external")


def test_after_a_restart_numbers_go_on_and_executions_keep_their_names(
    broker: CcxtBroker, behind: SimBrokerClient
) -> None:
    bought(broker, behind, "a")
    before = told(broker, "a")[-1]
    assert before.fill is not None
    with opened_again(broker) as again:
        after = [each for each in again.updates(before.sequence) if each.fill]
    assert [each.fill.execution_id for each in after if each.fill] == [before.fill.execution_id]
    assert all(each.sequence > before.sequence for each in after)


def test_a_list_of_many_pages_is_read_to_its_end(
    broker: CcxtBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    for number in range(12):
        behind.advance(MONDAY + number * 10**9)
        sent(broker, f"o{number:02d}")
        broker.cancel(f"o{number:02d}")
    broker._lists._features = {"fetchOrders": {"limit": 5}, "fetchMyTrades": {"limit": 5}}
    found = [each.order.client_order_id for each in broker.orders(after_ns=MONDAY)]
    assert found == [f"o{number:02d}" for number in range(12)]
    broker._lists._features = {"fetchOrders": {"limit": 1}}
    one_instant = [sent(broker, f"p{number}") for number in range(2)]
    with pytest.raises(BrokerDown, match="no end"):
        broker.orders(after_ns=one_instant[0].submitted_at_ns - 10**9)


# -- changes --------------------------------------------------------------------------------------


def test_what_was_filled_is_taken_off_what_comes_in_its_place(
    venue: Venue, behind: SimBrokerClient, broker: CcxtBroker
) -> None:
    sent(broker, "a", qty="0.5")
    row = venue.all()[-1]

    def half_filled(handler: Handler, status: int, body: bytes) -> bool:
        said = body.replace(b'"executedQty": "0.00000000"', b'"executedQty": "0.20000000"')
        handler.say(status, said.replace(b'"NEW"', b'"PARTIALLY_FILLED"'))
        return True

    def ended(handler: Handler) -> bool:
        venue.after[LOOK] = half_filled
        return False

    venue.before[LOOK] = lambda handler: False
    venue.after[LOOK] = half_filled
    venue.before[DELETE] = ended
    changed = broker.replace("a", qty=D("0.6"), new_client_order_id="b")
    assert changed.order.qty == D("0.4")
    assert [each.order.qty for each in behind.orders()] == [row.order.qty, D("0.4")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qty": D(0)}, "qty must be > 0"),
        ({"qty": D("sNaN")}, "qty must be > 0"),
        ({"qty": D("0.0001")}, "minimal amount"),
        ({"limit_price": D(0)}, "limit_price must be > 0"),
        ({"stop_price": D(100)}, "must not have stop_price"),
        ({"trail": D(1)}, "must not have trail"),
    ],
)
def test_a_bad_change_leaves_the_order_as_it_is(
    broker: CcxtBroker, venue: Venue, change: dict[str, Any], message: str
) -> None:
    before = sent(broker, "a")
    with pytest.raises(Refused, match=message):
        broker.replace("a", **change)
    assert broker.order("a") == before
    assert not [asked for asked in venue.asked if asked[0] == "DELETE"]


def test_nothing_is_sent_in_the_place_of_an_order_that_may_still_be_there(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient
) -> None:
    sent(broker, "a")
    venue.before[DELETE] = cut_before
    with pytest.raises(OutcomeUnknown):
        broker.replace("a", limit_price=D(39_000), new_client_order_id="b")
    assert names(behind) == ["a"]
    venue.after[DELETE] = lost
    with pytest.raises(OutcomeUnknown):
        broker.replace("a", limit_price=D(39_000), new_client_order_id="b")
    assert [(each.status, posts(venue)) for each in behind.orders()] == [("canceled", 1)]


def test_an_order_that_was_filled_on_the_way_is_not_bought_again(
    broker: CcxtBroker, venue: Venue, behind: SimBrokerClient
) -> None:
    sent(broker, "a")

    def filled(handler: Handler) -> bool:
        behind.on_quote(MONDAY + 10**9, BTC, 39_000.0, 39_010.0)
        return False

    venue.before[DELETE] = filled
    with pytest.raises(Refused, match='already in "filled" state'):
        broker.replace("a", limit_price=D(41_000), new_client_order_id="b")
    assert names(behind) == ["a"]


# -- which exchange -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exchange": "nowhere"}, "ccxt knows no exchange 'nowhere'"),
        ({"exchange": "bitflyer"}, "bitflyer cannot look one up through ccxt"),
        ({"exchange": "zaif"}, "zaif cannot list executions with their fees"),
        ({"exchange": "bitstamp"}, "bitstamp is not known to look orders up by our own ids"),
        ({"exchange": "krakenfutures"}, "krakenfutures has no spot market"),
        ({"exchange": "binanceus", "quote": "usd"}, "a currency, as USD or USDT"),
        ({"exchange": "binanceus", "pairs": ("BTC/EUR",)}, "a coin in USD"),
        ({"exchange": "binanceus", "url": "https://example.com"}, "a server on this machine"),
        ({"exchange": "binanceus", "url": "http://127.0.0.1@evil.example"}, "on this machine"),
    ],
)
def test_an_exchange_that_lacks_what_safety_needs_is_refused_in_a_sentence(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        CcxtBroker(ExchangeOptions(**options), KEYS, REGISTRY, tmp_path)


def test_without_the_library_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(ConfigError, match=r"pip install 'smart-leverage\[ccxt\]'"):
        CcxtBroker(ExchangeOptions(exchange="binanceus"), KEYS, REGISTRY, tmp_path)


@pytest.mark.parametrize("exchange", sorted(BY_NAME))
def test_each_exchange_that_may_be_used_is_asked_by_our_own_names(exchange: str) -> None:
    """What the table promises, held against the library's own requests."""
    client = Line(ExchangeOptions(exchange=exchange), KEYS, Unbounded())._client()
    left: list[str] = []

    def fetch(url: str, method: str, headers: Any, body: Any) -> Any:
        left.append(f"{method} {url} {body}")
        return {}

    client.fetch = fetch
    client.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    market = client.parse_market(
        {"symbol": "BTCUSD", "baseAsset": "BTC", "quoteAsset": "USD", "status": "TRADING"}
    )
    client.set_markets([market | {"info": {"orderTypes": ["LIMIT"]}}])
    params = {"clientOrderId": "our-name"}
    client.create_order("BTC/USD", "limit", "buy", "1", "2", params)
    client.fetch_order("", "BTC/USD", params)
    client.cancel_order("", "BTC/USD", params)
    assert [each.partition(" ")[0] for each in left] == ["POST", "GET", "DELETE"]
    assert all("lientOrderId=our-name" in each for each in left)


def test_keys_go_to_the_exchange_and_nowhere_else(tmp_path: Path) -> None:
    line = Line(ExchangeOptions(exchange="binanceus"), KEYS, Unbounded())
    line.exchange.set_markets([])
    line._loaded_s = time.monotonic()
    line.exchange.markets = {"none": {}}

    def elsewhere(client: Any) -> Any:
        client.urls["api"]["private"] = "https://api.binance.us.evil.example/api/v3"
        return client.privatePostOrder({"symbol": "BTCUSD"})

    with pytest.raises(NotSent, match="no host of this exchange"):
        line.send(elsewhere, Lane.FALL)
    hosts = line.exchange.session._hosts
    assert {"api.binance.us"} <= hosts
    assert all(each.endswith(("binance.us", "binance.com")) for each in hosts)


def test_a_sandbox_has_other_hosts_or_there_is_none() -> None:
    line = Line(ExchangeOptions(exchange="binance", is_sandbox=True), KEYS, Unbounded())
    assert "testnet.binance.vision" in line.exchange.session._hosts
    assert "api.binance.com" not in line.exchange.session._hosts


def test_the_library_repeats_nothing_and_waits_by_our_budget() -> None:
    client = Line(ExchangeOptions(exchange="binanceus"), KEYS).exchange
    assert client.options["maxRetriesOnFailure"] == 0
    assert client.enableRateLimit
    costs: list[float] = []
    client.gate = costs.append
    client.throttle(40)
    client.throttle()
    assert costs == [40.0, 1.0]
    adapter = client.session.get_adapter("https://api.binance.us")
    assert adapter.max_retries.total == 0


def test_numbers_are_exact_whatever_parser_the_library_would_take() -> None:
    client = Line(ExchangeOptions(exchange="binanceus"), KEYS).exchange
    said = client.parse_json('{"free": 0.12345678901234567890, "n": 12345678901234567890123}')
    assert said == {"free": "0.12345678901234567890", "n": "12345678901234567890123"}
    assert client.parse_json('{"free": NaN}') is None
    assert client.parse_number("0.1") == "0.1"
    assert ccxt.binanceus().parse_number("0.1") == 0.1  # what it would be without us


# -- the budget -----------------------------------------------------------------------------------


def test_a_purchase_beyond_the_budget_stays_here_and_a_sale_leaves(
    venue: Venue, tmp_path: Path
) -> None:
    budget = Budget(100, lambda: 0.0)
    with opened(venue, tmp_path, budget) as broker:
        sent(broker, "s", key=ETH, side=Side.SELL, qty="0.1", limit_price=D(3000))
        while budget.take(Lane.RISE, cost=0.1):
            pass
        before = posts(venue)
        with pytest.raises(NotSent, match="limit of requests"):
            sent(broker, "a")
        assert posts(venue) == before
        sent(broker, "t", key=ETH, side=Side.SELL, qty="0.1", limit_price=D(3000))
        broker.cancel("t")


def test_a_question_that_counts_more_takes_more_of_the_budget() -> None:
    now = [0.0]
    budget = Budget(100, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    assert budget.take(Lane.READ, cost=40.0)
    assert not budget.take(Lane.READ, cost=40.0)
    assert budget.take(Lane.RISE, cost=1.0)
    now[0] += 3600.0
    assert budget.take(Lane.READ, cost=400.0)  # more than there ever is: when it is full
    assert not budget.take(Lane.RISE)
