"""The submit protocol in every interleaving of small worlds, and that the search sees mistakes."""

import pytest
from tests.model.frozen import freeze, thaw
from tests.model.mistakes import MISTAKES, Mistake
from tests.model.scenarios import QUICK
from tests.model.search import Search, stories
from tests.model.world import Scenario, World

STATES_MOST = 450
"""So many worlds of each scenario, those with the shortest stories; `make model` goes on."""


@pytest.mark.parametrize("scenario", QUICK, ids=lambda each: each.name)
def test_nothing_that_may_happen_breaks_the_protocol(scenario: Scenario) -> None:
    found = Search(scenario, calm_every=8).run(STATES_MOST)
    assert not found.wrong, "\n".join(stories(found))
    assert found.states > 300
    assert found.transitions > found.states
    assert found.calm > 30  # so many were brought to rest without a fault


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.name)
def test_a_mistake_in_the_protocol_is_seen_with_its_story(
    mistake: Mistake, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake.plant(monkeypatch)
    found = Search(mistake.scenario, calm_every=1_000_000).run(3_000)
    assert any(line.startswith(mistake.rule) for line in found.wrong), found
    assert 1 < len(found.story) < 12


def test_a_copy_goes_on_as_its_original_and_leaves_it_alone() -> None:
    world = World(QUICK[0])
    for name in ("asks", "sync", "leaves", "arrives", "fills", "hears"):
        step = next(each for each in world.steps() if each.name == name)
        copy = thaw(freeze(world))
        assert copy.key == world.key
        copy.take(step)
        assert copy.key != world.key
        world.take(step)
        assert copy.key == world.key
