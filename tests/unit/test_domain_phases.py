"""Phases follow one another from the opening; which is due, and what its signature says."""

import pytest

from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.phases import label_of, phases_at, told
from smart_leverage.domain.proposals import Change, diff

OPENED = 1_709_658_000 * 10**9
"""2024-03-05 17:00:00Z"""


@pytest.mark.parametrize(
    ("after_ns", "last", "following"),
    [
        pytest.param(0, None, 7, id="at-the-opening"),
        pytest.param(7 * DAY_NS - 1, None, 7, id="just-before"),
        pytest.param(7 * DAY_NS, 7, 14, id="due-at-its-end"),
        pytest.param(30 * DAY_NS, 28, 35, id="weeks-go-on"),
        pytest.param(-HOUR_NS, None, 7, id="a-clock-that-went-back"),
    ],
)
def test_a_phase_is_due_at_its_end(after_ns, last, following) -> None:
    week = phases_at(OPENED, OPENED + after_ns)[0]
    assert week.last_ns == (None if last is None else OPENED + last * DAY_NS)
    assert week.next_ns == OPENED + following * DAY_NS
    assert week.is_due == (last is not None)


def test_a_signature_belongs_to_one_phase_and_the_last_one_counts() -> None:
    at_ns = OPENED + 31 * DAY_NS
    old, new = (label_of(7, OPENED + days * DAY_NS) for days in (21, 28))
    notes = (f"{old}: reached, signed by ann", f"{new}: missed, by ann", f"{new}: reached, by bob")
    week, month = phases_at(OPENED, at_ns, notes)
    assert not week.is_due
    assert told(week) == (
        "7 days, next due 2024-04-09 17:00:00Z; to 2024-04-02 17:00:00Z reached, by bob"
    )
    assert month.is_due
    assert told(month) == (
        "30 days, next due 2024-05-04 17:00:00Z; due since 2024-04-04 17:00:00Z and not signed, "
        "see `smart-leverage review`"
    )
    assert phases_at(OPENED, at_ns, notes[:1])[0].is_due  # signed was the one before


def test_a_diff_names_what_changes_and_nothing_else() -> None:
    change = Change(
        name="limits.symbol_cap", before="0.1", after="0.08", rule="asset locks", evidence="2"
    )
    assert [line for line in diff([change]) if not line.startswith("@@")] == [
        "--- limits in force",
        "+++ limits proposed",
        "-limits.symbol_cap = 0.1",
        "+limits.symbol_cap = 0.08",
    ]
    assert diff([]) == []
