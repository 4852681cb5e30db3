"""How the account was judged in a period: tiers, loss limits, breakers and locks."""

from decimal import Decimal

from smart_leverage.books.exact import ratio
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Resumed,
    StateChanged,
    TierGranted,
)
from smart_leverage.domain.sentences import BREAKERS, TIERS, money, percent
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.citing import clipped, signed
from smart_leverage.reports.html.parts import Head, Table, left_out
from smart_leverage.reports.statement.part import ROWS_MAX, Part


def tiers(part: Part) -> Table:
    """Return every change of tier with its evidence."""
    found = part.placed(TierGranted)
    rows = [
        (
            part.zone.text(each.at_ns),
            f"{TIERS.get(each.before, each.before)} → {TIERS.get(each.after, each.after)}",
            TIERS.get(each.earned, each.earned),
            f"{each.wins} of {each.closed}" if each.closed else "no record",
            percent(Decimal(each.win_rate)) if each.win_rate else "no record",
            percent(Decimal(each.month_return), 2) if each.month_return else "not known",
            clipped(each.why, 80),
            f"event {seq:,}",
        )
        for each, seq in found[-ROWS_MAX:]
    ]
    return Table(
        caption="Changes of tier, with their evidence",
        heads=[
            Head("when"),
            Head("tier"),
            Head("earned"),
            Head("won", is_number=True),
            Head("win rate", is_number=True),
            Head("month", is_number=True),
            Head("why", wraps=True),
            Head("source"),
        ],
        rows=rows,
        empty=f"no change: {TIERS.get(part.after.tier, part.after.tier)} all the time",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


def limited(part: Part) -> Table:
    """Return how far the account was from its loss limits at the end."""
    rows = []
    for each in part.after.losses:
        limit = "none" if each.limit is None else percent(-each.limit)
        used = "not known"
        if each.change is not None and each.limit:
            used = percent(ratio(max(-each.change, Decimal(0)), each.limit), 0)
        change = "not known" if each.change is None else signed(float(each.change))
        rows.append((each.name, change, limit, used if each.limit else "", _word(each.is_tripped)))
    return Table(
        caption="Loss limits at the end",
        heads=[
            Head("of"),
            Head("so far", is_number=True),
            Head("limit", is_number=True),
            Head("used", is_number=True),
            Head("breaker"),
        ],
        rows=rows,
        source=f"baselines and the last mark before event {part.after.seq + 1:,}",
        empty="not known: the account was never valued",
    )


def _word(is_tripped: bool) -> str:
    return "■ TRIPPED" if is_tripped else "● not tripped"


def breakers(part: Part) -> Table:
    """Return trips, resets, changes of the trading state, and who resumed."""
    rows: list[tuple[int, tuple[str, ...]]] = []
    for each, seq in part.placed(BreakerMoved):
        word = "■ tripped" if each.is_tripped else "● cleared"
        name = BREAKERS[each.breaker].word if each.breaker in BREAKERS else each.breaker
        told_ = f"{percent(-each.value, 2)} of {percent(-each.limit, 2)}"
        rows.append((seq, (part.zone.text(each.at_ns), clipped(name, 40), word, told_, each.why)))
    for state, seq in part.placed(StateChanged):
        change = f"{state.before} → {state.after}"
        by = f"{state.why} (by {state.who})"
        rows.append((seq, (part.zone.text(state.at_ns), "trading state", change, "", by)))
    for resume, seq in part.placed(Resumed):
        by = f"{resume.reason} (by {resume.who})"
        equity = f"from {money(resume.equity)} on"
        rows.append((seq, (part.zone.text(resume.at_ns), "resumed", "● resumed", equity, by)))
    rows.sort()
    shown = rows[-ROWS_MAX:]
    return Table(
        caption="Breakers and trading states",
        heads=[
            Head("when"),
            Head("what"),
            Head("change"),
            Head("value and limit"),
            Head("why", wraps=True),
            Head("source"),
        ],
        rows=[(*(clipped(cell, 160) for cell in cells), f"event {seq:,}") for seq, cells in shown],
        empty=f"no breaker moved, and the account was {part.after.state} all the time",
        more=left_out(len(shown), len(rows), "the latest ones are shown"),
    )


def locks(part: Part) -> Table:
    """Return the instruments that were locked for having lost their day's share."""
    found = part.placed(AssetLocked)
    rows = [
        (
            part.zone.text(each.at_ns),
            clipped(symbol_of(each.key), 24),
            f"{percent(-each.loss, 2)} of {percent(-each.limit, 2)}",
            "all coins together" if each.is_by_sleeve else "its own loss",
            part.zone.text(each.until_ns),
            f"event {seq:,}",
        )
        for each, seq in found[-ROWS_MAX:]
    ]
    return Table(
        caption="Locks",
        heads=[
            Head("when"),
            Head("instrument"),
            Head("lost, and limit"),
            Head("by"),
            Head("until"),
            Head("source"),
        ],
        rows=rows,
        empty="nothing was locked",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )
