"""While clocks disagree or the stream is refused nothing is added; what lowers goes on."""

from smart_leverage.domain.records import Noted
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import ClockJudged, StreamJudged
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


def on_stream_judged(core: Core, event: StreamJudged) -> None:
    """Take in whether the broker's stream lets us in, and note when that begins and ends.

    One that refuses us while the lists answer has our place given to somebody else: the lists tell
    what happens here, but a second one that trades with the same keys sees the same room as we do.
    """
    is_refused = bool(event.refusal)
    if is_refused is core.is_stream_refused:
        return
    core.is_stream_refused = is_refused
    if not is_refused:
        text = "the broker's stream lets us in again"
        core.record(Noted(at_ns=core.now_ns, code="stream.back", text=text))
        return
    text = (
        f"the broker's stream does not let us in, {event.refusal}: "
        "a second program may run with the keys of this account"
    )
    core.record(Noted(at_ns=core.now_ns, code="stream.refused", text=text))
    cancel_increases(core, "the broker's stream is refused")
