"""backtrader: a strategy in Python that asks our rules at every bar."""

from collections.abc import Callable

import backtrader as bt
import pandas as pd
from case import Case
from following import LEFT_OUT, STRATEGY, Follower
from measuring import tell

CANNOT = (
    *LEFT_OUT,
    "a limit for one opening only: it also fills later inside that bar",
)


class Governed(bt.Strategy):
    """Sends what the follower says, and reports fills to it."""

    params = (("follower", None),)

    def __init__(self) -> None:
        self.place_of = {data._name: place for place, data in enumerate(self.datas)}

    def notify_order(self, order: bt.Order) -> None:
        if order.status == order.Completed:
            done = order.executed
            asset = self.place_of[order.data._name]
            self.p.follower.filled(asset, done.size, done.price, done.comm)

    def next(self) -> None:
        now = len(self) - 1
        for asset, units, limit in self.p.follower.close(now, self.broker.getcash()):
            data = self.datas[asset]
            if units < 0.0:
                self.close(data)
            else:
                until = data.datetime.datetime(0) + ONE_BAR
                self.buy(data, size=units, exectype=bt.Order.Limit, price=limit, valid=until)


ONE_BAR = pd.Timedelta(hours=1).to_pytimedelta()


def ready(case: Case) -> Callable[[], float]:
    """Return what takes an account through a case."""
    engine = bt.Cerebro(stdstats=False)
    at = pd.to_datetime(case.at)
    for asset, name in enumerate(case.names):
        columns = {
            "open": case.bars.opens[:, asset],
            "high": case.high[:, asset],
            "low": case.low[:, asset],
            "close": case.bars.closes[:, asset],
        }
        frame = pd.DataFrame(columns, index=at)
        engine.adddata(bt.feeds.PandasData(dataname=frame, volume=None, openinterest=None), name)
    engine.broker.setcash(case.cash)
    engine.broker.setcommission(commission=case.terms.fee)
    engine.broker.set_slippage_perc(case.terms.half_spread + case.terms.slippage)
    engine.addstrategy(Governed, follower=Follower(case))

    def run() -> float:
        engine.run()
        return float(engine.broker.getvalue())

    return run


if __name__ == "__main__":
    tell("backtrader", "backtrader", ready, STRATEGY, CANNOT)
