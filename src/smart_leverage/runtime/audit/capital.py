"""What a past says of the money behind it: what it must have had, and what it was worth by day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_UP, Decimal
from itertools import pairwise
from typing import NamedTuple

from smart_leverage.books.exact import ZERO, exactly, ratio
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, DealKind
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.fills.costs import CostModel

CENT = Decimal("0.01")
SATURDAY = 5
EDGE_DAYS = 4
"""A month counts as whole where its first day is this early in it."""

Point = tuple[int, Decimal]
"""UTC nanoseconds, and what the account was worth."""


def least_equity(deals: Iterable[Deal]) -> Decimal:
    """Return the least an account must have had to pay for its own deals without borrowing.

    That is the most that stood in positions at one time, at their cost, less what had been earned
    by then. A short ties up what it sold for. Sales of what was never bought count for nothing.

    Args:
        deals: Of every kind; only trades are looked at.
    """
    return _tied_up(deals).quantize(CENT, ROUND_UP)


@exactly
def _tied_up(deals: Iterable[Deal]) -> Decimal:
    qtys: dict[Key, Decimal] = defaultdict(Decimal)
    costs: dict[Key, Decimal] = defaultdict(Decimal)
    earned, most = ZERO, ZERO
    for deal in sorted(deals, key=lambda deal: deal.rank):
        if deal.kind is not DealKind.TRADE:
            continue
        sign = Decimal(1 if deal.side is Side.BUY else -1)
        before = qtys[deal.key]
        closes = min(deal.qty, abs(before)) if before * sign < 0 else ZERO
        is_opening = (deal.side is Side.SELL) is deal.is_short
        opens = deal.qty - closes if is_opening else ZERO
        if closes:
            cost = ratio(costs[deal.key] * closes, abs(before))
            earned += -sign * (closes * deal.price - cost)
            costs[deal.key] -= cost
        costs[deal.key] += opens * deal.price
        qtys[deal.key] = before + sign * (closes + opens)
        earned -= deal.fee if deal.fee_asset == "USD" else ZERO
        most = max(most, sum(costs.values(), ZERO) - earned)
    return most


@exactly
def costs_of_past(deals: Iterable[Deal]) -> CostModel | None:
    """Return what the deals paid in fees, as shares of what they moved; None where they name none.

    A class without a fee was charged none. A fee in coins is worth them at the deals' own prices.
    """
    paid: dict[bool, Decimal] = defaultdict(Decimal)
    moved: dict[bool, Decimal] = defaultdict(Decimal)
    prices: dict[Key, Decimal] = {}
    for deal in sorted(deals, key=lambda deal: deal.rank):
        is_coin = deal.key.startswith("crypto:")
        if deal.kind is DealKind.TRADE:
            prices[deal.key] = deal.price
            moved[is_coin] += deal.qty * deal.price
        paid[is_coin] += deal.fee * (1 if deal.fee_asset == "USD" else prices.get(deal.key, ZERO))
    if not any(paid.values()):
        return None
    rates = {each: float(ratio(paid[each], moved[each])) for each in moved if moved[each]}
    model = CostModel()
    coin, share = max(rates.get(True, 0.0), 0.0), max(rates.get(False, 0.0), 0.0)
    return CostModel(
        stock=model.stock._replace(fee_maker=share, fee_taker=share),
        crypto=model.crypto._replace(fee_maker=coin, fee_taker=coin),
        stock_fees=model.stock_fees,
    )


class Worths(NamedTuple):
    """What an account was worth: points, and what the days and months between them made of it.

    `navs` runs parallel to `points`: what one dollar of the beginning became, flows taken out.
    `months` are the returns of whole months.
    """

    points: tuple[Point, ...]
    navs: tuple[float, ...]
    dates: tuple[str, ...]
    returns: tuple[float, ...]
    months: tuple[float, ...]

    @property
    def change(self) -> float:
        """Return over the whole time, flows taken out, fraction."""
        return self.navs[-1] - 1.0

    @property
    def drawdown(self) -> float:
        """Deepest fall below a best so far, fraction in [0, 1]."""
        best = deepest = 0.0
        for nav in self.navs:
            best = max(best, nav)
            deepest = max(deepest, 1.0 - nav / best if best > 0.0 else 0.0)
        return deepest


def worths_of(
    points: Sequence[Point],
    flows: Mapping[int, Decimal],
    calendar: RiskCalendar,
    *,
    trades_weekends: bool,
) -> Worths:
    """Return what points of equity tell by day and month.

    Args:
        points: At least one, oldest first.
        flows: Deposits and withdrawals by instant; no gain or loss.
        calendar: Where days and months begin.
        trades_weekends: Days without a session count as days.
    """
    navs = _navs(points, flows)
    labels = [calendar.day_of(at_ns) for at_ns, _ in points]
    lasts = dict(zip(labels, navs, strict=True))
    days = [day for day in lasts if trades_weekends or not _is_weekend(day)]
    closes = [lasts[day] for day in days]
    starts = [navs[0], *closes[:-1]]
    return Worths(
        points=tuple(points),
        navs=tuple(navs),
        dates=tuple(days),
        returns=tuple(_change(*pair) for pair in zip(starts, closes, strict=True)),
        months=tuple(_months(points, navs, calendar)),
    )


def _navs(points: Sequence[Point], flows: Mapping[int, Decimal]) -> list[float]:
    """Return what one dollar became; nothing comes back from a loss of everything."""
    navs = [1.0]
    coming = sorted((at_ns, amount) for at_ns, amount in flows.items() if at_ns > points[0][0])
    place = 0
    for (_, before), (at_ns, after) in pairwise(points):
        came = ZERO
        while place < len(coming) and coming[place][0] <= at_ns:
            came += coming[place][1]
            place += 1
        grown = float(after - came) / float(before) if before > 0 else 0.0
        navs.append(navs[-1] * max(grown, 0.0))
    return navs


def _months(
    points: Sequence[Point], navs: Sequence[float], calendar: RiskCalendar
) -> Iterable[float]:
    """Yield the returns of the months that are whole: not the last, nor a first begun late."""
    labels = [calendar.month_of(at_ns) for at_ns, _ in points]
    lasts = dict(zip(labels, navs, strict=True))
    names = list(lasts)[:-1]
    before = navs[0]
    for place, name in enumerate(names):
        is_whole = place > 0 or int(calendar.day_of(points[0][0])[-2:]) <= EDGE_DAYS
        if is_whole:
            yield _change(before, lasts[name])
        before = lasts[name]


def _change(before: float, after: float) -> float:
    return after / before - 1.0 if before > 0.0 else 0.0


def _is_weekend(day: str) -> bool:
    return date.fromisoformat(day).weekday() >= SATURDAY
