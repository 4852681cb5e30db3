"""Keeps an account going while its ledger is in trouble: halted, on what can still be written."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from sqlite3 import Error
from threading import Thread
from typing import TypeVar

from smart_leverage.domain.clock import SECOND_NS, Clock
from smart_leverage.domain.errors import (
    BrokerDown,
    LedgerCorrupt,
    LedgerError,
    LedgerLocked,
    LedgerNewer,
)
from smart_leverage.domain.orders import Approved
from smart_leverage.domain.records import UNWRITABLE, VOID, Decided, Intended
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Answered, Command, Commanded, Event, Opened, Verdict
from smart_leverage.ledger.base import Ledger
from smart_leverage.ledger.files import EMERGENCY, beside
from smart_leverage.ledger.home import SERVER, is_nowhere
from smart_leverage.ledger.lease import Moment
from smart_leverage.ledger.refuge import WHO, Refuge, is_open_at
from smart_leverage.ledger.space import takes
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.writing import WritingLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.recovery import begin
from smart_leverage.runtime.trader import Trader
from smart_leverage.runtime.writing import Kept

T = TypeVar("T")
Build = Callable[[Ledger], Trader]
"""Makes the trader of what a ledger remembers."""

RETRY_S = 30.0
SERVED_RETRY_S = 5.0
"""A server is asked aside whether it answers, so that it can be asked more often than a disk."""
SERVED_RETRY_MAX_S = 300.0
"""One that answers and takes nothing, as with a full disk, is tried less and less often: each time
the account is built anew, and a sale waits for that."""
FINAL = (LedgerCorrupt, LedgerNewer, LedgerLocked)
"""Nothing can be written beside such a ledger either: it is damaged, or it is somebody else's."""


