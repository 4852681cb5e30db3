"""What leaves for the broker, and what its answers prove: at once, or by threads of their own."""

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import NamedTuple, Protocol

from smart_leverage.brokers.base import Broker, TakesMany
from smart_leverage.domain.errors import (
    BrokerDown,
    BrokerError,
    NotSent,
    OutcomeUnknown,
    Refused,
)
from smart_leverage.domain.orders import Approved, BrokerOrder, Change, Order, Side
from smart_leverage.engine.events import Answered, CancelAnswered, Event, Outcome, Verdict

_LOG = logging.getLogger(__name__)

Errand = Callable[[], Event | None]
"""One request to the broker; the event is what its answer proves, None proves nothing."""

Ask = Callable[[], Sequence[Event]]
"""Asks the broker for what it has to say; raises `BrokerDown` when it does not answer."""

RISING, FALLING = 4, 4
"""So many purchases, and so many sales and cancels, may wait for the broker at the same time."""

STOP_WITHIN_S = 10.0

SETTLE_WITHIN_S = 0.25
"""So long the answer to a halt waits for purchases on their way. One that is slower than that has
its first byte behind it, as far as anybody can tell, and is waiting for the broker."""


UNSTAMPED = 0
"""An answer gets its time from whoever takes it in: the clock belongs to that thread."""


class Messenger:
    """Asks a broker, once each, and says what its answer proves; safe in any thread."""

    def __init__(
        self,
        broker: Broker,
        held_back: Callable[[], str],
        lapsed: Callable[[], str] = lambda: "",
    ) -> None:
        """Join the parts.

        Args:
            broker: Who is asked.
            held_back: Says, just before each increase leaves, why it may not.
            lapsed: Says, just before anything leaves, why nothing may: the account may be somebody
                else's by now.
        """
        self.broker = broker
        self.held_back = held_back
        self.lapsed = lapsed
        self._taker = broker if isinstance(broker, TakesMany) else None

    def cancel(self, client_order_id: str) -> Event | None:
        """Ask for a cancel; a refusal means that the order has a last word already."""
        if self.lapsed():
            return None  # whoever has the account now may need what it would cancel
        try:
            self.broker.cancel(client_order_id)
            return None
        except (NotSent, OutcomeUnknown):
            return None  # harmless to repeat, and looked up when the lists are compared
        except Refused:
            return CancelAnswered(
                at_ns=UNSTAMPED,
                client_order_id=client_order_id,
                broker_order=self._listed(client_order_id),
            )

    def submit(self, approved: Approved) -> Event:
        """Send a new order."""
        order = approved.order
        return self._answered(
            order, lambda: self.broker.submit(approved), is_increase=order.side is Side.BUY
        )

    @property
    def many(self) -> int:
        """How many new orders the broker takes with one message."""
        return 1 if self._taker is None else self._taker.many

    def submit_all(self, approved: Sequence[Approved]) -> list[Event]:
        """Send new orders with one message, where the broker takes `many`."""
        increases = [each.order.side is Side.BUY for each in approved]
        # They have one first byte together, so one look just before it is as good as many.
        why = {kind: self._held(is_increase=kind) for kind in set(increases)}
        held = [why[kind] for kind in increases]
        leaving = [each for each, reason in zip(approved, held, strict=True) if not reason]
        assert self._taker is not None  # noqa: S101 - `many` says so
        answers = iter(self._taker.submit_all(leaving) if leaving else ())
        return [
            self._proven(each.order, NotSent(reason) if reason else next(answers))
            for each, reason in zip(approved, held, strict=True)
        ]

    def change(self, change: Change) -> Event:
        """Send what is to come in the place of an open order."""
        order = change.approved.order

        def replace() -> BrokerOrder:
            return self.broker.replace(
                change.replaces,
                qty=change.qty,
                limit_price=change.limit_price,
                stop_price=change.stop_price,
                trail=change.trail,
                new_client_order_id=order.client_order_id,
            )

        return self._answered(order, replace, is_increase=change.is_increase)

    def _listed(self, client_order_id: str) -> BrokerOrder | None:
        """Return an order as the broker lists it; None when it does not, or does not answer."""
        try:
            return self.broker.order(client_order_id)
        except BrokerDown:
            return None

    def _answered(
        self, order: Order, send: Callable[[], BrokerOrder], *, is_increase: bool
    ) -> Event:
        """Send, once, and return what the answer proves of an order."""
        answer: BrokerOrder | BrokerError
        try:
            why = self._held(is_increase=is_increase)
            answer = NotSent(why) if why else send()
        except (Refused, NotSent, OutcomeUnknown) as error:
            answer = error
        return self._proven(order, answer)

    def _held(self, *, is_increase: bool) -> str:
        """Say, just before the first byte leaves, why it may not; empty when it may."""
        why = self.lapsed() or (self.held_back() if is_increase else "")
        return f"held back before the first byte left: {why}" if why else ""

    def _proven(self, order: Order, answer: BrokerOrder | BrokerError) -> Answered:
        verdict, broker_order, reason, code = Verdict.UNKNOWN, None, "", 0
        if isinstance(answer, BrokerOrder):
            verdict, broker_order = Verdict.ACCEPTED, answer
        elif isinstance(answer, Refused):
            verdict, reason, code = Verdict.REFUSED, answer.message, answer.broker_code
            if answer.is_repeated_id:
                broker_order = self._listed(order.client_order_id)
                verdict = Verdict.UNKNOWN if broker_order is None else Verdict.ACCEPTED
        else:
            reason = str(answer)
            verdict = Verdict.NOT_SENT if isinstance(answer, NotSent) else Verdict.UNKNOWN
        return Answered(
            at_ns=UNSTAMPED,
            client_order_id=order.client_order_id,
            verdict=verdict,
            broker_order=broker_order,
            reason=reason,
            broker_code=code,
        )


