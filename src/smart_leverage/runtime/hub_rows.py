"""How an account stands, on one line of the page of all accounts."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.sentences import STATES, money
from smart_leverage.domain.stamps import span
from smart_leverage.ledger.reader import Reader
from smart_leverage.policy.reasons import TradingState
from smart_leverage.reports.html.hub import Row

LATE_NS = 150 * 10**9
"""A running account values itself each minute; one that has not for so long is told apart."""


class Process(NamedTuple):
    """What is known of the process of an account, in words, and how bad that is."""

    words: str
    level: str = "ok"


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


def _used(value: Decimal, equity: Decimal, cap: Decimal) -> str:
    return "—" if equity <= 0 else f"{value / equity:.1%} of {cap:.0%}"
