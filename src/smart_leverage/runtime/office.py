"""Where other threads hand in what they want of an account; the trading thread attends to it."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Full
from typing import Protocol, TypeVar

from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.records import Decided
from smart_leverage.engine.events import Event
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.shelf import Shelf

T = TypeVar("T")

BATCH = 256
"""So many wishes are decided in one turn at most."""

ANSWERS = 32
"""So many answers are taken in in one turn: who comes meanwhile waits for a part of a busy instant,
not for all of it."""

ANSWERS_EACH = 4
"""For each wish of a turn as many more, or answers would fall behind a crowd of wishes."""

WAITING_MAX = 2_000
"""So many may wait; more are refused before anything was decided."""

PATIENCE_S = 0.005
"""What nobody waits for becomes durable this much later at most, with what somebody waits for: a
broker's answers follow each other, and each commit costs as much as ten of their records. As long
after an order was answered the broker is asked what came of it and of those answered meanwhile."""

Stamp = Callable[[int], Event]
"""Makes the event of a wish at the time at which it is taken in."""


@dataclass(slots=True, eq=False)
class Wish:
    """An event that somebody waits for.

    `settle` is called on the trading thread with what was decided; what it tells is told once that
    is durable. If the ledger fails on the way it is called again, with None: the account went on,
    and only what is there now can be told.
    """

    stamp: Stamp
    settle: Callable[[Driven, list[Decided] | None], None]
    _claim: threading.Lock = field(default_factory=threading.Lock)

    def claim(self) -> bool:
        """Take it, once: the trading thread to decide it, or who made it to withdraw it."""
        return self._claim.acquire(blocking=False)


class Teller(Protocol):
    """Tells others what has happened; called on the trading thread."""

    def tell_early(self) -> None:
        """Tell what need not wait until it is durable."""
        ...

    def parcel(self) -> Callable[[], None] | None:
        """Return what tells the rest, in any thread, once it is durable; None for nothing."""
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
        self._tellers: list[Teller] = []
        self._failed: deque[tuple[Sequence[Wish], Sequence[Question]]] = deque()
        self._silence: BrokerDown | None = None
        self._has_news = False
        self._owed_since_s: float | None = None
        """Since when there may be records for which nothing has been done; None for never."""
        self._untold_since_s: float | None = None
        """Since when there may be news of an order that was answered; None for never."""
        self.wished_s: float | None = None
        """When a wish was last handed in, by the monotonic clock; None for never."""

    # -- any thread -------------------------------------------------------------------------------

    def want(self, wish: Wish, *, is_urgent: bool = False) -> None:
        """Hand in a wish; an urgent one, which lowers what is held, is never refused for crowding.

        Raises:
            Full: Too many wait; nothing was decided.
        """
        if len(self._wishes) >= WAITING_MAX and not is_urgent:
            raise Full
        self.wished_s = time.monotonic()
        self._wishes.append(wish)
        self._wake()

    def ask(self, question: Question) -> None:
        """Hand in a question."""
        if len(self._questions) >= WAITING_MAX:
            raise Full
        self._questions.append(question)
        self._wake()

    def answered(self, events: Sequence[Event | None]) -> None:
        """Hand in what answers of the broker prove; each gets its time when it is taken in.

        None proves nothing by itself, as the answer to a cancel: the broker's stream has the news,
        and a sale may wait for it.
        """
        proofs = [each for each in events if each is not None]
        self._answers.extend(proofs)
        if proofs and self._untold_since_s is None:
            self._untold_since_s = time.monotonic()
        if len(proofs) < len(events):
            self._has_news = True
        self._wake()

    def brought(self, events: Sequence[Event]) -> None:
        """Hand in what the broker has said; each gets its time when it is taken in."""
        if events:
            self._answers.extend(events)
            self._wake()

    def silent(self, failure: BrokerDown) -> None:
        """Hand in that the broker did not answer."""
        self._silence = failure
        self._wake()

    @property
    def depths(self) -> tuple[int, int, int]:
        """How many wishes, questions and answers wait."""
        return len(self._wishes), len(self._questions), len(self._answers)

    # -- the trading thread -----------------------------------------------------------------------

    def add_teller(self, teller: Teller) -> None:
        """Register who tells whenever something may be told.

        An answer of the broker may be told before its record is durable: its intent is, and after a
        crash the broker is asked again. Everything else waits.
        """
        self._tellers.append(teller)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        waiting = self._wishes or self._questions or self._answers or self._failed
        return not (waiting or self._has_news or self._silence)

    def attend(self, trader: Driven, now_ns: Callable[[], int]) -> None:
        """Take in answers, decide wishes with one commit, and answer the questions.

        Raises:
            BrokerDown: It did not answer when it was asked aside.
        """
        trader.settle()
        again = self._begun_again(trader)
        wishes = self._taken()
        most = max(ANSWERS, ANSWERS_EACH * len(wishes))
        events = [trader.stamped(each) for each in _drained(self._answers, most)]
        count = len(events)
        events += [wish.stamp(now_ns()) for wish in wishes]
        decisions = trader.offer_all(events) if events else []
        for teller in self._tellers:
            teller.tell_early()
        for place, wish in enumerate(wishes, count):
            wish.settle(trader, decisions[place] if decisions else None)
        questions = [*again, *_drained(self._questions)]
        for question in questions:
            question(trader)
        parcels = self._parcels()
        if parcels or wishes or questions or self._is_overdue():
            self._hand_over(trader, parcels, wishes, questions)
        self._look_for_news(trader)
        if not self.is_idle:
            self._wake()

    @property
    def patience_s(self) -> float | None:
        """How long nothing has to be done if nothing comes in; None for ever."""
        since = [each for each in (self._owed_since_s, self._untold_since_s) if each is not None]
        return _left_s(min(since)) if since else None

    def catch_up(self, trader: Driven) -> None:
        """Do what nobody waits for: what was decided is made durable, and news are asked for.

        Raises:
            BrokerDown: It did not answer when it was asked aside.
        """
        self.dispatch(trader)
        self._look_for_news(trader)

    def dispatch(self, trader: Driven) -> None:
        """Have what was decided made durable; what is to be told of it is told then."""
        self._hand_over(trader, self._parcels())

    def _is_overdue(self) -> bool:
        """Tell whether what nobody waits for has waited long enough; it has begun to, if not."""
        if self._owed_since_s is None:
            self._owed_since_s = time.monotonic()
        return _left_s(self._owed_since_s) == 0.0

    def _parcels(self) -> list[Callable[[], None]]:
        return [parcel for each in self._tellers if (parcel := each.parcel()) is not None]

    def _hand_over(
        self,
        trader: Driven,
        parcels: Sequence[Callable[[], None]],
        wishes: Sequence[Wish] = (),
        questions: Sequence[Question] = (),
    ) -> None:
        self._owed_since_s = None

        def then(is_durable: bool) -> None:
            if is_durable:
                for deliver in parcels:
                    deliver()
            elif wishes or questions:
                self._failed.append((wishes, questions))
                self._wake()

        trader.hand_over(then)

    def _begun_again(self, trader: Driven) -> list[Question]:
        """Settle anew what was decided and lost with a failed commit; return what to ask anew."""
        questions: list[Question] = []
        while self._failed:
            wishes, asked = self._failed.popleft()
            for wish in wishes:
                wish.settle(trader, None)
            questions += asked
        return questions

    def _look_for_news(self, trader: Driven) -> None:
        silence, self._silence = self._silence, None
        since_s = self._untold_since_s
        has_news = self._has_news or (since_s is not None and _left_s(since_s) == 0.0)
        if has_news:
            self._has_news, self._untold_since_s = False, None
        if silence is not None:
            raise silence
        if has_news:
            trader.fetch()

    def _taken(self) -> list[Wish]:
        taken: list[Wish] = []
        while self._wishes and len(taken) < BATCH:
            wish = self._wishes.popleft()
            if wish.claim():
                taken.append(wish)
        return taken


def _left_s(since_s: float) -> float:
    """Return for how long what has waited since then may go on waiting."""
    return max(since_s + PATIENCE_S - time.monotonic(), 0.0)


def _drained(waiting: deque[T], most: int = WAITING_MAX) -> list[T]:
    """Take what is there now; what comes meanwhile, or is too much, waits for the next turn."""
    return [waiting.popleft() for _ in range(min(len(waiting), most))]
