"""The oracle finds mistakes that are put in on purpose, each by the rule that forbids it."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.simulation.faults import Faults
from tests.simulation.faulty_world import play
from tests.simulation.mistakes import MISTAKES, Mistake, find


@cache
def broken_without(seed: int, faults: tuple[tuple[str, float], ...]) -> tuple[str, ...]:
    """Return what is broken in a world in which nothing was planted; played once for each."""
    with TemporaryDirectory() as folder:
        return tuple(play(seed, Path(folder), Faults(dict(faults))).violations)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.plant.__name__)
def test_a_planted_mistake_is_found(mistake: Mistake, tmp_path: Path) -> None:
    found = find(mistake, tmp_path)
    assert found.rule, f"nothing of {mistake.rules} in {found.worlds} worlds, only {found.others}"
    for seed in range(found.worlds):
        assert not broken_without(seed, (*mistake.faults.items(),)), "without the mistake"
