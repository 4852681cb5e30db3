"""The oracle finds mistakes that are put in on purpose, each by the rule that forbids it."""

from pathlib import Path

import pytest
from tests.simulation.faults import Faults
from tests.simulation.faulty_world import play
from tests.simulation.mistakes import MISTAKES, Mistake, find


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.plant.__name__)
def test_a_planted_mistake_is_found(mistake: Mistake, tmp_path: Path) -> None:
    found = find(mistake, tmp_path)
    assert found.rule, f"nothing of {mistake.rules} in {found.worlds} worlds, only {found.others}"
    for seed in range(found.worlds):
        sound = play(seed, tmp_path, Faults(mistake.faults))
        assert not sound.violations, "without the mistake"
