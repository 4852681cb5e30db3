"""What leaves in one turn reaches the broker in an order in which it has its effect."""

import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, cast

import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.errors import BrokerDown, BrokerError, NotSent
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    Approved,
    BrokerOrder,
    Change,
    Order,
    OrderType,
    Side,
    TimeInForce,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Answered, Event, Outcome, Verdict
from smart_leverage.runtime.carrying import Aside, AtOnce, Fence, Lanes, Messenger

D = Decimal
BTC = Key("crypto:BTC/USD")
AT_NS = 1_700_000_000_000_000_000


def venue() -> SimBroker:
    config = SimConfig(mode=Mode.LIVE, positions=(Start(BTC, D(1), D(50_000)),), opened_at_ns=AT_NS)
    broker = SimBroker(Registry.builtin(), config=config)
    broker.on_quote(AT_NS, BTC, 50_000.0, 50_000.0)
    return broker


def purchase(name: str) -> Approved:
    order = Order(
        client_order_id=name,
        bot="bot",
        key=BTC,
        side=Side.BUY,
        qty=D("0.01"),
        time_in_force=TimeInForce.GTC,
    )
    return Approved(order, "d1")


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


class Desk:
    """Keeps what the threads bring."""

    def __init__(self) -> None:
        self.answers: list[Event | None] = []
        self.news: list[Event] = []
        self.silences: list[BrokerDown] = []

    def answered(self, events: Sequence[Event | None]) -> None:
        self.answers += events

    def brought(self, events: Sequence[Event]) -> None:
        self.news += events

    def silent(self, failure: BrokerDown) -> None:
        self.silences.append(failure)


def at_once(broker: SimBroker, outcome: Outcome) -> list[Event | None]:
    answers = AtOnce().carry(Messenger(broker, lambda: ""), outcome)
    assert answers is not None
    return list(answers)


def in_lanes(broker: SimBroker, outcome: Outcome) -> list[Event | None]:
    """Use one lane, so that the broker is asked by one thread at a time."""
    desk = Desk()
    answers = desk.answers
    lanes = Lanes(desk, rising=1, falling=1)
    assert lanes.carry(Messenger(broker, lambda: ""), outcome) is None
    wanted = len(outcome.cancels) + len(outcome.changes) + len(outcome.sends)
    until = time.monotonic() + 5.0
    while len(answers) < wanted and time.monotonic() < until:
        time.sleep(0.001)
    lanes.close()
    return answers


def test_after_a_lease_nothing_leaves_not_even_a_sale_or_a_cancel() -> None:
    broker, why = venue(), ""
    messenger = Messenger(broker, lambda: "", lambda: why)
    resting = messenger.submit(sale("first"))
    assert isinstance(resting, Answered)
    assert resting.verdict is Verdict.ACCEPTED
    why = "somebody else may have the account"
    answer = messenger.submit(sale("second"))
    assert isinstance(answer, Answered)
    assert (answer.verdict, answer.reason) == (
        Verdict.NOT_SENT,
        "held back before the first byte left: somebody else may have the account",
    )
    assert messenger.cancel("first") is None
    assert [one.order.client_order_id for one in broker.orders(is_open=True)] == ["first"]


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


# -- several orders with one message --------------------------------------------------------------


class Many:
    """A broker that takes three orders a message; the first message waits until it may go on."""

    many = 3

    def __init__(self, broken: str = "") -> None:
        self.messages: list[list[str]] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.asked: list[str] = []
        self._broken, self._venue = broken, venue()

    def submit(self, approved: Approved) -> BrokerOrder:
        self.messages.append([approved.order.client_order_id])
        self.asked.append(f"submit {approved.order.client_order_id}")
        self.began.set()
        assert self.go_on.wait(30.0)
        return self._venue.submit(approved)

    def submit_all(self, approved: Sequence[Approved]) -> list[BrokerOrder | BrokerError]:
        names = [each.order.client_order_id for each in approved]
        self.messages.append(names)
        if self._broken in names:
            raise AssertionError("a mistake of ours")
        return [self._venue.submit(each) for each in approved]

    def cancel(self, client_order_id: str) -> None:
        self.asked.append(f"cancel {client_order_id}")


def sent_behind(
    broker: Many, outcome: Outcome, held_back: Callable[[], str] = lambda: ""
) -> list[Event | None]:
    """Let one purchase go and everything else wait behind it in one lane; return the answers."""
    desk = Desk()
    lanes = Lanes(desk, rising=1, falling=1)
    messenger = Messenger(cast(Any, broker), held_back)
    lanes.carry(messenger, Outcome(sends=[purchase("first")]))
    assert broker.began.wait(30.0)
    lanes.carry(messenger, outcome)
    broker.go_on.set()
    wanted = 1 + len(outcome.sends) + len(outcome.cancels)
    assert waited(lambda: len(desk.answers) == wanted)
    lanes.close()
    return desk.answers


def test_orders_that_wait_behind_each_other_leave_with_one_message() -> None:
    broker = Many()
    wanted = [purchase(name) for name in "abcde"]
    answers = sent_behind(broker, Outcome(sends=wanted, cancels=["b"]))
    assert broker.messages == [["first"], ["a", "b", "c"], ["d", "e"]]
    told = [each for each in answers if isinstance(each, Answered)]
    assert [(one.client_order_id, one.verdict) for one in told] == [
        (name, Verdict.ACCEPTED) for name in ("first", *"abcde")
    ]
    assert broker.asked == ["submit first", "cancel b"]  # it waited for the answer to its order


