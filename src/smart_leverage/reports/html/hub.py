"""One page for all accounts of a place: how each stands, paper and live apart, nothing to click."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from smart_leverage.domain.stamps import iso
from smart_leverage.reports.html.frame import rendered_page

TITLES: Mapping[str, str] = {
    "live": "■ LIVE, real money",
    "paper": "▲ PAPER, no money",
    "sim": "● SIMULATION",
    "": "Not opened yet",
}
"""By mode, in the order in which they are shown."""

EVERY_S = 5


class Row(NamedTuple):
    """One account, as the page shows it; levels are ok, near or hit."""

    name: str
    mode: str
    process: str
    process_level: str
    state: str = "—"
    level: str = ""
    why: str = ""
    equity: str = "—"
    today: str = "—"
    today_level: str = ""
    crypto: str = "—"
    leveraged: str = "—"
    valued: str = "—"
    desk: str = ""


def hub_page(rows: Sequence[Row], now_ns: int) -> str:
    """Return the page of all accounts, those with real money first."""
    groups = [
        {"mode": mode or "none", "title": title, "rows": own}
        for mode, title in TITLES.items()
        if (own := [row for row in rows if row.mode == mode])
    ]
    bad = [row.name for row in rows if "hit" in (row.process_level, row.level)]
    verdict = f"{', '.join(bad)}: look there" if bad else f"{len(rows)} accounts, all in order"
    content = {"title": "Accounts", "at": iso(now_ns)[:19] + "Z", "every_s": EVERY_S}
    return rendered_page("hub.html.j2", {**content, "groups": groups, "verdict": verdict})
