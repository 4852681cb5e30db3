"""What every duty of the engine works on: state, prices, time and the outcome being made."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal

from smart_leverage.domain.calendars import RiskCalendar, calendar_for
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import (
    Approved,
    BrokerOrder,
    Change,
    Order,
    OrderClass,
    OrderState,
    OrderType,
    Role,
    Side,
    TradeUpdate,
)
from smart_leverage.domain.records import (
    CancelIntended,
    ExposureMoved,
    Intended,
    LimitChanged,
    Marked,
    OrderMoved,
    PricesRemembered,
    RampMoved,
    Record,
    SplitSeen,
)
from smart_leverage.domain.seen import Latest
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Outcome
from smart_leverage.engine.exposure import Worst, worst_case
from smart_leverage.engine.ladder import PriceLadder
from smart_leverage.engine.lending import phase_at
from smart_leverage.engine.limits import laid_over
from smart_leverage.engine.proof import ONE, ExactCaps, exact, exact_caps
from smart_leverage.engine.standings import Standings
from smart_leverage.engine.state import KEPT, State
from smart_leverage.engine.tracked import Tracked, order_id
from smart_leverage.policy.intraday import Phase, gross_for_entries, gross_for_holding
from smart_leverage.policy.tier import Tier

ZERO = Decimal(0)

_PRICED = (OrderType.LIMIT, OrderType.STOP_LIMIT)

LEFT_OVER = 1_000
"""So many words of the broker on orders and executions that we do not know stay in memory."""

COIN_STEP = Decimal("0.000000001")
"""The smallest quantity of a coin that the venue takes."""


class Core:
    """One account's state with its prices; `record` is the only way in which it changes."""

    remembers = KEPT
    """How far back what happened can still be revised, in executions of an instrument."""

    def __init__(self, config: EngineConfig) -> None:
        self.configured = config
        self.config = config
        """What was configured, with the limits in force in the place of its own."""
        self.state = State()
        self.ladder = PriceLadder(config.ladder)
        self.calendar = RiskCalendar(config.risk_timezone)
        self.now_ns = self.event_ns = 0
        self.started_ns = 0
        self.is_ready = True
        self.is_clock_doubted = False
        self.is_stream_refused = False
        """Whether the broker's stream does not let us in, as when another one has our place."""
        self.is_trial = False
        """Whether a decision is only wanted to be known: then nothing is recorded or intended."""
        self.out = Outcome()
        self.waiting: dict[Key, list[Approved]] = {}
        self.strangers = Latest[str, BrokerOrder](LEFT_OVER)
        """Orders of somebody else, by the broker's id of the order in whose place each came."""
        self.revisions = Latest[str, TradeUpdate](LEFT_OVER)
        """What the broker takes back or corrects and the books cannot, by the execution's id."""
        self.stalled: dict[str, int] = {}
        """Since when orders stand between two states, as far as it was looked; -1 once told."""
        self.differs = False
        self.differs_since_ns = 0
        """Since when the broker's lists have differed, while they may only lag behind; else 0."""
        self.wants_lists = False
        self.unseen_fees: dict[Key, Decimal] = {}
        """What fees in coins may have been taken of purchases since the lists were read last."""
        self.missing: dict[Key, Decimal] = {}
        """What the books hold and the broker did not list when they were compared last."""
        self.reported_bare: dict[Key, int] = {}
        self.remembered_ns = 0
        self.foreseen: set[tuple[str, str]] = set()
        """What would have been sold, by risk day and subject: it is journalled once a day."""
        self.awaits_consent = ""
        """The group that is over its cap and waits for the owner of adopted positions."""
        self.standings = Standings()
        """What the closed episodes of the account and of its bots have earned."""
        self.withheld = Decimal(0)
        """What the broker's power lacked to our own figure when it was last told, money."""
        self.power_ns = 0
        """When that was."""
        self._phase = (-1, Phase.OFF)
        self._full = self._caps = _caps_of(config, ONE)
        self._earned: dict[tuple[bool, Tier], ExactCaps] = {}

    def begin(self, at_ns: int) -> None:
        """Start one event: time never runs backwards inside the engine."""
        self.event_ns = at_ns
        self.now_ns = max(self.now_ns, at_ns)
        self.out = Outcome()

    def replay(self, record: Record) -> None:
        """Take in a fact that the ledger holds already."""
        self._apply(record)
        self.now_ns = max(self.now_ns, record.at_ns)
        if isinstance(record, PricesRemembered):
            self.ladder.restore(record.prices, record.seen)
            self.remembered_ns = record.at_ns
        elif isinstance(record, Marked):
            self.ladder.value_at(record.prices, record.at_ns)

    def _apply(self, record: Record) -> None:
        if isinstance(record, SplitSeen):
            self.ladder.split(record.key, record.factor)
        self.state.apply(record)
        self.state.forget(self.remembers)

    def record(self, record: Record) -> None:
        """Apply one fact and hand it to the ledger."""
        self._apply(record)
        self.out.records.append(record)
        if type(record) in (LimitChanged, RampMoved):
            self.heed_limits()
        elif type(record) is ExposureMoved:
            self._earned.clear()

    def heed_limits(self) -> None:
        """Work with the limits that the journal says are in force, whatever was configured."""
        self.config = laid_over(self.configured, self.state.limits.in_force)
        self._full = _caps_of(self.config, ONE)
        self._caps = _caps_of(self.config, self.state.rollout.factor)
        self._earned.clear()

    @property
    def caps(self) -> ExactCaps:
        """The caps in force for whatever adds."""
        return self.caps_of(self.state.tier)

    def caps_of(self, tier: Tier) -> ExactCaps:
        """Return the caps for whatever adds, as they would be in a tier."""
        caps, phase = self._within_earned(self._caps, tier), self.phase
        if phase is Phase.OFF:
            return caps
        policy = self.config.policy
        gross = exact(gross_for_entries(phase, policy.groups.gross, policy.intraday))
        return caps._replace(gross=gross * self.state.rollout.factor)

    @property
    def full_caps(self) -> ExactCaps:
        """The caps to which is sold down: those of the tier, also while increases begin smaller."""
        caps, phase = self._within_earned(self._full, self.state.tier), self.phase
        if phase is Phase.OFF:
            return caps
        policy = self.config.policy
        gross = gross_for_holding(phase, policy.groups.gross, policy.intraday)
        return caps._replace(gross=exact(gross))

    @property
    def phase(self) -> Phase:
        """Where the intraday plan stands now."""
        at = self.config.policy.intraday
        if not at.is_on:
            return Phase.OFF
        if self._phase[0] != self.now_ns:
            self._phase = (self.now_ns, phase_at(self.now_ns, at))
        return self._phase[1]

    def _within_earned(self, caps: dict[Tier, ExactCaps], tier: Tier) -> ExactCaps:
        """Return the caps of a tier, or what is earned where that is less."""
        earned = self.state.exposure
        if not earned:
            return caps[tier]
        name = (caps is self._full, tier)
        found = self._earned.get(name)
        if found is None:
            of_tier = caps[tier]
            least = {group: min(getattr(of_tier, group), cap) for group, cap in earned.items()}
            found = self._earned[name] = of_tier._replace(**least)
        return found

    def worst(self, without: frozenset[str] = frozenset()) -> Worst:
        """Return the worst case now, optionally as if some orders did not exist."""
        return worst_case(self.state, self.ladder, self.now_ns, self.config.cost_rate, without)

    @property
    def is_doubted(self) -> bool:
        """Whether nothing may be added because of what is known about the clock or the stream."""
        return self.is_clock_doubted or self.is_stream_refused

    @property
    def knows_prices(self) -> bool:
        """Whether everything that is held had a price once, however long ago."""
        return all(self.ladder.mark(key) is not None for key, _ in self.state.held())

    def sellable(self, key: Key) -> Decimal:
        """Return what is held, not being sold already, and there at the broker as well."""
        gone = self.missing.get(key, Decimal(0)) + self.unseen_fees.get(key, Decimal(0))
        return self.state.sellable(key) - gone

    def reachable(self, key: Key) -> Decimal:
        """Return what the house may sell: what bots let rest for their price gives way to it."""
        orders = self.state.orders
        qty = self.sellable(key) + orders.together(orders.resting_sales(key))
        return ZERO if self.is_dust(key, qty) else qty

    def sale_min(self, key: Key, price: Decimal | None = None) -> Decimal:
        """Return the smallest quantity that the venue sells, zero where it sells any.

        Without a price it is what is worth the smallest order at the mark.
        """
        if not self.config.sale_has_minimum:
            return ZERO
        instrument = self.instrument(key)
        price = price or self.ladder.mark(key)
        if not price or price <= 0:
            return instrument.lot
        lots = (instrument.notional_min / price / instrument.lot).to_integral_value(ROUND_CEILING)
        return max(lots, Decimal(1)) * instrument.lot

    def is_dust(self, key: Key, qty: Decimal, price: Decimal | None = None) -> bool:
        """Tell whether a quantity is too small for the venue to take a sale of it."""
        return ZERO < qty < self.sale_min(key, price)

    def instrument(self, key: Key) -> Instrument:
        """Return a listed instrument."""
        return self.state.instruments[key]


