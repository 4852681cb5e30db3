"""A market that is moved from here, by a thread of its own, and how soon orders meet it."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from typing import Any, cast

import pytest

from smart_leverage.domain.clock import SECOND_NS, ManualClock
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import Event
from smart_leverage.market.quotes import QuotePath
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.runtime.live import LiveDriver, MarketAside, Pace
from smart_leverage.runtime.office import Office, Wish
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.runtime.steady import SteadyClock

BTC = Key("crypto:BTC/USD")
MEET_S = 0.5


class Desk:
    """Counts what it hears."""

    def __init__(self) -> None:
        self.moves = 0
        self.silences: list[BrokerDown] = []

    def answered(self, events: Sequence[Event | None]) -> None:
        self.moves += len(events)

    def brought(self, events: Sequence[Event]) -> None:
        assert not events

    def silent(self, failure: BrokerDown) -> None:
        self.silences.append(failure)


class Market:
    """Notes how it is moved, and holds on when told to."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def on_quotes(self, at_ns: int, quotes: Sequence[tuple[Key, float, float]]) -> None:
        self._note("quotes", at_ns)

    def meet_newcomers(self, at_ns: int) -> None:
        self._note("newcomers", at_ns)

    def advance(self, at_ns: int) -> None:
        self._note("time", at_ns)

    def _note(self, what: str, at_ns: int) -> None:
        self.told.append(f"{what} {at_ns}")
        self.began.set()
        assert self.go_on.wait(30.0)


def waited(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5.0
    while not is_so() and time.monotonic() < until:
        time.sleep(0.001)
    return is_so()


@pytest.fixture
def market() -> Market:
    return Market()


def test_newcomers_never_take_the_place_of_quotes(market: Market) -> None:
    market.go_on.clear()
    desk = Desk()
    with closing(MarketAside(market, desk)) as aside:
        aside.meet_newcomers(1)
        assert market.began.wait(30.0)
        aside.on_quotes(2, [(BTC, 1.0, 1.0)])
        aside.meet_newcomers(3)  # the quotes that wait are met by them as well
        market.go_on.set()
        assert waited(lambda: desk.moves == 2)
        assert waited(lambda: aside._aside.is_idle)
        aside.meet_newcomers(4)
        assert waited(lambda: desk.moves == 3)
    assert market.told == ["newcomers 1", "quotes 2", "newcomers 4"]
    assert not desk.silences


class Idle:
    """An account for whom nothing is ever to be done."""

    def stamped(self, event: Event) -> Event:
        return event

    def settle(self) -> None: ...

    def fetch(self) -> None: ...

    def hand_over(self, then: Callable[[bool], None]) -> None:
        then(True)

    def offer_all(self, events: Sequence[Event]) -> list[list[Any]]:
        return [[] for _ in events]


class Venue:
    """Tells the time it was told last."""

    def account(self) -> Any:
        class Snapshot:
            at_ns = 0

        return Snapshot


@pytest.fixture
def office() -> Office:
    return Office(lambda: None, Shelf())


def driven(market: Market, office: Office) -> LiveDriver:
    recipe = SyntheticMarket(seed=2, first_day=date(2024, 3, 4), days=1, step_s=60)
    return LiveDriver(
        cast(Any, Idle()),
        cast(Any, Venue()),
        SteadyClock(ManualClock(SECOND_NS)),
        QuotePath(generate(recipe)),
        market=market,
        pace=Pace(meet_every_s=MEET_S),
        office=office,
    )


def wish(office: Office) -> None:
    office.want(Wish(lambda at_ns: cast(Any, None), lambda trader, decided: None))


def test_what_somebody_wants_meets_standing_quotes_soon_and_once_more(
    market: Market, office: Office
) -> None:
    driver = driven(market, office)
    assert driver._meeting_in_s is None  # nobody wants anything
    wish(office)
    driver.attend()
    for _ in range(2):  # it may have come to the venue just after the first
        assert waited(lambda: driver._meeting_in_s == 0.0)
        driver._meet()
    assert driver._meeting_in_s is None
    assert market.told == [f"newcomers {SECOND_NS}"] * 2
