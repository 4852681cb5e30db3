"""Accounts on bad lines: nothing may be broken on the way, and everything agrees in the end."""

from pathlib import Path

import pytest
from tests.conftest import quick_and_long
from tests.simulation.faulty_world import play
from tests.simulation.regime import CLASSIC, Regime
from tests.simulation.simulate import told

FAILED_ONCE = [
    (int(line.split()[0]), line.split()[1])
    for line in Path(__file__).with_name("seeds.txt").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
"""Seeds that found something; they are played first."""

BATCH = 10
QUICK, ALL = 3, 14
"""So many batches fit into the time of a test run; `make test-long` plays all of them, and
`make simulate` as many as it has time for."""


def check(seed: int, folder: Path, regime: Regime | None = None) -> None:
    result = play(seed, folder, regime=regime)
    assert not result.violations, told(result)


@pytest.mark.parametrize(("seed", "regime"), FAILED_ONCE)
def test_what_failed_once_holds(seed: int, regime: str, tmp_path: Path) -> None:
    check(seed, tmp_path, CLASSIC if regime == "classic" else None)


@pytest.mark.parametrize(
    "batch",
    quick_and_long(range(ALL), range(QUICK)),
)
def test_nothing_breaks_on_a_bad_line(batch: int, tmp_path: Path) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        check(seed, tmp_path)


def test_the_same_seed_leaves_the_same_trace(tmp_path: Path) -> None:
    seed = 7
    first, second = play(seed, tmp_path), play(seed, tmp_path)
    assert sum(first.faults.values()) > 0
    assert first.trace == second.trace
    assert play(seed + 1, tmp_path).trace != first.trace
