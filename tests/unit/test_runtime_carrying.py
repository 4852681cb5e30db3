"""What leaves in one turn reaches the broker in an order in which it has its effect."""

import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, Change, Order, OrderType, Side, TimeInForce
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Answered, Event, Verdict
from smart_leverage.engine.outcome import Outcome
from smart_leverage.runtime.carrying import AtOnce, Lanes, Messenger

D = Decimal
BTC = Key("crypto:BTC/USD")
AT_NS = 1_700_000_000_000_000_000


def venue() -> SimBroker:
    config = SimConfig(mode=Mode.LIVE, positions=(Start(BTC, D(1), D(50_000)),), opened_at_ns=AT_NS)
    broker = SimBroker(Registry.builtin(), config=config)
    broker.on_quote(AT_NS, BTC, 50_000.0, 50_000.0)
    return broker


def sale(name: str) -> Approved:
    order = Order(
        client_order_id=name,
        bot="bot",
        key=BTC,
        side=Side.SELL,
        qty=D("0.5"),
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        limit_price=D(60_000),
    )
    return Approved(order, "d1")


def at_once(broker: SimBroker, outcome: Outcome) -> list[Event | None]:
    answers = AtOnce().carry(Messenger(broker, lambda: ""), outcome)
    assert answers is not None
    return list(answers)


def in_lanes(broker: SimBroker, outcome: Outcome) -> list[Event | None]:
    """Use one lane, so that the broker is asked by one thread at a time."""
    answers: list[Event | None] = []
    lanes = Lanes(answers.append, rising=1, falling=1)
    assert lanes.carry(Messenger(broker, lambda: ""), outcome) is None
    wanted = len(outcome.cancels) + len(outcome.changes) + len(outcome.sends)
    until = time.monotonic() + 5.0
    while len(answers) < wanted and time.monotonic() < until:
        time.sleep(0.001)
    lanes.close()
    return answers


Carry = Callable[[SimBroker, Outcome], list[Event | None]]
carried = pytest.mark.parametrize("carry", [at_once, in_lanes])


def status(broker: SimBroker, name: str) -> str:
    order = broker.order(name)
    assert order is not None
    return order.status


@carried
def test_an_order_that_is_cancelled_before_it_left_ends(carry: Carry) -> None:
    """Two events of one turn: the first intends a stop, the second needs it out of the way."""
    broker = venue()
    carry(broker, Outcome(cancels=["one"], sends=[sale("one")]))
    assert status(broker, "one") == "canceled"


@carried
def test_a_change_that_is_cancelled_before_it_left_ends(carry: Carry) -> None:
    broker = venue()
    carry(broker, Outcome(sends=[sale("one")]))
    change = Change(
        replaces="one",
        approved=sale("two"),
        qty=None,
        limit_price=D(61_000),
        stop_price=None,
        is_increase=False,
    )
    carry(broker, Outcome(cancels=["two"], changes=[change]))
    assert (status(broker, "one"), status(broker, "two")) == ("replaced", "canceled")


@carried
def test_what_rests_is_cancelled_before_anything_new_leaves(carry: Carry) -> None:
    """The venue reserves what rests, so the second sale fits only once the first one is gone."""
    broker = venue()
    for name in ("one", "two"):
        carry(broker, Outcome(sends=[sale(name)]))
    carry(broker, Outcome(cancels=["one"], sends=[sale("three")]))
    assert (status(broker, "one"), status(broker, "three")) == ("canceled", "new")


@carried
def test_a_refusal_comes_with_the_brokers_code_and_its_words_apart(carry: Carry) -> None:
    (answer,) = carry(venue(), Outcome(sends=[sale("one"), sale("two"), sale("three")]))[2:]
    assert isinstance(answer, Answered)
    assert (answer.verdict, answer.broker_code) == (Verdict.REFUSED, 40310000)
    assert answer.reason.startswith("insufficient balance for BTC")
    assert "40310000" not in answer.reason
