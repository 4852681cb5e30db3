"""The weather of a day is told from earlier days alone."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.research.walk_forward.regimes import NAMES, UNKNOWN, Rules, label_days

SHORT = Rules(volatility_days=4, trend_days=6, past_days=5)
changes = st.one_of(st.floats(-0.5, 0.5), st.just(math.nan))
lines = st.lists(changes, min_size=1, max_size=80)


@given(lines, lines, st.data())
def test_what_comes_later_never_changes_a_label(
    line: list[float], other: list[float], data: st.DataObject
) -> None:
    day = data.draw(st.integers(0, len(line)))
    whole = label_days(np.array(line), SHORT)
    turned = label_days(np.array([*line[:day], *other]), SHORT)
    # The label of the first changed day is still made of the days before it.
    kept = min(day + 1, len(whole), len(turned))
    assert whole[:kept].tolist() == turned[:kept].tolist()


@given(lines)
def test_every_label_has_a_name_and_the_first_ones_are_not_known(line: list[float]) -> None:
    labels = label_days(np.array(line), SHORT)
    assert len(labels) == len(line)
    assert ((labels >= 0) & (labels < len(NAMES))).all()
    assert (labels[: SHORT.trend_days + SHORT.past_days] == UNKNOWN).all()


def test_calm_and_wild_rising_and_falling_are_told_apart() -> None:
    rules = Rules(volatility_days=10, trend_days=10, past_days=20)
    usual = [0.01, -0.008] * 40
    calm = [0.002, -0.001] * 10
    wild = [-0.06, 0.05] * 10
    labels = label_days(np.array([*usual, *calm, *wild, 0.0]), rules)
    assert NAMES[labels[len(usual) + len(calm)]] == "calm, rising"
    assert NAMES[labels[-1]] == "wild, falling"


def test_days_without_a_price_are_passed_over() -> None:
    line = np.array([0.01, -0.02, 0.03, -0.01] * 20)
    holed = np.insert(line, 40, [math.nan] * 3)
    labels, with_holes = label_days(line, SHORT), label_days(holed, SHORT)
    assert with_holes[43:].tolist()[1:] == labels[40:].tolist()[1:]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_words_that_a_table_can_show(name: str) -> None:
    assert name == name.strip() == name.lower()
