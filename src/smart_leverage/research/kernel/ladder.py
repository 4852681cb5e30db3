"""Which prices are believed and what they teach of volatility, for every instrument ahead of time.

No account changes what is believed of a price, so this is done once per set of bars. It is the
engine's ladder of prices over columns; the parity tests compare the two bit for bit.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.research.kernel.building import compiled

_PHASES = ("close", "open")

CELL = np.dtype(
    [("start", "i8")]
    + [(name, "f8") for name in ("first", "high", "low", "close", "print")]
    + [(f"{name}_{phase}", "f8") for name in ("mark", "vol", "doubt") for phase in _PHASES]
    + [(name, "u1") for name in ("closes", "opens", "fresh_close", "fresh_open")]
)
"""An instrument at an instant. The bar that ends then: `start`, `first` (its open), `high`, `low`,
`close`; the open of the bar that begins then: `print`; NaN where there is none. Once the closes,
and once the opens are known: the last good price, the standard deviation of daily returns, a lone
jump that waits to be confirmed (0.0 without one), and whether the price may carry an increase."""


class Ladder(NamedTuple):
    """Ages and bounds of prices; the engine's own defaults."""

    age_max_s: float = 60.0
    jump_max: float = 0.35
    volatility_fast_days: float = 3.0
    volatility_slow_days: float = 30.0
    volatility_warm_up_days: float = 10.0


class Seen(NamedTuple):
    """What one instrument printed last: price, time, first time, variances, doubted price."""

    mark: float
    at: int
    since: int
    fast: float
    slow: float
    suspect: float
    suspect_at: int


def confirms(seen: Seen, mark: float, at: int, jump_max: float) -> bool:
    """Tell whether another print agrees with a jump; the same one twice confirms nothing."""
    if not seen.suspect > 0.0 or (mark == seen.suspect and at == seen.suspect_at):
        return False
    is_near = abs(mark / seen.suspect - 1.0) <= jump_max
    return is_near or (mark < seen.mark) == (seen.suspect < seen.mark)


def see(seen: Seen, mark: float, at: int, config: Ladder) -> Seen:
    """Return what is known after a print; a lone jump waits for a second print on its side."""
    if seen.mark != seen.mark:
        return Seen(mark, at, at, math.nan, math.nan, 0.0, 0)
    is_jump = abs(mark / seen.mark - 1.0) > config.jump_max
    if is_jump and not confirms(seen, mark, at, config.jump_max):
        return Seen(seen.mark, seen.at, seen.since, seen.fast, seen.slow, mark, at)
    fast, slow = seen.fast, seen.slow
    days = (at - seen.at) / DAY_NS
    if days > 0.0:
        change = math.log(mark / seen.mark)
        rate = change * change / days
        if fast != fast:  # the first return
            fast = slow = rate
        else:
            keep_fast = math.exp(-days / config.volatility_fast_days)
            keep_slow = math.exp(-days / config.volatility_slow_days)
            fast = keep_fast * fast + (1.0 - keep_fast) * rate
            slow = keep_slow * slow + (1.0 - keep_slow) * rate
    return Seen(mark, at, seen.since, fast, slow, 0.0, seen.suspect_at)


def is_fresh(seen: Seen, now: int, age_max: int) -> bool:
    """Tell whether the last price may carry an increase."""
    return seen.mark == seen.mark and not seen.suspect > 0.0 and now - seen.at <= age_max


def ratio_of(seen: Seen, warm_up: float) -> float:
    """Return recent over usual volatility, NaN until the usual one is known."""
    if not seen.slow > 0.0 or seen.at - seen.since < warm_up:
        return math.nan
    return math.sqrt(seen.fast / seen.slow)


def learn_column(at: Any, cells: Any, ratio: Any, config: Ladder) -> None:
    """Fill in what is believed of every instrument, instant by instant."""
    age_max = int(config.age_max_s * SECOND_NS)
    warm_up = config.volatility_warm_up_days * DAY_NS
    for place in range(cells.shape[1]):
        seen = Seen(math.nan, 0, 0, math.nan, math.nan, 0.0, 0)
        for t in range(len(at)):
            now, cell = at[t], cells[t, place]
            if cell.closes:
                seen = see(seen, cell.close, now, config)
            cell.mark_close, cell.doubt_close = seen.mark, seen.suspect
            cell.vol_close = math.sqrt(seen.slow)
            cell.fresh_close = is_fresh(seen, now, age_max)
            ratio[t, place] = ratio_of(seen, warm_up)
            if cell.opens:
                seen = see(seen, cell.print, now, config)
            cell.mark_open, cell.doubt_open = seen.mark, seen.suspect
            cell.vol_open = math.sqrt(seen.slow)
            cell.fresh_open = is_fresh(seen, now, age_max)


def learn(at: npt.NDArray[np.int64], cells: npt.NDArray[Any], config: Ladder) -> Any:
    """Fill in the prices that are believed; return the ratio of volatilities at the closes.

    Args:
        at: (n_instants,), UTC ns, rising.
        cells: (n_instants, n_assets) of `CELL`; changed in place.
        config: Ages and bounds.

    Returns:
        (n_instants, n_assets); NaN until the usual volatility is known.
    """
    ratio = np.full(cells.shape, np.nan)
    compiled(learn_column)(at, cells, ratio, config)
    return ratio
