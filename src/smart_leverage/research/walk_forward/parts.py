"""A piece of columns and signals: prices and volatilities come warm, from the days before it."""

from typing import NamedTuple

import numpy as np

from smart_leverage.domain.errors import BadData
from smart_leverage.research.kernel.columns import Columns
from smart_leverage.research.kernel.signals import Signals
from smart_leverage.research.walk_forward.regimes import day_ends
from smart_leverage.research.walk_forward.splits import Span


class Part(NamedTuple):
    """Bars and signals of a span of days; its days count from `first_day` of the whole."""

    bars: Columns
    signals: Signals
    first_day: int


def part_of(bars: Columns, signals: Signals, span: Span) -> Part:
    """Return the piece of a span of risk days; its arrays share the memory of the whole.

    What was learned of prices before stands in the cells of the piece, so nothing of its own has to
    warm up. The piece begins with an instant at which no day is new: the account opens with it.

    Raises:
        BadData: No bar ends in the span.
    """
    ends = np.concatenate([[0], day_ends(bars)])
    first, last = int(ends[span.first]), int(ends[span.end])
    instants = bars.instants[first:last].copy()
    if not instants["closes"].any():
        raise BadData(
            f"no bar ends from day {span.first + 1} to day {span.end} of the bars",
            fix="leave the hole out with --since or --until",
        )
    instants["is_day_new"][0] = 0
    first_day = int(instants["day"][0])
    instants["day"] -= first_day  # an account opens on day 0; else it would begin with a new one
    begin, end = int(signals.first[first]), int(signals.first[last])
    cells = bars.cells[first:last]
    return Part(
        bars._replace(
            instants=instants,
            cells=cells,
            low=bars.low[first:last],
            close=bars.close[first:last],
            ratio=bars.ratio[first:last],
            bars=int(np.count_nonzero(cells["closes"])),
        ),
        Signals(signals.rows[begin:end], signals.first[first : last + 1] - begin),
        first_day,
    )
