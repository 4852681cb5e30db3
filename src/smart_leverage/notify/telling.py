"""What a record of the journal says to people: a pure table by kind of record."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from smart_leverage.domain.enforcement import told as told_rollout
from smart_leverage.domain.evidence import told as told_evidence
from smart_leverage.domain.limits import told as told_limit
from smart_leverage.domain.parts import is_by_day
from smart_leverage.domain.records import (
    AccountOpened,
    AssetLocked,
    BreakerMoved,
    ConsentGiven,
    Decided,
    EnforcementChanged,
    EvidenceRecorded,
    Filled,
    FillRevised,
    FlowSeen,
    IncomeSeen,
    LimitChanged,
    Marked,
    Noted,
    OrderMoved,
    PastImported,
    PlanMoved,
    RampMoved,
    Record,
    Resumed,
    SeatChanged,
    SplitSeen,
    StateChanged,
    TierGranted,
    Unprotected,
)
from smart_leverage.domain.sentences import (
    BREAKERS,
    PLAN_ENDED,
    STATES,
    TIERS,
    group_told,
    money,
    percent,
    plain,
    plan_told,
)
from smart_leverage.domain.stamps import span
from smart_leverage.notify.known import AGREES_AFTER_NS, Known
from smart_leverage.notify.message import Level, Manner, Message
from smart_leverage.notify.telling_notes import about_note
from smart_leverage.notify.telling_orders import (
    about_decision,
    about_fill,
    about_move,
    about_revision,
)
from smart_leverage.notify.wording import When, line
from smart_leverage.policy.reasons import TradingState

SIGNS: Mapping[str, str] = {"active": "●", "reducing": "▲", "halted": "■", "frozen": "■"}

ALLOWED: Mapping[str, str] = {
    "active": "orders inside the caps pass",
    "reducing": "entries denied, exits pass",
    "halted": "entries denied, exits pass",
    "frozen": "only cancels pass",
}


class Heard(NamedTuple):
    """One record with its number in the journal, 0 for none."""

    record: Record
    seq: int


def told(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    """Yield what a record says, the closing of troubles that it proves to be over included.

    Args:
        heard: The record; `known` must not have taken it in yet.
        known: The account before it.
        when: The clock by which times are told.
    """
    teller = _TELLERS.get(type(heard.record))
    if teller is not None:
        yield from teller(heard, known, when)


def _message(
    heard: Heard, level: Level, manner: Manner, topic: str, text: str, cause: str = ""
) -> Message:
    return Message(
        level=level,
        manner=manner,
        topic=topic,
        cause=cause or topic,
        text=text,
        at_ns=heard.record.at_ns,
        seq=heard.seq,
    )


def _each(heard: Heard, level: Level, topic: str, text: str) -> Message:
    return _message(heard, level, Manner.EACH, topic, text)


# -- state and breakers ---------------------------------------------------------------------------


def _state(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    after = record.after
    word = STATES[TradingState[after.upper()]].word
    by = "" if record.who in ("policy", "") else f", by {record.who}"
    text = line(
        f"{SIGNS[after]} {word}",
        when.at(record.at_ns),
        f"{record.why}{_numbers(record.why, known)}{by}",
        ALLOWED[after],
        _next(after, known, when, record.at_ns),
        seq=heard.seq,
    )
    yield _each(heard, Level.URGENT, "state", text)
    if after == "active":
        yield from _agreed(heard, known, when, since_ns=0)


def _numbers(why: str, known: Known) -> str:
    """Return loss and limit of the breaker that a state is about, if it is about one."""
    found = (known.tripped.get(name) for name, word in BREAKERS.items() if word.word == why)
    trip = next((each for each in found if each is not None), None)
    return "" if trip is None else f" {_loss(trip.value, trip.limit)}"


def _loss(value: Decimal, limit: Decimal) -> str:
    return f"{percent(-value)} of {percent(-limit)}"


def _next(after: str, known: Known, when: When, at_ns: int) -> str:
    if after in ("halted", "frozen"):
        return "a person has to resume"
    if after == "reducing" and "day" in known.tripped:
        return f"resets {when.next_day(at_ns)}"
    return ""


def _breaker(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    word = BREAKERS.get(record.breaker)
    name = record.breaker if word is None else word.word
    at = when.at(record.at_ns)
    if record.is_tripped:
        effect = "" if word is None else word.line
        resets = f"resets {when.next_day(record.at_ns)}" if record.breaker == "day" else ""
        cause = f"{name} {_loss(record.value, record.limit)}"
        text = line("■ TRIPPED", at, cause, effect, resets, seq=heard.seq)
        yield _each(heard, Level.URGENT, "breaker", text)
    else:
        text = line("● CLEARED", at, f"{name}: {record.why}", seq=heard.seq)
        yield _each(heard, Level.NORMAL, "breaker", text)


def _resumed(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    cause = f"by {record.who}: {record.reason}"
    baseline = f"losses count from {money(record.equity)}"
    text = line("● RESUMED", when.at(record.at_ns), cause, baseline, seq=heard.seq)
    yield _each(heard, Level.URGENT, "state", text)


def _locked(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    who = f"{record.key}, all coins together" if record.is_by_sleeve else record.key
    cause = f"{who} {_loss(record.loss, record.limit)} of the day's opening equity"
    until = f"closed until {when.at(record.until_ns)}"
    text = line("▲ LOCKED", when.at(record.at_ns), cause, until, seq=heard.seq)
    yield _message(heard, Level.NORMAL, Manner.GROUPED, "lock", text)


# -- what an account may --------------------------------------------------------------------------


def _tier(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    rate = percent(Decimal(record.win_rate)) if record.win_rate else "no record"
    month = percent(Decimal(record.month_return)) if record.month_return else "not known"
    cause = (
        f"{TIERS.get(record.before, record.before)} → {TIERS.get(record.after, record.after)}: "
        f"win rate {rate} of {record.closed} closed, month {month}"
    )
    sign = "▲" if record.why == "fall" else "●"
    text = line(f"{sign} TIER", when.at(record.at_ns), cause, seq=heard.seq)
    yield _each(heard, Level.NORMAL, "tier", text)


def _limit(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    if not record.before:
        return  # as the account was opened with
    why = f"by {record.who}: {record.reason}"
    text = line("● LIMIT", when.at(record.at_ns), told_limit(record), why, seq=heard.seq)
    yield _each(heard, Level.NORMAL, "limit", text)


def _enforcement(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    why = f"by {record.who}: {record.reason}"
    text = line("● ENFORCEMENT", when.at(record.at_ns), told_rollout(record), why, seq=heard.seq)
    yield _each(heard, Level.NORMAL, "limit", text)


def _consent(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    text = line("● CONSENT", when.at(record.at_ns), told_rollout(record), seq=heard.seq)
    yield _each(heard, Level.NORMAL, "plan", text)


def _ramp(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    text = line("● RAMP", when.at(record.at_ns), told_rollout(record), seq=heard.seq)
    yield _message(heard, Level.QUIET, Manner.GROUPED, "limit", text, "ramp")


def _evidence(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    text = line("● EVIDENCE", when.at(record.at_ns), told_evidence(record.measured), seq=heard.seq)
    yield _message(heard, Level.QUIET, Manner.GROUPED, "evidence", text)


def _seat(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    seat = record.seat
    what = "revoked" if seat.is_revoked else "suspended" if seat.is_suspended else "given"
    scopes = ", ".join(each.value for each in seat.scopes)
    cause = f"{what} for {seat.bot} ({scopes}), by {record.who}: {record.reason}"
    text = line("● TOKEN", when.at(record.at_ns), cause, seq=heard.seq)
    yield _each(heard, Level.NORMAL, "token", text)


# -- plans, money, stops --------------------------------------------------------------------------


def _plan(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    status = plan_told(record.status, record.group)
    cause = (
        f"{record.plan_id}, {group_told(record.group)}: {status}, "
        f"{percent(record.exposure)} held, {percent(record.ceiling)} allowed"
    )
    is_over = record.status in PLAN_ENDED
    due = "" if is_over else f"due {when.at(record.deadline_ns)}"
    sign = "●" if record.status in ("reached", "started", "stage") else "▲"
    text = line(f"{sign} PLAN", when.at(record.at_ns), cause, due, record.why, seq=heard.seq)
    if record.status == "stage":
        yield _message(heard, Level.QUIET, Manner.GROUPED, "plan", text)
    else:
        is_urgent = is_by_day(record.group) and record.status in ("late", "partial", "failed")
        yield _each(heard, Level.URGENT if is_urgent else Level.NORMAL, "plan", text)


def _flow(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    what = "deposit" if record.amount > 0 else "withdrawal"
    cause = f"{what} of {money(abs(record.amount))}, told by {record.source}"
    text = line("● MONEY", when.at(record.at_ns), cause, seq=heard.seq)
    yield _message(heard, Level.NORMAL, Manner.GROUPED, "flow", text)


def _income(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    what = money(record.amount) if record.key is None else f"{plain(record.qty)} {record.key}"
    text = line("● INCOME", when.at(record.at_ns), f"{record.source}, {what}", seq=heard.seq)
    yield _message(heard, Level.QUIET, Manner.GROUPED, "note", text, "income")


def _split(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    cause = f"{record.key} by {plain(record.factor)}"
    text = line("● SPLIT", when.at(record.at_ns), cause, seq=heard.seq)
    yield _message(heard, Level.QUIET, Manner.GROUPED, "note", text, "split")


def _unprotected(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    cause = f"{record.key} for {span(record.at_ns - record.since_ns)}: {record.why}"
    text = line("▲ NO STOP", when.at(record.at_ns), cause, seq=heard.seq)
    yield _message(heard, Level.NORMAL, Manner.GROUPED, "stop", text, f"stop:{record.key}")


def _imported(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    cause = f"{record.deals:,} deals of the past, by {record.who}: {record.reason}"
    text = line("● IMPORT", when.at(record.at_ns), cause, seq=heard.seq)
    yield _each(heard, Level.NORMAL, "evidence", text)


def _opened(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    record: Any = heard.record
    cause = f"{record.preset}, enforcement {record.enforcement}, version {record.version}"
    text = line("● OPENED", when.at(record.at_ns), cause, seq=heard.seq)
    yield _message(heard, Level.QUIET, Manner.GROUPED, "start", text)


# -- troubles that are over -----------------------------------------------------------------------


def _marked(heard: Heard, known: Known, when: When) -> Iterator[Message]:
    """A valuation proves that the broker answers, and that no difference was noted for a while."""
    if known.is_broker_lost:
        text = line("● BROKER", when.at(heard.record.at_ns), "answers again", seq=heard.seq)
        yield _message(heard, Level.NORMAL, Manner.CLOSES, "trouble", text, "broker")
    yield from _agreed(heard, known, when, since_ns=AGREES_AFTER_NS)


def _agreed(heard: Heard, known: Known, when: When, *, since_ns: int) -> Iterator[Message]:
    at_ns = heard.record.at_ns
    for what, seen_ns in known.differs_ns.items():
        if at_ns - seen_ns > since_ns:
            cause = f"books and broker agree again on {what}"
            text = line("● AGREES", when.at(at_ns), cause, seq=heard.seq)
            yield _message(heard, Level.URGENT, Manner.CLOSES, "trouble", text, f"differs:{what}")


_TELLERS: Mapping[type, Callable[[Any, Known, When], Iterator[Message]]] = {
    AccountOpened: _opened,
    AssetLocked: _locked,
    BreakerMoved: _breaker,
    ConsentGiven: _consent,
    Decided: about_decision,
    EnforcementChanged: _enforcement,
    EvidenceRecorded: _evidence,
    Filled: about_fill,
    FillRevised: about_revision,
    FlowSeen: _flow,
    IncomeSeen: _income,
    LimitChanged: _limit,
    Marked: _marked,
    Noted: about_note,
    OrderMoved: about_move,
    PastImported: _imported,
    PlanMoved: _plan,
    RampMoved: _ramp,
    Resumed: _resumed,
    SeatChanged: _seat,
    SplitSeen: _split,
    StateChanged: _state,
    TierGranted: _tier,
    Unprotected: _unprotected,
}
