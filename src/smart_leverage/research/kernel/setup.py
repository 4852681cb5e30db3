"""What is the same for every policy of a sweep, and which numbers a policy may have."""

import math
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smart_leverage.domain.errors import ConfigError
from smart_leverage.fills.costs import CostModel
from smart_leverage.policy.margin import MarginTerms
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.tier import Tier


class Setup(NamedTuple):
    """The account and its venue; fractions are of a price or of a value, money in account currency.

    The defaults are those of the engine and of the simulated broker.
    """

    cash: float = 100_000.0
    collar: float = 0.005
    """A purchase is sent with a limit this far above the price."""
    cost_rate: float = 0.003
    """Fees a purchase may cost at most, taken off equity in the proof."""
    entry_life_s: float = 300.0
    """A purchase that rests longer than this while its class trades is cancelled."""
    tier_ceiling: Tier = Tier.PROFITABLE
    resumes_monthly: bool = False
    """Play the person who lifts a halt when a new month has begun."""
    coin_order_max: float = 200_000.0
    """The venue refuses larger orders in coins."""
    costs: CostModel = CostModel()
    margin: MarginTerms = MarginTerms()
    """What the broker lends, where the intraday plan borrows at all."""


FRACTIONS = (0.0, 1.0)
_ABOVE = math.nextafter(0.0, 1.0)

_SWITCHES = (
    *("exposure.is_drawdown_capped", "exposure.is_tail_capped", "exposure.is_kelly_capped"),
    *("exposure.is_volatility_capped", "exposure.is_look_through", "record.is_earned"),
    *("rolling.is_rolling", "edge.is_edge_sized", "intraday.is_on"),
)

_RANGES: dict[str, tuple[float, float]] = {
    "thresholds.month_return_emergency": (-1.0, -_ABOVE),
    "thresholds.trades_min": (1, 1_000_000),
    "groups.gross": (_ABOVE, 4.0),
    "sizing.confidence_scale": (_ABOVE, 1e6),
    "sizing.adjustment_min": (_ABOVE, 1e6),
    "sizing.adjustment_max": (_ABOVE, 1e6),
    "sizing.volatility_ratio_min": (_ABOVE, 1e6),
    "sizing.volatility_ratio_max": (_ABOVE, 1e6),
    "deleveraging.first_minutes": (_ABOVE, 1e9),
    "deleveraging.last_minutes": (_ABOVE, 1e9),
    "deleveraging.pace_minutes": (_ABOVE, 1e9),
    "deleveraging.slices": (1, 100),
    "deleveraging.band_over": (1.0, 1.5),
    "deleveraging.step_over": (1.0, 1.02),
    "stops.volatility_multiple": (_ABOVE, 1e6),
    **dict.fromkeys(_SWITCHES, (0.0, 1.0)),
    "exposure.drawdown_multiple": (_ABOVE, 20.0),
    "exposure.drawdown_floor": (_ABOVE, 0.99),
    "exposure.peak_days": (1, 3_650),
    "exposure.steps": (10.0, 10_000.0),
    "record.trades_min_1": (1, 1_000_000),
    "record.trades_min_2": (1, 1_000_000),
    "record.prior_trades": (_ABOVE, 1e6),
    "record.payoff_trades": (_ABOVE, 1e6),
    "edge.factor_max": (_ABOVE, 1e6),
    "intraday.gross_cap": (_ABOVE, 4.0),
    "intraday.entries_until_minutes": (1, 390),
    "intraday.flat_from_minutes": (1, 390),
    "intraday.deadline_minutes": (1, 390),
}
"""Where a number may lie, both ends included; every other one is a fraction above 0."""

_ORDERED = (
    ("sizing.base_share", "sizing.share_max"),
    ("sizing.adjustment_min", "sizing.adjustment_max"),
    ("limits.loss_limit_daily", "limits.loss_limit_monthly"),
    ("groups.symbol", "groups.gross"),
    ("deleveraging.first_minutes", "deleveraging.last_minutes"),
    ("deleveraging.pace_minutes", "deleveraging.last_minutes"),
    ("stops.distance_min", "stops.distance_max"),
    ("thresholds.win_rate_stable", "thresholds.win_rate_profitable"),
    ("intraday.deadline_minutes", "intraday.flat_from_minutes"),
    ("intraday.flat_from_minutes", "intraday.entries_until_minutes"),
    ("record.demote_probability", "record.promote_probability"),
    ("record.trades_min_1", "record.trades_min_2"),
    *(
        (f"tiers.{tier.name.lower()}.crypto", f"tiers.{tier.name.lower()}.leveraged")
        for tier in Tier
    ),
)
"""Pairs of which the first is never above the second."""


def leaves(record: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a policy with its dotted name, in the order of its row."""
    for name, value in zip(record._fields, record, strict=True):
        if isinstance(value, tuple):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


NAMES = tuple(name for name, _ in leaves(CLASSIC))
"""The numbers of a policy, in the order of a row."""

_NUMBERS = attrgetter(*NAMES)
_LOW, _HIGH = np.array([_RANGES.get(name, (_ABOVE, 1.0)) for name in NAMES]).T
_LOWER, _UPPER = np.array([[NAMES.index(name) for name in pair] for pair in _ORDERED]).T


def row_of(policy: Policy) -> npt.NDArray[np.float64]:
    """Return the numbers of a policy in one row, or refuse those that cannot be.

    Raises:
        ConfigError: Every number out of its range, with what would be accepted.
    """
    return rows_of([policy]).ravel()


def rows_of(policies: Sequence[Policy]) -> npt.NDArray[np.float64]:
    """Return (n_policies, n_numbers), a row of each; many at once cost far less than one by one.

    Raises:
        ConfigError: See `row_of`; of the first policy that cannot be.
    """
    rows = np.array([_NUMBERS(policy) for policy in policies], dtype=np.float64)
    rows = rows.reshape(len(policies), len(NAMES))
    is_sound = ((rows >= _LOW) & (rows <= _HIGH)).all(axis=1)  # also refuses NaN
    is_sound &= (rows[:, _LOWER] <= rows[:, _UPPER]).all(axis=1)
    if not is_sound.all():
        raise ConfigError(_faults(policies[int(np.argmin(is_sound))]), "policy")
    return rows


def _faults(policy: Policy) -> list[str]:
    numbers = dict(leaves(policy))
    problems = [told for name, value in numbers.items() if (told := _fault(name, value))]
    return problems + [
        f"{lower} = {numbers[lower]!r} is above {upper} = {numbers[upper]!r}"
        for lower, upper in _ORDERED
        if numbers[lower] > numbers[upper]
    ]


def _fault(name: str, value: float) -> str:
    low, high = _RANGES.get(name, (_ABOVE, 1.0))
    if low <= value <= high:  # also refuses NaN
        return ""
    least = "above 0" if low == _ABOVE else f"{low:g}"
    return f"{name} = {value!r}; from {least} to {high:g}"


def check_setup(setup: Setup) -> None:
    """Refuse a set-up that cannot be.

    Raises:
        ConfigError: Every number out of its range.
    """
    ranges = {
        "cash": (_ABOVE, 1e12),
        "collar": (0.0, 0.5),
        "cost_rate": (0.0, 0.5),
        "entry_life_s": (0.0, 1e9),
        "coin_order_max": (_ABOVE, math.inf),
    }
    problems = [
        f"{name} = {getattr(setup, name)!r}; from {low:g} to {high:g}"
        for name, (low, high) in ranges.items()
        if not low <= getattr(setup, name) <= high
    ]
    if problems:
        raise ConfigError(problems, "set-up of the kernel")
