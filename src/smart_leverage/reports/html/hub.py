"""One page for all accounts of a place: how each stands, paper and live apart, nothing to click."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.sentences import STATES, money
from smart_leverage.domain.stamps import iso, span
from smart_leverage.ledger.reader import Reader
from smart_leverage.policy.reasons import TradingState
from smart_leverage.reports.html.frame import rendered_page

TITLES: Mapping[str, str] = {
    "live": "■ LIVE, real money",
    "paper": "▲ PAPER, no money",
    "sim": "● SIMULATION",
    "": "Not opened yet",
}
"""By mode, in the order in which they are shown."""

EVERY_S = 5
LATE_NS = 150 * 10**9
"""A running account values itself each minute; one that has not for so long is told apart."""


class Process(NamedTuple):
    """What is known of the process of an account, in words, and how bad that is."""

    words: str
    level: str = "ok"


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


def row_of(name: str, reader: Reader, process: Process, desk: str, now_ns: int) -> Row:
    """Return the row of an account, read from the tables of its ledger."""
    account, mark = reader.account(), reader.mark()
    mode = "" if account is None else account.mode
    row = Row(name, mode, process.words, process.level, desk=desk)
    if account is None or mark is None:
        return row
    last = next(iter(reader.states(limit=1)), None)
    word = TradingState[(last.after if last else "active").upper()]
    day = next((one.equity for one in reader.baselines() if one.period == "day"), None)
    today = None if not day else mark.equity / day - 1
    age_ns = now_ns - mark.at_ns
    is_late = age_ns > LATE_NS
    return row._replace(
        state=f"{'●▲■■'[int(word)]} {STATES[word].word}",
        level=("ok", "near", "hit", "hit")[int(word)],
        why=last.why if last and word else "",
        equity=money(mark.equity),
        today="—" if today is None else f"{today:+.2%}",
        today_level="" if not today else "gain" if today > 0 else "loss",
        crypto=_used(mark.crypto, mark.equity, mark.crypto_cap),
        leveraged=_used(mark.leveraged, mark.equity, mark.leveraged_cap),
        valued=f"{'▲ ' * is_late}{span(max(age_ns, 0))} ago",
    )


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


def _used(value: Decimal, equity: Decimal, cap: Decimal) -> str:
    return "—" if equity <= 0 else f"{value / equity:.1%} of {cap:.0%}"
