"""Measures the kernel: CPU per asset-bar alone and in a sweep, and how it grows; last line is JSON.

    python benchmarks/kernel.py [SETS]

Fourteen coins of hourly bars, 350,000 in all, made from one seed; momentum proposes once a day.
Times are CPU of this process, summed over its threads, the best of several repetitions, since
others share the machine. Compiling is done, and told, before anything is measured. The plain C loop
does less than the kernel; it stands for what the machine can do with such bars at all.
"""

import ctypes
import json
import shutil
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.sleeve import SleeveEvidence
from smart_leverage.research.kernel import (
    Columns,
    Setup,
    Signals,
    columns_of,
    run,
    signals_of,
    sweep,
)
from smart_leverage.research.kernel.market import Dated
from smart_leverage.settings import load
from smart_leverage.strategies.momentum import Momentum
from smart_leverage.wiring.policy import policy_of

START_NS = 1_483_228_800_000_000_000
"""2017-01-01T00:00:00Z."""

ASSETS, HOURS = 14, 25_000
RUNS = 7
SETUP = Setup(resumes_monthly=True)


def coins(count: int) -> list[Instrument]:
    """Return the first coins of the packaged registry."""
    listed = Registry.builtin().values()
    return [each for each in listed if each.asset_class is AssetClass.CRYPTO][:count]


def walk(instrument: Instrument, hours: int, seed: int) -> BarSeries:
    """Return hourly bars of a coin that wanders with 0.7 % an hour."""
    chance = np.random.default_rng(seed)
    steps = chance.standard_normal((hours, 4)) * 0.0035 + 0.00001
    path = float(instrument.reference_price) * np.exp(np.cumsum(steps.ravel())).reshape(hours, 4)
    places = -instrument.tick.adjusted()
    path = np.maximum(np.round(path, places), 10.0**-places)
    starts = START_NS + np.arange(hours) * HOUR_NS
    columns = (path[:, 0], path.max(axis=1), path.min(axis=1), path[:, 3])
    opens, highs, lows, closes = (array("d", column.tolist()) for column in columns)
    return BarSeries(
        key=instrument.key,
        step_ns=HOUR_NS,
        starts=array("q", starts.tolist()),
        ends=array("q", (starts + HOUR_NS).tolist()),
        opens=opens,
        highs=highs,
        lows=lows,
        closes=closes,
        volumes=array("d", [1.0] * hours),
        source=Source("benchmark", ""),
    )


def market(assets: int, hours: int) -> tuple[Columns, Signals]:
    """Return the bars of so many coins and what momentum proposes."""
    series = [walk(each, hours, number) for number, each in enumerate(coins(assets))]
    bars = columns_of(series)
    return bars, signals_of([Momentum()], series, bars)


def policies(count: int) -> list[Policy]:
    """Return policies that differ in size, stop and loss limit."""
    made = []
    for number in range(count):
        share = 0.02 + 0.08 * (number % 25) / 25
        sizing = CLASSIC.sizing._replace(base_share=share, share_max=max(share, 0.1))
        distance = 0.03 + 0.10 * (number % 7) / 7
        stops = CLASSIC.stops._replace(distance_min=distance)
        limits = CLASSIC.limits._replace(loss_limit_daily=0.02 + 0.02 * (number % 3))
        made.append(CLASSIC._replace(sizing=sizing, stops=stops, limits=limits))
    return made


def best_s(act: Callable[[], object], runs: int = RUNS) -> float:
    """Return the CPU seconds of the cheapest of several runs."""
    spent = []
    for _ in range(runs):
        began = time.process_time()
        act()
        spent.append(time.process_time() - began)
    return min(spent)


