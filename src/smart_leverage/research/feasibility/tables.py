"""Whole tables about targets, to be read or to be compared with other methods.

A share of simulated paths has a Monte Carlo error of √(p(1 − p)/paths); the largest of a table is
told with it.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from smart_leverage.research.feasibility.answer import (
    KEPT,
    Budget,
    best_value,
    budget,
    even_by_best,
    even_by_surplus,
    most,
    sharpe_needed,
    surplus,
)
from smart_leverage.research.feasibility.histories import (
    Histories,
    Target,
    judged,
    simple_rules,
)
from smart_leverage.research.feasibility.joint import ConstantJoint, constant_leverage_joint
from smart_leverage.research.feasibility.rules import (
    Rule,
    Steady,
    classic,
    constant,
    days_in_month,
    play,
    shares,
    steady,
)
from smart_leverage.research.feasibility.worlds import World, resampled_returns, world_returns
from smart_leverage.research.numbers import FloatArray

DESIGN = Target()
"""5 % a month inside of 8 %."""
SHARPES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)
FINE = tuple(0.08 + 0.01 * step for step in range(23))
PATHS = 20_000
MONTHLY = (0.01, 0.02, 0.03, 0.05)
DRAWDOWNS = (0.08, 0.15, 0.20, 0.30)
KEPTS = (0.5, 0.8, 0.9, 0.95, 0.99)
YEARS = (1.0, 3.0, 5.0)
TRUE_SHARPES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
TRADING_DAYS = 252
WARM_UP = 120
BLOCK = 21.0
"""Days of a block in tables, so that they compare with others."""
OWN_SHARPES = (0.0, 1.0, 2.0, 3.0)


class JointRow(NamedTuple):
    """One Sharpe ratio: the chances of target and drawdown in a year, by ever better rules.

    Attributes:
        sharpe: A year, known.
        volatility: The best one to hold all the time, a year.
        month: That a month makes the target at it.
        below: That the drawdown stays below at it.
        constant: Both, at it.
        surplus: Both, by the surplus rule.
        best: Both, by the best of all rules.
        bound: Both; no sizing passes it.
        every_month: Every month makes the target, and the drawdown stays below, at the volatility
            that is best for that.
        error: Monte Carlo error of the simulated ones, at most.
    """

    sharpe: float
    volatility: float
    month: float
    below: float
    constant: float
    surplus: float
    best: float
    bound: float
    every_month: float
    error: float


class DrawnRow(NamedTuple):
    """One Sharpe ratio: the same two rules on days that happened, told on half of the histories.

    Attributes:
        sharpe: A year, to which the histories are moved.
        exposure: The best one to hold all the time; 1 is what made the record.
        month: That a month makes the target at it.
        below: That the drawdown stays below at it.
        constant: Both, at it.
        surplus: Both, by the surplus rule.
        error: Monte Carlo error, at most.
    """

    sharpe: float
    exposure: float
    month: float
    below: float
    constant: float
    surplus: float
    error: float


class NeededRow(NamedTuple):
    """One monthly target: the Sharpe ratio needed, by drawdown."""

    monthly: float
    sharpe: tuple[float, ...]


class VerdictRow(NamedTuple):
    """One length of record: how often a verdict is given, by true Sharpe ratio.

    Attributes:
        years: Of record.
        not_attainable: Share of records that are told so.
        attainable: Likewise.
    """

    years: float
    not_attainable: tuple[float, ...]
    attainable: tuple[float, ...]


class Verdicts(NamedTuple):
    """How the verdict behaves; the two Sharpe ratios are those its ends are held against."""

    not_below: float
    attainable_from: float
    rows: tuple[VerdictRow, ...]


class WorldCell(NamedTuple):
    """A rule in a world: drawdown kept, median return of the year, months that make the target."""

    below: float
    median: float
    month: float


class WorldRow(NamedTuple):
    """One world: its name, Sharpe ratio, and what each rule makes, with the error at most."""

    world: str
    sharpe: float
    cells: tuple[WorldCell, ...]
    error: float


def joint_row(sharpe: float, target: Target = DESIGN, paths: int = PATHS) -> JointRow:
    """Return the chances at one Sharpe ratio.

    Args:
        sharpe: A year.
        target: To be made.
        paths: Simulated; a fifth of them for each step of a search.
    """

    def held(vol: float, paths: int, seed: int) -> ConstantJoint:
        return constant_leverage_joint(
            sharpe, vol, monthly=target.monthly, drawdown=target.drawdown, paths=paths, seed=seed
        )

    tried = {vol * target.scale: held(vol * target.scale, max(paths // 5, 1), 1) for vol in FINE}
    vol = max(tried, key=lambda each: tried[each].joint)
    vol_every = max(tried, key=lambda each: tried[each].prob_every_month)
    found, every = held(vol, paths, 2), held(vol_every, paths, 2).prob_every_month
    by_surplus = surplus(sharpe, target, paths)[1]
    simulated = (found.prob_month, found.prob_mdd_below, found.joint, by_surplus, every)
    return JointRow(
        sharpe=sharpe,
        volatility=vol,
        month=found.prob_month,
        below=found.prob_mdd_below,
        constant=found.joint,
        surplus=by_surplus,
        best=best_value(sharpe, target),
        bound=most(sharpe, target),
        every_month=every,
        error=_error(simulated, paths),
    )


def drawn_rows(
    histories: Histories, target: Target = DESIGN, sharpes: Sequence[float] = SHARPES
) -> Iterator[DrawnRow]:
    """Yield the chances on days that happened, by Sharpe ratio.

    Args:
        histories: Drawn from a record.
        target: To be made.
        sharpes: A year.
    """
    rules = simple_rules(target, histories.volatility)
    for sharpe in sharpes:
        by_constant, by_surplus = judged(histories, sharpe, target, rules)
        year = by_constant.horizons[-1]
        found = (year.month, year.below, year.joint, by_surplus.joint)
        yield DrawnRow(sharpe, by_constant.dial, *found, _error(found, year.paths))


def _error(found: Sequence[float], paths: int) -> float:
    return max(math.sqrt(p * (1.0 - p) / paths) for p in found)


def needed(
    monthly: Sequence[float] = MONTHLY, drawdowns: Sequence[float] = DRAWDOWNS, kept: float = KEPT
) -> list[NeededRow]:
    """Return the Sharpe ratios of a median month at the target, the drawdown of a year kept."""
    return [
        NeededRow(goal, tuple(sharpe_needed(Target(goal, depth), kept) for depth in drawdowns))
        for goal in monthly
    ]


def budgets(drawdown: float, kept: Sequence[float] = (0.95, 0.90, 0.50)) -> list[list[Budget]]:
    """Return, by Sharpe ratio, what the drawdown buys, by how often it is kept."""
    return [[budget(sharpe, drawdown, each) for each in kept] for sharpe in (0.0, *SHARPES[:-1])]


def verdicts(target: Target = DESIGN, paths: int = PATHS) -> Verdicts:
    """Return how often a record of normal days gets which verdict.

    The estimated Sharpe ratio is normal around the true one; each end of its interval is held
    against the Sharpe ratio at which a rule makes target and drawdown every second year.

    Args:
        target: To be made.
        paths: Simulated for the surplus rule.
    """
    low_bar, high_bar = even_by_best(target), even_by_surplus(target, paths)
    z = float(ndtri(0.95))

    def row(years: float) -> VerdictRow:
        true = np.array(TRUE_SHARPES)
        error = np.sqrt((1.0 + true**2 / (2.0 * TRADING_DAYS)) / years)
        no, yes = ndtr((low_bar - true) / error - z), ndtr((true - high_bar) / error - z)
        return VerdictRow(years, tuple(map(float, no)), tuple(map(float, yes)))

    return Verdicts(low_bar, high_bar, tuple(row(years) for years in YEARS))


def policies() -> dict[str, Rule]:
    """Return the rules that worlds are made for, by what a table calls them.

    `steady` has the caps that need no record here: hard, drawdown, and a volatility of 10 %.
    """
    bare = Steady(has_tail=False, has_kelly=False)
    return {
        "40 % always": constant(0.40),
        "classic": classic(),
        "steady, m 4": steady(bare._replace(multiplier=4.0)),
        "steady, m 2.8": steady(bare),
    }


WORLDS: tuple[tuple[World, float], ...] = (
    *(("normal", sharpe) for sharpe in (0.0, 1.0, 2.0, 3.0)),
    *(("student", 2.0), ("garch", 2.0), ("decay", 2.0)),
)


def world_row(
    world: World,
    sharpe: float,
    target: Target = DESIGN,
    paths: int = 8000,
    seed: int = 0,
) -> WorldRow:
    """Return what the rules make of one world in a year, after 120 days that they only see.

    Args:
        world: See `worlds`; `decay` turns in the middle of the year.
        sharpe: A year.
        target: To be made.
        paths: Simulated.
        seed: Of the world.
    """
    days = WARM_UP + TRADING_DAYS
    if world == "decay":
        before = world_returns("normal", sharpe, days=WARM_UP, paths=paths, seed=seed)
        year = world_returns("decay", sharpe, days=TRADING_DAYS, paths=paths, seed=seed + 1)
        return _row(world, sharpe, np.concatenate((before, year), axis=1), target)
    return _row(world, sharpe, world_returns(world, sharpe, days=days, paths=paths, seed=seed),
                target)  # fmt: skip


def resampled_row(
    name: str,
    returns: FloatArray,
    sharpe: float,
    target: Target = DESIGN,
    paths: int = 2000,
    seed: int = 0,
) -> WorldRow:
    """Return the same for days that happened, drawn in blocks of 21."""
    days = WARM_UP + TRADING_DAYS
    drawn = resampled_returns(
        returns, sharpe, days=days, paths=paths, seed=seed, expected_block=BLOCK
    )
    return _row(name, sharpe, drawn, target)


def _row(name: str, sharpe: float, returns: FloatArray, target: Target) -> WorldRow:
    cells, errors = [], []
    for rule in policies().values():
        played = play(rule, returns, warm_up=WARM_UP)
        found = shares(played, 12, target.monthly, target.drawdown, TRADING_DAYS)
        end = played.wealth[:, 12 * days_in_month(TRADING_DAYS)]
        cells.append(WorldCell(found.below, float(np.median(end)) - 1.0, found.month))
        errors.append(_error((found.below, found.month), len(returns)))
    return WorldRow(name, sharpe, tuple(cells), max(errors))
