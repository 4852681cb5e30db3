"""Our kernel and the plain C loop on the same bars, as one of the runs that alternate.

python ours.py HOURS SETS
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).parents[1]))

from kernel import ASSETS, SETUP, c_ns, market, policies

from smart_leverage.policy.params import CLASSIC
from smart_leverage.research.kernel import run, sweep


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Return CPU seconds, all threads counted, and seconds on the wall."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.process_time() - cpu, time.perf_counter() - wall


def usual_s(act: Callable[[], object]) -> float:
    """Return the CPU seconds of a run, the median of five, as for the others."""
    return median(timed(act)[0] for _ in range(5))


def main(hours: int, sets: int) -> None:
    bars, signals = market(ASSETS, hours)
    made = policies(sets)
    sweep(bars, signals, made[:2], SETUP)
    ended = run(bars, signals, CLASSIC, SETUP, record=False)
    single = usual_s(lambda: run(bars, signals, CLASSIC, SETUP, record=False))
    recorded = usual_s(lambda: run(bars, signals, CLASSIC, SETUP))
    alone, alone_wall = timed(lambda: sweep(bars, signals, made, SETUP, threads=1))
    both, both_wall = timed(lambda: sweep(bars, signals, made, SETUP, threads=2))
    each = 1e9 / bars.bars
    told = {
        "single_ns": single * each,
        "single_recorded_ns": recorded * each,
        "sweep_ns": alone * each / sets,
        "sweep_wall_ns": alone_wall * each / sets,
        "sweep_two_ns": both * each / sets,
        "sweep_two_wall_ns": both_wall * each / sets,
        "c_ns": c_ns(bars),
    }
    rounded = {key: value and round(value, 3) for key, value in told.items()}
    print(json.dumps(rounded | {"equity": float(ended.metrics.equity[0]), "bars": bars.bars}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
