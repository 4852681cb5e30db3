"""The auditor sees every mistake that is planted, and sees nothing where there is none."""

from collections.abc import Iterator
from functools import cache

import pytest
from tests.simulation import mistakes, mistakes_table
from tests.simulation.audit_report import Report
from tests.simulation.planted import MISTAKES, Mistake, first_of, seen
from tests.simulation.worlds import WORLDS, World

WHERE = {
    "cap crypto": ("crowded", 1, 1),
    "cap leveraged": ("crowded", 1, 2),
    "cap gross": ("shares", 1, 1),
    "cap symbol": ("crowded", 1, 1),
    "breaker day": ("sinking", 2, 3),
    "breaker month": ("sinking", 1, 3),
    "asset lock": ("jumping", 3, 5),
    "reservation of open orders": ("crowded", 1, 1),
    "proof again at the open": ("jumping", 4, 5),
    "emergency tier": ("sinking", 1, 2),
    "day trip until midnight": ("jumping", 2, 7),
    "deleveraging band": ("heavy", 1, 1),
    "stop on every position": ("calm", 1, 1),
    "sells count what is being sold": ("crowded", 1, 1),
    "one step of tier a day": ("earning", 1, 2),
    "a deposit is no gain": ("paid-in", 1, 7),
    "open orders are looked through": ("looked-through", 2, 1),
    "windows are judged": ("windowed", 1, 1),
    "all coins together lock": ("windowed", 1, 7),
    "trims are looked through": ("heavy-funds", 1, 1),
}
"""Kind, seed and days of the first world in which each mistake shows, as `planted` finds it."""


@cache
def without(world: World) -> Report:
    return seen(world)


def worlds(mistake: Mistake) -> Iterator[World]:
    """Yield the world in which it showed last time, and others in case the account moved on."""
    kind, seed, days = WHERE[mistake.name]
    yield WORLDS[kind]._replace(seed=seed, days=days)
    for other in range(1, 6):
        yield from (WORLDS[each]._replace(seed=other) for each in mistake.kinds)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_planted_mistake_is_seen(mistake: Mistake) -> None:
    violation = ""
    for number, world in enumerate(worlds(mistake), start=1):
        violation = first_of(seen(world, mistake), mistake.rule)
        if violation:
            print(f"{mistake.name}: world {number}: {violation}")
            assert not without(world).violations, "without the mistake"
            break
    assert violation, f"{mistake.name}: {mistake.rule} was not broken"


def test_every_mistake_has_its_world() -> None:
    assert set(WHERE) == {mistake.name for mistake in MISTAKES}


def test_the_page_tells_of_every_mistake_and_of_no_other() -> None:
    page = mistakes_table.PAGE.read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    told = {row[0].removeprefix("| "): row[1] for row in rows if row[0] != "| mistake"}
    oracle = {each.name: each.harm for each in mistakes.MISTAKES}
    assert len(oracle) == len(mistakes.MISTAKES)
    assert all(oracle.values())
    assert {told.pop(name) for name in oracle} == set(oracle.values())
    assert sorted(told.values()) == sorted(each.harm for each in MISTAKES)
    assert "**not seen**" not in page