def test_a_cancel_is_overtaken_by_nothing_that_was_decided_after_it() -> None:
    """Not even where what came before and after it could leave with one message."""
    broker, desk = Many(), Desk()
    lanes = Lanes(desk, rising=1, falling=1)
    messenger = Messenger(cast(Any, broker), lambda: "")
    lanes.carry(messenger, Outcome(sends=[sale("first")]))
    assert broker.began.wait(30.0)
    lanes.carry(messenger, Outcome(sends=[sale("before")]))
    lanes.carry(messenger, Outcome(cancels=["a purchase"]))
    lanes.carry(messenger, Outcome(sends=[sale("after")]))
    broker.go_on.set()
    assert waited(lambda: len(desk.answers) == 4)
    lanes.close()
    assert broker.asked == ["submit first", "submit before", "cancel a purchase", "submit after"]


def test_a_halt_keeps_back_what_waits_to_leave_with_others() -> None:
    broker, looks = Many(), iter(["", "", "halted"])
    wanted = Outcome(sends=[purchase(name) for name in "abcd"])
    answers = sent_behind(broker, wanted, looks.__next__)
    assert broker.messages == [["first"], ["a", "b", "c"]]  # one look for each message
    told = {one.client_order_id: one.verdict for one in answers if isinstance(one, Answered)}
    assert told == {
        **dict.fromkeys(("first", *"abc"), Verdict.ACCEPTED),
        "d": Verdict.NOT_SENT,
    }


def test_a_mistake_of_ours_leaves_all_that_went_together_unknown() -> None:
    answers = sent_behind(Many("b"), Outcome(sends=[purchase(name) for name in "abcd"]))
    told = {one.client_order_id: one.verdict for one in answers if isinstance(one, Answered)}
    assert told == {
        "first": Verdict.ACCEPTED,
        **dict.fromkeys("abc", Verdict.UNKNOWN),
        "d": Verdict.ACCEPTED,
    }


def waited(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5.0
    while not is_so() and time.monotonic() < until:
        time.sleep(0.001)
    return is_so()


def test_of_the_questions_that_come_while_one_is_asked_only_the_last_one_is() -> None:
    """A venue that is slow is told the newest prices, not all that it has missed."""
    desk, asked, may_answer = Desk(), list[int](), threading.Event()
    aside = Aside("test", desk)

    def ask(number: int) -> tuple[()]:
        asked.append(number)
        may_answer.wait(5.0)
        return ()

    aside.ask(lambda: ask(1))
    assert waited(lambda: asked == [1])
    for number in (2, 3, 4):
        aside.ask(partial(ask, number))
    may_answer.set()
    assert waited(lambda: len(asked) == 2)
    aside.close()
    assert asked == [1, 4]


def test_a_broker_that_does_not_answer_a_question_is_told_of_and_asked_again() -> None:
    desk = Desk()
    aside = Aside("test", desk)

    def down() -> list[Event]:
        raise BrokerDown("no answer")

    aside.ask(down)
    assert waited(lambda: len(desk.silences) == 1)
    aside.ask(lambda: [Event(at_ns=1)])
    assert waited(lambda: len(desk.news) == 1)
    aside.close()


def test_a_mistake_of_ours_counts_as_a_broker_that_is_silent() -> None:
    desk = Desk()
    aside = Aside("test", desk)
    aside.ask(lambda: [Event(at_ns=1 // 0)])
    assert waited(lambda: len(desk.silences) == 1)
    aside.close()


# -- a halt and what is on its way ----------------------------------------------------------------


def test_a_fence_waits_for_those_who_are_inside_and_not_for_those_who_come() -> None:
    fence, leave = Fence(), threading.Event()

    def go(until: threading.Event) -> threading.Thread:
        inside = threading.Event()

        def be_inside() -> None:
            with fence.passing():
                inside.set()
                until.wait(30.0)

        thread = threading.Thread(target=be_inside)
        thread.start()
        assert inside.wait(30.0)
        return thread

    assert fence.settle(0.0)
    first = go(leave)
    assert not fence.settle(0.01)
    found: list[bool] = []
    waiter = threading.Thread(target=lambda: found.append(fence.settle(30.0)))
    waiter.start()
    stay = threading.Event()
    second = go(stay)
    leave.set()
    first.join(30.0)
    waiter.join(30.0)
    assert found == [True]
    stay.set()
    second.join(30.0)


def test_who_halts_waits_for_a_purchase_that_had_passed_the_check() -> None:
    """The thread that sends it is held up between its last look and the first byte."""
    began, go_on, sent = threading.Event(), threading.Event(), list[float]()

    class Slow:
        def submit(self, approved: Approved) -> BrokerOrder:
            began.set()
            assert go_on.wait(30.0)
            sent.append(time.monotonic())
            raise NotSent("a test")

    lanes = Lanes(Desk(), rising=1, falling=1)
    messenger = Messenger(cast(Any, Slow()), lambda: "")
    lanes.carry(messenger, Outcome(sends=[purchase("a")]))
    assert began.wait(30.0)
    assert not lanes.fence.settle(0.01)
    settled: list[float] = []

    def halt() -> None:
        assert lanes.fence.settle(30.0)
        settled.append(time.monotonic())

    who = threading.Thread(target=halt)
    who.start()
    go_on.set()
    who.join(30.0)
    lanes.close()
    assert sent[0] <= settled[0]
