"""What people order while an account runs: the halt file, and the commands of the socket."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from msgspec import structs

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.enforcement import told as told_rollout
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.evidence import told as evidence_told
from smart_leverage.domain.limits import told
from smart_leverage.domain.proposals import decoded, wanted
from smart_leverage.domain.records import (
    CancelIntended,
    ConsentGiven,
    EnforcementChanged,
    EvidenceRecorded,
    LimitChanged,
    Noted,
    PlanMoved,
    RampMoved,
    Record,
    SeatChanged,
    StateChanged,
    decode,
)
from smart_leverage.domain.sentences import PLAN_ENDED, group_told, percent, plan_told
from smart_leverage.domain.stamps import local
from smart_leverage.engine.commanding import CLOSE_REFUSED
from smart_leverage.engine.enforcing import REFUSED as STEP_REFUSED
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.engine.importing import REFUSED as PAST_REFUSED
from smart_leverage.engine.learning import REFUSED as EVIDENCE_REFUSED
from smart_leverage.engine.limiting import REFUSED as LIMIT_REFUSED
from smart_leverage.engine.reviewing import REFUSED as REVIEW_REFUSED
from smart_leverage.engine.seating import REFUSED as SEAT_REFUSED
from smart_leverage.engine.seating import told as seat_told
from smart_leverage.engine.state import State
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.control import Answer, Control, Request, Result, Waiting
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.keeping import FINAL
from smart_leverage.runtime.latch import HaltFile

REFUSED = frozenset(
    (
        *("state.tripped", LIMIT_REFUSED, SEAT_REFUSED, STEP_REFUSED, PAST_REFUSED),
        *(EVIDENCE_REFUSED, REVIEW_REFUSED, CLOSE_REFUSED),
    )
)
"""Codes of the notes with which the engine refuses to resume, or what is given to it."""

LOOK_NS = SECOND_NS // 20
"""So long a halt file that was made by hand may lie there before the account itself is halted."""

Check = Callable[[Mapping[str, str]], Sequence[str]]
"""Says what is wrong with the values of all limits together; the settings know it."""

OVERTAKEN = "not resumed: the ledger failed meanwhile, which halted the account; look and try again"


class Operator:
    """Carries out what came in since the last look, each durable before it is answered."""

    def __init__(self, control: Control, halt: HaltFile, check: Check) -> None:
        """Join the parts; `check` is asked before limits change."""
        self._control = control
        self._halt = halt
        self._looked_ns = 0
        self._check = check

    def attend(self, trader: Driven, now_ns: int) -> None:
        """Obey the socket first, then the file: a file that somebody made by hand halts as well."""
        for waiting in self._control.take():
            self._obey(trader, now_ns, waiting)
        if abs(now_ns - self._looked_ns) < LOOK_NS:
            return  # an increase is held back by the file before it leaves, looked at here or not
        self._looked_ns = now_ns
        state = trader.engine.state.trading
        if self._halt.is_set and state < TradingState.HALTED:
            note = self._halt.read()
            trader.offer(
                Commanded(at_ns=now_ns, command=Command.HALT, who=note.who, reason=note.reason)
            )
            trader.flush()

    def _obey(self, trader: Driven, now_ns: int, waiting: Waiting) -> None:
        trader.flush()
        request, before = waiting.request, trader.ledger.head.seq
        if request.command is Command.RESUME and isinstance(trader.ledger, Refuge):
            waiting.settle(_in_trouble(trader.engine.state, before, trader.ledger))
            return
        if request.command in (Command.HALT, Command.FLATTEN):
            # Once more: a resume that was carried out meanwhile has taken the file away.
            with suppress(OSError):  # The engine halts as well, and its record is durable.
                self._halt.set(request.who, request.reason)
        wrong = problems_of(trader.engine.state, request, self._check)
        if wrong:
            waiting.settle(refused(trader.engine.state, before, wrong))
            return
        trader.offer(
            Commanded(
                at_ns=now_ns,
                command=request.command,
                who=request.who,
                reason=request.reason,
                changes=tuple(request.changes.items()),
                is_admin=waiting.is_admin,
            )
        )
        trader.flush()
        state, seq = trader.engine.state, trader.ledger.head.seq
        try:
            records = [decode(entry.payload) for entry in trader.ledger.read(before)]
        except FINAL:
            raise
        except LedgerError as error:  # The account goes on: what it did is durable.
            answer = _unread(state, seq, request.command, error)
        else:
            answer = answer_of(state, seq, records)
        if isinstance(trader.ledger, Refuge):
            answer = structs.replace(answer, lines=(*answer.lines, _kept(trader.ledger)))
        if request.command is Command.RESUME and answer.result is Result.DONE:
            if state.trading >= TradingState.HALTED:  # It failed on its way to the disk.
                answer = refused(state, seq, (OVERTAKEN, *answer.lines))
            else:
                answer = self._without_file(state, answer)
        waiting.settle(answer)

    def _without_file(self, state: State, answer: Answer) -> Answer:
        """Take the halt file away after a resume; where that fails, it halts the account again."""
        try:
            self._halt.clear()
        except OSError as error:
            why = f"not resumed: {self._halt.path} cannot be taken away: {error.strerror}"
            return refused(state, answer.seq, (why, *answer.lines))
        return answer


def problems_of(state: State, request: Request, check: Check) -> list[str]:
    """Return what the limits would contradict if they were changed, now or after a delay."""
    changes = _limits_in(request)
    if not changes:
        return []
    courses = state.limits.courses(changes)
    return list(dict.fromkeys(problem for course in courses for problem in check(course)))


def _limits_in(request: Request) -> Mapping[str, str]:
    """Return the limits that a command would change; what is no proposal the engine refuses."""
    if request.command is Command.LIMITS:
        return request.changes
    if request.command is Command.REVIEW:
        with suppress(ValueError):
            return wanted(decoded(request.changes))
    return {}


def refused(state: State, seq: int, lines: Sequence[str]) -> Answer:
    """Return the answer to a command that was not carried out."""
    return Answer(Result.REFUSED, state.trading.name.lower(), seq, tuple(lines))


def answer_of(state: State, seq: int, records: Sequence[Record]) -> Answer:
    """Return what the records of a command say to the person who ordered it."""
    is_refused = any(isinstance(each, Noted) and each.code in REFUSED for each in records)
    word = state.trading.name.lower()
    already = () if records else (f"nothing changed: it is so already, the account is {word}",)
    return Answer(
        result=Result.REFUSED if is_refused else Result.DONE,
        state=word,
        seq=seq,
        lines=(*_lines(records), *already),
    )


def _unread(state: State, seq: int, command: Command, error: LedgerError) -> Answer:
    """Return the answer to a command whose records cannot be read back; the state may tell."""
    is_told = command in (Command.HALT, Command.FLATTEN, Command.RESUME)
    result = Result.DONE if is_told else Result.PENDING
    why = f"carried out; what was recorded of it could not be read back: {error}"
    return Answer(result, state.trading.name.lower(), seq, (why,))


def _in_trouble(state: State, seq: int, refuge: Refuge) -> Answer:
    """Refuse a resume: what it would let leave cannot be written."""
    why = f"cannot resume: {refuge.why}; {refuge.cure} first"
    return Answer(Result.REFUSED, state.trading.name.lower(), seq, (why,))


def _kept(refuge: Refuge) -> str:
    return f"{refuge.why}: the emergency journal holds this until it can"


def _lines(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        if isinstance(record, StateChanged):
            yield f"{record.before} → {record.after}: {record.why}"
        elif isinstance(record, LimitChanged):
            yield told(record)
        elif isinstance(record, SeatChanged):
            yield seat_told(record.seat)
        elif isinstance(record, EnforcementChanged | RampMoved | ConsentGiven):
            yield told_rollout(record)
        elif isinstance(record, EvidenceRecorded):
            yield evidence_told(record.measured)
        elif isinstance(record, PlanMoved):
            yield _plan_line(record)
        elif isinstance(record, Noted):
            yield record.text
    cancels = sum(isinstance(record, CancelIntended) for record in records)
    if cancels:
        yield f"{cancels} {'order' if cancels == 1 else 'orders'} cancelled"


def _plan_line(record: PlanMoved) -> str:
    group = group_told(record.group)
    status = plan_told(record.status, record.group)
    text = f"plan {record.plan_id}, {group}, {status}: {percent(record.exposure)} held"
    if record.status in PLAN_ENDED:
        return f"{text}; {record.why}" if record.why else text
    return f"{text}, down to {percent(record.ceiling)}, due {local(record.deadline_ns)}"
