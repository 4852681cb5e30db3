"""How often somebody may come, and how slowly who guesses is told that it was wrong."""

from contextlib import suppress

import pytest
from tests.unit.leaping import ran

from smart_leverage.server.http import error_reply
from smart_leverage.server.rates import (
    FORGET_S,
    FREE_FAILURES,
    SOURCES_MAX,
    WAIT_MAX_S,
    Failures,
    Rates,
)
from smart_leverage.wire.errors import WireError


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(rates: Rates, token: str, times: int) -> int:
    """Return how many of so many requests were let through."""

    def passes() -> bool:
        with suppress(WireError):
            rates.take(token)
            return True
        return False

    return sum(passes() for _ in range(times))


def test_a_token_has_a_burst_and_then_its_rate(clock: Clock) -> None:
    rates = Rates(2.0, 5.0, clock)
    assert taken(rates, "a", 20) == 5
    clock.now_s += 1.5
    assert taken(rates, "a", 20) == 3
    clock.now_s += 0.25
    assert taken(rates, "a", 20) == 0
    clock.now_s += 0.25
    assert taken(rates, "a", 20) == 1


def test_a_refusal_says_that_nothing_was_decided_and_when_to_come_again(clock: Clock) -> None:
    rates = Rates(1.0, 1.0, clock)
    rates.take("a")
    with pytest.raises(WireError, match="rate limit exceeded") as refused:
        rates.take("a")
    assert (refused.value.status, refused.value.code) == (429, 42910000)
    assert ("Retry-After", "1") in error_reply(refused.value).more


def test_a_long_pause_earns_one_burst_and_no_more(clock: Clock) -> None:
    rates = Rates(2.0, 5.0, clock)
    taken(rates, "a", 5)
    clock.now_s += 1e9
    assert taken(rates, "a", 20) == 5


def test_whoever_comes_too_often_is_not_punished_for_it(clock: Clock) -> None:
    """A refused request costs nothing, so that asking on does not lock anybody out."""
    rates = Rates(1.0, 1.0, clock)
    assert taken(rates, "a", 1_000) == 1
    clock.now_s += 1.0
    assert taken(rates, "a", 1) == 1


def test_one_token_takes_nothing_from_another(clock: Clock) -> None:
    rates = Rates(1.0, 3.0, clock)
    assert taken(rates, "a", 10) == 3
    assert taken(rates, "b", 10) == 3


# -- wrong secrets --------------------------------------------------------------------------------


def waits(failures: Failures, *sources: str) -> list[float]:
    """Return for how long the refusal of each was held back, seconds."""
    return [round(ran(failures.hold_up(source))[1], 6) for source in sources]


def test_a_person_who_mistypes_waits_for_nothing_and_a_guesser_longer_and_longer(
    clock: Clock,
) -> None:
    waited = waits(Failures(clock), *["here"] * 40)
    assert set(waited[:FREE_FAILURES]) == {0.0}
    beyond = waited[FREE_FAILURES:]
    assert beyond[0] > 0.0
    assert beyond == sorted(beyond)
    assert beyond[-1] == WAIT_MAX_S


def test_one_source_does_not_slow_another_down(clock: Clock) -> None:
    failures = Failures(clock)
    waits(failures, *["here"] * 20)
    assert waits(failures, "there", "here") == [0.0, WAIT_MAX_S]


def test_what_is_long_ago_is_forgotten(clock: Clock) -> None:
    failures = Failures(clock)
    waits(failures, *["here"] * 20)
    clock.now_s += FORGET_S
    assert waits(failures, "here") == [WAIT_MAX_S]
    clock.now_s += FORGET_S + 1.0
    assert waits(failures, "here") == [0.0]


def test_many_sources_do_not_fill_the_memory_and_the_latest_stay_known(clock: Clock) -> None:
    failures = Failures(clock)
    waits(failures, *["old"] * 20)

    async def flood() -> None:
        for number in range(SOURCES_MAX - 1):
            await failures.hold_up(f"source {number}")
        for _ in range(20):
            await failures.hold_up("new")

    ran(flood())
    assert waits(failures, "old", "new") == [0.0, WAIT_MAX_S]
