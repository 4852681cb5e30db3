"""A change of symbol, a merger and a spin-off are no loss, no flow and no second position."""

import pytest
from tests.simulation.desk import BTC, KO, SPY, TQQQ, D, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import HOUSE, Role
from smart_leverage.domain.records import Adopted, BreakerMoved, FlowSeen
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Rung, UnitsArrived

NEW = TQQQ
"""What KO is called from now on; a symbol that this account has listed and does not hold."""


def units(
    desk: Desk,
    gone: tuple[Key, str] | None,
    came: tuple[Key, str] | None,
    *,
    price: str = "0",
    rows: tuple[str, ...] = ("a", "b"),
) -> None:
    desk.wait(1)
    desk.feed(
        UnitsArrived(
            at_ns=desk.now_ns,
            gone=None if gone is None else (gone[0], D(gone[1])),
            came=None if came is None else (came[0], D(came[1])),
            price=D(price),
            source="change of symbol",
            rows=rows,
        )
    )


def quiet() -> Desk:
    """Return an account that knows no price of what is to come."""
    desk = Desk()
    desk.price.pop(NEW)
    desk.engine._core.ladder._seen.pop(NEW)
    return desk


def hold_both(desk: Desk, own: str, others: str) -> None:
    """Let two bots hold the same."""
    stop = desk.hold(KO, own)
    assert desk.buy(KO, others, bot="other").verdict == "approved"
    desk.end(stop)
    desk.fill(desk.take(Role.BOT), "60")


def test_a_change_of_symbol_moves_units_cost_and_worth_and_is_booked_once() -> None:
    desk = quiet()
    hold_both(desk, "100", "50")
    desk.print_one(KO, "66")
    equity, cash, entry = desk.engine.valuation().equity, desk.state.book.cash, D(60)
    assert desk.state.entry_price(KO) == entry
    for _ in range(2):
        units(desk, (KO, "150"), (NEW, "150"))
    assert desk.state.book.quantities(KO) == {}
    assert desk.state.book.quantities(NEW) == {"bot": D(100), "other": D(50)}
    assert desk.state.entry_price(NEW) == entry
    assert (desk.engine.valuation().equity, desk.state.book.cash) == (equity, cash)
    assert len(desk.of(Adopted)) == 4
    assert desk.of(BreakerMoved) == desk.of(FlowSeen) == []
    assert desk.sell(NEW, "100").given == D(100)


def test_three_new_units_for_two_old_ones_cost_as_much_together() -> None:
    desk = quiet()
    hold_both(desk, "100", "51")
    equity = desk.engine.valuation().equity
    units(desk, (KO, "151"), (NEW, "226"))
    assert desk.state.book.quantities(NEW) == {"bot": D("149.6689"), "other": D("76.3311")}
    assert abs(desk.engine.valuation().equity - equity) < D("0.01")
    assert abs(desk.state.entry_price(NEW) * 226 - 60 * 151) < D("0.01")


def test_stops_and_orders_of_what_is_gone_are_taken_back_and_the_new_name_gets_a_stop() -> None:
    desk = quiet()
    stop = desk.hold(KO, "100")
    units(desk, (KO, "100"), (NEW, "100"))
    assert desk.cancelled == [stop.client_order_id]
    desk.end(stop)
    desk.print_one(NEW, "60.2")
    rested = desk.take(Role.STOP)
    assert (rested.key, rested.qty) == (NEW, D(100))
    assert rested.stop_price is not None
    assert D(50) < rested.stop_price < D(60)
    assert KO not in desk.state.bare_since
    assert not [each for each in desk.sent if each.key == KO]


def test_what_is_gone_lacks_no_stop_any_more() -> None:
    desk = quiet()
    desk.buy(KO, "0.5")
    desk.fill(desk.take(Role.BOT), "60")
    assert KO in desk.state.bare_since  # a part of a share can have no stop at the venue
    units(desk, (KO, "0.5"), (NEW, "0.5"))
    assert desk.state.bare_since.keys() == {NEW}


def test_nothing_is_bought_before_a_price_of_its_own() -> None:
    desk = quiet()
    desk.hold(KO, "50")
    units(desk, (KO, "50"), (NEW, "50"))
    assert desk.buy(NEW, "1").reason == "no_price"
    desk.print_one(NEW, "60.5", Rung.QUOTE)
    assert desk.buy(NEW, "1").verdict == "approved"


def test_units_out_of_a_spin_off_are_the_houses_and_protected() -> None:
    desk = quiet()
    desk.hold(KO, "100")
    equity = desk.engine.valuation().equity
    for _ in range(2):
        units(desk, None, (NEW, "25"), price="8", rows=("s",))
    assert desk.state.book.quantities(NEW) == {HOUSE: D(25)}
    assert desk.state.book.qty(KO) == D(100)
    assert desk.engine.valuation().equity == equity + 200
    desk.print_one(NEW, "8.1")
    assert (desk.take(Role.STOP).key, desk.of(FlowSeen)) == (NEW, [])


def test_a_spin_off_that_nobody_prices_waits() -> None:
    desk = quiet()
    units(desk, None, (NEW, "25"), rows=("s",))
    assert desk.state.book.qty(NEW) == 0
    assert "units:s" not in desk.state.flows


def test_what_was_paid_for_in_cash_leaves_the_books() -> None:
    desk = Desk()
    desk.hold(KO, "100")
    units(desk, (KO, "100"), None, rows=("m",))
    assert desk.state.book.qty(KO) == 0
    assert "units:m" in desk.state.flows


@pytest.mark.parametrize(
    ("gone", "came"),
    [
        pytest.param((KO, "101"), (NEW, "101"), id="more-than-is-held"),
        pytest.param((SPY, "1"), (NEW, "1"), id="what-is-not-held"),
        pytest.param((KO, "100"), (Key("us_equity:ZZQX"), "100"), id="what-nobody-listed"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_what_cannot_be_booked_is_not_and_comes_again(
    gone: tuple[Key, str] | None, came: tuple[Key, str] | None
) -> None:
    desk = quiet()
    desk.hold(KO, "100")
    before = desk.state.book.state()
    units(desk, gone, came)
    assert desk.state.book.state() == before
    assert desk.state.flows == set()
    assert desk.cancelled == []


def test_a_restart_folds_it_to_the_same_state() -> None:
    desk = quiet()
    desk.hold(KO, "100")
    desk.hold(BTC, "0.1")
    units(desk, (KO, "100"), (NEW, "100"))
    later = Engine(desk.config, desk.records)
    assert later.state.book.state() == desk.state.book.state()
    assert later.state.flows == desk.state.flows == {"units:a+b"}
    assert later.state.bare_since.keys() == desk.state.bare_since.keys()
