"""What may be configured, what is refused and how that is told, and where each value is from."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from smart_leverage.domain.errors import ConfigError
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.settings import (
    BELOW,
    ENV_PREFIX,
    ORDERED,
    PRESETS,
    AccountSection,
    Loaded,
    Settings,
    contradictions,
    flat,
    load,
    template,
)
from smart_leverage.wiring import policy_of

NO_POLICY = ("broker.", "server.", "logs.", "ledger.", "notify.", "intraday.")
"""Where broker and gateway are, what is logged and who is told, and a plan that is off."""

DEFAULTS = dict(flat(Settings().model_dump()))
NUMBERS = {key: value for key, value in DEFAULTS.items() if isinstance(value, int | float)}
FRACTIONS = sorted(
    key
    for key, value in NUMBERS.items()
    if isinstance(value, float)
    and 0 < value <= 1
    and key != "limits.gross_cap"
    and not key.startswith("sizing.adjustment")
)


def variable(key: str) -> str:
    return ENV_PREFIX + key.upper().replace(".", "__")


def read(tmp_path: Path, text: str | bytes, **environment: str) -> Loaded:
    file = tmp_path / "smart-leverage.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file, environment)


def problems(tmp_path: Path, text: str | bytes, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text, **environment)
    return refused.value.problems


def by_variable(**environment: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(None, environment)
    return refused.value.problems


def as_toml(key: str, value: Any) -> str:
    section, _, name = key.rpartition(".")
    return f"[{section}]\n{name} = {value!r}\n"


# --- defaults, preset, file, environment ---------------------------------------------------------


def test_nothing_given_is_the_preset(tmp_path: Path) -> None:
    assert load(None, {}).settings == Settings()
    assert read(tmp_path, "").settings == Settings()
    assert read(tmp_path, "[limits]\n").settings == Settings()


def test_a_later_source_stands_above_an_earlier_one(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "[limits]\nsymbol_cap = 0.2\nsymbol_cap_broad = 0.3\n",
        SMART_LEVERAGE_LIMITS__SYMBOL_CAP_BROAD="0.4",
        HOME="/nowhere",
    )
    limits, file = loaded.settings.limits, str(tmp_path / "smart-leverage.toml")
    assert (limits.gross_cap, limits.symbol_cap, limits.symbol_cap_broad) == (1.0, 0.2, 0.4)
    assert loaded.origin["limits.gross_cap"] == "preset classic"
    assert loaded.origin["limits.symbol_cap"] == file
    assert loaded.origin["limits.symbol_cap_broad"] == "environment"
    assert loaded.origin["execution.collar"] == "default"


def test_every_key_has_an_origin() -> None:
    assert load(None, {}).origin.keys() == DEFAULTS.keys()


@pytest.mark.parametrize("key", sorted(NUMBERS))
def test_any_number_can_be_set_by_file_and_by_variable(tmp_path: Path, key: str) -> None:
    value = NUMBERS[key]
    by_file = read(tmp_path, as_toml(key, value))
    by_environment = load(None, {variable(key): repr(value)})
    assert by_file.settings == by_environment.settings == Settings()
    assert by_environment.origin[key] == "environment"


def test_a_variable_that_is_text_stays_text() -> None:
    assert load(None, {"SMART_LEVERAGE_ACCOUNT__NAME": "123"}).settings.account.name == "123"
    loaded = load(None, {"SMART_LEVERAGE_ACCOUNT__NAME": "up 40 %"})
    assert loaded.settings.account.name == "up 40 %"


def test_the_variables_of_the_process_are_read_when_none_are_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMART_LEVERAGE_LIMITS__SYMBOL_CAP", "0.05")
    assert load().settings.limits.symbol_cap == 0.05


def test_a_whole_number_may_stand_for_a_fraction_that_is_whole(tmp_path: Path) -> None:
    assert read(tmp_path, "[limits]\ngross_cap = 1\n").settings == Settings()


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.limits.symbol_cap = 0.9


# --- the preset ----------------------------------------------------------------------------------


def test_the_preset_classic_names_every_number_of_the_original_and_turns_the_rest_off() -> None:
    text = files("smart_leverage").joinpath("presets", "classic.toml").read_text(encoding="utf-8")
    preset = dict(flat(tomllib.loads(text)))
    sections = ("tiers", "sizing", "limits", "deleveraging", "stops")
    expected = {key: value for key, value in DEFAULTS.items() if key.split(".")[0] in sections}
    rules = {key: value for key, value in DEFAULTS.items() if not key.startswith(NO_POLICY)}
    expected |= {key: "off" for key, value in rules.items() if value == "on"}
    assert preset == expected
    assert {key: type(value) for key, value in preset.items()} == {
        key: type(value) for key, value in expected.items()
    }


def test_the_preset_classic_is_the_policy_classic() -> None:
    assert policy_of(load(None, {"SMART_LEVERAGE_POLICY__PRESET": "classic"}).settings) == CLASSIC


def test_whoever_names_no_preset_gets_steady() -> None:
    named = load(None, {"SMART_LEVERAGE_POLICY__PRESET": "steady"})
    assert load(None, {}).settings == named.settings
    assert load(None, {}).origin["exposure.kelly_cap"] == "preset steady"


def preset_policy(name: str) -> Policy:
    return policy_of(load(None, {"SMART_LEVERAGE_POLICY__PRESET": name}).settings)


def test_the_preset_steady_has_every_cap_on_under_the_ceilings_of_classic() -> None:
    steady = preset_policy("steady")
    assert steady.tiers == CLASSIC.tiers
    assert steady.limits == CLASSIC.limits
    assert steady.exposure == CLASSIC.exposure._replace(
        is_drawdown_capped=True,
        is_tail_capped=True,
        is_kelly_capped=True,
        is_volatility_capped=True,
        is_look_through=True,
    )
    assert (steady.record.is_earned, steady.rolling.is_rolling, steady.edge.is_edge_sized) == (
        True,
        True,
        True,
    )
    at = steady.exposure
    assert (at.drawdown_multiple, at.drawdown_floor, at.peak_days) == (4.0, 0.93, 365)
    assert (at.shortfall_max, at.kelly_fraction, at.volatility_max) == (0.015, 0.5, 0.10)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_that_is_a_yardstick_differs_in_one_cap_alone(name: str) -> None:
    own = {"vol-target": "volatility", "fractional-kelly": "kelly", "drawdown-control": "drawdown"}
    at = preset_policy(name).exposure
    switches = {cap: getattr(at, f"is_{cap}_capped") for cap in ("drawdown", "tail", "kelly")}
    switches["volatility"] = at.is_volatility_capped
    assert at.is_look_through == (name == "steady")
    is_on = {cap for cap, is_on in switches.items() if is_on}
    assert is_on == (set(switches) if name == "steady" else {own[name]} if name in own else set())


# --- one wrong value -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            "[limits]\nsymbol_cap = 25",
            "limits.symbol_cap: 25 is above 1; fractions, not per cent: 0.25?",
            id="per-cent-as-a-number",
        ),
        pytest.param(
            "[limits]\nsymbol_cap = 2.5",
            "limits.symbol_cap: 2.5 is above 1; fractions, not per cent: 0.025?",
            id="per-cent-with-a-point",
        ),
        pytest.param(
            "[limits]\nsymbol_cap = 250",
            "limits.symbol_cap: 250 is not accepted; a number above 0 and up to 1",
            id="too-much-even-as-per-cent",
        ),
        pytest.param(
            "[limits]\ngross_cap = 95",
            "limits.gross_cap: 95 is above 4; fractions, not per cent: 0.95?",
            id="per-cent-of-the-gross-cap",
        ),
        pytest.param(
            '[limits]\nsymbol_cap = "25 %"',
            "limits.symbol_cap: '25 %' is not a number; write 0.25",
            id="per-cent-as-text",
        ),
        pytest.param(
            '[tiers.stable]\ncrypto_cap = "40%"',
            "tiers.stable.crypto_cap: '40%' is not a number; write 0.4",
            id="per-cent-as-text-without-a-space",
        ),
        pytest.param(
            '[limits]\nsymbol_cap = "250 %"',
            "limits.symbol_cap: '250 %' is not accepted; a number above 0 and up to 1",
            id="too-much-per-cent-as-text",
        ),
        pytest.param(
            '[limits]\nsymbol_cap = "some %"',
            "limits.symbol_cap: 'some %' is not accepted; a number above 0 and up to 1",
            id="words-and-per-cent",
        ),
        pytest.param(
            '[deleveraging]\nfirst_minutes = "30 %"',
            "deleveraging.first_minutes: '30 %' is not accepted; a number above 0",
            id="minutes-are-no-share",
        ),
        pytest.param(
            "[tiers]\nmonth_return_emergency = -5",
            "tiers.month_return_emergency: -5 is below -1; fractions, not per cent: -0.05?",
            id="a-loss-in-per-cent",
        ),
        pytest.param(
            "[tiers]\nmonth_return_emergency = 0.05",
            "tiers.month_return_emergency: 0.05 is not accepted; a number above -1 and below 0",
            id="a-loss-without-its-sign",
        ),
        pytest.param(
            "[limits]\nloss_limit_daily = -0.03",
            "limits.loss_limit_daily: -0.03 is not accepted; a number above 0 and up to 1",
            id="negative-limit",
        ),
        pytest.param(
            "[limits]\nloss_limit_daily = 0.0",
            "limits.loss_limit_daily: 0.0 is not accepted; a number above 0 and up to 1",
            id="no-limit",
        ),
        pytest.param(
            "[limits]\nloss_limit_daily = nan",
            "limits.loss_limit_daily: nan is not accepted; a number above 0 and up to 1",
            id="not-a-number",
        ),
        pytest.param(
            "[limits]\nloss_limit_daily = inf",
            "limits.loss_limit_daily: inf is not accepted; a number above 0 and up to 1",
            id="infinite",
        ),
        pytest.param(
            "[deleveraging]\nband_over = nan",
            "deleveraging.band_over: nan is not accepted; a number from 1 and up to 1.5",
            id="not-a-number-in-the-band",
        ),
        pytest.param(
            f"[account]\ncash = 1{'0' * 400}",
            f"account.cash: 1{'0' * 63}… is not accepted; a number above 0",
            id="more-than-a-number-can-hold",
        ),
        pytest.param(
            "[limits]\ngross_cap = true",
            "limits.gross_cap: True is not accepted; a number above 0 and up to 4",
            id="true-is-not-one",
        ),
        pytest.param(
            "[tiers]\ntrades_min = true",
            "tiers.trades_min: True is not accepted; a whole number from 1 and up to 1,000,000",
            id="true-is-not-one-trade",
        ),
        pytest.param(
            "[tiers]\ntrades_min = 20.5",
            "tiers.trades_min: 20.5 is not accepted; a whole number from 1 and up to 1,000,000",
            id="half-a-trade",
        ),
        pytest.param(
            "[tiers]\ntrades_min = 0",
            "tiers.trades_min: 0 is not accepted; a whole number from 1 and up to 1,000,000",
            id="no-trades",
        ),
        pytest.param(
            '[limits]\nsymbol_cap = "0.1"',
            "limits.symbol_cap: '0.1' is not accepted; a number above 0 and up to 1",
            id="a-number-in-quotes",
        ),
        pytest.param(
            "[limits]\nsymbol_cap = [0.1]",
            "limits.symbol_cap: [0.1] is not accepted; a number above 0 and up to 1",
            id="a-list-for-a-number",
        ),
        pytest.param(
            "[limits.symbol_cap]\nvalue = 0.1",
            "limits.symbol_cap: a table is not accepted; a number above 0 and up to 1",
            id="a-table-for-a-number",
        ),
        pytest.param(
            "limits = 0.1", "limits: 0.1 is not accepted; a table, [limits]", id="a-number-section"
        ),
        pytest.param(
            "policy = 3", "policy: 3 is not accepted; a table, [policy]", id="a-number-for-policy"
        ),
        pytest.param(
            "[tiers]\nlearning = 0.25",
            "tiers.learning: 0.25 is not accepted; a table, [tiers.learning]",
            id="a-number-for-a-tier",
        ),
        pytest.param(
            "[[stops]]\nlimit_gap = 0.01",
            "stops: [{'limit_gap': 0.01}] is not accepted; a table, [stops]",
            id="a-list-of-sections",
        ),
        pytest.param(
            '[tiers]\nceiling = "best"',
            "tiers.ceiling: 'best' is not accepted; "
            "'emergency' or 'learning' or 'stable' or 'profitable'",
            id="a-tier-that-is-none",
        ),
        pytest.param(
            '[policy]\npreset = "bold"',
            "policy.preset: 'bold' is not accepted; 'classic' or 'steady' or 'fixed' or "
            "'vol-target' or 'fractional-kelly' or 'drawdown-control'",
            id="a-preset-that-is-none",
        ),
        pytest.param(
            '[account]\nmode = "real"',
            "account.mode: 'real' is not accepted; 'sim' or 'paper' or 'live'",
            id="a-mode-that-is-none",
        ),
        pytest.param(
            '[account]\nname = ""',
            "account.name: '' is not accepted; text of 1 to 64 characters",
            id="no-name",
        ),
        pytest.param(
            "[account]\nname = 7",
            "account.name: 7 is not accepted; text of 1 to 64 characters",
            id="a-number-for-a-name",
        ),
        pytest.param(
            "[risk]\ntimezone = 5", "risk.timezone: 5 is not accepted; text", id="a-number-zone"
        ),
        pytest.param(
            '[risk]\ntimezone = "America/New_Yrok"',
            "risk.timezone: 'America/New_Yrok' is not a time zone; it could be America/New_York",
            id="a-zone-misspelt",
        ),
        pytest.param(
            '[risk]\ntimezone = "../../etc/passwd"',
            "risk.timezone: '../../etc/passwd' is not a time zone; it could be",
            id="a-path-for-a-zone",
        ),
        pytest.param(
            '[risk]\ntimezone = ""',
            "risk.timezone: '' is not a time zone; it could be America/New_York, UTC",
            id="no-zone",
        ),
        pytest.param(
            "[limits]\nsymbol_kap = 0.1",
            "limits.symbol_kap: unknown key, did you mean symbol_cap?",
            id="key-misspelt",
        ),
        pytest.param(
            "[limits]\nxyzzy = 0.1",
            "limits.xyzzy: unknown key; known are loss_limit_daily, loss_limit_daily_asset, "
            "loss_limit_monthly, gross_cap, symbol_cap, symbol_cap_broad",
            id="key-like-no-other",
        ),
        pytest.param(
            "[tiers.stable]\ncripto_cap = 0.4",
            "tiers.stable.cripto_cap: unknown key, did you mean crypto_cap?",
            id="key-of-a-tier-misspelt",
        ),
        pytest.param(
            "[tiers.golden]\ncrypto_cap = 0.9",
            "tiers.golden: unknown key; known are month_return_emergency",
            id="a-tier-too-many",
        ),
        pytest.param(
            "[limts]\nsymbol_cap = 0.1",
            "limts: unknown section, did you mean limits?",
            id="section-misspelt",
        ),
        pytest.param(
            "symbol_cap = 0.1", "symbol_cap: unknown section", id="key-outside-of-its-section"
        ),
        pytest.param(
            '[limits]\n"symbol.cap" = 0.1', "limits.symbol.cap: unknown key", id="key-with-a-point"
        ),
    ],
)
def test_a_wrong_value_is_told_with_key_value_and_what_would_do(
    tmp_path: Path, text: str, told: str
) -> None:
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(told)


@pytest.mark.parametrize("key", FRACTIONS)
def test_no_fraction_takes_per_cent_or_nothing(tmp_path: Path, key: str) -> None:
    for value in ("1.0000001", "0", "-0.1", "nan", "inf", "-inf", "30", "true", "'0.1'", "[0.1]"):
        section, _, name = key.rpartition(".")
        found = problems(tmp_path, f"[{section}]\n{name} = {value}\n")
        assert [one.split(":")[0] for one in found] == [key], value


@pytest.mark.parametrize("key", sorted(NUMBERS))
def test_no_number_takes_what_is_none(tmp_path: Path, key: str) -> None:
    section, _, name = key.rpartition(".")
    for value in ("nan", "inf", "-inf", "true", "'x'", "[]", "2024-01-01"):
        found = problems(tmp_path, f"[{section}]\n{name} = {value}\n")
        assert [one.split(":")[0] for one in found] == [key], value


# --- values that contradict each other -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            "[limits]\nloss_limit_daily = 0.09",
            "limits.loss_limit_daily: loss_limit_daily 0.09 is above loss_limit_monthly 0.08; "
            "at most that",
            id="day-over-month",
        ),
        pytest.param(
            "[tiers.learning]\ncrypto_cap = 0.36",
            "tiers.learning.crypto_cap: crypto_cap 0.36 is above total_cap 0.35; at most that",
            id="class-over-total",
        ),
        pytest.param(
            "[tiers.learning]\ntotal_cap = 0.65",
            "tiers.learning.total_cap: total_cap 0.65 is above tiers.stable.total_cap 0.6; "
            "at most that",
            id="worse-tier-over-better",
        ),
        pytest.param(
            "[tiers.emergency]\ncrypto_cap = 0.26",
            "tiers.emergency.crypto_cap: crypto_cap 0.26 is above tiers.learning.crypto_cap 0.25; "
            "at most that",
            id="emergency-over-learning",
        ),
        pytest.param(
            "[tiers]\nwin_rate_stable = 0.6",
            "tiers.win_rate_stable: win_rate_stable 0.6 is not below win_rate_profitable 0.6; "
            "less than that",
            id="one-edge-for-two-tiers",
        ),
        pytest.param(
            "[limits]\ngross_cap = 0.05",
            "limits.symbol_cap: symbol_cap 0.1 is above gross_cap 0.05; at most that",
            id="symbol-over-gross",
        ),
        pytest.param(
            "[sizing]\nbase_share = 0.2",
            "sizing.base_share: base_share 0.2 is above share_max 0.1; at most that",
            id="size-over-its-maximum",
        ),
        pytest.param(
            "[sizing]\nadjustment_min = 2.0",
            "sizing.adjustment_min: adjustment_min 2.0 is above adjustment_max 1.5; at most that",
            id="adjustment-swapped",
        ),
        pytest.param(
            "[stops]\ndistance_min = 0.2",
            "stops.distance_min: distance_min 0.2 is above distance_max 0.15; at most that",
            id="distance-swapped",
        ),
        pytest.param(
            "[deleveraging]\npace_minutes = 180.0",
            "deleveraging.pace_minutes: pace_minutes 180.0 is above last_minutes 120.0; "
            "at most that",
            id="slices-after-the-deadline",
        ),
    ],
)
def test_values_that_contradict_each_other_are_told_with_both(
    tmp_path: Path, text: str, told: str
) -> None:
    assert problems(tmp_path, text) == [told]


def test_a_contradiction_is_refused_however_settings_are_made() -> None:
    numbers = Settings().model_dump()
    numbers["limits"]["loss_limit_daily"] = 0.5
    with pytest.raises(ValidationError, match=r"loss_limit_daily 0\.5 is above"):
        Settings.model_validate(numbers)


def test_the_pairs_are_keys_and_hold_for_the_preset() -> None:
    assert {key for pair in (*ORDERED, *BELOW) for key in pair} <= NUMBERS.keys()
    assert list(contradictions(DEFAULTS)) == []


@pytest.mark.parametrize(("lower", "upper"), [*ORDERED, *BELOW])
def test_a_pair_is_judged_by_its_own_two_keys(lower: str, upper: str) -> None:
    assert len(list(contradictions({lower: 0.5, upper: 0.4}))) == 1
    assert list(contradictions({lower: 0.4, upper: 0.5})) == []
    assert list(contradictions({lower: 9.0})) == list(contradictions({upper: 0.0})) == []


# --- files that cannot be read -------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml does not exist"):
        load(tmp_path / "nowhere.toml", {})


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"[limits]\n# caf\xe9\n", "is not UTF-8 text: ", id="latin-1"),
        pytest.param("[limits]".encode("utf-16"), "is not UTF-8 text: ", id="utf-16"),
        pytest.param(b"\xef\xbb\xbf[limits]\n", "starts with a byte-order mark", id="bom"),
        pytest.param(b"\x00", "is not TOML: ", id="zero-byte"),
        pytest.param(b"limits: {}\n", "is not TOML: ", id="yaml"),
        pytest.param(b"[limits]\nsymbol_cap = 40%\n", "is not TOML: ", id="per-cent-unquoted"),
        pytest.param(b"[limits]\nsymbol_cap = 0,1\n", "is not TOML: ", id="comma-for-a-point"),
        pytest.param(
            b"[limits]\nsymbol_cap = 0.1\nsymbol_cap = 0.2\n", "is not TOML: ", id="key-twice"
        ),
        pytest.param(b"[limits]\n[stops]\n[limits]\n", "is not TOML: ", id="section-twice"),
        pytest.param(b"a = " + b"[" * 100_000, "is not TOML: ", id="nested-too-deeply"),
    ],
)
def test_a_file_that_is_no_configuration_is_told_in_one_sentence(
    tmp_path: Path, content: bytes, told: str
) -> None:
    found = problems(tmp_path, content)
    assert len(found) == 1
    assert found[0].startswith(told)


def test_an_error_names_the_file_and_counts_its_problems(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, "[limits]\nsymbol_cap = 25\nsymbol_kap = 1\n")
    lines = str(refused.value).splitlines()
    assert lines[0] == str(tmp_path / "smart-leverage.toml")
    assert lines[-1] == "2 problems"


# --- the environment -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        pytest.param(
            "SMART_LEVERAGE_LIMTS__SYMBOL_CAP",
            "0.1",
            "environment SMART_LEVERAGE_LIMTS__SYMBOL_CAP: no section 'limts', "
            "did you mean limits?",
            id="section-misspelt",
        ),
        pytest.param(
            "SMART_LEVERAGE_",
            "0.1",
            "environment SMART_LEVERAGE_: no section ''; known are account, broker",
            id="prefix-alone",
        ),
        pytest.param(
            "SMART_LEVERAGE_UNLIMITED",
            "1",
            "environment SMART_LEVERAGE_UNLIMITED: no section 'unlimited'",
            id="a-switch-that-is-none",
        ),
        pytest.param(
            "SMART_LEVERAGE_LIMITS__SYMBOL_KAP",
            "0.1",
            "limits.symbol_kap: unknown key, did you mean symbol_cap?",
            id="key-misspelt",
        ),
        pytest.param(
            "SMART_LEVERAGE_TIERS__GOLDEN__CRYPTO_CAP",
            "0.1",
            "tiers.golden.crypto_cap: unknown key; known are",
            id="tier-that-is-none",
        ),
        pytest.param(
            "SMART_LEVERAGE_LIMITS__SYMBOL_CAP__X",
            "0.1",
            "limits.symbol_cap.x: unknown key",
            id="key-of-a-key",
        ),
        pytest.param(
            "SMART_LEVERAGE_LIMITS",
            "0.1",
            "environment SMART_LEVERAGE_LIMITS: limits is a section; name a key of it",
            id="section-alone",
        ),
        pytest.param(
            "SMART_LEVERAGE_TIERS__LEARNING",
            "0.1",
            "environment SMART_LEVERAGE_TIERS__LEARNING: tiers.learning is a section; "
            "name a key of it",
            id="tier-alone",
        ),
        pytest.param(
            "SMART_LEVERAGE_LIMITS__SYMBOL_CAP",
            "25 %",
            "limits.symbol_cap: '25 %' is not a number; write 0.25",
            id="per-cent",
        ),
        pytest.param(
            "SMART_LEVERAGE_LIMITS__SYMBOL_CAP",
            "",
            "limits.symbol_cap: '' is not accepted; a number above 0 and up to 1",
            id="nothing",
        ),
        pytest.param(
            "SMART_LEVERAGE_LIMITS__SYMBOL_CAP",
            "true",
            "limits.symbol_cap: 'true' is not accepted; a number above 0 and up to 1",
            id="true",
        ),
        pytest.param(
            "SMART_LEVERAGE_POLICY__PRESET",
            "none",
            "policy.preset: 'none' is not accepted; 'classic'",
            id="no-preset",
        ),
    ],
)
def test_a_variable_that_means_nothing_or_too_much_is_told(
    name: str, value: str, told: str
) -> None:
    found = by_variable(**{name: value})
    assert len(found) == 1
    assert found[0].startswith(told)


def test_a_variable_of_a_section_and_one_of_its_keys_are_told_apart() -> None:
    found = by_variable(SMART_LEVERAGE_TIERS="3", SMART_LEVERAGE_TIERS__CEILING="stable")
    assert found == ["environment SMART_LEVERAGE_TIERS: tiers is a section; name a key of it"]


def test_beside_a_file_a_problem_names_its_variable(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "[limits]\ngross_cap = 95\n",
        SMART_LEVERAGE_LIMITS__SYMBOL_CAP="25",
        SMART_LEVERAGE_LIMITS__SYMBOL_KAP="0.1",
    )
    assert sorted(one.split("?")[1] for one in found) == [
        "",
        " (SMART_LEVERAGE_LIMITS__SYMBOL_CAP)",
        " (SMART_LEVERAGE_LIMITS__SYMBOL_KAP)",
    ]


def test_without_a_file_the_environment_is_named() -> None:
    with pytest.raises(ConfigError) as refused:
        load(None, {"SMART_LEVERAGE_LIMITS__SYMBOL_CAP": "25"})
    assert refused.value.source == "environment"


@pytest.mark.parametrize("key", sorted(NUMBERS))
def test_a_variable_may_say_no_more_than_a_file(tmp_path: Path, key: str) -> None:
    """No limit can be lifted from outside: both ways accept and refuse the same numbers."""
    section, _, name = key.rpartition(".")
    for value in ("-1", "0", "0.5", "1", "1.5", "4", "4.1", "99", "101", "1e7", "nan", "inf"):
        outcomes: list[Settings | list[str]] = []
        for text, environment in (
            (f"[{section}]\n{name} = {value}\n", {}),
            ("", {variable(key): value}),
        ):
            try:
                outcomes.append(read(tmp_path, text, **environment).settings)
            except ConfigError as error:
                outcomes.append([re.sub(r" \(SMART_\w+\)$", "", one) for one in error.problems])
        assert outcomes[0] == outcomes[1], value


def test_no_variable_is_read_but_those_that_set_a_key(tmp_path: Path) -> None:
    loaded = read(tmp_path, "", SMART_LEVERAGE="1", SMARTLEVERAGE_LIMITS__SYMBOL_CAP="1", FORCE="1")
    assert loaded.settings == Settings()


# --- all at once ---------------------------------------------------------------------------------


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        [limts]
        symbol_cap = 0.1
        [limits]
        symbol_cap = 25
        loss_limit_daily = 0.5
        [tiers]
        ceiling = "best"
        learning = 3
        [tiers.stable]
        crypto_cap = "40%"
        [stops]
        distance_min = 0.2
        [risk]
        timezone = "Mars"
        """,
        SMART_LEVERAGE_LIMITS__SYMBOL_KAP="0.1",
        SMART_LEVERAGE_SIZING__BASE_SHARE="nan",
        SMART_LEVERAGE_STEPS__X="1",
    )
    assert sorted(one.split(":")[0] for one in found) == [
        "environment SMART_LEVERAGE_STEPS__X",
        "limits.loss_limit_daily",
        "limits.symbol_cap",
        "limits.symbol_kap",
        "limts",
        "risk.timezone",
        "sizing.base_share",
        "stops.distance_min",
        "tiers.ceiling",
        "tiers.learning",
        "tiers.stable.crypto_cap",
    ]


