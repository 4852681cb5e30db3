"""Folding a journal for a screen: what lies far back is forgotten, unless somebody lists it all."""

from functools import partialmethod

import pytest
from tests.simulation.desk import BTC, Desk

from smart_leverage.books import positions
from smart_leverage.domain.records import encode
from smart_leverage.engine.state import State
from smart_leverage.ledger.base import Entry
from smart_leverage.runtime.remembered import Fold


def dealt(rounds: int) -> Desk:
    """Return a desk that has bought and sold so many times."""
    desk = Desk()
    for _ in range(rounds):
        desk.buy(BTC, "0.01")
        desk.fill(desk.take(), "42000")
        desk.sell(BTC, "0.01")
        desk.fill(desk.take(), "42100")
        desk.wait(5)
        desk.prices()
    return desk


def test_a_screen_forgets_trades_of_long_ago_and_nothing_that_it_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk, late, whole = dealt(20), Fold(), Fold(is_whole=True)
    monkeypatch.setattr(positions, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(State, "forget", partialmethod(State.forget, 4))
    for number, record in enumerate(desk.records):
        entry = Entry(number + 1, 1, record.at_ns, "", "", encode(record), b"", b"")
        late.take(entry, record)
        whole.take(entry, record)
    assert len(whole.state.book.trades()) == 20
    assert 0 < len(late.state.book.trades()) < 8
    assert late.state.book.trades() == whole.state.book.trades()[-len(late.state.book.trades()) :]
    assert late.state.book.record == whole.state.book.record
    assert late.state.book.cash == whole.state.book.cash
    assert late.state.episodes.closed == whole.state.episodes.closed
