"""backtesting.py: one coin after the other, for it knows one instrument and that one's account.

Each coin has its share of the cash and is governed by itself: caps bind as fractions of that
account, never across coins. The final equity is the sum.
"""

import warnings
from collections.abc import Callable

import pandas as pd
from backtesting import Backtest, Strategy
from case import Case
from following import LEFT_OUT, STRATEGY, Follower
from measuring import tell

UNIT = 1e-6
"""Sizes are whole numbers here, so they count millionths of a coin, at a millionth of its price."""

CANNOT = (
    *LEFT_OUT,
    "several coins in one account: caps, loss limits and tiers hold within each coin's part",
    "a limit for one opening only: it also fills later inside that bar",
)


class Governed(Strategy):
    """Sends what the follower says; fills are seen at the next bar, as trades."""

    follower: Follower | None = None
    fee = 0.0

    def init(self) -> None:
        self.seen: set[int] = set()
        self.done = 0

    def look(self) -> float:
        """Report what was filled since the bar before; return the cash."""
        for trade in self.closed_trades[self.done :]:
            self.report(-trade.size, trade.exit_price)
        self.done = len(self.closed_trades)
        held = 0.0
        for trade in self.trades:
            if id(trade) not in self.seen:
                self.seen.add(id(trade))
                self.report(trade.size, trade.entry_price)
            held += trade.size * self.data.Close[-1]
        return self.equity - held

    def report(self, size: float, price: float) -> None:
        units, paid = size * UNIT, price / UNIT
        self.follower.filled(0, units, paid, abs(units) * paid * self.fee)

    def next(self) -> None:
        for order in self.orders:
            order.cancel()
        cash = self.look()
        for _, units, limit in self.follower.close(len(self.data) - 1, cash):
            if units < 0.0:
                self.position.close()
            elif size := int(units / UNIT):
                self.buy(size=size, limit=limit * UNIT)


def ready_coin(case: Case) -> Callable[[], float]:
    """Return what takes one coin's account through its bars."""
    columns = {
        "Open": case.bars.opens[:, 0] * UNIT,
        "High": case.high[:, 0] * UNIT,
        "Low": case.low[:, 0] * UNIT,
        "Close": case.bars.closes[:, 0] * UNIT,
    }
    spread = 2.0 * (case.terms.half_spread + case.terms.slippage)
    test = Backtest(
        pd.DataFrame(columns, index=pd.to_datetime(case.at)),
        Governed,
        cash=case.cash,
        commission=case.terms.fee,
        spread=spread,
    )
    follower = Follower(case)
    return lambda: float(test.run(follower=follower, fee=case.terms.fee)["Equity Final [$]"])


def ready(case: Case) -> Callable[[], float]:
    """Return what takes the accounts of all coins through a case, and adds up their equity."""
    warnings.simplefilter("ignore")
    runs = [ready_coin(case.of_coin(asset)) for asset in range(len(case.names))]
    return lambda: sum(run() for run in runs)


if __name__ == "__main__":
    tell("backtesting.py", "backtesting", ready, STRATEGY, CANNOT)
