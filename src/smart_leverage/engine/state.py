"""The durable state of an account: the fold of its records, live and after a crash alike."""

from collections import deque
from collections.abc import Callable, Iterable
from decimal import ROUND_DOWN, Decimal
from typing import Any, NamedTuple

from smart_leverage.books.allocation import Allocation
from smart_leverage.books.assets import AssetDay
from smart_leverage.books.baselines import Baseline, Baselines, Period
from smart_leverage.books.book import Applied, Book, cash_of
from smart_leverage.books.episodes import Episodes
from smart_leverage.books.peaks import RollingMarks, RollingPeak
from smart_leverage.books.postings import USD
from smart_leverage.domain.bots import Seat
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.evidence import Evidence, evidence_of
from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.domain.orders import Fill, OrderState, Role, Side
from smart_leverage.domain.parts import is_in, parts_of
from smart_leverage.domain.records import (
    RESTORED,
    UNWRITABLE,
    VOID,
    AccountOpened,
    Adopted,
    AssetLocked,
    BaselineSet,
    BreakerMoved,
    CancelIntended,
    ConsentGiven,
    Decided,
    EnforcementChanged,
    EvidenceRecorded,
    ExposureMoved,
    Filled,
    FillRevised,
    FlowSeen,
    IncomeSeen,
    InstrumentListed,
    Intended,
    LimitChanged,
    Marked,
    OrderMoved,
    OrderTrailed,
    PastDealt,
    PastImported,
    PastValued,
    PlanMoved,
    RampMoved,
    Record,
    Resumed,
    SeatChanged,
    SplitSeen,
    StateChanged,
    TierGranted,
)
from smart_leverage.domain.seen import Seen
from smart_leverage.engine.limits import LOOK_THROUGH, Limits
from smart_leverage.engine.rollout import Rollout
from smart_leverage.engine.tracked import Tracked
from smart_leverage.engine.tracked_orders import TrackedOrders
from smart_leverage.engine.usual import Usual, heed_order
from smart_leverage.policy.breakers import BreakerState
from smart_leverage.policy.calibration import CalibrationKnots
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.sleeve import SleeveEvidence
from smart_leverage.policy.tier import Tier

FEE_RATE_MAX = Decimal("0.0030")
"""No broker that takes fees in coins takes more of a purchase."""

FEE_LATE_NS = 4 * DAY_NS
"""Over a long weekend so much later at most they are taken and told."""

DEALT_KEPT = 10_000

KEPT = 4_096
"""So many executions of each instrument can be revised, or have a late one put between them."""

REQUESTS_KEPT = 20_000
"""So many requests are known word for word; asked once more, they get the same answer."""

HELD = "held"
"""The venue's word for an exit that waits until its entry has filled."""

AT_ONCE = 3
"""The last stage: no ceilings on the way and no band, every group goes inside its cap now."""


class Plan(NamedTuple):
    """A running deleveraging or flatten plan."""

    plan_id: str
    kind: str
    stage: int
    start: Decimal
    started_ns: int
    deadline_ns: int
    is_late: bool = False
    why: str = ""

    @property
    def is_at_once(self) -> bool:
        """Whether it goes inside every cap without waiting for its stages."""
        return self.stage == AT_ONCE


