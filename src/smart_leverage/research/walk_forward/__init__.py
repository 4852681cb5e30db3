"""What a choice of policy was worth on days that had no part in the choice.

    work = Work(bars, signals, candidates, Scheme())
    result = result_of(list(walk(work)), work)   # -> in-sample beside out-of-sample

The line of risk days is cut into windows: a training part, a gap that is purged, a test part. In
each window every candidate goes through the training part; one of them is chosen there, by folds
inside of it; only then does it meet the test part. What is reported as out-of-sample is made of
test parts alone.

A part is a piece of the whole's columns and signals. So prices, volatilities and whatever a
strategy remembers come warm from the days before; the account does not: it begins flat, without a
record, in the lowest tier that trades, and its limits begin anew.
"""

from smart_leverage.research.walk_forward.results import Result, result_of
from smart_leverage.research.walk_forward.running import Candidate, WindowDone, Work, walk
from smart_leverage.research.walk_forward.scoring import SCORES, Score
from smart_leverage.research.walk_forward.splits import Scheme

__all__ = [
    "SCORES",
    "Candidate",
    "Result",
    "Scheme",
    "Score",
    "WindowDone",
    "Work",
    "result_of",
    "walk",
]
