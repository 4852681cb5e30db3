"""The figures of a period, each with its definition, what it is counted over, and its source."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from smart_leverage.books.units import depth
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.records import Decided, Filled, FlowSeen, Marked
from smart_leverage.domain.sentences import money, percent
from smart_leverage.policy.target import MONTHLY
from smart_leverage.reports.citing import (
    cited,
    counted,
    events,
    ratio_text,
    signed,
    signed_money,
    span_text,
)
from smart_leverage.reports.figure import Figure, known, unknown
from smart_leverage.reports.statement.part import Part
from smart_leverage.reports.statement.period import Kind
from smart_leverage.reports.trading import costs, statistics

_NOT_VALUED = "the account was not valued in this period"
_VERDICTS = ("approved", "cut", "denied")
_RARE = ("observed", "warned")


def figures_of(part: Part) -> list[Figure]:
    """Return every figure of a period, in the order in which a statement shows them."""
    return [
        *_money(part),
        *_against(part),
        *_drawdown(part),
        *_exposure(part),
        *_orders(part),
        *_trading(part),
    ]


def _money(part: Part) -> Iterator[Figure]:
    source = part.source(Marked, "mark")
    before = part.last_before(Marked)
    basis = "the opening of the account" if before is None else "the last mark before the period"
    told = part.zone.text(part.story.account.at_ns if before is None else before.at_ns)
    yield known(
        "equity_open",
        "Equity at the open",
        part.opening_equity,
        "money",
        money(part.opening_equity),
        "Cash and market value when the period began, as the loss limits count it.",
        f"{basis}, {told}",
        _place_of_opening(part),
    )
    close = part.closing_equity
    text = "Cash and market value at the last mark of the period, and what came in since."
    if close is None:
        yield unknown("equity_close", "Equity at the close", "money", _NOT_VALUED, text, "", source)
    else:
        at = part.zone.text(part.records(Marked)[-1].at_ns)
        place = events(part.places(Marked)[-1:])
        yield known(
            "equity_close", "Equity at the close", close, "money", money(close), text, at, place
        )
    flows = part.records(FlowSeen)
    yield known(
        "flows",
        "Deposits and withdrawals",
        part.flows,
        "money",
        signed_money(part.flows),
        "Money that came less money that went; it is never a return.",
        counted(len(flows), "flow"),
        part.source(FlowSeen, "flow"),
    )
    yield from _result(part, source)


def _place_of_opening(part: Part) -> str:
    seq = part.place_before(Marked)
    return "the records of the opening" if seq is None else events([seq])


def _result(part: Part, source: str) -> Iterator[Figure]:
    text = "Equity at the close, less equity at the open, less what came in."
    made = part.result
    if made is None:
        yield unknown("result", "Result", "money", _NOT_VALUED, text, "", source)
    else:
        basis = "market moves, trades and fees together"
        yield known("result", "Result", made, "money", signed_money(made), text, basis, source)
    text = "Change of the NAV of one unit: time-weighted, so that no flow is ever a return."
    change = part.change
    if change is None:
        yield unknown("return", "Return", "fraction", _NOT_VALUED, text, "", source)
    else:
        basis = counted(len(part.records(Marked)), "mark")
        yield known("return", "Return", change, "fraction", signed(change), text, basis, source)


def pace(part: Part) -> float:
    """Return what an even pace to the month's target makes in the time the period lasted."""
    last = date.fromisoformat(part.story.calendar.day_of(max(part.end_ns - 1, part.start_ns)))
    first = last.replace(day=1)
    days = ((first + timedelta(days=31)).replace(day=1) - first).days
    if part.period.kind is Kind.MONTH and part.is_whole:
        return MONTHLY
    return float((1.0 + MONTHLY) ** ((part.end_ns - part.start_ns) / DAY_NS / days) - 1.0)


def _against(part: Part) -> Iterator[Figure]:
    aim, source = percent(MONTHLY, 0), part.source(Marked, "mark")
    text = (
        f"Return less what an even pace to {aim} a month would have made in the same time, "
        "compounded over calendar days. The design's aim, and no promise."
    )
    even, change = pace(part), part.change
    basis = f"pace {signed(even)} over {span_text((part.end_ns - part.start_ns) / DAY_NS)}"
    if change is None:
        yield unknown("target", "Against the target", "fraction", _NOT_VALUED, text, basis, source)
        return
    gap = change - even
    yield known("target", "Against the target", gap, "fraction", signed(gap), text, basis, source)


