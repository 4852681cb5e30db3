"""What waits for one channel: in which order it leaves, and what is only counted."""

from collections.abc import Iterator

from msgspec import Struct, field

from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.domain.stamps import span
from smart_leverage.notify.message import Level, Notice
from smart_leverage.notify.rules import OFF, SILENT, Bucket, Rules
from smart_leverage.notify.tally import Tally

PAUSES_NS = tuple(seconds * SECOND_NS for seconds in (2, 5, 15, 60, 300))
"""Between tries that failed; the last one again and again."""

PATIENCE = 5
"""After so many tries a message lets others pass; one that need not be told is only counted."""

RETRY_AFTER_MAX_NS = 60 * MINUTE_NS
"""A service that asks for more is tried once an hour all the same."""

DIGEST_NS = 15 * MINUTE_NS
"""So long after the first message that found no room the count of all is told."""


SUMMARIES = ("statement", "digest")
"""Topics that tell counts; a channel that wants no normal messages gets these."""


class Waiting(Struct, kw_only=True):
    """A notice that waits. `handed` says, also after a crash, that it may have been sent."""

    notice: Notice
    tries: int = 0
    handed: bool = False
    is_again: bool = False


class Standing(Struct, kw_only=True):
    """How a channel does, for people; nothing secret is in it."""

    sent: int = 0
    failures: int = 0
    """In a row."""
    failures_total: int = 0
    sent_ns: int = 0
    failed_ns: int = 0
    why: str = ""

    def note(self, outcome: "Outcome", now_ns: int) -> None:
        """Take in how a try ended."""
        if outcome.is_sent:
            self.sent, self.sent_ns = self.sent + 1, now_ns
            self.failures, self.why = 0, ""
        else:
            self.failures, self.failed_ns = self.failures + 1, now_ns
            self.failures_total += 1
            self.why = outcome.why


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one try; `retry_after_s` is what the service asked for.

    `may_have_come` says that no answer came, so that another try may be a repetition.
    """

    is_sent: bool
    why: str = ""
    retry_after_s: float = 0.0
    may_have_come: bool = False


class Line(Struct, kw_only=True):
    """The waiting messages of one channel and their counts; all of it can be kept.

    Urgent messages leave first and obey neither quiet hours nor the rate. What must be told waits;
    of the rest what finds no room is counted, and the count is told.
    """

    waiting: list[Waiting] = []
    missed: Tally = field(default_factory=Tally)
    """What found no room or came in quiet hours; told as a digest."""
    missed_due_ns: int = 0
    unheard: Tally = field(default_factory=Tally)
    """What this channel does not want; told with the daily statement."""
    bucket: Bucket = field(default_factory=Bucket)
    standing: Standing = field(default_factory=Standing)
    paused_until_ns: int = 0
    """By our own pauses; an urgent message that was not tried yet does not wait for it."""
    closed_until_ns: int = 0
    """By the service's word."""

    def put(self, notice: Notice, rules: Rules, now_ns: int) -> None:
        """Take a notice in: to be sent, or to be counted."""
        loudness = rules.quiet if notice.level is Level.QUIET else rules.normal
        if notice.level is Level.URGENT:
            self.waiting.append(Waiting(notice=notice))
        elif loudness == OFF and notice.topic not in SUMMARIES:
            self.unheard.add(notice)
        elif notice.must:
            self.waiting.append(Waiting(notice=notice))
        elif (quiet_until_ns := rules.quiet_until_ns(now_ns)) is not None:
            self._miss(notice, quiet_until_ns)
        elif sum(not each.notice.must for each in self.waiting) >= rules.waiting_max:
            self._miss(notice, now_ns + DIGEST_NS)
        else:
            self.waiting.append(Waiting(notice=notice))

    def digest(self, rules: Rules, now_ns: int) -> Notice | None:
        """Return the count of what was missed once it is due, and begin to count anew."""
        if not self.missed.total or now_ns < self.missed_due_ns:
            return None
        if rules.quiet_until_ns(now_ns) is not None:
            return None
        words, since = self.missed.words(), span(now_ns - self.missed.since_ns)
        total = self.missed.take()
        return Notice(
            level=Level.NORMAL,
            topic="digest",
            text=f"{total:,} not told one by one in {since}: {words}",
            at_ns=now_ns,
            count=total,
            must=True,
        )

    def next(self, rules: Rules, now_ns: int) -> Waiting | None:
        """Return what may leave now, marked as handed over; one at a time."""
        if now_ns < self.closed_until_ns or any(each.handed for each in self.waiting):
            return None
        self.bucket.refill(rules.per_minute, now_ns)
        chosen = min(self._ready(rules, now_ns), key=_rank, default=None)
        if chosen is not None:
            chosen.handed = True
            self.bucket.spend(rules.per_minute)
        return chosen

    def settle(self, number: int, outcome: Outcome, now_ns: int) -> None:
        """Note what became of a notice that was handed over."""
        place = next(
            (at for at, each in enumerate(self.waiting) if each.notice.number == number), None
        )
        if place is None:
            return
        waiting, standing = self.waiting[place], self.standing
        waiting.handed = False
        standing.note(outcome, now_ns)
        if outcome.is_sent:
            del self.waiting[place]
            self.paused_until_ns = self.closed_until_ns = 0
            return
        waiting.tries += 1
        waiting.is_again = waiting.is_again or outcome.may_have_come
        pause = min(standing.failures, len(PAUSES_NS)) - 1
        self.paused_until_ns = now_ns + PAUSES_NS[pause]
        asked_ns = min(int(outcome.retry_after_s * SECOND_NS), RETRY_AFTER_MAX_NS)
        self.closed_until_ns = now_ns + asked_ns if asked_ns > 0 else 0
        if waiting.tries >= PATIENCE and not waiting.notice.must:
            del self.waiting[place]
            self._miss(waiting.notice, now_ns + DIGEST_NS)

    def revive(self) -> None:
        """Begin after a stop: what was handed over may have arrived, and is sent again as such."""
        for each in self.waiting:
            each.is_again = each.is_again or each.handed
            each.handed = False

    def _ready(self, rules: Rules, now_ns: int) -> Iterator[Waiting]:
        is_paused = now_ns < self.paused_until_ns
        is_quiet = rules.quiet_until_ns(now_ns) is not None
        for each in self.waiting:
            if each.notice.level is Level.URGENT:
                if not is_paused or not each.tries:
                    yield each
            elif not is_paused and not is_quiet and self.bucket.tokens >= 1.0:
                yield each

    def _miss(self, notice: Notice, due_ns: int) -> None:
        due = due_ns if not self.missed.total else min(self.missed_due_ns, due_ns)
        self.missed.add(notice)
        self.missed_due_ns = due


def is_silent(notice: Notice, rules: Rules) -> bool:
    """Tell whether a notice arrives without a sound."""
    if notice.level is Level.URGENT:
        return False
    return (rules.quiet if notice.level is Level.QUIET else rules.normal) == SILENT


def _rank(waiting: Waiting) -> tuple[bool, int, int]:
    notice = waiting.notice
    order = (Level.URGENT, Level.NORMAL, Level.QUIET).index(notice.level)
    return waiting.tries >= PATIENCE, order, notice.number
