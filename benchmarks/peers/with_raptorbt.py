"""raptorbt: its portfolio session with a strategy in Python that asks our rules at every bar."""

from collections.abc import Callable

import numpy as np
from case import Case
from following import LEFT_OUT, STRATEGY, Follower
from measuring import tell
from raptorbt import BacktestConfig
from raptorbt.strategy import Strategy
from raptorbt.strategy.orders import Market
from raptorbt.strategy.portfolio_runner import run_portfolio_strategy

CANNOT = (
    *LEFT_OUT,
    "a limit for one opening only: purchases are market orders",
    "adding to a position that is held: such a purchase is not filled",
)


class Governed(Strategy):
    """Asks once the last coin's bar of an hour is there, for coins come one after the other."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.follower = Follower(case)
        self.names, self.last = case.names, case.names[-1]
        self.sent: dict[str, tuple[int, bool]] = {}
        self.fee = case.terms.fee

    def on_bar(self, ctx) -> None:
        if ctx.symbol != self.last:
            return
        for asset, units, _ in self.follower.close(ctx.idx, ctx.cash):
            is_sale = units < 0.0
            order = Market(side="sell" if is_sale else "buy", units=abs(units), reduce_only=is_sale)
            self.sent[self.submit_order(order, symbol=self.names[asset])] = (asset, is_sale)

    def on_order_filled(self, ctx, event) -> None:
        asset, is_sale = self.sent.pop(event.client_order_id)
        fee = event.size * event.price * self.fee
        self.follower.filled(asset, -event.size if is_sale else event.size, event.price, fee)


def ready(case: Case) -> Callable[[], float]:
    """Return what takes an account through a case."""
    volume = np.full(len(case.at), 1e9)
    data = {
        name: {
            "timestamps": case.at,
            "open": case.bars.opens[:, asset],
            "high": case.high[:, asset],
            "low": case.low[:, asset],
            "close": case.bars.closes[:, asset],
            "volume": volume,
        }
        for asset, name in enumerate(case.names)
    }
    config = BacktestConfig(
        initial_capital=case.cash,
        fees=case.terms.fee,
        slippage=case.terms.half_spread + case.terms.slippage,
        fill_timing="next_bar_open",
        session_minutes=1440,
    )
    governed = Governed(case)

    def run() -> float:
        result = run_portfolio_strategy(governed, data, config)
        return float(result.result.equity_curve()[-1])

    return run


if __name__ == "__main__":
    tell("raptorbt", "raptorbt", ready, STRATEGY, CANNOT)
