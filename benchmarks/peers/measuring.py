"""How a peer is measured: a first run that is not counted, then CPU time of one that is."""

import gc
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from time import process_time

from case import Case, load

WARM_UP = 400
"""Bars of the run that is not counted: imports, caches and compilers are busy in it."""

Runner = Callable[[Case], float]
"""Takes an account through a case, set-up of the peer included; returns its final equity."""


def measured(run: Runner, case: Case) -> tuple[float, float]:
    """Return CPU seconds of a run, all threads counted, and the final equity."""
    run(case.first_bars(WARM_UP))
    gc.collect()
    begin = process_time()
    equity = run(case)
    return process_time() - begin, equity


def tell(
    peer: str,
    package: str,
    run: Runner,
    expresses: Sequence[str],
    cannot: Sequence[str],
    accounts: int = 1,
) -> None:
    """Measure a peer on the case of the command line, `FOLDER [BARS]`; print a line of JSON."""
    folder, *more = sys.argv[1:]
    case = load(Path(folder))
    if more:
        case = case.first_bars(int(more[0]))
    cpu_s, equity = measured(run, case)
    told = {
        "peer": peer,
        "version": version(package),
        "asset_bars": case.asset_bars * accounts,
        "cpu_s": round(cpu_s, 6),
        "expresses": list(expresses),
        "cannot": list(cannot),
        "final_equity": round(equity, 6),
    }
    print(json.dumps(told))
