"""The over-buyer: always more, larger in a dip, blind to what it holds, equal for equal seeds."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.strategies.base import AccountView
from smart_leverage.strategies.overbuyer import Overbuyer, OverbuyerConfig

BTC, DOGE, SPY, TQQQ = (
    Key(key) for key in ("crypto:BTC/USD", "crypto:DOGE/USD", "us_equity:SPY", "us_equity:TQQQ")
)
RICH = AccountView(Decimal(100_000), Decimal(100_000), {})
FULL = AccountView(Decimal(100_000), Decimal(-400_000), {BTC: Decimal(10)})


def play(
    prices: list[dict[Key, float]], account: AccountView = RICH, seed: int = 1
) -> list[OrderWish]:
    bot = Overbuyer([BTC, DOGE, TQQQ], OverbuyerConfig(seed=seed))
    found: list[OrderWish] = []
    for number, row in enumerate(prices, start=1):
        at_ns = number * 5 * MINUTE_NS
        bars = [(key, Bar(at_ns - 1, at_ns, p, p, p, p, 1.0)) for key, p in row.items()]
        found += bot.on_bars(at_ns, bars, account)
    return found


FLAT = [{BTC: 100.0, DOGE: 1.0, SPY: 500.0, TQQQ: 50.0}] * 60


def test_it_buys_its_targets_at_its_pace_and_never_sells() -> None:
    found = play(FLAT)

    assert len(found) == 20
    assert {each.side for each in found} == {Side.BUY}
    assert {each.key for each in found} == {BTC, DOGE, TQQQ}
    assert all(later.at_ns - earlier.at_ns == 15 * MINUTE_NS for earlier, later in pairwise(found))


def test_orders_are_shares_of_equity_in_whole_cents() -> None:
    for wish in play(FLAT):
        assert wish.notional is not None
        assert Decimal(3_000) <= wish.notional <= Decimal(9_000)
        assert wish.notional == wish.notional.quantize(Decimal("0.01"))


def test_what_it_holds_and_owes_changes_nothing() -> None:
    assert play(FLAT, FULL) == play(FLAT, RICH)


def test_it_chases_the_deepest_dip_with_twice_the_money() -> None:
    falling = [{BTC: 100.0, DOGE: 1.0 - 0.005 * number, TQQQ: 50.0} for number in range(60)]

    found = play(falling)

    dips = [each for each in found if each.reason.startswith("buys the dip")]
    assert len(dips) > len(found) / 2
    assert {each.key for each in dips} == {DOGE}
    assert max(each.notional or 0 for each in dips) > Decimal(9_000)


def test_equal_seeds_give_equal_orders_and_others_do_not() -> None:
    assert play(FLAT, seed=5) == play(FLAT, seed=5) != play(FLAT, seed=6)


def test_it_waits_while_no_target_trades_and_while_nothing_is_left() -> None:
    assert play([{SPY: 500.0}] * 30) == []
    assert play(FLAT, AccountView(Decimal(0), Decimal(0), {})) == []


def test_ids_are_made_from_content() -> None:
    found = play(FLAT)

    assert len({each.id for each in found}) == len(found)
    assert found[0].id == f"overbuyer:{found[0].key}:{found[0].at_ns}"


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        pytest.param({}, "either qty or notional", id="none"),
        pytest.param({"qty": Decimal(1), "notional": Decimal(1)}, "either", id="both"),
        pytest.param({"qty": Decimal(0)}, "positive amount", id="zero"),
        pytest.param({"notional": Decimal(-5)}, "positive amount, not -5", id="negative"),
        pytest.param({"notional": Decimal("NaN")}, "positive amount", id="nan"),
        pytest.param({"qty": Decimal("Infinity")}, "positive amount", id="infinite"),
    ],
)
def test_a_wish_names_one_positive_amount(amounts: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OrderWish(at_ns=0, key=BTC, side=Side.BUY, source="test", id="1", **amounts)
