"""The oracle finds mistakes that are put in on purpose, each by the rule that forbids it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from tests.simulation.faults import Faults
from tests.simulation.faulty_world import play

import smart_leverage.engine.limiting as limiting
from smart_leverage.books.book import Book
from smart_leverage.domain.orders import Approved
from smart_leverage.domain.records import Filled, Record, StateChanged
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Answered, Verdict
from smart_leverage.engine.ladder import Price, PriceLadder
from smart_leverage.engine.state import State
from smart_leverage.engine.tracked import TrackedOrders
from smart_leverage.ledger.base import Head
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.steady import SteadyClock
from smart_leverage.runtime.trader import Trader

Plant = Callable[[pytest.MonkeyPatch], None]
SEEDS = 30
SUBMIT, BEST, APPLY = Trader._submit, PriceLadder.best, State.apply


def counts_a_silence_as_a_no(planted: pytest.MonkeyPatch) -> None:
    def submit(trader: Trader, approved: Approved) -> Answered:
        event = SUBMIT(trader, approved)
        assert isinstance(event, Answered)
        if event.verdict is Verdict.UNKNOWN:
            return msgspec.structs.replace(event, verdict=Verdict.REFUSED)
        return event

    planted.setattr(Trader, "_submit", submit)


def sends_again_after_silence(planted: pytest.MonkeyPatch) -> None:
    def submit(trader: Trader, approved: Approved) -> Answered:
        event = SUBMIT(trader, approved)
        assert isinstance(event, Answered)
        again = SUBMIT(trader, approved) if event.verdict is Verdict.UNKNOWN else event
        assert isinstance(again, Answered)
        return again

    planted.setattr(Trader, "_submit", submit)


def sends_before_it_is_durable(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(Trader, "flush", lambda trader: None)


def forgets_a_halt(planted: pytest.MonkeyPatch) -> None:
    def apply(state: State, record: Record) -> None:
        APPLY(state, record)
        if isinstance(record, StateChanged) and record.after == "halted":
            state.trading = TradingState.ACTIVE

    planted.setattr(State, "apply", apply)


def counts_a_fill_twice(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(Book, "is_counted", lambda book, execution_id: False)


def believes_old_prices(planted: pytest.MonkeyPatch) -> None:
    def best(ladder: PriceLadder, key: str, now_ns: int) -> Price | None:
        return BEST(ladder, key, 0)  # type: ignore[arg-type]

    planted.setattr(PriceLadder, "best", best)


def sells_what_is_being_sold(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(TrackedOrders, "selling", lambda orders, key: Decimal(0))


def loses_fills(planted: pytest.MonkeyPatch) -> None:
    whole = SqliteLedger.commit

    def commit(ledger: SqliteLedger, records: list[Record]) -> Head:
        kept = [each for each in records if not isinstance(each, Filled)]
        return whole(ledger, kept)

    planted.setattr(SqliteLedger, "commit", commit)


def believes_a_clock_that_jumps(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(SteadyClock, "now_ns", lambda clock: clock._raw.now_ns())


def adds_by_a_doubted_clock(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(SteadyClock, "doubt", "")


def loosens_at_once(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(limiting, "HOUR_NS", 0)


def loosens_in_need(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(limiting, "hindrance", lambda core: "")


def forgets_what_was_set(planted: pytest.MonkeyPatch) -> None:
    planted.setattr(Core, "heed_limits", lambda core: None)


class Mistake(NamedTuple):
    plant: Plant
    faults: dict[str, float]
    rules: tuple[str, ...]


MISTAKES = [
    Mistake(counts_a_silence_as_a_no, {"lost_after": 0.4}, ("INV-03", "INV-06", "INV-08")),
    Mistake(sends_again_after_silence, {"lost_before": 0.3}, ("INV-01",)),
    Mistake(sends_before_it_is_durable, {}, ("INV-02",)),
    Mistake(forgets_a_halt, {}, ("INV-07",)),
    Mistake(counts_a_fill_twice, {"duplicate": 0.5}, ("INV-11", "INV-20")),
    Mistake(believes_old_prices, {"stale_price": 0.5}, ("INV-04",)),
    Mistake(sells_what_is_being_sold, {}, ("INV-06",)),
    Mistake(loses_fills, {}, ("INV-10", "INV-20")),
    Mistake(believes_a_clock_that_jumps, {"clock_forward": 0.5}, ("INV-16",)),
    Mistake(adds_by_a_doubted_clock, {"clock_back": 0.2, "clock_forward": 0.2}, ("INV-04",)),
    Mistake(loosens_at_once, {}, ("INV-17",)),
    Mistake(loosens_in_need, {}, ("INV-17",)),
    Mistake(forgets_what_was_set, {}, ("INV-03",)),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.plant.__name__)
def test_a_planted_mistake_is_found(
    mistake: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake.plant(monkeypatch)
    found: set[str] = set()
    for seed in range(SEEDS):
        result = play(seed, tmp_path, Faults(mistake.faults))
        found |= {each.split()[0] for each in result.violations}
        if found & set(mistake.rules):
            return
    pytest.fail(f"nothing of {mistake.rules} in {SEEDS} worlds, only {sorted(found)}")
