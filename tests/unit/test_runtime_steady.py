"""Which of three clocks is believed, and when none is."""

from datetime import UTC, datetime

import pytest

from smart_leverage.domain.clock import (
    DAY_NS,
    HOUR_NS,
    MINUTE_NS,
    SECOND_NS,
    ManualClock,
    SystemClock,
)
from smart_leverage.runtime.steady import STEADY_NS, SteadyClock

NOW = int(datetime(2024, 3, 4, 12, tzinfo=UTC).timestamp()) * SECOND_NS
YEAR_2040 = int(datetime(2040, 1, 1, tzinfo=UTC).timestamp()) * SECOND_NS


class Machine:
    """A wall clock and a monotonic one, moved apart by hand."""

    def __init__(self) -> None:
        self.wall_ns, self.count_ns = NOW, 0

    def now_ns(self) -> int:
        return self.wall_ns

    def monotonic_ns(self) -> int:
        return self.count_ns

    def wait(self, passed_ns: int) -> None:
        self.wall_ns += passed_ns
        self.count_ns += passed_ns


@pytest.fixture
def machine() -> Machine:
    return Machine()


JUMPS = [
    pytest.param(NOW - HOUR_NS, "1 h behind", id="back-an-hour"),
    pytest.param(NOW + DAY_NS, "1 d ahead of", id="ahead-a-day"),
    pytest.param(NOW + 3 * SECOND_NS, "3 s ahead of", id="ahead-three-seconds"),
    pytest.param(NOW - 3 * SECOND_NS, "3 s behind", id="back-three-seconds"),
    pytest.param(0, "behind", id="to-1970"),
    pytest.param(YEAR_2040, "ahead of", id="beyond-2038"),
    pytest.param(2**63, "ahead of", id="beyond-what-nanoseconds-can-tell"),
]


@pytest.mark.parametrize(("wall_ns", "word"), JUMPS)
def test_a_jump_is_not_followed_and_said(machine: Machine, wall_ns: int, word: str) -> None:
    clock = SteadyClock(machine)
    machine.wall_ns = wall_ns
    assert clock.now_ns() == NOW
    assert word in clock.doubt
    machine.wait(MINUTE_NS)
    assert clock.now_ns() == NOW + MINUTE_NS
    assert clock.doubt


@pytest.mark.parametrize(("wall_ns", "word"), JUMPS)
def test_when_the_wall_comes_back_all_is_as_before(
    machine: Machine, wall_ns: int, word: str
) -> None:
    clock = SteadyClock(machine)
    machine.wall_ns = wall_ns
    assert word in clock.doubt
    machine.wall_ns, machine.count_ns = NOW + MINUTE_NS, MINUTE_NS
    assert not clock.doubt
    assert clock.now_ns() == NOW + MINUTE_NS


@pytest.mark.parametrize("off_ns", [SECOND_NS, -SECOND_NS, 2 * SECOND_NS], ids=str)
def test_up_to_two_seconds_are_followed_and_never_back(machine: Machine, off_ns: int) -> None:
    clock = SteadyClock(machine)
    before = clock.now_ns()
    machine.wall_ns += off_ns
    assert clock.now_ns() == max(before, NOW + off_ns)
    assert not clock.doubt


