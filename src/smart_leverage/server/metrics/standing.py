"""How an account stands, read between two decisions, and the metrics that say it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.baselines import Period
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.engine.engine import Engine
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.driven import Driven
from smart_leverage.server.metrics.exposition import Labels, Value, Values, alone

MONTH_NS = 30 * DAY_NS
"""The window that is judged beside the calendar month, where windows roll."""

ON = "on"


class Loss(NamedTuple):
    """One limited loss, as fractions of the equity from which it is counted."""

    lost: Decimal | None
    limit: Decimal | None
    is_tripped: bool


class Standing(NamedTuple):
    """An account at one instant."""

    state: TradingState
    tier: int
    equity: Decimal
    exposures: Mapping[str, Decimal]
    """Market value by group, fractions of equity; empty without equity."""
    caps: Mapping[str, Decimal]
    losses: Mapping[str, Loss]
    positions: int
    unprotected: int
    orders: int
    has_plan: bool
    is_ready: bool
    trouble: str
    """What is wrong with the ledger; empty while it is written."""
    seq: int
    waiting: int
    """Records that wait for the disk."""


def standing(trader: Driven, now_ns: int) -> Standing:
    """Read an account; on the trading thread, so it takes no longer than it has to."""
    engine, ledger = trader.engine, trader.ledger
    state, worth, caps = engine.state, engine.valuation(), engine.caps
    values = {"crypto": worth.crypto, "leveraged": worth.leveraged, "gross": worth.gross}
    return Standing(
        state=state.trading,
        tier=int(state.tier),
        equity=worth.equity,
        exposures=_shares(values, worth.equity),
        caps={"crypto": caps.crypto, "leveraged": caps.leveraged, "gross": caps.gross},
        losses=dict(_losses(engine, worth.equity, now_ns)),
        positions=len(state.held()),
        unprotected=len(state.bare_since),
        orders=len(state.orders.by_id),
        has_plan=state.plan is not None,
        is_ready=engine.is_ready,
        trouble=ledger.why if isinstance(ledger, Refuge) else "",
        seq=ledger.head.seq,
        waiting=ledger.counts.queued,
    )


def _shares(values: Mapping[str, Decimal], equity: Decimal) -> dict[str, Decimal]:
    return {group: value / equity for group, value in values.items()} if equity > 0 else {}


def _losses(engine: Engine, equity: Decimal, now_ns: int) -> Iterator[tuple[str, Loss]]:
    state = engine.state
    limits, opened, breakers = state.limits.in_force, state.baselines.opening, state.breakers
    is_rolling = limits.get("breakers.rolling") == ON
    day, month = _lost(opened(Period.DAY), equity), _lost(opened(Period.MONTH), equity)
    if is_rolling:
        day = _worse(day, _lost(state.rolling.before(now_ns - DAY_NS), equity))
        month = _worse(month, _lost(state.rolling.before(now_ns - MONTH_NS), equity))
    peak = _lost(opened(Period.PEAK), equity)
    worst = Decimal(limits["breakers.drawdown_limit"]) if is_rolling else None
    daily, monthly = limits["limits.loss_limit_daily"], limits["limits.loss_limit_monthly"]
    yield "day", Loss(day, Decimal(daily), breakers.is_day_tripped)
    yield "month", Loss(month, Decimal(monthly), breakers.is_month_tripped)
    yield "drawdown", Loss(peak, worst, breakers.is_drawdown_tripped)


def _lost(opening: Decimal | None, equity: Decimal) -> Decimal | None:
    """Return a loss as a fraction of where it began, 0 for a gain; None where nothing is known."""
    if opening is None or not opening.is_finite() or opening <= 0:
        return None
    return max(1 - equity / opening, Decimal(0))


def _worse(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    known = [each for each in (one, other) if each is not None]
    return max(known, default=None)


def values_of(now: Standing) -> Values:
    """Return the metrics of a standing."""
    drawdown = now.losses["drawdown"].lost
    return {
        "state": {(state.name.lower(),): float(state is now.state) for state in TradingState},
        "tier": alone(float(now.tier)),
        "equity": alone(float(now.equity)),
        "drawdown_ratio": alone(None if drawdown is None else float(drawdown)),
        "exposure_ratio": _by_name(now.exposures),
        "cap_ratio": _by_name(now.caps),
        "limit_used_ratio": _by_name(
            {
                name: loss.lost / loss.limit
                for name, loss in now.losses.items()
                if loss.lost is not None and loss.limit
            }
        ),
        "breaker_tripped": {(name,): float(loss.is_tripped) for name, loss in now.losses.items()},
        "positions": alone(now.positions),
        "positions_unprotected": alone(now.unprotected),
        "orders_under_way": alone(now.orders),
        "plan_active": alone(float(now.has_plan)),
        "ledger_trouble": alone(float(bool(now.trouble))),
        "ledger_seq": alone(now.seq),
    }


def _by_name(values: Mapping[str, Decimal]) -> Mapping[Labels, Value]:
    return {(name,): float(value) for name, value in values.items()}
