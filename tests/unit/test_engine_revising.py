"""Executions that the broker takes back or corrects: the account is as if they had been told so."""

from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, KO, D, Desk

from smart_leverage.books import positions
from smart_leverage.books.book import BookState
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Role
from smart_leverage.domain.records import BreakerMoved, FillRevised, IncomeSeen, Noted
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.core import Core
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import IncomeArrived
from smart_leverage.policy.reasons import TradingState

LATE_FEES = EngineConfig(fees_come_later=True)


def bought(desk: Desk, key: Key, qty: str, price: str = "") -> Fill:
    """Buy and fill; return the execution. Its stop is left to leave."""
    assert desk.buy(key, qty).given == D(qty)
    clear(desk, key)
    desk.fill(desk.take(Role.BOT), price or desk.price[key])
    return desk.last_fill()


def clear(desk: Desk, key: Key) -> None:
    """Let the broker end what stands in the way of an order."""
    for stop in desk.state.orders.stops(key):
        desk.sent = [each for each in desk.sent if each != stop.order]
        desk.end(stop.order)


def sold(desk: Desk, key: Key, qty: str, price: str) -> Fill:
    """Sell and fill; what rests in the way is cancelled first."""
    assert desk.sell(key, qty).given == D(qty)
    clear(desk, key)
    desk.fill(desk.take(Role.BOT), price)
    return desk.last_fill()


def notes(desk: Desk, code: str) -> list[str]:
    return [each.text for each in desk.records if isinstance(each, Noted) and each.code == code]


def books(desk: Desk) -> BookState:
    return desk.state.book.state()


def folded(desk: Desk) -> Engine:
    return Engine(desk.config, list(desk.records))


def test_a_purchase_that_is_taken_back_never_was() -> None:
    desk, never = Desk(), Desk()
    fill = bought(desk, KO, "100")
    stop = desk.take(Role.STOP)
    desk.wait(60)
    never.wait(60)
    desk.revise(fill)
    assert books(desk) == books(never)
    assert desk.engine.valuation() == never.engine.valuation()
    assert desk.state.episodes.closed == []
    assert desk.cancelled == [stop.client_order_id]  # nothing is left to protect
    assert desk.state.bare_since == {}
    assert desk.state.trading is TradingState.ACTIVE
    desk.prices()
    assert desk.of(BreakerMoved) == []
    assert desk.state.asset_day.loss(KO, D(0)) == 0


def test_what_is_told_twice_is_booked_once() -> None:
    desk = Desk()
    fill = bought(desk, KO, "100")
    for _ in range(3):
        desk.revise(fill)
    assert len(desk.of(FillRevised)) == 1
    other = bought(desk, KO, "50")
    for _ in range(3):
        desk.revise(other, price="59")
    assert len(desk.of(FillRevised)) == 2
    assert desk.state.book.qty(KO) == D(50)


def test_an_execution_that_was_taken_back_is_not_counted_again() -> None:
    desk = Desk()
    order_fill = bought(desk, KO, "100")
    desk.revise(order_fill)
    order = desk.state.orders.find(order_fill.client_order_id)
    assert order is not None
    desk.executions -= 1  # the same execution, told once more by a list
    desk.fill(order.order, order_fill.price, "100")
    assert desk.state.book.qty(KO) == 0


def test_a_price_that_is_corrected_moves_the_cash_and_the_cost() -> None:
    desk, right = Desk(), Desk()
    fill = bought(desk, KO, "100", "60")
    bought(right, KO, "100", "59.5")
    desk.revise(fill, price="59.5")
    assert desk.state.book.cash == right.state.book.cash
    assert desk.state.entry_price(KO) == D("59.5")
    assert desk.engine.valuation() == right.engine.valuation()
    assert desk.state.asset_day.loss(KO, D(6000)) == right.state.asset_day.loss(KO, D(6000))


def test_a_quantity_that_is_corrected_moves_holding_and_stop() -> None:
    desk = Desk()
    fill = bought(desk, KO, "100", "60")
    stop = desk.take(Role.STOP)
    cash = desk.state.book.cash
    desk.revise(fill, qty="80")
    assert desk.state.book.qty(KO) == D(80)
    assert desk.state.book.cash == cash + 20 * 60
    desk.end(stop)
    assert desk.take(Role.STOP).qty == D(80)