def test_a_wrong_value_is_not_compared_with_others(tmp_path: Path) -> None:
    """A month of 20, meant as 20 %, must not be told as a day of 10 % over the preset's month."""
    found = problems(tmp_path, "[limits]\nloss_limit_daily = 0.1\nloss_limit_monthly = 20\n")
    assert found == ["limits.loss_limit_monthly: 20 is above 1; fractions, not per cent: 0.2?"]


def test_a_table_in_place_of_a_value_is_not_compared_with_others(tmp_path: Path) -> None:
    found = problems(
        tmp_path, "[limits]\nloss_limit_daily = 0.1\n[limits.loss_limit_monthly]\nx = 1\n"
    )
    assert [one.split(":")[0] for one in found] == ["limits.loss_limit_monthly"]


# --- the fingerprint -----------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(key for key in NUMBERS if not key.startswith(NO_POLICY)))
def test_any_other_number_is_another_policy(key: str) -> None:
    numbers = Settings().model_dump()
    *sections, last = key.split(".")
    section = numbers
    for name in sections:
        section = section[name]
    section[last] = section[last] - 1 if isinstance(section[last], int) else section[last] * 0.999
    section[last] = section[last] or 0.001  # a zero stays a zero
    assert Settings.model_validate(numbers).policy_hash() != Settings().policy_hash()


