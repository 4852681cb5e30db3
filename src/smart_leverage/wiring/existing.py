"""An account that has a life at its broker already: what it holds, and how it is taken over."""

import time
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from smart_leverage.brokers.base import Broker
from smart_leverage.brokers.sim import Start
from smart_leverage.domain.errors import BrokerDown, ConfigError
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import PositionSnapshot
from smart_leverage.domain.records import InstrumentListed, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Opened
from smart_leverage.market.latest import LatestQuotes
from smart_leverage.runtime.trader import Find
from smart_leverage.settings import Settings
from smart_leverage.wiring.venues import Beginning, Venue, opening

BLOCKED = "▲ the broker takes no orders of this account now; its own page says why"

STILL_TRIES, STILL_S = 10, 1.0
"""So often, and so far apart, an account is read until nothing moved between two readings."""


class Known:
    """The registry, and what the account has listed beside it; safe in threads."""

    def __init__(self) -> None:
        """Begin with the registry."""
        self._found: dict[Key, Instrument] = {}
        self.listed = dict(Registry.builtin())
        """What an account is opened on."""
        self.instruments = ChainMap(self._found, self.listed)

    def narrow(self, read: Callable[[Key], Instrument | None]) -> None:
        """Leave only what is traded at a venue, with that venue's own steps."""
        own = {key: one for key in self.listed if (one := read(key)) is not None}
        self.listed.clear()
        self.listed.update(own)

    def keys(self) -> tuple[Key, ...]:
        """Return what there may be prices of."""
        return tuple(self.instruments)

    def hear(self, record: Record) -> None:
        """Remember what is listed."""
        if isinstance(record, InstrumentListed):
            self._found[record.instrument.key] = record.instrument


def joined(
    settings: Settings,
    broker: Broker,
    quotes: LatestQuotes,
    known: Known,
    judge: Find,
    wanted: Sequence[Key],
) -> Venue:
    """Return the venue of these parts; `judge` says what a symbol counts as that no table has."""

    def find(key: Key, price: Decimal) -> Instrument | None:
        return known.instruments.get(key) or judge(key, price)

    return Venue(
        broker=broker,
        quotes=quotes,
        market=None,
        begin=lambda at_ns: _begun(settings, at_ns, broker, find, known.listed.values()),
        last_close=quotes.last_close,
        find=find,
        wanted=wanted,
        hear=known.hear,
    )


def _begun(
    settings: Settings, at_ns: int, broker: Broker, find: Find, listed: Iterable[Instrument]
) -> Opened:
    """Return the opening of an account that has a life at the broker already.

    Raises:
        ConfigError: It holds what cannot be governed.
        BrokerDown: It does not answer, or the account does not hold still.
    """
    beginning, held = _still(broker)
    registry, starts, strange = Registry(listed), [], []
    for one in held:
        instrument = find(one.key, one.price)
        if instrument is None or one.qty < 0:
            strange.append(f"{one.key} {one.qty:f}")
            continue
        registry = registry.with_instrument(instrument)
        starts.append(Start(one.key, one.qty, one.price))
    if strange:
        told = "the account holds what is not governed here: " + ", ".join(strange)
        raise ConfigError([f"{told}; close it at the broker first"], "broker")
    found = beginning._replace(holdings=tuple(starts), broker_account=broker.account().account_id)
    return opening(settings, at_ns, found, registry, list(registry))


def _still(broker: Broker) -> tuple[Beginning, tuple[PositionSnapshot, ...]]:
    """Read an account until nothing has moved between two readings: cash and holdings fit then."""
    before = _read(broker)
    for _ in range(STILL_TRIES):
        broker_ns = broker.clock_ns() or 0
        activities = max((each.number for each in broker.activities()), default=0)
        after = _read(broker)
        if _moved(after) == _moved(before):
            return Beginning(after[0], (), broker_ns, activities), after[1]
        before = after
        time.sleep(STILL_S)
    raise BrokerDown("orders fill at the broker all the time; try again when fewer do")


def _read(broker: Broker) -> tuple[Decimal, tuple[PositionSnapshot, ...]]:
    return broker.account().cash, tuple(one for one in broker.positions() if one.qty)


def _moved(read: tuple[Decimal, tuple[PositionSnapshot, ...]]) -> object:
    return read[0], sorted((one.key, one.qty) for one in read[1])


def words(symbols: str) -> list[str]:
    """Return the words of a list that commas part, in capitals."""
    found = (word.strip().upper() for word in symbols.split(","))
    return [word for word in found if word]
