"""Evidence for the live policy, made from the past alone: what needs heavy libraries is done here.

`read_past` takes days and outcomes out of a ledger, `measure` makes one dated record of them, and
`monthly` the records that a schedule would have made. Whoever decides only reads them.
"""

from smart_leverage.research.refit.figures import Returns, sleeve_figures
from smart_leverage.research.refit.measuring import Dated, measure, monthly
from smart_leverage.research.refit.past import Day, Outcome, Past, read_past

__all__ = [
    "Dated",
    "Day",
    "Outcome",
    "Past",
    "Returns",
    "measure",
    "monthly",
    "read_past",
    "sleeve_figures",
]
