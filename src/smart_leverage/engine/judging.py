"""After every price: the mark, the day and month, the breakers, the tier and the locks."""

from decimal import Decimal

from smart_leverage.books.baselines import Period
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Role
from smart_leverage.domain.parts import is_in
from smart_leverage.domain.records import (
    AssetLocked,
    BaselineSet,
    BreakerMoved,
    Marked,
    PricesRemembered,
    StateChanged,
    TierGranted,
)
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.earning import earned_tier, references
from smart_leverage.engine.exposure import ZERO, Valuation
from smart_leverage.engine.plans import start_flatten
from smart_leverage.engine.proof import exact
from smart_leverage.engine.ramping import advance_ramp
from smart_leverage.engine.selling import house_sale
from smart_leverage.policy.breakers import BreakerState, is_asset_locked, loss_since
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.policy.steady_breakers import (
    SteadyReferences,
    is_sleeve_locked,
    judge_breakers,
)
from smart_leverage.policy.tier import Tier, granted_tier, select_tier, win_rate_of

DAY_LOSS = "loss limit of the day"
"""Why the account is reducing when a day trip did it; ends by itself at midnight."""


def mark(core: Core, valuation: Valuation) -> None:
    """Journal the valuation, as often as configured and whenever a cap is another one."""
    last, caps = core.state.last_mark, core.caps
    due_ns = int(core.config.mark_every_s * SECOND_NS)
    if last is not None:
        is_same = (last.crypto_cap, last.leveraged_cap) == (caps.crypto, caps.leveraged)
        if is_same and core.now_ns - last.at_ns < due_ns:
            return
    core.record(
        Marked(
            at_ns=core.now_ns,
            equity=valuation.equity,
            cash=valuation.cash,
            crypto=valuation.crypto,
            leveraged=valuation.leveraged,
            gross=valuation.gross,
            crypto_cap=caps.crypto,
            leveraged_cap=caps.leveraged,
            prices=_prices(core),
        )
    )


def _prices(core: Core) -> dict[Key, Decimal]:
    known = {key: core.ladder.mark(key) for key, _ in core.state.held()}
    return {key: price for key, price in known.items() if price is not None}


def remember(core: Core) -> None:
    """Journal what is known of prices now and then, so that a restart need not learn it again."""
    if core.now_ns - core.remembered_ns < int(core.config.remember_every_s * SECOND_NS):
        return
    core.remembered_ns = core.now_ns
    ladder = core.ladder
    core.record(PricesRemembered(at_ns=core.now_ns, prices=ladder.prices(), seen=ladder.memory()))


def roll(core: Core, equity: Decimal) -> None:
    """Open a new risk day and month at the last mark before the boundary, once each.

    It is the event's own time that counts: the journal's last may be that of a wrong clock.
    """
    day = core.calendar.day_of(core.event_ns)
    if day == core.state.day_label:
        return
    if core.state.day_label:
        advance_ramp(core)
    month = core.calendar.month_of(core.event_ns)
    for due in core.state.baselines.due(day, month, equity):
        is_day = due.period is Period.DAY
        core.record(
            BaselineSet(
                at_ns=core.now_ns,
                period=due.period.value,
                label=due.label,
                equity=due.equity,
                holdings=_values(core) if is_day else {},
            )
        )
        if is_day:
            _clear_day(core)


def _values(core: Core) -> dict[Key, Decimal]:
    """Return the market value of every holding at the last good prices."""
    marks = {key: core.ladder.mark(key) or core.state.entry_price(key) for key in core.state.book}
    return {key: qty * marks[key] for key, qty in core.state.held()}


def _clear_day(core: Core) -> None:
    """A day trip lasts until midnight of the risk time zone and ends there, never before."""
    state = core.state
    if state.breakers.is_day_tripped:
        core.record(_moved(core, "day", ZERO, exact(core.config.policy.limits.loss_limit_daily)))
    if state.trading is TradingState.REDUCING and state.trading_why == DAY_LOSS:
        change_state(core, TradingState.ACTIVE, "a new risk day", "policy")


