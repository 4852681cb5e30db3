"""How a peer is measured: a first run that is not counted, then CPU time of those that are."""

import gc
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import process_time

from case import Case, load

WARM_UP = 400
"""Bars of the run that is not counted: imports, caches and compilers are busy in it."""

RUNS_MAX, ENOUGH_S = 5, 2.0

Ready = Callable[[Case], Callable[[], float]]
"""Brings a case into the peer's own form, which is not counted; what it returns takes an account
through it and returns the final equity, which is."""


def measured(ready: Ready, case: Case) -> tuple[float, float]:
    """Return CPU seconds of a run, all threads counted, and the final equity.

    What is over soon is run again, for its first full run may still find something to set up.
    """
    ready(case.first_bars(WARM_UP))()
    spent: list[float] = []
    equity = 0.0
    while len(spent) < RUNS_MAX and sum(spent) < ENOUGH_S:
        run = ready(case)
        gc.collect()
        begin = process_time()
        equity = run()
        spent.append(process_time() - begin)
    return median(spent), equity


def tell(
    peer: str,
    package: str,
    ready: Ready,
    expresses: Sequence[str],
    cannot: Sequence[str],
    accounts: int = 1,
) -> None:
    """Measure a peer on the case in the folder of the command line; print a line of JSON."""
    case = load(Path(sys.argv[1]))
    cpu_s, equity = measured(ready, case)
    told = {
        "peer": peer,
        "version": version(package),
        "asset_bars": case.asset_bars * accounts,
        "accounts": accounts,
        "cpu_s": round(cpu_s, 6),
        "expresses": list(expresses),
        "cannot": list(cannot),
        "final_equity": round(equity, 6),
    }
    print(json.dumps(told))
