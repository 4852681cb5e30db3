"""Mistakes about what is earned and what stops it, put into the product on purpose.

Part of `mistakes`: each is played under settings in which the rule that it breaks is on.
"""

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from tests.simulation.mistake import Mistake
from tests.simulation.regime import CALM, EAGER, NARROW, ON_EDGE, SHALLOW

import smart_leverage.engine.buying as buying
import smart_leverage.engine.earning as earning
import smart_leverage.engine.judging as judging
import smart_leverage.policy.evidence as evidence
from smart_leverage.books.episodes import Episodes
from smart_leverage.books.peaks import RollingMarks, RollingPeak
from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.evidence import Evidence
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Started
from smart_leverage.engine.proof import ExactCaps
from smart_leverage.engine.resolving import on_started
from smart_leverage.policy.breakers import BreakerState, LossLimits
from smart_leverage.policy.earning import ExposureTerms, named_caps, step_exposure
from smart_leverage.policy.exposure import ExposureCaps, ExposureDecision
from smart_leverage.policy.steady_breakers import (
    RollingTerms,
    SteadyReferences,
    judge_breakers,
)
from smart_leverage.policy.tier import Tier

Patch = pytest.MonkeyPatch


def forgets_the_peak(planted: Patch) -> None:
    """The cap that shrinks with a drawdown never shrinks."""
    planted.setattr(RollingPeak, "best", lambda peak, label, within_days: Decimal(0))


def forgets_the_peak_at_a_start(planted: Patch) -> None:
    """Each restart forgives the drawdown so far."""
    at_a_start(planted, lambda core: core.state.peak.resume())


def forgets_the_windows_at_a_start(planted: Patch) -> None:
    """Each restart forgives what was lost in the last 24 hours."""

    def anew(core: Core) -> None:
        mark = core.state.last_mark
        if mark is not None:
            core.state.rolling.resume(core.now_ns, mark.equity)

    at_a_start(planted, anew)


def at_a_start(planted: Patch, forget: Callable[[Core], None]) -> None:
    def started(core: Core, event: Started) -> None:
        on_started(core, event)
        forget(core)

    planted.setattr("smart_leverage.engine.engine.on_started", started)


def takes_a_deposit_for_a_gain(planted: Patch) -> None:
    """Money paid in raises the caps as if it had been earned."""
    for marks in (RollingPeak, RollingMarks):
        planted.setattr(marks, "flow", lambda marks, before, after: None)


def rises_while_tripped(planted: Patch) -> None:
    """The cap grows on the day on which the account lost its limit."""

    def step(
        present: float, caps: ExposureCaps, at: ExposureTerms, is_tripped: bool
    ) -> ExposureDecision:
        return step_exposure(present, caps, at, False)

    planted.setattr(earning, "step_exposure", step)


def lets_a_fall_wait_for_a_band(planted: Patch) -> None:
    """A cap that has fallen a little is passed by that little, every day."""

    def step(
        present: float, caps: ExposureCaps, at: ExposureTerms, is_tripped: bool
    ) -> ExposureDecision:
        after = step_exposure(present, caps, at, is_tripped)
        is_small = present * (1.0 - at.rise_min) <= after.exposure < present
        return after._replace(exposure=present) if is_small else after

    planted.setattr(earning, "step_exposure", step)


def keeps_what_has_expired(planted: Patch) -> None:
    """A cap rests on evidence of last year."""
    planted.setattr(Evidence, "is_in_force", lambda known, now_ns: known.measured is not None)


def leaves_a_cap_out(planted: Patch) -> None:
    """A whole kind of risk has no limit."""

    def caps(*given: Any) -> ExposureCaps:
        return named_caps(*given)._replace(kelly=math.inf)

    planted.setattr(earning, "named_caps", caps)


def proves_by_the_tier_alone(planted: Patch) -> None:
    """What was earned is not asked: the account holds what its tier would allow."""

    def within(core: Core, caps: Mapping[Tier, ExactCaps], tier: Tier) -> ExactCaps:
        return caps[tier]

    planted.setattr(Core, "_within_earned", within)


