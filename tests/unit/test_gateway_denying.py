"""How a denial reads on the wire: final for every client, and in words that it knows."""

from decimal import Decimal

import pytest

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.policy.reasons import Reason
from smart_leverage.server.gateway.denying import denial, refusal

COIN, SHARE = Key("crypto:BTC/USD"), Key("us_equity:SPY")


def decided(reason: str, key: Key = COIN, unit: str = "fraction", bound: str = "0.1") -> Decided:
    return Decided(
        at_ns=1,
        decision_id="d7",
        bot="one",
        source="order",
        key=key,
        side=Side.BUY,
        asked=Decimal(50),
        allowed=Decimal("0.155"),
        given=Decimal(0),
        price=Decimal(64_000),
        verdict="denied",
        reason=reason,
        unit=unit,
        bound=Decimal(bound),
        would_be=Decimal(32),
        figures={},
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param(decided("cap_symbol"), "insufficient balance for BTC/USD", id="coin"),
        pytest.param(decided("cap_gross", SHARE), "insufficient buying power", id="share"),
        pytest.param(decided("no_price"), "insufficient balance for BTC/USD", id="no-price"),
        pytest.param(
            decided("minimum", unit="money", bound="10"),
            "cost basis must be >= minimal amount of order 10",
            id="too-small",
        ),
        *(
            pytest.param(decided(state), "new orders are rejected by user request", id=state)
            for state in ("reducing", "halted", "frozen")
        ),
        pytest.param(
            decided("not_held", unit="count"),
            "insufficient balance for BTC (requested: 32, available: 0.1)",
            id="not-held",
        ),
    ],
)
def test_a_denial_holds_the_words_that_the_venue_has_for_it(told: Decided, words: str) -> None:
    error = denial(told)
    assert (error.status, error.code) == (403, 40310000)
    assert words in error.message
    assert error.extras["decision_id"] == "d7"


def test_a_denial_says_bound_value_and_what_would_pass() -> None:
    assert denial(decided("cap_symbol")).message == (
        "symbol cap: 10.0 % of equity allowed, this order would make 3,200.0 %; the largest "
        "quantity allowed now is 0.155; insufficient balance for BTC/USD within the limits (d7)"
    )


@pytest.mark.parametrize("reason", [reason.name.lower() for reason in Reason])
def test_every_reason_is_final(reason: str) -> None:
    assert denial(decided(reason)).status in (403, 422)


@pytest.mark.parametrize(
    ("code", "status"), [(40310000, 403), (42210000, 422), (40010001, 400)], ids=str
)
def test_what_the_broker_refused_is_told_with_its_code_and_words(code: int, status: int) -> None:
    """Also where the words end like a code of their own."""
    error = refusal(code, "no such thing [42210000]")
    assert (error.status, error.code, error.message) == (status, code, "no such thing [42210000]")


@pytest.mark.parametrize("code", [0, 1, 50010000, 403], ids=str)
def test_a_refusal_without_a_code_of_a_clients_mistake_is_final(code: int) -> None:
    error = refusal(code, "")
    assert (error.status, error.code, error.message) == (403, 40310000, "refused by the broker")
    assert refusal(code, "closed").message == "closed"
