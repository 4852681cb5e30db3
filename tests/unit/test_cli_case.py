"""A case for `limits eval` is read exactly, or refused with everything that is wrong."""

import copy
import json
import math
from typing import Any

import pytest

from smart_leverage.cli.case import Case, read_case
from smart_leverage.cli.fields import EXAMPLE, SECTIONS
from smart_leverage.cli.overrides import problems_of, settings_with
from smart_leverage.domain.errors import BadData
from smart_leverage.policy.decide import decide
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.tier import Tier
from smart_leverage.wiring import policy_of


def read(tree: Any) -> Case:
    text = tree if isinstance(tree, str) else json.dumps(tree)
    return read_case(text, "case.json", problems_of)


def changed(**values: Any) -> dict[str, Any]:
    """Return the example with fields replaced, `asset__worst=5`; a value of ... removes one."""
    tree = copy.deepcopy(dict(EXAMPLE))
    for place, value in values.items():
        section, _, name = place.partition("__")
        if not name:
            tree[section] = value
        elif value is ...:
            del tree[section][name]
        else:
            tree[section][name] = value
    return tree


def refusal(tree: Any) -> str:
    with pytest.raises(BadData) as caught:
        read(tree)
    return str(caught.value)


def test_the_example_is_complete_and_read_as_it_stands() -> None:
    case = read(EXAMPLE)
    assert case.assumed == {}
    assert set(EXAMPLE) == {*SECTIONS, "policy"}
    for section, fields in SECTIONS.items():
        assert set(EXAMPLE[section]) == set(fields)
    assert case.account.state is TradingState.ACTIVE
    assert case.account.tier is Tier.LEARNING
    assert case.account.equity == 96014.32
    assert case.asset.lots_min == 100
    assert case.proposal.is_buy
    assert case.proposal.bot_room == math.inf


def test_what_is_left_out_is_assumed_and_told() -> None:
    case = read(changed(proposal__confidence=..., asset__lot_cost=..., asset__is_fresh=...))
    assert case.assumed == {
        "proposal.confidence": 2 / 3,
        "asset.lot_cost": "lot_value",
        "asset.is_fresh": True,
    }
    assert case.asset.lot_cost == case.asset.lot_value


def looking_at(factor: float | None, leveraged_worst: float = 30_000.0) -> dict[str, Any]:
    """Return $10,000 of a fund, asked in an account that looks through funds."""
    return changed(
        asset__factor=factor, asset__is_crypto=False, asset__worst=0.0, asset__lots_held=0,
        account__crypto_worst=0.0, account__leveraged_worst=leveraged_worst,
        proposal__lots=1_000_000, policy={"exposure": {"look_through": "on"}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "lots"),
    [(2.0, 180_250), (-3.0, 120_167), (1.0, 360_501), (None, 0)],
    ids=["twice", "three-times-downward", "once", "not-known"],
)
def test_a_fund_that_is_looked_through_counts_with_its_multiple(
    factor: float | None, lots: int
) -> None:
    """35 % of 96,014.32 less 30,000 is 3,605.01, and a lot is a cent."""
    case = read(looking_at(factor))
    policy = policy_of(settings_with(case.overrides))
    assert decide(case.account, case.asset, case.proposal, policy).lots == lots


def test_what_is_looked_through_may_come_to_more_than_everything_at_market_value() -> None:
    assert read(looking_at(3.0, 30_000.0)).account.gross_worst == 25_500.0
    tree = looking_at(3.0, 30_000.0) | {"policy": {"exposure": {"look_through": "off"}}}
    assert "account.gross_worst: 25500.0 is below leveraged_worst 30000.0" in refusal(tree)


def test_of_earned_exposure_only_looking_through_is_a_matter_of_one_decision() -> None:
    told = refusal(changed(policy={"exposure": {"tail_cap": "on"}}))
    assert "policy.exposure.tail_cap: changes no single decision; known is look_through" in told


