"""Where a rule changes its mind: the figure at the edge, and the one just beyond it."""

import math
from typing import Any

import pytest

from smart_leverage.policy.arithmetic import (
    exponential,
    exponential_less_one,
    finite_or_zero,
    normal_cdf,
)
from smart_leverage.policy.breakers import BreakerState, is_loss_over
from smart_leverage.policy.calibration import CalibrationKnots, calibrated
from smart_leverage.policy.caps import weight_of
from smart_leverage.policy.decide import Account, Asset, Proposal, decide, shortfall, size_of
from smart_leverage.policy.deleverage import Deleveraging, ceiling_now, deadline_minutes
from smart_leverage.policy.earning import (
    ExposureTerms,
    is_any_capped,
    named_caps,
    quiet_share,
    step_exposure,
    whole_steps,
)
from smart_leverage.policy.evidence import (
    Record,
    RecordTerms,
    payoff_thresholds,
    posterior_prob_above,
    proof_of,
    step_record,
    tier_with_open_losers,
)
from smart_leverage.policy.exposure import (
    Cap,
    ExposureCaps,
    exposure_decision,
    exposure_in_force,
)
from smart_leverage.policy.margin import (
    MarginAccount,
    MarginRates,
    MarginTerms,
    call_distance,
    concentrated_rate,
    crypto_capacity,
    implied_maintenance,
    liquidation_price_ratio,
    maintenance_rate,
    options_buying_power,
    prob_touch_barrier,
    security_capacity,
)
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.policy.sizing import (
    EdgeTerms,
    Sizing,
    is_sizing_input_sane,
    volatility_adjustment,
)
from smart_leverage.policy.sleeve import UNKNOWN, SleeveEvidence
from smart_leverage.policy.steady_breakers import (
    CLEAR,
    Mark,
    SteadyBreakers,
    SteadyLimits,
    SteadyReferences,
    steady_breaker_path,
    step_steady_breakers,
)
from smart_leverage.policy.stops import Stops, is_through_stop, stop_distance
from smart_leverage.policy.tier import TOLERANCE, Tier, granted_tier, tier_of
from smart_leverage.policy.volatility import VolatilityMemory, VolatilityState, volatility_ratio

NAN, INF = math.nan, math.inf
AT = RecordTerms(is_earned=True)

# --- records -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "wins", "losses"),
    [
        pytest.param(0.0001, 1.0, 0.0, id="a-win-of-just-enough"),
        pytest.param(0.00009, 0.0, 0.0, id="a-scratch-above"),
        pytest.param(-0.00009, 0.0, 0.0, id="a-scratch-below"),
        pytest.param(-0.0001, 0.0, 1.0, id="a-loss-of-just-enough"),
        pytest.param(NAN, 0.0, 0.0, id="nobody-knows"),
    ],
)
def test_an_episode_counts_from_the_scratch_on(outcome: float, wins: float, losses: float) -> None:
    record = step_record(Record(), outcome, AT)
    assert (record.wins, record.losses) == (wins, losses)
    assert record.won == max(outcome, 0.0) * wins if wins else record.won == 0.0
    assert record.lost == -outcome if losses else record.lost == 0.0


def test_an_episode_that_earned_nothing_is_lost_where_nothing_is_a_scratch() -> None:
    record = step_record(Record(), 0.0, AT._replace(scratch=0.0))
    assert (record.wins, record.losses) == (0.0, 1.0)


def test_every_count_and_sum_loses_weight_before_the_next_is_added() -> None:
    before = Record(wins=10.0, losses=5.0, won=0.4, lost=0.2)
    after = step_record(before, 0.02, AT)
    assert after[:4] == pytest.approx((10.9, 4.95, 0.416, 0.198))
    after = step_record(before, -0.02, AT)
    assert after[:4] == pytest.approx((9.9, 5.95, 0.396, 0.218))


def test_the_bar_lies_at_break_even_and_a_step_above() -> None:
    proof = proof_of(Record(wins=30.0, losses=30.0, won=0.6, lost=0.3), AT)
    drawn = (0.6 + 20 * 0.015) / 50 / ((0.3 + 20 * 0.015) / 50)
    assert proof.threshold_1 == pytest.approx(1.0 / (1.0 + drawn))
    assert proof.threshold_2 == pytest.approx(proof.threshold_1 + 0.10)
    a = 10.0 * proof.threshold_1
    for above, threshold in (proof.above_1, proof.threshold_1), (proof.above_2, proof.threshold_2):
        assert above == posterior_prob_above(a, 10.0 - a, 30.0, 60.0, threshold)


