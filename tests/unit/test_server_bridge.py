"""What waits for the trading thread is answered in time, also when that thread is slow."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from smart_leverage.domain.records import Decided
from smart_leverage.engine.events import Event
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.office import Office
from smart_leverage.runtime.shelf import Shelf
from smart_leverage.server import bridge as bridges
from smart_leverage.server.bridge import Bridge, Settling
from smart_leverage.wire.errors import WireError

TRADER = cast(Driven, None)


@pytest.fixture(autouse=True)
def short() -> Iterator[None]:
    """Wait a moment where a bot waits five seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridges, "ANSWER_WITHIN_S", 0.15)
        yield


class House:
    """A bridge in the loop that runs, and the trading thread's side of it."""

    def __init__(self) -> None:
        self.office = Office(lambda: None, Shelf())
        self.bridge = Bridge(self.office)
        self.bridge.connect(asyncio.get_running_loop())

    def want(self) -> asyncio.Task[str]:
        return asyncio.ensure_future(
            self.bridge.want(
                lambda at_ns: Event(at_ns=at_ns),
                lambda trader, decided, settling: self.settle(settling, decided),
                lambda trader, shelf: "as it stands",
                is_urgent=False,
            )
        )

    def settle(self, settling: "Settling[str]", decided: list[Decided]) -> None:
        self.settling = settling

    def decide(self) -> Any:
        """Take the oldest wish in; return where its answer goes."""
        wish = self.office._wishes.popleft()
        assert wish.claim()
        wish.settle(TRADER, [])
        return self.settling

    def answer_questions(self) -> None:
        while self.office._questions:
            self.office._questions.popleft()(TRADER)
        self.bridge.tell_early()


async def _answered_in_time() -> list[Any]:
    house = House()
    first, second = house.want(), house.want()
    await asyncio.sleep(0.01)
    house.decide().put("first")
    house.decide().put("second")
    house.bridge.tell_early()
    early = await asyncio.gather(first, second)
    # The timer of those two finds a third one that is not due yet, and comes back for it.
    await asyncio.sleep(0.1)
    third = house.want()
    await asyncio.sleep(0.1)
    house.decide().put("third")
    house.bridge.tell_early()
    return [*early, await third]


def test_each_gets_its_own_answer_however_long_after_the_others() -> None:
    assert asyncio.run(_answered_in_time()) == ["first", "second", "third"]


async def _nobody_decides() -> list[Any]:
    house = House()
    waiting = [house.want() for _ in range(3)]
    answers = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10.0)
    assert all(not wish.claim() for wish in house.office._wishes), "a late wish is decided"
    return answers


def test_what_was_not_decided_in_time_is_withdrawn_and_denied() -> None:
    answers = asyncio.run(_nobody_decides())
    assert [type(each) for each in answers] == [WireError] * 3
    assert {each.status for each in answers} == {403}


async def _decided_and_open() -> tuple[float, str]:
    house = House()
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0.1)
    began_s, late = loop.time(), house.want()
    await asyncio.sleep(0.01)
    house.decide()
    while not house.office._questions:
        await asyncio.sleep(0.005)
    waited_s = loop.time() - began_s
    house.answer_questions()
    return waited_s, await late


def test_what_was_decided_and_is_still_open_is_told_as_it_stands() -> None:
    waited_s, answer = asyncio.run(_decided_and_open())
    assert answer == "as it stands"
    assert waited_s >= 0.15


async def _next_after_quiet() -> float:
    house = House()
    loop = asyncio.get_running_loop()
    early = house.want()
    await asyncio.sleep(0.01)
    house.decide().put("early")
    house.bridge.tell_early()
    await early
    await asyncio.sleep(0.3)  # its timer has found nobody
    began_s = loop.time()
    with pytest.raises(WireError):
        await asyncio.wait_for(house.want(), 10.0)
    return loop.time() - began_s


def test_after_a_quiet_time_the_next_one_is_timed_again() -> None:
    assert 0.15 <= asyncio.run(_next_after_quiet()) < 5.0
