"""What is varied: keys of settings, ranges of the policy, and what excludes each other."""

from typing import Any

import numpy as np
import pytest
from tests.presets import CLASSIC_SETTINGS

from smart_leverage.domain.errors import ConfigError
from smart_leverage.policy.params import CLASSIC
from smart_leverage.research.kernel.setup import leaves
from smart_leverage.research.sweep.space import NAMES, Axis, space_of
from smart_leverage.settings import Settings, flat
from smart_leverage.wiring import policy_of

OWN = {"sizing.confidence_neutral", "sizing.volatility_ratio_min", "sizing.volatility_ratio_max"}
"""Numbers of the policy that no file of settings knows."""

POLICY_SECTIONS = (
    *("tiers", "sizing", "limits", "deleveraging", "stops"),
    *("exposure", "record", "breakers", "edge", "intraday"),
)


def test_every_number_of_the_policy_can_be_varied_by_its_key_in_the_settings() -> None:
    known = {
        key
        for key, value in flat(Settings().model_dump())
        if key.split(".")[0] in POLICY_SECTIONS
        and (isinstance(value, int | float) or value in ("on", "off"))
    }
    assert set(NAMES) == known | OWN
    assert sorted(NAMES.values()) == sorted(name for name, _ in leaves(CLASSIC))


@pytest.mark.parametrize("key", sorted(set(NAMES) - OWN))
def test_a_key_moves_the_number_that_the_settings_move(key: str) -> None:
    tree = CLASSIC_SETTINGS.model_dump()
    *sections, last = key.split(".")
    below = tree
    for section in sections:
        below = below[section]
    if below[last] == "off":
        value: Any = "on"
    else:
        value = below[last] * 0.99 if isinstance(below[last], float) else below[last] + 1
    below[last] = value
    try:
        wanted = policy_of(Settings.model_validate(tree))
    except ValueError:  # one that stands against another: move it to the other side
        below[last] = value = value / 0.99 * 1.001
        wanted = policy_of(Settings.model_validate(tree))
    space = space_of({key: [value]})
    assert space.policy([1.0 if value == "on" else value]) == wanted


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        pytest.param({"limits.symbol_kap": [0.1]}, "did you mean limits.symbol_cap?", id="unknown"),
        pytest.param({"limits.symbol_cap": [0.1, 1.5]}, "from above 0 to 1", id="out-of-range"),
        pytest.param({"deleveraging.slices": [2.5]}, "is not a whole number", id="not-whole"),
        pytest.param({"exposure.tail_cap": [1]}, "'on' or 'off'", id="a-switch-as-a-number"),
        pytest.param(
            {"exposure.tail_cap": {"from": 0, "to": 1}}, "has no range", id="a-switch-as-a-range"
        ),
        pytest.param({"limits.symbol_cap": 0.1}, "a list of values, or { from", id="one-number"),
        pytest.param({"limits.symbol_cap": []}, "a list of values", id="empty"),
        pytest.param({"limits.symbol_cap": [0.1, 0.1]}, "stands there twice", id="twice"),
        pytest.param({"limits.symbol_cap": [True]}, "True is not a number", id="true"),
        pytest.param({"limits.symbol_cap": {"from": 0.2, "to": 0.1}}, "not below", id="reversed"),
        pytest.param({"limits.symbol_cap": {"from": 0.2}}, "both from and to", id="half"),
        pytest.param(
            {"limits.symbol_cap": {"from": 0.1, "to": 0.2, "steps": 3}}, "no such word", id="word"
        ),
        pytest.param(
            {"deleveraging.slices": {"from": 1, "to": 4, "count": 3}}, "not whole", id="halves"
        ),
        pytest.param({}, "nothing is varied", id="nothing"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(
    tree: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        space_of(tree)
    assert told in str(refused.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        space_of({"limits.symbol_kap": [0.1], "stops.distance_min": [7.0]})
    assert len(refused.value.problems) == 2


def test_tables_and_dotted_keys_say_the_same() -> None:
    dotted = space_of({"tiers.learning.crypto_cap": [0.1, 0.2]})
    assert space_of({"tiers": {"learning": {"crypto_cap": [0.1, 0.2]}}}) == dotted


def test_evenly_spaced_values_are_those_one_would_write() -> None:
    axis = space_of({"limits.symbol_cap": {"from": 0.1, "to": 0.4, "count": 4}}).axes[0]
    assert axis.values == (0.1, 0.2, 0.3, 0.4)
    log = {"stops.volatility_multiple": {"from": 1, "to": 4, "count": 3, "log": True}}
    assert space_of(log).axes[0].values == pytest.approx((1.0, 2.0, 4.0))


def test_points_whose_numbers_exclude_each_other_are_told_by_their_keys() -> None:
    space = space_of({"tiers.learning.crypto_cap": [0.2, 0.5], "limits.symbol_cap": [0.1]})
    assert space.fault([0.2, 0.1]) == ""
    assert "tiers.learning.crypto_cap" in space.fault([0.5, 0.1])


@pytest.mark.parametrize(
    "axis",
    [
        pytest.param(Axis("limits.symbol_cap", (), 0.1, 0.3), id="plain"),
        pytest.param(Axis("stops.volatility_multiple", (), 0.1, 7.3, is_log=True), id="log"),
        pytest.param(Axis("deleveraging.slices", (), 1, 8, is_whole=True), id="whole"),
        pytest.param(Axis("limits.symbol_cap", (0.3, 0.1), 0.1, 0.3), id="listed"),
    ],
)
def test_shares_of_the_way_stay_between_the_ends(axis: Axis) -> None:
    values = axis.at(np.array([0.0, 0.25, 0.5, 0.999999, np.nextafter(1.0, 0.0)]))
    assert values.min() == pytest.approx(0.1 if not axis.is_whole else 1, rel=1e-15)
    assert values.min() >= axis.low
    assert values.max() <= axis.high
    if axis.is_whole:
        assert set(axis.at(np.linspace(0.0, 0.9999, 999))) == set(range(1, 9))