def test_large_losses_raise_the_bar_at_once_and_large_wins_lower_it_slowly() -> None:
    """Of the payoff as it was and the one drawn to one size, that with the higher bar counts."""
    raw = proof_of(Record(wins=30.0, losses=30.0, won=0.3, lost=0.6), AT)
    assert raw.threshold_1 == pytest.approx(2.0 / 3.0)
    assert raw.threshold_2 == pytest.approx(2.0 / 3.0 + 0.10)


@pytest.mark.parametrize(("wins", "losses"), [(0.5, 0.25), (0.25, 0.5), (0.5, 0.0), (0.0, 0.5)])
def test_less_than_a_trade_counts_as_what_is_left_of_it(wins: float, losses: float) -> None:
    found = payoff_thresholds(wins, losses, 0.02, 0.01, 0.0, 10.0, 0.1)
    won, lost = wins * 0.02, losses * 0.01
    prior = 10.0 * (won + lost) / (wins + losses)
    ratio = (won + prior) / (wins + 10.0) / ((lost + prior) / (losses + 10.0))
    assert found.payoff_ratio == pytest.approx(ratio)


@pytest.mark.parametrize(("wins", "losses"), [(5.0, 0.0), (0.0, 5.0)])
def test_what_wins_or_loses_alone_still_pays_its_costs(wins: float, losses: float) -> None:
    found = payoff_thresholds(wins, losses, 0.02, 0.02, 0.004, 10.0, 0.1)
    assert found.payoff_ratio == pytest.approx(1.0)
    assert found.breakeven == found.threshold_1 == pytest.approx(0.6)  # (0.02 + 0.004) ÷ 0.04
    assert found.threshold_2 == pytest.approx(0.7)


def test_exponentials_end_before_doubles_do() -> None:
    assert exponential(709.0) == math.exp(709.0)
    assert exponential(709.5) == exponential_less_one(709.5) == INF
    assert exponential_less_one(709.0) == math.expm1(709.0)
    assert normal_cdf(0.0) == 0.5
    assert normal_cdf(1.0) == pytest.approx(0.8413447460685429)
    assert [finite_or_zero(each) for each in (0.5, 0.0, -0.5, INF, NAN)] == [0.5, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("confidence", "worth"),
    [(0.0, 0.2), (0.4, 0.2), (0.5, 0.4), (0.6, 0.6), (0.7, 0.65), (0.8, 0.7), (1.0, 0.7)],
)
def test_a_confidence_is_worth_what_lies_between_two_points(
    confidence: float, worth: float
) -> None:
    knots = CalibrationKnots((0.4, 0.6, 0.8), (0.2, 0.6, 0.7))
    assert calibrated(confidence, knots) == pytest.approx(worth)
    assert math.isnan(calibrated(confidence, CalibrationKnots((0.4, 0.6), (0.2,))))
    for outside in (-1e-9, 1.0 + 1e-9, NAN):
        assert math.isnan(calibrated(outside, knots))
    assert CalibrationKnots() == ((0.0, 1.0), (0.0, 1.0))


@pytest.mark.parametrize(("wins", "losses"), [(0.5, 0.5), (0.5, 30.0), (30.0, 0.5)])
def test_less_than_a_trade_of_a_record_has_its_mean(wins: float, losses: float) -> None:
    """A rare loss is five times a win, so the payoff as it was is the higher bar."""
    record = Record(wins=wins, losses=losses, won=0.01 * wins, lost=0.05 * losses)
    assert proof_of(record, AT).threshold_1 == pytest.approx(5.0 / 6.0)


def test_what_is_a_hair_over_its_limit_is_inside_it() -> None:
    assert not is_loss_over(0.03 + TOLERANCE, 0.03)
    assert is_loss_over(0.03 + 2.0 * TOLERANCE, 0.03)
    at = Deleveraging()
    assert deadline_minutes(0.40 + TOLERANCE, at) == at.last_minutes
    assert deadline_minutes(0.40 + 2.0 * TOLERANCE, at) == at.first_minutes
    assert deadline_minutes(NAN, at) == at.last_minutes


