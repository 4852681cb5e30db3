"""Caps that begin small: they grow with every risk day on which nothing was wrong."""

from decimal import Decimal

from smart_leverage.domain.records import RampMoved
from smart_leverage.engine.core import Core
from smart_leverage.engine.limiting import need
from smart_leverage.engine.rollout import ONE, ramp_factor


def begin_ramp(core: Core) -> None:
    """Start with small caps where that is configured; the numbers are fixed until it is over.

    They are kept in the journal, so that another file makes the caps whole no sooner.
    """
    start, days = core.config.ramp_start, core.config.ramp_days
    if start < ONE and core.state.rollout.step.governs_entries:
        _move(core, start, 0, days)


def advance_ramp(core: Core) -> None:
    """Count the risk day that ends, unless the account was in need when it ended."""
    ramp = core.state.rollout.ramp
    if ramp is None or ramp.day >= ramp.days or need(core):
        return
    _move(core, ramp.start, ramp.day + 1, ramp.days)


def _move(core: Core, start: Decimal, day: int, days: int) -> None:
    core.record(
        RampMoved(
            at_ns=core.now_ns,
            start=start,
            day=day,
            days=days,
            factor=ramp_factor(start, day, days),
        )
    )
