"""What files of history add up to beside what an account has counted already, before it is kept."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from smart_leverage.books.exact import ZERO, exactly, ratio
from smart_leverage.books.past import PREFIX, Past, Unmatched
from smart_leverage.books.positions import Position
from smart_leverage.books.trades import Outcome, Trade
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, DealKind, SourceFile
from smart_leverage.domain.stamps import iso
from smart_leverage.history.base import Read
from smart_leverage.history.freqtrade import BACKTEST

OURS = "after the account was opened: the ledger has it already"
TWICE = "in two of the files: counted once"
UNBOUGHT = "sold, and never bought"
HOMELESS = "fees of nothing that was dealt on their day or the day before"
UNSPLIT = "splits of what was not held"


class Sums(NamedTuple):
    """Round trips of a history, fees included; money in dollars."""

    trips: int = 0
    wins: int = 0
    losses: int = 0
    scratches: int = 0
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    net: Decimal = ZERO

    @property
    def win_rate(self) -> Decimal | None:
        """Wins over wins and losses, to 40 digits; None without any."""
        closed = self.wins + self.losses
        return ratio(Decimal(self.wins), Decimal(closed)) if closed else None


class Worth(NamedTuple):
    """What an account was worth over time; deposits and withdrawals are no gain or loss."""

    points: int
    first_ns: int
    last_ns: int
    first: Decimal
    last: Decimal
    flows: Decimal
    change: Decimal | None
    drawdown: Decimal


class Gathered(NamedTuple):
    """Files put together: `deals` are those that are new, `known` were counted before.

    `trades` are what the deals of these files closed, oldest first.
    """

    files: tuple[SourceFile, ...]
    deals: tuple[Deal, ...]
    known: int
    sums: Sums
    first_ns: int | None
    last_ns: int | None
    left_open: tuple[Position, ...]
    left_out: dict[str, int]
    doubts: tuple[str, ...]
    cash_fees: Decimal
    equity: dict[int, Decimal]
    flows: dict[int, Decimal]
    worth: Worth | None
    trades: tuple[Trade, ...] = ()


def gather(
    reads: Sequence[Read],
    before: Past | None = None,
    *,
    opened_ns: int | None = None,
    mode: str = "sim",
    leaves_unbought: bool = False,
) -> Gathered:
    """Put files together with what was counted before, and check what only shows then.

    Args:
        reads: The files.
        before: What the account has counted already; it is not changed.
        opened_ns: When the account was opened; what happened later is its own and left out.
        mode: Of the account; what was only simulated counts in a simulated one.
        leaves_unbought: Let what is sold without ever having been bought count for nothing.

    Raises:
        BadData: The file, the row, what is wrong and what would be right.
    """
    past = Past() if before is None else before.copy()
    _refuse_simulated(reads, mode)
    left_out: Counter[str] = Counter()
    kept = _kept(reads, opened_ns, left_out)
    places = {deal.id: (read, read.places[deal.id]) for deal, read in kept}
    deals = [deal for deal, _ in kept]
    try:
        new = past.new(deals)
        past.take(new)
    except BadData as error:
        raise _placed(error, places) from None
    own = [each for each in past.unmatched if each.deal.id in places]
    _judge(own, places, left_out, leaves_unbought=leaves_unbought)
    for read in reads:
        left_out.update(read.left_out)
    dealt = [deal for deal in deals if deal.kind is DealKind.TRADE]
    lots = {deal.key: deal.lot for deal in deals}
    equity, flows = _equity(reads, opened_ns, left_out)
    trades = past.trades_of({PREFIX + deal.order for deal in deals})
    return Gathered(
        files=tuple(_source(read, new, kept) for read in reads),
        deals=tuple(new),
        known=len(deals) - len(new),
        sums=sums_of(trades),
        first_ns=min((deal.at_ns for deal in dealt), default=None),
        last_ns=max((deal.at_ns for deal in dealt), default=None),
        left_open=tuple(
            each for each in past.left_open if each.key in lots and abs(each.qty) >= lots[each.key]
        ),
        left_out=dict(left_out),
        doubts=tuple(f"{read.name}, {doubt}" for read in reads for doubt in read.doubts),
        cash_fees=sum((read.cash_fees for read in reads), ZERO),
        equity=equity,
        flows=flows,
        worth=worth_of(equity, flows),
        trades=tuple(trades),
    )


@exactly
def sums_of(trades: Sequence[Trade]) -> Sums:
    """Return what round trips add up to."""
    outcomes = Counter(trade.outcome for trade in trades)
    return Sums(
        trips=len(trades),
        wins=outcomes[Outcome.WON],
        losses=outcomes[Outcome.LOST],
        scratches=outcomes[Outcome.SCRATCH],
        gross=sum((trade.result.gross for trade in trades), ZERO),
        fees=sum((trade.result.fees for trade in trades), ZERO),
        net=sum((trade.net for trade in trades), ZERO),
    )


def worth_of(equity: Mapping[int, Decimal], flows: Mapping[int, Decimal]) -> Worth | None:
    """Return how an account's worth changed, and how deep it fell, flows taken out.

    None without a point. The change is None once nothing was left: nothing is a fraction of it.
    """
    if not equity:
        return None
    times = sorted(equity)
    nav, best, deepest = Decimal(1), Decimal(1), ZERO
    is_known = True
    coming = deque(sorted((at, amount) for at, amount in flows.items() if at > times[0]))
    for earlier, later in pairwise(times):
        came = ZERO
        while coming and coming[0][0] <= later:
            came += coming.popleft()[1]
        is_known = is_known and equity[earlier] > 0
        nav = nav * ratio(equity[later] - came, equity[earlier]) if is_known else nav
        best = max(best, nav)
        deepest = max(deepest, 1 - ratio(nav, best))
    return Worth(
        points=len(times),
        first_ns=times[0],
        last_ns=times[-1],
        first=equity[times[0]],
        last=equity[times[-1]],
        flows=sum((flows[at] for at in flows if times[0] < at <= times[-1]), ZERO),
        change=nav - 1 if is_known else None,
        drawdown=deepest,
    )


def _refuse_simulated(reads: Sequence[Read], mode: str) -> None:
    for read in reads:
        if read.is_simulated and mode != "sim":
            raise BadData(
                f"is a {BACKTEST}, and the account is {mode}",
                file=read.name,
                fix="what was only simulated is a record of a simulated account",
            )


def _kept(
    reads: Sequence[Read], opened_ns: int | None, left_out: Counter[str]
) -> list[tuple[Deal, Read]]:
    """Return the deals from before the account, each with its file, one that two have once."""
    kept: dict[str, tuple[Deal, Read]] = {}
    for read in reads:
        for deal in read.deals:
            if opened_ns is not None and deal.at_ns >= opened_ns:
                left_out[OURS] += 1
                continue
            twin = kept.setdefault(deal.id, (deal, read))
            if twin[0] != deal:
                raise BadData(
                    f"{deal.id.partition(':')[2]} is another one in {twin[1].name}, "
                    f"row {twin[1].places[deal.id]}",
                    file=read.name,
                    row=read.places[deal.id],
                    fix="one of them is wrong; where both happened, their ids are no ids",
                )
            if twin[1] is not read:
                left_out[TWICE] += 1
    return list(kept.values())


def _judge(
    unmatched: Sequence[Unmatched],
    places: Mapping[str, tuple[Read, int]],
    left_out: Counter[str],
    *,
    leaves_unbought: bool,
) -> None:
    for each in unmatched:
        deal = each.deal
        if deal.kind is not DealKind.TRADE:
            left_out[HOMELESS if deal.kind is DealKind.FEE else UNSPLIT] += 1
            continue
        if deal.qty - each.held < deal.lot:
            continue  # dust: quantities that were floats do not add up to their last digit
        if leaves_unbought:
            left_out[UNBOUGHT] += 1
            continue
        read, row = places[deal.id]
        symbol = deal.key.partition(":")[2]
        does = "sells" if deal.side is Side.SELL else "covers"
        raise BadData(
            f"{does} {deal.qty:f} {symbol} at {iso(deal.at_ns)}, and {each.held:f} of it "
            f"{'was bought' if deal.side is Side.SELL else 'was sold short'} and is still there",
            file=read.name,
            row=row,
            fix="give the older file with it, call a short sale sell_short, or let what was never "
            "bought count for nothing with --leave-unbought",
        )


def _placed(error: BadData, places: Mapping[str, tuple[Read, int]]) -> BadData:
    """Return the error with the file and the row of the deal that it names."""
    words = error.fault
    for name, (read, row) in places.items():
        if f"deal {name} " in words or words.endswith(name) or f"of {name} " in words:
            return BadData(words, file=read.name, row=row, fix=error.fix)
    return error


def _source(read: Read, new: Sequence[Deal], kept: Sequence[tuple[Deal, Read]]) -> SourceFile:
    fresh = {deal.id for deal in new}
    own = [deal for deal, of in kept if of is read and deal.id in fresh]
    times = [deal.at_ns for deal, of in kept if of is read] or [*read.equity] or [0]
    return SourceFile(
        name=read.name,
        sha256=read.sha256,
        form=read.form,
        rows=read.rows,
        counted=len(own),
        first_ns=min(times),
        last_ns=max(times),
    )


def _equity(
    reads: Sequence[Read], opened_ns: int | None, left_out: Counter[str]
) -> tuple[dict[int, Decimal], dict[int, Decimal]]:
    """Return equity and flows by instant; two files may not say two things of one instant."""
    equity: dict[int, Decimal] = {}
    flows: dict[int, Decimal] = {}
    for read in reads:
        for at_ns, worth in read.equity.items():
            if opened_ns is not None and at_ns >= opened_ns:
                left_out[OURS] += 1
            elif equity.setdefault(at_ns, worth) != worth:
                raise BadData(
                    f"equity is {worth:f} at {iso(at_ns)}, and {equity[at_ns]:f} in another file",
                    file=read.name,
                    fix="one of the two files is wrong",
                )
        flows |= {
            at: each for at, each in read.flows.items() if opened_ns is None or at < opened_ns
        }
    return equity, flows
