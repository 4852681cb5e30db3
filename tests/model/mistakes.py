"""Mistakes in the submit protocol, put into the product on purpose: the search has to see each."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.model.scenarios import ANN, BEN
from tests.model.world import Scenario, Want

import smart_leverage.engine.answering as answering
import smart_leverage.engine.resolving as resolving
from smart_leverage.books.book import Book
from smart_leverage.domain.errors import OutcomeUnknown, Refused
from smart_leverage.domain.orders import OrderState, Side
from smart_leverage.engine.core import Core, move
from smart_leverage.engine.events import Started
from smart_leverage.runtime.carrying import Messenger
from smart_leverage.runtime.trader import Trader

Patch = pytest.MonkeyPatch


class Mistake(NamedTuple):
    """A rule of the protocol that is broken, where that shows, and as what."""

    name: str
    plant: Callable[[Patch], None]
    scenario: Scenario
    rule: str


def sends_before_the_sync(patch: Patch) -> None:
    """What leaves is handed to the lanes at once, and the disk hears of it afterwards."""

    def departed(self: Trader, leaving: Any) -> None:
        self._carrier.carry(self.messenger, leaving)
        self.hand_over(_nothing)

    patch.setattr(Trader, "_departed", departed)


def _nothing(is_durable: bool) -> None:
    """Nobody waits for it."""


def forgets_at_a_start(patch: Patch) -> None:
    """An intent without an answer counts as never sent once the process has ended."""
    on_started = resolving.on_started

    def forgetful(core: Core, event: Started) -> None:
        on_started(core, event)
        for tracked in list(core.state.orders.by_id.values()):
            if tracked.state is OrderState.UNKNOWN:
                move(core, tracked.order.client_order_id, OrderState.CANCELED)

    patch.setattr("smart_leverage.engine.engine.on_started", forgetful)


def counts_a_silence_as_a_no(patch: Patch) -> None:
    """No answer means that the venue said no."""
    answered = Messenger._answered

    def sure(self: Messenger, order: Any, send: Any, *, is_increase: bool) -> Any:
        def loud() -> Any:
            try:
                return send()
            except OutcomeUnknown as error:
                raise Refused(0, str(error)) from error

        return answered(self, order, loud, is_increase=is_increase)

    patch.setattr(Messenger, "_answered", sure)


def is_absent_before_the_horizon(patch: Patch) -> None:
    """Three look-ups without a find prove that a request never arrives."""
    looked_up = resolving.on_looked_up

    def hasty(core: Core, event: Any) -> Any:
        core.config = core.config._replace(absent_after_s=0.0)
        return looked_up(core, event)

    patch.setattr("smart_leverage.engine.engine.on_looked_up", hasty)


def counts_the_horizon_from_the_intent(patch: Patch) -> None:
    """A request that waited for its turn is absent as soon as it has left."""
    answered = answering.on_answer

    def early(core: Core, event: Any) -> Any:
        tracked = core.state.orders.by_id.get(event.client_order_id)
        sent_ns = 0 if tracked is None else tracked.sent_ns
        key = answered(core, event)
        if tracked is not None:
            tracked.sent_ns = sent_ns
        return key

    patch.setattr("smart_leverage.engine.engine.on_answer", early)


def sends_again_to_a_venue_that_takes_both(patch: Patch) -> None:
    """What nobody answered is sent once more, whatever the venue does with a repeated id."""
    again = resolving.send_again

    def eager(core: Core, key: Any = None) -> None:
        core.config = core.config._replace(may_resend=True)
        again(core, key)

    patch.setattr("smart_leverage.engine.engine.send_again", eager)


def ignores_the_halt_file(patch: Patch) -> None:
    """Nobody looks at the file before the first byte."""
    patch.setattr("tests.model.world.Latch.held_back", held_back)


def held_back(self: Any) -> str:
    """Stand in for the latch, under its own name, so that copies find it."""
    return ""


def reserves_nothing_for_an_intent(patch: Patch) -> None:
    """Only what the venue has named counts against a cap."""
    patch.setattr("smart_leverage.engine.exposure._buys_by_key", lambda state, without: {})


def books_a_fill_as_often_as_it_is_told(patch: Patch) -> None:
    """An execution counts once more when it is heard once more."""
    patch.setattr("smart_leverage.engine.answering.is_news", lambda core, fill: True)
    apply_fill = Book.apply_fill

    def twice(self: Book, fill: Any, order: Any) -> Any:
        self._counted.pop(fill.execution_id, None)
        return apply_fill(self, fill, order)

    patch.setattr(Book, "apply_fill", twice)


def takes_a_request_twice(patch: Patch) -> None:
    """A request that was granted is forgotten, so the same one makes another order."""
    patch.setattr("smart_leverage.engine.deciding.is_answered", lambda core, ask: False)


_ONE = Scenario("one purchase", (ANN,), faults=1, crashes=1, waits=0)
_LATE = Scenario(
    "one purchase, late", (ANN,), faults=1, crashes=0, waits=1, rejects_repeated_ids=False
)
_TWO = Scenario("two purchases", (ANN, BEN), faults=0, crashes=0, waits=0)
_HALT = Scenario("a halt", (ANN,), faults=0, crashes=0, waits=0, halts=1)
_SMALL = Want("ann", Side.BUY, "0.02")
_AGAIN = Scenario("a request again", (_SMALL,), again=1, faults=0, crashes=0, waits=0)
_BOTH = Scenario("both taken", (ANN,), faults=1, crashes=0, waits=0, rejects_repeated_ids=False)

MISTAKES = (
    Mistake("sends before the sync", sends_before_the_sync, _ONE, "INV-02"),
    Mistake("forgets at a start", forgets_at_a_start, _ONE, "INV-09"),
    Mistake("counts a silence as a no", counts_a_silence_as_a_no, _ONE, "INV-09"),
    Mistake("is absent before the horizon", is_absent_before_the_horizon, _ONE, "INV-09"),
    Mistake(
        "counts the horizon from the intent", counts_the_horizon_from_the_intent, _LATE, "INV-09"
    ),
    Mistake("sends again", sends_again_to_a_venue_that_takes_both, _BOTH, "INV-01"),
    Mistake("ignores the halt file", ignores_the_halt_file, _HALT, "INV-07"),
    Mistake("reserves nothing", reserves_nothing_for_an_intent, _TWO, "INV-03"),
    Mistake("books what is told again", books_a_fill_as_often_as_it_is_told, _ONE, "INV-11"),
    Mistake("takes a request twice", takes_a_request_twice, _AGAIN, "INV-01"),
)
