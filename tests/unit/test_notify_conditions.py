"""Troubles that only a look from outside finds: when they begin, and when they are over."""

import pytest

from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS
from smart_leverage.notify.conditions import Bounds, Seen, conditions, is_alive
from smart_leverage.notify.message import Level, Manner, Message
from smart_leverage.notify.wording import When

NOW = 1_795_808_160 * SECOND_NS
WHEN = When("America/New_York", NOW)
FINE = Seen(NOW, committed_ns=NOW - 60 * SECOND_NS)
BOUNDS = Bounds(bot_silent_ns=30 * MINUTE_NS)

TROUBLES = [
    pytest.param(FINE._replace(emergency=3, emergency_why="disk full"), "ledger", id="ledger"),
    pytest.param(FINE._replace(unreadable="cannot be read"), "ledger", id="unreadable"),
    pytest.param(FINE._replace(free_bytes=5 << 20, is_disk_short=True), "disk", id="disk"),
    pytest.param(FINE._replace(halt_file_ns=NOW - MINUTE_NS), "halt", id="halt-not-journalled"),
    pytest.param(FINE._replace(silent_ns=NOW - MINUTE_NS), "process", id="process-hangs"),
    pytest.param(FINE._replace(committed_ns=NOW - 4 * MINUTE_NS), "stale", id="stale"),
    pytest.param(FINE._replace(bots_ns={"grid": NOW - 31 * MINUTE_NS}), "bot:grid", id="bot"),
]


def found(seen: Seen, *known: str) -> list[Message]:
    return list(conditions(seen, BOUNDS, known, WHEN))


@pytest.mark.parametrize(("seen", "cause"), TROUBLES)
def test_a_trouble_begins_once_and_is_over_once(seen: Seen, cause: str) -> None:
    (begins,) = found(seen)
    assert (begins.cause, begins.manner) == (cause, Manner.OPENS)
    assert found(seen, cause) == []
    back = FINE._replace(bots_ns={"grid": NOW})
    (ends,) = found(back, cause)
    assert (ends.cause, ends.manner) == (cause, Manner.CLOSES)
    assert ends.text.startswith("● ")


def test_what_can_cost_money_at_night_is_urgent() -> None:
    levels = {each.values[1]: found(each.values[0])[0].level for each in TROUBLES}  # type: ignore[arg-type]
    urgent = {cause for cause, level in levels.items() if level is Level.URGENT}
    assert urgent == {"ledger", "disk", "halt", "process"}


def test_nothing_is_wrong_with_an_account_that_runs() -> None:
    assert found(FINE) == []


def test_what_is_on_its_way_is_no_trouble_yet() -> None:
    busy = FINE._replace(silent_ns=NOW - SECOND_NS, halt_file_ns=NOW - SECOND_NS)
    assert found(busy) == []


def test_a_halt_that_stands_in_the_journal_too_is_none() -> None:
    assert found(FINE._replace(halt_file_ns=NOW - MINUTE_NS, state="halted")) == []


def test_bots_may_be_as_silent_as_they_like_unless_asked_otherwise() -> None:
    quiet = FINE._replace(bots_ns={"grid": 1})
    assert list(conditions(quiet, Bounds(), (), WHEN)) == []


@pytest.mark.parametrize(
    ("seen", "lives"),
    [
        pytest.param(FINE, True, id="runs"),
        pytest.param(FINE._replace(committed_ns=0), False, id="nothing-recorded"),
        pytest.param(FINE._replace(committed_ns=NOW - 4 * MINUTE_NS), False, id="stale"),
        pytest.param(FINE._replace(silent_ns=NOW), False, id="does-not-answer"),
        pytest.param(FINE._replace(emergency=1), False, id="ledger-in-trouble"),
        pytest.param(FINE._replace(unreadable="gone"), False, id="ledger-gone"),
    ],
)
def test_a_sign_of_life_is_given_of_what_truly_lives(seen: Seen, *, lives: bool) -> None:
    assert is_alive(seen, BOUNDS) is lives