def counts_no_open_losers(planted: Patch) -> None:
    """Who never sells losers looks like a winner, and is given more."""

    def losers(episodes: Episodes, at_ns: int, values: Mapping[Key, Decimal]) -> dict[str, int]:
        return {}

    planted.setattr(Episodes, "losers", losers)


def takes_a_win_rate_for_a_proof(planted: Patch) -> None:
    """Two lucky trades count as a record, and the caps rise."""

    def raw(
        prior: evidence.Prior, wins: float, losses: float, threshold: float, least: float
    ) -> bool:
        return wins + losses > 0 and wins / (wins + losses) > threshold

    planted.setattr(evidence, "is_probably_above", raw)


def rises_two_steps_a_day(planted: Patch) -> None:
    """One good morning doubles what the account may lose in the afternoon."""
    planted.setattr(judging, "granted_tier", lambda granted, earned, *rest: earned)


def judges_no_window(planted: Patch) -> None:
    """A loss over midnight is two small ones, and neither trips."""

    def judge(
        state: BreakerState, equity: float, since: SteadyReferences, limits: LossLimits,
        month_return_emergency: float, at: RollingTerms,
    ) -> BreakerState:  # fmt: skip
        calendar = RollingTerms(is_rolling=False)
        return judge_breakers(state, equity, since, limits, month_return_emergency, calendar)

    planted.setattr(judging, "judge_breakers", judge)


def lets_midnight_lift_a_drawdown(planted: Patch) -> None:
    """A drawdown that a person has to look at is forgotten by the clock."""
    clear = judging._clear_day

    def clear_all(core: Core) -> None:
        clear(core)
        judging.clear_month(core, "a new risk day")

    planted.setattr(judging, "_clear_day", clear_all)


def forgets_the_sleeve(planted: Patch) -> None:
    """Five coins lose a little each, all at once, and none is locked."""
    planted.setattr(judging, "is_sleeve_locked", lambda loss, opening, at: False)


def lifts_a_lock_early(planted: Patch) -> None:
    """A coin is bought again an hour before its day of loss is over."""
    whole = RiskCalendar.next_day_ns
    planted.setattr(
        RiskCalendar, "next_day_ns", lambda calendar, at_ns: whole(calendar, at_ns) - HOUR_NS
    )


def buys_where_there_is_no_edge(planted: Patch) -> None:
    """A source that is wrong as often as right is believed in full."""
    planted.setattr(buying, "calibrated", lambda confidence, knots: 1.0)


STEADILY = (
    Mistake(forgets_the_peak, {}, ("INV-03",), CALM),
    Mistake(forgets_the_peak_at_a_start, {"killed": 0.1}, ("INV-03",), CALM),
    Mistake(forgets_the_windows_at_a_start, {"killed": 0.1}, ("INV-16",), NARROW, 5),
    Mistake(takes_a_deposit_for_a_gain, {"deposit": 0.3}, ("INV-03", "INV-16"), CALM),
    Mistake(rises_while_tripped, {}, ("INV-17",), EAGER),
    Mistake(lets_a_fall_wait_for_a_band, {}, ("INV-03",), CALM),
    Mistake(keeps_what_has_expired, {}, ("INV-03",), CALM),
    Mistake(leaves_a_cap_out, {}, ("INV-03",), CALM),
    Mistake(proves_by_the_tier_alone, {}, ("INV-03",), CALM),
    Mistake(counts_no_open_losers, {}, ("INV-03", "INV-17"), ON_EDGE, 1),
    Mistake(takes_a_win_rate_for_a_proof, {}, ("INV-03",), CALM, 1),
    Mistake(rises_two_steps_a_day, {}, ("INV-17",), CALM, 1),
    Mistake(judges_no_window, {}, ("INV-16",), EAGER, 5),
    Mistake(lets_midnight_lift_a_drawdown, {}, ("INV-16",), SHALLOW, 10),
    Mistake(forgets_the_sleeve, {}, ("INV-16",), EAGER, 5),
    Mistake(lifts_a_lock_early, {}, ("INV-16",), EAGER, 5),
    Mistake(buys_where_there_is_no_edge, {}, ("INV-03",), CALM),
)
