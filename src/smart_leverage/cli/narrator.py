"""Tells a run as it happens: plans, trips and stops one by one, everything else by the day."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from smart_leverage.cli.tally import Tally, signed
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.enforcement import OBSERVED, WARNED
from smart_leverage.domain.enforcement import told as told_rollout
from smart_leverage.domain.evidence import told as told_evidence
from smart_leverage.domain.limits import told
from smart_leverage.domain.orders import Fill, Order, Role
from smart_leverage.domain.records import (
    AssetLocked,
    BaselineSet,
    BreakerMoved,
    ConsentGiven,
    Decided,
    EnforcementChanged,
    EvidenceRecorded,
    ExposureMoved,
    Filled,
    Intended,
    LimitChanged,
    Marked,
    PlanMoved,
    RampMoved,
    Record,
    StateChanged,
    TierGranted,
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
    price,
    sentence,
)
from smart_leverage.policy.reasons import TradingState

Say = Callable[[str], None]

LINES_PER_S = 20
"""So many decisions of one second are told, beside the first of each reason a day."""

MOVE_MIN = Decimal("0.03")
"""A smaller move of what may be held, of equity, is not told unless another cap binds."""

_Move = tuple[Decimal, Decimal, str]
"""What may be held before and after, and which cap binds."""

_VERDICT_SIGNS = {"approved": "✓", "cut": "✂", "denied": "✕"}
_SIGNS = {"active": "●", "reducing": "▲", "halted": "■", "frozen": "■"}


class Narrator:
    """Speaks for people who watch: the first denial of each reason a day, the rest as a count.

    With `tells_all` every decision is told, approvals too: for an account in real time.
    """

    def __init__(self, say: Say, zone: str, *, tells_all: bool = False) -> None:
        """Take what writes a line, and the time zone of the account's risk day."""
        self._tells_all = tells_all
        self._say = say
        self._zone = ZoneInfo(zone)
        self._day = Tally()
        self._told: set[str] = set()
        self._second = self._lines = 0
        self._sleeve_locked_ns = 0
        self._moved: list[ExposureMoved] = []
        self._exposures: dict[str, tuple[Decimal, str]] = {}
        self._stops: dict[str, Order] = {}
        self._tellers: dict[type, Callable[..., None]] = {
            BaselineSet: self._baseline,
            Decided: self._decided,
            Intended: self._intended,
            Filled: self._filled,
            PlanMoved: self._plan,
            LimitChanged: self._limit,
            BreakerMoved: self._breaker,
            AssetLocked: self._lock,
            TierGranted: self._tier,
            ExposureMoved: self._exposure,
            StateChanged: self._state,
            EnforcementChanged: self._rollout,
            RampMoved: self._rollout,
            ConsentGiven: self._rollout,
            EvidenceRecorded: self._evidence,
        }

    def hear(self, record: Record) -> None:
        """Take in one durable record."""
        if not isinstance(record, ExposureMoved):
            self._tell_exposures()
        teller = self._tellers.get(type(record))
        if teller is not None:
            teller(record)
        self._day.hear(record)

    def end(self) -> None:
        """Close the last day."""
        self._tell_exposures()
        self._close_day()

    def _at(self, at_ns: int) -> str:
        moment = datetime.fromtimestamp(at_ns // SECOND_NS, UTC).astimezone(self._zone)
        return f"{moment:%a %H:%M}"

    def _tell(self, at_ns: int, sign: str, text: str) -> None:
        self._say(f"{self._at(at_ns)}  {sign} {text}")

    # -- days -------------------------------------------------------------------------------------

    def _baseline(self, record: BaselineSet) -> None:
        if record.period != "day":
            return
        self._close_day()
        self._say(f"{_date(record.label)}   equity {money(record.equity)}")

    def _close_day(self) -> None:
        day = self._day
        self._day, self._told = Tally(day.roles), set()
        if day.last is None:
            return
        self._say(f"           = {signed(day.change)}   {_exposure(day.last)}   {day.words()}")
        self._say("")

    # -- decisions --------------------------------------------------------------------------------

    def _decided(self, record: Decided) -> None:
        if record.source == "house":
            self._house(record)
            return
        topic = f"{record.verdict} {record.reason}"
        is_news = record.verdict in ("denied", "cut", WARNED) and topic not in self._told
        if not (is_news or (self._tells_all and self._fits(record.at_ns))):
            return
        self._told.add(topic)
        symbol = record.key.partition(":")[2]
        said = sentence(record.reason, record.unit, record.bound, record.would_be)
        value = money(record.asked * record.price, 0)
        sign = _VERDICT_SIGNS.get(record.verdict, "○")
        given = money(record.given * record.price, 0)
        shown = f"{value} → {given}" if record.verdict == "cut" else value
        why = "" if record.verdict == "approved" else f"   {said}"
        self._tell(record.at_ns, sign, f"{record.verdict}: {record.side} {symbol} for {shown}{why}")

    def _fits(self, at_ns: int) -> bool:
        """Count a line; what one second has too much of nobody reads, so it becomes a number."""
        second = at_ns // SECOND_NS
        if second != self._second:
            if (more := self._lines - LINES_PER_S) > 0:
                self._tell(self._second * SECOND_NS, "…", f"and {more:,} more decisions")
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines <= LINES_PER_S

    def _house(self, record: Decided) -> None:
        symbol = record.key.partition(":")[2]
        said = sentence(record.reason, record.unit, record.bound, record.would_be, is_sale=True)
        is_foreseen = record.verdict in (OBSERVED, WARNED)
        if is_foreseen and record.verdict == OBSERVED and not self._tells_all:
            return
        qty = record.allowed if is_foreseen else record.given
        sign, word = ("○", "would sell") if is_foreseen else ("▼", "sold")
        worth = money(qty * record.price, 0)
        self._tell(record.at_ns, sign, f"{word}: {plain(qty)} {symbol}, about {worth}   {said}")

    def _intended(self, record: Intended) -> None:
        if record.order.role is Role.STOP:
            self._stops[record.order.client_order_id] = record.order

    def _filled(self, record: Filled) -> None:
        stop = self._stops.get(record.fill.client_order_id)
        if stop is not None and stop.stop_price is not None:
            self._tell(record.at_ns, "▼", _stopped(record.fill, stop))

    # -- duties -----------------------------------------------------------------------------------

    def _plan(self, record: PlanMoved) -> None:
        group = group_told(record.group)
        status = plan_told(record.status, record.group)
        text = f"plan {record.plan_id}, {group}, {status}: {percent(record.exposure)} held"
        if record.status in PLAN_ENDED:
            text += f"; {record.why}" if record.why else ""
        else:
            due = self._at(record.deadline_ns)
            text += f", now down to {percent(record.ceiling)}, stage {record.stage} due {due}"
        self._tell(record.at_ns, "▲" if record.status != "reached" else "●", text)

    def _limit(self, record: LimitChanged) -> None:
        if record.before:
            sign = "▲" if record.is_looser else "●"
            self._tell(record.at_ns, sign, f"limit {told(record)}, by {record.who}")

    def _rollout(self, record: EnforcementChanged | RampMoved | ConsentGiven) -> None:
        self._tell(record.at_ns, "●", told_rollout(record))

    def _evidence(self, record: EvidenceRecorded) -> None:
        self._tell(record.at_ns, "●", f"{told_evidence(record.measured)}, by {record.who}")

    def _breaker(self, record: BreakerMoved) -> None:
        word = BREAKERS.get(record.breaker)
        name = record.breaker if word is None else word.word
        if record.is_tripped:
            line = "" if word is None else f"; {word.line}"
            loss, limit = percent(record.value, 2), percent(record.limit)
            self._tell(record.at_ns, "■", f"tripped: {name}, {loss} lost of {limit}{line}")
        else:
            self._tell(record.at_ns, "●", f"cleared: {name}")

    def _lock(self, record: AssetLocked) -> None:
        symbol = record.key.partition(":")[2]
        loss, limit = percent(record.loss, 2), percent(record.limit)
        until = self._at(record.until_ns)
        if not record.is_by_sleeve:
            text = f"locked: {symbol} until {until}, it lost {loss} of equity today, limit {limit}"
            self._tell(record.at_ns, "■", text)
        elif record.at_ns != self._sleeve_locked_ns:
            self._sleeve_locked_ns = record.at_ns
            text = (
                f"locked: all coins until {until}, they lost {loss} of equity today, limit {limit}"
            )
            self._tell(record.at_ns, "■", text)

    def _tier(self, record: TierGranted) -> None:
        before, after = TIERS.get(record.before, record.before), TIERS.get(record.after)
        rate = f"win rate {percent(float(record.win_rate), 0)}" if record.win_rate else "no record"
        month = percent(float(record.month_return), 2)
        text = f"tier {before} → {after}: {rate} of {record.closed}, month {month}"
        self._tell(record.at_ns, "▲" if record.why == "fall" else "●", text)

    def _exposure(self, record: ExposureMoved) -> None:
        """Keep what moved until something else is heard: sleeves that move alike are told once."""
        if any(each.at_ns != record.at_ns for each in self._moved):
            self._tell_exposures()
        self._moved.append(record)

    def _tell_exposures(self) -> None:
        alike: dict[_Move, list[ExposureMoved]] = {}
        for each in self._moved:
            before, binding = self._exposures.get(each.sleeve, (each.before, ""))
            if each.binding != binding or abs(each.after - before) >= MOVE_MIN:
                self._exposures[each.sleeve] = each.after, each.binding
                if each.after != before:
                    alike.setdefault((before, each.after, each.binding), []).append(each)
        self._moved = []
        for (before, after, binding), moved in alike.items():
            sleeves = " and ".join(each.sleeve for each in moved)
            text = f"{sleeves} may be {percent(after, 0)} of equity, was {percent(before, 0)}"
            self._tell(moved[0].at_ns, "▲" if after < before else "●", f"{text}: {binding} binds")

    def _state(self, record: StateChanged) -> None:
        word = STATES[TradingState[record.after.upper()]]
        sign = _SIGNS.get(record.after, "■")
        self._tell(record.at_ns, sign, f"{word.word}, {record.why}: {word.line}")


def _stopped(fill: Fill, stop: Order) -> str:
    symbol = fill.key.partition(":")[2]
    level = price(stop.stop_price) if stop.stop_price is not None else "–"
    return f"stopped: {plain(fill.qty)} {symbol} sold at {price(fill.price)}, stop at {level}"


def _date(label: str) -> str:
    return f"{datetime.fromisoformat(label):%A %d %B %Y}".replace(" 0", " ")


def _exposure(mark: Marked) -> str:
    if mark.equity <= 0:
        return "no equity"
    held = percent(mark.crypto / mark.equity).removesuffix(" %")
    return f"crypto {held} of {percent(mark.crypto_cap)}"
