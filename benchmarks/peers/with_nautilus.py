"""nautilus_trader: a strategy in Python on its event engine, fed with bars."""

from collections.abc import Callable
from decimal import Decimal

from case import Case
from following import LEFT_OUT, STRATEGY, Follower
from measuring import tell
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, CurrencyType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

PRICE_PLACES, SIZE_PLACES = 6, 8
VENUE = Venue("VENUE")

CANNOT = (
    *LEFT_OUT,
    "orders that wait for the next bar's open: they fill at the close on which they were decided",
    "slippage and spread as fractions of the price: a venue fed with bars knows ticks only",
)


def coin_of(name: str, fee: float) -> CurrencyPair:
    """Return a coin against dollars."""
    base = Currency(name.split("/")[0], SIZE_PLACES, 0, name, CurrencyType.CRYPTO)
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol(name), VENUE),
        raw_symbol=Symbol(name),
        base_currency=base,
        quote_currency=USD,
        price_precision=PRICE_PLACES,
        size_precision=SIZE_PLACES,
        price_increment=Price(10.0**-PRICE_PLACES, PRICE_PLACES),
        size_increment=Quantity(10.0**-SIZE_PLACES, SIZE_PLACES),
        ts_event=0,
        ts_init=0,
        maker_fee=Decimal(repr(fee)),
        taker_fee=Decimal(repr(fee)),
    )


class Governed(Strategy):
    """Asks once the last coin's bar of an hour is there, for coins come one after the other."""

    def __init__(self, case: Case, coins: list[CurrencyPair]) -> None:
        super().__init__()
        self.follower = Follower(case)
        self.coins, self.types = coins, [type_of(coin) for coin in coins]
        self.place_of = {coin.id: place for place, coin in enumerate(coins)}
        self.t = -1

    def on_start(self) -> None:
        for each in self.types:
            self.subscribe_bars(each)

    def on_bar(self, bar: Bar) -> None:
        if bar.bar_type != self.types[-1]:
            return
        self.t += 1
        cash = float(self.portfolio.account(VENUE).balance_total(USD))
        for asset, units, _ in self.follower.close(self.t, cash):
            side = OrderSide.SELL if units < 0.0 else OrderSide.BUY
            coin = self.coins[asset]
            order = self.order_factory.market(coin.id, side, coin.make_qty(abs(units)))
            self.submit_order(order)

    def on_order_filled(self, event) -> None:
        units = float(event.last_qty)
        if event.order_side == OrderSide.SELL:
            units = -units
        asset = self.place_of[event.instrument_id]
        self.follower.filled(asset, units, float(event.last_px), float(event.commission))


def type_of(coin: CurrencyPair) -> BarType:
    """Return the type of an hourly bar of a coin."""
    return BarType.from_str(f"{coin.id}-1-HOUR-LAST-EXTERNAL")


def bars_of(case: Case, asset: int, coin: CurrencyPair) -> list[Bar]:
    """Return the bars of a coin as the engine takes them."""
    kind, volume = type_of(coin), Quantity(1e6, SIZE_PLACES)
    columns = (case.bars.opens, case.high, case.low, case.bars.closes)
    prices = zip(*(column[:, asset].tolist() for column in columns), strict=True)
    return [
        Bar(kind, *(Price(price, PRICE_PLACES) for price in four), volume, at, at)
        for at, four in zip(case.at.tolist(), prices, strict=True)
    ]


def ready(case: Case) -> Callable[[], float]:
    """Return what takes an account through a case."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.CASH,
        starting_balances=[Money(case.cash, USD)],
    )
    coins = [coin_of(name, case.terms.fee) for name in case.names]
    for coin in coins:
        engine.add_instrument(coin)
    columns = [bars_of(case, asset, coin) for asset, coin in enumerate(coins)]
    in_order = [bar for hour in zip(*columns, strict=True) for bar in hour]
    engine.add_data(in_order, validate=False, sort=False)
    engine.add_strategy(Governed(case, coins))

    def run() -> float:
        engine.run()
        return equity_of(engine, case, coins)

    return run


def equity_of(engine: BacktestEngine, case: Case, coins: list[CurrencyPair]) -> float:
    """Return cash and what is held at the last closes."""
    account = engine.portfolio.account(VENUE)
    equity = float(account.balance_total(USD))
    for asset, coin in enumerate(coins):
        held = account.balance_total(coin.base_currency)
        equity += float(held or 0.0) * float(case.bars.closes[-1, asset])
    return equity


if __name__ == "__main__":
    tell("nautilus_trader", "nautilus-trader", ready, STRATEGY, CANNOT)