def test_a_leap_second_told_twice_is_no_jump(machine: Machine) -> None:
    clock = SteadyClock(machine)
    told = [clock.now_ns()]
    for _ in range(4):
        machine.wait(SECOND_NS // 2)
        told.append(clock.now_ns())
    machine.wall_ns -= SECOND_NS
    for _ in range(4):
        told.append(clock.now_ns())
        machine.wait(SECOND_NS // 2)
    assert told == sorted(told)
    assert not clock.doubt


@pytest.mark.parametrize("rate_ns", [1_000_000, -1_000_000], ids=["fast", "slow"])
def test_a_slewed_clock_is_followed_for_as_long_as_it_takes(machine: Machine, rate_ns: int) -> None:
    clock = SteadyClock(machine)
    for _ in range(10_000):
        machine.wait(SECOND_NS)
        machine.wall_ns += rate_ns
        assert not clock.doubt
    assert clock.now_ns() == NOW + 10_000 * (SECOND_NS + rate_ns)


def test_a_clock_that_runs_much_too_fast_is_left_after_two_seconds(machine: Machine) -> None:
    clock = SteadyClock(machine)
    for _ in range(1_000):
        machine.wait(SECOND_NS)
        machine.wall_ns += SECOND_NS // 10
    assert "ahead of" in clock.doubt
    assert clock.now_ns() - NOW <= 1_003 * SECOND_NS


def test_eight_hours_of_sleep_are_a_long_gap(machine: Machine) -> None:
    clock = SteadyClock(machine)
    machine.wait(8 * HOUR_NS)
    assert not clock.doubt
    assert clock.now_ns() == NOW + 8 * HOUR_NS


def test_a_stalled_monotonic_clock_is_doubted_until_the_broker_confirms_the_wall(
    machine: Machine,
) -> None:
    clock = SteadyClock(machine, broker_ns=NOW)
    machine.wall_ns += MINUTE_NS
    assert clock.doubt
    assert clock.now_ns() == NOW
    clock.compare(NOW + MINUTE_NS)
    assert not clock.doubt
    assert clock.now_ns() == NOW + MINUTE_NS


def test_a_monotonic_clock_that_goes_back_takes_nothing_back(machine: Machine) -> None:
    clock = SteadyClock(machine)
    machine.wait(MINUTE_NS)
    assert clock.now_ns() == NOW + MINUTE_NS
    machine.wait(-MINUTE_NS)
    assert clock.now_ns() == NOW + MINUTE_NS
    assert clock.doubt


def test_the_steady_time_is_believed_when_the_broker_went_with_it_for_a_minute(
    machine: Machine,
) -> None:
    clock = SteadyClock(machine, broker_ns=NOW)
    machine.wall_ns += DAY_NS
    clock.compare(NOW)
    assert "1 d ahead of the time that has passed" in clock.doubt
    machine.wait(STEADY_NS - 1)
    clock.compare(NOW + STEADY_NS - 1)
    assert clock.doubt
    machine.wait(1)
    clock.compare(NOW + STEADY_NS)
    assert not clock.doubt
    assert clock.now_ns() == NOW + STEADY_NS


def test_a_second_jump_is_doubted_anew(machine: Machine) -> None:
    clock = SteadyClock(machine, broker_ns=NOW)
    machine.wall_ns += DAY_NS
    clock.compare(NOW)
    machine.wait(STEADY_NS)
    clock.compare(NOW + STEADY_NS)
    assert not clock.doubt
    machine.wall_ns -= DAY_NS
    assert not clock.doubt
    machine.wall_ns += DAY_NS
    assert clock.doubt


def test_a_broker_whose_clock_jumps_confirms_nothing(machine: Machine) -> None:
    clock = SteadyClock(machine, broker_ns=NOW)
    machine.wall_ns += DAY_NS
    clock.compare(NOW)
    machine.wait(STEADY_NS // 2)
    clock.compare(NOW - HOUR_NS)
    machine.wait(STEADY_NS // 2)
    clock.compare(NOW + STEADY_NS)
    assert clock.doubt
    assert clock.now_ns() == NOW + STEADY_NS


@pytest.mark.parametrize(
    ("off_ns", "doubt"),
    [
        pytest.param(5 * SECOND_NS, "", id="five-seconds"),
        pytest.param(6 * SECOND_NS, "the clock of the broker is 6 s ahead of ours", id="ahead"),
        pytest.param(-DAY_NS, "the clock of the broker is 1 d behind ours", id="behind"),
    ],
)
def test_a_broker_further_away_than_five_seconds_is_not_followed_and_stops_increases(
    machine: Machine, off_ns: int, doubt: str
) -> None:
    clock = SteadyClock(machine, broker_ns=NOW)
    clock.compare(NOW + off_ns)
    assert clock.doubt == doubt
    assert clock.now_ns() == NOW
    clock.compare(NOW)
    assert not clock.doubt


@pytest.mark.parametrize("off_ns", [DAY_NS, -HOUR_NS, 6 * SECOND_NS], ids=str)
def test_at_a_start_the_broker_s_time_is_taken_and_doubted_until_another_agrees(
    machine: Machine, off_ns: int
) -> None:
    machine.wall_ns += off_ns
    clock = SteadyClock(machine, broker_ns=NOW, since_ns=NOW - HOUR_NS)
    assert clock.now_ns() == NOW
    assert clock.doubt
    machine.wall_ns -= off_ns
    assert not clock.doubt


def test_a_wall_that_stays_wrong_is_done_without(machine: Machine) -> None:
    """The monotonic clock is not exact either: it is led by the broker's, slowly."""
    machine.wall_ns += HOUR_NS
    clock, broker_ns = SteadyClock(machine, broker_ns=NOW), NOW
    for look in range(3 * 24 * 120):
        machine.wait(30 * SECOND_NS)
        broker_ns += 30 * SECOND_NS + 3_000_000
        clock.compare(broker_ns)
        assert bool(clock.doubt) is (look < 2)
    assert abs(clock.now_ns() - broker_ns) < SECOND_NS


def test_before_the_journal_nothing_is_believed_until_the_wall_has_passed_it(
    machine: Machine,
) -> None:
    clock = SteadyClock(machine, since_ns=NOW + HOUR_NS)
    assert clock.doubt == "the clock stands 1 h before what was last written down"
    machine.wait(HOUR_NS // 2)
    assert "30 min before" in clock.doubt
    machine.wait(HOUR_NS // 2)
    assert not clock.doubt


def test_a_machine_that_woke_in_1970_is_believed_once_it_was_set(machine: Machine) -> None:
    machine.wall_ns = 0
    clock = SteadyClock(machine, since_ns=NOW)
    assert clock.doubt
    machine.wall_ns = NOW + HOUR_NS
    assert not clock.doubt
    assert clock.now_ns() == NOW + HOUR_NS


def test_a_journal_ahead_of_the_broker_is_no_reason_to_believe_the_wall(machine: Machine) -> None:
    machine.wall_ns += DAY_NS
    clock = SteadyClock(machine, broker_ns=NOW, since_ns=NOW + HOUR_NS)
    assert clock.now_ns() == NOW
    assert "1 h before" in clock.doubt


def test_a_clock_moved_by_hand_is_always_believed_ahead() -> None:
    hand = ManualClock(NOW)
    clock = SteadyClock(hand)
    hand.move_to(NOW + DAY_NS)
    clock.compare(None)
    assert not clock.doubt
    assert clock.now_ns() == NOW + DAY_NS


def test_the_machine_s_own_clocks_agree() -> None:
    clock = SteadyClock(SystemClock())
    first = clock.now_ns()
    assert not clock.doubt
    assert clock.now_ns() >= first
    assert clock.monotonic_ns() > 0
