"""What wins and losses have been worth, tails and floors: by hand, and at the edges of ranges."""

import math

import pytest

from smart_leverage.policy.drawdown import surplus_multiplier
from smart_leverage.policy.evidence import PayoffThresholds, payoff_thresholds
from smart_leverage.policy.tail import es_exposure_cap, tail_cap

NOTHING = PayoffThresholds(
    payoff_ratio=0.0, breakeven=math.inf, threshold_1=math.inf, threshold_2=math.inf
)


def thresholds(
    wins: float = 6.0, losses: float = 4.0, mean_win: float = 0.02, mean_loss: float = 0.01,
    cost: float = 0.0, prior: float = 10.0,
) -> PayoffThresholds:  # fmt: skip
    return payoff_thresholds(wins, losses, mean_win, mean_loss, cost, prior, 0.1)


def test_means_are_drawn_towards_that_of_all_trades() -> None:
    found = thresholds()
    prior = 10 * (0.16 / 10)
    win, loss = (0.12 + prior) / 16, (0.04 + prior) / 14
    assert found.payoff_ratio == pytest.approx(win / loss, rel=1e-12)
    assert found.breakeven == pytest.approx(1 / (1 + win / loss), rel=1e-12)
    assert found.threshold_1 == found.breakeven
    assert found.threshold_2 == found.breakeven + 0.1


def test_without_a_trade_half_of_them_have_to_be_won() -> None:
    found = thresholds(wins=0.0, losses=0.0, mean_win=math.nan, mean_loss=math.nan)
    assert found == PayoffThresholds(
        payoff_ratio=1.0, breakeven=0.5, threshold_1=0.5, threshold_2=0.6
    )


def test_a_prior_of_less_than_a_trade_is_a_prior() -> None:
    found = thresholds(prior=0.5)
    assert 0.0 < found.breakeven < thresholds().breakeven < 0.5


def test_wins_alone_and_losses_alone_are_known() -> None:
    wins = thresholds(wins=3.0, losses=0.0, mean_loss=math.nan)
    assert 0.0 < wins.breakeven <= 0.5
    losses = thresholds(wins=0.0, losses=3.0, mean_win=math.nan)
    assert 0.5 <= losses.breakeven < 1.0


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"wins": -1.0}, id="fewer-wins-than-none"),
        pytest.param({"losses": -1.0}, id="fewer-losses-than-none"),
        pytest.param({"mean_win": math.inf}, id="wins-without-end"),
        pytest.param({"mean_loss": math.inf}, id="losses-without-end"),
        pytest.param({"mean_win": -0.01}, id="wins-below-zero"),
        pytest.param({"mean_loss": -0.01}, id="losses-below-zero"),
        pytest.param({"mean_win": math.nan}, id="wins-unknown"),
        pytest.param({"mean_win": 0.0, "mean_loss": 0.0}, id="nothing-won-or-lost"),
        pytest.param({"prior": 0.0}, id="no-prior"),
        pytest.param({"cost": -0.001}, id="costs-that-pay"),
    ],
)
def test_what_cannot_be_beats_every_record(given: dict[str, float]) -> None:
    assert thresholds(**given) == NOTHING


@pytest.mark.parametrize(
    ("limit", "shortfall", "cap"),
    [(0.02, 0.04, 0.5), (0.0, 0.04, 0.0), (0.02, 0.0, 0.0), (-0.02, -0.04, 0.0),
     (math.nan, 0.04, 0.0), (0.02, math.nan, 0.0), (0.02, 1e-320, 0.0)],
)  # fmt: skip
def test_a_tail_that_is_not_known_allows_nothing(
    limit: float, shortfall: float, cap: float
) -> None:
    assert tail_cap(limit, shortfall) == cap


def test_a_tail_allows_at_most_the_cap() -> None:
    assert es_exposure_cap(0.02, 0.04, 0.4) == 0.4
    assert es_exposure_cap(0.02, 0.04, 0.6) == 0.5
    assert es_exposure_cap(0.02, 0.04, 0.0) == 0.0
    assert es_exposure_cap(0.02, 0.04, math.nan) == 0.0


def test_a_floor_of_nothing_is_a_floor() -> None:
    assert surplus_multiplier(0.1, 0.02, 0.2, 0.0, 0.0) == pytest.approx(2.0)
    assert surplus_multiplier(0.1, 0.02, 0.2, 0.5, 0.5) == pytest.approx(2.0 / 0.75)
    assert surplus_multiplier(0.1, 0.02, 0.2, 1.0, 0.0) == 0.0
    assert surplus_multiplier(0.1, 0.02, 0.2, -0.1, 0.0) == 0.0
    assert surplus_multiplier(0.1, 0.02, 0.0, 0.5, 0.0) == 0.0
    assert surplus_multiplier(0.1, 0.02, 0.2, 0.5, 1.0) == 0.0
    assert surplus_multiplier(0.02, 0.02, 0.2, 0.5, 0.0) == 0.0