def test_an_emergency_begins_below_its_edge_in_either_window() -> None:
    at = SteadyLimits(month_return_emergency=-0.5, drawdown_limit=9.0, loss_limit_monthly=9.0,
                      loss_limit_daily=9.0)  # fmt: skip
    edge = -0.5 - TOLERANCE
    for name in ("month", "month_rolling"):
        since = SteadyReferences(1.0, 1.0, 1.0, 1.0, 1.0)._replace(**{name: 2.0})
        exact = at._replace(month_return_emergency=-0.5)
        assert edge < -0.5
        assert step_steady_breakers(CLEAR, 1.0, since, exact) == CLEAR
        below = step_steady_breakers(CLEAR, 0.999999, since, exact)
        assert below == CLEAR._replace(is_emergency=True)


def test_open_losers_count_as_lost_and_only_lower() -> None:
    record = Record(wins=60.0, losses=20.0, won=0.6, lost=0.2, tier=Tier.PROFITABLE)
    assert tier_with_open_losers(record, 0, AT) is Tier.PROFITABLE
    assert tier_with_open_losers(record, -5, AT) is Tier.PROFITABLE
    falls = [tier_with_open_losers(record, losers, AT) for losers in range(0, 120, 5)]
    assert falls == sorted(falls, reverse=True)
    assert falls[-1] is Tier.LEARNING
    assert Tier.STABLE in falls
    learning = record._replace(tier=Tier.LEARNING)
    assert tier_with_open_losers(learning, 5, AT) is Tier.LEARNING
    assert tier_with_open_losers(record._replace(wins=2000.0, won=20.0), 1, AT) is Tier.PROFITABLE


def test_tiers_have_numbers_and_what_has_none_is_an_emergency() -> None:
    assert [tier_of(number) for number in range(4)] == list(Tier)
    assert tier_of(4) is tier_of(-1) is Tier.EMERGENCY


@pytest.mark.parametrize("granted", list(Tier))
@pytest.mark.parametrize("earned", list(Tier))
@pytest.mark.parametrize("ceiling", list(Tier))
def test_a_tier_falls_at_once_and_rises_by_one_where_it_is_due(
    granted: Tier, earned: Tier, ceiling: Tier
) -> None:
    target = min(earned, ceiling)
    risen = Tier(min(granted + 1, target)) if target > granted else target
    assert granted_tier(granted, earned, ceiling, True, False) is risen
    held = min(granted, target)
    assert granted_tier(granted, earned, ceiling, False, False) is held
    assert granted_tier(granted, earned, ceiling, True, True) is held


# --- exposure that is earned ---------------------------------------------------------------------


def test_an_exposure_counts_in_whole_steps_of_any_size() -> None:
    assert whole_steps(2.5, 0.5) == 2.0
    assert whole_steps(1.75, 1.0) == 1.0
    assert whole_steps(0.005, 100.0) == 0.0


@pytest.mark.parametrize(
    "name", ["is_drawdown_capped", "is_tail_capped", "is_kelly_capped", "is_volatility_capped"]
)
def test_one_cap_alone_is_a_cap(name: str) -> None:
    assert is_any_capped(ExposureTerms(**{name: True}))
    assert not is_any_capped(ExposureTerms())


CAPS = ExposureCaps(0.6, INF, INF, INF, INF, INF)


@pytest.mark.parametrize("cap", list(Cap)[1:])
def test_the_smallest_cap_binds_and_on_a_tie_the_earlier(cap: Cap) -> None:
    name = cap.name.lower()
    assert exposure_decision(CAPS._replace(**{name: 0.59})) == (0.59, cap)
    assert exposure_decision(CAPS._replace(**{name: 0.6})) == (0.6, Cap.HARD)
    for unknown in (NAN, -0.1, 0.0):
        assert exposure_decision(CAPS._replace(**{name: unknown})) == (0.0, cap)


@pytest.mark.parametrize("hard", [INF, NAN, -1.0, 0.0])
def test_without_a_hard_cap_nothing_is_allowed(hard: float) -> None:
    assert exposure_decision(CAPS._replace(hard=hard)) == (0.0, Cap.HARD)


