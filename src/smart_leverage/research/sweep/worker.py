"""A process that takes accounts through bars, for a sweep on the cores of one machine.

It is started by its own command line and not forked, so neither threads nor an unguarded script
of the caller come along. It speaks over one inherited socket and ends when that is closed.
"""

import os
import sys
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from smart_leverage.research.sweep.evaluating import Evaluator
from smart_leverage.research.sweep.spool import fetch


def serve(line: Connection) -> None:
    """Answer until the line is closed.

    The first message says where the inputs are; "ready" is the answer. Every other one is a number,
    points and a share of the bars; the answer is the number, figures and faults, or the trace of
    an error of ours.
    """
    folder, job = line.recv()
    evaluator = Evaluator(fetch(Path(folder), job))
    evaluator.warm_up()
    line.send("ready")
    while True:
        number, points, share = line.recv()
        try:
            answer = (number, *evaluator.measure(points, share))
        except Exception:  # noqa: BLE001 - told to the parent, which raises it
            line.send((number, None, traceback.format_exc()))
        else:
            line.send(answer)


def main() -> None:
    """Serve the socket whose descriptor is the one argument."""
    line: Connection = Connection(int(sys.argv[1]))
    try:
        serve(line)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(0)  # the sweep is over; nothing here is worth tidying up


if __name__ == "__main__":
    main()