def test_a_correction_is_corrected_in_its_turn() -> None:
    desk = Desk()
    fill = bought(desk, KO, "100", "60")
    desk.revise(fill, price="59", name="a")
    desk.revise(fill, price="58", name="b")  # by the name that it began with
    assert desk.state.entry_price(KO) == D(58)
    desk.revise(fill, price="59", name="a")  # told once more: that was before
    assert desk.state.entry_price(KO) == D(58)
    last = desk.state.book.standing(fill.execution_id)
    assert last is not None
    assert last.execution_id == "b"
    desk.revise(last)
    assert desk.state.book.qty(KO) == 0
    assert desk.state.book.cash == D(100_000)


@pytest.mark.parametrize("price", ["", "61"], ids=["taken-back", "corrected"])
def test_results_and_episodes_are_reckoned_anew(price: str) -> None:
    desk = Desk()
    bought(desk, KO, "100", "60")
    sale = sold(desk, KO, "100", "55")
    assert desk.state.book.record.with_forced.losses == 1
    assert [round(each.outcome, 3) for each in desk.state.episodes.closed] == [-0.083]
    desk.revise(sale, price=price)
    record = desk.state.book.record.with_forced
    if price:
        assert (record.wins, record.losses, record.net) == (1, 0, D(100))
        assert [round(each.outcome, 3) for each in desk.state.episodes.closed] == [0.017]
    else:
        assert (record.wins, record.losses) == (0, 0)
        assert desk.state.episodes.closed == []
        assert desk.state.book.qty(KO) == D(100)
        assert KO in desk.state.bare_since or desk.state.live_stop(KO) is not None


def test_a_day_that_tripped_stays_tripped_when_its_loss_is_taken_back() -> None:
    desk = Desk()
    bought(desk, KO, "100", "60")
    sale = sold(desk, KO, "100", "20")
    desk.prices()
    assert desk.state.breakers.is_day_tripped
    desk.revise(sale)
    desk.wait(60)
    desk.prices()
    assert desk.engine.valuation().equity == D(100_000)
    assert desk.state.breakers.is_day_tripped
    assert desk.state.trading is TradingState.REDUCING


def test_a_gain_that_is_taken_back_is_a_loss_of_the_day_that_hears_of_it() -> None:
    desk = Desk()
    bought(desk, KO, "100", "60")
    sale = sold(desk, KO, "100", "110")
    desk.wait(600)
    desk.prices()
    desk.wait(86_400)
    desk.prices()
    desk.revise(sale, price="60")
    desk.wait(60)
    desk.prices()
    assert desk.state.breakers.is_day_tripped


def test_what_was_sold_since_is_not_booked_and_the_account_may_only_reduce() -> None:
    desk = Desk()
    fill = bought(desk, KO, "100", "60")
    sold(desk, KO, "60", "61")
    before = books(desk)
    for _ in range(2):
        desk.revise(fill)
    assert books(desk) == before
    assert desk.of(FillRevised) == []
    assert len(notes(desk, "fill.not_revised")) == 1
    assert desk.buy(KO, "1").reason == "not_ready"
    assert desk.sell(KO, "10").given == D(10)  # by what the books know there is something to sell
    desk.reconcile(cash=desk.state.book.cash + 6000, positions={KO: D(-60)})
    assert notes(desk, "reconcile.difference")
    assert desk.state.trading is TradingState.REDUCING
    assert desk.sell(KO, "10").given == 0  # and by what the broker lists there is not


def test_it_is_booked_once_the_sale_is_taken_back_as_well() -> None:
    desk = Desk()
    fill = bought(desk, KO, "100", "60")
    sale = sold(desk, KO, "100", "61")
    desk.revise(fill)
    desk.revise(sale)
    assert len(desk.of(FillRevised)) == 2
    assert desk.state.book.qty(KO) == 0
    assert desk.state.book.cash == D(100_000)


def test_of_an_unknown_execution_a_difference_is_left() -> None:
    desk = Desk()
    fill = bought(desk, KO, "100")
    desk.revise(Fill(**{name: getattr(fill, name) for name in fill.__struct_fields__
                        if name != "execution_id"}, execution_id="never"))  # fmt: skip
    assert desk.of(FillRevised) == []
    assert len(notes(desk, "fill.not_revised")) == 1
    assert desk.engine.has_doubts  # so the lists are read at once
    desk.reconcile(positions={})
    assert desk.state.trading is TradingState.REDUCING


