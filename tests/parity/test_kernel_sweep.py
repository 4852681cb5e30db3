"""A sweep gives every policy what a run of its own would, to the last bit, however it is cut."""

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from tests.parity.kernel_worlds import Scripted, looking_world, policy_of, steady_world, world

from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.research.kernel import (
    Columns,
    Ends,
    Metrics,
    Run,
    Setup,
    Signals,
    columns_of,
    run,
    running,
    signals_of,
    sweep,
    sweep_ends,
)
from smart_leverage.research.kernel.loop import policy_at
from smart_leverage.research.kernel.market import CLOSELY, Dated, Market, market_of
from smart_leverage.research.kernel.setup import NAMES, leaves, row_of
from smart_leverage.research.sweep.figures import Goal, months_of, months_of_ends, periods_of

NOW_NS = 2**62
SEEDS = (5, 37, 52, 62)
LOOKED_THROUGH = (5, 16, 39, 62, 100, 136)
LOOKED_AT = (3, 9, 13, 17, 24, 34, 38, 50, 60, 62, 65, 210, 727, 794, 806, 857, 862)


def market(seed: int) -> tuple[Columns, Signals, Setup]:
    one = world(seed)
    bars = columns_of(one.series, now_ns=NOW_NS)
    return bars, signals_of([Scripted(one.opportunities)], one.series, bars), one.setup


def policies(count: int) -> list[Policy]:
    return [policy_of(random.Random(number)) for number in range(count)]


def bits(metrics: Metrics, place: int) -> dict[str, bytes]:
    return {name: column[place].tobytes() for name, column in metrics._asdict().items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_set_of_a_sweep_is_as_if_it_ran_alone(seed: int) -> None:
    bars, signals, setup = market(seed)
    sets = policies(19)
    together = sweep(bars, signals, sets, setup, lanes=8, threads=2)
    for place, policy in enumerate(sets):
        alone = run(bars, signals, policy, setup, record=False).metrics
        assert bits(together, place) == bits(alone, 0), place


@pytest.mark.parametrize(("lanes", "threads"), [(1, 1), (3, 2), (64, 1)])
def test_lanes_and_threads_change_nothing(lanes: int, threads: int) -> None:
    bars, signals, setup = market(52)
    sets = policies(10)
    one = sweep(bars, signals, sets, setup, lanes=5, threads=1)
    other = sweep(bars, signals, sets, setup, lanes=lanes, threads=threads)
    assert [bits(one, place) for place in range(10)] == [bits(other, place) for place in range(10)]


@pytest.mark.parametrize("seed", SEEDS)
def test_recording_changes_nothing(seed: int) -> None:
    bars, signals, setup = market(seed)
    kept = run(bars, signals, CLASSIC, setup)
    assert bits(kept.metrics, 0) == bits(run(bars, signals, setup=setup, record=False).metrics, 0)
    assert kept.curve["equity"][-1] == kept.metrics.equity[0]
    assert len(kept.trades) == kept.metrics.trades[0]
    assert not len(run(bars, signals, setup=setup, record=False).curve)


@pytest.mark.parametrize("seed", SEEDS)
def test_months_side_by_side_are_those_of_every_curve(seed: int) -> None:
    bars, signals, setup = market(seed)
    periods, goal, sets = periods_of(bars), Goal(0.001, 0.05), policies(7)

    def sum_up(ends: Ends) -> npt.NDArray[np.float64]:
        return np.array(months_of_ends(ends, periods, setup.cash, goal), dtype=np.float64)

    _, together = sweep_ends(bars, signals, sets, setup, sum_up, lanes=3, threads=2)
    assert set(together[:, 0]) == {1.0}  # a whole month, so there is something to compare
    for place, policy in enumerate(sets):
        alone = months_of(run(bars, signals, policy, setup), periods, setup.cash, goal)
        assert together[place].tobytes() == np.array(alone, dtype=np.float64).tobytes()


def test_a_second_run_is_the_first_one_again() -> None:
    bars, signals, setup = market(5)
    one, other = run(bars, signals, setup=setup), run(bars, signals, setup=setup)
    assert one.curve.tobytes() == other.curve.tobytes()
    assert one.decisions.tobytes() == other.decisions.tobytes()


def test_progress_is_told_to_the_last_set() -> None:
    bars, signals, setup = market(62)
    told: list[tuple[int, int]] = []
    sweep(bars, signals, policies(5), setup, lanes=2, progress=lambda *pair: told.append(pair))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_the_numbers_of_a_policy_find_their_places() -> None:
    """A number that stood in another's place would be another policy."""
    for policy in (CLASSIC, *policies(5)):
        assert policy_at(row_of(policy)) == policy
    assert len(NAMES) == len(set(NAMES)) == len(list(leaves(CLASSIC)))


def test_a_policy_out_of_range_is_named_with_its_key() -> None:
    bars, signals, setup = market(62)
    wrong = CLASSIC._replace(sizing=CLASSIC.sizing._replace(base_share=0.2, top_up_min=np.nan))
    with pytest.raises(ConfigError, match=r"sizing.top_up_min = nan; from above 0 to 1"):
        sweep(bars, signals, [CLASSIC, wrong], setup)
    with pytest.raises(ConfigError, match=r"sizing.base_share = 0.2 is above sizing.share_max"):
        run(bars, signals, wrong, setup)


def test_signals_of_other_bars_are_refused() -> None:
    bars, _, setup = market(62)
    _, signals, _ = market(5)
    with pytest.raises(BadData, match="make the signals from these columns"):
        run(bars, signals, CLASSIC, setup)


def test_no_sets_give_no_metrics() -> None:
    bars, signals, setup = market(62)
    assert len(sweep(bars, signals, [], setup).equity) == 0


def test_what_is_passed_over_would_have_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every instant gone through step by step, curve and decisions are the same bits."""
    ways, told = (market_of, every_step), list[list[bytes]]()
    for way in ways:
        monkeypatch.setattr(running, "market_of", way)
        told.append([])
        for seed in LOOKED_AT:
            bars, signals, setup = market(seed)
            for policy in (world(seed).policy, steady_world(seed).policy):
                told[-1].append(whole(run(bars, signals, policy, setup)))
        for seed in LOOKED_THROUGH:
            looking = looking_world(seed)
            bars = columns_of(looking.series, now_ns=NOW_NS)
            signals = signals_of([Scripted(looking.opportunities)], looking.series, bars)
            told[-1].append(whole(run(bars, signals, looking.policy, looking.setup)))
    assert told[0] == told[1]


def whole(one: Run) -> bytes:
    return b"".join(part.tobytes() for part in one[1:])


def every_step(bars: Columns, signals: Signals, evidence: Sequence[Dated] = ()) -> Market:
    """Return a market of which no instant is passed over."""
    made = market_of(bars, signals, evidence)
    return made._replace(busy=np.full_like(made.busy, CLOSELY))
