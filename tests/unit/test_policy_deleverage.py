"""How an account over its cap comes back: the band, the stages, the slices, the lots kept."""

import math

import pytest

from smart_leverage.policy.deleverage import (
    Deleveraging,
    ceiling_now,
    deadline_minutes,
    is_over_band,
    kept_lots,
    trim_target,
)

AT = Deleveraging()
LEARNING_CAP = 0.25
STABLE_CAP = 0.40

# 98 % of the first ceiling of 40 %, and of the caps of two tiers.
FIRST = 0.392
LEARNING_END = 0.245
STABLE_END = 0.392


# --- the band ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exposure", "is_over"),
    [
        pytest.param(0.25, False, id="at-the-cap"),
        pytest.param(0.2625, False, id="at-the-edge-of-the-band"),
        pytest.param(0.2625 + 5e-13, False, id="rounding-beyond-the-edge"),
        pytest.param(0.2625 + 2e-12, True, id="beyond-the-edge"),
        pytest.param(0.825, True, id="far-beyond"),
        pytest.param(math.inf, True, id="no-equity-to-carry-it"),
        pytest.param(math.nan, False, id="unknown"),
    ],
)
def test_selling_begins_beyond_a_twentieth_over_the_cap(exposure: float, is_over: bool) -> None:
    assert is_over_band(exposure, LEARNING_CAP, AT) is is_over


def test_an_unknown_cap_sells_nothing() -> None:
    assert not is_over_band(0.9, math.nan, AT)
    assert math.isnan(trim_target(math.nan, AT))
    assert kept_lots(100, 0.9, trim_target(math.nan, AT)) == 100


def test_a_trim_ends_a_fiftieth_inside_the_cap() -> None:
    assert trim_target(LEARNING_CAP, AT) == pytest.approx(0.245, rel=1e-15)
    assert trim_target(STABLE_CAP, AT) == pytest.approx(0.392, rel=1e-15)


# --- the plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("elapsed", "ceiling"),
    [
        # From 39.2 % to 24.5 % in four slices of 3.675 points.
        pytest.param(-5.0, 0.35525, id="before-it-began"),
        pytest.param(0.0, 0.35525, id="first-slice-at-once"),
        pytest.param(14.999, 0.35525, id="until-a-quarter-of-an-hour"),
        pytest.param(15.0, 0.3185, id="second-slice"),
        pytest.param(29.999, 0.3185, id="until-half-an-hour"),
        pytest.param(30.0, 0.28175, id="third-slice"),
        pytest.param(45.0, LEARNING_END, id="last-slice"),
        pytest.param(60.0, LEARNING_END, id="an-hour"),
        pytest.param(1e9, LEARNING_END, id="long-after"),
        pytest.param(math.inf, LEARNING_END, id="for-ever"),
        pytest.param(math.nan, LEARNING_END, id="unknown-time-is-the-end"),
    ],
)
def test_the_rest_goes_in_four_slices_within_an_hour(elapsed: float, ceiling: float) -> None:
    assert ceiling_now(0.825, LEARNING_CAP, elapsed, AT) == pytest.approx(ceiling, rel=1e-12)


@pytest.mark.parametrize(
    ("start", "cap", "at_once"),
    [
        pytest.param(0.825, STABLE_CAP, STABLE_END, id="the-cap-is-the-first-ceiling"),
        pytest.param(0.825, 0.60, 0.588, id="the-cap-is-above-the-first-ceiling"),
        pytest.param(0.28, LEARNING_CAP, LEARNING_END, id="three-points-and-a-half-go-at-once"),
        pytest.param(0.295, LEARNING_CAP, LEARNING_END, id="five-points-go-at-once"),
        # 39.2 % to 30 % × 0.98 = 29.4 %: four slices of 2.45 points
        pytest.param(0.35, 0.20, 0.196 + 0.154 * 0.75, id="a-start-below-the-first-ceiling"),
        pytest.param(0.825, 0.30, 0.294 + 0.098 * 0.75, id="above-it-the-ceiling-is-the-start"),
        pytest.param(math.nan, LEARNING_CAP, 0.35525, id="an-unknown-start-is-above-it"),
    ],
)
def test_what_is_sold_at_once(start: float, cap: float, at_once: float) -> None:
    assert ceiling_now(start, cap, 0.0, AT) == pytest.approx(at_once, rel=1e-12)