def _caps_of(config: EngineConfig, factor: Decimal) -> dict[Tier, ExactCaps]:
    return {tier: exact_caps(tier, config.policy, factor) for tier in Tier}


def round_down(number: Decimal, step: Decimal) -> Decimal:
    """Return the largest whole multiple of a step that is not above a number."""
    return (number / step).to_integral_value(rounding=ROUND_DOWN) * step


def intend(
    core: Core,
    *,
    bot: str,
    role: Role,
    key: Key,
    side: Side,
    qty: Decimal,
    decision_id: str,
    reserve_price: Decimal,
    replaces: str = "",
    adds: bool = True,
    **terms: object,
) -> None:
    """Journal an intent; it leaves at once, or as soon as what stands in its way is gone.

    A venue refuses an order against an own resting order of the other side and reserves the
    quantity of a resting stop, so those are cancelled first and their final word is awaited. A
    change that adds nothing stands where the order before it stood, and nothing is in its way.
    """
    if core.is_trial:
        return
    state = core.state
    account = state.opened
    assert account is not None, "an account is opened before anything is intended"  # noqa: S101
    order = Order(
        client_order_id=order_id(account.account, bot, state.session, state.sequence + 1),
        bot=bot,
        role=role,
        key=key,
        side=side,
        qty=qty,
        **terms,  # type: ignore[arg-type]
    )
    core.record(
        Intended(
            at_ns=core.now_ns,
            order=order,
            decision_id=decision_id,
            reserve_price=reserve_price,
            replaces=replaces,
        )
    )
    approved = Approved(order, decision_id)
    in_the_way = blockers(core, order) if adds else []
    if not in_the_way:
        leave(core, approved)
        return
    core.waiting.setdefault(key, []).append(approved)
    for tracked in in_the_way:
        cancel(core, tracked, f"makes way for {order.client_order_id}")