@pytest.mark.parametrize(
    ("present", "allowed", "is_tripped", "after"),
    [
        pytest.param(0.4, 0.3, True, 0.3, id="a-fall-at-once"),
        pytest.param(0.4, 0.4, False, 0.4, id="as-before"),
        pytest.param(0.5, 0.5 * (1.0 + 0.25), False, 0.5, id="not-beyond-the-band"),
        pytest.param(0.5, 0.626, False, 0.626, id="beyond-the-band"),
        pytest.param(0.5, 0.626, True, 0.5, id="nothing-rises-while-tripped"),
        pytest.param(0.0, 0.01, False, 0.01, id="from-nothing"),
        pytest.param(NAN, 0.3, False, 0.3, id="from-nobody-knows"),
        pytest.param(0.3, NAN, False, 0.0, id="to-nobody-knows"),
    ],
)
def test_what_is_in_force(present: float, allowed: float, is_tripped: bool, after: float) -> None:
    assert exposure_in_force(present, allowed, 0.25, is_tripped) == after


SLEEVE = SleeveEvidence(
    days=90.0, es_per_unit=0.05, volatility=0.5, volatility_target=0.08, mean_low=0.2,
    kelly_best=0.5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "name", "cap"),
    [
        pytest.param({"is_drawdown_capped": True}, "drawdown", 0.28, id="drawdown"),
        pytest.param({"is_tail_capped": True}, "tail", 0.30, id="tail"),
        pytest.param({"is_kelly_capped": True}, "kelly", 0.20, id="kelly"),
        pytest.param({"is_volatility_capped": True}, "volatility", 0.16, id="volatility"),
    ],
)
def test_a_cap_is_in_force_where_it_is_on_and_has_evidence(
    terms: dict[str, bool], name: str, cap: float
) -> None:
    on = ExposureTerms(**terms)
    found = named_caps(0.6, 0.5, 1.0, 1.0, SLEEVE, on)
    wanted = CAPS._replace(evidence=0.5, **{name: cap})
    assert found == pytest.approx(wanted)
    assert named_caps(0.6, 0.5, 1.0, 1.0, SLEEVE, ExposureTerms()) == CAPS._replace(evidence=0.5)
    if name != "drawdown":
        assert named_caps(0.6, 0.5, 1.0, 1.0, UNKNOWN, on) == CAPS._replace(evidence=0.5)


def test_the_smaller_target_of_volatility_counts() -> None:
    on = ExposureTerms(is_volatility_capped=True)
    wide = SLEEVE._replace(volatility_target=0.5)
    assert named_caps(0.6, INF, 1.0, 1.0, wide, on).volatility == 0.20
    unknown = SLEEVE._replace(volatility_target=NAN)
    assert named_caps(0.6, INF, 1.0, 1.0, unknown, on).volatility == 0.20


def test_no_edge_leaves_the_least_of_kelly() -> None:
    on = ExposureTerms(is_kelly_capped=True)
    assert named_caps(0.6, INF, 1.0, 1.0, SLEEVE._replace(mean_low=-0.1), on).kelly == 0.05


def test_without_a_cap_a_rise_is_not_held_back() -> None:
    caps = CAPS._replace(evidence=0.5)
    assert step_exposure(0.49, caps, ExposureTerms(), True) == (0.5, Cap.EVIDENCE)
    on = ExposureTerms(is_tail_capped=True)
    assert step_exposure(0.49, caps, on, False) == (0.49, Cap.EVIDENCE)
    assert step_exposure(0.40, caps, on, False) == (0.5, Cap.EVIDENCE)


def test_between_the_quiet_shares_nothing_moves_and_at_them_it_does() -> None:
    at = ExposureTerms(is_drawdown_capped=True)
    quiet = quiet_share(0.20, 0.60, at)
    # 4 × (1 − 0.93 ÷ share) is 0.20 at the lower one and 0.23, beyond a tenth more, at the upper.
    assert quiet == pytest.approx((0.93 / 0.95, 0.93 / (1.0 - 0.23 / 4.0)))
    assert quiet_share(0.0, 0.60, at).least == 0.0
    assert quiet_share(0.20, 0.22, at).most == INF
    assert quiet_share(0.20, 0.2201, at).most < INF
    assert quiet_share(0.28, 0.60, at).most == INF  # 0.28 is all there is at the peak itself
    assert quiet_share(0.205, 0.60, at).least == pytest.approx(0.93 / (1.0 - 0.21 / 4.0))
    assert quiet_share(0.20, 0.60, at._replace(steps=0.0)) == (INF, 0.0)
    assert quiet_share(4.0, 9.0, at).least == INF


