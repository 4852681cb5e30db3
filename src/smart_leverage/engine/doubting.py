"""While the clocks contradict each other nothing is added; everything that lowers goes on."""

from smart_leverage.domain.records import Noted
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import ClockJudged
from smart_leverage.engine.judging import cancel_increases


def on_clock_judged(core: Core, event: ClockJudged) -> None:
    """Take in whether the time is doubted, and note when that begins and ends.

    Only this event ends it: that books and broker agree says nothing about the time.
    """
    is_doubted = bool(event.doubt)
    if is_doubted is core.is_clock_doubted:
        return
    core.is_clock_doubted = is_doubted
    if not is_doubted:
        text = "two clocks agree on the time"
        core.record(Noted(at_ns=core.now_ns, code="clock.settled", text=text))
        return
    core.record(Noted(at_ns=core.now_ns, code="clock.jumped", text=event.doubt))
    cancel_increases(core, "the clock is doubted")
