"""Ready means that what is asked is answered from what is true: each reason why not is told."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.desk_in_trouble import FULL, SERIES, Desk, Market

from smart_leverage.ledger.refuge import Refuge
from smart_leverage.ledger.verified import note_verified, verified_ns
from smart_leverage.runtime.office import Office
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.server.bridge import Bridge
from smart_leverage.server.metrics import trade as trade_module
from smart_leverage.server.metrics.requests import Answers
from smart_leverage.server.metrics.standing import standing
from smart_leverage.server.metrics.trade import SILENT, Trade, TradeParts, why_not


class Watched(Desk):
    """An account with an office, whom somebody asks while it goes round by hand."""

    def __init__(self, folder: Path) -> None:
        self.office = Office(lambda: None, Shelf())
        self.bridge = Bridge(self.office)
        super().__init__(folder, Market(tuple(SERIES)))

    def reasons(self, *, attends: bool = True) -> list[str]:
        """Return why it is not ready, as a request would be told now."""
        parts = TradeParts(self.bridge, self.driver.pulse, self.path, Answers(), self.time.now_ns)

        async def ask() -> tuple[str, ...]:
            self.bridge.connect(asyncio.get_running_loop())
            asking = asyncio.ensure_future(Trade(parts).readiness.reasons())
            while not asking.done():
                await asyncio.sleep(0.001)
                if attends:
                    self.driver.attend()
            return await asking

        return list(asyncio.run(ask()))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.stop()


def test_an_account_is_not_ready_before_its_first_look_at_prices_and_then_it_is(
    desk: Watched,
) -> None:
    assert desk.reasons() == ["starting: prices have not been looked at yet"]
    desk.run(1)
    assert desk.reasons() == []


def test_a_ledger_that_cannot_be_written_is_told_until_the_account_is_back_on_it(
    desk: Watched,
) -> None:
    desk.hold()
    desk.disk.refuse(FULL)
    desk.flatten_wish()
    desk.run(1)
    assert isinstance(desk.keeper.ledger, Refuge)
    (told,) = desk.reasons()
    assert told == "the ledger cannot be written; the account is halted beside it"
    desk.disk.mend()
    desk.run(2)
    # Halted until a person resumes, and ready all the same: the ledger is sound again.
    assert not isinstance(desk.keeper.ledger, Refuge)
    assert desk.reasons() == []


def test_a_silent_broker_is_told_until_books_and_broker_were_compared_again(desk: Watched) -> None:
    desk.run(1)
    desk.venue.is_silent = True
    desk.run(1)
    assert desk.reasons() == ["the broker does not answer"]
    desk.venue.is_silent = False
    desk.run(1)
    assert desk.reasons() == []


def test_a_process_that_began_again_compares_before_it_is_ready(desk: Watched) -> None:
    desk.hold()
    desk.stop()
    desk.venue.is_silent = True
    twin = desk.twin()
    with pytest.raises(Exception, match="does not answer"):
        twin.start()
    twin.stop()
    desk.venue.is_silent = False
    again = desk.twin()
    assert isinstance(again, Watched)
    again.start()
    assert again.reasons() == ["starting: prices have not been looked at yet"]
    again.run(1)
    assert again.reasons() == []
    again.stop()


def test_who_trades_and_does_not_answer_is_not_ready(
    desk: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_module, "ANSWER_WITHIN_S", 0.05)
    desk.run(1)
    assert desk.reasons(attends=False) == [SILENT]


def test_who_waits_for_a_silent_broker_says_so_though_nothing_else_is_known(desk: Watched) -> None:
    """Between two waits for it an answer comes by chance only."""
    desk.run(1)
    assert why_not(None, desk.driver.pulse, 0.0) == [SILENT]
    desk.venue.is_silent = True
    desk.run(1)
    assert why_not(None, desk.driver.pulse, 0.0) == ["the broker does not answer", SILENT]


def test_a_driver_that_went_round_long_ago_is_held_up(desk: Watched) -> None:
    desk.run(1)
    stepped_s = desk.driver.pulse.stepped_s
    assert stepped_s is not None
    now = standing(desk.keeper, desk.time.now_ns())
    assert why_not(now, desk.driver.pulse, stepped_s + 1.0) == []
    (told,) = why_not(now, desk.driver.pulse, stepped_s + 60.0)
    assert told == "prices are not taken in any more"


def test_a_proof_is_noted_beside_the_ledger_and_a_torn_note_is_none(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    assert verified_ns(path) is None
    assert note_verified(path, 7, 1_700_000_000_000_000_000)
    assert verified_ns(path) == 1_700_000_000_000_000_000
    (note,) = tmp_path.iterdir()
    assert note.stat().st_mode & 0o077 == 0
    note.write_text("7")
    assert verified_ns(path) is None
    assert not note_verified(tmp_path / "nowhere" / "ledger.sqlite", 7, 1)
