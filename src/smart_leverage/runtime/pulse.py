"""What an account that runs lets others see of its work, unasked: sums, queues, a beat."""

import time

from smart_leverage.runtime.carrying import Lanes
from smart_leverage.runtime.meter import Meter
from smart_leverage.runtime.office import Office

QUEUES = ("wishes", "questions", "answers", "ledger", "rising", "falling")
"""Where something may wait: three into the trading thread, one for the disk, two for the broker."""


class Pulse:
    """Shared by the thread that trades and by those that show; each value is read whole."""

    def __init__(self, meter: Meter, office: Office | None = None, lanes: Lanes | None = None):
        """Look at these parts; those that are not there have nothing waiting."""
        self.meter = meter
        self.began_s = time.time()
        self.stepped_s: float | None = None
        """When the driver last went round, by the monotonic clock; None before the first time."""
        self.goes_round = False
        """Whether a driver is to go round now, by itself."""
        self.is_lost = False
        """Whether the broker has not answered since it was last asked."""
        self._office = office
        self._lanes = lanes

    def beat(self, *, is_lost: bool) -> None:
        """Note that the driver has gone round, and whether the broker was there."""
        self.is_lost = is_lost
        self.stepped_s = time.monotonic()

    def depths(self, ledger: int) -> dict[str, int]:
        """Return how many wait in each queue; `ledger` are the records that wait for the disk."""
        wishes, questions, answers = (0, 0, 0) if self._office is None else self._office.depths
        rising, falling = (0, 0) if self._lanes is None else self._lanes.depths
        depths = (wishes, questions, answers, ledger, rising, falling)
        return dict(zip(QUEUES, depths, strict=True))

    @property
    def bot_asked_s(self) -> float | None:
        """When somebody last wished something of the account, monotonic; None for never."""
        return None if self._office is None else self._office.wished_s
