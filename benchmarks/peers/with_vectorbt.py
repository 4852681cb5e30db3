"""vectorbt: `Portfolio.from_order_func`, whose callbacks are our rules, compiled into its loop.

    python with_vectorbt.py FOLDER [BARS [ACCOUNTS]]

Orders of a bar are decided at the close before, before its columns are asked for them, and fill at
its open. With ACCOUNTS above 1 so many groups of columns go through in one call, each an account
with a policy of its own: a sweep as vectorbt does it.
"""

import sys
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from case import Case
from governing import Books, bought, books_of, close_bar, sold
from measuring import tell
from vectorbt.portfolio.nb import order_nb, order_nothing_nb

from smart_leverage.fills.market import Outcome, Side, limit_fill_at_open
from smart_leverage.policy.params import Policy
from smart_leverage.research.compile import RuleCompiler
from smart_leverage.research.kernel.loop import policy_at
from smart_leverage.research.kernel.setup import row_of

ORDERS_MAX = 100_000
"""Room for the orders of one account."""

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


def account_books(all_: Books, group: int) -> Books:
    """Return the books of one account."""
    return Books(
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


def before_group(context: Any, all_: Any, rows: Any) -> Any:
    """Hand the books and the policy of an account to what follows."""
    return (account_books(all_, context.group), policy_at(rows[context.group]))


def before_segment(
    context: Any, books: Any, policy: Any, terms: Any, facts: Any, bars: Any, signals: Any
) -> Any:
    """Judge the bar before this one, and decide what is to be done at this one's opening."""
    if context.i > 0:
        cash = context.last_cash[context.group]
        close_bar(books, policy, terms, facts, cash, bars, signals, context.i - 1)
    return (books, policy)


def order(context: Any, books: Any, policy: Any, terms: Any, bars: Any) -> Any:
    """Answer for one column: sell everything, buy within the limit, or nothing."""
    asset = context.col - context.from_col
    opened = bars.opens[context.i, asset]
    move = terms.half_spread + terms.slippage
    if books.selling[asset] != 0:
        return order_nb(size=-context.position_now, price=opened, fees=terms.fee, slippage=move)
    units = books.bids[asset]
    if units > 0.0:
        books.bids[asset] = 0.0
        limit = books.limits[asset]
        fill = limit_fill_at_open(Side.BUY, opened, limit, terms.half_spread, terms.slippage)
        if fill.outcome == Outcome.FILLED:
            return order_nb(size=units, price=opened, fees=terms.fee, slippage=move)
    return order_nothing_nb()


def after_order(context: Any, books: Any, policy: Any, bars: Any) -> None:
    """Book a fill."""
    result = context.order_result
    if result.status != 0:
        return
    asset = context.col - context.from_col
    if result.side == 0:
        vol = bars.volatility[context.i - 1, asset]
        bought(books, asset, result.size, result.price, result.fees, vol, policy)
    else:
        sold(books, asset, result.price, result.fees)


COMPILER = RuleCompiler()
GROUP, SEGMENT, ORDER, AFTER = (
    COMPILER.compile(each) for each in (before_group, before_segment, order, after_order)
)


def policies_of(policy: Policy, accounts: int) -> list[Policy]:
    """Return so many policies that differ a little in the size of positions, the given one first."""
    size = policy.sizing.base_share
    return [
        policy._replace(sizing=policy.sizing._replace(base_share=size * (1.0 - 0.5 * n / accounts)))
        for n in range(accounts)
    ]


def runner(accounts: int) -> Any:
    """Return what takes so many accounts through a case, and says what the first one ends with."""

    def run(case: Case) -> float:
        bars, names = case.bars, case.names
        rows = np.array([row_of(policy) for policy in policies_of(case.policy, accounts)])
        one = books_of(len(names), case.cash)
        books = Books(*(np.array([column] * accounts) for column in one))
        close = np.tile(bars.closes, (1, accounts))
        portfolio = vbt.Portfolio.from_order_func(
            pd.DataFrame(close, index=pd.to_datetime(case.at)),
            ORDER,
            case.terms,
            bars,
            pre_group_func_nb=GROUP,
            pre_group_args=(books, rows),
            pre_segment_func_nb=SEGMENT,
            pre_segment_args=(case.terms, case.facts, bars, case.signals),
            post_order_func_nb=AFTER,
            post_order_args=(bars,),
            init_cash=case.cash,
            cash_sharing=True,
            group_by=np.repeat(np.arange(accounts), len(names)),
            update_value=False,
            fill_pos_record=False,
            max_orders=ORDERS_MAX * accounts,
        )
        return float(np.atleast_1d(portfolio.final_value())[0])

    return run


if __name__ == "__main__":
    accounts = int(sys.argv.pop(3)) if len(sys.argv) > 3 else 1
    name = "vectorbt" if accounts == 1 else "vectorbt, sweep"
    tell(name, "vectorbt", runner(accounts), EXPRESSES, CANNOT, accounts)