def clear_month(core: Core, why: str) -> None:
    """Clear what a person may lift; a tripped day stays until midnight, whoever resumes."""
    limits, thresholds = core.config.policy.limits, core.config.policy.thresholds
    breakers = core.state.breakers
    lines = (
        ("month", breakers.is_month_tripped, limits.loss_limit_monthly),
        ("emergency", breakers.is_emergency, -thresholds.month_return_emergency),
        ("drawdown", breakers.is_drawdown_tripped, core.config.policy.rolling.drawdown_limit),
    )
    for name, is_tripped, limit in lines:
        if is_tripped:
            core.record(_moved(core, name, ZERO, exact(limit), why=why))


def _moved(
    core: Core, breaker: str, value: Decimal, limit: Decimal, *, is_tripped: bool = False,
    why: str = "",
) -> BreakerMoved:  # fmt: skip
    why = why or ("loss over the limit" if is_tripped else "a new period or a better mark")
    return BreakerMoved(
        at_ns=core.now_ns,
        breaker=breaker,
        is_tripped=is_tripped,
        value=value,
        limit=limit,
        why=why,
    )


def judge_losses(core: Core, equity: Decimal) -> None:
    """Trip what is over its limit; a trip cancels every increase under way."""
    state, policy = core.state, core.config.policy
    before, since = state.breakers, references(core, equity)
    after = judge_breakers(
        before,
        float(equity),
        since,
        policy.limits,
        policy.thresholds.month_return_emergency,
        policy.rolling,
    )
    if after == before:
        return
    _journal_trips(core, before, after, since, float(equity))
    if not state.rollout.step.governs_entries:
        return
    if after.is_drawdown_tripped and not before.is_drawdown_tripped:
        _trip_for_good(core, "limit of the drawdown")
    elif after.is_month_tripped and not before.is_month_tripped:
        _trip_for_good(core, "loss limit of the month")
    elif after.is_day_tripped and not before.is_day_tripped:
        if state.trading is TradingState.ACTIVE:
            change_state(core, TradingState.REDUCING, DAY_LOSS, "policy")
        cancel_increases(core, DAY_LOSS)


def _trip_for_good(core: Core, why: str) -> None:
    """Sell everything and halt; where the house does not sell by itself, only halt."""
    if core.state.rollout.step.sells:
        start_flatten(core, why, "policy")
        return
    change_state(core, TradingState.HALTED, why, "policy")
    cancel_increases(core, why)


def _journal_trips(
    core: Core,
    before: BreakerState,
    after: BreakerState,
    since: SteadyReferences,
    equity: float,
) -> None:
    policy = core.config.policy
    day, month = loss_since(since.day, equity), loss_since(since.month, equity)
    if policy.rolling.is_rolling:
        day = max(day, loss_since(since.day_rolling, equity))
        month = max(month, loss_since(since.month_rolling, equity))
    lines = (
        ("day", before.is_day_tripped, after.is_day_tripped, day, policy.limits.loss_limit_daily),
        (
            "month",
            before.is_month_tripped,
            after.is_month_tripped,
            month,
            policy.limits.loss_limit_monthly,
        ),
        (
            "emergency",
            before.is_emergency,
            after.is_emergency,
            month,
            -policy.thresholds.month_return_emergency,
        ),
        (
            "drawdown",
            before.is_drawdown_tripped,
            after.is_drawdown_tripped,
            loss_since(since.peak, equity),
            policy.rolling.drawdown_limit,
        ),
    )
    for name, was, is_now, value, limit in lines:
        if was != is_now:
            core.record(_moved(core, name, _fraction(value), exact(limit), is_tripped=is_now))


def change_state(core: Core, after: TradingState, why: str, who: str) -> None:
    """Change the trading state, once."""
    before = core.state.trading
    if before is after and core.state.trading_why == why:
        return
    core.record(
        StateChanged(
            at_ns=core.now_ns,
            before=before.name.lower(),
            after=after.name.lower(),
            why=why,
            who=who,
        )
    )


