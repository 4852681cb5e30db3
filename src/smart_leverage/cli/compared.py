"""Tells a history with and without the governor: verdicts, sales, money, and how it adds up."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from smart_leverage.cli.places import LEDGER
from smart_leverage.cli.screen import Column, Screen
from smart_leverage.cli.tally import signed
from smart_leverage.domain.sentences import TIERS, money, percent, plain, sentence, short
from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import BarSeries
from smart_leverage.reports.explain import printable
from smart_leverage.runtime.counterfactual import SKIPPED, Compared, Count, Course, Line
from smart_leverage.runtime.importing import Sums
from smart_leverage.runtime.replay_log import OrderLog
from smart_leverage.runtime.replay_told import NO_SHORT
from smart_leverage.settings import Settings

ZERO = Decimal(0)

_WORDS = {"approved": "allowed", "cut": "shrunk"}


def tell(
    screen: Screen,
    folder: Path,
    log: OrderLog,
    compared: Compared,
    series: Sequence[BarSeries],
    settings: Settings,
    own: Sums | None,
    *,
    shows_orders: bool,
) -> None:
    """Write the report of the governed account into its folder, and tell the comparison.

    `own` is what the history's own fills and fees add up to, where its files know them.
    """
    from smart_leverage.cli.reporting import write_run_report
    from smart_leverage.reports.inputs import Comparison

    comparison = Comparison("the same orders without the governor", list(compared.alone.equity))
    report = write_run_report(screen, folder, series, comparison)
    if screen.as_json:
        screen.record(fields(folder, report, log, compared, settings, own))
        return
    screen.say(*_head(log, compared, settings), "")
    screen.table(_COUNTS, [_count(each) for each in compared.counts])
    screen.say(*_sold(compared), "")
    screen.table(_COURSES, _courses(compared))
    screen.say("", "how the difference adds up, by instrument")
    screen.table(_GAINS, _gains(compared))
    if shows_orders:
        screen.say("", "every order")
        screen.table(_LINES, [_line(each) for each in compared.lines])
    screen.say("", *_tail(folder, report, compared, own))


# -- the head and what was decided ----------------------------------------------------------------


def _head(log: OrderLog, compared: Compared, settings: Settings) -> Iterator[str]:
    first, last = compared.alone.equity[0][0], compared.alone.equity[-1][0]
    yield (
        f"{len(log.orders)} orders, {len(log.offered)} of them with a price, "
        f"{iso(first)[:16]} to {iso(last)[:16]} UTC; policy {settings.policy.preset}"
    )
    if log.unpriced:
        names = ", ".join(f"{name} {count}" for name, count in sorted(log.unpriced.items()))
        yield printable(f"not offered, since they have no price: {names}")
    governed = compared.governed.replayed
    tiers = " → ".join(TIERS.get(name.upper(), name) for name in governed.tiers)
    yield f"begins with {money(governed.equity_first)}; tier {tiers}, at the end {governed.state}"


_COUNTS = (
    Column("verdict"),
    Column("side"),
    Column("why"),
    Column("orders", is_number=True),
    Column("asked", is_number=True),
    Column("let pass", is_number=True),
)


def _count(count: Count) -> list[str]:
    why = "" if count.reason == "none" else f"{short(count.reason)} [{count.reason}]"
    if count.verdict == SKIPPED:
        why = NO_SHORT
    return [
        _WORDS.get(count.verdict, count.verdict),
        count.side,
        why,
        f"{count.orders:,}",
        money(count.asked, 0),
        money(count.given, 0),
    ]


def _sold(compared: Compared) -> Iterator[str]:
    house = compared.governed.replayed.house
    if not house:
        yield "sold by the house: nothing"
    for role, sold in house.items():
        yield f"sold by the house: {role}, {sold.fills} fills, {money(sold.notional)}"


# -- money ----------------------------------------------------------------------------------------

_COURSES = (
    Column(""),
    Column("equity at first", is_number=True),
    Column("at the end", is_number=True),
    Column("change", is_number=True),
    Column("drawdown", is_number=True),
    Column("crypto at most", is_number=True),
    Column("all at most", is_number=True),
)


def _courses(compared: Compared) -> list[list[str]]:
    alone, governed = compared.alone, compared.governed
    return [
        _course("without the governor", alone),
        _course("with it", governed),
        [
            "difference",
            "",
            money(governed.replayed.equity_last - alone.replayed.equity_last),
            money(governed.change - alone.change),
            percent(governed.drawdown - alone.drawdown, 2),
            "",
            "",
        ],
    ]


def _course(name: str, course: Course) -> list[str]:
    run = course.replayed
    peaks = [run.peaks[group].share if group in run.peaks else ZERO for group in _PEAKS]
    return [
        name,
        money(run.equity_first),
        money(run.equity_last),
        f"{money(course.change)} ({signed(course.change / run.equity_first, 2)})",
        percent(course.drawdown, 2),
        *(percent(peak) for peak in peaks),
    ]


_PEAKS = ("crypto", "gross")

_GAINS = (
    Column("instrument"),
    Column("without", is_number=True),
    Column("with", is_number=True),
    Column("difference", is_number=True),
    Column("with: value at the end − at first − bought + sold − fees in cash"),
)


def _gains(compared: Compared) -> list[list[str]]:
    without = {each.key: each for each in compared.alone.gains}
    with_it = {each.key: each for each in compared.governed.gains}
    rows, sums = [], [ZERO, ZERO]
    for key in sorted({*without, *with_it}):
        mine = with_it.get(key)
        before = without[key].profit if key in without else ZERO
        after = ZERO if mine is None else mine.profit
        sums = [sums[0] + before, sums[1] + after]
        how = ""
        if mine is not None:
            parts = (mine.last, mine.first, mine.paid, mine.received, mine.fees)
            texts = [money(part) for part in parts]
            how = f"{texts[0]} − {texts[1]} − {texts[2]} + {texts[3]} − {texts[4]}"
        symbol = key.partition(":")[2]
        rows.append([symbol, money(before), money(after), money(after - before), how])
    rows.append(["sum", money(sums[0]), money(sums[1]), money(sums[1] - sums[0]), ""])
    return rows


# -- single orders --------------------------------------------------------------------------------

_LINES = (
    Column("time"),
    Column("order"),
    Column("about", is_number=True),
    Column("verdict"),
    Column("decision"),
    Column("why"),
)


def _line(line: Line) -> list[str]:
    offer, symbol = line.offer, line.offer.key.partition(":")[2]
    given = f" {plain(line.given)}" if line.verdict == "cut" else ""
    why = ""
    if line.verdict == SKIPPED:
        why = NO_SHORT
    elif line.reason != "none":
        is_sale = offer.side.value == "sell"
        why = sentence(line.reason, line.unit, line.bound, line.would_be, is_sale=is_sale)
    return [
        iso(offer.at_ns)[5:19],
        f"{offer.side.value} {plain(offer.qty)} {symbol}",
        money(line.asked_money, 0),
        f"{_WORDS.get(line.verdict, line.verdict)}{given}",
        line.decision_id,
        why,
    ]


def _tail(folder: Path, report: Path, compared: Compared, own: Sums | None) -> Iterator[str]:
    governed = compared.governed.replayed
    denied = next((one for one in compared.lines if one.verdict == "denied"), None)
    if own is not None:
        yield (
            f"history: {own.trips:,} own round trips, {own.wins:,} won, {own.losses:,} lost, "
            f"{money(own.net)} after {money(own.fees)} fees; both accounts pay the venue's costs"
        )
    if compared.alone.replayed.refused:
        refused = sorted(compared.alone.replayed.refused.items())
        yield "without: " + ", ".join(f"{count} {why}" for why, count in refused)
    if governed.breaches or governed.flips or governed.differences:
        yield (
            f"■ {len(governed.breaches)} increases stood above a cap, {governed.flips} positions "
            f"turned, {governed.differences} differences to the venue: please report it"
        )
    if governed.state == "halted":
        yield "halted at the end: --resume-monthly plays the person who lifts that in a new month"
    if denied is not None:
        yield f"why one was denied   smart-leverage explain {denied.decision_id} --ledger {folder}"
    yield f"report               {report}"
    yield "it goes on as if nothing had happened: a bot that is denied would have done otherwise"


# -- for programs ---------------------------------------------------------------------------------


def fields(
    folder: Path,
    report: Path,
    log: OrderLog,
    compared: Compared,
    settings: Settings,
    own: Sums | None,
) -> dict[str, Any]:
    """Return the comparison for JSON."""
    governed, alone = compared.governed, compared.alone
    return {
        "run": folder.name,
        "ledger": str(folder / LEDGER),
        "report": str(report),
        "policy": settings.policy.preset,
        "orders": len(log.orders),
        "offered": len(log.offered),
        "unpriced": log.unpriced,
        "counts": [one._asdict() for one in compared.counts],
        "house": {name: one._asdict() for name, one in governed.replayed.house.items()},
        "without": _course_fields(alone),
        "with": _course_fields(governed),
        "difference": {
            "equity": governed.replayed.equity_last - alone.replayed.equity_last,
            "drawdown": governed.drawdown - alone.drawdown,
        },
        "history": None if own is None else own._asdict(),
        "tiers": list(governed.replayed.tiers),
        "state": governed.replayed.state,
        "breaches": len(governed.replayed.breaches),
        "flips": governed.replayed.flips,
        "differences": governed.replayed.differences,
        "lines": [_line_fields(one) for one in compared.lines],
    }


def _course_fields(course: Course) -> dict[str, Any]:
    run = course.replayed
    return {
        "equity_first": run.equity_first,
        "equity_last": run.equity_last,
        "drawdown": course.drawdown,
        "sent": run.sent,
        "filled": run.filled,
        "refused": run.refused,
        "peaks": {name: peak.share for name, peak in run.peaks.items()},
        "gains": [{**one._asdict(), "profit": one.profit} for one in course.gains],
    }


def _line_fields(line: Line) -> dict[str, Any]:
    offer = line.offer
    return {
        "at_ns": offer.at_ns,
        "key": offer.key,
        "side": offer.side.value,
        "qty": offer.qty,
        "price": line.price,
        "verdict": line.verdict,
        "reason": line.reason,
        "given": line.given,
        "unit": line.unit,
        "bound": line.bound,
        "would_be": line.would_be,
        "decision_id": line.decision_id,
        "without": line.refusal or "taken",
    }