def c_ns(bars: Columns) -> float | None:
    """Return ns per asset-bar of a plain C loop; None without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "loop.so"
        source = Path(__file__).with_name("kernel_loop.c")
        flags = ["-O3", "-march=native", "-shared", "-fPIC", "-o", str(library), str(source), "-lm"]
        subprocess.run([compiler, *flags], check=True)
        loop = ctypes.CDLL(str(library)).loop
        loop.restype = ctypes.c_double
        pointer = np.ctypeslib.ndpointer(dtype=np.float64)
        loop.argtypes = [*[ctypes.c_size_t] * 3, ctypes.c_double, *[pointer] * 4, ctypes.c_void_p]
        names = ("mark_open", "low", "close")
        opened, low, close = (np.nan_to_num(bars.cells[name]) for name in names)
        ratio = np.nan_to_num(bars.ratio, nan=1.0)
        fills = ctypes.c_long(0)
        instants, assets = bars.close.shape
        spent = best_s(
            lambda: loop(instants, assets, 24, 1e5, opened, low, close, ratio, ctypes.byref(fills))
        )
    return spent / bars.bars * 1e9


STEADY = policy_of(load(None, {"SMART_LEVERAGE_POLICY__PRESET": "steady"}).settings)


def renewed(bars: Columns) -> list[Dated]:
    """Return evidence that is renewed every thirty days, as a schedule brings it."""
    known = [
        SleeveEvidence(90.0, 0.07 + 0.01 * (number % 3), 0.55, 0.09, 0.2, 0.4)
        for number in range(HOURS // 720 + 1)
    ]
    first, month = int(bars.instants["at"][0]), 720 * HOUR_NS
    return [
        Dated(first + number * month, first + (number + 1) * month, one, one)
        for number, one in enumerate(known)
    ]


def steady_ratios(bars: Columns, signals: Signals, sets: int) -> dict[str, float]:
    """Return what `steady` costs over `classic`, alone and in a sweep: medians of turns taken."""
    made, dated = policies(sets), renewed(bars)
    earned = [STEADY._replace(sizing=one.sizing, stops=one.stops) for one in made]
    turns: dict[str, Callable[[], object]] = {
        "classic": lambda: run(bars, signals, CLASSIC, SETUP, record=False),
        "steady": lambda: run(bars, signals, STEADY, SETUP, record=False, evidence=dated),
        "classic_sweep": lambda: sweep(bars, signals, made, SETUP, threads=1),
        "steady_sweep": lambda: sweep(bars, signals, earned, SETUP, threads=1, evidence=dated),
    }
    spent = [{name: best_s(act, runs=1) for name, act in turns.items()} for _ in range(RUNS)]
    return {
        "steady_single_ratio": median(one["steady"] / one["classic"] for one in spent),
        "steady_sweep_ratio": median(one["steady_sweep"] / one["classic_sweep"] for one in spent),
    }


def growth(sets: int) -> dict[str, float]:
    """Return what twice the bars, twice the assets and twice the sets cost, as ratios."""

    def cost(assets: int, hours: int, count: int) -> float:
        bars, signals = market(assets, hours)
        made = policies(count)
        return best_s(lambda: sweep(bars, signals, made, SETUP, threads=1), runs=5)

    base = cost(7, HOURS // 4, sets)
    return {
        "twice_bars": cost(7, HOURS // 2, sets) / base,
        "twice_assets": cost(14, HOURS // 4, sets) / base,
        "twice_sets": cost(7, HOURS // 4, 2 * sets) / base,
    }


def main(sets: int) -> None:
    began = time.process_time()
    bars, signals = market(ASSETS, HOURS)
    run(bars, signals, CLASSIC, SETUP, record=False)
    print(f"ready after {time.process_time() - began:.1f} s CPU: {bars.bars:,} asset-bars")
    made = policies(sets)
    per_bar = 1e9 / bars.bars
    single = best_s(lambda: run(bars, signals, CLASSIC, SETUP, record=False)) * per_bar
    kept = best_s(lambda: run(bars, signals, CLASSIC, SETUP)) * per_bar
    alone = best_s(lambda: sweep(bars, signals, made, SETUP, threads=1), runs=3)
    wall = time.perf_counter()
    both = best_s(lambda: sweep(bars, signals, made, SETUP, threads=2), runs=1)
    wall = time.perf_counter() - wall
    figures = {
        "single_ns": single,
        "single_recorded_ns": kept,
        "sweep_ns": alone * per_bar / sets,
        "sweep_two_threads_ns": both * per_bar / sets,
        "sweep_two_threads_wall_s": wall,
        "sets": sets,
        "asset_bars": bars.bars,
        "c_ns": c_ns(bars),
        "vectorbt_ns": None,
        **steady_ratios(bars, signals, min(sets, 32)),
        **growth(min(sets, 64)),
    }
    for name, value in figures.items():
        print(f"{name:26} {'not measured' if value is None else f'{value:,.2f}':>14}")
    print(json.dumps({k: None if v is None else round(v, 3) for k, v in figures.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
