"""Records on their way into a ledger: told in order once they are there, never lost sight of."""

from collections.abc import Callable, Sequence
from typing import cast

import pytest

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted, Record
from smart_leverage.ledger.base import Head, Ledger, Ticket
from smart_leverage.runtime.writing import Scribe


def note(number: int) -> Noted:
    return Noted(at_ns=number, code="test", text=str(number))


class Slow:
    """A ledger that commits when it is told to, batch by batch, and fails when it is told to."""

    def __init__(self) -> None:
        self.kept: list[Record] = []
        self.waiting: list[tuple[Sequence[Record], Ticket]] = []
        self.is_broken = False

    def append(self, records: Sequence[Record]) -> Ticket:
        if self.is_broken:
            raise LedgerError("the ledger is broken")
        ticket = Ticket()
        self.waiting.append((list(records), ticket))
        return ticket

    def commit(self, records: Sequence[Record]) -> Head:
        ticket = self.append(records)
        self.sync()
        return ticket.wait()

    def sync(self) -> None:
        records, ticket = self.waiting.pop(0)
        self.kept += records
        ticket.settle(Head(len(self.kept), b""))

    def fail(self) -> None:
        """Break: what waits is lost, and nothing follows it."""
        self.is_broken = True
        for _, ticket in self.waiting:
            ticket.settle(None, OSError("no space"))
        self.waiting.clear()


class House:
    def __init__(self) -> None:
        self.ledger = Slow()
        self.told: list[Record] = []
        self.scribe = Scribe(cast("Ledger", self.ledger), self.told.append)
        self.heard: list[tuple[str, bool]] = []

    def decide(self, number: int) -> None:
        self.scribe.add([note(number)])

    def hand_over(self, name: str = "") -> None:
        self.scribe.hand_over(self.hears(name))

    def hears(self, name: str) -> Callable[[bool], None]:
        return lambda is_durable: self.heard.append((name, is_durable))


@pytest.fixture
def house() -> House:
    return House()


def numbers(records: Sequence[Record]) -> list[int]:
    return [record.at_ns for record in records]


def test_what_was_handed_over_is_told_once_it_is_kept_and_not_before(house: House) -> None:
    house.decide(1)
    house.hand_over("a")
    house.decide(2)
    house.scribe.settle()
    assert (house.told, house.heard, house.scribe.kept) == ([], [], 0)
    house.ledger.sync()
    assert house.heard == [("a", True)]
    house.scribe.settle()
    assert (numbers(house.told), house.scribe.kept) == ([1], 1)
    assert numbers(house.scribe.unwritten) == [2]


def test_a_flush_waits_for_what_was_handed_over_before_it(house: House) -> None:
    house.decide(1)
    house.hand_over()
    house.ledger.sync()
    house.scribe.flush()
    house.decide(2)
    house.scribe.flush()
    assert numbers(house.told) == numbers(house.ledger.kept) == [1, 2]
    assert (house.scribe.unwritten, house.scribe.kept) == ([], 2)


def test_who_has_nothing_to_wait_for_hears_at_once(house: House) -> None:
    house.hand_over("nothing")
    assert house.heard == [("nothing", True)]


def test_who_decided_nothing_new_waits_for_what_others_did(house: House) -> None:
    """What was read of an account is told once all is durable that it was read from."""
    house.decide(1)
    house.hand_over("first")
    house.hand_over("reader")
    assert house.heard == []
    house.ledger.sync()
    assert house.heard == [("first", True), ("reader", True)]


def test_an_event_without_records_is_kept_once_those_before_it_are(house: House) -> None:
    house.decide(1)
    house.hand_over()
    house.scribe.add([])
    assert house.scribe.kept == 0
    house.ledger.sync()
    house.scribe.settle()
    assert house.scribe.kept == 2


def test_after_a_failed_commit_nothing_that_followed_it_counts_as_written(house: House) -> None:
    for number in (1, 2, 3):
        house.decide(number)
        house.hand_over(str(number))
    house.decide(4)
    house.ledger.sync()
    house.ledger.fail()
    assert house.heard == [("1", True), ("2", False), ("3", False)]
    with pytest.raises(LedgerError, match="no space"):
        house.scribe.settle()
    assert numbers(house.told) == [1]
    assert numbers(house.scribe.unwritten) == [2, 3, 4]
    assert house.scribe.kept == 1
    with pytest.raises(LedgerError):
        house.scribe.flush()
    with pytest.raises(LedgerError):
        house.hand_over("4")
    assert [name for name, _ in house.heard] == ["1", "2", "3"]
