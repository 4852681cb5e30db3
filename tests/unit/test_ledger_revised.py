"""The tables of a ledger after the broker took an execution back, or corrected it."""

from decimal import Decimal

import pytest
from tests.simulation.desk import KO, D, Desk

from smart_leverage.domain.orders import Role
from smart_leverage.domain.records import Filled, FillRevised, Record
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.takeover import _is_held


def bought() -> Desk:
    desk = Desk()
    assert desk.buy(KO, "100").given == D(100)
    desk.fill(desk.take(Role.BOT), "60")
    return desk


def written(records: list[Record], step: int) -> SqliteLedger:
    ledger = SqliteLedger.in_memory()
    for start in range(0, len(records), step):
        ledger.commit(records[start : start + step])
    return ledger


def money(reader: Reader) -> Decimal:
    return sum((row.amount for row in reader.cash()), D(0))


@pytest.mark.parametrize("step", [1, 3, 1_000])
def test_orders_fills_positions_and_cash_are_as_if_it_had_been_told_so(step: int) -> None:
    desk = bought()
    fill = desk.last_fill()
    desk.revise(fill, qty="80", price="59")
    with written(desk.records, step) as ledger, ledger.reader() as reader:
        (row,) = reader.fills_of(fill.client_order_id)
        assert (row.execution_id, row.qty, row.price) == ("x000001+", D(80), D(59))
        order = reader.order(fill.client_order_id)
        assert order is not None
        assert (order.state, order.filled_qty) == ("filled", D(80))
        assert [each.qty for each in reader.positions()] == [D(80)]
        assert money(reader) == desk.state.book.cash == D(100_000) - 80 * 59
    desk.revise(desk.state.book.standing(fill.execution_id) or fill)
    with written(desk.records, step) as ledger, ledger.reader() as reader:
        assert reader.fills_of(fill.client_order_id) == []
        order = reader.order(fill.client_order_id)
        assert order is not None
        assert order.filled_qty == 0
        assert reader.positions() == []
        assert money(reader) == D(100_000)
        kinds = [each.kind for each in reader.entries_about(fill.client_order_id)]
        assert kinds.count("fill.revised") == 2


def test_what_an_emergency_journal_holds_of_it_is_taken_over_once() -> None:
    desk = bought()
    desk.revise(desk.last_fill())
    revised = next(each for each in desk.records if isinstance(each, FillRevised))
    before = [each for each in desk.records if each is not revised]
    with written(before, 1_000) as ledger, ledger.reader() as reader:
        assert not _is_held(revised, reader)
    with written(desk.records, 1_000) as ledger, ledger.reader() as reader:
        assert _is_held(revised, reader)
    assert any(isinstance(each, Filled) for each in before)
