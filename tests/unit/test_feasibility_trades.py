"""Months of independent trades: what is needed, how a month is spread, what a record holds."""

import math

import numpy as np
import pytest

from smart_leverage.research.feasibility.histories import Target
from smart_leverage.research.feasibility.trades import (
    Trades,
    closed_needed,
    counted,
    month,
    needed,
    year,
)


@pytest.mark.parametrize(
    ("trades", "rate"),
    [
        pytest.param(Trades(0.5, 1.0, 100, 0.005), 0.55, id="the-design"),
        pytest.param(Trades(0.5, 1.0, 20, 0.01), 0.625, id="fewer-trades"),
        pytest.param(Trades(0.5, 1.0, 20, 0.005), 0.75, id="and-less-risk"),
        pytest.param(Trades(0.5, 1.5, 20, 0.01), 0.50, id="a-better-payoff"),
        pytest.param(Trades(0.5, 2.0, 20, 0.01), 0.4167, id="twice"),
        pytest.param(Trades(0.5, 1.0, 60, 0.01, 0.1), 0.592, id="with-costs"),
    ],
)
def test_the_win_rate_that_five_per_cent_a_month_needs(trades: Trades, rate: float) -> None:
    assert needed(trades, 0.05).win_rate == pytest.approx(rate, abs=5e-4)
    at_it = trades._replace(win_rate=needed(trades, 0.05).win_rate)
    assert at_it.edge * at_it.a_month == pytest.approx(0.05)
    by_payoff = trades._replace(payoff=needed(trades, 0.05).payoff)
    assert by_payoff.edge * by_payoff.a_month == pytest.approx(0.05)


def test_a_month_is_the_binomial_law() -> None:
    trades = Trades(0.55, 1.2, 40, 0.01, 0.05)
    told = month(trades, 0.05)
    law = [
        (math.comb(40, wins) * 0.55**wins * 0.45 ** (40 - wins),
         (1 + 0.01 * 1.15) ** wins * (1 - 0.01 * 1.05) ** (40 - wins) - 1)
        for wins in range(41)
    ]  # fmt: skip
    assert told.reaches == pytest.approx(sum(p for p, made in law if made >= 0.05))
    assert told.loses == pytest.approx(sum(p for p, made in law if made < 0))
    assert sum(p for p, made in law if made < told.median - 1e-9) < 0.5
    assert sum(p for p, made in law if made <= told.median + 1e-9) >= 0.5
    assert law[told.wins][1] >= 0.05 > law[told.wins - 1][1]


def test_a_simulated_month_is_the_exact_one() -> None:
    trades = Trades(0.55, 1.0, 30, 0.01)
    told = year(trades, Target(), paths=4000)
    assert [each.months for each in told] == [1, 3, 12]
    assert told[0].total == pytest.approx(month(trades, 0.05).reaches, abs=0.025)
    assert told[-1].month == pytest.approx(month(trades, 0.05).reaches, abs=0.01)
    assert told[0].below > told[1].below > told[2].below
    assert told[-1].joint <= min(told[-1].below, told[-1].total)


def test_the_sharpe_ratio_of_trades_is_that_of_their_months() -> None:
    trades = Trades(0.55, 1.0, 100, 0.005)
    monthly = np.random.default_rng(1).binomial(100, 0.55, 200_000) * 0.01 - 0.5
    assert trades.sharpe == pytest.approx(
        monthly.mean() / monthly.std() * math.sqrt(12.0), rel=0.01
    )
    assert trades.volatility == pytest.approx(monthly.std() * math.sqrt(12.0), rel=0.01)


def test_a_record_is_counted_and_stands_for_more_like_it() -> None:
    won, lost = [30.0, 10.0, 20.0], [40.0, 60.0]
    told = counted(won, lost, fees=5.0, days=61.0, equity=10_000.0)
    assert (told.wins, told.losses, told.win_rate) == (3, 2, 0.6)
    assert (told.payoff, told.risk, told.cost) == pytest.approx((0.4, 0.005, 0.02))
    assert told.a_month == pytest.approx(2.5, abs=0.01)
    assert told.low < 0.6 < told.high
    assert told.as_trades(a_month=50) == Trades(0.6, 0.4, 50, 0.005)


def test_what_is_not_known_of_a_record_is_not_made_up() -> None:
    only_wins = counted([1.0], [], 0.0, 10.0, 100.0)
    assert math.isnan(only_wins.payoff)
    assert only_wins.as_trades() is None
    poor = counted([1.0], [1.0], 0.0, 10.0, None)
    assert poor.as_trades() is None
    assert poor.as_trades(risk=0.01) is not None
    nothing = counted([], [], 0.0, 0.0, None)
    assert math.isnan(nothing.win_rate)
    assert nothing.as_trades(10, 0.01) is None


def test_trades_that_tell_a_rate_from_its_bar() -> None:
    assert closed_needed(0.6, 0.5) == 68
    assert closed_needed(0.5, 0.5) == math.inf
