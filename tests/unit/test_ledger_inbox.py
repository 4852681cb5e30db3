"""The queue before the writer is bounded, and a ticket tells what became of its records."""

import threading
from typing import Any

import pytest

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Head, Ticket
from smart_leverage.ledger.chain import draft
from smart_leverage.ledger.inbox import Batch, Inbox

HEAD = Head(3, b"\x01" * 32)
BLINK_S = 0.02
LONG_S = 20.0


def batch(records: int) -> Batch:
    return Batch([draft(Noted(at_ns=1, code="c", text="t"))] * records, Ticket())


def test_batches_come_out_whole_and_in_order() -> None:
    inbox = Inbox(10, BLINK_S)
    put = [batch(2), batch(0), batch(3)]
    for each in put:
        inbox.put(each)
    assert inbox.size == 5
    assert inbox.take() == put
    assert inbox.size == 5  # Taken is not durable.
    inbox.done(5)
    assert inbox.size == 0


def test_what_does_not_fit_is_refused_after_its_wait() -> None:
    inbox = Inbox(3, BLINK_S)
    inbox.put(batch(2))
    with pytest.raises(LedgerError, match=r"2 records wait .* for 0.02 s; 2 more were not taken"):
        inbox.put(batch(2))
    inbox.put(batch(1))
    assert [len(each.drafts) for each in inbox.take() or ()] == [2, 1]


def test_who_waits_for_room_gets_it_when_records_are_durable() -> None:
    inbox = Inbox(1, LONG_S)
    inbox.put(batch(1))
    waiting = Waiting(inbox)
    inbox.take()
    inbox.done(1)
    assert waiting.outcome() is None
    assert inbox.size == 1


def test_a_batch_larger_than_the_bound_gets_in_alone() -> None:
    inbox = Inbox(3, BLINK_S)
    inbox.put(batch(9))
    with pytest.raises(LedgerError):
        inbox.put(batch(1))
    assert inbox.size == 9


@pytest.mark.parametrize(
    ("why", "says"),
    [
        pytest.param("closed", "the ledger is closed", id="closed"),
        pytest.param(OSError("no space"), "broken and must be opened again: no space", id="broken"),
    ],
)
def test_after_a_refusal_nothing_is_taken_and_nobody_waits(why: str | OSError, says: str) -> None:
    inbox = Inbox(1, LONG_S)
    inbox.put(batch(1))
    waiting = Waiting(inbox)
    inbox.refuse(why)
    inbox.refuse("something later")
    assert says in str(waiting.outcome())
    with pytest.raises(LedgerError, match=says):
        inbox.put(batch(0))
    assert [len(each.drafts) for each in inbox.take() or ()] == [1]
    assert inbox.take() == []


class Waiting:
    """A thread that puts one record into a full inbox."""

    def __init__(self, inbox: Inbox) -> None:
        self._error: LedgerError | None = None
        self._inbox = inbox
        self._thread = threading.Thread(target=self._put)
        self._thread.start()
        while not inbox._waiting_for_room:
            self._thread.join(0.001)

    def _put(self) -> None:
        try:
            self._inbox.put(batch(1))
        except LedgerError as error:
            self._error = error

    def outcome(self) -> LedgerError | None:
        self._thread.join(LONG_S)
        assert not self._thread.is_alive()
        return self._error


# --- tickets --------------------------------------------------------------------------------------


def test_a_ticket_gives_its_head_to_all_who_wait() -> None:
    ticket = Ticket()
    got: list[Head] = []
    threads = [threading.Thread(target=lambda: got.append(ticket.wait(LONG_S))) for _ in range(3)]
    for thread in threads:
        thread.start()
    ticket.settle(HEAD)
    for thread in threads:
        thread.join()
    assert got == [HEAD] * 3
    assert ticket.wait() == HEAD


def test_a_ticket_that_is_not_settled_in_time_says_so_and_stays_open() -> None:
    ticket = Ticket()
    with pytest.raises(TimeoutError, match=r"not durable after 0\.02 s"):
        ticket.wait(BLINK_S)
    assert not ticket.is_done
    ticket.settle(HEAD)
    assert ticket.is_done
    assert ticket.wait(BLINK_S) == HEAD


def test_a_ticket_whose_records_are_lost_raises_the_cause() -> None:
    ticket, cause = Ticket(), OSError("disk")
    ticket.settle(None, cause)
    with pytest.raises(LedgerError, match="were not committed: disk") as caught:
        ticket.wait()
    assert caught.value.__cause__ is cause


def test_callbacks_run_once_before_and_after_the_settlement(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ticket, called = Ticket(), list[Any]()

    def fail(settled: Ticket) -> None:
        called.append("failed")
        raise ValueError("a listener's own trouble")

    ticket.then(fail)
    ticket.then(called.append)
    assert called == []
    ticket.settle(HEAD)
    assert called == ["failed", ticket]
    ticket.then(called.append)
    assert called == ["failed", ticket, ticket]
    assert "a ticket's callback raised" in caplog.text
