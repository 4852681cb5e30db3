"""What was traded and what it cost: closed trades, value moved, fees and slippage."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.postings import USD
from smart_leverage.books.statistics import Statistics, Window
from smart_leverage.books.trades import Trade
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.reports.story import Execution, Story

ZERO = Decimal(0)


class Costs(NamedTuple):
    """Money over a run. `slippage` is positive where the fill was worse than the decision's price.

    `measured` counts the executions whose decision had a price, `value` is what all of them moved.
    """

    value: Decimal
    fees: Decimal
    slippage: Decimal
    measured: int
    executions: int


class Sum(NamedTuple):
    """Decisions of one kind: how many, and the value that was asked and not given."""

    name: str
    decisions: int
    refused: Decimal


def statistics(trades: Iterable[Trade]) -> Statistics:
    """Return counts and sums over all of these trades, not only over the last hundred."""
    every = list(trades)
    window = Window(size=max(len(every), 1))
    for trade in every:
        window.put(trade.rank, trade.net, trade.outcome)
    return window.statistics


def costs(executions: Iterable[Execution]) -> Costs:
    """Return what was moved and what it cost; fees in coins at the price of their fill."""
    value = fees = slippage = ZERO
    count = measured = 0
    for fill, _, decided, _ in executions:
        count += 1
        value += fill.qty * fill.price
        fees += fill.fee if fill.fee_asset == USD else fill.fee * fill.price
        if decided is not None:
            measured += 1
            worse = fill.price - decided if fill.side is Side.BUY else decided - fill.price
            slippage += worse * fill.qty
    return Costs(value, fees, slippage, measured, count)


def refused(decision: Decided) -> Decimal:
    """Return the value of what was asked and not given, at the decision's price."""
    return max(decision.asked - decision.given, ZERO) * decision.price


def summed(names: Iterable[str], values: Iterable[Decimal]) -> list[Sum]:
    """Return count and value by name, the most frequent first."""
    counts: dict[str, int] = {}
    sums: dict[str, Decimal] = {}
    for name, value in zip(names, values, strict=True):
        counts[name] = counts.get(name, 0) + 1
        sums[name] = sums.get(name, ZERO) + value
    found = [Sum(name, count, sums[name]) for name, count in counts.items()]
    return sorted(found, key=lambda each: (-each.decisions, each.name))


def denials(story: Story) -> list[tuple[int, Decided]]:
    """Return every denial with its place in the journal, oldest first."""
    places = story.places.get(Decided, ())
    return [
        (seq, each)
        for seq, each in zip(places, story.decisions, strict=True)
        if each.verdict == "denied"
    ]
