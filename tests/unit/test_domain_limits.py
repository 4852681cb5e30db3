"""The table of limits: equal values have one text, and each has a tighter direction."""

import pytest

from smart_leverage.domain.limits import LIMITS, Unit, canonical, is_looser, shown, told
from smart_leverage.domain.records import LimitChanged
from smart_leverage.settings import Settings, flat
from smart_leverage.wiring.limits import contradicted

NAMES = dict(flat(Settings().model_dump()))


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        pytest.param("limits.symbol_cap", "0.250", "0.25", id="idle-zeros"),
        pytest.param("limits.symbol_cap", ".25", "0.25", id="no-leading-zero"),
        pytest.param("limits.symbol_cap", "1e-05", "1e-05", id="small"),
        pytest.param("limits.gross_cap", "1", "1.0", id="whole-fraction"),
        pytest.param("tiers.month_return_emergency", "-0.05", "-0.05", id="negative"),
        pytest.param("tiers.trades_min", "20", "20", id="count"),
        pytest.param("tiers.trades_min", "20.0", "20", id="whole-count"),
        pytest.param("tiers.trades_min", "20.5", None, id="half-a-trade"),
        pytest.param("tiers.ceiling", "STABLE", "stable", id="tier"),
        pytest.param("tiers.ceiling", "2", None, id="number-of-a-tier"),
        pytest.param("limits.symbol_cap", "25%", None, id="per-cent"),
        pytest.param("limits.symbol_cap", "nan", None, id="nan"),
        pytest.param("limits.symbol_cap", "Infinity", None, id="infinity"),
        pytest.param("limits.symbol_cap", "1e99", None, id="beyond-meaning"),
        pytest.param("limits.symbol_cap", "1_0", None, id="underscore"),
        pytest.param("limits.symbol_cap", "٣", None, id="other-digits"),
        pytest.param("limits.symbol_cap", "", None, id="nothing"),
        pytest.param("sizing.base_share", "0.1", None, id="no-limit"),
    ],
)
def test_a_value_has_one_text_or_is_none(name: str, text: str, kept: str | None) -> None:
    assert canonical(name, text) == kept


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_is_a_key_and_its_default_is_a_value(name: str) -> None:
    text = canonical(name, str(NAMES[name]))
    assert text is not None
    assert not is_looser(name, text, text)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("limits.gross_cap", "1.0", "1.1"),
        ("tiers.stable.total_cap", "0.6", "0.7"),
        ("tiers.ceiling", "learning", "stable"),
        ("tiers.trades_min", "20", "9"),
        ("tiers.month_return_emergency", "-0.05", "-0.06"),
        ("risk.loosen_after_hours", "24", "9"),
    ],
)
def test_which_of_two_values_is_looser(name: str, before: str, after: str) -> None:
    assert is_looser(name, before, after)
    assert not is_looser(name, after, before)


def test_values_are_shown_with_every_place_they_have() -> None:
    assert shown("limits.symbol_cap", "0.1") == "10 %"
    assert shown("limits.symbol_cap", "0.0125") == "1.25 %"
    assert shown("tiers.month_return_emergency", "-0.05") == "−5 %"
    assert shown("tiers.trades_min", "20") == "20"
    assert shown("risk.loosen_after_hours", "24") == "24 h"
    assert {each.unit for each in LIMITS.values()} == set(Unit)


@pytest.mark.parametrize(
    ("before", "after", "later", "said"),
    [
        ("0.1", "0.05", 0, "limits.symbol_cap 10 % → 5 %, in force now"),
        ("0.1", "0.1", 0, "limits.symbol_cap stays 10 %, nothing is pending"),
        ("", "0.1", 0, "limits.symbol_cap 10 %, thin books"),
        ("0.1", "0.2", 3_600, "(1970-01-01 01:00:00Z), if nothing is tripped or halted then"),
    ],
)
def test_a_change_is_told_in_one_sentence(before: str, after: str, later: int, said: str) -> None:
    change = LimitChanged(
        at_ns=5, name="limits.symbol_cap", before=before, after=after, is_looser=later > 0,
        effective_ns=5 + later * 10**9, who="ann", reason="thin books",
    )  # fmt: skip
    assert told(change).endswith(said)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"limits.symbol_cap": "25"}, "fractions, not per cent: 0.25?"),
        ({"limits.symbol_cap": "0"}, "0 is not accepted"),
        ({"limits.loss_limit_daily": "-0.03"}, "-0.03 is not accepted"),
        ({"limits.loss_limit_monthly": "0.02"}, "loss_limit_daily 0.03 is above"),
        ({"tiers.stable.crypto_cap": "0.7"}, "is above tiers.profitable.crypto_cap 0.6"),
        ({"tiers.win_rate_stable": "0.6"}, "is not below win_rate_profitable"),
        ({"risk.loosen_after_hours": "0"}, "a whole number from 1 and up to 8,760"),
        ({"risk.loosen_after_hours": "10000"}, "a whole number from 1 and up to 8,760"),
        ({"limits.no_such": "0.1"}, "unknown key"),
        ({"limits.symbol_cap": "inf"}, "symbol_cap"),
    ],
)
def test_what_limits_cannot_be_together_is_named(values: dict[str, str], problem: str) -> None:
    told_of = contradicted(values)
    assert any(problem in each for each in told_of), told_of


def test_the_defaults_contradict_nothing() -> None:
    assert contradicted({name: str(NAMES[name]) for name in LIMITS}) == []
