"""The last good price of an instrument: what is believed, what is doubted, how much it moves."""

import math
from decimal import Decimal

import pytest

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import Rung
from smart_leverage.engine.ladder import HAIRCUT, LadderConfig, Price, PriceLadder

D = Decimal
BTC, ETH = Key("crypto:BTC/USD"), Key("crypto:ETH/USD")
NOW = 20_000 * DAY_NS


def ladder(*prints: str, jump_max: float = 0.5, every_ns: int = SECOND_NS) -> PriceLadder:
    found = PriceLadder(LadderConfig(jump_max=jump_max))
    for number, price in enumerate(prints):
        found.see(BTC, D(price), NOW + number * every_ns, Rung.TRADE)
    return found


def test_what_nobody_set() -> None:
    assert LadderConfig()._asdict() == {
        "age_max_s": 60.0, "jump_max": 0.35, "volatility_fast_days": 3.0,
        "volatility_slow_days": 30.0, "volatility_warm_up_days": 10.0, "still_max_s": math.inf,
    }  # fmt: skip
    assert (D(0), D("0.005"), D("0.02"), D("0.10")) == HAIRCUT


@pytest.mark.parametrize(("rung", "is_fresh"), list(zip(Rung, [True, True, False, False],
                                                        strict=True)))  # fmt: skip
def test_two_rungs_carry_an_increase(rung: Rung, is_fresh: bool) -> None:
    price = Price(D(1), rung, NOW)
    assert (price.is_fresh, price.haircut) == (is_fresh, HAIRCUT[rung])


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "-Infinity"])
def test_what_cannot_be_a_price_is_none(price: str) -> None:
    assert ladder(price).mark(BTC) is None
    assert ladder("100", price).mark(BTC) == 100
    assert ladder("100", price).best(BTC, NOW) == (D(100), Rung.TRADE, NOW)


def test_a_price_of_half_a_unit_is_one() -> None:
    assert ladder("0.5", "0.4").mark(BTC) == D("0.4")


@pytest.mark.parametrize("price", ["150", "50"])
def test_a_move_of_just_the_bound_is_no_jump(price: str) -> None:
    assert ladder("100", price).mark(BTC) == D(price)
    assert not ladder("100", price).has_doubts


@pytest.mark.parametrize("price", ["150.01", "49.99", "0.5"])
def test_a_jump_is_doubted_until_a_second_print_on_its_side(price: str) -> None:
    doubted = ladder("100", price)
    assert (doubted.mark(BTC), doubted.doubted(BTC)) == (D(100), D(price))
    assert doubted.has_doubts
    best = doubted.best(BTC, NOW)
    assert best is not None
    assert best.rung is Rung.CLOSE
    doubted.see(BTC, D(price), NOW + SECOND_NS, Rung.TRADE)  # the same print once more
    assert doubted.mark(BTC) == 100
    doubted.see(BTC, D(price), NOW + 2 * SECOND_NS, Rung.TRADE)
    assert (doubted.mark(BTC), doubted.doubted(BTC)) == (D(price), None)


def test_a_jump_is_confirmed_from_however_far_on_its_side() -> None:
    assert ladder("100", "160", "900").mark(BTC) == 900
    assert ladder("100", "40", "1").mark(BTC) == 1


def test_a_jump_to_the_other_side_is_another_doubt() -> None:
    for first, second in (("160", "40"), ("40", "160")):
        found = ladder("100", first, second)
        assert (found.mark(BTC), found.doubted(BTC)) == (D(100), D(second))


def test_a_price_as_before_ends_a_doubt() -> None:
    assert ladder("100", "300", "101").doubted(BTC) is None


def test_a_price_is_old_after_its_age_and_not_at_it() -> None:
    found = ladder("100")
    for seconds, rung in ((60, Rung.TRADE), (61, Rung.CLOSE)):
        best = found.best(BTC, NOW + seconds * SECOND_NS)
        assert best is not None
        assert best.rung is rung
    assert found.best(ETH, NOW) is None


