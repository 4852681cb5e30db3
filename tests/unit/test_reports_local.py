"""Times on a report: in the risk time zone, with few round labels."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, SECOND_NS
from smart_leverage.reports.local import LocalTime

NEW_YORK = LocalTime("America/New_York")


def ns(text: str, zone: str = "America/New_York") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND_NS


def test_an_instant_is_written_in_the_zone() -> None:
    at_ns = ns("2024-03-08 14:30", "UTC")
    assert NEW_YORK.text(at_ns) == "2024-03-08 09:30"
    assert NEW_YORK.text(at_ns + 7 * SECOND_NS) == "2024-03-08 09:30:07"
    assert NEW_YORK.date(ns("2024-03-08 03:00", "UTC")) == "2024-03-07"


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        pytest.param(
            0.25, ["19:00", "20:00", "21:00", "22:00", "23:00", "06 Mar"], id="an-evening"
        ),
        pytest.param(2, ["06 Mar", "06:00", "12:00", "18:00", "07 Mar"], id="two-days"),
        pytest.param(14, ["06 Mar", "08 Mar", "10 Mar", "12 Mar"], id="two-weeks"),
        pytest.param(150, ["Apr 2024", "May 2024", "Jun 2024", "Jul 2024"], id="months"),
        pytest.param(1_400, ["Jul 2024", "Jan 2025", "Jul 2025"], id="half-years"),
        pytest.param(3_000, ["2026", "2028", "2030", "2032"], id="years"),
    ],
)
def test_an_axis_has_a_few_labels_at_round_local_times(days: float, labels: list[str]) -> None:
    start_ns = ns("2024-03-05 19:00")
    ticks = NEW_YORK.ticks(start_ns, start_ns + int(days * DAY_NS))
    assert [tick.label for tick in ticks][: len(labels)] == labels
    assert len(ticks) <= 9


def test_days_stay_at_midnight_where_clocks_change() -> None:
    # On 10 March 2024 clocks in New York went forward.
    ticks = NEW_YORK.ticks(ns("2024-03-08 00:00"), ns("2024-03-13 00:00"))
    assert [NEW_YORK.text(tick.at_ns) for tick in ticks] == [
        f"2024-03-{day:02d} 00:00" for day in range(8, 14)
    ]


def test_an_axis_without_any_length_has_no_more_than_one_label() -> None:
    at_ns = ns("2024-03-08 12:00")
    assert len(NEW_YORK.ticks(at_ns, at_ns)) <= 1
    assert NEW_YORK.ticks(at_ns + HOUR_NS // 2, at_ns + HOUR_NS // 2) == []
