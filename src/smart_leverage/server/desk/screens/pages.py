"""The pages of the desk, their parts, charts, files and streams: each answered from the ledger."""

import json
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.sentences import LIFECYCLE, STATES, VERDICTS
from smart_leverage.engine.state import State
from smart_leverage.policy.reasons import Reason
from smart_leverage.server.desk.asking import Answered, Asked, DoorHandler, DoorRoute
from smart_leverage.server.desk.screens import bounds, charts, exports, performance
from smart_leverage.server.desk.screens.events import PANELS, Broadcast
from smart_leverage.server.desk.screens.reading import ReadingRoom
from smart_leverage.server.desk.screens.rendering import page
from smart_leverage.server.desk.screens.standing import Standing, Wanted
from smart_leverage.server.desk.screens.what_if import what_if
from smart_leverage.server.http import HTML, JSON, Reply, Streamed
from smart_leverage.wire.errors import WireError, invalid, not_found

PAGES = (
    ("now", "/", "Now", "n"),
    ("orders", "/orders", "Orders", "o"),
    ("performance", "/performance", "Performance", "p"),
    ("limits", "/limits", "Limits", "l"),
    ("bots", "/bots", "Bots", "b"),
    ("system", "/system", "System", "s"),
    ("help", "/help", "Help", "e"),
)
"""Name, path, word and the key that follows `g`."""

CSV = "text/csv; charset=utf-8"
LINES = "application/x-ndjson"
ROWS = 50
CHANGES = 30
VERDICTS_ASKED = ("approved", "cut", "denied", "observed", "warned", "held")

NO_ACCOUNT = WireError(503, 50310000, "the ledger of this account cannot be read yet")


class Screens:
    """The handlers of all pages."""

    def __init__(self, ledger: Path, now_ns: Callable[[], int]) -> None:
        """Follow a ledger, which is only ever read."""
        self._room = self.room = ReadingRoom(ledger, now_ns)
        self._broadcast = Broadcast(self._room)

    def routes(self) -> tuple[DoorRoute, ...]:
        """Return the routes of all pages; a session that may read sees them."""
        found = [
            *((path, self._page(name, word)) for name, path, word, _ in PAGES if name in _MORE),
            ("/limits", self.limits),
            ("/orders", self.orders),
            ("/orders.csv", self.orders_csv),
            ("/orders.json", self.orders_json),
            ("/decisions/{which}", self.decision),
            ("/charts/{name}", self.chart),
            ("/charts/{name}/table", self.chart_table),
            ("/events", self.events),
            ("/frame", self.frame),
        ]
        return tuple(DoorRoute("GET", path, Scope.READ, handler) for path, handler in found)

    def begin(self) -> None:
        """Read the ledger before anybody asks; a page that comes meanwhile waits for it."""
        self._room.begin()

    def close(self) -> None:
        """Read no more."""
        self._room.close()

    # -- whole pages ------------------------------------------------------------------------------

    def _page(self, name: str, title: str) -> DoorHandler:
        async def show(asked: Asked) -> Answered:
            """Show a page."""
            return await self._shown(asked, name, title, lambda standing: _MORE[name](standing))

        return show

    async def _shown(
        self, asked: Asked, name: str, title: str, more: Callable[[Standing], Mapping[str, object]]
    ) -> Reply:
        def show(standing: Standing) -> bytes:
            return page(
                f"{name}.html",
                standing=standing,
                visitor=asked.visitor,
                page=name,
                pages=PAGES,
                title=title,
                streams=self._broadcast.readers,
                **more(standing),
            )

        return Reply(200, await self._ask(show), kind=HTML)

    async def _ask(self, question: Callable[[Standing], bytes]) -> bytes:
        def put(standing: Standing | None) -> bytes:
            if standing is None:
                raise NO_ACCOUNT
            return question(standing)

        return await self._room.ask(put)

    async def limits(self, asked: Asked) -> Answered:
        """Show what is in force, and what would be at other figures."""

        def more(standing: Standing) -> Mapping[str, object]:
            changed = [each for each in standing.history.limits if each.before]
            return {
                "sections": bounds.sections(standing),
                "changes": changed[::-1][:CHANGES],
                "what_if": what_if(standing, asked.query),
            }

        return await self._shown(asked, "limits", "Limits", more)

    # -- decisions --------------------------------------------------------------------------------

    async def orders(self, asked: Asked) -> Answered:
        """Show what was asked and what became of it."""

        def more(standing: Standing) -> Mapping[str, object]:
            wanted = _wanted(asked.query, standing.state, ROWS)
            return {
                "found": standing.decisions(wanted),
                "asked_for": {name: asked.query.get(name, "") for name in _FILTERS},
                "export": asked.query_bytes.decode("latin-1"),
                "verdicts": VERDICTS_ASKED,
                "reasons": [member.name.lower() for member in Reason if member is not Reason.NONE],
                "names": sorted(each.name for each in performance.bots(standing.state)),
                "rows": ROWS,
            }

        return await self._shown(asked, "orders", "Orders", more)

    async def orders_csv(self, asked: Asked) -> Answered:
        """Send the decisions that match as a table."""

        def made(standing: Standing) -> bytes:
            wanted = _wanted(asked.query, standing.state, exports.ROWS_MAX)
            return exports.as_csv(standing.decisions(wanted))

        return _file(await self._ask(made), CSV, "decisions.csv")

    async def orders_json(self, asked: Asked) -> Answered:
        """Send the decisions that match, one object a line."""

        def made(standing: Standing) -> bytes:
            wanted = _wanted(asked.query, standing.state, exports.ROWS_MAX)
            return exports.as_json(standing.decisions(wanted))

        return _file(await self._ask(made), LINES, "decisions.jsonl")

    async def decision(self, asked: Asked) -> Answered:
        """Explain one decision: as a drawer of a page, or as a page of its own."""
        which = asked.values["which"]

        def more(standing: Standing) -> Mapping[str, object]:
            try:
                return {"told": standing.explained(which)}
            except BadData as problem:
                raise not_found(str(problem)) from None

        if not asked.is_htmx:
            return await self._shown(asked, "decision", f"Decision {which}", more)

        def drawer(standing: Standing) -> bytes:
            return page("parts/explained.html", standing=standing, is_drawer=True, **more(standing))

        return Reply(200, await self._ask(drawer), kind=HTML)

    # -- charts -----------------------------------------------------------------------------------

    async def chart(self, asked: Asked) -> Answered:
        """Send a chart as JSON, or all of its points as CSV."""
        name, _, ending = asked.values["name"].partition(".")
        if name not in charts.CHARTS or ending not in ("", "csv"):
            raise not_found("there is no such chart")
        if ending:

            def table(standing: Standing) -> bytes:
                return charts.csv(standing.history, name).encode()

            return _file(await self._ask(table), CSV, f"{name}.csv")
        span = asked.query.get("range", "all")

        def made(standing: Standing) -> bytes:
            return json.dumps(charts.fields(standing.history, name, span)).encode()

        return Reply(200, await self._ask(made), kind=JSON)

    async def chart_table(self, asked: Asked) -> Answered:
        """Show a chart as a table, for whoever cannot see it or wants the numbers."""
        name = asked.values["name"]
        if name not in charts.CHARTS:
            raise not_found("there is no such chart")

        def more(standing: Standing) -> Mapping[str, object]:
            made = charts.chart(standing.history, name, points=charts.ROWS_MAX)
            return {
                "name": name,
                "made": made,
                "rows": list(zip(made.at_ns, *made.values, strict=True)),
                "kept": len(standing.history.columns.at_ns),
            }

        if not asked.is_htmx:
            return await self._shown(asked, "chart_table", f"{name.capitalize()} as a table", more)

        def drawer(standing: Standing) -> bytes:
            return page("parts/series.html", standing=standing, is_drawer=True, **more(standing))

        return Reply(200, await self._ask(drawer), kind=HTML)

    # -- what is new ------------------------------------------------------------------------------

    async def events(self, asked: Asked) -> Answered:
        """Open the stream of a page."""
        name, after = _page_of(asked), asked.last_event or asked.query.get("after", "")
        return Streamed(self._broadcast.listen(name, _count(after)))

    async def frame(self, asked: Asked) -> Answered:
        """Return once what the stream would tell, for a page that cannot have one."""
        name, after = _page_of(asked), _count(asked.query.get("after", ""))
        messages = await self._broadcast.frame(name, after)
        return Reply(200, json.dumps([each._asdict() for each in messages]).encode(), kind=JSON)