def test_null_is_what_is_not_known() -> None:
    case = read(changed(account__equity=None, proposal__confidence=None))
    assert math.isnan(case.account.equity)
    assert math.isnan(case.proposal.confidence)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        pytest.param("", "the file is empty", id="empty"),
        pytest.param("  \n", "the file is empty", id="blank"),
        pytest.param("{", "is not JSON", id="cut-off"),
        pytest.param("[]", "an object is expected, not []", id="list"),
        pytest.param("5", "an object is expected, not 5", id="number"),
        pytest.param('{"a": NaN}', "NaN is not a number; write null", id="nan"),
        pytest.param('{"a": -Infinity}', "-Infinity is not a number", id="infinity"),
        pytest.param('{"a": 1, "a": 2}', "a: stands twice", id="twice"),
        pytest.param("[" * 100_000, "recursion", id="deep"),
        pytest.param({}, "account.equity: is missing; what the account is worth", id="bare"),
        pytest.param(
            changed(acount={}), "acount: unknown key, did you mean account?", id="section"
        ),
        pytest.param(
            changed(account__equty=1), "account.equty: unknown key, did you mean equity?", id="key"
        ),
        pytest.param(
            changed(account=[]), "account: an object is expected, not []", id="not-object"
        ),
        pytest.param(changed(account__equity=-1), "equity: -1 is below 0", id="negative"),
        pytest.param('{"account": {"equity": 1e400}}', "too large", id="too-large"),
        pytest.param(changed(account__equity="1.5"), "write 1.5 without quotes", id="text"),
        pytest.param(changed(account__equity=True), "true is not an amount", id="flag-as-money"),
        pytest.param(changed(account__tier="learn"), "one of emergency, learning", id="tier"),
        pytest.param(changed(account__state="on"), "one of active, reducing", id="state"),
        pytest.param(changed(asset__is_crypto=1), "1 is not true or false", id="number-as-flag"),
        pytest.param(changed(asset__lots_held=1.5), "1.5 is not a number of whole", id="half-lot"),
        pytest.param(changed(asset__lots_held=2**53), "below 2^53", id="too-many-lots"),
        pytest.param(changed(asset__lots_step=0), "0 is not a step", id="no-step"),
        pytest.param(changed(proposal__side="long"), '"long" is not buy or sell', id="side"),
        pytest.param(changed(proposal__lots=None), "null is not whole lots", id="no-lots"),
        pytest.param(changed(proposal__confidence=25), "not per cent: 0.25?", id="per-cent"),
        pytest.param(changed(proposal__confidence="25%"), "write 0.25", id="per-cent-text"),
        pytest.param(changed(proposal__volatility_ratio=0), "0 is not a ratio", id="no-ratio"),
        pytest.param(
            changed(account__gross_worst=5, policy={"exposure": {"look_through": "off"}}),
            "is below leveraged_worst 21853.45",
            id="parts",
        ),
        pytest.param(changed(asset__worst=1e6), "which contains it", id="asset-beyond-all"),
        pytest.param(
            changed(asset__is_leveraged=False), "crypto counts as leveraged", id="crypto-plain"
        ),
        pytest.param(changed(policy=3), "policy: an object of sections", id="policy-number"),
        pytest.param(changed(policy__limit={}), "did you mean limits?", id="policy-section"),
        pytest.param(changed(policy__limits=3), "an object of numbers", id="policy-no-object"),
        pytest.param(
            changed(policy={"limits": {"symbol_cap": 25}}),
            "policy.limits.symbol_cap: 25 is above 1; fractions, not per cent: 0.25?",
            id="policy-per-cent",
        ),
        pytest.param(
            changed(policy={"limits": {"symbol_caps": 0.2}}),
            "unknown key, did you mean symbol_cap?",
            id="policy-key",
        ),
        pytest.param(
            changed(policy={"tiers": {"learning": {"crypto_cap": 0.5}}}),
            "crypto_cap 0.5 is above total_cap",
            id="policy-contradiction",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(tree: Any, told: str) -> None:
    assert told in refusal(tree)


def test_all_problems_are_told_at_once() -> None:
    tree = changed(account__equity=-1, asset__is_crypto=1, policy={"limits": {"gross_cap": "x"}})
    told = refusal(tree)
    assert told.startswith("case.json: 3 problems\n")
    assert told.endswith("`smart-leverage limits eval --example` prints a case")
    assert [line.split(":")[0].strip() for line in told.splitlines()[1:4]] == [
        "account.equity",
        "asset.is_crypto",
        "policy.limits.gross_cap",
    ]


def test_overrides_replace_numbers_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_LEVERAGE_LIMITS__SYMBOL_CAP", "0.9")
    settings = settings_with({"limits": {"gross_cap": 2.5}, "tiers": {"ceiling": "stable"}})
    assert settings.limits.gross_cap == 2.5
    assert settings.limits.symbol_cap == 0.10
    assert settings.tiers.ceiling == "stable"


@pytest.mark.parametrize("wrong", [[], {}, "x"], ids=str)
def test_any_field_with_a_wrong_value_is_named(wrong: Any) -> None:
    for section, fields in SECTIONS.items():
        for name in fields:
            assert f"{section}.{name}: " in refusal(changed(**{f"{section}__{name}": wrong}))
