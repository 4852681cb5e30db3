"""What an account in real time deals with, and the venue that is embedded here."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from smart_leverage.brokers.base import Broker
from smart_leverage.brokers.sim import Start
from smart_leverage.domain.classify import strictest
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Opened
from smart_leverage.engine.proof import exact
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.previous import PreviousCloses
from smart_leverage.market.quotes import QuotePath
from smart_leverage.runtime.live import Market, Quotes
from smart_leverage.runtime.trader import Find
from smart_leverage.runtime.venue_process import venue_process
from smart_leverage.runtime.watchdog import Threads
from smart_leverage.runtime.writing import Tell
from smart_leverage.settings import Settings


class Beginning(NamedTuple):
    """What an account has before anybody trades in it; holdings belong to the house."""

    cash: Decimal
    holdings: tuple[Start, ...] = ()
    broker_ns: int = 0
    activities: int = 0
    broker_account: str = ""


class Venue(NamedTuple):
    """What an account in real time deals with.

    `begin` returns the opening at an instant; it asks the broker. `market` is moved along by the
    quotes, None where it moves by itself. `last_close` is what an instrument closed at on the day
    before. `find` returns what nobody has listed, `wanted` what has to be listed at a start, and
    `hear` is told every record. `threads` returns those without which it does not do its work.
    """

    broker: Broker
    quotes: Quotes
    market: Market | None
    begin: Callable[[int], Opened]
    last_close: Callable[[Key], Decimal | None]
    find: Find = strictest
    wanted: Sequence[Key] = ()
    hear: Tell = lambda record: None
    threads: Threads = tuple


Behind = AbstractContextManager[Venue]


@contextmanager
def embedded(folder: Path, settings: Settings, series: Sequence[BarSeries]) -> Iterator[Venue]:
    """Yield the simulated venue of a folder, a process of its own, on a market made of bars.

    Args:
        folder: Of the account; the venue keeps its file there.
        settings: The opening cash of a new account.
        series: The market; the same at every start of one folder.

    Raises:
        BrokerDown: The venue does not start.
    """
    cash, registry = exact(settings.account.cash), Registry.builtin()
    keys, previous = [each.key for each in series], PreviousCloses(series)
    with venue_process(folder, cash) as broker:
        yield Venue(
            broker=broker,
            quotes=QuotePath(series),
            market=broker,
            begin=lambda at_ns: opening(settings, at_ns, Beginning(cash), registry, keys),
            last_close=lambda key: previous.at(key, time.time_ns()),
        )


def opening(
    settings: Settings,
    at_ns: int,
    beginning: Beginning,
    registry: Registry,
    keys: Sequence[Key],
) -> Opened:
    """Return the event that puts an account under our rule."""
    return Opened(
        at_ns=at_ns,
        account=settings.account.name,
        mode=settings.account.mode,
        cash=beginning.cash,
        preset=settings.policy.preset,
        policy_text=settings.policy_text(),
        policy_hash=settings.policy_hash(),
        enforcement=settings.account.enforcement,
        version=version("smart-leverage"),
        instruments=tuple(registry[key] for key in keys),
        holdings=tuple((each.key, each.qty, each.price) for each in beginning.holdings),
        broker_ns=beginning.broker_ns,
        activities=beginning.activities,
        broker_account=beginning.broker_account,
    )
