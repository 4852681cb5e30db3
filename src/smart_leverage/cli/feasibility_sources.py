"""Where a record comes from: a table of returns, a ledger, or files of other programs."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

if TYPE_CHECKING:
    from smart_leverage.books.trades import Trade
    from smart_leverage.history.base import Asked, Read
    from smart_leverage.research.feasibility.days import Dated
    from smart_leverage.research.feasibility.trades import Counted

NS = 1_000_000_000
DAY_NS = 86_400 * NS


class Source(NamedTuple):
    """A record as far as it is known.

    Attributes:
        name: What it is, in words.
        dated: Daily returns, or None where they cannot be told.
        trades: Closed ones, or None where only days are known.
        notes: What was left out, and what the record does not show.
    """

    name: str
    dated: "Dated | None"
    trades: "Counted | None"
    notes: tuple[str, ...] = ()


def of_ledger(path: Path) -> Source:
    """Return the record of an account: days by its marks, flows taken out, and its own trades."""
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.reports.curve import Curve
    from smart_leverage.reports.story import read_story
    from smart_leverage.research.feasibility.days import Dated

    found = ledger_path(path)
    with opened(found) as reader:
        story = read_story(reader, keeps_figures=False)
    closes = Curve(story).days
    dated = Dated(
        tuple(date.fromisoformat(each.label) for each in closes),
        tuple(each.change for each in closes),
    )
    own = [each for each in story.book.trades() if not each.is_imported]
    equity = float(story.opening_equity)
    return Source(
        name=f"the ledger {found}",
        dated=dated if closes else None,
        trades=_counted(own, equity if equity > 0.0 else None),
    )


def of_files(files: Sequence[Path], asked: "Asked", equity: Decimal | None) -> Source:
    """Return the record of files: a table of daily returns, or what `ledger import` reads."""
    from smart_leverage.research.feasibility.days import is_returns, read_returns

    tables = [file for file in files if is_returns(file)]
    if not tables:
        return _of_history(files, asked, equity)
    if len(files) > 1:
        raise typer.BadParameter(
            f"{tables[0]} holds daily returns and stands for itself; name it alone",
            param_hint="FILE",
        )
    return Source(str(tables[0]), read_returns(tables[0]), None)


def _of_history(files: Sequence[Path], asked: "Asked", equity: Decimal | None) -> Source:
    from smart_leverage.books.past import PREFIX, Past
    from smart_leverage.history.reading import read_files
    from smart_leverage.research.feasibility.days import of_equity
    from smart_leverage.runtime.importing import gather

    reads = read_files(files, asked)
    gathered = gather(reads, leaves_unbought=True)
    past = Past()
    past.take(gathered.deals)
    trades = past.trades_of({PREFIX + deal.order for deal in gathered.deals})
    notes = [f"{len(gathered.deals)} fills were read, they close {len(trades)} trades"]
    notes += [f"{count} left out: {why}" for why, count in sorted(gathered.left_out.items())]
    if gathered.left_open:
        notes.append(f"{len(gathered.left_open)} positions are left open and not counted")
    start = _start(reads, equity)
    dated = None
    if gathered.equity:
        dated = of_equity(_by_day(gathered.equity), _sums_by_day(gathered.flows))
    elif start is not None and trades:
        dated = _earned(trades, start)
        notes.append("days are what closed trades earned; open losses are not seen")
    return Source(
        name=", ".join(str(file) for file in files),
        dated=dated,
        trades=_counted(trades, start),
        notes=tuple(notes),
    )


def _start(reads: "Sequence[Read]", equity: Decimal | None) -> float | None:
    if equity is not None:
        return float(equity)
    started = next((read.start for read in reads if read.start is not None), None)
    return None if started is None or started <= 0 else float(started)


def _counted(trades: "Sequence[Trade]", equity: float | None) -> "Counted":
    from smart_leverage.books.trades import Outcome
    from smart_leverage.research.feasibility.trades import counted

    ends = [trade.result.closed_at_ns for trade in trades]
    nets = {
        outcome: [abs(float(trade.net)) for trade in trades if trade.outcome is outcome]
        for outcome in (Outcome.WON, Outcome.LOST)
    }
    return counted(
        nets[Outcome.WON],
        nets[Outcome.LOST],
        fees=float(sum((trade.result.fees for trade in trades), Decimal(0))),
        days=(max(ends) - min(ends)) / DAY_NS if ends else 0.0,
        equity=equity,
    )


def _earned(trades: "Sequence[Trade]", equity: float) -> "Dated":
    from smart_leverage.domain.instruments import AssetClass
    from smart_leverage.research.feasibility.days import of_closings

    closings = [(_day(trade.result.closed_at_ns), float(trade.net)) for trade in trades]
    is_coin = any(trade.key.startswith(f"{AssetClass.CRYPTO}:") for trade in trades)
    return of_closings(closings, equity, is_coin=is_coin)


def _day(at_ns: int) -> date:
    return datetime.fromtimestamp(at_ns // NS, UTC).date()


def _by_day(values: dict[int, Decimal]) -> dict[date, float]:
    """Return the last value of each day, UTC."""
    return {_day(at_ns): float(values[at_ns]) for at_ns in sorted(values)}


def _sums_by_day(values: dict[int, Decimal]) -> dict[date, float]:
    sums: dict[date, float] = {}
    for at_ns, value in values.items():
        sums[_day(at_ns)] = sums.get(_day(at_ns), 0.0) + float(value)
    return sums
