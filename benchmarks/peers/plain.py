"""No engine at all: the shared policy in a bare loop, what any engine with strategies adds to."""

from collections.abc import Callable

from case import Case
from following import LEFT_OUT, STRATEGY, Follower
from measuring import tell

from smart_leverage.fills.market import Outcome, Side, limit_fill_at_open, market_fill


def ready(case: Case) -> Callable[[], float]:
    """Return what takes an account through a case."""
    follower, opens = Follower(case), case.bars.opens.tolist()
    return lambda: run(case, follower, opens)


def run(case: Case, follower: Follower, opens: list[list[float]]) -> float:
    """Take an account through a case; return its final equity."""
    terms, cash, held = case.terms, case.cash, [0.0] * len(case.names)
    costs = (terms.half_spread, terms.slippage)
    orders: list[tuple[int, float, float]] = []
    for t in range(len(case.at)):
        for asset, units, limit in orders:
            if units < 0.0:
                fill = market_fill(Side.SELL, opens[t][asset], *costs)
            else:
                fill = limit_fill_at_open(Side.BUY, opens[t][asset], limit, *costs)
            if fill.outcome == Outcome.FILLED:
                fee = abs(units) * fill.price * terms.fee
                cash -= units * fill.price + fee
                held[asset] += units
                follower.filled(asset, units, fill.price, fee)
        orders = follower.close(t, cash)
    last = case.bars.closes[-1].tolist()
    return cash + sum(units * price for units, price in zip(held, last, strict=True))


if __name__ == "__main__":
    can = (*STRATEGY, "purchases with a limit for one opening")
    tell("bare loop", "numpy", ready, can, LEFT_OUT)
