"""What is known of the returns of one sleeve, the part of an account that one cap is about."""

import math
from typing import NamedTuple


class SleeveEvidence(NamedTuple):
    """Measured on daily returns at exposure 1, ahead of time; NaN where the days are too few."""

    days: float = 0.0
    """Daily returns it was made from."""
    es_per_unit: float = math.nan
    """Expected shortfall of a day at 97.5 %, positive fraction; from 20 days on."""
    volatility: float = math.nan
    """A year; from 20 days on."""
    volatility_target: float = math.nan
    """Volatility a year that the drawdown limit bears; from 20 days on."""
    mean_low: float = math.nan
    """Lower bound of the mean return a year, fraction, above cash; from 60 days on."""
    kelly_best: float = math.nan
    """Share of full Kelly that grows fastest, its estimation error counted; from 60 days on."""


UNKNOWN = SleeveEvidence()
