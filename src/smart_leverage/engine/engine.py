"""One account, one event in, one outcome out; no clock, socket, thread or random source."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from msgspec import structs

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import EXTERNAL, HOUSE, Approved, Role
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    Decided,
    FlowSeen,
    InstrumentListed,
    Noted,
    Record,
)
from smart_leverage.engine import events
from smart_leverage.engine.answering import on_answer, on_cancel_answer, on_update
from smart_leverage.engine.changing import on_change_wished
from smart_leverage.engine.closing import heed_close
from smart_leverage.engine.commanding import on_command
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.core import Core, cancel, has_aged
from smart_leverage.engine.deciding import on_opportunity, on_wish
from smart_leverage.engine.doubting import on_clock_judged, on_stream_judged
from smart_leverage.engine.earning import judge_exposure
from smart_leverage.engine.enforcing import take_step_due
from smart_leverage.engine.events import Outcome
from smart_leverage.engine.exposure import Valuation, value
from smart_leverage.engine.importing import take_past
from smart_leverage.engine.income import take_income
from smart_leverage.engine.judging import (
    judge_assets,
    judge_losses,
    judge_tier,
    mark,
    remember,
    roll,
)
from smart_leverage.engine.limiting import heed_configuration, heed_opening, take_due
from smart_leverage.engine.plans import shrink
from smart_leverage.engine.proof import ExactCaps, over_cap
from smart_leverage.engine.protecting import protect, report_bare, watch
from smart_leverage.engine.ramping import begin_ramp
from smart_leverage.engine.reconciling import on_reconciled
from smart_leverage.engine.releasing import release
from smart_leverage.engine.reorganising import on_units
from smart_leverage.engine.resolving import on_looked_up, on_started, send_again
from smart_leverage.engine.shrinking import excess
from smart_leverage.engine.splitting import on_split
from smart_leverage.engine.state import State
from smart_leverage.engine.subaccount import (
    Holding,
    Subaccount,
    holding,
    holdings,
    subaccount,
)
from smart_leverage.engine.tracked import Tracked
from smart_leverage.policy.intraday import Phase
from smart_leverage.policy.reasons import Reason

LATE = "not filled at the first opportunity"
"""Why an increase is cancelled that rests: the longer it waits, the older its idea of the price."""


class Engine:
    """Decides for one account; its durable state is the fold of the records it returned."""

    def __init__(self, config: EngineConfig, records: Iterable[Record] = ()) -> None:
        """Start empty, or where the ledger's records end."""
        self._core = Core(config)
        for record in records:
            self._core.replay(record)
        if self._core.state.opened is not None:
            self._core.heed_limits()
        # With a past, nothing may be added before the broker's lists were compared with the books.
        self._core.is_ready = self._core.state.opened is None
        self._handlers: dict[type, Callable[[Any], None]] = {
            events.Opened: self._on_opened,
            events.Listed: self._on_listed,
            events.Started: self._on_started,
            events.LookedUp: self._on_looked_up,
            events.BrokerLost: self._on_broker_lost,
            events.ClockJudged: self._on_clock,
            events.StreamJudged: self._on_stream,
            events.Prices: self._on_prices,
            events.OpeningOver: self._on_opening_over,
            events.Proposed: self._on_proposed,
            events.Wished: self._on_wished,
            events.ChangeWished: self._on_change_wished,
            events.CancelWished: self._on_cancel_wished,
            events.Answered: self._on_answered,
            events.CancelAnswered: self._on_cancel_answered,
            events.Updated: self._on_updated,
            events.Reconciled: self._on_reconciled,
            events.FlowArrived: self._on_flow,
            events.IncomeArrived: self._on_income,
            events.SplitArrived: self._on_split,
            events.UnitsArrived: self._on_units,
            events.Commanded: self._on_commanded,
            events.PastArrived: self._on_past,
        }

    @property
    def is_ready(self) -> bool:
        """Whether books and broker have been compared since the start; increases need it."""
        return self._core.is_ready

    @property
    def has_doubts(self) -> bool:
        """Whether the broker's lists should be read soon.

        A price waits to be confirmed, and the broker may know why it jumped; the books differed
        when they were compared last; or a fee in coins may have been taken.
        """
        return self._core.ladder.has_doubts or self._core.wants_lists

    @property
    def is_clock_doubted(self) -> bool:
        """Whether the clocks contradict each other; while they do, nothing is added."""
        return self._core.is_clock_doubted

    @property
    def is_stream_refused(self) -> bool:
        """Whether the broker's stream does not let us in; while it does not, nothing is added."""
        return self._core.is_stream_refused

    @property
    def state(self) -> State:
        """The durable state; read it, never change it."""
        return self._core.state

    @property
    def waiting(self) -> list[Approved]:
        """Orders that are intended and wait for others to end; nothing of them has left."""
        return [approved for queue in self._core.waiting.values() for approved in queue]

    def valuation(self) -> Valuation:
        """Return what the account is worth at the last good prices."""
        return value(self._core.state, self._core.ladder)

    def excess(self) -> dict[Key, Decimal]:
        """Return what would have to be sold now to be inside every cap; nothing is."""
        valuation = self.valuation()
        return excess(self._core, valuation) if valuation.equity > 0 else {}

    def price(self, key: Key) -> Decimal | None:
        """Return the best price that there is of an instrument, None where there is none."""
        return self._core.ladder.mark(key)

    def subaccount(self, bot: str) -> Subaccount:
        """Return what a bot has of the account, and what it may still add."""
        return subaccount(self._core, bot)

    def holdings(self, bot: str) -> list[Holding]:
        """Return what a bot holds."""
        return holdings(self._core, bot)

    def holding(self, bot: str, key: Key) -> Holding | None:
        """Return what a bot holds of one instrument, None if nothing."""
        return holding(self._core, bot, key)

    @property
    def caps(self) -> ExactCaps:
        """The caps in force, as fractions of equity."""
        return self._core.caps

    def preview(self, event: events.Wished) -> Decided:
        """Return what would be decided of a wish; nothing is remembered and nothing leaves."""
        core = self._core
        core.begin(event.at_ns)
        core.is_trial = True
        try:
            on_wish(core, structs.replace(event.wish, id=""), event.bot, event.may_shrink)
            return structs.replace(core.out.decisions[0], decision_id="")
        finally:
            core.is_trial = False
            core.out = Outcome()

    def process(self, event: events.Event) -> Outcome:
        """Take one event in and return what follows; nothing may leave before it is durable.

        Raises:
            InvariantViolation: A bug of ours; throw this engine away and rebuild it.
        """
        core = self._core
        if core.state.opened is None and not isinstance(event, events.Opened):
            raise InvariantViolation(f"{type(event).__name__} before the account was opened")
        core.begin(event.at_ns)
        # A new day begins before anything of it is taken in; after a start with what the broker
        # tells, but at the prices of the last mark. Where a journal does not know them it begins
        # once the broker has told some, or holdings would open at what they once cost.
        is_told = type(event) is events.Reconciled and core.knows_prices
        if core.state.opened is not None and (core.is_ready or is_told):
            label = core.calendar.day_of(core.event_ns)
            if label != core.state.day_label:
                roll(core, self.valuation().equity)
        self._handlers[type(event)](event)
        return core.out

    # -- handlers ---------------------------------------------------------------------------------

    def _on_opened(self, event: events.Opened) -> None:
        core = self._core
        core.record(
            AccountOpened(
                at_ns=event.at_ns,
                account=event.account,
                mode=event.mode,
                cash=event.cash,
                risk_timezone=core.config.risk_timezone,
                preset=event.preset,
                policy=event.policy_text,
                policy_hash=event.policy_hash,
                enforcement=event.enforcement,
                version=event.version,
                broker_ns=event.broker_ns,
                activities=event.activities,
                broker_account=event.broker_account,
            )
        )
        heed_opening(core)
        self._list(event.at_ns, event.instruments)
        for key, qty, price in event.holdings:
            core.record(Adopted(at_ns=event.at_ns, key=key, qty=qty, price=price, bot=HOUSE))
            core.ladder.see(key, price, event.at_ns, events.Rung.BROKER)
        roll(core, self.valuation().equity)
        begin_ramp(core)
        judge_exposure(core, self.valuation().equity)
        mark(core, self.valuation())

    def _on_listed(self, event: events.Listed) -> None:
        known = self._core.state.instruments
        self._list(event.at_ns, [one for one in event.instruments if one.key not in known])

    def _list(self, at_ns: int, instruments: Iterable[Instrument]) -> None:
        for instrument in instruments:
            self._core.record(InstrumentListed(at_ns=at_ns, instrument=instrument))

    def _on_started(self, event: events.Started) -> None:
        self._core.started_ns = self._core.now_ns
        on_started(self._core, event)
        heed_configuration(self._core)

    def _on_broker_lost(self, event: events.BrokerLost) -> None:
        self._core.is_ready = False
        why = f": {event.why}" if event.why else ""
        text = f"the broker does not answer{why}"
        self._core.record(Noted(at_ns=self._core.now_ns, code="broker.lost", text=text))

    def _on_clock(self, event: events.ClockJudged) -> None:
        on_clock_judged(self._core, event)

    def _on_stream(self, event: events.StreamJudged) -> None:
        on_stream_judged(self._core, event)

    def _on_looked_up(self, event: events.LookedUp) -> None:
        self._settle(on_looked_up(self._core, event))

    def _on_prices(self, event: events.Prices) -> None:
        core = self._core
        for place, (key, price) in enumerate(event.prints):
            at_ns = event.seen_ns[place] if event.seen_ns else event.at_ns
            core.ladder.see(key, price, at_ns, event.rung)
        if not event.is_opening:
            self._judge()
        if core.state.book.keys:
            watch(core)
        if core.state.orders.by_id:
            send_again(core)
            self._reprove()
        remember(core)

    def _judge(self) -> None:
        core = self._core
        valuation = self.valuation()
        roll(core, valuation.equity)
        judge_losses(core, valuation.equity)
        judge_assets(core)
        judge_tier(core, valuation.equity)
        judge_exposure(core, valuation.equity)
        if core.state.limits.pending:
            take_due(core)
            valuation = self.valuation()  # by what counts from now on
        if core.state.rollout.pending is not None:
            take_step_due(core)
        if core.phase is not Phase.OFF:
            heed_close(core, valuation)
        shrink(core, valuation)
        mark(core, valuation)
        if core.state.bare_since:
            for key in list(core.state.bare_since):
                protect(core, key)
            report_bare(core)

    def _on_opening_over(self, event: events.OpeningOver) -> None:
        met = set(event.keys)
        for tracked in _ours(self._core):
            if tracked.order.key in met and not tracked.order.is_resting:
                cancel(self._core, tracked, LATE)

    def _on_proposed(self, event: events.Proposed) -> None:
        on_opportunity(self._core, event.opportunity)

    def _on_wished(self, event: events.Wished) -> None:
        on_wish(self._core, event.wish, event.bot, event.may_shrink)

    def _on_change_wished(self, event: events.ChangeWished) -> None:
        on_change_wished(self._core, event)

    def _on_cancel_wished(self, event: events.CancelWished) -> None:
        tracked = self._core.state.orders.by_id.get(event.client_order_id)
        if tracked is not None and tracked.order.bot == event.bot and not tracked.is_of_house:
            cancel(self._core, tracked, f"cancelled by {event.bot}")
            self._settle(tracked.order.key)

    def _on_answered(self, event: events.Answered) -> None:
        tracked = self._core.state.orders.by_id.get(event.client_order_id)
        is_stop = tracked is not None and tracked.order.role is Role.STOP
        key = on_answer(self._core, event)
        if is_stop and event.verdict in (events.Verdict.REFUSED, events.Verdict.NOT_SENT):
            # It is tried again at the next price, not at once; what waited for its end leaves now.
            if key is not None:
                release(self._core, key)
            return
        self._settle(key)

    def _on_cancel_answered(self, event: events.CancelAnswered) -> None:
        self._settle(on_cancel_answer(self._core, event))

    def _on_updated(self, event: events.Updated) -> None:
        self._settle(on_update(self._core, event.update))

    def _on_reconciled(self, event: events.Reconciled) -> None:
        core = self._core
        on_reconciled(core, event)
        send_again(core)
        for key in list(core.state.bare_since):
            protect(core, key)

    def _on_flow(self, event: events.FlowArrived) -> None:
        if event.reference in self._core.state.flows:
            return  # told twice, or once more after a crash
        self._core.record(
            FlowSeen(
                at_ns=event.at_ns,
                amount=event.amount,
                source=event.source,
                reference=event.reference,
            )
        )

    def _on_income(self, event: events.IncomeArrived) -> None:
        take_income(self._core, event)

    def _on_split(self, event: events.SplitArrived) -> None:
        on_split(self._core, event)

    def _on_units(self, event: events.UnitsArrived) -> None:
        on_units(self._core, event)

    def _on_past(self, event: events.PastArrived) -> None:
        take_past(self._core, event)

    def _on_commanded(self, event: events.Commanded) -> None:
        on_command(self._core, event)
        if event.command in (events.Command.LIMITS, events.Command.ENFORCE):
            self._reprove()  # a tighter rule holds for what is under way as well

    # -- consequences -----------------------------------------------------------------------------

    def _settle(self, key: Key | None) -> None:
        """Send what waited for this instrument and bring its stop in line."""
        if key is None:
            return
        release(self._core, key)
        send_again(self._core, key)
        protect(self._core, key)

    def _reprove(self) -> None:
        """Cancel increases under way that no longer fit, the newest first, and those that aged."""
        core = self._core
        buys = [one for one in _ours(core) if one.state.value != "pending_cancel"]
        if not buys:
            return
        gone = self._cancel_aged()
        if not core.state.rollout.step.governs_entries:
            return
        buys = [one for one in buys if one.order.client_order_id not in gone]
        worst = core.worst(without=frozenset(gone))
        for tracked in reversed(buys):
            reason = over_cap(core.instrument(tracked.order.key), worst, core.caps)
            if reason is Reason.NONE:
                continue
            cancel(core, tracked, f"no longer fits: {reason.name.lower()}")
            gone.add(tracked.order.client_order_id)
            worst = core.worst(without=frozenset(gone))

    def _cancel_aged(self) -> set[str]:
        """Cancel increases that have rested for too long while their class traded."""
        core = self._core
        gone: set[str] = set()
        for tracked in _ours(core):
            if not tracked.order.is_resting and has_aged(core, tracked):
                cancel(core, tracked, LATE)
                gone.add(tracked.order.client_order_id)
        return gone


def _ours(core: Core) -> list[Tracked]:
    """Return the increases under way that came through us; what somebody else sent is his."""
    return [one for one in core.state.orders.buys() if one.order.bot != EXTERNAL]
