"""A run that the tests of several commands read: six weeks of a greedy bot, far over its caps."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from smart_leverage.brokers.sim import SimBroker, SimConfig, Start
from smart_leverage.domain.clock import ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Opened
from smart_leverage.ledger.base import Durability, Ledger
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.feed import instants
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.runtime.bars import BarDriver
from smart_leverage.runtime.trader import Trader
from smart_leverage.settings import Settings
from smart_leverage.strategies.overbuyer import Overbuyer, OverbuyerConfig

BTC, ETH = Key("crypto:BTC/USD"), Key("crypto:ETH/USD")


def trade(ledger: Path) -> None:
    """Let a greedy bot trade six weeks of hours in an account that begins far over its caps."""
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        trade_in(store)


def trade_in(store: Ledger, days: int = 42) -> None:
    """Do so for some days in a new ledger, wherever it is."""
    market = SyntheticMarket(seed=5, first_day=date(2024, 3, 4), days=days, step_s=3600)
    series = generate(market)
    registry, settings = Registry.builtin(), Settings()
    first = {each.key: Decimal(repr(each.opens[0])) for each in series}
    held = tuple((key, qty, first[key]) for key, qty in ((BTC, Decimal(1)), (ETH, Decimal(5))))
    cash, opened_ns = Decimal(16_800), min(each.starts[0] for each in series)
    clock = ManualClock(opened_ns)
    broker = SimBroker(
        registry, config=SimConfig(cash=cash, positions=tuple(Start(*each) for each in held))
    )
    trader = Trader(Engine(EngineConfig()), store, broker, clock)
    trader.offer(
        Opened(
            at_ns=opened_ns,
            account="demo",
            mode="sim",
            cash=cash,
            preset="classic",
            policy_text=settings.policy_text(),
            policy_hash=settings.policy_hash(),
            enforcement="all",
            version="0",
            instruments=tuple(registry[each.key] for each in series),
            holdings=held,
        )
    )
    bot = Overbuyer([each.key for each in series], OverbuyerConfig(every_s=7_200))
    BarDriver(trader, broker, clock, bots=[bot]).run(instants(series))
