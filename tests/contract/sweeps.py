"""A small market for sweeps: real bars, the real kernel, done in moments."""

from datetime import date
from functools import cache
from typing import Any

from smart_leverage.market.recipe import ASSETS, SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.research.kernel import Setup, columns_of, signals_of
from smart_leverage.research.sweep.figures import Inputs
from smart_leverage.research.sweep.plan import Plan, plan_of
from smart_leverage.strategies.momentum import Momentum

COINS = tuple(asset for asset in ASSETS if asset.key in ("crypto:BTC/USD", "crypto:DOGE/USD"))
MARKET = SyntheticMarket(seed=11, first_day=date(2024, 1, 1), days=95, step_s=3600, assets=COINS)
SPACE = {
    "sizing.confidence_scale": {"from": 1.5, "to": 24.0, "log": True},
    "limits.symbol_cap": {"from": 0.05, "to": 0.3},
    "deleveraging.slices": {"from": 1, "to": 8},
}


@cache
def market() -> Inputs:
    """Return bars and signals, for plans with the usual goal."""
    series = generate(MARKET)
    bars = columns_of(series)
    plan = plan_of({"space": SPACE})
    return Inputs(bars, signals_of([Momentum()], series, bars), Setup(), plan.goal)


def made(**tree: Any) -> tuple[Plan, Inputs]:
    """Return a plan over the usual space and its inputs."""
    plan = plan_of({"space": SPACE, **tree})
    return plan, market()._replace(has_months=plan.has_months)