def test_the_intraday_plan_is_part_of_the_policy_as_soon_as_it_is_on() -> None:
    numbers = Settings().model_dump()
    numbers["intraday"]["gross_cap"] = 3.0
    assert Settings.model_validate(numbers).policy_hash() == Settings().policy_hash()
    numbers["intraday"]["plan"] = "on"
    three = Settings.model_validate(numbers)
    numbers["intraday"]["gross_cap"] = 4.0
    four = Settings.model_validate(numbers)
    assert len({Settings().policy_hash(), three.policy_hash(), four.policy_hash()}) == 3
    assert "intraday.gross_cap = 4.0" in four.policy_text()


@pytest.mark.parametrize("mode", ["paper", "live"])
def test_the_broker_cannot_lend_and_refuse_to_lend(mode: str, tmp_path: Path) -> None:
    text = f'[account]\nmode = "{mode}"\n[intraday]\nplan = "on"\n'
    (told,) = problems(tmp_path, text)
    assert told.startswith("intraday.plan: it is on, and broker.wall has the broker refuse to lend")
    assert read(tmp_path, text + '[broker]\nwall = "off"\n').settings.intraday.plan == "on"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("account.name", "other", id="name"),
        pytest.param("tiers.ceiling", "learning", id="ceiling"),
        pytest.param("risk.timezone", "UTC", id="zone"),
    ],
)
def test_any_other_word_is_another_policy(tmp_path: Path, key: str, value: str) -> None:
    settings = read(tmp_path, as_toml(key, value)).settings
    assert settings.policy_hash() != Settings().policy_hash()


