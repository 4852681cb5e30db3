"""A split is no loss: no breaker trips, no stop sells, and the stop means the same after it."""

from decimal import Decimal

from tests.simulation.desk import KO, D, Desk

from smart_leverage.domain.orders import Role
from smart_leverage.domain.records import BreakerMoved, SplitSeen
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import SplitArrived


def split(desk: Desk, qty: str, reference: str = "s1") -> None:
    since_ns = desk.now_ns
    desk.wait(1)
    desk.feed(
        SplitArrived(at_ns=desk.now_ns, key=KO, qty=D(qty), since_ns=since_ns, reference=reference)
    )


def test_a_split_is_booked_once_and_is_no_loss() -> None:
    desk = Desk()
    stop = desk.hold(KO, "100")
    level = stop.stop_price
    assert level is not None
    equity = desk.engine.valuation().equity
    for _ in range(2):
        split(desk, "100")
    assert len(desk.of(SplitSeen)) == 1
    assert desk.state.book.qty(KO) == D(200)
    assert desk.engine.valuation().equity == equity
    assert desk.cancelled == [stop.client_order_id]
    desk.end(stop)
    rested = desk.take(Role.STOP)
    assert (rested.qty, rested.stop_price) == (D(200), level / 2)
    desk.wait(1)
    desk.prices({KO: "30.1"})
    assert desk.of(BreakerMoved) == []
    assert not [each for each in desk.sent if each.role is Role.GUARD]


def test_nothing_is_bought_before_a_price_of_the_new_units() -> None:
    desk = Desk()
    stop = desk.hold(KO, "50")
    split(desk, "50")
    desk.end(stop)
    assert desk.buy(KO, "1").reason == "no_price"
    desk.print_one(KO, "29.5")
    assert desk.buy(KO, "1").verdict == "approved"


def test_the_jump_that_came_before_the_news_was_no_loss_either() -> None:
    desk = Desk()
    desk.hold(KO, "100")
    desk.print_one(KO, "30")
    assert desk.engine.has_doubts
    equity = desk.engine.valuation().equity
    split(desk, "100")
    assert not desk.engine.has_doubts
    assert desk.engine.valuation().equity == equity
    assert desk.of(BreakerMoved) == []


def test_a_restart_folds_a_split_to_the_same_state() -> None:
    desk = Desk()
    desk.hold(KO, "100")
    split(desk, "-50")
    later = Engine(desk.config, desk.records)
    assert later.state.book.state() == desk.state.book.state()
    assert later.state.stop_prices == desk.state.stop_prices
    assert later.state.stop_prices[KO] > Decimal(100)


def test_a_split_of_what_the_books_do_not_hold_yet_waits() -> None:
    desk = Desk()
    split(desk, "100")
    assert desk.of(SplitSeen) == []
    assert "s1" not in desk.state.flows


def test_a_print_of_the_old_units_that_comes_late_is_not_believed() -> None:
    desk = Desk()
    desk.hold(KO, "50")
    split(desk, "50")
    desk.price[KO] = D(30)
    desk.reconcile()  # the broker's own price is of the new units
    desk.print_one(KO, "60")
    assert desk.engine.has_doubts
    assert desk.buy(KO, "1").reason == "no_price"
