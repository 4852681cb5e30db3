"""When the venue trades what: stocks in their session, coins always."""

from smart_leverage.domain.calendars import NEVER_NS, Sessions
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.domain.orders import TimeInForce

GTC_DAYS = 90
"""After so many days the venue ends an order that was meant to rest until canceled."""


class Hours:
    """The session of US securities, looked up again only when it has changed."""

    def __init__(self) -> None:
        self._is_open = False
        self._known = (0, 0)

    def is_open(self, instrument: Instrument, at_ns: int) -> bool:
        """Whether an instrument trades at an instant; the close itself is closed."""
        if instrument.asset_class is AssetClass.CRYPTO:
            return True
        from_ns, to_ns = self._known
        if not from_ns <= at_ns < to_ns:
            self._look_up(at_ns)
        return self._is_open

    def is_open_during(self, instrument: Instrument, from_ns: int, to_ns: int) -> bool:
        """Whether an instrument trades at any instant from one to before another."""
        if self.is_open(instrument, from_ns):
            return True
        return Sessions.xnys().next_open(from_ns) < to_ns

    def _look_up(self, at_ns: int) -> None:
        sessions = Sessions.xnys()
        self._is_open = sessions.is_open(at_ns)
        ends_ns = sessions.next_close(at_ns) if self._is_open else sessions.next_open(at_ns)
        self._known = (at_ns, ends_ns)

    def expires_ns(self, instrument: Instrument, at_ns: int, lasts: TimeInForce) -> int:
        """Return when an order sent at an instant ends by itself.

        A day order ends with the session it lives in, which is the next one when none is on.
        """
        if lasts is TimeInForce.GTC or instrument.asset_class is AssetClass.CRYPTO:
            return min(at_ns + GTC_DAYS * DAY_NS, NEVER_NS)
        return Sessions.xnys().next_close(at_ns)

    def next_open_ns(self, at_ns: int) -> int:
        """Return the next opening of US securities."""
        return Sessions.xnys().next_open(at_ns)
