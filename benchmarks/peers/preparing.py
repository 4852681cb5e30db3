"""Makes the case: bars and signals of `benchmarks/kernel.py`, for our kernel and as files."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from case import Case, save
from governing import Bars, Terms
from governing import Signals as Listed

from smart_leverage.fills.costs import CostModel, Costs
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.research.kernel import Columns, Setup, Signals

sys.path.append(str(Path(__file__).parents[1]))

from kernel import ASSETS, SETUP, market

FREE = SETUP._replace(costs=CostModel(crypto=Costs(0.0, 0.0, 0.0, 0.0)))
PLAIN = CLASSIC._replace(
    limits=CLASSIC.limits._replace(
        loss_limit_daily_asset=1.0, loss_limit_daily=1.0, loss_limit_monthly=1.0
    ),
    deleveraging=CLASSIC.deleveraging._replace(band_over=1.5),
    stops=CLASSIC.stops._replace(distance_min=1.0, distance_max=1.0),
)
"""Only tiers, sizing, caps and proof: nothing trips, and no stop is ever reached."""


class Prepared(NamedTuple):
    """The same case as our kernel takes it, and as files for everybody else."""

    columns: Columns
    signals: Signals
    policy: Policy
    setup: Setup
    folder: Path


def prepare(folder: Path, hours: int, policy: Policy = CLASSIC, setup: Setup = SETUP) -> Prepared:
    """Make bars and signals, and write them into a folder; fewer hours are the first of more."""
    columns, signals = market(ASSETS, hours)
    save(case_of(columns, signals, policy, setup), folder)
    return Prepared(columns, signals, policy, setup, folder)


def case_of(columns: Columns, signals: Signals, policy: Policy, setup: Setup) -> Case:
    """Return a case for peers: bars that all end together, the instant of the end apart."""
    ends, begins = columns.instants[1:], columns.cells[:-1]
    cells, rows = columns.cells[1:], signals.rows
    assert (cells["closes"] > 0).all(), "a bar is missing"
    days = ends["is_day_new"] > 0
    costs = setup.costs.crypto
    lot, step = columns.facts["lot"], columns.facts["step"]
    return Case(
        at=ends["at"],
        high=cells["high"],
        low=cells["low"],
        bars=Bars(
            opens=begins["print"].copy(),
            closes=cells["close"].copy(),
            volatility=cells["vol_close"].copy(),
            is_day_new=days,
            is_month_new=days & (np.diff(columns.instants["month"]) != 0),
            month=ends["month"],
        ),
        signals=Listed(
            first=signals.first[1:],
            asset=rows["asset"],
            is_buy=rows["is_buy"] > 0,
            confidence=rows["confidence"],
            ratio=rows["ratio"],
        ),
        facts=(columns.facts["lot_size"], step // lot, columns.facts["notional_min"]),
        names=tuple(key.split(":")[1] for key in columns.keys),
        terms=Terms(
            collar=setup.collar,
            cost_rate=setup.cost_rate,
            half_spread=costs.half_spread,
            slippage=costs.slippage,
            fee=costs.fee_taker,
            ceiling=int(setup.tier_ceiling),
            resumes_monthly=setup.resumes_monthly,
        ),
        cash=setup.cash,
        policy=policy,
    )