def test_equal_numbers_are_one_policy_however_they_are_written(tmp_path: Path) -> None:
    written = read(tmp_path, "[stops]\ndistance_min = 4e-2\n[limits]\ngross_cap = 1\n")
    assert written.settings.policy_hash() == Settings().policy_hash()


def test_the_order_of_a_file_is_no_part_of_the_policy(tmp_path: Path) -> None:
    one = read(tmp_path, "[limits]\nsymbol_cap = 0.2\n[stops]\nlimit_gap = 0.01\n")
    other = read(tmp_path, "[stops]\nlimit_gap = 0.01\n[limits]\nsymbol_cap = 0.2\n")
    assert one.settings.policy_hash() == other.settings.policy_hash() != Settings().policy_hash()


def test_the_policy_text_is_a_file_that_says_the_same(tmp_path: Path) -> None:
    settings = read(tmp_path, "[limits]\nsymbol_cap = 0.123\n").settings
    text = settings.policy_text()
    assert text.splitlines() == sorted(text.splitlines())
    # Where the gateway listens, what is logged and who is told are no part of the policy.
    assert len(text.splitlines()) == sum(not key.startswith(NO_POLICY) for key in DEFAULTS)
    assert read(tmp_path, text).settings == settings


def test_another_process_finds_the_same_fingerprint() -> None:
    script = "from smart_leverage.settings import Settings; print(Settings().policy_hash())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == Settings().policy_hash()


# -- the file that is written ---------------------------------------------------------------------


def test_a_written_file_sets_only_what_differs(tmp_path: Path) -> None:
    changed = Settings(account=AccountSection(name='Ann "quotes" \\ ä', cash=5e6))
    file = tmp_path / "written.toml"
    file.write_text(template(changed), encoding="utf-8")
    loaded = load(file, {})
    assert loaded.settings == changed
    set_here = {key for key, source in loaded.origin.items() if source == str(file)}
    assert set_here == {"account.name", "account.cash"}
    assert tomllib.loads(template(Settings())).keys() == Settings.model_fields.keys()


def test_every_key_of_a_written_file_can_be_woken_as_it_stands(tmp_path: Path) -> None:
    woken = re.sub(r"^# (\w+ = )", r"\1", template(Settings()), flags=re.MULTILINE)
    file = tmp_path / "woken.toml"
    file.write_text(woken, encoding="utf-8")
    loaded = load(file, {})
    assert loaded.settings == Settings()
    assert set(loaded.origin.values()) == {str(file)}