def cancel_increases(core: Core, why: str, parts: frozenset[str] | None = None) -> None:
    """Cancel every buy under way, or those of some parts of the account; protective sells stay."""
    for tracked in core.state.orders.buys():
        if parts is None or is_in(core.instrument(tracked.order.key), parts):
            cancel(core, tracked, why)


def judge_tier(core: Core, equity: Decimal) -> None:
    """Grant the tier that record and month support: down at once, up one step a day."""
    state, thresholds = core.state, core.config.policy.thresholds
    record = state.book.record.capping
    closed = record.wins + record.losses
    win_rate = win_rate_of(record.wins, closed, thresholds.trades_min)
    month = -loss_since(float(state.opening(Period.MONTH)), float(equity))
    breakers = state.breakers
    earned = select_tier(win_rate, month, thresholds)
    if core.config.policy.record.is_earned:
        earned = earned_tier(core, breakers.is_emergency)
    elif core.config.policy.rolling.is_rolling and breakers.is_emergency:
        earned = Tier.EMERGENCY  # also where only the last thirty days are one
    granted = granted_tier(
        state.tier,
        earned,
        core.config.tier_ceiling,
        state.rose_on != state.day_label,
        breakers.is_day_tripped
        or breakers.is_month_tripped
        or breakers.is_drawdown_tripped
        or state.trading is not TradingState.ACTIVE,
    )
    if granted is state.tier:
        return
    core.record(
        TierGranted(
            at_ns=core.now_ns,
            before=state.tier.name,
            after=granted.name,
            earned=earned.name,
            wins=record.wins,
            closed=closed,
            win_rate="" if win_rate != win_rate else f"{win_rate:.6f}",
            month_return=f"{month:.6f}",
            why="fall" if granted < state.tier else "rise",
            imported=record.imported,
        )
    )


def judge_assets(core: Core) -> None:
    """Close and lock for the day every coin that lost its share of the day's opening equity.

    Under rolling limits all coins are locked once they have lost theirs together.
    """
    state, policy = core.state, core.config.policy
    opening, total = state.opening(Period.DAY), ZERO
    for key in state.asset_day.touched():
        price = core.ladder.mark(key)
        if not state.instruments[key].is_crypto or price is None:
            continue
        loss = state.asset_day.loss(key, state.book.qty(key) * price)
        total += loss
        is_open = state.locks.get(key, 0) <= core.now_ns
        if is_open and is_asset_locked(float(loss), float(opening), policy.limits):
            _lock(core, key, loss, opening)
    if is_sleeve_locked(float(total), float(opening), policy.rolling):
        for key, instrument in state.instruments.items():
            if instrument.is_crypto and state.locks.get(key, 0) <= core.now_ns:
                _lock(core, key, total, opening, is_by_sleeve=True)


def _lock(
    core: Core, key: Key, loss: Decimal, opening: Decimal, *, is_by_sleeve: bool = False
) -> None:
    """Lock one coin until the next risk day, and sell what is held of it."""
    state, share, policy = core.state, _fraction(float(loss / opening)), core.config.policy
    of_asset, of_sleeve = policy.limits.loss_limit_daily_asset, policy.rolling.loss_limit_sleeve
    limit = exact(of_sleeve if is_by_sleeve else of_asset)
    core.record(
        AssetLocked(
            at_ns=core.now_ns,
            key=key,
            loss=share,
            limit=limit,
            until_ns=core.calendar.next_day_ns(core.now_ns),
            is_by_sleeve=is_by_sleeve,
        )
    )
    for tracked in state.orders.of(key):
        if tracked.is_buy and state.rollout.step.governs_entries:
            cancel(core, tracked, "locked for the day")
    reachable = core.reachable(key)
    if reachable > 0:
        house_sale(
            core,
            key,
            reachable,
            role=Role.GUARD,
            reason=Reason.ASSET_LOCKED,
            unit="fraction",
            bound=limit,
            would_be=share,
            figures={"loss today": f"{loss:.2f}", "opening equity": f"{opening:.2f}"},
        )


def _fraction(value: float) -> Decimal:
    if value != value:
        return ZERO
    return Decimal(repr(round(value, 8))).quantize(Decimal("0.00000001"))