def leave(core: Core, approved: Approved) -> None:
    """Let an order leave: anew, or as the change of the one in whose place it is to come."""
    orders, order = core.state.orders, approved.order
    tracked = orders.by_id[order.client_order_id]
    before = orders.before(tracked)
    # What waited leaves later than it was intended, and may arrive as much later; a process that
    # begins counts from its own start, so this needs no record.
    tracked.sent_ns = max(tracked.sent_ns, core.now_ns)
    tracked.is_under_way = True
    if not tracked.replaces:
        core.out.sends.append(approved)
    elif before is None or before.state is not OrderState.PENDING_REPLACE:
        end_unsent(core, order, f"{tracked.replaces} has ended or is being cancelled")
    else:
        whole = tracked.qty + before.filled
        is_same_limit = order.limit_price == before.order.limit_price
        is_same_stop = order.stop_price == before.order.stop_price
        core.out.changes.append(
            Change(
                replaces=tracked.replaces,
                approved=approved,
                qty=None if whole == before.qty else whole,
                limit_price=None if is_same_limit else order.limit_price,
                stop_price=None if is_same_stop else order.stop_price,
                trail=None if order.trail == before.order.trail else order.trail,
                is_increase=tracked.adds_to(before),
            )
        )


def blockers(core: Core, order: Order) -> list[Tracked]:
    """Return the orders that must be final before this one may leave."""
    if order.role is Role.STOP:
        return []
    orders = core.state.orders
    found = orders.stops(order.key)
    if order.side is Side.SELL:
        others = _trading_with(order, orders.buys_of(order.key))
        if order.role.is_house:
            others += orders.resting_sales(order.key)
        if others:
            waiting = {one.order.client_order_id for one in core.waiting.get(order.key, ())}
            found += [one for one in others if one.order.client_order_id not in waiting]
    return found


