"""Where other threads hand in what they want of an account; the trading thread attends to it."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Full
from typing import Protocol, TypeVar

from smart_leverage.domain.records import Decided
from smart_leverage.engine.events import Event
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.shelf import Shelf

T = TypeVar("T")

BATCH = 256
"""So many wishes are decided, and made durable by one commit, at most."""

WAITING_MAX = 2_000
"""So many may wait; more are refused before anything was decided."""

Stamp = Callable[[int], Event]
"""Makes the event of a wish at the time at which it is taken in."""


@dataclass(slots=True, eq=False)
class Wish:
    """An event that somebody waits for.

    `settle` is called on the trading thread once the decision is durable, with what was decided, or
    with None when the ledger failed on the way and the account went on without saying more.
    """

    stamp: Stamp
    settle: Callable[[Driven, list[Decided] | None], None]
    _claim: threading.Lock = field(default_factory=threading.Lock)

    def claim(self) -> bool:
        """Take it, once: the trading thread to decide it, or who made it to withdraw it."""
        return self._claim.acquire(blocking=False)


class Afterwards(Protocol):
    """Tells what waits to be told, on the trading thread."""

    def __call__(self, *, is_durable: bool) -> None:
        """Tell it; `is_durable` says whether all that was decided is."""
        ...


Question = Callable[[Driven], None]
"""Reads the account, on the trading thread, between two decisions."""


class Office:
    """Two queues into the trading thread; everything handed in is attended in order of arrival."""

    def __init__(self, wake: Callable[[], None], shelf: Shelf) -> None:
        """Begin empty; `wake` ends the pause of the trading thread."""
        self._wake = wake
        self.shelf = shelf
        """The bots' orders, for who is on the trading thread."""
        self._wishes: deque[Wish] = deque()
        self._questions: deque[Question] = deque()
        self._answers: deque[Event] = deque()
        self._afterwards: list[Afterwards] = []
        self._has_news = False

    # -- any thread -------------------------------------------------------------------------------

    def want(self, wish: Wish, *, is_urgent: bool = False) -> None:
        """Hand in a wish; an urgent one, which lowers what is held, is never refused for crowding.

        Raises:
            Full: Too many wait; nothing was decided.
        """
        if len(self._wishes) >= WAITING_MAX and not is_urgent:
            raise Full
        self._wishes.append(wish)
        self._wake()

    def ask(self, question: Question) -> None:
        """Hand in a question."""
        if len(self._questions) >= WAITING_MAX:
            raise Full
        self._questions.append(question)
        self._wake()

    def answered(self, event: Event | None) -> None:
        """Hand in what an answer of the broker proves; it gets its time when it is taken in.

        None proves nothing by itself, as the answer to a cancel: the broker's stream has the news.
        """
        if event is not None:
            self._answers.append(event)
        self._has_news = True
        self._wake()

    # -- the trading thread -----------------------------------------------------------------------

    def afterwards(self, act: Afterwards) -> None:
        """Register what is done whenever something may be told.

        An answer of the broker may be told before its record is durable: its intent is, and after a
        crash the broker is asked again. Everything else waits until `is_durable`.
        """
        self._afterwards.append(act)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return not (self._wishes or self._questions or self._answers or self._has_news)

    def attend(self, trader: Driven, now_ns: Callable[[], int]) -> None:
        """Take in answers, decide wishes with one commit, and then answer the questions."""
        has_news, self._has_news = self._has_news, False
        wishes = self._taken()
        events = [trader.stamped(each) for each in _drained(self._answers)]
        count = len(events)
        events += [wish.stamp(now_ns()) for wish in wishes]
        decisions = trader.offer_all(events) if events else []
        self.tell(is_durable=False)
        trader.flush()
        for place, wish in enumerate(wishes, count):
            wish.settle(trader, decisions[place] if decisions else None)
        for question in _drained(self._questions):
            question(trader)
        self.tell(is_durable=True)
        if has_news:
            trader.drain()
            trader.flush()
            self.tell(is_durable=True)

    def tell(self, *, is_durable: bool) -> None:
        """Let those who registered tell what they have."""
        for act in self._afterwards:
            act(is_durable=is_durable)

    def _taken(self) -> list[Wish]:
        taken: list[Wish] = []
        while self._wishes and len(taken) < BATCH:
            wish = self._wishes.popleft()
            if wish.claim():
                taken.append(wish)
        return taken


def _drained(waiting: deque[T]) -> list[T]:
    """Take what is there now; what comes meanwhile waits for the next turn."""
    return [waiting.popleft() for _ in range(len(waiting))]
