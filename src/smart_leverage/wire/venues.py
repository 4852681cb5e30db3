"""Clock and calendar by market, as newer clients ask for them: the phases of a trading day."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, timedelta, timezone
from typing import Any, NamedTuple

from smart_leverage.domain.calendars import Session, Sessions
from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS
from smart_leverage.wire.clock import NEW_YORK, REGULAR_MINUTES, moment
from smart_leverage.wire.errors import invalid

PRE_NS = 5 * HOUR_NS + 30 * MINUTE_NS
"""So long before the core session the early one begins, at 04:00."""

POST_NS = 4 * HOUR_NS
"""So long after a whole core session the late one ends, at 20:00; of a half day nobody says it."""

AHEAD_DAYS = 10
"""No two sessions are further apart."""


class Market(NamedTuple):
    """An exchange whose sessions are known here."""

    acronym: str
    mic: str
    name: str

    def json(self) -> dict[str, str]:
        """Return its object."""
        return {**self._asdict(), "timezone": NEW_YORK.key}


MARKETS = (
    Market("NYSE", "XNYS", "New York Stock Exchange"),
    Market("NASDAQ", "XNAS", "Nasdaq Stock Market"),
)
"""They keep the same hours; no other market trades what a bot can trade here."""


def market_named(name: str) -> Market:
    """Return a market by its acronym or its identifier code.

    Raises:
        WireError: 422, its hours are not known here.
    """
    wanted = name.strip().upper()
    for market in MARKETS:
        if wanted in (market.acronym, market.mic):
            return market
    raise invalid(f"the market {name[:16]} is not known here; NYSE and NASDAQ are")


class Phase(NamedTuple):
    """What a market does from one instant to another."""

    word: str
    begin_ns: int
    end_ns: int


def phase_of(at_ns: int, sessions: Sessions) -> Phase:
    """Return the phase that an instant is in, or begins; closed is what lies between two others.

    Raises:
        BadData: The sessions do not cover the days behind it.
    """
    today = moment(at_ns).date()
    coming = sessions.between(today, today + timedelta(days=AHEAD_DAYS))
    phases = (phase for session in coming for phase in _phases(session))
    following = next(phase for phase in phases if at_ns < phase.end_ns)
    is_on = at_ns >= following.begin_ns
    return following if is_on else Phase("closed", at_ns, following.begin_ns)


def _phases(session: Session) -> Iterator[Phase]:
    yield Phase("pre", session.open_ns - PRE_NS, session.open_ns)
    yield Phase("core", session.open_ns, session.close_ns)
    if session.minutes >= REGULAR_MINUTES:
        yield Phase("post", session.close_ns, session.close_ns + POST_NS)


def clocks_json(at_ns: int, sessions: Sessions, markets: Iterable[Market]) -> dict[str, Any]:
    """Return the clock of each market.

    Args:
        at_ns: UTC, covered by the sessions as the days behind it are.
        sessions: Of all these markets.
        markets: Which are asked for.
    """
    phase = phase_of(at_ns, sessions)
    shown = {
        "timestamp": moment(at_ns).isoformat(),
        "is_market_day": sessions.session_on(moment(at_ns).date()) is not None,
        "next_market_open": moment(sessions.next_open(at_ns)).isoformat(),
        "next_market_close": moment(sessions.next_close(at_ns)).isoformat(),
        "phase": phase.word,
        "phase_until": moment(phase.end_ns).isoformat(),
    }
    return {"clocks": [{"market": market.json(), **shown} for market in markets]}


def days_json(
    market: Market, days: Iterable[Session], following: dict[date, date], *, is_utc: bool
) -> dict[str, Any]:
    """Return the trading days of a market with their phases; see `calendar_json`."""
    zone = UTC if is_utc else None
    return {
        "market": market.json(),
        "calendar": [_day_json(session, following, zone) for session in days],
    }


def _day_json(
    session: Session, following: dict[date, date], zone: timezone | None
) -> dict[str, str]:
    settles = following.get(session.date, session.date + timedelta(days=1))
    day = {"date": session.date.isoformat(), "settlement_date": settles.isoformat()}
    for phase in _phases(session):
        for edge, at_ns in (("start", phase.begin_ns), ("end", phase.end_ns)):
            day[f"{phase.word}_{edge}"] = moment(at_ns).astimezone(zone or NEW_YORK).isoformat()
    return day