def test_of_a_forgotten_execution_a_difference_is_left_unless_it_was_corrected_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Core, "remembers", 4)
    monkeypatch.setattr(positions, "CHECKPOINT_EVERY", 2)
    desk = Desk()
    fill, other = bought(desk, KO, "10"), bought(desk, KO, "10")
    desk.revise(fill, price="59")
    (corrected,) = [each.after for each in desk.records if isinstance(each, FillRevised)]
    for _ in range(12):
        bought(desk, KO, "1")
    assert desk.state.book.is_forgotten(fill.execution_id)
    before = books(desk)
    desk.revise(fill, price="59")  # the broker says it again
    assert corrected is not None
    assert desk.state.book.is_counted(corrected.execution_id)
    assert notes(desk, "fill.not_revised") == []
    desk.revise(other)
    assert books(desk) == before
    assert len(notes(desk, "fill.not_revised")) == 1
    assert desk.buy(KO, "1").reason == "not_ready"


def test_a_correction_that_comes_before_its_execution_waits_for_it() -> None:
    desk = Desk()
    assert desk.buy(KO, "100").given == D(100)
    order = desk.take()
    early = Fill(
        execution_id="x000001", client_order_id=order.client_order_id, key=KO, side=order.side,
        qty=D(100), price=D(60), fee=D(0), fee_asset="USD", at_ns=desk.now_ns,
    )  # fmt: skip
    desk.revise(early)
    desk.fill(order, "60")
    assert desk.state.book.qty(KO) == 0
    assert desk.state.book.cash == D(100_000)
    assert len(desk.of(FillRevised)) == 1


def test_a_restart_folds_corrections_to_the_same_state() -> None:
    desk = Desk()
    bought(desk, KO, "100", "60")
    desk.revise(desk.last_fill(), price="59")
    sold(desk, KO, "40", "61")
    desk.revise(desk.last_fill(), qty="30")
    bought(desk, BTC, "0.1")
    desk.revise(desk.last_fill())
    later = folded(desk).state
    assert later.book.state() == desk.state.book.state()
    assert vars(later.asset_day) == vars(desk.state.asset_day)
    assert later.episodes.closed == desk.state.episodes.closed
    assert later.stream_seen == desk.state.stream_seen


# -- coins whose fees are told later ---------------------------------------------------------------


def fee(desk: Desk, qty: str, reference: str) -> None:
    desk.feed(
        IncomeArrived(
            at_ns=desk.now_ns, amount=D(0), source="fee", reference=reference, key=BTC,
            qty=D(qty), price=D(50_000),
        )
    )  # fmt: skip


def test_the_fee_of_a_purchase_comes_back_with_it_once() -> None:
    desk = Desk(config=LATE_FEES)
    fill = bought(desk, BTC, "0.1")
    desk.wait(1)
    desk.reconcile(positions={BTC: D("0.09975")})
    fee(desk, "-0.00025", "f1")
    desk.revise(fill)
    assert desk.state.book.qty(BTC) == 0
    assert desk.state.book.cash == D(100_000)
    fee(desk, "0.00025", "f2")  # told as well, later
    assert desk.state.book.qty(BTC) == 0
    desk.reconcile(positions={})
    assert notes(desk, "reconcile.difference") == []
    booked = [each for each in desk.records if isinstance(each, IncomeSeen)]
    assert [each.qty for each in booked] == [
        D("-0.00025"), D(0), D("0.00025"), D(0),
    ]  # fmt: skip


def test_the_fee_of_a_sale_comes_back_in_cash() -> None:
    desk = Desk(config=LATE_FEES)
    bought(desk, BTC, "0.1")
    desk.wait(1)
    desk.reconcile(positions={BTC: D("0.09975")})
    sale = sold(desk, BTC, "0.09", "50000")
    cash = desk.state.book.cash
    due = Decimal("11.25")
    desk.reconcile(cash=cash - due)
    desk.revise(sale)
    assert desk.state.book.cash == cash - due - 4_500
    desk.wait(1)
    desk.reconcile(cash=cash - 4_500)
    assert desk.state.book.cash == cash - 4_500
    assert notes(desk, "reconcile.difference") == []


def test_more_than_a_fee_is_a_difference() -> None:
    desk = Desk(config=LATE_FEES)
    fill = bought(desk, BTC, "0.1")
    other = bought(desk, BTC, "0.02")
    desk.revise(fill)
    assert desk.state.book.qty(BTC) == other.qty
    desk.reconcile(positions={BTC: D("0.021")})
    assert desk.state.trading is TradingState.REDUCING
