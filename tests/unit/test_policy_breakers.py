"""When losses trip a breaker, what stays tripped, and when one asset is locked."""

import math

import pytest

from smart_leverage.policy.breakers import (
    BreakerOpens,
    BreakerState,
    LossLimits,
    Severity,
    is_asset_locked,
    is_loss_over,
    loss_since,
    severity,
    step_breakers,
)

LIMITS = LossLimits()
EMERGENCY_MONTH = -0.05
CLEAR = BreakerState(is_day_tripped=False, is_month_tripped=False, is_emergency=False)
ALL_TRIPPED = BreakerState(is_day_tripped=True, is_month_tripped=True, is_emergency=True)
OPENS = BreakerOpens(day=100_000.0, month=100_000.0)


def step(
    equity: float, state: BreakerState = CLEAR, opens: BreakerOpens = OPENS
) -> tuple[bool, bool, bool]:
    """Return day, month and emergency after one mark."""
    after = step_breakers(state, equity, opens, LIMITS, EMERGENCY_MONTH)
    return after.is_day_tripped, after.is_month_tripped, after.is_emergency


# --- losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opening", "equity", "loss"),
    [
        pytest.param(100_000.0, 97_000.0, 0.03, id="a-loss-is-positive"),
        pytest.param(100_000.0, 102_000.0, -0.02, id="a-gain-is-negative"),
        pytest.param(100_000.0, 0.0, 1.0, id="everything"),
        pytest.param(100_000.0, -50_000.0, 1.5, id="more-than-everything"),
    ],
)
def test_a_loss_is_a_fraction_of_the_opening(opening: float, equity: float, loss: float) -> None:
    assert loss_since(opening, equity) == pytest.approx(loss, abs=1e-15)


@pytest.mark.parametrize(
    ("opening", "equity"),
    [
        pytest.param(math.nan, 100_000.0, id="unknown-opening"),
        pytest.param(0.0, 100_000.0, id="nothing-to-lose"),
        pytest.param(-1.0, 100_000.0, id="negative-opening"),
        pytest.param(math.inf, 100_000.0, id="infinite-opening"),
        pytest.param(100_000.0, math.nan, id="unknown-equity"),
        pytest.param(100_000.0, math.inf, id="infinite-equity"),
        pytest.param(100_000.0, -math.inf, id="minus-infinite-equity"),
    ],
)
def test_a_loss_of_or_from_the_unknown_is_unknown(opening: float, equity: float) -> None:
    assert math.isnan(loss_since(opening, equity))


@pytest.mark.parametrize(
    ("loss", "is_over"),
    [
        pytest.param(0.03, False, id="the-limit-itself"),
        pytest.param(1.0 - 97_000.0 / 100_000.0, False, id="the-limit-in-binary"),
        pytest.param(0.03 + 5e-13, False, id="within-rounding"),
        pytest.param(0.03 + 2e-12, True, id="beyond-rounding"),
        pytest.param(0.0300001, True, id="a-cent-beyond"),
        pytest.param(-0.5, False, id="a-gain"),
        pytest.param(math.nan, False, id="unknown"),
    ],
)
def test_a_limit_is_passed_strictly(loss: float, is_over: bool) -> None:
    assert is_loss_over(loss, 0.03) is is_over


# --- the account ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("equity", "tripped"),
    [
        pytest.param(100_000.0, (False, False, False), id="nothing-lost"),
        pytest.param(97_000.0, (False, False, False), id="exactly-the-day"),
        pytest.param(96_999.99, (True, False, False), id="a-cent-more-than-the-day"),
        pytest.param(95_000.0, (True, False, False), id="exactly-the-emergency"),
        pytest.param(94_999.99, (True, False, True), id="a-cent-more-than-the-emergency"),
        pytest.param(92_000.0, (True, False, True), id="exactly-the-month"),
        pytest.param(91_999.99, (True, True, True), id="a-cent-more-than-the-month"),
        pytest.param(-5_000.0, (True, True, True), id="in-debt"),
    ],
)
def test_one_mark_trips_what_is_beyond_its_limit(
    equity: float, tripped: tuple[bool, bool, bool]
) -> None:
    assert step(equity) == tripped