@pytest.mark.parametrize("cap", [0.20, 0.25, 0.30])
def test_five_points_go_at_once_whichever_way_they_are_rounded(cap: float) -> None:
    end = cap * 0.98
    for start in (end + 0.05, math.nextafter(end + 0.05, 1.0)):
        assert ceiling_now(start, cap, 0.0, AT) == end
    assert ceiling_now(end + 0.0501, cap, 0.0, AT) > end


def test_an_unknown_cap_leaves_the_ceiling_unknown_and_sells_nothing() -> None:
    ceiling = ceiling_now(0.825, math.nan, 0.0, AT)
    assert math.isnan(ceiling)
    assert kept_lots(100, 0.825, ceiling) == 100


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(AT._replace(slices=0), id="no-slices"),
        pytest.param(AT._replace(slices=1), id="one-slice"),
        pytest.param(AT._replace(pace_minutes=0.0), id="no-pace"),
        pytest.param(AT._replace(pace_minutes=math.nan), id="unknown-pace"),
    ],
)
def test_without_slices_all_is_sold_at_once(at: Deleveraging) -> None:
    assert ceiling_now(0.825, LEARNING_CAP, 0.0, at) == pytest.approx(LEARNING_END, rel=1e-15)


@pytest.mark.parametrize(
    ("start", "minutes"),
    [
        pytest.param(0.825, 30.0, id="far-above-forty"),
        pytest.param(0.4001, 30.0, id="just-above-forty"),
        pytest.param(0.40, 120.0, id="at-forty"),
        pytest.param(0.40 + 5e-13, 120.0, id="rounding-above-forty"),
        pytest.param(0.30, 120.0, id="below-forty"),
        pytest.param(math.inf, 30.0, id="no-equity"),
        pytest.param(math.nan, 120.0, id="unknown"),
    ],
)
def test_forty_per_cent_is_due_in_half_an_hour_and_the_cap_in_two(
    start: float, minutes: float
) -> None:
    assert deadline_minutes(start, AT) == minutes


def test_the_last_slice_leaves_more_than_an_hour_for_fills() -> None:
    last = AT.pace_minutes * (AT.slices - 1) / AT.slices
    assert last == 45.0
    assert ceiling_now(0.825, LEARNING_CAP, last, AT) == trim_target(LEARNING_CAP, AT)
    assert AT.last_minutes - last > 60.0


# --- lots ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "exposure", "ceiling", "kept"),
    [
        pytest.param(1000, 0.50, 0.25, 500, id="half"),
        pytest.param(1000, 0.825, 0.392, 475, id="rounded-toward-less"),
        pytest.param(3, 0.50, 0.40, 2, id="two-of-three"),
        pytest.param(1, 0.50, 0.40, 0, id="a-single-lot-goes"),
        pytest.param(0, 0.50, 0.40, 0, id="nothing-held"),
        pytest.param(1000, 0.25, 0.25, 1000, id="at-the-ceiling"),
        pytest.param(1000, 0.20, 0.25, 1000, id="below-the-ceiling"),
        pytest.param(1000, 0.50, 0.0, 0, id="down-to-nothing"),
        pytest.param(1000, 0.50, -0.1, 0, id="negative-ceiling"),
        pytest.param(1000, 0.0, 0.0, 1000, id="nothing-to-shrink"),
        pytest.param(1000, math.inf, 0.25, 0, id="no-equity-to-carry-it"),
        pytest.param(1000, math.nan, 0.25, 1000, id="unknown-exposure"),
        pytest.param(1000, 0.50, math.nan, 1000, id="unknown-ceiling"),
        pytest.param(1000, math.nan, 0.0, 1000, id="unknown-exposure-before-all"),
    ],
)
def test_a_position_keeps_its_share_of_the_ceiling(
    lots: int, exposure: float, ceiling: float, kept: int
) -> None:
    assert kept_lots(lots, exposure, ceiling) == kept
