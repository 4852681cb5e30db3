"""Counts of what was not told one by one, and the text that tells them."""

from msgspec import Struct

from smart_leverage.notify.message import Notice

TOPICS = {
    "breaker": "breakers",
    "state": "changes of state",
    "tier": "changes of tier",
    "limit": "changes of limits",
    "plan": "moves of plans",
    "lock": "locked assets",
    "trouble": "troubles",
    "rejected": "rejected by the broker",
    "denied": "denied",
    "cut": "cut",
    "observed": "observed only",
    "warned": "warned",
    "fill": "fills",
    "start": "starts",
    "token": "changes of tokens",
    "flow": "deposits and withdrawals",
    "evidence": "evidence",
    "note": "notes",
    "statement": "statements",
    "stop": "positions without a stop",
}
"""What is counted, in words, in the order in which it is told."""


class Tally(Struct, kw_only=True):
    """Numbers of messages by topic; `since_ns` is when the first of them came."""

    counts: dict[str, int] = {}
    since_ns: int = 0

    @property
    def total(self) -> int:
        """How many messages all together."""
        return sum(self.counts.values())

    def add(self, notice: Notice) -> None:
        """Count what a notice stands for instead of telling it."""
        if not self.counts:
            self.since_ns = notice.at_ns
        if notice.count:
            self.counts[notice.topic] = self.counts.get(notice.topic, 0) + notice.count

    def words(self) -> str:
        """Return the counts in words, "3 fills, 2 denied"."""
        known = [topic for topic in TOPICS if topic in self.counts]
        others = sorted(self.counts.keys() - TOPICS.keys())
        return ", ".join(
            f"{self.counts[topic]:,} {TOPICS.get(topic, topic)}" for topic in (*known, *others)
        )

    def take(self) -> int:
        """Forget everything and return how much it was."""
        total, self.counts = self.total, {}
        return total