def _drawdown(part: Part) -> Iterator[Figure]:
    source, (_, navs) = part.source(Marked, "mark"), part.navs
    text = "How far the NAV is below its best ever at the close: 1 − NAV ÷ high."
    worst_text = "The deepest that the NAV was below its best until then, at any mark."
    lines = (
        ("drawdown", "Drawdown at the close", text),
        ("drawdown_worst", "Deepest drawdown", worst_text),
    )
    if not navs:
        for code, name, definition in lines:
            yield unknown(code, name, "fraction", _NOT_VALUED, definition, "", source)
        return
    high, depths = part.high, []
    for nav in navs:
        high = max(high, nav)
        depths.append(depth(nav, high))
    for (code, name, definition), fallen in zip(lines, (depths[-1], max(depths)), strict=True):
        basis = "counted from the opening of the account on"
        shown = percent(-fallen, 2) if fallen else percent(0.0, 2)
        yield known(code, name, fallen, "fraction", shown, definition, basis, source)


def _exposure(part: Part) -> Iterator[Figure]:
    source = part.source(Marked, "mark")
    for group in part.groups:
        name = {"crypto": "Crypto", "leveraged": "Crypto and leveraged", "gross": "Gross"}
        code, title = f"exposure_{group.name}", f"{name[group.name]} exposure"
        text = "Market value over equity, weighted by time, and at its worst."
        if group.mean is None:
            why = "no time passed between two marks"
            yield unknown(code, title, "fraction", why, text, "", source)
            continue
        worst = max(group.exposures)
        cap = (
            f" of a cap of {percent(group.caps[group.exposures.index(worst)])}"
            if group.caps
            else ""
        )
        shown = f"{percent(group.mean)}, at worst {percent(worst)}{cap}"
        over = "" if group.above is None else f"above the cap {percent(group.above)} of the time"
        near = "" if group.near is None else f"; 90 % of it or more {percent(group.near)}"
        yield known(code, title, group.mean, "fraction", shown, text, f"{over}{near}", source)


def _orders(part: Part) -> Iterator[Figure]:
    source = part.source(Decided, "decision")
    counts = part.doings.verdicts
    meaning = {
        "approved": "Given in full",
        "cut": "Given in part",
        "denied": "Refused by us before anything was sent",
        "observed": "Not in full by the rule, but the rule was not enforced",
        "warned": "As observed, and somebody was told",
    }
    for verdict in (*_VERDICTS, *(each for each in _RARE if counts[each])):
        yield known(
            verdict,
            verdict.capitalize(),
            counts[verdict],
            "count",
            counted(counts[verdict], "order"),
            f"{meaning[verdict]}; what bots and signals asked for, the house left out.",
            f"of {counted(counts.total(), 'decision')}",
            source,
        )
    yield known(
        "rejected",
        "Rejected",
        part.doings.rejected,
        "count",
        counted(part.doings.rejected, "order"),
        "Refused by the broker after it was sent.",
        "",
        counted(part.doings.rejected, "move") + " of an order",
    )


def _trading(part: Part) -> Iterator[Figure]:
    spent, did = costs(part.executions), part.doings
    source = cited([each.seq for each in part.executions], "execution")
    basis = counted(did.fills, "execution")
    yield known(
        "fills", "Fills", did.fills, "count", basis,
        "Executions of orders that the ledger knows.", "", part.source(Filled, "fill"),
    )  # fmt: skip
    yield known(
        "traded", "Value traded", did.turnover, "money", money(did.turnover),
        "Value bought plus value sold.", basis, source,
    )  # fmt: skip
    yield known(
        "fees", "Fees", spent.fees, "money", money(spent.fees),
        "What the broker charged; fees taken in coins at the price of their fill.", basis, source,
    )  # fmt: skip
    text = "Fills against the price at their decision; positive where the fill was worse."
    if spent.measured:
        yield known(
            "slippage", "Slippage", spent.slippage, "money", money(spent.slippage), text,
            f"{spent.measured:,} of {basis} had a decision's price", source,
        )  # fmt: skip
    else:
        why = "nothing was executed" if not did.fills else "no decision had a price"
        yield unknown("slippage", "Slippage", "money", why, text, basis, source)
    yield from _closed(part, source)


def _closed(part: Part, source: str) -> Iterator[Figure]:
    record = statistics(part.trades)
    text = "Net result of the trades whose closing began in the period, first in first out."
    count = record.closed + record.scratches
    shown = signed_money(record.net)
    basis = counted(count, "closed trade")
    yield known("realised", "Realised", record.net, "money", shown, text, basis, source)
    text = "Trades that won over those that won or lost, after costs."
    rate = record.win_rate
    if rate is None:
        why = "no trade was closed"
        yield unknown("win_rate", "Win rate", "fraction", why, text, basis, source)
        return
    shown = f"{percent(rate, 0)} ({record.wins} of {record.closed})"
    yield known("win_rate", "Win rate", rate, "fraction", shown, text, basis, source)
    factor = record.profit_factor
    text = "Sum of the wins over the sum of the losses."
    if factor is not None:
        shown = ratio_text(float(factor))
        yield known("profit_factor", "Profit factor", factor, "ratio", shown, text, basis, source)


def by_code(figures: Sequence[Figure], codes: Sequence[str]) -> list[Figure]:
    """Return the figures of these codes, in their order; those that there are."""
    found = {each.code: each for each in figures}
    return [found[code] for code in codes if code in found]
