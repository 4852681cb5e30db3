"""lumibot, unmodified: a strategy of its own kind on its broker class, which is given a client.

lumibot has no setting for an address; the client that it is given is the official one, pointed at
the gateway. It then learns of its orders by asking every second.
"""

import os
import sys
import time
from typing import Any

# It is to read no settings of whoever runs this.
os.environ |= {"IS_BACKTESTING": "false", "LUMIBOT_DISABLE_DOTENV": "1"}

import lumibot
from alpaca.trading.client import TradingClient
from lumibot.brokers import Alpaca
from lumibot.entities import Asset
from lumibot.strategies import Strategy
from lumibot.traders import Trader
from seen import Seen

url, key_id, secret = sys.argv[1:4]
RUNS_S = 40.0
seen = Seen()
COIN, OTHER, USD = (
    Asset("BTC", asset_type="crypto"),
    Asset("ETH", asset_type="crypto"),
    Asset("USD", asset_type="forex"),
)


class Bot(Strategy):  # type: ignore[misc]
    """Buys a coin, lets a limit rest and cancels it, asks for too much, sells, and is done.

    It goes by the state of its orders and not by callbacks: what an iteration learns of an order
    before the broker's thread does brings none, whatever the venue.
    """

    def initialize(self) -> None:
        self.set_market("24/7")
        self.sleeptime = "1S"
        self.since = time.monotonic()
        self.stages = [self.buy, self.hold, self.rest, self.cancel, self.be_refused, self.sell]

    def order(self, name: str, asset: Any, quantity: Any, side: str, **more: Any) -> Any:
        order = self.create_order(asset, quantity, side, quote=USD, **more)
        seen.step(name, lambda: self.told(self.submit_order(order)))
        return order

    def on_trading_iteration(self) -> None:
        if self.stages and time.monotonic() - self.since < RUNS_S:
            if self.stages[0]():
                self.stages.pop(0)
        elif not self.stages and not self.sold.is_filled():
            return
        else:
            self.end()

    def buy(self) -> bool:
        seen.step("worth", lambda: [self.cash, self.portfolio_value])
        self.bought = self.order("buy", COIN, 0.01, "buy")
        return True

    def hold(self) -> bool:
        position = self.get_position(COIN)
        if not self.bought.is_filled() or position is None:
            return False
        seen.step("bought", lambda: self.told(self.bought))
        seen.step("position", lambda: float(position.quantity))
        seen.step("worth after", lambda: [self.cash, self.portfolio_value])
        return True

    def rest(self) -> bool:
        self.resting = self.order("limit", OTHER, 0.02, "buy", limit_price=900)
        return True

    def cancel(self) -> bool:
        if self.resting.is_canceled():
            seen.step("cancelled", lambda: self.told(self.resting))
            return True
        if "cancel" not in seen.steps:
            seen.step("cancel", lambda: self.cancel_order(self.resting))
        return False

    def be_refused(self) -> bool:
        self.order("too much", COIN, 50, "buy")
        return True

    def sell(self) -> bool:
        self.sold = self.order("sell", COIN, self.get_position(COIN).quantity, "sell")
        return True

    def end(self) -> None:
        seen.step("left", lambda: [stage.__name__ for stage in self.stages])
        seen.step("positions", lambda: [position.symbol for position in client.get_all_positions()])
        seen.step("orders", lambda: [self.told(each) for each in self.get_orders()])
        seen.tell()
        os._exit(0)  # Its threads are made to trade for ever.

    def told(self, order: Any) -> dict[str, Any]:
        return {
            "status": str(order.status),
            "error": str(order.error_message or ""),
            "quantity": float(order.quantity),
            "id": str(order.identifier),
        }


seen.step("version", lambda: lumibot.__version__)
client = TradingClient(key_id, secret, url_override=url)
broker = Alpaca(
    {"API_KEY": key_id, "API_SECRET": secret, "PAPER": True},
    trading_client=client,
    polling_interval=1.0,
)
seen.step("seconds to open", broker.get_time_to_open)
seen.step("cash events", broker.get_cash_events)
trader = Trader()
trader.add_strategy(Bot(broker=broker))
trader.run_all()
