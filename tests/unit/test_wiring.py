"""How settings become the numbers of the policy and the bounds of the engine."""

from decimal import Decimal
from typing import Any

import pytest
from tests.presets import CLASSIC_SETTINGS

from smart_leverage.engine.config import EngineConfig
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.sizing import Sizing
from smart_leverage.policy.tier import Tier
from smart_leverage.settings import Settings, flat
from smart_leverage.wiring import engine_config, policy_of

DEFAULTS = dict(flat(Settings().model_dump()))
NUMBERS = {
    key: value
    for key, value in DEFAULTS.items()
    if isinstance(value, int | float) or value in ("on", "off")
}

OF_THE_POLICY = (
    *("tiers", "sizing", "limits", "deleveraging", "stops"),
    *("exposure", "record", "breakers", "edge", "intraday"),
)
OF_THE_ENGINE = (*OF_THE_POLICY, "execution", "risk")
NOT_OF_THE_POLICY = {"tiers.ceiling"}
"""The ceiling is an act of a person, which the engine heeds; no rule computes with it."""


def with_key(key: str, value: Any) -> Settings:
    """Return the defaults with one key changed."""
    numbers = Settings().model_dump()
    *sections, last = key.split(".")
    section = numbers
    for name in sections:
        section = section[name]
    section[last] = value
    return Settings.model_validate(numbers)


def other(value: Any) -> Any:
    """Return a number near another, of the same kind; smaller, so that all bounds still hold."""
    if value in ("on", "off"):
        return "off" if value == "on" else "on"
    return value - 1 if isinstance(value, int) else (value * 0.999 or 0.001)


def leaves(record: Any) -> list[Any]:
    """Return every number of nested named tuples, in order."""
    if isinstance(record, tuple):
        return [leaf for field in record for leaf in leaves(field)]
    return [record]


# --- the policy ----------------------------------------------------------------------------------


def test_the_preset_classic_is_the_policy_whose_switches_are_off() -> None:
    assert policy_of(CLASSIC_SETTINGS) == CLASSIC


def test_every_number_of_a_section_reaches_its_own_place_in_the_policy() -> None:
    """Each key changes one number of the policy, and no two keys change the same."""
    before = leaves(policy_of(Settings()))
    places = []
    keys = [key for key in NUMBERS if key.split(".")[0] in OF_THE_POLICY]
    for key in keys:
        value = other(NUMBERS[key])
        after = leaves(policy_of(with_key(key, value)))
        changed = [
            at for at, pair in enumerate(zip(before, after, strict=True)) if len({*pair}) > 1
        ]
        assert [after[at] for at in changed] == [value == "on" if value in ("on", "off") else value]
        places += changed
    assert len(set(places)) == len(keys)


def test_what_cannot_be_configured_keeps_its_value() -> None:
    """The neutral confidence and the bounds of a ratio are meanings of the rules, not choices."""
    fixed = {"confidence_neutral", "volatility_ratio_min", "volatility_ratio_max"}
    configured = {key.split(".")[1] for key in NUMBERS if key.startswith("sizing.")}
    assert set(Sizing._fields) - configured == fixed
    sizing = policy_of(with_key("sizing.base_share", 0.04)).sizing
    assert all(getattr(sizing, name) == getattr(Sizing(), name) for name in fixed)


def test_the_number_of_configured_keys_is_that_of_the_policy() -> None:
    keys = [key for key in NUMBERS if key.split(".")[0] in OF_THE_POLICY]
    assert len(keys) + 3 == len(leaves(CLASSIC))


# --- the engine ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [key for key in NUMBERS if key.split(".")[0] in OF_THE_ENGINE])
def test_the_engine_is_told_of_every_number(key: str) -> None:
    changed = engine_config(with_key(key, other(NUMBERS[key])))
    assert changed != engine_config(Settings())


def test_the_engine_is_told_what_was_configured() -> None:
    settings = Settings()
    config = engine_config(settings)
    assert config.policy == policy_of(settings)
    assert config.tier_ceiling is Tier.PROFITABLE
    assert config.risk_timezone == "America/New_York"
    assert config.ladder.age_max_s == settings.execution.price_age_max_s
    assert config.ladder.still_max_s == settings.execution.price_still_max_s
    assert config.entry_life_s == settings.execution.entry_life_s
    assert config.mark_every_s == settings.execution.mark_every_s


def test_what_no_key_sets_keeps_the_engines_own_value() -> None:
    config = engine_config(Settings())
    assert config.protect_within_s == EngineConfig().protect_within_s
    assert config.ladder[1:-1] == EngineConfig().ladder[1:-1]


@pytest.mark.parametrize("tier", list(Tier))
def test_a_ceiling_is_a_tier(tier: Tier) -> None:
    assert engine_config(with_key("tiers.ceiling", tier.name.lower())).tier_ceiling is tier


@pytest.mark.parametrize(
    ("fraction", "exact"),
    [
        pytest.param(0.005, Decimal("0.005"), id="half-a-per-cent"),
        pytest.param(0.1, Decimal("0.1"), id="a-tenth-is-not-its-binary-neighbour"),
        pytest.param(1e-07, Decimal("1E-7"), id="very-small"),
        pytest.param(1.0, Decimal("1.0"), id="whole"),
    ],
)
def test_a_fraction_of_money_is_the_decimal_that_was_written(
    fraction: float, exact: Decimal
) -> None:
    assert engine_config(with_key("execution.collar", fraction)).collar == exact
    assert engine_config(with_key("execution.cost_rate", fraction)).cost_rate == exact


def test_the_zone_of_the_risk_day_reaches_the_engine() -> None:
    assert (
        engine_config(with_key("risk.timezone", "Europe/Berlin")).risk_timezone == "Europe/Berlin"
    )


def test_the_account_itself_is_no_part_of_the_policy() -> None:
    assert policy_of(with_key("account.cash", 5.0)) == policy_of(Settings())
    for key in NOT_OF_THE_POLICY:
        assert policy_of(with_key(key, "stable")) == policy_of(Settings())