def test_variances_are_weighted_by_the_time_of_a_return() -> None:
    found = ladder("100")
    assert math.isnan(found.volatility_daily(BTC))
    found.see(BTC, D(110), NOW + 2 * DAY_NS, Rung.TRADE)
    first = math.log(1.1) ** 2 / 2
    assert found.volatility_daily(BTC) == pytest.approx(math.sqrt(first))
    found.see(BTC, D(99), NOW + 11 * DAY_NS, Rung.TRADE)
    second = math.log(0.9) ** 2 / 9
    slow, fast = math.exp(-9 / 30), math.exp(-9 / 3)
    slow, fast = (keep * first + (1 - keep) * second for keep in (slow, fast))
    assert found.volatility_daily(BTC) == pytest.approx(math.sqrt(slow))
    assert found.volatility_ratio(BTC) == pytest.approx(math.sqrt(fast / slow))


def test_a_return_without_time_teaches_nothing() -> None:
    found = ladder("100", "101", "102", every_ns=0)
    assert found.mark(BTC) == D(102)
    assert math.isnan(found.volatility_daily(BTC))


def test_a_ratio_is_known_from_the_tenth_day_on_and_only_of_what_moved() -> None:
    found = ladder("100")
    found.see(BTC, D(101), NOW + 10 * DAY_NS - 1, Rung.TRADE)
    assert math.isnan(found.volatility_ratio(BTC))
    found.see(BTC, D(101), NOW + 10 * DAY_NS, Rung.TRADE)
    assert found.volatility_ratio(BTC) > 0.0
    assert math.isnan(found.volatility_ratio(ETH))
    assert math.isnan(found.volatility_daily(ETH))
    still = ladder("100", "100")
    still.see(BTC, D(100), NOW + 20 * DAY_NS, Rung.TRADE)
    assert math.isnan(still.volatility_ratio(BTC))
    assert still.volatility_daily(BTC) == 0.0


def test_after_a_split_the_next_print_is_believed_whatever_it_is() -> None:
    found = ladder("100", "300")
    found.split(BTC, D(4))
    assert (found.mark(BTC), found.is_anew(BTC), found.has_doubts) == (D(25), True, False)
    best = found.best(BTC, NOW)
    assert best is not None
    assert not best.is_fresh
    found.see(BTC, D(90), NOW + 9, Rung.QUOTE)
    assert found.best(BTC, NOW) == (D(90), Rung.QUOTE, NOW + 9)
    assert not found.is_anew(BTC)
    assert not found.is_anew(ETH)
    assert math.isnan(found.volatility_daily(BTC))
    found.split(ETH, D(2))
    assert found.mark(ETH) is None


@pytest.mark.parametrize("prints", [("100",), ("100", "101"), ("100", "101", "300")])
def test_what_is_remembered_is_known_again(prints: tuple[str, ...]) -> None:
    found = ladder(*prints, every_ns=11 * DAY_NS)
    kept = found.memory()[BTC]
    assert kept.suspect_ns == (NOW + 22 * DAY_NS if len(prints) == 3 else 0)
    assert (kept.fast == kept.slow == "") == (len(prints) == 1)
    assert (kept.suspect == "") == (len(prints) < 3)
    again = PriceLadder(found.config)
    again.restore(found.prices(), found.memory())
    assert again.memory() == found.memory()
    assert again.prices() == {BTC: D(prints[min(len(prints), 2) - 1])}
    assert again.doubted(BTC) == found.doubted(BTC)
    assert again.best(BTC, NOW) == found.best(BTC, NOW)
    assert str(again.volatility_ratio(BTC)) == str(found.volatility_ratio(BTC))


