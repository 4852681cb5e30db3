"""What is lent by day: where the plan stands, and the account as the margin rules see it."""

from decimal import Decimal

from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.engine.exposure import ZERO, Worst
from smart_leverage.engine.state import State
from smart_leverage.policy.intraday import IntradayTerms, Phase, phase_of
from smart_leverage.policy.margin import MarginAccount

NAN = float("nan")


def phase_at(now_ns: int, at: IntradayTerms) -> Phase:
    """Return where the plan stands; a session that no table covers counts as none."""
    if not at.is_on:
        return Phase.OFF
    close_ns = close_after(now_ns)
    if close_ns is None:
        return phase_of(NAN, False, at)
    return phase_of((close_ns - now_ns) / MINUTE_NS, True, at)


def close_after(now_ns: int) -> int | None:
    """Return when the session that is on closes, None while none is on or known."""
    calendar = calendar_for(AssetClass.US_EQUITY)
    try:
        return calendar.next_close(now_ns) if calendar.is_open(now_ns) else None
    except BadData:
        return None


def margin_account(state: State, worst: Worst, withheld: Decimal) -> MarginAccount:
    """Return the account at its worst case as the margin rules see it.

    Args:
        state: Instruments with their rates.
        worst: Positions at their dearest, purchases under way at their limits.
        withheld: What the broker's own figure lacks to ours, money of margin equity.
    """
    coins = maintenance = initial = ZERO
    for key, amount in worst.by_key.items():
        instrument = state.instruments[key]
        if instrument.is_coin:
            coins += amount
        else:
            maintenance += instrument.margin_rate * amount
            initial += instrument.margin_rate_initial * amount
    return MarginAccount(
        cash=float(worst.equity - worst.gross),
        long_value=float(worst.gross),
        short_value=0.0,
        crypto_value=float(coins),
        initial_margin=float(initial + withheld),
        maintenance_margin=float(maintenance + withheld),
        equity_last=NAN,
        maintenance_margin_last=NAN,
        power_used_today=NAN,
        is_day_trader=False,
    )


def rate_of(instrument: Instrument) -> float:
    """Return the maintenance rate of an instrument as the margin rules take it."""
    return float(instrument.margin_rate)
