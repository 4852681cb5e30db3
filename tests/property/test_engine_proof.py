"""What is proved of a purchase is the most that every cap holds, lot by lot."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.exposure import Worst
from smart_leverage.engine.proof import Bound, ExactCaps, Proof, exact_caps, over_cap, prove
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import Tier

D = Decimal
BTC, KO, TQQQ = Key("crypto:BTC/USD"), Key("us_equity:KO"), Key("us_equity:TQQQ")
LISTED = Registry.builtin()
CAPS = ExactCaps(D("0.25"), D("0.35"), D(1), D("0.10"), D("0.50"))


def worst(
    equity: int = 100_000, crypto: int = 0, leveraged: int = 0, gross: int = 0, own: int = 0,
    *, key: Key = BTC, weight: str = "1",
) -> Worst:  # fmt: skip
    return Worst(
        D(equity), D(crypto), D(leveraged), D(gross), D(0), {key: D(own)}, {}, {}, {key: D(weight)}
    )


def is_inside(key: Key, qty: Decimal, unit: Decimal, loss: Decimal, at: Worst) -> bool:
    equity = at.equity - qty * loss
    groups = [(at.gross, CAPS.gross, D(1)), (at.by_key[key], CAPS.symbol, D(1))]
    if key == BTC:
        groups.append((at.crypto, CAPS.crypto, at.weights[key]))
    if key in (BTC, TQQQ):
        groups.append((at.leveraged, CAPS.leveraged, at.weights[key]))
    return all(used + qty * unit * weight <= cap * equity for used, cap, weight in groups)


money = st.integers(0, 120_000)


@given(
    st.sampled_from([BTC, KO, TQQQ]), st.integers(0, 5000), st.integers(1, 900),
    st.integers(0, 20), money, money, money, money, money, st.sampled_from(["1", "2", "3"]),
)  # fmt: skip
def test_the_most_that_holds_is_given(
    key: Key, lots: int, price: int, loss: int, equity: int, crypto: int, leveraged: int,
    gross: int, own: int, weight: str,
) -> None:  # fmt: skip
    instrument = LISTED[key]
    at = worst(equity, crypto, leveraged, gross, own, key=key, weight=weight)
    unit, less = D(price) / instrument.lot, D(loss) / instrument.lot / 10
    qty = lots * instrument.lot
    proof = prove(instrument, qty, unit, less, at, CAPS)
    assert 0 <= proof.qty <= qty
    assert proof.qty % instrument.lot == 0
    assert proof.qty == 0 or is_inside(key, proof.qty, unit, less, at)
    assert (proof.reason is Reason.NONE) == (proof.qty == qty)
    if proof.qty < qty:
        assert not is_inside(key, proof.qty + instrument.lot, unit, less, at)


@pytest.mark.parametrize(
    ("used", "reason", "given"),
    [
        pytest.param({"crypto": 20_000}, Reason.NONE, 50, id="the-cap-of-coins-to-the-cent"),
        pytest.param({"crypto": 20_001}, Reason.CAP_CRYPTO, 49, id="a-unit-over-that-of-coins"),
        pytest.param({"leveraged": 30_000}, Reason.NONE, 50, id="the-leveraged-cap"),
        pytest.param({"leveraged": 30_001}, Reason.CAP_LEVERAGED, 49, id="over-the-leveraged"),
        pytest.param({"gross": 95_000}, Reason.NONE, 50, id="the-gross-cap"),
        pytest.param({"gross": 95_001}, Reason.CAP_GROSS, 49, id="over-the-gross"),
        pytest.param({"own": 5_000}, Reason.NONE, 50, id="the-cap-of-one"),
        pytest.param({"own": 5_001}, Reason.CAP_SYMBOL, 49, id="over-that-of-one"),
        pytest.param({"own": 10_000}, Reason.CAP_SYMBOL, 0, id="no-room"),
        pytest.param({"own": 10_001}, Reason.CAP_SYMBOL, 0, id="less-than-no-room"),
    ],
)
def test_a_cap_is_used_to_the_last_unit(used: dict[str, Any], reason: Reason, given: int) -> None:
    lot = LISTED[BTC].lot
    proof = prove(LISTED[BTC], 50 * lot, 100 / lot, D(0), worst(**used), CAPS)
    assert proof == Proof(given * lot, reason)


def test_what_a_purchase_costs_is_taken_from_equity() -> None:
    lot = LISTED[KO].lot
    # 10 % of (100,000 − x) is x where a unit is worth 1 and costs 1 more: x = 10,000 ÷ 1.1.
    proof = prove(LISTED[KO], 10_000 * lot, 1 / lot, 1 / lot, worst(key=KO), CAPS)
    assert proof == Proof(9_090 * lot, Reason.CAP_SYMBOL)


def test_a_bound_of_a_bot_comes_first() -> None:
    lot = LISTED[KO].lot
    bound = Bound(Reason.CAP_BOT, D("0.05"), D(0), D(1))
    proof = prove(LISTED[KO], 100 * lot, 100 / lot, D(0), worst(own=5_000, key=KO), CAPS, [bound])
    assert proof == Proof(50 * lot, Reason.CAP_BOT)


@pytest.mark.parametrize("qty", ["0", "-1"])
def test_nothing_is_proved_of_nothing_even_where_no_price_was_ever_seen(qty: str) -> None:
    unseen = worst()._replace(weights={}, by_key={})
    assert prove(LISTED[BTC], D(qty), D(0), D(0), unseen, CAPS) == Proof(D(0), Reason.NONE)


@pytest.mark.parametrize(
    ("used", "reason"),
    [
        ({"crypto": 25_000, "leveraged": 35_000, "gross": 100_000, "own": 10_000}, Reason.NONE),
        ({"crypto": 25_001}, Reason.CAP_CRYPTO),
        ({"leveraged": 35_001}, Reason.CAP_LEVERAGED),
        ({"gross": 100_001}, Reason.CAP_GROSS),
        ({"own": 10_001}, Reason.CAP_SYMBOL),
    ],
)
def test_at_its_cap_a_group_holds(used: dict[str, Any], reason: Reason) -> None:
    assert over_cap(LISTED[BTC], worst(**used), CAPS) is reason


@pytest.mark.parametrize(
    ("key", "reason"),
    [(BTC, Reason.CAP_CRYPTO), (TQQQ, Reason.CAP_LEVERAGED), (KO, Reason.NONE)],
)
def test_a_group_that_is_over_its_cap_is_the_matter_of_its_own(key: Key, reason: Reason) -> None:
    at = worst(crypto=26_000, leveraged=36_000, gross=36_000, own=10_000, key=key)
    assert over_cap(LISTED[key], at, CAPS) is reason


def test_caps_that_grow_are_a_part_of_each() -> None:
    whole = exact_caps(Tier.STABLE, CLASSIC)
    assert whole == (D("0.4"), D("0.6"), D("1.0"), D("0.1"), D("0.5"))
    assert exact_caps(Tier.STABLE, CLASSIC, D("0.5")) == tuple(each / 2 for each in whole)


def test_looking_through_counts_in_two_groups_only() -> None:
    at = worst(weight="3")
    groups = ("crypto", "leveraged", "gross", "symbol")
    assert [at.weight_in(group, BTC) for group in groups] == [3, 3, 1, 1]
