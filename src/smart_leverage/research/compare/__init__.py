"""Policies side by side on the same days: what each came to, and what can be told apart.

    contest = Contest(bars, signals, [Contender("classic", CLASSIC), Contender("mine", policy)])
    result = compare(contest)     # -> figures, differences to the first one, ranks

Every policy has an account of its own over the same bars, signals, costs and decision times. What
it needs as evidence is made month by month from days that were over by then.
"""

from smart_leverage.research.compare.results import Compared, compare
from smart_leverage.research.compare.running import Contender, Contest

__all__ = ["Compared", "Contender", "Contest", "compare"]
