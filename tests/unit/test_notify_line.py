"""One channel: order, quiet hours, rate, failures, and what is only counted."""

import pytest

from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.notify.line import Line, Outcome, Waiting, is_silent
from smart_leverage.notify.message import Level, Notice
from smart_leverage.notify.rules import Rules, minutes_of

NOON = 1_795_780_800 * SECOND_NS
"""2026-11-27 12:00 UTC."""

ANY = Rules(timezone="UTC")
NIGHT = Rules(timezone="UTC", quiet_from="22:30", quiet_to="07:00")
SENT = Outcome(is_sent=True)
FAILED = Outcome(is_sent=False, why="not reachable")


def notice(number: int, level: Level = Level.NORMAL, *, must: bool = False) -> Notice:
    return Notice(
        level=level, topic="fill", text=f"n{number}", at_ns=NOON, number=number,
        must=must or level is Level.URGENT,
    )  # fmt: skip


def put(line: Line, *notices: Notice, rules: Rules = ANY, now_ns: int = NOON) -> None:
    for each in notices:
        line.put(each, rules, now_ns)


def next_of(line: Line, rules: Rules = ANY, now_ns: int = NOON) -> int | None:
    waiting = line.next(rules, now_ns)
    return None if waiting is None else waiting.notice.number


def test_urgent_messages_leave_first_and_one_at_a_time() -> None:
    line = Line()
    put(line, notice(1), notice(2, Level.URGENT), notice(3, Level.URGENT))
    assert next_of(line) == 2
    assert next_of(line) is None
    line.settle(2, SENT, NOON)
    assert next_of(line) == 3


@pytest.mark.parametrize(
    ("hour", "minute", "is_quiet"),
    [(22, 29, False), (22, 30, True), (2, 0, True), (6, 59, True), (7, 0, False), (12, 0, False)],
)
def test_quiet_hours_span_midnight(hour: int, minute: int, *, is_quiet: bool) -> None:
    at_ns = NOON + (hour - 12) * HOUR_NS + minute * MINUTE_NS
    until_ns = NIGHT.quiet_until_ns(at_ns)
    assert (until_ns is not None) is is_quiet
    if until_ns is not None:
        assert until_ns % (24 * HOUR_NS) == 7 * HOUR_NS
        assert 0 < until_ns - at_ns <= 9 * HOUR_NS


def test_in_quiet_hours_urgent_is_told_what_must_be_waits_and_the_rest_is_counted() -> None:
    line, night_ns = Line(), NOON + 12 * HOUR_NS
    put(
        line, notice(1, Level.URGENT), notice(2, must=True), notice(3), rules=NIGHT, now_ns=night_ns
    )
    assert next_of(line, NIGHT, night_ns) == 1
    line.settle(1, SENT, night_ns)
    assert next_of(line, NIGHT, night_ns) is None
    assert line.digest(NIGHT, night_ns + 6 * HOUR_NS) is None
    morning_ns = night_ns + 7 * HOUR_NS
    assert next_of(line, NIGHT, morning_ns) == 2
    digest = line.digest(NIGHT, morning_ns)
    assert digest is not None
    assert digest.text.endswith(": 1 fills")


def test_beyond_the_rate_the_rest_waits_and_urgent_does_not() -> None:
    rules = Rules(timezone="UTC", per_minute=2.0)
    line = Line()
    put(line, *(notice(number) for number in range(1, 5)), rules=rules)
    for number in (1, 2):
        assert next_of(line, rules) == number
        line.settle(number, SENT, NOON)
    assert next_of(line, rules) is None
    put(line, notice(9, Level.URGENT), rules=rules)
    assert next_of(line, rules) == 9
    line.settle(9, SENT, NOON)
    assert next_of(line, rules, NOON + MINUTE_NS) == 3


def test_what_finds_no_room_is_counted_and_told_after_a_quarter_of_an_hour() -> None:
    rules = Rules(timezone="UTC", waiting_max=2)
    line = Line()
    put(line, *(notice(number) for number in range(1, 8)), rules=rules)
    assert len(line.waiting) == 2
    assert line.digest(rules, NOON + 14 * MINUTE_NS) is None
    digest = line.digest(rules, NOON + 15 * MINUTE_NS)
    assert digest is not None
    assert (digest.text, digest.count) == ("5 not told one by one in 15 min: 5 fills", 5)
    assert line.missed.total == 0


def test_a_wait_that_the_service_asks_for_holds_for_everything() -> None:
    line = Line()
    put(line, notice(1))
    next_of(line)
    line.settle(1, Outcome(is_sent=False, why="refused with 429", retry_after_s=31.0), NOON)
    put(line, notice(2, Level.URGENT))
    assert next_of(line, now_ns=NOON + 30 * SECOND_NS) is None
    assert next_of(line, now_ns=NOON + 31 * SECOND_NS) == 2


def test_an_urgent_message_that_is_new_does_not_wait_for_our_own_pause() -> None:
    line = Line()
    put(line, notice(1))
    next_of(line)
    line.settle(1, FAILED, NOON)
    assert next_of(line, now_ns=NOON + SECOND_NS) is None
    put(line, notice(2, Level.URGENT))
    assert next_of(line, now_ns=NOON + SECOND_NS) == 2


def test_tries_are_bounded_for_what_need_not_be_told_and_it_is_counted_then() -> None:
    line, now_ns = Line(), NOON
    put(line, notice(1), notice(2, Level.URGENT))
    for _ in range(40):
        now_ns += 10 * MINUTE_NS
        number = next_of(line, now_ns=now_ns)
        if number is not None:
            line.settle(number, FAILED, now_ns)
    assert [each.notice.number for each in line.waiting] == [2]
    assert line.missed.counts == {"fill": 1}
    assert line.standing.failures > 30
    assert line.standing.why == "not reachable"


def test_one_message_that_a_service_never_takes_lets_the_others_pass() -> None:
    line, now_ns, sent = Line(), NOON, []
    put(line, notice(1, Level.URGENT), notice(2), notice(3))
    for _ in range(12):
        now_ns += 10 * MINUTE_NS
        number = next_of(line, now_ns=now_ns)
        if number is None:
            continue
        line.settle(number, FAILED if number == 1 else SENT, now_ns)
        sent += [number] if number != 1 else []
    assert sent == [2, 3]


def test_a_channel_without_normal_messages_gets_urgent_ones_and_statements() -> None:
    rules = Rules(timezone="UTC", normal="off", quiet="off")
    line = Line()
    put(line, notice(1), notice(2, must=True), notice(3, Level.QUIET), rules=rules)
    assert line.waiting == []
    assert line.unheard.total == 3
    put(line, notice(4, Level.URGENT), rules=rules)
    statement = Notice(level=Level.NORMAL, topic="statement", text="s", at_ns=NOON, must=True)
    put(line, statement, rules=rules)
    assert [each.notice.topic for each in line.waiting] == ["fill", "statement"]


def test_silence_is_for_levels_and_never_for_urgent_messages() -> None:
    rules = Rules(normal="silent", quiet="silent")
    loud = [level for level in Level if not is_silent(notice(1, level), rules)]
    assert loud == [Level.URGENT]


def test_what_was_handed_over_before_a_stop_is_sent_again_and_says_so() -> None:
    line = Line(waiting=[Waiting(notice=notice(1), handed=True), Waiting(notice=notice(2))])
    line.revive()
    assert [each.is_again for each in line.waiting] == [True, False]
    assert next_of(line) == 1


@pytest.mark.parametrize("text", ["7:00", "24:00", "12:60", "noon", "12", "-1:00", "1e:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time of day"):
        minutes_of(text)
