"""The oracle finds mistakes that are put in on purpose, each by the rule that forbids it."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.simulation.faults import Faults
from tests.simulation.faulty_world import play
from tests.simulation.mistakes import MISTAKES, Mistake, find
from tests.simulation.regime import Regime


@cache
def broken_without(
    seed: int, faults: tuple[tuple[str, float], ...], regime: Regime
) -> tuple[str, ...]:
    """Return what is broken in a world in which nothing was planted; played once for each."""
    with TemporaryDirectory() as folder:
        return tuple(play(seed, Path(folder), Faults(dict(faults)), regime).violations)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.plant.__name__)
def test_a_planted_mistake_is_found(mistake: Mistake, tmp_path: Path) -> None:
    found = find(mistake, tmp_path)
    assert found.rule, f"nothing of {mistake.rules} in {found.worlds} worlds, only {found.others}"
    for seed in range(found.worlds):
        without = broken_without(seed, (*mistake.faults.items(),), mistake.regime)
        assert not without, "without the mistake"
