"""Grouping, quiet hours, rates and failures: nothing urgent waits for them, and counts add up."""

from collections import Counter
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.notify.line import Outcome
from smart_leverage.notify.message import Level, Manner, Message
from smart_leverage.notify.post import Post, decoded
from smart_leverage.notify.rules import Rules

START_NS = 1_790_000_000 * SECOND_NS
SENT = Outcome(is_sent=True)
LOST = Outcome(is_sent=False, why="no answer", may_have_come=True)

RULES = {
    "loud": Rules(per_minute=1_000_000.0),
    "asleep": Rules(quiet_from="00:00", quiet_to="23:59", timezone="UTC"),
    "slow": Rules(normal="silent", quiet="off", per_minute=1.0, waiting_max=3),
}

manners = st.sampled_from(
    [
        (Level.URGENT, Manner.EACH),
        (Level.NORMAL, Manner.EACH),
        (Level.NORMAL, Manner.GROUPED),
        (Level.QUIET, Manner.GROUPED),
        (Level.URGENT, Manner.OPENS),
        (Level.URGENT, Manner.CLOSES),
        (Level.NORMAL, Manner.OPENS),
        (Level.NORMAL, Manner.CLOSES),
    ]
)


class Step(NamedTuple):
    """One message, the time before it, and how the tries after it end."""

    kind: tuple[Level, Manner]
    cause: int
    wait_s: int
    fails: bool


steps = st.lists(
    st.builds(
        Step,
        manners,
        st.integers(0, 3),
        st.sampled_from([0, 1, 30, 400, 4_000]),
        st.booleans(),
    ),
    max_size=60,
)


def message(step: Step, number: int, now_ns: int) -> Message:
    level, manner = step.kind
    cause = f"{level}-{manner in (Manner.OPENS, Manner.CLOSES)}-{step.cause}"
    return Message(
        level=level,
        manner=manner,
        topic=cause if manner is Manner.GROUPED else manner,
        cause=cause,
        text=f"<{number}>",
        at_ns=now_ns,
        seq=number,
    )


class World:
    """Plays steps against a post and counts what each channel was told."""

    def __init__(self) -> None:
        self.post = Post(RULES)
        self.now_ns = START_NS
        self.accepted = 0
        self.sent: dict[str, Counter[str]] = {name: Counter() for name in RULES}
        self.told: dict[str, int] = dict.fromkeys(RULES, 0)

    def play(self, step: Step, number: int) -> Message:
        self.now_ns += step.wait_s * SECOND_NS
        taken = message(step, number, self.now_ns)
        is_open = taken.cause in self.post.kept.groups.troubles
        self.accepted += taken.manner is not Manner.CLOSES or is_open
        self.post.pass_time(self.now_ns)
        self.post.take([taken], self.now_ns)
        return taken

    def deliver(self, outcome: Outcome = SENT) -> None:
        """Try everything that may leave at this instant."""
        while parcels := self.post.hand_out(self.now_ns):
            for name, parcel in parcels.items():
                line = self.post.kept.lines[name]
                waiting = next(one for one in line.waiting if one.notice.number == parcel.number)
                if outcome.is_sent:
                    self.told[name] += waiting.notice.count
                    self.sent[name][waiting.notice.text] += 1
                self.post.settle(name, parcel.number, outcome, self.now_ns)

    def in_hand(self, name: str) -> int:
        line = self.post.kept.lines[name]
        waiting = sum(each.notice.count for each in line.waiting)
        return waiting + line.missed.total + line.unheard.total


@given(steps)
def test_every_message_is_counted_exactly_once_on_every_channel(played: list[Step]) -> None:
    world = World()
    for number, step in enumerate(played):
        world.play(step, number)
        world.deliver(LOST if step.fails else SENT)
        for name in RULES:
            counted = world.told[name] + world.in_hand(name) + world.post.kept.groups.counted
            assert counted == world.accepted


@given(steps)
def test_nothing_urgent_waits_for_groups_rates_or_quiet_hours(played: list[Step]) -> None:
    world = World()
    for number, step in enumerate(played):
        taken = world.play(step, number)
        world.deliver()
        if step.kind == (Level.URGENT, Manner.EACH):
            assert all(sent[taken.text] == 1 for sent in world.sent.values())
        urgent = [
            one
            for line in world.post.kept.lines.values()
            for one in line.waiting
            if one.notice.level is Level.URGENT
        ]
        assert urgent == []


@given(steps)
def test_once_a_service_is_back_all_that_must_be_told_is(played: list[Step]) -> None:
    world = World()
    must = []
    for number, step in enumerate(played):
        taken = world.play(step, number)
        world.deliver(LOST)
        if step.kind[1] is Manner.EACH:
            must.append(taken.text)
    for _ in range(400):
        world.now_ns += 10 * MINUTE_NS
        world.post.pass_time(world.now_ns)
        world.deliver()
    assert all(world.sent["loud"][text] == 1 for text in must)
    assert all(world.sent["slow"][text] == 1 for text in must)


@given(steps, st.integers(0, 59))
def test_a_restart_loses_nothing_and_says_again(played: list[Step], cut: int) -> None:
    world = World()
    for number, step in enumerate(played[:cut]):
        world.play(step, number)
    world.post.hand_out(world.now_ns)  # the process dies before it hears what became of it
    before = world.post.encoded()
    kept = decoded(before)
    assert kept is not None
    handed = {
        (name, one.notice.number)
        for name, line in kept.lines.items()
        for one in line.waiting
        if one.handed
    }
    world.post = Post(RULES, kept)
    for name in RULES:
        assert world.in_hand(name) + world.post.kept.groups.counted == world.accepted
    world.now_ns += SECOND_NS
    for name, parcel in world.post.hand_out(world.now_ns).items():
        if (name, parcel.number) in handed:
            assert "again: " in parcel.text
