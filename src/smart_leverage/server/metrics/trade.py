"""What the process that trades says of itself: `/metrics`, and why it may not be ready."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.ledger.verified import verified_ns
from smart_leverage.runtime.meter import Meter
from smart_leverage.runtime.pulse import Pulse
from smart_leverage.server.bridge import Bridge
from smart_leverage.server.health import Readiness, health_routes
from smart_leverage.server.http import Call, Reply, Route
from smart_leverage.server.metrics.catalogue import SCOPE
from smart_leverage.server.metrics.exposition import CONTENT_TYPE, Values, alone, exposition
from smart_leverage.server.metrics.own import own_values
from smart_leverage.server.metrics.requests import Answers
from smart_leverage.server.metrics.standing import Standing, standing, values_of
from smart_leverage.wire.errors import WireError

PATH = "/metrics"
ANSWER_WITHIN_S = 2.0
"""Who trades is waited for so long; then the rest is told without it."""

BEAT_WITHIN_S = 5.0
"""The driver goes round every second; later than this, something holds it up."""

SILENT = "the account does not answer"


class TradeParts(NamedTuple):
    """What is looked at."""

    bridge: Bridge
    pulse: Pulse
    ledger: Path
    answers: Answers
    now_ns: Callable[[], int]
    dropped: Callable[[], int] = int
    """How many lines of the log were left out."""


class Trade:
    """Reads the account as every other question does, and adds what was counted beside it."""

    def __init__(self, parts: TradeParts) -> None:
        """Join the parts."""
        self._parts = parts
        self._sessions = Sessions.xnys()
        self.readiness = Readiness(self._why)

    def routes(self) -> list[Route]:
        """Return the routes of metrics and health."""
        return [Route("GET", PATH, SCOPE, self.metrics), *health_routes(self.readiness)]

    async def metrics(self, call: Call) -> Reply:
        """Show all metrics; those of the account are left out while it does not answer."""
        call.query.only()
        now = await self._standing()
        ready = not await self.readiness.reasons()
        page = exposition({**self._counted(now), **({} if now is None else values_of(now)),
                           "ready": alone(float(ready))})  # fmt: skip
        return Reply(200, page, kind=CONTENT_TYPE)

    async def _standing(self) -> Standing | None:
        now_ns = self._parts.now_ns
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await self._parts.bridge.ask(lambda trader, _: standing(trader, now_ns()))
        except (TimeoutError, WireError):
            return None

    async def _why(self) -> Sequence[str]:
        now = await self._standing()
        return why_not(now, self._parts.pulse, time.monotonic())

    def _counted(self, now: Standing | None) -> Values:
        parts, meter = self._parts, self._parts.pulse.meter
        pulse, now_s = parts.pulse, time.monotonic()
        depths = pulse.depths(0 if now is None else now.waiting)
        verified = verified_ns(parts.ledger)
        age_s = None if verified is None else (parts.now_ns() - verified) / SECOND_NS
        return {
            **own_values(pulse.began_s, parts.dropped()),
            "requests_total": parts.answers.values(),
            "ledger_verified_age_seconds": alone(age_s),
            "broker_age_seconds": alone(_age(meter.broker_answered_s, now_s)),
            "prices_age_seconds": alone(_age(pulse.stepped_s, now_s)),
            "bot_age_seconds": alone(_age(pulse.bot_asked_s, now_s)),
            "session_open": alone(float(self._sessions.is_open(parts.now_ns()))),
            "queue_depth": {(name,): float(depth) for name, depth in depths.items()},
            **_sums(meter),
        }


def _sums(meter: Meter) -> Values:
    return {
        # Copied in one step: the thread that counts goes on meanwhile.
        "decisions_total": {
            labels: float(count) for labels, count in dict(meter.decisions).items()
        },
        "orders_rejected_total": {
            (str(code),): float(count) for code, count in dict(meter.refusals).items()
        },
        "reconcile_differences_total": alone(meter.differences),
        "decision_seconds": alone(meter.decision.tally()),
        "commit_seconds": alone(meter.commit.tally()),
        "broker_seconds": {
            (call,): tally
            for call, times in meter.broker.items()
            if any((tally := times.tally()).counts)
        },
    }


def _age(then_s: float | None, now_s: float) -> float | None:
    return None if then_s is None else max(now_s - then_s, 0.0)


def why_not(now: Standing | None, pulse: Pulse, now_s: float) -> list[str]:
    """Return why an account is not ready: reconciled, its ledger sound, prices and broker there.

    Args:
        now: How it stands; None when it did not answer.
        pulse: Of its driver.
        now_s: By the monotonic clock.
    """
    reasons = ["the broker does not answer"] if pulse.is_lost else []
    if now is None:
        return [*reasons, SILENT]  # whoever waits for the broker answers nobody else meanwhile
    if pulse.stepped_s is None:
        return ["starting: prices have not been looked at yet"]
    if not reasons and not now.is_ready:
        reasons.append("reconciling: books and broker have not been compared yet")
    if now.trouble:
        reasons.append("the ledger cannot be written; the account is halted beside it")
    if now_s - pulse.stepped_s > BEAT_WITHIN_S:
        reasons.append("prices are not taken in any more")
    return reasons
