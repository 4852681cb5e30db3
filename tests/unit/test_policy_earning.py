"""Caps with names, records of episodes, and sizes by the edge: what `steady` is made of."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.policy.breakers import BreakerState, LossLimits
from smart_leverage.policy.decide import (
    Account,
    Asset,
    Proposal,
    decide,
    edge_factor,
)
from smart_leverage.policy.earning import (
    ExposureTerms,
    named_caps,
    quiet_share,
    step_exposure,
    whole_steps,
)
from smart_leverage.policy.evidence import (
    Record,
    RecordTerms,
    proof_of,
    step_record,
    tier_with_open_losers,
)
from smart_leverage.policy.exposure import Cap
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.sizing import EdgeTerms
from smart_leverage.policy.sleeve import UNKNOWN, SleeveEvidence
from smart_leverage.policy.steady_breakers import (
    RollingTerms,
    SteadyReferences,
    is_sleeve_locked,
    judge_breakers,
)
from smart_leverage.policy.tier import Caps, Tier, tighter

ALL_ON = ExposureTerms(
    is_drawdown_capped=True, is_tail_capped=True, is_kelly_capped=True, is_volatility_capped=True
)
KNOWN = SleeveEvidence(
    days=90.0, es_per_unit=0.09, volatility=0.6, volatility_target=0.08, mean_low=0.3,
    kelly_best=0.4,
)  # fmt: skip
CLEAR = BreakerState(is_day_tripped=False, is_month_tripped=False, is_emergency=False)


# --- caps ----------------------------------------------------------------------------------------


def test_every_cap_follows_its_formula_in_whole_hundredths() -> None:
    caps = named_caps(0.6, 0.4, 98_000.0, 100_000.0, KNOWN, ALL_ON)
    assert caps._asdict() == {
        "hard": 0.6,
        "drawdown": 0.20,  # 4 (1 - 0.93 / 0.98) = 0.204
        "tail": 0.16,  # 0.015 / 0.09 = 0.167
        "kelly": 0.16,  # 0.5 x 0.4 x 0.3 / 0.36 = 0.167
        "volatility": 0.13,  # 0.08 / 0.6 = 0.133
        "evidence": 0.4,
    }
    assert step_exposure(0.6, caps, ALL_ON, is_tripped=False) == (0.13, Cap.VOLATILITY)


def test_a_cap_without_evidence_is_not_in_force() -> None:
    caps = named_caps(0.25, 0.25, 100_000.0, 100_000.0, UNKNOWN, ALL_ON)
    assert (caps.tail, caps.kelly, caps.volatility) == (math.inf,) * 3
    assert caps.drawdown == 0.28


def test_with_nothing_on_only_the_tier_counts_and_a_rise_is_not_held_back() -> None:
    caps = named_caps(0.25, math.inf, math.nan, math.nan, KNOWN, ExposureTerms())
    assert caps == (0.25, *(math.inf,) * 5)
    assert step_exposure(0.24, caps, ExposureTerms(), is_tripped=True).exposure == 0.25


def test_kelly_leaves_a_little_so_that_a_record_can_go_on() -> None:
    hopeless = KNOWN._replace(mean_low=-2.0)
    assert named_caps(0.6, 0.6, 1.0, 1.0, hopeless, ALL_ON).kelly == 0.05


@pytest.mark.parametrize("equity", [math.nan, 0.0, -5.0])
def test_an_unknown_equity_leaves_nothing_where_the_drawdown_counts(equity: float) -> None:
    assert named_caps(0.6, 0.6, equity, 100.0, KNOWN, ALL_ON).drawdown == 0.0


@pytest.mark.parametrize(
    ("exposure", "whole"),
    [(0.28, 0.28), (0.2799999999999998, 0.28), (0.2799, 0.27), (0.0, 0.0), (math.nan, 0.0)],
)
def test_whole_steps_are_rounded_down_but_not_by_a_hair(exposure: float, whole: float) -> None:
    assert whole_steps(exposure, 100.0) == whole


def test_the_tighter_of_two_caps_counts_and_an_unknown_one_allows_nothing() -> None:
    assert tighter(Caps(0.25, 0.35), Caps(0.2, math.inf)) == Caps(0.2, 0.35)
    assert math.isnan(tighter(Caps(0.25, 0.35), Caps(math.nan, 1.0)).crypto)


@given(
    present=st.floats(0.0, 0.6),
    others=st.floats(0.0, 0.6),
    share=st.floats(0.85, 1.0),
    steps=st.sampled_from([20.0, 100.0, 400.0]),
    multiple=st.floats(1.0, 8.0),
)
def test_between_the_shares_that_are_quiet_nothing_changes(
    present: float, others: float, share: float, steps: float, multiple: float
) -> None:
    """Whoever passes over many prices at once may miss no change."""
    at = ExposureTerms(is_drawdown_capped=True, steps=steps, drawdown_multiple=multiple)
    caps = named_caps(others, math.inf, share, 1.0, UNKNOWN, at)
    now = step_exposure(min(present, others), caps, at, is_tripped=False).exposure
    quiet = quiet_share(now, others, at)
    for other in (share, quiet.least * 1.0000001, min(quiet.most, 1.0) * 0.9999999):
        if quiet.least < other < quiet.most and other <= 1.0:
            after = named_caps(others, math.inf, other, 1.0, UNKNOWN, at)
            assert step_exposure(now, after, at, is_tripped=False).exposure == now


# --- records -------------------------------------------------------------------------------------

AT = RecordTerms(is_earned=True)


def after(outcomes: list[float], at: RecordTerms = AT) -> Record:
    record = Record()
    for one in outcomes:
        record = step_record(record, one, at)
    return record


def test_wins_as_large_as_losses_have_to_be_more_than_half() -> None:
    assert after([0.01, -0.01] * 60).tier is Tier.LEARNING
    assert after([0.01, 0.01, -0.01, 0.01] * 30).tier is Tier.PROFITABLE


def test_many_small_wins_that_lose_money_earn_nothing() -> None:
    """Four of five are won, and the fifth costs more than all of them."""
    outcomes = [0.004, 0.004, 0.004, 0.004, -0.02] * 40
    record = after(outcomes)
    assert record.tier is Tier.LEARNING
    assert proof_of(record, AT).threshold_1 > 0.7


def test_few_large_wins_earn_a_tier_below_half() -> None:
    record = after([-0.01, 0.04, -0.01, -0.01, 0.04] * 30)
    assert record.tier > Tier.LEARNING
    assert proof_of(record, AT).threshold_1 < 0.4


def test_a_scratch_is_neither_and_so_is_what_is_not_known() -> None:
    record = after([0.01] * 5)
    assert step_record(record, 0.00005, AT) == record
    assert step_record(record, math.nan, AT) == record


def test_no_tier_is_earned_by_fewer_trades_than_it_takes() -> None:
    assert after([0.01] * 20).tier is Tier.LEARNING  # twenty, of which the old ones count less
    assert after([0.01] * 24).tier is Tier.STABLE


def test_losers_that_are_kept_open_lower_the_tier_and_none_raises_it() -> None:
    record = after([0.01, 0.01, -0.01, 0.01] * 30)
    assert tier_with_open_losers(record, 0, AT) is Tier.PROFITABLE
    assert tier_with_open_losers(record, 30, AT) is Tier.STABLE
    assert tier_with_open_losers(record, 60, AT) is Tier.LEARNING
    assert tier_with_open_losers(Record(), 3, AT) is Tier.LEARNING


# --- sizes by the edge ---------------------------------------------------------------------------

EDGE = CLASSIC._replace(edge=EdgeTerms(is_edge_sized=True))


def size(
    confidence: float, *, is_calibrated: bool, breakeven: float = 0.5, tier: Tier = Tier.STABLE,
    policy: Policy = EDGE,
) -> float:  # fmt: skip
    account = Account(
        state=TradingState.ACTIVE, breakers=CLEAR, tier=tier, equity=100_000.0, crypto_worst=0.0,
        leveraged_worst=0.0, gross_worst=0.0, power=100_000.0, breakeven=breakeven,
    )  # fmt: skip
    asset = Asset(
        lot_value=1.0, lot_cost=1.0, is_crypto=True, is_leveraged=True, is_broad=False,
        is_fresh=True, is_tradable=True, is_locked=False, is_deleveraging=False, worst=0.0,
        lots_held=0, lots_selling=0, lots_step=1, lots_min=1,
    )  # fmt: skip
    proposal = Proposal(
        is_buy=True, lots=0, confidence=confidence, volatility_ratio=1.0, bot_room=math.inf,
        is_calibrated=is_calibrated,
    )  # fmt: skip
    return decide(account, asset, proposal, policy).size


def test_a_claim_is_worth_half_of_the_lowest_tier_whatever_it_says() -> None:
    half = 100_000 * 0.25 * 0.05 * 0.5
    assert size(0.7, is_calibrated=False) == size(0.99, is_calibrated=False) == half


def test_at_break_even_nothing_is_bought_and_at_the_reference_the_whole_size() -> None:
    assert size(0.5, is_calibrated=True) == 0.0
    assert size(2 / 3, is_calibrated=True) == pytest.approx(100_000 * 0.40 * 0.05)
    assert size(0.99, is_calibrated=True) == pytest.approx(100_000 * 0.40 * 0.05 * 1.5)


def test_an_account_of_small_wins_can_trade_where_its_edge_is() -> None:
    """Its break-even lies beyond two thirds; the reference moves along with it."""
    assert edge_factor(0.75, 0.77, EDGE) == 0.0
    assert edge_factor(0.87, 0.77, EDGE) == pytest.approx(1.0)


# --- breakers ------------------------------------------------------------------------------------

LIMITS = LossLimits()
ROLLING = RollingTerms(is_rolling=True)


def judged(equity: float, since: SteadyReferences, at: RollingTerms) -> BreakerState:
    return judge_breakers(CLEAR, equity, since, LIMITS, -0.05, at)


def test_a_loss_over_a_rolling_day_trips_only_where_that_counts() -> None:
    since = SteadyReferences(
        day=97.0, day_rolling=100.0, month=97.0, month_rolling=97.0, peak=100.0
    )
    assert judged(96.5, since, ROLLING).is_day_tripped
    assert not judged(96.5, since, RollingTerms()).is_day_tripped


@pytest.mark.parametrize("window", ["month", "month_rolling"])
def test_either_month_trips_and_stays_tripped(window: str) -> None:
    none = dict.fromkeys(("day", "day_rolling", "month", "month_rolling", "peak"), 92.0)
    since = SteadyReferences(**{**none, window: 100.01})
    tripped = judged(92.0, since, ROLLING)
    assert tripped.is_month_tripped
    assert tripped.is_emergency
    assert not judged(92.0, SteadyReferences(**{**none, window: 100.0}), ROLLING).is_month_tripped
    better = judge_breakers(tripped, 120.0, since, LIMITS, -0.05, ROLLING)
    assert better.is_month_tripped  # a profit lifts nothing
    assert not better.is_emergency


@pytest.mark.parametrize("window", ["day", "day_rolling"])
def test_either_day_trips_and_stays_tripped(window: str) -> None:
    none = dict.fromkeys(("day", "day_rolling", "month", "month_rolling", "peak"), 97.0)
    since = SteadyReferences(**{**none, window: 100.01})
    tripped = judged(97.0, since, ROLLING)
    assert tripped.is_day_tripped
    assert not tripped.is_month_tripped
    assert judge_breakers(tripped, 120.0, since, LIMITS, -0.05, ROLLING).is_day_tripped


def test_a_drawdown_trips_only_where_that_counts() -> None:
    since = SteadyReferences(day=92.0, day_rolling=92.0, month=92.0, month_rolling=92.0, peak=100.0)
    assert judged(91.9, since, ROLLING).is_drawdown_tripped
    assert not judged(92.0, since, ROLLING).is_drawdown_tripped
    assert not judged(91.9, since, RollingTerms()).is_drawdown_tripped


def test_all_coins_together_have_a_limit_only_where_that_counts() -> None:
    assert is_sleeve_locked(2_001.0, 100_000.0, ROLLING)
    assert not is_sleeve_locked(2_000.0, 100_000.0, ROLLING)
    assert not is_sleeve_locked(9_000.0, 100_000.0, RollingTerms())
    assert not is_sleeve_locked(math.nan, 100_000.0, ROLLING)
