"""Every reason has a sentence, and every number on a screen says what it means."""

from decimal import Decimal

import pytest

from smart_leverage.domain.sentences import (
    BREAKERS,
    MINUS,
    STATES,
    TIERS,
    VERDICTS,
    money,
    percent,
    plain,
    price,
    sentence,
    short,
)
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.policy.tier import Tier

D = Decimal
UNIT = {
    Reason.SIZE: "money",
    Reason.CAP_BOT: "money",
    Reason.BUYING_POWER: "money",
    Reason.MINIMUM: "money",
    Reason.STOP_HIT: "money",
    Reason.NOT_HELD: "count",
}
COUNTED = {
    Reason.BREAKER_DAY,
    Reason.BREAKER_MONTH,
    Reason.BREAKER_DRAWDOWN,
    Reason.ASSET_LOCKED,
    Reason.CAP_CRYPTO,
    Reason.CAP_LEVERAGED,
    Reason.CAP_GROSS,
    Reason.CAP_SYMBOL,
    Reason.FLATTEN,
    *UNIT,
}
"""Reasons that carry a bound and a value; the others state a condition."""


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name.lower())
def test_every_reason_says_what_and_when_it_counts_also_bound_and_value(reason: Reason) -> None:
    name = reason.name.lower()
    unit = UNIT.get(reason, "fraction")
    text = sentence(name, unit, D("0.25"), D("0.284"))
    what, _, rest = text.partition(": ")
    assert what == short(name)
    assert rest
    assert "_" not in text
    if reason in COUNTED:
        first, _, second = rest.partition(", ")
        assert any(char.isdigit() for char in first), text
        assert any(char.isdigit() for char in second), text
        assert "{" not in text


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name.lower())
def test_without_a_counted_bound_no_number_is_invented(reason: Reason) -> None:
    text = sentence(reason.name.lower(), "count", D(0), D(0))
    assert not any(char.isdigit() for char in text)
    assert "{" not in text


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.name.lower())
def test_no_sentence_blames_or_stays_vague(reason: Reason) -> None:
    text = sentence(reason.name.lower(), "fraction", D("0.25"), D("0.284")).lower()
    for word in ("failed", "invalid", "error", "goal", "!"):
        assert word not in text


def test_the_sentence_of_the_crypto_cap() -> None:
    assert (
        sentence("cap_crypto", "fraction", D("0.25"), D("0.28412"))
        == "crypto cap: 25.0 % of equity allowed, this order would make 28.4 %"
    )


def test_a_sale_of_the_house_tells_what_is_held() -> None:
    assert (
        sentence("cap_crypto", "fraction", D("0.4"), D("0.825"), is_sale=True)
        == "crypto cap: 40.0 % of equity allowed, 82.5 % is held"
    )


def test_rounding_never_makes_a_bound_and_its_breach_look_equal() -> None:
    assert (
        sentence("cap_crypto", "fraction", D("0.25"), D("0.2500031"))
        == "crypto cap: 25.0000 % of equity allowed, this order would make 25.0003 %"
    )
    assert "set at $0.0812, the price is $0.0809" in sentence(
        "stop_hit", "money", D("0.0812"), D("0.0809")
    )


def test_a_reason_of_a_newer_version_is_shown_as_it_stands() -> None:
    assert sentence("cap_moon", "count", D(2), D(3)) == "cap_moon: bound 2, value 3"
    assert short("cap_moon") == "cap_moon"


def test_every_state_tier_verdict_and_breaker_has_its_words() -> None:
    assert set(STATES) == set(TradingState)
    assert set(TIERS) == {tier.name for tier in Tier}
    assert set(VERDICTS) == {"approved", "cut", "denied", "observed", "warned", "rejected"}
    assert set(BREAKERS) == {"day", "month", "emergency", "drawdown"}


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        pytest.param(percent(D("0.284")), "28.4 %", id="fraction"),
        pytest.param(percent(-0.027), f"{MINUS}2.7 %", id="loss"),
        pytest.param(percent(D("-0.00001")), "0.0 %", id="no-minus-zero"),
        pytest.param(money(D("4000")), "$4,000.00", id="money"),
        pytest.param(money(D("-1234567.891")), f"{MINUS}$1,234,567.89", id="debt"),
        pytest.param(money(D("-0.001")), "$0.00", id="less-than-a-cent"),
        pytest.param(price(D("0.081234")), "$0.08123", id="price-of-a-small-coin"),
        pytest.param(price(D("64000.5")), "$64,000.50", id="price-of-a-large-coin"),
        pytest.param(plain(D("12.500")), "12.5", id="quantity"),
        pytest.param(plain(D("1E+3")), "1,000", id="exponent"),
        pytest.param(plain(D("0.000")), "0", id="nothing"),
    ],
)
def test_numbers_read_as_people_write_them(shown: str, text: str) -> None:
    assert shown == text
