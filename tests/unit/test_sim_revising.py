"""Executions that the simulated venue takes back or corrects, with all that hangs on them."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.test_sim_money import AAPL, BTC, BUY, MONDAY, SELL, order_of, venue

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, Fill, Side
from smart_leverage.domain.registry import Registry

D = Decimal
LATER = MONDAY + 60 * SECOND_NS


def traded(broker: SimBroker, name: str, side: Side, qty: str, key: Key, price: float) -> Fill:
    """Have an order executed; return its execution."""
    broker.on_quote(broker.now_ns, key, price, price)
    broker.submit(Approved(order_of(name, side, qty, key), "test"))
    broker.on_quote(broker.now_ns + SECOND_NS, key, price, price)
    fill = broker.updates(0)[-1].fill
    assert fill is not None
    return fill


def held(broker: SimBroker, key: Key) -> Decimal:
    return next((each.qty for each in broker.positions() if each.key == key), D(0))


@pytest.mark.parametrize(("key", "qty", "price"), [(AAPL, "5", 200.0), (BTC, "0.5", 50_000.0)])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_what_is_taken_back_never_was(key: Key, qty: str, price: float, side: Side) -> None:
    broker, never = venue(), venue()
    fill = traded(broker, "a", side, qty, key, price)
    never.on_quote(broker.now_ns, key, price, price)
    for _ in range(2):
        broker.bust(LATER, fill.execution_id)
    assert broker.account().cash == never.account().cash
    assert held(broker, key) == held(never, key)
    assert broker.account().equity == never.account().equity
    told = broker.updates(0)[-1]
    assert (told.event, told.revises, told.fill) == ("trade_bust", fill.execution_id, None)
    order = broker.order("a")
    assert order is not None
    assert (order.status, order.filled_qty) == ("filled", D(0))  # it stays over
    assert [each.event for each in broker.updates(0)].count("trade_bust") == 1
    fees = [each for each in broker.activities() if each.type in ("CFEE", "FEE")]
    assert sum((each.qty or D(0) for each in fees), D(0)) == 0
    assert sum((each.net_amount for each in fees), D(0)) == 0


def test_a_correction_moves_the_difference_and_its_fee() -> None:
    broker, right = venue(), venue()
    fill = traded(broker, "a", BUY, "0.5", BTC, 50_000.0)
    broker.correct(LATER, fill.execution_id, qty=D("0.4"), price=D(49_000))
    after = broker.updates(0)[-1].fill
    assert after is not None
    assert (after.qty, after.price, after.at_ns) == (D("0.4"), D(49_000), fill.at_ns)
    assert after.fee == fill.fee * D("0.8")
    assert broker.account().cash == right.account().cash - D("0.4") * 49_000
    assert held(broker, BTC) == held(right, BTC) + D("0.4") - after.fee
    order = broker.order("a")
    assert order is not None
    assert (order.filled_qty, order.filled_avg_price) == (D("0.4"), D(49_000))
    with pytest.raises(Refused, match="already"):
        broker.correct(LATER, fill.execution_id, price=D(48_000))
    broker.bust(LATER, after.execution_id)
    assert broker.account().cash == right.account().cash


def test_what_cannot_be_taken_back_is_refused_and_nothing_changes() -> None:
    broker = venue(positions=())
    bought = traded(broker, "a", BUY, "0.5", BTC, 50_000.0)
    traded(broker, "b", SELL, "0.4", BTC, 50_000.0)
    cash = broker.account().cash
    with pytest.raises(Refused, match="sold since"):
        broker.bust(LATER, bought.execution_id)
    with pytest.raises(Refused, match="not found"):
        broker.bust(LATER, "never")
    with pytest.raises(Refused, match="more would be filled"):
        broker.correct(LATER, bought.execution_id, qty=D(1))
    with pytest.raises(Refused, match="corrects"):
        broker.correct(LATER, bought.execution_id)
    assert broker.account().cash == cash
    assert held(broker, BTC) == D("0.1") - bought.fee


def test_shares_that_were_sold_since_are_short_afterwards() -> None:
    broker = venue(positions=())
    bought = traded(broker, "a", BUY, "5", AAPL, 200.0)
    traded(broker, "b", SELL, "3", AAPL, 200.0)
    broker.bust(LATER, bought.execution_id)
    assert held(broker, AAPL) == -3


def test_an_order_that_still_works_keeps_its_executions() -> None:
    broker = venue(partial_probability=1.0)
    broker.submit(Approved(order_of("a", BUY, "5"), "test"))
    broker.on_quote(MONDAY + SECOND_NS, AAPL, 200.0, 200.0)
    fill = broker.updates(0)[-1].fill
    assert fill is not None
    assert fill.qty < 5
    with pytest.raises(Refused, match="still"):
        broker.bust(LATER, fill.execution_id)


def test_the_file_goes_on_where_it_was(tmp_path: Path) -> None:
    config = SimConfig(
        mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.0,
        positions=(Start(AAPL, D(10), D(200)),),
    )  # fmt: skip
    path = tmp_path / "venue.db"
    with SimBroker(Registry.builtin(), config=config, path=path) as broker:
        first = traded(broker, "a", BUY, "5", AAPL, 200.0)
        broker.correct(LATER, first.execution_id, price=D(199))
        cash, told = broker.account().cash, broker.updates(0)[-1]
    with SimBroker(Registry.builtin(), config=config, path=path) as again:
        assert again.updates(0)[-1] == told
        assert again.account().cash == cash
        with pytest.raises(Refused, match="already"):
            again.correct(LATER, first.execution_id, price=D(198))
        assert told.fill is not None
        again.bust(LATER, told.fill.execution_id)
        assert held(again, AAPL) == 10
        assert again.account().cash == cash + 5 * 199