class State:
    """What is true of the account; changes only through `apply`."""

    def __init__(self) -> None:
        self.opened: AccountOpened | None = None
        self.instruments: dict[Key, Instrument] = {}
        self.order_of: dict[Key, int] = {}
        self.weights: dict[Key, Decimal] = {}
        """How many times its market value each instrument counts as crypto and as leveraged: what
        all that is under way is counted by, and nothing else says it."""
        self.book = Book()
        self.baselines = Baselines()
        self.asset_day = AssetDay()
        self.allocation = Allocation()
        self.episodes = Episodes()
        self.losers: dict[str, int] = {}
        """By bot: what was open at a loss for longer than usual when the day began."""
        self.peak = RollingPeak()
        self.rolling = RollingMarks()
        self.earned: dict[str, ExposureMoved] = {}
        """What is earned beside the tier by sleeve, and by which cap; none where nothing is."""
        self.orders = TrackedOrders()
        self.usual: dict[str, Usual] = {}
        """By bot: what its last purchases came to."""
        self._cut_by: str | None = None
        """The decision that cut an order last: what is left of one is no size of its bot's own."""
        self.sequence = 0
        self.session = ""
        self.stream_seen = 0
        self.decisions = 0
        self.requests: dict[tuple[str, str], tuple[str, str]] = {}
        """What was asked already: (bot, request) to (what it was, the decision)."""
        self.requests_before = Seen()
        """What was asked before that, by bot and request."""
        self._news = 0
        self.seats: dict[str, Seat] = {}
        """Who may speak to the gateway, by token id; replaced and never changed, so that other
        threads may read it."""
        self.flows: set[str] = set()
        self.fees_ahead: dict[str, Decimal] = {}
        """What the account showed to be gone for fees before they were told: of a coin, or cash.

        Below zero it is what came back with a deal that was undone, and was not told yet.
        """
        self._dealt: dict[str, deque[tuple[int, Decimal]]] = {}
        self._undone: dict[str, deque[tuple[int, Decimal]]] = {}
        self.imports: list[PastImported] = []
        self.past_equity: dict[int, Decimal] = {}
        """What the account was worth before our time, by instant; no baseline comes from it."""
        self.past_flows: dict[int, Decimal] = {}
        self._past: list[PastDealt | PastValued] = []
        self.plans = 0
        self.trading = TradingState.ACTIVE
        self.trading_why = ""
        self.breakers = BreakerState(
            is_day_tripped=False, is_month_tripped=False, is_emergency=False
        )
        self.tier = Tier.LEARNING
        self.rose_on = ""
        self.limits = Limits()
        self.rollout = Rollout()
        self.evidence = Evidence()
        self.locks: dict[Key, int] = {}
        self.plan: Plan | None = None
        self.held_before: dict[Key, Decimal] = {}
        """What was held when the plan that runs, or ran last, began."""
        self.short: PlanMoved | None = None
        """How the plan that ended last fell short, None when it did not."""
        self.stops: dict[Key, str] = {}
        self.stop_prices: dict[Key, Decimal] = {}
        self.stop_qty: dict[Key, Decimal] = {}
        self.bare_since: dict[Key, int] = {}
        self.last_mark: Marked | None = None
        self._appliers: dict[type, Callable[[Any], None]] = {
            AccountOpened: self._opened,
            InstrumentListed: self._listed,
            Adopted: self._adopted,
            FlowSeen: self._flow,
            IncomeSeen: self._income,
            SplitSeen: self._split,
            Decided: self._decided,
            Intended: self._intended,
            OrderMoved: self._order_moved,
            OrderTrailed: self._trailed,
            CancelIntended: self._cancel_intended,
            Filled: self._filled,
            FillRevised: self._revised,
            Marked: self._marked,
            BaselineSet: self._baseline,
            BreakerMoved: self._breaker,
            AssetLocked: self._locked,
            TierGranted: self._tier,
            ExposureMoved: self._exposure,
            StateChanged: self._state,
            Resumed: self._resumed,
            LimitChanged: self._limit,
            SeatChanged: self._seat,
            EnforcementChanged: self.rollout.move,
            RampMoved: self.rollout.grow,
            ConsentGiven: self.rollout.consent,
            EvidenceRecorded: self._evidence,
            PlanMoved: self._plan,
            PastDealt: self._past.append,
            PastValued: self._past.append,
            PastImported: self._imported,
        }

    def apply(self, record: Record) -> None:
        """Change the state by one fact; facts without a consequence are passed over."""
        applier = self._appliers.get(type(record))
        if applier is not None:
            applier(record)

    def forget(self, kept: int = KEPT) -> None:
        """Let go what lies so far back that nobody will come back to it, once in a while.

        Whoever lists all that ever happened never calls this; whoever runs for years does after
        every record, so that what is remembered depends on the records alone.
        """
        if self._news < kept:
            return
        self._news = 0
        self.book.forget(kept)
        self.episodes.forget(kept)
        for name in list(self.requests)[:-REQUESTS_KEPT]:
            del self.requests[name]
            self.requests_before.add(*name)

    # -- the account ------------------------------------------------------------------------------

    def _opened(self, record: AccountOpened) -> None:
        self.opened = record
        self.session = str(record.at_ns)
        self.book.open(record.cash)
        self.limits.open(record)
        self.rollout.open(record)

    def _listed(self, record: InstrumentListed) -> None:
        instrument = record.instrument
        self.order_of.setdefault(instrument.key, len(self.order_of))
        self.instruments[instrument.key] = instrument
        self.book.list_instrument(instrument)
        self._weigh([instrument])

    def _limit(self, record: LimitChanged) -> None:
        self.limits.apply(record)
        if record.name == LOOK_THROUGH:
            self._weigh(self.instruments.values())

    def _weigh(self, instruments: Iterable[Instrument]) -> None:
        is_look_through = self.limits.is_look_through
        for one in instruments:
            self.weights[one.key] = one.weight(is_look_through=is_look_through)

    def _adopted(self, record: Adopted) -> None:
        self.book.adopt(record.key, record.qty, record.price, record.bot, at_ns=record.at_ns)
        lot = self.instruments[record.key].lot
        self.episodes.move(
            record.at_ns,
            record.bot,
            record.key,
            record.qty,
            -record.qty * record.price,
            lot,
            is_forced=False,
        )
        self.asset_day.adopt(record.key, record.qty * record.price)
        if record.reference:
            self.flows.add(record.reference)
        if self.book.qty(record.key) > 0:
            self.bare_since[record.key] = record.at_ns
        else:
            self.bare_since.pop(record.key, None)

    def _flow(self, record: FlowSeen) -> None:
        if record.reference:
            self.flows.add(record.reference)
        self.book.flow(record.amount)
        before = self.baselines.last_mark
        self.baselines.flow(record.amount)
        if before is not None and before > 0 and before + record.amount > 0:
            self.peak.flow(before, before + record.amount)
            self.rolling.flow(before, before + record.amount)

    def _income(self, record: IncomeSeen) -> None:
        if record.reference:
            self.flows.add(record.reference)
        self.book.flow(record.amount)
        key, is_fee = record.key, bool(record.told) or not record.reference
        if is_fee:
            what, booked = (USD, record.amount) if key is None else (key, record.qty)
            ahead = self.fees_ahead.get(what, Decimal(0)) + record.told - booked
            self.fees_ahead[what] = ahead
        if key is None:
            return
        lot = self.instruments[key].lot
        for bot, qty in sorted(record.shares.items()):
            self.book.adopt(key, qty, record.price, bot, at_ns=record.at_ns)
            self.episodes.move(record.at_ns, bot, key, qty, Decimal(0), lot, is_forced=False)

    def fees_due(self, what: str, now_ns: int) -> Decimal:
        """Return what fees of the last days may still take at most, of a coin or of the cash."""
        return _fees_of(self._dealt.get(what, ()), now_ns)

    def fees_back(self, what: str, now_ns: int) -> Decimal:
        """Return what fees may come back at most, with deals that were undone in the last days."""
        return _fees_of(self._undone.get(what, ()), now_ns)

    def _owe_fee(self, at_ns: int, fill: Fill) -> None:
        """Remember a deal in coins whose fee nobody has told: it is taken of what was received."""
        if self.has_late_fee(fill):
            what, got = _received(fill)
            self._dealt.setdefault(what, deque(maxlen=DEALT_KEPT)).append((at_ns, got))

    def has_late_fee(self, fill: Fill) -> bool:
        """Tell whether a deal is in coins and was told without its fee."""
        return self.instruments[fill.key].asset_class is AssetClass.CRYPTO and not fill.fee

    def _owe_less(self, at_ns: int, before: Fill, after: Fill | None) -> None:
        """A deal is undone, or was another one: its fee as well."""
        if not self.has_late_fee(before):
            return
        what, got = _received(before)
        less = got - (Decimal(0) if after is None else _received(after)[1])
        self._dealt.setdefault(what, deque(maxlen=DEALT_KEPT)).append((at_ns, -less))
        if less > 0:
            self._undone.setdefault(what, deque(maxlen=DEALT_KEPT)).append((at_ns, less))

    def _split(self, record: SplitSeen) -> None:
        key = record.key
        self.flows.add(record.reference)
        self.book.split(key, record.qty, at_ns=record.since_ns)
        self.episodes.split(key, record.factor)
        level = self.stop_prices.get(key)
        if level is not None:
            tick = self.instruments[key].tick
            steps = (level / record.factor / tick).to_integral_value(ROUND_DOWN)
            self.stop_prices[key] = steps * tick
            self.stop_qty[key] = self.book.qty(key)
        if key in self.held_before:  # a plan measures what was sold, and units are no sale
            self.held_before[key] *= record.factor
        if self.book.qty(key) > 0 and key not in self.stops:
            self.bare_since.setdefault(key, record.at_ns)

    # -- orders -----------------------------------------------------------------------------------

    def _decided(self, record: Decided) -> None:
        # The id may be ahead of the count: an emergency journal leaves denials out.
        number = record.decision_id.removeprefix("d")
        self.decisions = max(self.decisions + 1, int(number) if number.isdecimal() else 0)
        if record.verdict == "cut":
            self._cut_by = record.decision_id
        if record.request and record.given > 0:  # what was denied may be asked again
            name = (record.bot, record.request)
            self.requests.setdefault(name, (record.body, record.decision_id))
            self._news += 1

    def _intended(self, record: Intended) -> None:
        self.sequence += 1
        if record.decision_id != self._cut_by:
            heed_order(self.usual, record)
        order = record.order
        replaces = "" if record.is_foreign else record.replaces
        tracked = Tracked(
            order,
            record.reserve_price,
            record.at_ns,
            record.decision_id,
            replaces,
            record.parent,
        )
        tracked.filled = record.filled_before
        self.orders.add(tracked, record.replaces)
        before = self.orders.by_id.get(record.replaces)
        if before is not None:
            successor = self.orders.by_id[order.client_order_id]
            self.orders.hold(successor, is_held=before.is_held)
        if before is not None and before.state is OrderState.OPEN:
            self.orders.move(before, OrderState.PENDING_REPLACE)
        if order.role is Role.STOP:
            self.stops[order.key] = order.client_order_id
            self.bare_since.pop(order.key, None)
            if order.stop_price is not None:
                self.stop_prices[order.key] = order.stop_price
                self.stop_qty[order.key] = self.book.qty(order.key)

    def _trailed(self, record: OrderTrailed) -> None:
        tracked = self.orders.by_id.get(record.client_order_id)
        if tracked is not None:
            tracked.hwm, tracked.stop_price = record.hwm, record.stop_price

    def _cancel_intended(self, record: CancelIntended) -> None:
        tracked = self.orders.by_id.get(record.client_order_id)
        if tracked is not None:
            self.orders.move(tracked, OrderState.PENDING_CANCEL)

    def _order_moved(self, record: OrderMoved) -> None:
        self.stream_seen = max(self.stream_seen, record.sequence)
        tracked = self.orders.by_id.get(record.client_order_id)
        if tracked is None:
            self.orders.forgive(record.client_order_id)
            return
        self.orders.move(tracked, record.state)
        if record.state is OrderState.INTENT:  # it may be sent once more
            tracked.sent_ns, tracked.misses = record.at_ns, 0
        elif record.state is OrderState.UNKNOWN:  # only now has the attempt ended, as far as known
            tracked.sent_ns = record.at_ns
        tracked.broker_order_id = record.broker_order_id or tracked.broker_order_id
        is_working = tracked.exits is not None and tracked.exits.is_working
        if record.status:  # without one the venue has said nothing: what it held is held still
            tracked.was_held = record.status == HELD
        is_held = tracked.was_held if record.status else tracked.is_held
        self.orders.hold(tracked, is_held=is_held and not is_working)
        if record.status == "replaced":
            tracked.replaced_at = record.filled_qty
        if record.state is OrderState.FILLED:
            self.orders.entered(tracked)
        if record.state.is_final:
            before = self.orders.before(tracked)
            self.orders.drop(record.client_order_id)
            if before is not None and not tracked.broker_order_id:
                self._stays(before)
            if record.reason == VOID and not tracked.is_of_house:
                self._forget_request(tracked.decision_id)
            self._stop_gone(tracked, record)

    def _stays(self, before: Tracked) -> None:
        """What was to come in the place of an order never reached the broker."""
        if before.state is OrderState.PENDING_REPLACE:
            self.orders.move(before, OrderState.OPEN)

    def _forget_request(self, decision_id: str) -> None:
        """What was granted and never left may be asked for again; it is among the newest."""
        for name, (_, granted_by) in reversed(self.requests.items()):
            if granted_by == decision_id:
                del self.requests[name]
                return

    def _stop_gone(self, tracked: Tracked, record: OrderMoved) -> None:
        key = tracked.order.key
        if self.stops.get(key) == tracked.order.client_order_id:
            del self.stops[key]
            if self.book.qty(key) > 0:
                self.bare_since.setdefault(key, record.at_ns)

    def _filled(self, record: Filled) -> None:
        self.stream_seen = max(self.stream_seen, record.sequence)
        fill = record.fill
        tracked = self.orders.find(fill.client_order_id)
        if tracked is None:
            return
        applied = self.book.apply_fill(fill, tracked.order)
        if not applied.is_new:
            return
        self._news += 1
        self._episodes(record.at_ns, fill, applied, is_forced=tracked.order.role.is_house)
        self._owe_fee(record.at_ns, fill)
        tracked.filled += fill.qty
        if tracked.exits is not None and not tracked.is_buy:
            tracked.exits.filled += fill.qty
        after = self.orders.after(tracked)
        if after is not None:
            after.taken += fill.qty
        self.orders.touch(tracked)
        self.asset_day.apply_fill(fill)
        self._note_bare(fill.key, record.at_ns)

    def _note_bare(self, key: Key, at_ns: int) -> None:
        """After what is held has changed: nothing needs no stop, anything else does."""
        if self.book.qty(key) <= 0:
            self.bare_since.pop(key, None)
            self.stop_prices.pop(key, None)
            self.stop_qty.pop(key, None)
        elif key not in self.stops:
            self.bare_since.setdefault(key, at_ns)

    def _episodes(self, at_ns: int, fill: Fill, applied: Applied, *, is_forced: bool) -> None:
        """Let every bot have its part of what a fill moved and brought."""
        total = sum((qty for _, qty in applied.moves), Decimal(0))
        lot, name = self.instruments[fill.key].lot, fill.execution_id
        for bot, qty in applied.moves:
            cash = applied.cash if qty == total else applied.cash * qty / total
            self.episodes.move(at_ns, bot, fill.key, qty, cash, lot, is_forced=is_forced, name=name)

    def _revised(self, record: FillRevised) -> None:
        """Count an execution as another one, or not at all; what was judged by it stays judged."""
        self.stream_seen = max(self.stream_seen, record.sequence)
        before, after = record.before, record.after
        applied = self.book.revise(before, after)
        if not applied.is_new:
            return
        key, name = before.key, self.book.matched_as(before.execution_id)
        cash = Decimal(0) if after is None else cash_of(after)
        self.episodes.revise(name, key, dict(applied.moves), cash, self.instruments[key].lot)
        self._owe_less(record.at_ns, before, after)
        self.asset_day.revise(before, after)
        tracked = self.orders.find(before.client_order_id)
        if tracked is not None:
            # The venue may trade the quantity once more, or not: it is reserved until it has ended.
            tracked.undone += before.qty - (Decimal(0) if after is None else after.qty)
            self.orders.touch(tracked)
        self._note_bare(key, record.at_ns)

    # -- judgement --------------------------------------------------------------------------------

    def _marked(self, record: Marked) -> None:
        self.last_mark = record
        self.baselines.mark(record.equity)
        self.rolling.mark(record.at_ns, record.equity)
        if self.day_label:
            self.peak.mark(self.day_label, record.equity)
        if record.equity > 0:
            self.allocation.mark(record.at_ns, record.crypto / record.equity, record.crypto_cap)

    def _baseline(self, record: BaselineSet) -> None:
        self.baselines.write(Baseline(Period(record.period), record.label, record.equity))
        if record.period == Period.DAY:
            self.asset_day.day_open(record.holdings)
            self.losers = self.episodes.losers(record.at_ns, record.holdings)

    def _breaker(self, record: BreakerMoved) -> None:
        flags = {
            "day": "is_day_tripped",
            "month": "is_month_tripped",
            "emergency": "is_emergency",
            "drawdown": "is_drawdown_tripped",
        }
        self.breakers = self.breakers._replace(**{flags[record.breaker]: record.is_tripped})

    def _locked(self, record: AssetLocked) -> None:
        self.locks[record.key] = record.until_ns

    def _tier(self, record: TierGranted) -> None:
        after = Tier[record.after]
        if after > self.tier:
            self.rose_on = self.day_label
        self.tier = after

    def _exposure(self, record: ExposureMoved) -> None:
        self.earned[record.sleeve] = record

    def _state(self, record: StateChanged) -> None:
        if record.why.startswith((RESTORED, UNWRITABLE)):
            # The venue may know orders that were sent after the copy was made, or the disk may hold
            # a commit that nobody acknowledged, under ids that this journal would derive again.
            self.session = f"{self.session}-{record.at_ns}"
        self.trading = TradingState[record.after.upper()]
        self.trading_why = record.why

    def _resumed(self, record: Resumed) -> None:
        self.baselines.resume(record.equity)
        self.peak.resume()
        self.rolling.resume(record.at_ns, record.equity)

    def _seat(self, record: SeatChanged) -> None:
        self.seats = {**self.seats, record.seat.token_id: record.seat}

    def _evidence(self, record: EvidenceRecorded) -> None:
        self.evidence = evidence_of(record.measured)

    def _plan(self, record: PlanMoved) -> None:
        if record.status == "started":
            self.plans += 1
            self.held_before = dict(self.held())
            self.plan = Plan(
                plan_id=record.plan_id,
                kind=record.group,
                stage=record.stage,
                start=record.exposure,
                started_ns=record.at_ns,
                deadline_ns=record.deadline_ns,
                why=record.why,
            )
        elif record.status == "stage" and self.plan is not None:
            self.plan = self.plan._replace(
                stage=record.stage, deadline_ns=record.deadline_ns, is_late=False
            )
        elif record.status == "late" and self.plan is not None:
            self.plan = self.plan._replace(deadline_ns=record.deadline_ns, is_late=True)
        else:
            self.plan = None
            self.short = None if record.status == "reached" else record

    def _imported(self, record: PastImported) -> None:
        """Count what was written with it, and nothing of an import that broke off."""
        own = [each for each in self._past if each.import_id == record.import_id]
        self._past.clear()
        self.imports.append(record)
        self.book.take_past(each.deal for each in own if isinstance(each, PastDealt))
        self.episodes.take_past(self.book.past.episodes)
        for each in own:
            if isinstance(each, PastValued):
                self.past_equity |= {int(at): worth for at, worth in each.equity.items()}
                self.past_flows |= {int(at): amount for at, amount in each.flows.items()}

    # -- reading ----------------------------------------------------------------------------------

    def held(self) -> list[tuple[Key, Decimal]]:
        """Return every holding and its quantity."""
        book = self.book
        return [(key, book.qty(key)) for key in book.keys]

    def entry_price(self, key: Key) -> Decimal:
        """Return the average entry price of a holding, 0 without one."""
        position = self.book.position(key)
        return Decimal(0) if position is None else position.average_entry_price

    @property
    def day_label(self) -> str:
        """The risk day that is open."""
        day = self.baselines.baseline(Period.DAY)
        return "" if day is None else day.label

    def opening(self, period: Period) -> Decimal:
        """Return the equity from which a period is counted; NaN before there is one."""
        opening = self.baselines.opening(period)
        return Decimal("NaN") if opening is None else opening

    @property
    def exposure(self) -> dict[str, Decimal]:
        """What is earned beside the tier by sleeve, fraction of equity."""
        return {sleeve: moved.after for sleeve, moved in self.earned.items()}

    def evidence_at(self, now_ns: int, sleeve: str) -> SleeveEvidence:
        """Return what is known of a sleeve's returns; UNKNOWN without evidence that is in force."""
        return self.evidence.sleeve(now_ns, sleeve)

    def calibration_at(self, now_ns: int, source: str) -> CalibrationKnots | None:
        """Return what a source's confidence is worth; None without evidence that is in force."""
        return self.evidence.curve(now_ns, source)

    def live_stop(self, key: Key) -> Tracked | None:
        """Return the house stop of an instrument while it can still fill."""
        stop = self.stops.get(key)
        return None if stop is None else self.orders.by_id.get(stop)

    def sellable(self, key: Key) -> Decimal:
        """Return what is held and not being sold already."""
        return self.book.qty(key) - self.orders.selling(key)

    def is_frozen(self, instrument: Instrument) -> bool:
        """Tell whether a running plan keeps an instrument from being bought."""
        plan = self.plan
        if plan is None:
            return False
        if plan.is_at_once:
            return True
        if parts := parts_of(plan.kind):
            return is_in(instrument, parts)
        if plan.kind == "crypto":
            return instrument.is_crypto
        return instrument.is_leveraged if plan.kind == "leveraged" else True


def _received(fill: Fill) -> tuple[str, Decimal]:
    """Return what was received by a deal, of which a fee is taken: coins, or cash."""
    return (fill.key, fill.qty) if fill.side is Side.BUY else (USD, fill.qty * fill.price)


def _fees_of(deals: Iterable[tuple[int, Decimal]], now_ns: int) -> Decimal:
    since_ns = now_ns - FEE_LATE_NS
    return FEE_RATE_MAX * sum((qty for at_ns, qty in deals if at_ns > since_ns), Decimal(0))
