"""Borrowed money by day only: until when it is lent, and what has to be gone before the close."""

import math
from enum import IntEnum
from typing import NamedTuple

from smart_leverage.policy.margin import MarginAccount, MarginTerms, security_capacity
from smart_leverage.rule import rule


class IntradayTerms(NamedTuple):
    """The plan; off by default, and then nothing here changes anything.

    Minutes are counted back from the close of the session, an early one as well.
    """

    is_on: bool = False
    gross_cap: float = 2.0
    """All positions while money is lent, fraction of equity; margin may carry less."""
    entries_until_minutes: int = 60
    """With so many left or fewer nothing is lent any more and no leveraged fund is bought."""
    flat_from_minutes: int = 30
    """From here on leveraged funds are sold, and what else is above the cap of the night."""
    deadline_minutes: int = 10
    """Whoever still holds any then is late."""


class Phase(IntEnum):
    """Where the plan stands at an instant."""

    OFF = 0
    CLOSED = 1
    """No session is on, or it is not known when it ends."""
    LENDING = 2
    KEEPING = 3
    """Nothing is lent any more, and nothing has to go yet."""
    FLATTENING = 4
    LATE = 5


@rule
def phase_of(minutes_left: float, is_session: bool, at: IntradayTerms) -> Phase:
    """Return where the plan stands.

    Args:
        minutes_left: Until the session closes. NaN, infinite or not positive: no session is known.
        is_session: Whether one is on.
        at: The plan.
    """
    if not at.is_on:
        return Phase.OFF
    if not (is_session and 0.0 < minutes_left < math.inf):  # also when it is NaN
        return Phase.CLOSED
    if minutes_left > at.entries_until_minutes:
        return Phase.LENDING
    if minutes_left > at.flat_from_minutes:
        return Phase.KEEPING
    return Phase.FLATTENING if minutes_left > at.deadline_minutes else Phase.LATE


@rule
def is_intraday(is_coin: bool, factor: float) -> bool:
    """Tell whether an instrument is held by day only under the plan: every leveraged fund.

    Args:
        is_coin: Coins never close, so nothing of them has to be gone by a close.
        factor: Daily multiple of a fund, signed. NaN counts as leveraged.
    """
    return not is_coin and not -1.0 <= factor <= 1.0


@rule
def is_entry_over(phase: Phase, is_intraday: bool) -> bool:
    """Tell whether an instrument may not be bought because it would have to be gone too soon."""
    return is_intraday and phase != Phase.OFF and phase != Phase.LENDING


@rule
def is_flattening(phase: Phase) -> bool:
    """Tell whether what may not stay over the close is sold now."""
    return phase == Phase.FLATTENING or phase == Phase.LATE


@rule
def is_of_night(phase: Phase) -> bool:
    """Tell whether no more may be held than over a close: since the selling before one began."""
    return phase == Phase.FLATTENING or phase == Phase.LATE or phase == Phase.CLOSED


@rule
def gross_overnight(gross: float) -> float:
    """Return the cap on all positions over a close, fraction of equity: nothing is borrowed then.

    NaN stays NaN, and nothing fits under it.
    """
    return 1.0 if gross > 1.0 else gross


@rule
def gross_for_entries(phase: Phase, gross: float, at: IntradayTerms) -> float:
    """Return the cap on all positions for whatever adds.

    Args:
        phase: Where the plan stands.
        gross: The cap without the plan, fraction of equity.
        at: The plan.
    """
    if phase == Phase.OFF:
        return gross
    return at.gross_cap if phase == Phase.LENDING else gross_overnight(gross)


@rule
def gross_for_holding(phase: Phase, gross: float, at: IntradayTerms) -> float:
    """Return the cap on all positions to which is sold down; see `gross_for_entries`.

    It falls when selling before the close begins, and not when entries end.
    """
    if phase == Phase.OFF:
        return gross
    overnight = gross_overnight(gross)
    if is_of_night(phase):
        return overnight
    return at.gross_cap if at.gross_cap > overnight else overnight


@rule
def is_lent_on(phase: Phase, is_coin: bool) -> bool:
    """Tell whether a purchase may be paid with borrowed money now; that of a coin never is."""
    return phase == Phase.LENDING and not is_coin


@rule
def power_lent(cash: float, account: MarginAccount, rate: float, terms: MarginTerms) -> float:
    """Return what may be spent on one security while money is lent.

    Args:
        cash: Own cash that nothing reserves, account currency, at least 0.
        account: At the worst case. NaN in any sum, or a multiplier of one: nothing is lent.
        rate: Maintenance rate of the security.
        terms: What the broker lends.

    Returns:
        Account currency: what margin carries, at least the own cash; NaN cash stays NaN.
    """
    carried = security_capacity(account, rate, terms)
    return carried if carried > cash else cash