@pytest.mark.parametrize(
    ("minutes", "ceiling"),
    [(-1.0, 0.49), (0.0, 0.49), (0.0624, 0.49), (0.125, 0.245), (0.25, 0.0), (NAN, 0.0)],
)
def test_a_plan_of_half_a_minute_has_its_slices(minutes: float, ceiling: float) -> None:
    at = Deleveraging(
        first_ceiling=0.75, pace_minutes=0.25, slices=3, slice_at_once=0.05, band_to=0.98
    )
    first, step = 0.735, 0.735 / 3.0
    slices = {0.49: 1, 0.245: 2, 0.0: 3}[ceiling]
    found = ceiling_now(0.9, 0.0, minutes, at)
    assert found == pytest.approx(first - slices * step)


# --- sizes, stops and volatility -----------------------------------------------------------------

ACCOUNT = Account(
    state=TradingState.ACTIVE,
    breakers=BreakerState(is_day_tripped=False, is_month_tripped=False, is_emergency=False),
    tier=Tier.STABLE, equity=0.5, crypto_worst=0.0, leveraged_worst=0.0, gross_worst=0.0,
    power=0.5,
)  # fmt: skip
FUND = Asset(
    lot_value=0.0001, lot_cost=0.0001, is_crypto=False, is_leveraged=True, is_broad=False,
    is_fresh=True, is_tradable=True, is_locked=False, is_deleveraging=False, worst=0.0,
    lots_held=7, lots_selling=0, lots_step=1, lots_min=1, factor=-2.0,
)  # fmt: skip
BUY = Proposal(is_buy=True, lots=0, confidence=2 / 3, volatility_ratio=1.0, bot_room=INF)
THROUGH = CLASSIC._replace(exposure=ExposureTerms(is_look_through=True))


def test_half_a_unit_of_money_is_an_account() -> None:
    decision = decide(ACCOUNT, FUND, BUY, CLASSIC)
    assert (decision.lots, decision.reason) == (150, Reason.NONE)  # 0.5 × 0.60 × 0.05
    assert decision.size == pytest.approx(0.015)


@pytest.mark.parametrize("is_edge_sized", [False, True])
def test_a_fund_that_counts_twice_gets_half_the_size(is_edge_sized: bool) -> None:
    edge = EdgeTerms(is_edge_sized=is_edge_sized)
    plain = size_of(ACCOUNT, FUND, BUY, CLASSIC._replace(edge=edge))
    assert size_of(ACCOUNT, FUND, BUY, THROUGH._replace(edge=edge)) == pytest.approx(plain / 2.0)
    assert plain == pytest.approx(0.5 * 0.35 * 0.05 * 0.5 if is_edge_sized else 0.015)


@pytest.mark.parametrize(
    ("factor", "weight"),
    [(-3.0, 3.0), (-1.0, 1.0), (-0.5, 1.0), (0.0, 1.0), (0.5, 1.0), (1.0, 1.0), (2.0, 2.0)],
)
def test_looking_through_never_counts_less(factor: float, weight: float) -> None:
    assert weight_of(factor, True) == weight
    assert weight_of(factor, False) == 1.0


def test_what_is_missing_to_a_size() -> None:
    assert shortfall(100.0, 0.5) == 99.5
    assert shortfall(100.0, -0.5) == 100.0
    assert shortfall(100.0, 130.0) == -30.0


@pytest.mark.parametrize("asked", [0, 3, 9])
def test_a_sale_has_no_size(asked: int) -> None:
    sale = decide(ACCOUNT, FUND, BUY._replace(is_buy=False, lots=asked), CLASSIC)
    wanted = asked or 7
    assert sale[:2] == (min(wanted, 7), Reason.NONE if wanted <= 7 else Reason.NOT_HELD)
    assert sale[2:] == (7.0, float(wanted), 0.0)