def _page_of(asked: Asked) -> str:
    name = asked.query.get("page", "now")
    if name not in PANELS:
        raise not_found("there is no such page")
    return name


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _file(content: bytes, kind: str, name: str) -> Reply:
    return Reply(200, content, (("Content-Disposition", f'attachment; filename="{name}"'),), kind)


_FILTERS = ("verdict", "reason", "bot", "symbol")


def _wanted(query: Mapping[str, str], state: State, rows: int) -> Wanted:
    """Return which decisions a query means.

    Raises:
        WireError: A value is none of those that there are; the sentence says which there are.
    """
    verdict, reason = query.get("verdict") or None, query.get("reason") or None
    reasons = [member.name.lower() for member in Reason]
    if verdict is not None and verdict not in VERDICTS_ASKED:
        raise invalid(f"verdict: {verdict!r} is none of {', '.join(VERDICTS_ASKED)}")
    if reason is not None and reason not in reasons:
        near = get_close_matches(reason, reasons, n=1)
        raise invalid(f"reason: {reason!r} is none{f', did you mean {near[0]}?' if near else ''}")
    return Wanted(
        verdict=verdict,
        reason=reason,
        bot=query.get("bot") or None,
        key=_key(query.get("symbol") or "", state),
        before=_count(query.get("before", "")) or Wanted().before,
        limit=rows,
    )


def _key(symbol: str, state: State) -> Key | None:
    """Return the instrument that is meant by a symbol; one that is unknown matches nothing."""
    if not symbol:
        return None
    name = symbol.strip().upper().replace("-", "/")
    known = (key for key in state.instruments if key.partition(":")[2] == name)
    return next(known, Key(symbol))


def _help(standing: Standing) -> Mapping[str, object]:
    return {"states": STATES, "lifecycle": LIFECYCLE, "verdicts": VERDICTS}


def _performance(standing: Standing) -> Mapping[str, object]:
    history, now = standing.history, standing.now
    begin_ns, end_ns = now.account.at_ns, now.at_ns
    first = history.tiers[0] if history.tiers else None
    before = standing.tiers[-1].before if first and standing.tiers else standing.state.tier.name
    return {
        "compounded": performance.compounded(history),
        "simple": performance.simple(history),
        "months": performance.MONTHS,
        "bins": performance.distribution(history.days),
        "tiers": performance.bands(history.tiers, before, begin_ns, end_ns),
        "states": performance.bands(history.states[1:], "active", begin_ns, end_ns),
        "trades": performance.trades(standing.state),
    }


_MORE: Mapping[str, Callable[[Standing], Mapping[str, object]]] = {
    "now": lambda standing: {},
    "performance": _performance,
    "bots": lambda standing: {"bots": performance.bots(standing.state)},
    "system": lambda standing: {},
    "help": _help,
}
