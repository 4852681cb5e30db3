"""What may be traded, and when: assets, clock and calendar."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

from smart_leverage.domain.calendars import Session, Sessions
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.server.gateway.instruments import Instruments, Listing
from smart_leverage.server.http import Call, Reply, reply
from smart_leverage.wire.assets import asset_id, asset_json, exchange_of
from smart_leverage.wire.clock import NEW_YORK, calendar_json, clock_json, moment
from smart_leverage.wire.errors import invalid, not_found
from smart_leverage.wire.reading import Query
from smart_leverage.wire.venues import (
    AHEAD_DAYS,
    MARKETS,
    clocks_json,
    days_json,
    market_named,
)

_LOCAL = NEW_YORK.key.lower()
_ASSETS = ("status", "asset_class", "exchange", "attributes")


class MarketRoutes:
    """The routes that are the same for every bot."""

    def __init__(
        self, listing: Listing, instruments: Instruments, now_ns: Callable[[], int]
    ) -> None:
        """Join the parts."""
        self._listing = listing
        self._instruments = instruments
        self._now_ns = now_ns
        self._sessions = Sessions.xnys()

    async def assets(self, call: Call) -> Reply:
        """List what may be traded through this gateway."""
        query = call.query.only(*_ASSETS)
        kinds = query.words("asset_class") or (AssetClass.US_EQUITY.value,)
        exchange = query.text("exchange")
        if query.word("status", ("active", "inactive", "all"), "all") == "inactive":
            return reply([])
        found = [one for one in self._instruments().values() if one.asset_class.value in kinds]
        return reply([asset_json(one) for one in found if exchange in (None, exchange_of(one))])

    async def asset(self, call: Call) -> Reply:
        """Return one asset, by any spelling of its symbol or by its id."""
        name = call.values["symbol"]
        key = self._listing.key_in_path(name)
        if key is None:
            key = next((each for each in self._instruments() if asset_id(each) == name), None)
        if key is None:
            raise not_found(f"asset not found for {name[:64]}")
        return reply(asset_json(self._listing[key]))

    async def clock(self, call: Call) -> Reply:
        """Return what time it is, and whether shares trade."""
        return reply(clock_json(self._now_ns(), self._sessions))

    async def calendar(self, call: Call) -> Reply:
        """List the trading days between two dates, both included."""
        return reply(calendar_json(*self._days(call.query.only("start", "end", "date_type"))))

    async def clocks(self, call: Call) -> Reply:
        """Return what time it is, and in which phase of its day each market is."""
        query = call.query.only("markets", "time")
        markets = [market_named(name) for name in query.words("markets")] or MARKETS
        at_ns = query.moment("time")
        return reply(clocks_json(self._covered(at_ns), self._sessions, markets))

    async def days(self, call: Call) -> Reply:
        """List the trading days of a market between two dates, with the phases of each."""
        market = market_named(call.values["market"])
        query = call.query.only("start", "end", "timezone")
        zone = query.word("timezone", ("utc", _LOCAL), _LOCAL)
        return reply(days_json(market, *self._days(query), is_utc=zone == "utc"))

    def _days(self, query: Query) -> tuple[list[Session], dict[date, date]]:
        """Return the days between two dates, and of each the one that follows it."""
        first = max(_date(query, "start", self._sessions.first), self._sessions.first)
        last = min(_date(query, "end", self._sessions.last), self._sessions.last)
        if first > last:
            return [], {}
        until = min(last + timedelta(days=AHEAD_DAYS), self._sessions.last)
        days = list(self._sessions.between(first, until))
        following = {one.date: other.date for one, other in pairwise(days)}
        return [one for one in days if one.date <= last], following

    def _covered(self, at_ns: int | None) -> int:
        """Return an instant, or the present one, if the days after it are known."""
        if at_ns is None:
            return self._now_ns()
        sessions = self._sessions
        if not sessions.first < moment(at_ns).date() < sessions.last - timedelta(days=AHEAD_DAYS):
            raise invalid(f"time: known from {sessions.first} to {sessions.last}")
        return at_ns


def _date(query: Query, name: str, default: date) -> date:
    text = query.text(name)
    if text is None:
        return default
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise invalid(f"{name} is no date, as in 2026-11-26") from None