class Carrier(Protocol):
    """Takes to the broker what an outcome lets leave."""

    is_apart: bool
    """Whether it answers later, and may be handed something in any thread."""

    def carry(self, messenger: Messenger, outcome: Outcome) -> list[Event] | None:
        """Let everything leave, each once.

        Cancels go first, except those of orders that leave only now: before it has the order the
        broker would refuse its cancel, and the order would stay.

        Returns:
            What the answers prove, or None when they come in later, as events of their own.
        """
        ...

    def fetch(self, ask: Ask) -> bool:
        """Have the broker asked what it has said; False when whoever asks has to do it."""
        ...


class AtOnce:
    """Waits for every answer before it goes on: for simulation, replay and bars."""

    is_apart = False

    def fetch(self, ask: Ask) -> bool:
        """Leave it to whoever asks."""
        return False

    def carry(self, messenger: Messenger, outcome: Outcome) -> list[Event] | None:
        """Let everything leave in order; see `Carrier.carry`."""
        new = {order.client_order_id for order in _leaving(outcome)}
        first = [each for each in outcome.cancels if each not in new]
        answers = [messenger.cancel(order_id) for order_id in first]
        answers += [messenger.change(change) for change in outcome.changes]
        answers += [messenger.submit(approved) for approved in outcome.sends]
        answers += [messenger.cancel(order_id) for order_id in outcome.cancels if order_id in new]
        return [answer for answer in answers if answer is not None]


class Desk(Protocol):
    """Takes in what the threads bring, in any of them."""

    def answered(self, events: Sequence[Event | None]) -> None:
        """Take in what answers prove; None proves nothing, but the broker has news."""
        ...

    def brought(self, events: Sequence[Event]) -> None:
        """Take in what the broker has said."""
        ...

    def silent(self, failure: BrokerDown) -> None:
        """Hear that the broker did not answer a question."""
        ...


