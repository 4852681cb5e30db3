"""Before a session closes: what may not stay over the close is sold, by a plan with a deadline."""

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.parts import INTRADAY, is_by_day, parts_of, plan_kind
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.enforcing import is_consented, is_news
from smart_leverage.engine.exposure import Valuation
from smart_leverage.engine.judging import cancel_increases
from smart_leverage.engine.measuring import FLATTEN, is_inside
from smart_leverage.engine.plans import begin_sellout, foresee
from smart_leverage.policy.intraday import Phase, is_entry_over, is_flattening

OVER = "leveraged funds are not bought so near to the close"
CLOSE = "the session closes soon"

_PARTS = frozenset({INTRADAY})


def heed_close(core: Core, valuation: Valuation) -> None:
    """Cancel what would be bought too late, and begin to sell what may not stay over the close."""
    phase = core.phase
    if core.state.rollout.step.governs_entries and is_entry_over(phase, True):
        cancel_increases(core, OVER, _PARTS)
        if phase is Phase.LATE:  # whatever may still stand in the way of a sale
            for tracked in core.state.orders.buys():
                if not core.instrument(tracked.order.key).is_coin:
                    cancel(core, tracked, CLOSE)
    plan = core.state.plan
    if not is_flattening(phase):
        return
    if plan is not None and (plan.kind == FLATTEN or is_by_day(plan.kind)):
        return
    under_way = frozenset[str]() if plan is None else parts_of(plan.kind)
    kind = plan_kind({INTRADAY, *under_way})
    if is_inside(core, plan_kind(_PARTS), valuation):
        return
    if core.state.rollout.step.sells and all(is_consented(core, key) for key in _concerned(core)):
        begin_sellout(core, kind, CLOSE)
    elif is_news(core, INTRADAY):
        foresee(core, plan_kind(_PARTS), valuation)


def _concerned(core: Core) -> list[Key]:
    """Return what is held of what trades in sessions; any of it may have to be sold."""
    return [key for key, _ in core.state.held() if not core.instrument(key).is_coin]