def test_day_and_month_are_counted_from_their_own_openings() -> None:
    """A good day after a bad month, and a bad day in a good month."""
    assert step(91_000.0, opens=BreakerOpens(day=90_000.0, month=100_000.0)) == (False, True, True)
    assert step(106_000.0, opens=BreakerOpens(day=110_000.0, month=100_000.0)) == (
        True,
        False,
        False,
    )


def test_a_trip_outlives_the_recovery_and_an_emergency_does_not() -> None:
    bottom = step_breakers(CLEAR, 91_000.0, OPENS, LIMITS, EMERGENCY_MONTH)
    assert bottom == ALL_TRIPPED
    back = step_breakers(bottom, 120_000.0, OPENS, LIMITS, EMERGENCY_MONTH)
    assert tuple(back)[:3] == (True, True, False)


@pytest.mark.parametrize("equity", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "before",
    [
        pytest.param(BreakerState(is_day, is_month, False), id=f"day-{is_day}-month-{is_month}")
        for is_day in (False, True)
        for is_month in (False, True)
    ],
)
def test_an_unknown_equity_keeps_trips_adds_none_and_is_an_emergency(
    before: BreakerState, equity: float
) -> None:
    after = step(equity, before)
    assert after == (before.is_day_tripped, before.is_month_tripped, True)


@pytest.mark.parametrize("opening", [math.nan, math.inf, 0.0, -100.0])
def test_an_unknown_opening_trips_nothing_of_its_period(opening: float) -> None:
    no_day = BreakerOpens(day=opening, month=100_000.0)
    assert step(90_000.0, opens=no_day) == (False, True, True)
    no_month = BreakerOpens(day=100_000.0, month=opening)
    assert step(90_000.0, opens=no_month) == (True, False, True)


@pytest.mark.parametrize(
    ("state", "worst"),
    [
        pytest.param(CLEAR, Severity.NORMAL, id="nothing"),
        pytest.param(BreakerState(False, False, True), Severity.EMERGENCY, id="emergency"),
        pytest.param(BreakerState(True, False, False), Severity.DAY, id="day"),
        pytest.param(BreakerState(True, False, True), Severity.DAY, id="day-before-emergency"),
        pytest.param(BreakerState(False, True, False), Severity.MONTH, id="month"),
        pytest.param(BreakerState(False, True, True), Severity.MONTH, id="month-before-emergency"),
        pytest.param(BreakerState(True, True, False), Severity.MONTH, id="month-before-day"),
        pytest.param(ALL_TRIPPED, Severity.MONTH, id="month-before-all"),
    ],
)
def test_the_most_severe_is_named(state: BreakerState, worst: Severity) -> None:
    assert severity(state) is worst


def test_severities_are_ordered() -> None:
    assert Severity.NORMAL < Severity.EMERGENCY < Severity.DAY < Severity.MONTH


# --- one asset -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "opening", "is_locked"),
    [
        pytest.param(2_000.0, 100_000.0, False, id="exactly-two-per-cent"),
        pytest.param(2_000.01, 100_000.0, True, id="a-cent-more"),
        pytest.param(-5_000.0, 100_000.0, False, id="a-gain"),
        pytest.param(math.nan, 100_000.0, False, id="unknown-loss"),
        pytest.param(9_999.0, math.nan, False, id="unknown-opening"),
        pytest.param(9_999.0, math.inf, False, id="infinite-opening"),
        pytest.param(9_999.0, 0.0, False, id="nothing-at-the-opening"),
        pytest.param(-9_999.0, -100_000.0, False, id="negative-opening"),
    ],
)
def test_an_asset_is_locked_by_its_share_of_the_account(
    loss: float, opening: float, is_locked: bool
) -> None:
    assert is_asset_locked(loss, opening, LIMITS) is is_locked


def test_the_largest_sized_position_has_to_fall_by_a_third() -> None:
    """6 % of equity, the most the policy sizes, against 2 % of equity: a guard against gaps."""
    position = 0.06 * 100_000.0
    assert not is_asset_locked(position * 0.333, 100_000.0, LIMITS)
    assert is_asset_locked(position * 0.334, 100_000.0, LIMITS)
