"""Writes the packaged session table of the New York Stock Exchange from exchange-calendars.

Run it after an update of exchange-calendars, read the difference, and commit both together:

    python scripts/make_calendar.py
"""

import csv
import sys
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import exchange_calendars

# From 1970 on the library's dates agree with published daily prices; before, holidays lack.
FIRST = date(1970, 1, 1)
LAST = date(2030, 12, 31)
REGULAR = ("09:30", "16:00")
ZONE = "America/New_York"
TABLE = Path(__file__).parents[1] / "src/smart_leverage/domain/data/xnys_sessions.csv"


def hours_by_date(calendar: Any) -> dict[date, tuple[str, str]]:
    """Return the local opening and closing time of every session."""
    schedule = calendar.schedule
    opens = schedule["open"].dt.tz_convert(ZONE)
    closes = schedule["close"].dt.tz_convert(ZONE)
    return {
        session.date(): (opened.strftime("%H:%M"), closed.strftime("%H:%M"))
        for session, opened, closed in zip(schedule.index, opens, closes, strict=True)
    }


def rows(hours: dict[date, tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """Return the exceptions to a week of five regular sessions, in order of date."""
    found = [("regular", FIRST.isoformat(), *REGULAR)]
    day = FIRST
    while day <= LAST:
        if day.weekday() < 5 and day not in hours:
            found.append(("closed", day.isoformat(), "", ""))
        elif day in hours and hours[day] != REGULAR:
            found.append(("hours", day.isoformat(), *hours[day]))
        if day.weekday() >= 5 and day in hours:
            raise SystemExit(f"{day} is a session at a weekend: the table cannot say that")
        day += timedelta(days=1)
    return [*found, ("last", LAST.isoformat(), "", "")]


def main() -> None:
    """Write the table and say what it holds."""
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST, end=LAST)
    hours = hours_by_date(calendar)
    table = rows(hours)
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("kind", "date", "open", "close"))
    writer.writerows(table)
    TABLE.write_text(text.getvalue(), encoding="utf-8")
    sys.stdout.write(f"{TABLE.name}: {len(hours)} sessions, {len(table) - 2} exceptions\n")


if __name__ == "__main__":
    main()
