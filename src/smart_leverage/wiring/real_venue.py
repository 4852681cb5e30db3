"""The real broker behind an account: Alpaca, in paper or live mode."""

import time
from collections import ChainMap
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from os import environ
from pathlib import Path

from smart_leverage.brokers.alpaca import AlpacaBroker
from smart_leverage.brokers.alpaca.hosts import hosts_of
from smart_leverage.brokers.alpaca.keys import keys_from
from smart_leverage.brokers.base import Broker
from smart_leverage.brokers.sim import Start
from smart_leverage.domain.classify import classify, strictest
from smart_leverage.domain.errors import BrokerDown, ConfigError, OutcomeUnknown, Refused
from smart_leverage.domain.instruments import AssetClass, Instrument, Key, key_of
from smart_leverage.domain.orders import PositionSnapshot
from smart_leverage.domain.records import InstrumentListed, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Opened
from smart_leverage.market.latest import AlpacaQuotes, LatestQuotes
from smart_leverage.runtime.trader import Find
from smart_leverage.settings import Settings
from smart_leverage.wiring.venues import Beginning, Venue, opening

STILL_TRIES, STILL_S = 10, 1.0
"""So often, and so far apart, an account is read until nothing moved between two readings."""


@contextmanager
def alpaca(
    folder: Path, settings: Settings, warn: Callable[[str], None] = lambda line: None
) -> Iterator[Venue]:
    """Yield the real broker of a paper or live account.

    Args:
        folder: Of the account; the numbers of its activities are kept there.
        settings: Where the broker is, and the keys.
        warn: Tells a person what is worth knowing.

    Raises:
        ConfigError: There are no keys, or an address is none to which they may go.
        BrokerDown: The broker does not answer, or does not take the keys.
    """
    section, mode = settings.broker, settings.account.mode
    keys = keys_from(Path(section.keys_file) if section.keys_file else None, environ)
    hosts = hosts_of(mode, section.url)
    found: dict[Key, Instrument] = {}
    known = ChainMap(found, dict(Registry.builtin()))

    def hear(record: Record) -> None:
        if isinstance(record, InstrumentListed):
            found[record.instrument.key] = record.instrument

    with (
        AlpacaBroker(hosts, keys, known, folder) as broker,
        closing(AlpacaQuotes(keys, url=section.data_url, feed=section.feed)) as asker,
        closing(LatestQuotes(asker, lambda: tuple(known), warn)) as quotes,
    ):
        _check(broker, settings, warn)
        quotes.begin()

        def find(key: Key, price: Decimal) -> Instrument | None:
            return known.get(key) or _judged(broker, key, price)

        yield Venue(
            broker=broker,
            quotes=quotes,
            market=None,
            begin=lambda at_ns: _begun(settings, at_ns, broker, find),
            last_close=quotes.last_close,
            find=find,
            wanted=_wanted(section.symbols),
            hear=hear,
        )


def _check(broker: AlpacaBroker, settings: Settings, warn: Callable[[str], None]) -> None:
    """Ask whether the broker takes the keys and orders, and have it refuse what we refuse."""
    if broker.account().is_blocked:
        warn("▲ the broker takes no orders of this account now; its own page says why")
    if settings.broker.wall != "on" or settings.limits.gross_cap > 1.0:
        return
    try:
        if broker.limit_margin(1):
            warn("● the broker now refuses to lend as well: max_margin_multiplier is 1")
    except (BrokerDown, OutcomeUnknown, Refused) as error:
        warn(f"▲ the broker's own limit of margin could not be set: {error}")


def _begun(settings: Settings, at_ns: int, broker: Broker, find: Find) -> Opened:
    """Return the opening of an account that has a life at the broker already.

    Raises:
        ConfigError: It holds what cannot be governed.
        BrokerDown: It does not answer, or the account does not hold still.
    """
    beginning, held = _still(broker)
    registry, starts, strange = Registry.builtin(), [], []
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
    return opening(
        settings, at_ns, beginning._replace(holdings=tuple(starts)), registry, list(registry)
    )


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


def _judged(broker: AlpacaBroker, key: Key, price: Decimal) -> Instrument | None:
    """Return what a symbol counts as that no table has: by the broker's name of it, or strictest.

    Raises:
        BadData: The symbol cannot be one.
    """
    asset_class, _, symbol = key.partition(":")
    if asset_class == AssetClass.US_EQUITY:
        try:
            name = broker.name_of(symbol)
        except BrokerDown:
            name = ""
        if name:
            return classify(symbol, name, price)
    return strictest(key, price)


def _wanted(symbols: str) -> list[Key]:
    words = [word.strip().upper() for word in symbols.split(",")]
    return [key_of(AssetClass.US_EQUITY, word) for word in words if word]
