"""Answers that may be asked for every day: what decides, how long it takes, what is an alarm."""

import numpy as np
import pytest

from smart_leverage.research.verify.monitoring import (
    has_stopped,
    is_month_above,
    is_rate_above,
    trades_needed,
)
from smart_leverage.research.verify.sequential import e_value_win_rate_above


def trades(rate: float, count: int, seed: int) -> list[bool]:
    return list(np.random.default_rng(seed).random(count) < rate)


@pytest.mark.parametrize(
    ("rate", "answer"),
    [
        pytest.param(0.75, True, id="above"),
        pytest.param(0.35, False, id="below"),
        pytest.param(0.55, None, id="at-the-bar"),
    ],
)
def test_enough_trades_decide_a_win_rate(rate, answer):
    told = is_rate_above(trades(rate, 300, 1), 0.55)
    assert told.answer is answer
    assert (told.needed == 0) == (told.decided is not None) == (answer is not None)
    assert told.lower < rate < told.upper


def test_what_was_decided_stays_decided():
    won = trades(0.8, 100, 2)
    told = is_rate_above(won, 0.5)
    later = is_rate_above([*won, *[False] * 100], 0.5)
    assert told.answer is later.answer is True
    assert told.decided == later.decided


def test_accounts_exactly_at_the_bar_are_seldom_called_better_or_worse():
    answers = [is_rate_above(trades(0.55, 200, seed), 0.55).answer for seed in range(150)]
    assert answers.count(True) <= 0.05 * 150
    assert answers.count(False) <= 0.05 * 150


def test_no_trade_is_no_evidence():
    told = is_rate_above([], 0.55)
    assert (told.evidence, told.counter, told.answer, told.needed) == (1.0, 1.0, None, None)
    assert (told.lower, told.upper) == (0.0, 1.0)
    assert has_stopped([], 0.45).level == 0.0


def test_so_many_more_trades_at_this_rate_decide_and_one_fewer_do_not():
    more = trades_needed(60, 100, 0.5)
    assert more is not None
    assert e_value_win_rate_above(60 + round(0.6 * more), 100 + more, 0.5) >= 20.0
    assert e_value_win_rate_above(60 + round(0.6 * (more - 1)), 99 + more, 0.5) < 20.0


def test_a_rate_at_the_bar_is_never_decided():
    assert trades_needed(550, 1000, 0.55) is None


def test_a_month_of_five_per_cent_takes_longer_than_anyone_says():
    steady = [0.08, 0.03, 0.13, 0.07, 0.09]
    young = is_month_above(steady, 0.05, -0.30)
    assert young.answer is None
    assert young.needed is not None
    assert young.needed > 12
    old = is_month_above(np.resize(steady, 5 + young.needed).tolist(), 0.05, -0.30)
    assert old.answer is True
    assert old.needed == 0


def test_months_that_earn_less_are_never_confirmed_and_none_say_nothing():
    assert is_month_above([0.01] * 24, 0.05).needed is None
    assert is_month_above([], 0.05).evidence == 1.0


def test_a_month_that_was_worse_than_any_can_be_voids_the_test():
    with pytest.raises(ValueError, match="no test"):
        is_month_above([0.02, -0.35], 0.05, -0.30)


def test_the_alarm_is_quiet_while_it_works_and_sounds_soon_after_it_stops():
    quiet = [has_stopped(trades(0.5, 500, seed), 0.45).since for seed in range(60)]
    assert quiet.count(None) >= 30  # at most one in 1,000 trades: half of these accounts
    broken = [*trades(0.6, 300, 9), *trades(0.2, 100, 10)]
    told = has_stopped(broken, 0.45)
    assert told.since is not None
    assert told.since < 100, "not while it still worked"
    assert told.is_sounding
    again = has_stopped([*broken, *[True] * 300], 0.45)
    assert again.since == told.since + 300
    assert not again.is_sounding