@pytest.mark.parametrize(
    ("ratio", "factor"),
    [(NAN, 0.5), (0.0, 0.5), (-1.0, 0.5), (0.5, 1.5), (0.8, 1.25), (2.0, 0.5), (3.0, 0.5)],
)
def test_a_wild_market_gets_less_and_a_calm_one_more_within_bounds(
    ratio: float, factor: float
) -> None:
    assert volatility_adjustment(ratio, Sizing()) == factor


@pytest.mark.parametrize(
    ("confidence", "ratio", "is_sane"),
    [
        (0.0, 1.0, True), (1.0, 1.0, True), (-1e-9, 1.0, False), (1.0 + 1e-9, 1.0, False),
        (0.5, 0.01, True), (0.5, 0.0099, False), (0.5, 100.0, True), (0.5, 100.01, False),
        (NAN, 1.0, False), (0.5, NAN, False),
    ],
)  # fmt: skip
def test_a_confidence_and_a_ratio_have_bounds_that_belong_to_them(
    confidence: float, ratio: float, is_sane: bool
) -> None:
    assert is_sizing_input_sane(confidence, ratio, Sizing()) is is_sane


@pytest.mark.parametrize(
    ("volatility", "distance"),
    [(NAN, 0.04), (0.0, 0.04), (0.02, 0.06), (0.05, 0.15), (0.06, 0.15), (INF, 0.15)],
)
def test_a_stop_stands_between_its_bounds(volatility: float, distance: float) -> None:
    assert stop_distance(volatility, Stops()) == pytest.approx(distance)


def test_reaching_a_stop_is_enough() -> None:
    assert is_through_stop(94.0, 94.0)
    assert not is_through_stop(94.01, 94.0)
    assert not is_through_stop(NAN, 94.0)
    assert not is_through_stop(94.0, NAN)


@pytest.mark.parametrize(
    ("state", "ratio"),
    [
        pytest.param((4e-4, 1e-4, 20), 2.0, id="twice"),
        pytest.param((4e-4, 1e-4, 19), NAN, id="too-few"),
        pytest.param((4e-4, 0.0, 20), NAN, id="never-moved"),
        pytest.param((0.0, 1e-4, 20), NAN, id="does-not-move"),
        pytest.param((INF, 1e-4, 20), NAN, id="without-bounds"),
        pytest.param((NAN, 1e-4, 20), NAN, id="nobody-knows"),
    ],
)
def test_a_ratio_of_volatilities(state: tuple[float, float, int], ratio: float) -> None:
    found = volatility_ratio(VolatilityState(*state), VolatilityMemory())
    assert found == pytest.approx(ratio, nan_ok=True)


# --- margin --------------------------------------------------------------------------------------


def test_at_the_edge_of_cheap_shorts_the_table_of_ordinary_ones_counts() -> None:
    rates = MarginRates(short_low=2.0)
    assert maintenance_rate(5.0, 1.0, True, NAN, rates) == 1.0
    assert maintenance_rate(4.99, 1.0, True, NAN, rates) == 2.0
    assert maintenance_rate(0.5, 1.0, True, NAN, MarginRates()) == 5.0
    assert maintenance_rate(0.0, 1.0, True, NAN, MarginRates()) == INF
    assert maintenance_rate(0.5, 1.0, False, 0.5, MarginRates()) == 0.5
    assert maintenance_rate(60.0, 1.0, False, INF, MarginRates()) == 0.30


def test_the_surcharge_begins_at_both_of_its_edges() -> None:
    rates = MarginRates()
    assert concentrated_rate(0.3, 0.7, 100_000.0, rates) == 0.5
    assert concentrated_rate(0.3, 0.6999, 100_000.0, rates) == 0.3
    assert concentrated_rate(0.3, 0.7, 99_999.9, rates) == 0.3
    assert concentrated_rate(0.75, 0.9, 2e5, rates) == 0.75


