"""How much room a cap leaves, how many lots fit into it, and what an exposure is."""

import math

import pytest

from smart_leverage.policy.caps import (
    LOTS_MAX,
    Group,
    GroupCaps,
    exposure_of,
    headroom,
    lots_proved,
    lots_within,
)


@pytest.mark.parametrize(
    ("cap", "equity", "worst", "room"),
    [
        pytest.param(0.25, 100_000.0, 0.0, 25_000.0, id="nothing-held"),
        pytest.param(0.25, 100_000.0, 20_000.0, 5_000.0, id="some-held"),
        pytest.param(0.25, 100_000.0, 25_000.0, 0.0, id="at-the-cap"),
        pytest.param(0.25, 100_000.0, 82_500.0, 0.0, id="above-the-cap"),
        pytest.param(0.25, 100_000.0, -5_000.0, 25_000.0, id="less-than-nothing-adds-no-room"),
        pytest.param(0.25, 100_000.0, -1e-12, 25_000.0, id="rounding-below-nothing"),
    ],
)
def test_headroom_is_what_the_cap_leaves(
    cap: float, equity: float, worst: float, room: float
) -> None:
    assert headroom(cap, equity, worst) == room


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
def test_what_is_unknown_leaves_no_room(unknown: float) -> None:
    assert headroom(unknown, 100_000.0, 0.0) == 0.0
    assert headroom(0.25, unknown, 0.0) == 0.0
    assert headroom(0.25, 100_000.0, unknown) == 0.0


@pytest.mark.parametrize(
    ("cap", "equity"),
    [
        pytest.param(0.25, 0.0, id="no-equity"),
        pytest.param(0.25, -100_000.0, id="debt"),
        pytest.param(0.0, 100_000.0, id="no-cap"),
        pytest.param(-0.25, 100_000.0, id="negative-cap"),
        pytest.param(-0.25, -100_000.0, id="two-negatives-make-no-room"),
    ],
)
def test_no_equity_or_no_cap_leaves_no_room(cap: float, equity: float) -> None:
    assert headroom(cap, equity, 0.0) == 0.0


@pytest.mark.parametrize(
    ("room", "lot_value", "lots"),
    [
        pytest.param(5_000.0, 10.0, 500, id="exact"),
        pytest.param(5_009.99, 10.0, 500, id="a-lot-less-a-cent"),
        pytest.param(9.99, 10.0, 0, id="less-than-one-lot"),
        # Quotients that lie a hair below the whole number that was meant.
        pytest.param(0.3, 0.1, 3, id="three-tenths-in-tenths"),
        pytest.param(4.35, 0.01, 435, id="cents"),
        pytest.param(1.1, 0.1, 11, id="eleven-tenths"),
        # Near a full cap the difference of two large amounts is off by more than the tolerance.
        pytest.param(25_000.0 - 24_999.93, 0.01, 6, id="a-cent-below-a-full-cap"),
        # A shortage that is more than rounding is a shortage.
        pytest.param(10.0 * (1.0 - 1e-11), 10.0, 0, id="more-than-rounding-short"),
        pytest.param(10.0 * (1.0 - 5e-13), 10.0, 1, id="rounding-short"),
        pytest.param(math.nextafter(10.0, 0.0), 10.0, 1, id="one-bit-short"),
    ],
)
def test_whole_lots_fit_and_rounding_loses_none(room: float, lot_value: float, lots: int) -> None:
    assert lots_within(room, lot_value) == lots


@pytest.mark.parametrize(
    ("room", "lot_value"),
    [
        pytest.param(math.nan, 1.0, id="unknown-room"),
        pytest.param(math.inf, 1.0, id="infinite-room"),
        pytest.param(-math.inf, 1.0, id="minus-infinite-room"),
        pytest.param(0.0, 1.0, id="no-room"),
        pytest.param(-5.0, 1.0, id="less-than-no-room"),
        pytest.param(5.0, math.nan, id="unknown-lot"),
        pytest.param(5.0, math.inf, id="infinite-lot"),
        pytest.param(5.0, 0.0, id="worthless-lot"),
        pytest.param(5.0, -1.0, id="negative-lot"),
        pytest.param(-5.0, -1.0, id="two-negatives-make-no-lots"),
        pytest.param(math.inf, math.inf, id="infinite-both"),
        pytest.param(1.0, 5e-324, id="quotient-overflows"),
        pytest.param(LOTS_MAX, 1.0, id="more-lots-than-can-be-counted"),
    ],
)
def test_what_is_unknown_or_impossible_holds_no_lots(room: float, lot_value: float) -> None:
    assert lots_within(room, lot_value) == 0


def test_the_largest_count_is_still_a_whole_double() -> None:
    most = lots_within(LOTS_MAX - 1.0, 1.0)
    assert LOTS_MAX == 2**53 - 1
    assert most <= 2**53 - 1
    assert int(float(most)) == most


@pytest.mark.parametrize(
    ("worst", "equity", "exposure"),
    [
        pytest.param(25_000.0, 100_000.0, 0.25, id="a-quarter"),
        pytest.param(0.0, 100_000.0, 0.0, id="nothing"),
        pytest.param(277_000.0, 100_000.0, 2.77, id="borrowed"),
        pytest.param(1.0, 0.0, math.inf, id="no-equity"),
        pytest.param(1.0, -5.0, math.inf, id="debt"),
        pytest.param(1.0, math.nan, math.inf, id="unknown-equity"),
    ],
)
def test_exposure_is_a_fraction_of_equity(worst: float, equity: float, exposure: float) -> None:
    assert exposure_of(worst, equity) == exposure


def test_an_unknown_worst_case_is_an_unknown_exposure() -> None:
    assert math.isnan(exposure_of(math.nan, 100_000.0))


def test_the_groups_that_bind_in_every_preset() -> None:
    assert GroupCaps() == GroupCaps(gross=1.0, symbol=0.10, symbol_broad=0.50)
    assert list(Group) == [Group.CRYPTO, Group.LEVERAGED, Group.GROSS, Group.SYMBOL]


@pytest.mark.parametrize(
    ("used", "unit_loss", "lots"),
    [
        pytest.param(0.0, 0.0, 100, id="all-of-the-cap"),
        pytest.param(9_000.0, 0.0, 10, id="what-others-leave"),
        pytest.param(10_000.0, 0.0, 0, id="at-the-cap"),
        pytest.param(9_999.0, 0.0, 0, id="less-than-a-lot"),
        pytest.param(0.0, 10.0, 99, id="a-loss-lowers-equity-too"),
    ],
)
def test_the_proof_counts_a_purchase_and_what_it_costs(
    used: float, unit_loss: float, lots: int
) -> None:
    assert lots_proved(0.1, 100_000.0, used, 100.0, unit_loss, 1.0) == lots
    assert used + lots * 100.0 <= 0.1 * (100_000.0 - lots * unit_loss) or lots == 0


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
def test_nothing_is_proved_of_what_is_unknown(place: int, unknown: float) -> None:
    known = [0.1, 100_000.0, 0.0, 100.0, 1.0, 1.0]
    known[place] = unknown
    assert lots_proved(*known) == 0 or (place == 2 and unknown == -math.inf)
