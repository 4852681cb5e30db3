"""Whatever the lengths: nothing that is tested was trained on, nor what lies too near to it."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.research.walk_forward.splits import Scheme, Span, around, folds, windows

small = st.integers(0, 30)


@st.composite
def schemes(draw: st.DrawFn) -> Scheme:
    count = draw(st.integers(2, 6))
    test = draw(st.integers(2, 80))
    return Scheme(
        train_days=draw(st.integers(5 * count, 200)),
        test_days=test,
        step_days=draw(st.one_of(st.just(0), st.integers(test, test + 40))),
        is_anchored=draw(st.booleans()),
        purge_days=draw(small),
        embargo_days=draw(small),
        folds=count,
    )


@given(schemes(), st.integers(1, 800))
def test_a_window_trains_before_the_purge_and_tests_behind_it(scheme: Scheme, days: int) -> None:
    assume(days >= scheme.train_days + scheme.purge_days + scheme.test_days)
    for train, test in windows(days, scheme):
        assert 0 <= train.first < train.end
        assert train.end + scheme.purge_days == test.first
        assert test.first < test.end <= days
        if scheme.is_anchored:
            assert train.first == 0
        else:
            assert train.days == scheme.train_days


@given(schemes(), st.integers(1, 800))
def test_tests_are_ordered_disjoint_and_leave_out_nothing(scheme: Scheme, days: int) -> None:
    assume(days >= scheme.train_days + scheme.purge_days + scheme.test_days)
    found = windows(days, scheme)
    assert found[0].test.first == scheme.train_days + scheme.purge_days
    for before, after in pairwise(found):
        assert before.test.days == scheme.test_days
        assert before.test.end <= after.test.first
        assert after.test.first - before.test.first == scheme.step
    tested = [day for window in found for day in range(*window.test)]
    assert len(set(tested)) == len(tested)
    if scheme.step == scheme.test_days:
        # Less than half of a test part may be missing at the end, and nothing before.
        assert tested == list(range(tested[0], tested[-1] + 1))
        left = days - 1 - tested[-1]
        assert 2 * left < scheme.test_days or left < 2


@given(schemes(), st.integers(0, 300))
def test_a_fold_keeps_purge_and_embargo_and_every_day_is_tested_once(
    scheme: Scheme, first: int
) -> None:
    whole = Span(first, first + scheme.train_days)
    cut = folds(whole, scheme)
    assert [day for fold in cut for day in range(*fold.test)] == list(range(*whole))
    for fold in cut:
        trained = {day for span in fold.train for day in range(*span)}
        assert trained <= set(range(*whole))
        near = range(fold.test.first - scheme.purge_days, fold.test.end + scheme.embargo_days)
        assert trained.isdisjoint(near)
        assert trained | set(near) >= set(range(*whole)), "a day was lost without a reason"


@given(st.integers(0, 50), st.integers(1, 50), st.integers(-20, 120), st.integers(1, 60), small)
def test_what_lies_around_a_test_is_inside_of_the_whole(
    first: int, days: int, test_first: int, test_days: int, gap: int
) -> None:
    whole, test = Span(first, first + days), Span(test_first, test_first + test_days)
    for span in around(whole, test, gap, gap):
        assert whole.first <= span.first < span.end <= whole.end
        assert span.end <= test.first - gap or span.first >= test.end + gap


@pytest.mark.parametrize(
    ("scheme", "word"),
    [
        pytest.param(Scheme(train_days=2), "train_days", id="training-too-short"),
        pytest.param(Scheme(test_days=1), "test_days", id="a-test-of-one-day"),
        pytest.param(Scheme(purge_days=-1), "purge_days", id="negative-purge"),
        pytest.param(Scheme(embargo_days=-1), "embargo_days", id="negative-embargo"),
        pytest.param(Scheme(folds=1), "folds", id="one-fold"),
        pytest.param(Scheme(test_days=91, step_days=90), "tested twice", id="tests-overlap"),
        pytest.param(Scheme(train_days=19, folds=4), "fewer folds", id="folds-too-short"),
    ],
)
def test_a_scheme_that_cannot_be_is_refused_by_name(scheme: Scheme, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        windows(10_000, scheme)


def test_too_few_days_are_told() -> None:
    scheme = Scheme(train_days=100, test_days=20, purge_days=5)
    with pytest.raises(BadData, match="106 days are too few"):
        windows(106, scheme)
    assert len(windows(115, scheme)) == 1, "half of a test part is enough for the last one"
