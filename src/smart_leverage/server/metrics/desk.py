"""What the desk says of itself: `/metrics`, and why it may not be ready."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.verified import verified_ns
from smart_leverage.server.health import Readiness, health_routes
from smart_leverage.server.http import Call, Reply, Route
from smart_leverage.server.metrics.catalogue import SCOPE
from smart_leverage.server.metrics.exposition import (
    CONTENT_TYPE,
    Labels,
    Value,
    Values,
    alone,
    exposition,
)
from smart_leverage.server.metrics.own import own_values
from smart_leverage.server.metrics.requests import Answers

PATH = "/metrics"
QUIET_S = 180.0
"""An account that runs writes a mark every minute; after three, nobody writes."""


class Last(NamedTuple):
    """The end of a ledger."""

    seq: int
    at_ns: int


class DeskWatch:
    """Looks at the ledger of the account and at what the desk has counted.

    `failures` returns how often each channel of notifications did not take a message, `dropped` how
    many lines of the log were left out.
    """

    def __init__(
        self,
        ledger: Path,
        answers: Answers,
        now_ns: Callable[[], int] = time.time_ns,
        failures: Callable[[], Mapping[str, int]] = dict,
        dropped: Callable[[], int] = int,
    ) -> None:
        """Watch the desk of this ledger."""
        self._ledger = ledger
        self._answers = answers
        self._now_ns = now_ns
        self._failures = failures
        self._dropped = dropped
        self._began_s = time.time()
        self.readiness = Readiness(self._why)

    def routes(self) -> list[Route]:
        """Return the routes of metrics and health."""
        return [Route("GET", PATH, SCOPE, self.metrics), *health_routes(self.readiness)]

    async def metrics(self, call: Call) -> Reply:
        """Show all metrics; those of a ledger that cannot be read are left out."""
        call.query.only()
        ready = not await self.readiness.reasons()
        values = {**await asyncio.to_thread(self._values), "ready": alone(float(ready))}
        return Reply(200, exposition(values), kind=CONTENT_TYPE)

    async def _why(self) -> Sequence[str]:
        found = await asyncio.to_thread(last_of, self._ledger)
        if found is None:
            return ["the ledger cannot be read"]
        if self._age_s(found.at_ns) > QUIET_S:
            return ["nothing was written to the ledger for three minutes: the account stands still"]
        return []

    def _values(self) -> Values:
        found, verified = last_of(self._ledger), verified_ns(self._ledger)
        failures: dict[Labels, Value] = {
            (channel,): float(count) for channel, count in self._failures().items()
        }
        return {
            **own_values(self._began_s, self._dropped()),
            "requests_total": self._answers.values(),
            "notify_failures_total": failures,
            "ledger_seq": alone(None if found is None else found.seq),
            "ledger_age_seconds": alone(None if found is None else self._age_s(found.at_ns)),
            "ledger_verified_age_seconds": alone(
                None if verified is None else self._age_s(verified)
            ),
        }

    def _age_s(self, at_ns: int) -> float:
        return max(self._now_ns() - at_ns, 0) / SECOND_NS


def last_of(ledger: Path) -> Last | None:
    """Return the last event of a ledger; None when it cannot be read, or holds nothing."""
    try:
        with Reader.open(ledger) as reader:
            seq = reader.head().seq
            entry = next(iter(reader.entries(seq - 1)), None)
    except (OSError, LedgerError, sqlite3.Error):
        return None
    return None if entry is None else Last(entry.seq, entry.at_ns)
