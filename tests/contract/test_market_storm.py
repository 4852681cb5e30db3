"""Quotes at far more than the usual rate are folded together, and a halt is in time."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.domain.clock import SystemClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Command, Event, Prices
from smart_leverage.market.latest import LatestQuotes
from smart_leverage.market.quotes import Quote
from smart_leverage.runtime.control import Request, Result, ask
from smart_leverage.settings import Settings
from smart_leverage.wiring import Beginning, Traders, in_real_time, opening
from smart_leverage.wiring.accounts import Running
from smart_leverage.wiring.venues import Venue

KEYS = [*Registry.builtin()]
USUAL_S = 2.0
"""So often quotes are asked for as a rule, one of each instrument."""

TIMES = 100
EVERY_S = USUAL_S / TIMES
EACH = 20
"""And so many of each come with one answer: two thousand times what is usual, all told."""


class Storm:
    """A source that has something new of everything whenever it is asked, and much of it."""

    def __init__(self) -> None:
        self.told = self.asked = 0

    def quotes(self, keys: Sequence[Key]) -> list[Quote]:
        self.asked += 1
        now_ns = time.time_ns()
        found = [
            Quote(key, 100.0 + number * 0.001, 100.01 + number * 0.001, now_ns + number)
            for number in range(EACH)
            for key in KEYS
        ]
        self.told += len(found)
        return found

    def closes(self, keys: Sequence[Key]) -> dict[Key, Decimal]:
        return {}

    def close(self) -> None:
        pass


@contextmanager
def behind(settings: Settings, storm: Storm) -> Iterator[Venue]:
    """Yield a venue of this process whose prices come from the storm."""
    registry, start = Registry.builtin(), Beginning(Decimal(100_000))
    with (
        SimBroker(registry, config=SimConfig(mode=Mode.LIVE, cash=start.cash)) as broker,
        closing(LatestQuotes(storm, lambda: KEYS, every_s=EVERY_S)) as quotes,
    ):
        quotes.begin()
        yield Venue(
            broker=broker,
            quotes=quotes,
            market=broker,
            begin=lambda at_ns: opening(settings, at_ns, start, registry, KEYS),
            last_close=lambda key: None,
        )


class Blown:
    """An account in a storm, which goes round on a thread of its own."""

    def __init__(self, running: Running, storm: Storm, folder: Path) -> None:
        self.driver, self.storm, self.folder = running.driver, storm, folder
        self.prices: list[Prices] = []
        offer = self.driver.trader.offer

        def counted(event: Event) -> Any:
            if isinstance(event, Prices):
                self.prices.append(event)
            return offer(event)

        self.driver.trader.offer = counted  # type: ignore[method-assign]

    @contextmanager
    def going_round(self) -> Iterator[None]:
        over = threading.Event()
        loop = threading.Thread(target=self.driver.run, args=(over.is_set,))
        loop.start()
        try:
            yield
        finally:
            over.set()
            loop.join(30.0)


@pytest.fixture
def blown(tmp_path: Path) -> Iterator[Blown]:
    settings, storm = Settings(), Storm()
    with in_real_time(
        tmp_path, settings, behind(settings, storm), Traders(), clock=SystemClock()
    ) as running:
        yield Blown(running, storm, tmp_path)


def test_what_comes_between_two_looks_is_one_price_of_each_instrument(blown: Blown) -> None:
    with blown.going_round():
        time.sleep(3.5)
    assert 2 <= len(blown.prices) <= 6
    assert blown.storm.asked > 3 * len(blown.prices)
    for event in blown.prices:
        keys = [key for key, _ in event.prints]
        assert len(keys) == len(set(keys)) <= len(KEYS)
    # The newest of each is what counts, and all the others have left nothing behind.
    newest = Decimal(repr(round(100.005 + (EACH - 1) * 0.001, 8)))
    last = next(event for event in reversed(blown.prices) if event.prints)
    assert {price for _, price in last.prints} == {newest}
    assert blown.storm.told > 100 * sum(len(event.prints) for event in blown.prices)


def test_a_halt_in_a_storm_is_in_force_at_once_and_journalled_in_time(blown: Blown) -> None:
    took = []
    with blown.going_round():
        for number in range(5):
            time.sleep(0.3)
            began_s = time.monotonic()
            request = Request(command=Command.HALT, who="ann", reason=f"storm {number}")
            answer = ask(blown.folder, request)
            took.append(time.monotonic() - began_s)
            assert (answer.result, answer.state) == (Result.DONE, "halted")
            assert (blown.folder / "HALT").exists()
    assert sorted(took)[2] < 0.25, took