@pytest.mark.parametrize(
    ("leverage", "rate", "is_short", "ratio"),
    [
        pytest.param(2.0, -1.0, True, NAN, id="no-rate-of-a-short"),
        pytest.param(2.0, -1.5, True, NAN, id="even-less"),
        pytest.param(2.0, -0.5, True, 3.0, id="a-rate-below-zero"),
        pytest.param(0.5, 0.5, True, 2.0, id="half-short"),
        pytest.param(-1.0, 0.5, True, INF, id="nothing-short"),
        pytest.param(1.0, 0.25, False, 0.0, id="own-money"),
        pytest.param(1.0, 1.0, False, 0.0, id="own-money-where-nothing-is-lent"),
        pytest.param(1.25, 0.2, False, 0.25, id="a-little-borrowed"),
        pytest.param(2.0, 1.0, False, INF, id="nothing-is-lent"),
        pytest.param(4.0, 0.25, False, 1.0, id="in-call-at-once"),
    ],
)
def test_where_a_call_comes(leverage: float, rate: float, is_short: bool, ratio: float) -> None:
    found = liquidation_price_ratio(leverage, rate, is_short)
    assert found == pytest.approx(ratio, nan_ok=True)


@pytest.mark.parametrize(
    ("changed", "distance"),
    [
        pytest.param({}, 0.5, id="half-way"),
        pytest.param({"cash": -80.0}, 0.0, id="in-call"),
        pytest.param({"cash": -80.1}, 0.0, id="beyond-a-call"),
        pytest.param({"cash": 0.0}, INF, id="nothing-borrowed"),
        pytest.param({"maintenance_margin": 100.0, "cash": 5.0}, INF, id="nothing-is-lent"),
        pytest.param({"maintenance_margin": 99.5, "cash": -0.25}, 0.5, id="hardly-lent-on"),
        pytest.param({"long_value": NAN}, NAN, id="nobody-knows"),
        pytest.param({"maintenance_margin": NAN}, NAN, id="no-margin-known"),
        pytest.param({"cash": -INF}, NAN, id="an-endless-debt"),
    ],
)
def test_how_far_everything_may_fall(changed: dict[str, Any], distance: float) -> None:
    account = MarginAccount(
        cash=-40.0, long_value=100.0, short_value=0.0, crypto_value=0.0, initial_margin=50.0,
        maintenance_margin=20.0, equity_last=0.0, maintenance_margin_last=0.0,
        power_used_today=0.0, is_day_trader=False,
    )  # fmt: skip
    assert call_distance(account._replace(**changed)) == pytest.approx(distance, nan_ok=True)


def test_a_variance_beyond_all_numbers_is_unknown() -> None:
    assert prob_touch_barrier(0.9, 0.0, 1e153, 200.0) == 1.0


@pytest.mark.parametrize(("most", "stated"), [(1.0, 5_000.0), (2.0, 5_000.0), (4.0, 5_000.0)])
def test_options_are_bought_without_a_loan(most: float, stated: float) -> None:
    account = MarginAccount(
        cash=5_000.0, long_value=0.0, short_value=0.0, crypto_value=0.0, initial_margin=0.0,
        maintenance_margin=0.0, equity_last=0.0, maintenance_margin_last=0.0,
        power_used_today=0.0, is_day_trader=False,
    )  # fmt: skip
    assert options_buying_power(account, MarginTerms(multiplier_max=most)) == stated


def test_a_statement_without_a_multiple_implies_nothing() -> None:
    assert math.isnan(implied_maintenance(100.0, 50.0, 0.0))
    assert implied_maintenance(100.0, 50.0, 0.5) == 0.0


@pytest.mark.parametrize(
    ("borrowing", "open_buys", "capacity"),
    [(0.0, 0.0, 10_000.0), (0.5, 0.0, 29_000.0), (1.0, 8_000.0, 40_000.0), (0.0, 1e5, 0.0)],
)
def test_coins_are_bought_with_cash_and_the_part_of_a_loan_that_is_allowed(
    borrowing: float, open_buys: float, capacity: float
) -> None:
    account = MarginAccount(
        cash=10_000.0, long_value=50_000.0, short_value=0.0, crypto_value=0.0,
        initial_margin=10_000.0, maintenance_margin=5_000.0, equity_last=0.0,
        maintenance_margin_last=0.0, power_used_today=0.0, is_day_trader=False,
    )  # fmt: skip
    terms = MarginTerms(crypto_borrowing=borrowing)
    assert crypto_capacity(account, open_buys, terms) == capacity


