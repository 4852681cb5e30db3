"""vectorbt: `Portfolio.from_order_func`, whose callbacks are our rules, compiled into its loop.

Orders of a bar are decided at the close before, when its segment begins, and fill at its open. A
sweep is one call with a group of columns per account, each with a policy of its own. Both are
measured; vectorbt uses one core.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pandas as pd
import vectorbt as vbt
from case import Case
from governing import Books, books_of, bought, close_bar, sold
from measuring import Ready, tell
from vectorbt.portfolio.nb import order_nb, order_nothing_nb

from smart_leverage.fills.market import Outcome, Side, limit_fill_at_open
from smart_leverage.policy.params import Policy
from smart_leverage.research.compile import RuleCompiler
from smart_leverage.research.kernel.loop import policy_at
from smart_leverage.research.kernel.setup import row_of

ACCOUNTS = 8
ORDERS_MAX = 30_000
"""Room for the orders of one account."""

UNITS, FILLED, PRICE, FEE = range(4)
"""Columns of what the callbacks tell each other of a coin. vectorbt hands its arguments to every
call by value; one small array, and callbacks that are short enough to be inlined, make a bar
several times cheaper than handing all books around."""

EXPRESSES = (
    "tiers",
    "sizing",
    "caps",
    "proof of caps in the worst case",
    "loss limits of day, month and coin",
    "halt for the month",
    "stops, watched at closes",
    "purchases with a limit for one opening",
)
CANNOT = (
    "sales in stages until a cap holds again",
    "stops that fill inside a bar",
    "second proof at the open",
    "fees taken in coins",
)


def before_group(context: Any, all_: Any, rows: Any) -> Any:
    """Hand the books and the policy of an account to what follows."""
    group = context.group
    books = Books(
        money=all_.money[group],
        flags=all_.flags[group],
        held=all_.held[group],
        paid=all_.paid[group],
        cost=all_.cost[group],
        invested=all_.invested[group],
        stops=all_.stops[group],
        touched=all_.touched[group],
        locked=all_.locked[group],
        selling=all_.selling[group],
        bids=all_.bids[group],
        limits=all_.limits[group],
        ring=all_.ring[group],
        ring_own=all_.ring_own[group],
    )
    return (books, policy_at(rows[group]))


def before_segment(
    context: Any,
    books: Any,
    policy: Any,
    terms: Any,
    facts: Any,
    bars: Any,
    signals: Any,
    desk: Any,
) -> Any:
    """Book what was filled, judge the bar before this one, and say what its opening is for."""
    t = context.i - 1
    if t >= 0:
        for asset in range(len(desk)):
            if desk[asset, FILLED] != 0.0:
                book(books, policy, bars, desk, asset, t)
        close_bar(books, policy, terms, facts, context.last_cash[context.group], bars, signals, t)
    for asset in range(len(desk)):
        desk[asset, UNITS] = asked(books, terms, bars.opens[t + 1, asset], asset)
        desk[asset, FILLED] = books.bids[asset] = 0.0
    return (desk,)


def asked(books: Any, terms: Any, opened: float, asset: int) -> float:
    """Return what an opening trades: everything held, a bid that its limit allows, or nothing."""
    if books.selling[asset] != 0:
        return float(-books.held[asset])
    if books.bids[asset] > 0.0:
        limit = books.limits[asset]
        fill = limit_fill_at_open(Side.BUY, opened, limit, terms.half_spread, terms.slippage)
        if fill.outcome == Outcome.FILLED:
            return float(books.bids[asset])
    return 0.0


def book(books: Any, policy: Any, bars: Any, desk: Any, asset: int, t: int) -> None:
    """Book a fill of bar t."""
    price, fee = desk[asset, PRICE], desk[asset, FEE]
    if desk[asset, FILLED] > 0.0:
        vol = bars.volatility[t - 1, asset]
        bought(books, asset, desk[asset, FILLED], price, fee, vol, policy)
    else:
        sold(books, asset, price, fee)


def order(context: Any, desk: Any, opens: Any, fee: float, move: float) -> Any:
    """Answer for one column."""
    asset = context.col - context.from_col
    units = desk[asset, UNITS]
    if units == 0.0:
        return order_nothing_nb()
    return order_nb(size=units, price=opens[context.i, asset], fees=fee, slippage=move)


def after_order(context: Any, desk: Any) -> None:
    """Note a fill."""
    result = context.order_result
    if result.status == 0:
        asset = context.col - context.from_col
        desk[asset, FILLED] = result.size if result.side == 0 else -result.size
        desk[asset, PRICE], desk[asset, FEE] = result.price, result.fees


def compiled(callback: Any) -> Any:
    """Return a callback as machine code, and all that it calls of ours within it.

    The callback itself counts references, as vectorbt does with the arrays it is given back; what
    our compiler makes counts none, since it only reads and writes what is lent to it.
    """
    return numba.njit(error_model="numpy")(COMPILER.link(callback))


COMPILER = RuleCompiler()
GROUP, SEGMENT, ORDER, AFTER = (
    compiled(each) for each in (before_group, before_segment, order, after_order)
)


def policies_of(policy: Policy, accounts: int) -> list[Policy]:
    """Return policies that differ in the size of positions, the given one first."""
    size = policy.sizing.base_share
    return [
        policy._replace(sizing=policy.sizing._replace(base_share=size * (1.0 - 0.5 * n / accounts)))
        for n in range(accounts)
    ]


def readying(accounts: int) -> Ready:
    """Return what brings a case into form for so many accounts; the first one's equity is told."""

    def ready(case: Case) -> Callable[[], float]:
        bars, names = case.bars, case.names
        rows = np.array([row_of(policy) for policy in policies_of(case.policy, accounts)])
        one = books_of(len(names), case.cash)
        books = Books(*(np.array([column] * accounts) for column in one))
        desk = np.zeros((len(names), 4))
        close = pd.DataFrame(np.tile(bars.closes, (1, accounts)), index=pd.to_datetime(case.at))

        def run() -> float:
            portfolio = simulated(case, accounts, close, (books, rows), desk)
            return float(np.atleast_1d(portfolio.final_value())[0])

        return run

    return ready


def simulated(case: Case, accounts: int, close: Any, books: Any, desk: Any) -> vbt.Portfolio:
    """Let vectorbt take all accounts through a case."""
    coins = len(case.names)
    return vbt.Portfolio.from_order_func(
        close,
        ORDER,
        case.bars.opens,
        case.terms.fee,
        case.terms.half_spread + case.terms.slippage,
        pre_group_func_nb=GROUP,
        pre_group_args=books,
        pre_segment_func_nb=SEGMENT,
        pre_segment_args=(case.terms, case.facts, case.bars, case.signals, desk),
        post_order_func_nb=AFTER,
        init_cash=case.cash,
        cash_sharing=True,
        group_by=np.repeat(np.arange(accounts), coins),
        update_value=False,
        fill_pos_record=False,
        max_orders=ORDERS_MAX * accounts,
    )


if __name__ == "__main__":
    for accounts in (1, ACCOUNTS):
        name = "vectorbt" if accounts == 1 else "vectorbt, sweep"
        tell(name, "vectorbt", readying(accounts), EXPRESSES, CANNOT, accounts)
