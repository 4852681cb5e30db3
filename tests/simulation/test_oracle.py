"""The oracle finds mistakes that are put in on purpose, each by the rule that forbids it."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.conftest import quick_and_long
from tests.simulation.faults import Faults
from tests.simulation.faulty_world import play
from tests.simulation.mistake import Mistake
from tests.simulation.mistakes import MISTAKES, find
from tests.simulation.regime import Regime


@cache
def broken_without(
    seed: int, faults: tuple[tuple[str, float], ...], regime: Regime, steps: int | None
) -> tuple[str, ...]:
    """Return what is broken by the same moment of a world in which nothing was planted."""
    with TemporaryDirectory() as folder:
        return tuple(play(seed, Path(folder), Faults(dict(faults)), regime, steps).violations)


RARE = {
    "counts_only_the_new_order_of_a_change",
    "lets_a_resting_sale_stand_before_the_house",
    "counts_a_fill_twice",
}
"""It takes many worlds until these show."""
QUICK = [each for each in MISTAKES if each.plant.__name__ not in RARE]


@pytest.mark.parametrize(
    "mistake", quick_and_long(MISTAKES, QUICK), ids=lambda each: each.plant.__name__
)
def test_a_planted_mistake_is_found(mistake: Mistake, tmp_path: Path) -> None:
    found, faults = find(mistake, tmp_path), tuple(mistake.faults.items())
    assert found.rule, f"nothing of {mistake.rules} in {len(found.worlds)} worlds: {found.others}"
    for seed, steps in found.worlds.items():
        assert not broken_without(seed, faults, mistake.regime, steps), "without the mistake"
