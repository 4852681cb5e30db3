"""Every world that a scenario allows, breadth first: the first wrong one has the shortest story."""

import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from tests.model.frozen import freeze, thaw
from tests.model.oracle import at_rest, good_day, wrongs
from tests.model.world import Scenario, Step, World


class Found(NamedTuple):
    """What a search has seen; `wrong` and `story` say how the first wrong world came about."""

    name: str
    states: int
    transitions: int
    depth: int
    calm: int
    seconds: float
    is_whole: bool
    wrong: list[str]
    story: list[str]

    def __str__(self) -> str:
        part = "" if self.is_whole else ", cut off"
        return (
            f"{self.name:32} {self.states:7} states {self.transitions:8} transitions  "
            f"depth {self.depth:2}  {self.calm:6} brought to rest  {self.seconds:6.1f} s{part}"
        )


class Search:
    """One scenario; what was seen is kept by name, what is still to be tried as bytes."""

    def __init__(self, scenario: Scenario, *, calm_every: int = 1) -> None:
        self.scenario = scenario
        self.calm_every = calm_every
        self.before: dict[bytes, tuple[bytes, Step] | None] = {}
        self.rested: set[bytes] = set()
        self.transitions = self.calm = self.depth = 0

    def run(self, states_most: int = 10_000_000) -> Found:
        """Go through all of it, or until something is wrong."""
        began = time.process_time()
        first = World(self.scenario)
        self.before[first.key] = None
        queue = deque([(first.key, freeze(first), 0)])
        wrong, story = self._wrong(first, first.key), list[str]()
        while queue and not wrong and len(self.before) < states_most:
            name, kept, self.depth = queue.popleft()
            here = thaw(kept)
            steps = list(here.steps())
            for number, step in enumerate(steps, 1):
                self.transitions += 1
                world = here if number == len(steps) else thaw(kept)
                wrong = _taken(world, step)
                key = b"" if wrong else world.key
                if not wrong and key in self.before:
                    continue
                self.before[key] = (name, step)
                wrong, more = (wrong, []) if wrong else (self._wrong(world, key), self._more)
                if wrong:
                    story = [*self._story(key), *more]
                    break
                queue.append((key, freeze(world), self.depth + 1))
        seconds = time.process_time() - began
        return Found(
            self.scenario.name, len(self.before), self.transitions, self.depth, self.calm, seconds,
            not queue, wrong, story,
        )  # fmt: skip

    def _wrong(self, world: World, key: bytes) -> list[str]:
        self._more: list[str] = []
        found = wrongs(world)
        if found or int.from_bytes(key[:4], "big") % self.calm_every:
            return found
        return self._unrest(thaw(freeze(world)))

    def _unrest(self, world: World) -> list[str]:
        """Let a good day begin here; what it leads to that is known to come to rest, does."""
        self.calm += 1
        passed, told = [], ["-- from here on no fault --"]
        for step in good_day(world):
            if step.name == "compares":
                key = world.key
                if key in self.rested:
                    break
                passed.append(key)
            told.append(str(step))
        else:
            found = [*wrongs(world), *at_rest(world)]
            if found:
                self._more = told
                return found
        self.rested.update(passed)
        return []

    def _story(self, key: bytes) -> list[str]:
        steps = []
        while (before := self.before[key]) is not None:
            key, step = before
            steps.append(str(step))
        return steps[::-1]


def _taken(world: World, step: Step) -> list[str]:
    """Take a step; what breaks inside is wrong as well."""
    try:
        world.take(step)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return [f"CRASH: {type(error).__name__}: {error}"]
    return []


def stories(found: Found) -> Iterator[str]:
    """Yield the lines that tell how the first wrong world came about."""
    yield from found.wrong
    yield from (f"{number:3} {line}" for number, line in enumerate(found.story, 1))
