"""What orders of one instrument reserve together, one by one and without any of them again."""

from decimal import Decimal

import pytest

from smart_leverage.engine.reserving import NOTHING, Reservations, Reserved

D = Decimal


def reserved(qty: str, limit: str, *waits: tuple[str, str]) -> Reserved:
    return Reserved(D(qty), D(limit), D(qty) * D(limit), tuple((D(q), D(s)) for q, s in waits))


def test_the_highest_limit_goes_with_the_last_order_that_has_it() -> None:
    both = Reservations()
    both.count("low", reserved("1", "100"))
    both.count("high", reserved("2", "110"))
    both.count("as high", reserved("3", "110"))
    assert both.total() == Reserved(D(6), D(110), D(650))
    both.forget("high")
    assert both.total() == Reserved(D(4), D(110), D(430))
    both.forget("as high")
    assert both.total() == Reserved(D(1), D(100), D(100))
    both.forget("low")
    assert both.total() is None
    assert both.qty == 0


def test_an_order_counts_with_what_was_told_of_it_last() -> None:
    one = Reservations()
    one.count("a", reserved("5", "100"))
    one.count("a", reserved("5", "100"))
    one.count("a", reserved("2", "90"))
    assert one.total() == Reserved(D(2), D(90), D(180))
    one.forget("b")
    assert one.qty == 2


def test_what_waits_for_a_higher_price_is_worth_it_by_then() -> None:
    waits = Reservations()
    waits.count("stop", reserved("2", "112", ("2", "110")))
    total = waits.total()
    assert total is not None
    assert total.waits == ((D(2), D(110)),)
    assert total.beyond(D(100)) == 2 * (112 - 110)
    waits.forget("stop")
    waits.count("limit", reserved("2", "112"))
    total = waits.total()
    assert total is not None
    assert total.beyond(D(100)) == 2 * (112 - 100)


@pytest.mark.parametrize("price", ["110", "120"])
def test_below_the_price_nothing_is_paid_beyond_it(price: str) -> None:
    assert reserved("2", "110").beyond(D(price)) == 0
    assert NOTHING.beyond(D(price)) == 0
