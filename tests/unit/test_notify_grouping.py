"""What is told at once, what is counted, and when troubles are told again."""

from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS
from smart_leverage.notify.grouping import CAUSES_MAX, Groups
from smart_leverage.notify.message import Level, Manner, Message

T0 = 1_790_000_000_000_000_000


def message(
    manner: Manner, cause: str = "c", level: Level = Level.NORMAL, text: str = "text"
) -> Message:
    return Message(level=level, manner=manner, topic="t", cause=cause, text=text, at_ns=T0)


def test_the_first_of_a_cause_is_told_and_the_rest_is_a_count_after_a_quarter_of_an_hour() -> None:
    groups = Groups()
    assert [one.text for one in groups.take(message(Manner.GROUPED, text="first"), T0)] == ["first"]
    for number in range(2, 5):
        assert groups.take(message(Manner.GROUPED, text=f"no {number}"), T0 + MINUTE_NS) == []
    assert list(groups.due(T0 + 14 * MINUTE_NS)) == []
    (summary,) = groups.due(T0 + 15 * MINUTE_NS)
    assert (summary.text, summary.count) == ("3 more of this, the last: no 4", 3)


def test_a_cause_that_has_been_silent_for_a_window_is_new() -> None:
    groups = Groups()
    groups.take(message(Manner.GROUPED), T0)
    assert list(groups.due(T0 + 15 * MINUTE_NS)) == []
    assert len(groups.take(message(Manner.GROUPED), T0 + 15 * MINUTE_NS)) == 1


def test_an_urgent_trouble_is_told_again_after_5_15_and_60_minutes_and_then_hourly() -> None:
    groups = Groups()
    groups.take(message(Manner.OPENS, level=Level.URGENT), T0)
    told = [minute for minute in range(1, 241) for _ in groups.due(T0 + minute * MINUTE_NS)]
    assert told == [5, 15, 60, 120, 180, 240]


def test_after_a_pause_a_trouble_is_told_again_once_and_not_for_every_repeat_that_passed() -> None:
    groups = Groups()
    groups.take(message(Manner.OPENS, level=Level.URGENT), T0)
    (again,) = groups.due(T0 + 5 * HOUR_NS)
    assert again.text == "still, for 5 h: text"
    assert list(groups.due(T0 + 5 * HOUR_NS)) == []


def test_a_normal_trouble_is_told_once_and_closed_once_with_its_count() -> None:
    groups = Groups()
    assert len(groups.take(message(Manner.OPENS), T0)) == 1
    assert groups.take(message(Manner.OPENS), T0) == []
    assert list(groups.due(T0 + 10 * HOUR_NS)) == []
    (over,) = groups.take(message(Manner.CLOSES, text="over"), T0)
    assert (over.text, over.count) == ("over", 2)
    assert groups.take(message(Manner.CLOSES), T0) == []


def test_more_causes_than_can_be_told_apart_are_one_of_their_topic() -> None:
    groups = Groups()
    told = sum(
        len(groups.take(message(Manner.GROUPED, cause=f"c{number}"), T0))
        for number in range(CAUSES_MAX + 100)
    )
    assert told == CAUSES_MAX + 1
    assert groups.counted == 99