Likeness = tuple[Role, Side, OrderClass, bool, Decimal | None]
"""All that decides what is in the way of an order, beside its instrument."""


def likeness(order: Order) -> Likeness:
    """Return what `blockers` looks at: where one order waits, its likes do."""
    price = order.limit_price if order.type in _PRICED else None
    return order.role, order.side, order.order_class, order.trails, price


def _trading_with(sale: Order, buys: Iterable[Tracked]) -> list[Tracked]:
    """Return the purchases of an instrument that a sale of it could trade with.

    Exits of a pair and trailing stops are exempt from the venue's rule, whatever is bought beside
    them. Two that rest at prices of their own do only where the purchase would pay what the sale
    wants.
    """
    if sale.order_class is not OrderClass.SIMPLE or sale.trails:
        return []
    wanted = sale.limit_price
    if wanted is None or sale.type not in _PRICED:
        return list(buys)
    return [one for one in buys if one.order.stop_price is not None or one.reserve_price >= wanted]


def cancel(core: Core, tracked: Tracked, why: str) -> None:
    """Cancel an order: an unsent one ends here, a sent one is asked for at the broker."""
    if tracked.state is OrderState.PENDING_CANCEL:
        return
    order = tracked.order
    # What the broker has named has left, so it does not wait here.
    queue = [] if tracked.broker_order_id else core.waiting.get(order.key, [])
    unsent = next(
        (one for one in queue if one.order.client_order_id == order.client_order_id), None
    )
    if unsent is not None:
        queue.remove(unsent)
        end_unsent(core, order, why)
        return
    core.record(
        CancelIntended(at_ns=core.now_ns, client_order_id=order.client_order_id, reason=why)
    )
    core.out.cancels.append(order.client_order_id)


def end_unsent(core: Core, order: Order, why: str) -> None:
    """End an intent of which no byte left."""
    move(core, order.client_order_id, OrderState.CANCELED, reason=why)


def move(
    core: Core, client_order_id: str, state: OrderState, *, status: str = "",
    filled: Decimal = Decimal(0), broker_order_id: str = "", reason: str = "", sequence: int = 0,
    broker_code: int = 0,
) -> None:  # fmt: skip
    """Journal what is known of an order now; see `OrderMoved`."""
    core.record(
        OrderMoved(
            at_ns=core.now_ns,
            client_order_id=client_order_id,
            state=state,
            status=status,
            filled_qty=filled,
            broker_order_id=broker_order_id,
            reason=reason,
            sequence=sequence,
            broker_code=broker_code,
        )
    )


def has_aged(core: Core, tracked: Tracked) -> bool:
    """Tell whether a purchase has waited for too long while its class traded."""
    calendar = calendar_for(core.instrument(tracked.order.key).asset_class)
    minutes = calendar.open_minutes(tracked.intended_ns, core.now_ns)
    return minutes > core.config.entry_life_s / 60.0