def test_half_a_rate_carries_twice_the_excess() -> None:
    account = MarginAccount(
        cash=10_000.0, long_value=0.0, short_value=0.0, crypto_value=0.0, initial_margin=0.0,
        maintenance_margin=0.0, equity_last=0.0, maintenance_margin_last=0.0,
        power_used_today=0.0, is_day_trader=False,
    )  # fmt: skip
    assert security_capacity(account, 0.5, MarginTerms()) == 20_000.0
    assert security_capacity(account, 0.25, MarginTerms()) == 40_000.0
    assert security_capacity(account, 0.1, MarginTerms()) == 40_000.0


# --- losses over windows -------------------------------------------------------------------------

DAY_S = 86_400.0


def path(*marks: tuple[float, float], resumed: int = -1) -> list[SteadyBreakers]:
    """Judge marks of (days since the first, equity); a month has 30 days."""
    made = [
        Mark(time_s=day * DAY_S, day=int(day), month=int(day) // 30, equity=equity,
             is_resumed=number == resumed)
        for number, (day, equity) in enumerate(marks)
    ]  # fmt: skip
    return steady_breaker_path(made, SteadyLimits(drawdown_limit=0.5))


def tripped(state: SteadyBreakers) -> str:
    return "".join(
        letter
        for letter, is_set in zip("dmpe", state, strict=True)
        if is_set  # day, month, peak, emergency
    )


def test_one_mark_trips_nothing() -> None:
    assert path((0.0, 0.5)) == [CLEAR]


@pytest.mark.parametrize(
    ("marks", "wanted"),
    [
        pytest.param([(0.0, 100.0), (0.5, 96.0)], "d", id="within-the-day"),
        pytest.param([(0.0, 100.0), (0.5, 97.0)], "", id="at-the-limit"),
        pytest.param([(0.0, 100.0), (0.1, 98.0), (1.2, 96.0)], "", id="a-window-begins-after"),
        pytest.param([(0.5, 100.0), (0.9, 98.0), (1.4, 96.0)], "d", id="over-midnight"),
        pytest.param([(0.0, 100.0), (0.5, 96.0), (1.6, 96.0)], "", id="forgotten-the-day-after"),
        pytest.param(
            [(28.0, 100.0), (29.0, 98.0), (31.0, 96.0), (33.0, 94.5), (35.0, 92.5)], "e",
            id="an-emergency-of-the-month",
        ),
        pytest.param(
            [(20.0, 100.0), (29.0, 98.0), (31.0, 96.0), (40.0, 94.0), (49.0, 91.9)], "me",
            id="over-the-end-of-a-month",
        ),
        pytest.param(
            [(20.0, 90.0), (29.0, 100.0), (30.5, 94.0)], "de", id="a-month-opens-at-its-last-mark",
        ),
        pytest.param(
            [(0.0, 100.0), (10.0, 98.0), (20.0, 96.0), (31.0, 94.0), (41.0, 93.5)], "",
            id="what-was-lost-long-ago",
        ),
    ],
)  # fmt: skip
def test_windows_of_a_day_and_of_thirty(marks: list[tuple[float, float]], wanted: str) -> None:
    assert tripped(path(*marks)[-1]) == wanted


def test_a_resume_begins_everything_anew() -> None:
    states = path((0.0, 100.0), (0.2, 49.0), (0.4, 49.0), (0.6, 48.0), resumed=2)
    assert [tripped(each) for each in states] == ["", "dmpe", "", ""]


def test_a_new_day_is_counted_from_the_last_mark_before_it() -> None:
    states = path((0.0, 100.0), (0.1, 120.0), (1.2, 117.0), (1.3, 116.0))
    assert [tripped(each) for each in states] == ["", "", "", "d"]


@pytest.mark.parametrize(("factor", "lots"), [(2.0, 30), (-3.0, 20), (0.5, 60)])
def test_what_counts_twice_fills_a_cap_twice_as_fast(factor: float, lots: int) -> None:
    """60 % of half a unit is 0.3, of which 0.294 is used: 60 lots of 0.0001 count once."""
    account = ACCOUNT._replace(leveraged_worst=0.294)
    wanted = BUY._replace(lots=400)
    fund = FUND._replace(factor=factor)
    through = decide(account, fund, wanted, THROUGH)
    assert (through.lots, through.reason) == (lots, Reason.CAP_LEVERAGED)
    assert through.would_be == pytest.approx((0.294 + 0.04 * max(abs(factor), 1.0)) / 0.5)
    assert decide(account, fund, wanted, CLASSIC).lots == 60
