"""What every ledger promises: in a file, in memory and on a server."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from smart_leverage.domain.errors import InvariantViolation, LedgerError
from smart_leverage.domain.records import FlowSeen, Noted, decode
from smart_leverage.ledger.base import Durability, Head, Ledger
from smart_leverage.ledger.chain import GENESIS
from smart_leverage.ledger.journal import fault
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.sqlite import SqliteLedger

LONG_S = 20.0


SERVED = pytest.mark.needs("postgres")


@pytest.fixture(
    params=[
        "file",
        "unsynced-file",
        "memory",
        pytest.param("postgres", marks=SERVED),
        pytest.param("unsynced-postgres", marks=SERVED),
        pytest.param("postgres-without-files", marks=SERVED),
    ]
)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(request, tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def open_ledger(request: pytest.FixtureRequest, path: Path) -> SqliteLedger | PostgresLedger:
    durability = Durability.NONE if request.param.startswith("unsynced") else Durability.FULL
    if request.param == "memory":
        return SqliteLedger.in_memory()
    if "postgres" not in request.param:
        return SqliteLedger(path, durability=durability)
    address: Address = request.getfixturevalue("postgres_account")
    beside = None if request.param.endswith("without-files") else path
    return PostgresLedger(address, beside, durability=durability)


def note(text: str) -> Noted:
    return Noted(at_ns=1, code="c", text=text)


def texts(ledger: Ledger, after_seq: int = 0) -> list[str]:
    records = (decode(entry.payload) for entry in ledger.read(after_seq))
    return [record.text for record in records if isinstance(record, Noted)]


def test_an_empty_ledger_ends_at_the_beginning(ledger: Ledger) -> None:
    assert ledger.head == GENESIS == Head(0, bytes(32))
    assert list(ledger.read()) == []
    assert ledger.counts == (0, 0, 0, 0)


def test_a_commit_returns_the_head_at_its_last_record(ledger: Ledger) -> None:
    assert ledger.commit([note("a"), note("b")]).seq == 2
    head = ledger.commit([note("c")])
    assert head == ledger.head
    assert head == Head(3, list(ledger.read())[-1].hash)
    assert texts(ledger) == ["a", "b", "c"]
    assert ledger.counts[:2] == (2, 3)


def test_every_entry_names_the_hash_of_the_one_before(ledger: Ledger) -> None:
    for text in "abc":
        ledger.commit([note(text)] * 2)
    before = GENESIS
    for entry in ledger.read():
        raw = (*entry[:3], entry.kind.encode(), entry.key.encode(), *entry[5:])
        assert fault(raw, before) is None
        before = Head(entry.seq, entry.hash)
    assert before == ledger.head


@pytest.mark.parametrize("after", range(5))
def test_reading_goes_on_behind_a_number(ledger: Ledger, after: int) -> None:
    ledger.commit([note(text) for text in "abc"])
    assert texts(ledger, after) == list("abc")[after:]


def test_tickets_carry_the_numbers_of_their_records_and_every_listener_hears_once(
    ledger: Ledger,
) -> None:
    settled: list[int] = []
    done = threading.Event()
    tickets = [ledger.append([note(f"{number}")]) for number in range(50)]
    for ticket in tickets:
        ticket.then(lambda ticket: settled.append(ticket.wait(0).seq))
    ledger.append([]).then(lambda ticket: done.set())
    assert done.wait(LONG_S)
    assert [ticket.wait(LONG_S).seq for ticket in tickets] == list(range(1, 51))
    assert sorted(settled) == list(range(1, 51))


def test_records_of_many_threads_all_arrive_each_threads_in_its_order(ledger: Ledger) -> None:
    def write(name: str) -> None:
        for number in range(20):
            ledger.append([note(f"{name}{number}"), note(f"{name}{number} also")])

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert ledger.commit([]).seq == 160
    told = texts(ledger)
    for name in "abcd":
        own = [text for text in told if text.startswith(name)]
        assert own[::2] == [f"{name}{number}" for number in range(20)]
    assert [f"{text} also" for text in told[::2]] == told[1::2]  # Together, or not at all.


def test_a_batch_with_a_number_that_is_none_is_refused_whole(ledger: Ledger) -> None:
    with pytest.raises(InvariantViolation):
        ledger.append([note("a"), FlowSeen(at_ns=1, amount=Decimal("NaN"), source="")])
    ledger.commit([note("b")])
    assert texts(ledger) == ["b"]


def test_a_listener_that_raises_stops_nobody(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(ticket: object) -> None:
        raise ValueError("a listener's own trouble")

    ledger.append([note("a")]).then(fail)
    assert ledger.commit([note("b")]).seq == 2
    assert "a ticket's callback raised" in caplog.text


def test_who_reads_does_not_hold_up_who_writes(ledger: Ledger) -> None:
    ledger.commit([note("a")] * 5)
    reading = ledger.read()
    assert next(reading).seq == 1
    assert ledger.append([note("b")]).wait(LONG_S).seq == 6
    assert [entry.seq for entry in reading][:4] == [2, 3, 4, 5]
    assert texts(ledger)[-1] == "b"


def test_a_closed_ledger_takes_nothing_and_may_be_closed_again(ledger: Ledger) -> None:
    ticket = ledger.append([note("a")])
    ledger.close()
    ledger.close()
    assert ticket.wait(LONG_S).seq == 1
    assert ledger.head.seq == 1
    for records in ([note("b")], []):
        with pytest.raises(LedgerError, match="closed"):
            ledger.append(records)