def test_a_mark_of_later_values_and_makes_nothing_fresh() -> None:
    known = PriceLadder(LadderConfig())
    known.see(BTC, D("100"), NOW, Rung.TRADE)
    known.value_at({BTC: D("90"), ETH: D("9")}, NOW + 60 * SECOND_NS)
    assert (known.mark(BTC), known.mark(ETH)) == (D("90"), D("9"))
    for key in (BTC, ETH):
        best = known.best(key, NOW + 60 * SECOND_NS)
        assert best is not None
        assert not best.is_fresh
    known.see(BTC, D("91"), NOW + 61 * SECOND_NS, Rung.TRADE)
    best = known.best(BTC, NOW + 61 * SECOND_NS)
    assert best is not None
    assert (best.price, best.is_fresh) == (D("91"), True)


STILL_S = 900


def stuck(seconds: int, price: str = "100", rung: Rung = Rung.QUOTE) -> PriceLadder:
    """Return what is known after a price was told anew each second, always the same."""
    found = PriceLadder(LadderConfig(still_max_s=float(STILL_S)))
    for second in range(seconds + 1):
        found.see(BTC, D(price), NOW + second * SECOND_NS, rung)
    return found


def is_fresh(found: PriceLadder, second: int) -> bool:
    best = found.best(BTC, NOW + second * SECOND_NS)
    assert best is not None
    return best.is_fresh


def test_a_stamp_that_moves_makes_no_price_that_stands_still_a_fresh_one() -> None:
    assert is_fresh(stuck(STILL_S), STILL_S)
    found = stuck(STILL_S + 1)
    assert found.best(BTC, NOW + (STILL_S + 1) * SECOND_NS) == (
        D(100), Rung.CLOSE, NOW + (STILL_S + 1) * SECOND_NS
    )  # fmt: skip
    found.see(BTC, D("100.01"), NOW + (STILL_S + 2) * SECOND_NS, Rung.QUOTE)
    assert is_fresh(found, STILL_S + 2)


def test_a_price_of_the_broker_in_between_does_not_say_that_quotes_moved() -> None:
    found = stuck(STILL_S + 1)
    found.see(BTC, D(101), NOW + (STILL_S + 2) * SECOND_NS, Rung.BROKER)
    found.see(BTC, D(100), NOW + (STILL_S + 3) * SECOND_NS, Rung.QUOTE)
    assert not is_fresh(found, STILL_S + 3)


def test_trades_and_closes_may_be_the_same_for_as_long_as_they_like() -> None:
    assert is_fresh(stuck(STILL_S + 9, rung=Rung.TRADE), STILL_S + 9)


def test_after_a_restart_a_quote_stands_still_since_it_was_remembered_or_marked() -> None:
    before = stuck(10)
    for is_marked in (False, True):
        again = PriceLadder(before.config)
        again.restore(before.prices(), before.memory())
        if is_marked:
            again.value_at({BTC: D(100)}, NOW + 60 * SECOND_NS)
        at_s = 10 + STILL_S + 1
        again.see(BTC, D(100), NOW + at_s * SECOND_NS, Rung.QUOTE)
        assert not is_fresh(again, at_s)
    moved = PriceLadder(before.config)
    moved.restore(before.prices(), before.memory())
    moved.value_at({BTC: D(101)}, NOW + 60 * SECOND_NS)
    moved.see(BTC, D(101), NOW + (60 + STILL_S) * SECOND_NS, Rung.QUOTE)
    assert is_fresh(moved, 60 + STILL_S)
    assert not is_fresh(moved, 61 + STILL_S)


def test_after_a_restart_a_clock_that_was_set_back_hides_no_price() -> None:
    before = ladder("100")
    again = PriceLadder(before.config)
    again.restore(before.prices(), before.memory())
    again.see(BTC, D(101), NOW - DAY_NS, Rung.TRADE)
    assert again.mark(BTC) == D(101)
    again.see(BTC, D(102), NOW - 2 * DAY_NS, Rung.TRADE)
    assert again.mark(BTC) == D(101)
    again.see(BTC, D(103), NOW - 2 * DAY_NS, Rung.QUOTE)  # a better kind is news, however old
    assert again.mark(BTC) == D(103)
