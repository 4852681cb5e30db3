"""A clock that does not jump: wall, monotonic and broker's clock are held against each other."""

from smart_leverage.brokers.base import Broker, MayRefuseStream
from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS, Clock
from smart_leverage.domain.stamps import span
from smart_leverage.engine.events import ClockJudged, StreamJudged
from smart_leverage.ledger.base import Ledger
from smart_leverage.runtime.driven import Driven

DRIFT_NS = 2 * SECOND_NS
"""Further apart than this from what has passed, the wall clock counts as having jumped."""

SKEW_NS = 5 * SECOND_NS
"""Further apart than this from the broker's, a clock does not agree with it."""

STEADY_NS = MINUTE_NS
"""For so long the broker's clock has to go with the monotonic one before it alone is believed."""

SLEW = 500
"""A clock that is being corrected is followed by one part in so many of what has passed."""


class SteadyClock:
    """Tells the wall's time as long as it goes with what has passed; never back, never a jump.

    Beside the wall runs a steady time, which monotonic time alone moves on. Of the three clocks,
    two that agree are believed: the steady time and the wall as a rule; after a jump of the wall
    the steady time goes on, until the broker's clock confirms one of the two.
    """

    def __init__(self, raw: Clock, *, broker_ns: int | None = None, since_ns: int = 0) -> None:
        """Begin at the wall's time, or at the broker's where the two do not agree.

        Args:
            raw: The machine's clock.
            broker_ns: What the broker's clock shows now; None where it has none of its own.
            since_ns: When the last thing was written down that is remembered; 0 for nothing.
        """
        self._raw = raw
        self._since_ns = since_ns
        self._is_alone = broker_ns is None
        self._wall_ns, self._monotonic_ns = raw.now_ns(), raw.monotonic_ns()
        self._steady_ns = self._wall_ns
        if broker_ns is not None and not _agree(broker_ns, self._wall_ns):
            self._steady_ns = broker_ns
        self._told_ns = 0
        self._skew_ns = 0
        self._compared_ns = self._monotonic_ns
        self._agreed_ns: int | None = None
        self._is_confirmed = False

    def now_ns(self) -> int:
        """Return the time that is believed; it never goes back."""
        self._look()
        believed_ns = self._steady_ns if self._has_jumped else self._wall_ns
        self._told_ns = max(self._told_ns, believed_ns)
        return self._told_ns

    def monotonic_ns(self) -> int:
        """Return the machine's monotonic count."""
        return self._raw.monotonic_ns()

    @property
    def doubt(self) -> str:
        """Why nothing may be added by this clock, in words; empty while it is believed."""
        self._look()
        behind_ns = max(self._since_ns, self._told_ns) - self._steady_ns
        if behind_ns > DRIFT_NS:
            return f"the clock stands {_about(behind_ns)} before what was last written down"
        if self._has_jumped and not self._is_confirmed:
            far = _far(self._wall_ns - self._steady_ns)
            return f"the clock of this machine is {far} the time that has passed"
        if abs(self._skew_ns) > SKEW_NS:
            return f"the clock of the broker is {_far(self._skew_ns)} ours"
        return ""

    def compare(self, broker_ns: int | None) -> None:
        """Hear the broker's clock; None, from a broker that lives by our time, says nothing."""
        if broker_ns is None:
            return
        self._look()
        if self._has_jumped and _agree(broker_ns, self._wall_ns):
            self._steady_ns = self._wall_ns
        self._skew_ns = broker_ns - self._steady_ns
        passed_ns = self._monotonic_ns - self._compared_ns
        self._compared_ns = self._monotonic_ns
        if not _agree(broker_ns, self._steady_ns):
            self._agreed_ns, self._is_confirmed = None, False
            return
        if self._agreed_ns is None:
            self._agreed_ns = self._monotonic_ns
        self._is_confirmed = self._monotonic_ns - self._agreed_ns >= STEADY_NS
        if self._has_jumped:
            self._slew(self._skew_ns, passed_ns)

    @property
    def _has_jumped(self) -> bool:
        return abs(self._wall_ns - self._steady_ns) > DRIFT_NS

    def _look(self) -> None:
        """Move the steady time on by what has passed, and the wall's time beside it."""
        had_jumped = self._has_jumped
        passed_ns = max(self._raw.monotonic_ns() - self._monotonic_ns, 0)
        self._wall_ns = self._raw.now_ns()
        self._monotonic_ns += passed_ns
        self._steady_ns += passed_ns
        if self._is_alone and self._steady_ns < self._since_ns - DRIFT_NS <= self._wall_ns:
            # A time before the journal is proven wrong, so there is no jump to be seen from it.
            self._steady_ns = self._wall_ns
        if not self._has_jumped:
            self._slew(self._wall_ns - self._steady_ns, passed_ns)
        elif not had_jumped:
            self._agreed_ns, self._is_confirmed = None, False

    def _slew(self, off_ns: int, passed_ns: int) -> None:
        most_ns = passed_ns // SLEW
        self._steady_ns += max(min(off_ns, most_ns), -most_ns)


def steady_clock(raw: Clock, ledger: Ledger, broker: Broker) -> SteadyClock:
    """Return the clock of a process that begins, by the broker's where the machine's disagrees.

    Raises:
        BrokerDown: The broker does not answer; try again later.
    """
    last = next(iter(ledger.read(ledger.head.seq - 1)), None) if ledger.head.seq else None
    since_ns = 0 if last is None else last.at_ns
    return SteadyClock(raw, broker_ns=broker.clock_ns(), since_ns=since_ns)


def watch(trader: Driven, clock: SteadyClock) -> None:
    """Tell the engine once when doubt about the time begins, and once when it is over."""
    doubt = clock.doubt
    if bool(doubt) is not trader.engine.is_clock_doubted:
        trader.offer(ClockJudged(at_ns=clock.now_ns(), doubt=doubt))


def heed_stream(trader: Driven, broker: Broker, now_ns: int) -> None:
    """Tell the engine once when the broker's stream refuses us, and once when it is over."""
    refusal = broker.refused if isinstance(broker, MayRefuseStream) else ""
    if bool(refusal) is not trader.engine.is_stream_refused:
        trader.offer(StreamJudged(at_ns=now_ns, refusal=refusal))


def compare(trader: Driven, broker: Broker, clock: SteadyClock) -> None:
    """Hear the broker's clock, and tell the engine what follows, also when the broker is silent.

    Raises:
        BrokerDown: It does not answer.
    """
    try:
        clock.compare(broker.clock_ns())
    finally:
        watch(trader, clock)


def _agree(broker_ns: int, ours_ns: int) -> bool:
    return abs(broker_ns - ours_ns) <= SKEW_NS


def _far(off_ns: int) -> str:
    return f"{_about(abs(off_ns))} {'ahead of' if off_ns > 0 else 'behind'}"


def _about(apart_ns: int) -> str:
    """Return a distance to the second: two clocks are never read at the same instant."""
    return span(round(apart_ns / SECOND_NS) * SECOND_NS)