class Fence:
    """Tells when every purchase that was on its way at a moment is out of the way."""

    def __init__(self) -> None:
        self._has_left = threading.Condition()
        self._numbers = itertools.count()
        self._inside: set[int] = set()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be on the way while the block runs: from the last look at what holds up, to the end."""
        with self._has_left:
            number = next(self._numbers)
            self._inside.add(number)
        try:
            yield
        finally:
            with self._has_left:
                self._inside.discard(number)
                self._has_left.notify_all()

    def settle(self, within_s: float = SETTLE_WITHIN_S) -> bool:
        """Wait for those who are inside now, whoever comes after them; False when one stays."""
        with self._has_left:
            now = set(self._inside)
            return self._has_left.wait_for(lambda: now.isdisjoint(self._inside), within_s)


class Task(NamedTuple):
    """What a lane has to do: one request, or with `new` one that others may leave together with."""

    ask: Errand
    order_id: str = ""
    """The order whose answer its cancels wait for; empty for a cancel."""
    messenger: Messenger | None = None
    new: Approved | None = None


class Line:
    """What waits for the lanes of one kind, in the order in which it came."""

    def __init__(self) -> None:
        self._waiting: deque[Task] = deque()
        self._has_come = threading.Condition()
        self._is_over = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, task: Task) -> None:
        """Let a task wait behind the others."""
        with self._has_come:
            self._waiting.append(task)
            self._has_come.notify()

    def end(self) -> None:
        """Let whoever waits for a task go once all are taken."""
        with self._has_come:
            self._is_over = True
            self._has_come.notify_all()

    def take(self) -> list[Task]:
        """Wait for a task, and return it with new orders right behind it that may leave with it.

        Empty when there is none and it has ended.
        """
        with self._has_come:
            while not self._waiting:
                if self._is_over:
                    return []
                self._has_come.wait()
            first = self._waiting.popleft()
            tasks, many = [first], 1 if first.messenger is None else first.messenger.many
            while self._waiting and len(tasks) < many:
                if self._waiting[0].messenger is not first.messenger:
                    break
                tasks.append(self._waiting.popleft())
            return tasks


class Lanes:
    """Threads that wait for the broker, so that whoever decides never does.

    Purchases have lanes of their own: one that hangs holds up no sale and no cancel. A cancel of an
    order whose submission is still under way waits for that one answer: before it the broker might
    not know the order, and would refuse. What the broker has said is fetched by one thread more.
    Where the broker takes many, new orders that wait behind each other leave with one message.
    """

    is_apart = True

    def __init__(self, desk: Desk, *, rising: int = RISING, falling: int = FALLING) -> None:
        """Start the threads; the desk takes in what they bring."""
        self._desk = desk
        self._rising, self._falling = Line(), Line()
        self.fence = Fence()
        self._lock = threading.Lock()
        self._under_way: dict[str, list[Errand]] = {}
        self._is_over = False
        self._news = Aside("lane-news", desk)
        self._threads = [
            threading.Thread(target=self._work, args=(line,), name=name, daemon=True)
            for line, name, count in (
                (self._rising, "lane-rising", rising),
                (self._falling, "lane-falling", falling),
            )
            for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def carry(self, messenger: Messenger, outcome: Outcome) -> list[Event] | None:
        """Hand everything to the lanes; see `Carrier.carry`."""
        with self._lock:
            for order in _leaving(outcome):
                self._under_way.setdefault(order.client_order_id, [])
        for order_id in outcome.cancels:
            self._cancel(order_id, partial(messenger.cancel, order_id))
        for change in outcome.changes:
            task = Task(partial(messenger.change, change), change.approved.order.client_order_id)
            self._line(is_increase=change.is_increase).put(task)
        for approved in outcome.sends:
            order, errand = approved.order, partial(messenger.submit, approved)
            task = Task(errand, order.client_order_id, messenger, approved)
            self._line(is_increase=order.side is Side.BUY).put(task)
        return None

    def fetch(self, ask: Ask) -> bool:
        """Have it asked by the thread for that."""
        self._news.ask(ask)
        return True

    @property
    def depths(self) -> tuple[int, int]:
        """How many purchases, and how many sales and cancels, wait for a lane."""
        return len(self._rising), len(self._falling)

    def threads(self) -> Sequence[threading.Thread]:
        """Return the threads, as long as they are needed."""
        return () if self._is_over else (*self._threads, *self._news.threads())

    def close(self) -> None:
        """Let what is under way end, within bounds, and take nothing more; harmless twice."""
        self._is_over = True
        self._rising.end()
        self._falling.end()
        for thread in self._threads:
            thread.join(STOP_WITHIN_S)
        self._news.close()

    def _line(self, *, is_increase: bool) -> Line:
        return self._rising if is_increase else self._falling

    def _cancel(self, client_order_id: str, errand: Errand) -> None:
        with self._lock:
            waiting = self._under_way.get(client_order_id)
            if waiting is not None:
                waiting.append(errand)
                return
        self._falling.put(Task(errand))

    def _work(self, line: Line) -> None:
        while tasks := line.take():
            try:
                with self.fence.passing() if line is self._rising else nullcontext():
                    events = _done(tasks)
            except Exception:  # noqa: BLE001 - a bug of ours after the intent: outcome unknown
                _LOG.exception("an errand to the broker broke; its order is looked up")
                events = [_unknown(each.order_id) if each.order_id else None for each in tasks]
            self._desk.answered(events)
            for each in tasks:
                self._let_cancels_go(each.order_id)

    def _let_cancels_go(self, client_order_id: str) -> None:
        if not client_order_id:
            return
        with self._lock:
            waiting = self._under_way.pop(client_order_id, [])
        for cancel in waiting:
            self._falling.put(Task(cancel))


class Aside:
    """A thread that asks one question at a time; of those that come meanwhile the last one stays.

    For questions whose answers do not depend on how often they are asked.
    """

    def __init__(self, name: str, desk: Desk) -> None:
        """Start the thread; the desk takes in what it brings."""
        self._desk = desk
        self._has_come = threading.Condition()
        self._next: Ask | None = None
        self._is_asking = False
        self._is_over = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def ask(self, ask: Ask) -> None:
        """Have it asked soon."""
        with self._has_come:
            self._next = ask
            self._has_come.notify()

    @property
    def is_idle(self) -> bool:
        """Whether no question is under way, and none waits."""
        return self._next is None and not self._is_asking

    def threads(self) -> Sequence[threading.Thread]:
        """Return the thread, as long as it is needed."""
        return () if self._is_over else (self._thread,)

    def close(self) -> None:
        """Let what is under way end, within bounds; what waits is not asked; harmless twice."""
        with self._has_come:
            self._is_over = True
            self._has_come.notify()
        self._thread.join(STOP_WITHIN_S)

    def _work(self) -> None:
        while (ask := self._taken()) is not None:
            try:
                self._desk.brought(ask())
            except BrokerDown as failure:
                self._desk.silent(failure)
            except Exception:  # noqa: BLE001 - a bug of ours: whoever decides believes nothing more
                _LOG.exception("a question to the broker broke")
                self._desk.silent(BrokerDown("our own part broke while the broker was asked"))

    def _taken(self) -> Ask | None:
        with self._has_come:
            self._is_asking = False
            while self._next is None and not self._is_over:
                self._has_come.wait()
            ask, self._next = self._next, None
            self._is_asking = True
            return None if self._is_over else ask


def _done(tasks: Sequence[Task]) -> Sequence[Event | None]:
    first, *others = tasks
    if not others or first.messenger is None:
        return [first.ask()]
    return first.messenger.submit_all([each.new for each in tasks if each.new is not None])


def _leaving(outcome: Outcome) -> Iterator[Order]:
    """Yield every order that leaves, anew or as a change."""
    for approved in (*(change.approved for change in outcome.changes), *outcome.sends):
        yield approved.order


def _unknown(client_order_id: str) -> Answered:
    return Answered(
        at_ns=UNSTAMPED,
        client_order_id=client_order_id,
        verdict=Verdict.UNKNOWN,
        reason="our own part broke while it was being sent",
    )
