"""What the kernel's run says of daily sleeve returns and of signals is what a ledger says."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
from tests.parity.governed import governed
from tests.parity.kernel_worlds import Scripted, World, looking_world, steady_world, world

from smart_leverage.domain.evidence import SLEEVES
from smart_leverage.domain.records import decode
from smart_leverage.ledger.reader import Reader
from smart_leverage.research.compare.outcomes import outcomes_of
from smart_leverage.research.compare.sleeves import sleeve_days
from smart_leverage.research.kernel import columns_of, run, signals_of
from smart_leverage.research.refit.past import KINDS, Past, read_past

NOW_NS = 2**62
ZONE = "America/New_York"
SEEDS = (3, 5, 15, 38, 59, 60, 367)
STEADY_SEEDS = (2, 9, 19)
LOOKING_SEEDS = (5, 62, 100)


def of_ledger(one: World, folder: Path) -> Past:
    governed(folder, one.series, [Scripted(one.opportunities)], one.policy, one.setup)
    with Reader.open(folder / "ledger.sqlite") as reader:
        records = (decode(e.payload) for e in reader.entries() if e.kind in KINDS)
        return read_past(records, is_look_through=one.policy.exposure.is_look_through)


def of_kernel(one: World) -> Past:
    bars = columns_of(one.series, now_ns=NOW_NS)
    signals = signals_of([Scripted(one.opportunities)], one.series, bars)
    done = run(bars, signals, one.policy, one.setup)
    is_look_through = one.policy.exposure.is_look_through
    days = sleeve_days(done, bars, one.setup.cash, ZONE, is_look_through=is_look_through)
    return Past(ZONE, days, outcomes_of(done, bars, signals))


@pytest.mark.parametrize(
    "one",
    [
        *(pytest.param(world(seed), id=f"world-{seed}") for seed in SEEDS),
        *(pytest.param(steady_world(seed), id=f"steady-{seed}") for seed in STEADY_SEEDS),
        *(pytest.param(looking_world(seed), id=f"looking-{seed}") for seed in LOOKING_SEEDS),
    ],
)
def test_days_of_the_kernel_are_those_of_the_ledger(one: World, tmp_path: Path) -> None:
    kernel, ledger = of_kernel(one), of_ledger(one, tmp_path)
    ours, theirs = kernel.days, ledger.days
    assert [day[:3] for day in ours] == [day[:3] for day in theirs]
    for name in SLEEVES:
        for mine, other in zip(ours, theirs, strict=True):
            values = getattr(mine, name), getattr(other, name)
            is_same = math.isclose(*values, rel_tol=1e-6, abs_tol=1e-9)
            assert is_same or all(map(math.isnan, values)), (name, mine, other)
    assert by_time(kernel) == by_time(ledger)


def by_time(past: Past) -> list[tuple[int, float, bool]]:
    """Return outcomes in order of time; at one instant the order of instruments means nothing."""
    return sorted((each.at_ns, round(each.confidence, 9), each.is_won) for each in past.outcomes)


def test_these_worlds_have_days_that_count_and_days_that_do_not() -> None:
    days = [day for seed in SEEDS for day in of_kernel(world(seed)).days]
    for name in SLEEVES:
        known = [math.isfinite(getattr(day, name)) for day in days]
        assert 20 < sum(known) < len(known)
    assert all(a.until_ns == b.from_ns for a, b in pairwise(of_kernel(world(3)).days))
    outcomes = [each for seed in SEEDS for each in of_kernel(world(seed)).outcomes]
    assert 20 < sum(each.is_won for each in outcomes) < len(outcomes) - 20
    assert len({each.confidence for each in outcomes}) > 40
