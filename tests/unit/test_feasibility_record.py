"""The verdict on a record: histories, dials chosen on one half, ends of the interval, lengths."""

import math

import numpy as np
import pytest

from smart_leverage.research.feasibility import answer
from smart_leverage.research.feasibility.answer import Verdict
from smart_leverage.research.feasibility.histories import (
    Target,
    all_rules,
    draw,
    judged,
    simple_rules,
)
from smart_leverage.research.feasibility.record import (
    Days,
    answered,
    deciding,
    evidence,
    sharpe_interval,
)


def _days(sharpe: float, count: int, seed: int = 1) -> Days:
    """Return a record whose Sharpe ratio is exactly this one, 20 % volatility a year."""
    noise = np.random.default_rng(seed).standard_normal(count)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    return Days(0.20 * (sharpe / 252 + noise / math.sqrt(252)), 252)


@pytest.mark.parametrize(
    ("low", "best", "expected"),
    [(0.5, 1.0, "attainable"), (0.1, 0.49, "not attainable"), (0.49, 0.5, "undecided")],
)
def test_a_verdict_needs_the_unfavourable_end(low: float, best: float, expected: str) -> None:
    assert answer.verdict(low, best) == expected


def test_an_interval_shrinks_with_more_days() -> None:
    noise = np.random.default_rng(4).normal(0.001, 0.01, 2000)
    ends = [sharpe_interval(Days(part, 252)) for part in (noise[:200], noise)]
    widths = [high - low for low, _, high in ends]
    assert widths[1] < 0.6 * widths[0]


def test_histories_are_the_record_at_another_sharpe_ratio() -> None:
    days = _days(1.0, 400)
    histories = draw(days.values, 252, count=200, seed=3)
    assert histories.noise.shape == (200, 250 + 252)
    returns = histories.returns(3.0)
    assert returns.std() * math.sqrt(252) == pytest.approx(0.20, rel=0.03)
    assert returns.mean() / returns.std() * math.sqrt(252) == pytest.approx(3.0, abs=0.35)
    drawn = np.unique(np.round(histories.noise, 9))
    own = np.round((days.values - days.values.mean()) / days.values.std(), 9)
    assert np.isin(drawn, own).all()
    assert np.array_equal(histories.noise, draw(days.values, 252, count=200, seed=3).noise)


def test_a_dial_is_chosen_on_one_half_and_told_on_the_other() -> None:
    histories, target = draw(_days(3.0, 400).values, 252, count=200), Target()
    for told in judged(histories, 4.0, target, simple_rules(target, histories.volatility)):
        assert told.dial in simple_rules(target, histories.volatility)[told.name]
        assert [one.paths for one in told.horizons] == [100, 100, 100]
        # The other half has its own luck: 0.05 is one error of a hundred paths.
        assert told.joint == pytest.approx(told.chosen_on, abs=0.2)
    swapped = histories._replace(noise=np.roll(histories.noise, 100, axis=0))
    first = next(judged(histories, 4.0, target, simple_rules(target, histories.volatility)))
    second = next(judged(swapped, 4.0, target, simple_rules(target, histories.volatility)))
    assert first.chosen_on != first.joint
    if first.dial == second.dial:
        assert (first.chosen_on, first.joint) == (second.joint, second.chosen_on)


def test_a_record_without_skill_is_told_that_it_will_not_do() -> None:
    told = answered(_days(0.0, 500), Target(), count=200)
    assert told.verdict is Verdict.NOT_ATTAINABLE
    assert told.lower_joint <= told.best[0] + 0.02
    assert told.best[2] < 0.5 <= told.bound[2] + 0.5
    assert told.deciding is None
    assert {each.name for each in told.value} == {*all_rules(Target(), 0.2, 0.1)}
    assert told.budget[0].monthly <= told.budget[1].monthly < 0.01


def test_a_record_of_great_skill_is_told_that_it_will() -> None:
    told = answered(_days(8.0, 500), Target(), count=200)
    assert told.verdict is Verdict.ATTAINABLE
    assert told.lower_joint >= 0.5


def test_what_is_undecided_is_told_the_length_that_decides() -> None:
    days = _days(2.5, 300)
    ends = sharpe_interval(days)
    histories = draw(days.values, 252, count=200)
    told = deciding(histories, ends, Target(), 300)
    assert told.not_below == pytest.approx(3.08, abs=0.05)
    assert 3.2 < told.attainable_from < 4.0
    half = (ends[2] - ends[1]) * math.sqrt(300 / told.days)
    assert ends[1] + half == pytest.approx(told.not_below, abs=0.01)
    between = deciding(histories, (2.2, 3.15, 4.1), Target(), 300)
    assert between.days == math.inf


def test_a_target_that_luck_makes_every_second_year_is_never_out_of_reach() -> None:
    """0.5 % a month before −20 %: a bet at once makes it in 0.2/0.2617 of cases."""
    easy = Target(0.005, 0.20)
    assert answer.even_by_best(easy) == -math.inf
    days = _days(0.2, 300)
    told = deciding(draw(days.values, 252, count=100), (-1.5, 0.2, 1.9), easy, 300)
    assert told.not_below == -math.inf
    assert 0.0 < told.attainable_from < 2.0


def test_no_verdict_is_made_of_fewer_than_sixty_days() -> None:
    with pytest.raises(ValueError, match="59 are too few"):
        answered(_days(2.0, 59), Target(), count=100)


def test_evidence_of_skill_sinks_with_what_was_tried() -> None:
    days = _days(2.0, 500)
    one, many = evidence(days, 1), evidence(days, 50)
    assert one.deflated is None
    assert one.psr is not None
    assert many.deflated is not None
    assert many.deflated < one.psr
    assert one.days_needed < 500 < evidence(_days(0.5, 500), 1).days_needed
    assert evidence(_days(-1.0, 500), 1).days_needed == math.inf


def test_the_dials_of_a_wider_drawdown_are_wider() -> None:
    narrow, wide = (max(simple_rules(Target(0.05, d), 0.2)["constant"]) for d in (0.08, 0.16))
    assert wide == pytest.approx(narrow * math.log1p(-0.16) / math.log1p(-0.08))
