"""Mistakes about executions that the broker takes back or corrects, planted on purpose.

Part of `mistakes`: each is played where the venue does little else.
"""

import pytest
from tests.simulation.mistake import Mistake
from tests.simulation.regime import EAGER

import smart_leverage.engine.answering as answering
import smart_leverage.engine.revising as revising
from smart_leverage.books.book import Applied, Book
from smart_leverage.domain.orders import Fill, TradeUpdate
from smart_leverage.domain.records import Filled, FillRevised
from smart_leverage.engine.core import Core
from smart_leverage.engine.state import State

Patch = pytest.MonkeyPatch
REVISE, REVISED = Book.revise, State._revised


def books_a_correction_beside_what_it_corrects(planted: Patch) -> None:
    """What was corrected counts twice, once as it was and once as it is."""

    def heed(core: Core, update: TradeUpdate) -> None:
        fill = update.fill
        if fill is not None and not core.state.book.is_counted(fill.execution_id):
            core.record(Filled(at_ns=core.now_ns, fill=fill, sequence=update.sequence))

    planted.setattr(answering, "heed_revision", heed)


def passes_over_what_the_broker_takes_back(planted: Patch) -> None:
    """Books and broker differ for good, and the account trades on."""
    planted.setattr(answering, "heed_revision", lambda core, update: None)


def gives_the_money_back_twice(planted: Patch) -> None:
    """After a bust there is cash in the books that nobody has."""

    def revise(book: Book, before: Fill, after: Fill | None) -> Applied:
        applied = REVISE(book, before, after)
        if applied.is_new:
            book._cash += applied.cash
        return applied

    planted.setattr(Book, "revise", revise)


def lets_a_result_stand_that_was_taken_back(planted: Patch) -> None:
    """A trade that never was still wins, and earns exposure."""
    without(planted, "episodes")


def goes_on_selling_what_was_taken_back(planted: Patch) -> None:
    """What is for sale is more than what is held."""
    planted.setattr(revising, "_take_back_sales", lambda core, key: None)


def counts_a_coin_that_was_taken_back_as_lost(planted: Patch) -> None:
    """A bust looks like a loss of the day, and locks the coin."""
    without(planted, "asset_day")


def without(planted: Patch, part: str) -> None:
    """Let one part of the state hear nothing of what was taken back or corrected."""

    def revised(state: State, record: FillRevised) -> None:
        with pytest.MonkeyPatch.context() as within:
            within.setattr(type(getattr(state, part)), "revise", lambda *given: None)
            REVISED(state, record)

    planted.setattr(State, "_revised", revised)


OFTEN = {"revised": 0.5}

REVISIONS = [
    Mistake(books_a_correction_beside_what_it_corrects, OFTEN, ("INV-12", "INV-06"), first=2),
    Mistake(passes_over_what_the_broker_takes_back, OFTEN, ("INV-12", "INV-10")),
    Mistake(gives_the_money_back_twice, OFTEN, ("INV-12", "INV-10")),
    Mistake(lets_a_result_stand_that_was_taken_back, OFTEN, ("INV-17",), EAGER, first=1),
    Mistake(goes_on_selling_what_was_taken_back, OFTEN, ("INV-06",), first=9),
    Mistake(counts_a_coin_that_was_taken_back_as_lost, OFTEN, ("INV-16",), first=5),
]