class Keeper:
    """A trader that outlives its ledger.

    After a failed commit, trader, engine and connection are thrown away. The halt file is set, and
    another trader is rebuilt: on the ledger opened anew if it takes records, else on a refuge. What
    was in hand is offered again, so that no sale waits for the next price; a resume is not, because
    it would lift the halt of this trouble. A refuge is left when the disk takes something again, or
    the server answers; the account stays halted until a person resumes it.

    Of a ledger on a server the refuge comes first and at once, as opening anew may mean a long wait
    for a machine that is gone. Its lease bounds it: then the process ends.

    Raises:
        LedgerCorrupt: The ledger is damaged; nothing was sent.
        LedgerLocked: Another process writes it.
        LedgerError: Ledger and emergency journal both refuse. What rests at the broker stays there.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        halt: HaltFile,
        warn: Callable[[str], None] = lambda line: None,
        *,
        open_ledger: Callable[[Path], WritingLedger] = SqliteLedger,
        answers: Callable[[Path], bool] = takes,
        patiently: Callable[[Path], WritingLedger] | None = None,
    ) -> None:
        """Open the ledger of an account, or a refuge.

        Args:
            path: Of the ledger.
            clock: Says when to try again.
            halt: The file that halts the account.
            warn: Tells a person what is wrong.
            open_ledger: Opens the ledger, now or not at all.
            answers: Tells, without a long wait, whether it may take records again.
            patiently: Opens one on a server where there is no refuge; None does not wait for it.
        """
        self._path = path
        self._clock = clock
        self._halt = halt
        self._warn = warn
        self._open_ledger = open_ledger
        self._answers = answers
        self._vain = 0
        """How many times in a row a server answered and then took nothing."""
        self._patiently = patiently or open_ledger
        self._in_hand: deque[tuple[int, Event]] = deque()
        self._unsent: dict[str, Approved] = {}
        self._void: set[str] = set()
        self._is_blind = False
        self._retry_ns = clock.monotonic_ns()
        self._trouble = self._said = ""
        self._end: LedgerError | None = None
        self._build: Build
        self._trader: Trader
        self._ledger: Ledger = self._opened()

    @property
    def engine(self) -> Engine:
        """Who decides now."""
        return self._trader.engine

    @property
    def ledger(self) -> Ledger:
        """What is written to now."""
        return self._ledger

    def begin(self, build: Build) -> None:
        """Rebuild the account and ask its broker, as at every start.

        Raises:
            BrokerDown: The broker does not answer; try again later.
        """
        self._build = build
        self._trader = build(self._ledger)
        try:
            self._start()
        except FINAL:
            raise
        except LedgerError as error:
            self._go_on(error)
        if self._is_blind:
            raise BrokerDown("the broker does not answer")

    def offer(self, event: Event) -> list[Decided]:
        """Process an event; after trouble it is processed once more, and its decisions are told."""
        decisions = self.offer_all((event,))
        return decisions[0] if decisions else []

    def offer_all(self, events: Sequence[Event]) -> list[list[Decided]]:
        """Process events that came in together; see `offer`, and empty after trouble."""
        first = self._trader.scribe.events + 1
        self._in_hand.extend(enumerate(events, first))
        return self._safely(lambda trader: trader.offer_all(events)) or []

    def stamped(self, answer: Event) -> Event:
        """Return an answer of the broker with the time at which it is taken in."""
        return self._trader.stamped(answer)

    def drain(self) -> None:
        """Take in what the broker has said since."""
        if self._is_blind or self._may_come_back:
            self.reconcile()
        self._safely(lambda trader: trader.drain())

    def fetch(self) -> None:
        """Have the broker asked what it has said since."""
        if self._is_blind or self._may_come_back:
            self.reconcile()
        self._safely(lambda trader: trader.fetch())

    def reconcile(self) -> None:
        """Compare books and broker; before that, see whether the ledger takes records again."""
        if isinstance(self._ledger, Refuge) and self._clock.monotonic_ns() >= self._retry_ns:
            self._leave_refuge()
        self._is_blind = False
        self._safely(lambda trader: trader.reconcile())

    def flush(self) -> None:
        """Make everything durable that was decided."""
        self._safely(lambda trader: trader.flush())

    def hand_over(self, then: Kept) -> None:
        """Have everything made durable that was decided; `then` hears, in any thread, whether."""

        def hand_over(trader: Trader) -> bool:
            trader.hand_over(then)
            return True

        if self._safely(hand_over) is None:
            then(False)

    def settle(self) -> None:
        """Tell of what has become durable; after a commit that failed, go on with another."""
        self._safely(lambda trader: trader.settle())

    def threads(self) -> Sequence[Thread]:
        """Return the thread that writes the ledger, as long as it is needed."""
        ledger = self._ledger
        return ledger.threads() if isinstance(ledger, WritingLedger) else ()

    def close(self) -> None:
        """Let go of the ledger; harmless twice."""
        with suppress(Error, OSError):  # What is broken may refuse even that.
            self._ledger.close()

    # -- trouble ----------------------------------------------------------------------------------

    def _safely(self, act: Callable[[Trader], T]) -> T | None:
        """Let the trader act; when its ledger fails, go on with another one."""
        if self._end is not None:
            raise self._end
        try:
            self._assure()
            return act(self._trader)
        except FINAL:
            raise
        except LedgerError as error:
            failure = error
        finally:
            self._put_away()
        self._go_on(failure)
        return None

    def _assure(self) -> None:
        """See that the account is still ours.

        Raises:
            LedgerError: The ledger has failed, or the lease of its refuge is over.
        """
        if isinstance(self._ledger, WritingLedger):
            self._ledger.assure()
        elif why := self._ledger.lapsed:
            raise LedgerError(why)

    def _put_away(self) -> None:
        """Let go of the events whose records are durable; nothing has to be done for them again."""
        while self._in_hand and self._in_hand[0][0] <= self._trader.scribe.kept:
            self._in_hand.popleft()

    def _go_on(self, failure: LedgerError) -> None:
        """Hold the account back, go on with another trader, and offer it what was in hand."""
        if isinstance(failure.__cause__, FINAL):  # The thread that writes found out.
            raise failure.__cause__
        self._hold_back(failure)
        if isinstance(self._ledger, Refuge):
            raise _last_word(failure, self._ledger.lapsed) from failure
        self._let_go()
        in_hand, self._in_hand = self._in_hand, deque()
        try:
            self._stand()
        except LedgerError as error:
            self._end = error  # Whoever comes on the way out hears the same.
            raise
        for _, event in in_hand:
            if self._is_out_of_date(event):
                continue
            try:
                self.offer(event)
            except BrokerDown:
                self._is_blind = True

    def _is_out_of_date(self, event: Event) -> bool:
        """Tell whether an event may not be offered again after trouble."""
        if isinstance(event, Opened):  # The commit that failed may be in the file all the same.
            return self.engine.state.opened is not None
        # Whoever ordered a resume did not know of this trouble.
        return isinstance(event, Commanded) and event.command is Command.RESUME

    def _hold_back(self, failure: LedgerError) -> None:
        """Halt by the file first: it needs neither ledger nor engine."""
        self._trouble = " ".join(str(failure.__cause__ or failure).split())[:200]
        if not self._halt.is_set:
            with suppress(OSError):  # The refuge halts the account by itself.
                self._halt.set(WHO, f"{UNWRITABLE}: {self._trouble}")

    def _stand(self, *, does_answer: bool = False) -> None:
        """Rebuild the account on the ledger, or on a refuge if it fails or has failed just now."""
        now_ns = self._clock.monotonic_ns()
        is_worth_it = now_ns >= self._retry_ns and not self._is_served
        self._retry_ns = now_ns + self._pause_ns
        ledger: Ledger
        if is_worth_it or does_answer:
            ledger = self._opened()
        elif self._is_served and not is_open_at(self._path):
            ledger = self._told_of(self._patiently(self._path))
        else:
            ledger = self._refuge()
        try:
            self._rebuild(ledger)
        except FINAL:
            raise
        except LedgerError as error:
            if isinstance(ledger, Refuge):
                raise
            self._hold_back(error)
            self._let_go()
            self._rebuild(self._refuge())
        if not isinstance(self._ledger, Refuge):
            self._trouble = ""

    def _let_go(self) -> None:
        """Close the ledger, and keep in mind which orders have not left.

        Those whose intent was acknowledged may leave yet. Those of the commit that failed may not,
        wherever they are found: the disk could still lose that commit.
        """
        self.close()
        trader = self._trader
        with suppress(LedgerError):  # What was committed before has left, and is not void.
            trader.settle()
        self._put_away()
        unsent = {
            one.order.client_order_id: one for one in (*trader.leaving, *trader.engine.waiting)
        }
        self._void |= {
            one.order.client_order_id for one in trader.scribe.unwritten if type(one) is Intended
        }
        self._unsent |= {name: one for name, one in unsent.items() if name not in self._void}

    def _opened(self) -> Ledger:
        """Open the ledger; a refuge in its place when it is there and cannot be written."""
        try:
            ledger = self._open_ledger(self._path)
        except FINAL:
            raise
        except LedgerError as error:
            if is_nowhere(self._path) or (self._is_served and not is_open_at(self._path)):
                raise
            self._hold_back(error)
            return self._refuge()
        return self._told_of(ledger)

    def _told_of(self, ledger: WritingLedger) -> WritingLedger:
        """Tell a person what was found in a ledger that was opened."""
        if ledger.left_aside:
            self._say(
                "▲ somebody else wrote the ledger meanwhile; what was kept here without it is not "
                f"in the books but in {ledger.left_aside}; the broker is asked what became of it"
            )
        elif ledger.taken:
            self._say(
                f"▲ {ledger.taken} records of the emergency journal were taken into the ledger; "
                "the account stays halted until somebody resumes it"
            )
        elif self._trouble:
            self._say(
                f"■ {UNWRITABLE}: {self._trouble}; it was opened anew and takes records again. The "
                "account is halted until somebody resumes it"
            )
        return ledger

    @property
    def _is_served(self) -> bool:
        return beside(self._path, SERVER).exists()

    @property
    def _pause_ns(self) -> int:
        if not self._is_served:
            return int(RETRY_S * SECOND_NS)
        return int(min(SERVED_RETRY_S * 2**self._vain, SERVED_RETRY_MAX_S) * SECOND_NS)

    @property
    def _may_come_back(self) -> bool:
        """Whether it is time to see if a server answers again."""
        if not isinstance(self._ledger, Refuge):
            return False  # asked with every order, so the disk is not
        return self._is_served and self._clock.monotonic_ns() >= self._retry_ns

    def _refuge(self) -> Refuge:
        try:
            refuge = Refuge(self._path, self._clock.now_ns(), self._trouble)
        except FINAL:
            raise
        except LedgerError as error:
            raise _last_word(error) from error
        lease = refuge.lease
        within = "" if lease is None else f" for {lease.left_s(Moment.now()):.0f} s"
        self._say(
            f"■ {refuge.why}. The account is halted; sales, cancels, stops and fills go on{within} "
            f"and are kept in {beside(self._path, EMERGENCY).name}. {refuge.cure.capitalize()}: "
            f"the ledger is tried every {self._pause_ns // SECOND_NS} s; then resume with a reason"
        )
        return refuge

    def _say(self, line: str) -> None:
        """Tell a person, and do not repeat it at every attempt."""
        if line != self._said:
            self._said = line
            self._warn(line)

    def _rebuild(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._trader = self._build(ledger)
        self._start()

    def _start(self) -> None:
        """Let the trader begin: halted if there was trouble, and with what has not left yet."""
        state, now_ns = self._trader.engine.state, self._clock.now_ns()
        then: list[Event] = [
            Answered(at_ns=now_ns, client_order_id=each, verdict=Verdict.NOT_SENT, reason=VOID)
            for each in sorted(self._void & state.orders.by_id.keys())
        ]
        if self._trouble and state.trading <= TradingState.HALTED:
            # Halted or not, this cancels the increases that are under way.
            is_halted = state.trading is TradingState.HALTED
            reason = state.trading_why if is_halted else f"{UNWRITABLE}: {self._trouble}"
            then.append(Commanded(at_ns=now_ns, command=Command.HALT, who=WHO, reason=reason))
        self._is_blind = False
        try:
            begin(self._trader, tuple(self._unsent.values()), *then)
        except BrokerDown:
            self._is_blind = True
        self._unsent.clear()
        self._void.clear()

    def _leave_refuge(self) -> None:
        """Go back to the ledger when it may take something."""
        if self._answers(self._path):
            self.flush()
            self._let_go()
            self._stand(does_answer=True)
            self._vain = self._vain + 1 if isinstance(self._ledger, Refuge) else 0
            self._retry_ns = self._clock.monotonic_ns() + self._pause_ns
        else:
            self._retry_ns = self._clock.monotonic_ns() + self._pause_ns


def _last_word(failure: LedgerError, lapsed: str = "") -> LedgerError:
    if lapsed:
        return LedgerError(
            f"{UNWRITABLE}, and {lapsed}. Nothing leaves any more; what rests at the broker stays "
            "there: act at the broker, mend the server, start again"
        )
    return LedgerError(
        f"{UNWRITABLE}, and neither can its emergency journal: {failure}. Nothing leaves any more; "
        "what rests at the broker stays there: act at the broker, mend the disk, start again"
    )
