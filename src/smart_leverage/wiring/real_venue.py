"""The real broker behind an account in paper or live mode: Alpaca, or an exchange."""

import time
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from decimal import Decimal
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING

from smart_leverage.brokers.alpaca import AlpacaBroker, Keys
from smart_leverage.brokers.alpaca.hosts import hosts_of
from smart_leverage.brokers.alpaca.keys import keys_from
from smart_leverage.brokers.base import Broker
from smart_leverage.brokers.keyfile import private_lines
from smart_leverage.brokers.sim import Start
from smart_leverage.domain.classify import classify, strictest
from smart_leverage.domain.errors import BrokerDown, ConfigError, OutcomeUnknown, Refused
from smart_leverage.domain.instruments import AssetClass, Instrument, Key, key_of
from smart_leverage.domain.orders import PositionSnapshot
from smart_leverage.domain.records import InstrumentListed, Record
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Opened
from smart_leverage.market.latest import AlpacaQuotes, LatestQuotes
from smart_leverage.market.latest.exchange import ExchangeQuotes
from smart_leverage.runtime.trader import Find
from smart_leverage.settings import Settings
from smart_leverage.wiring.venues import Beginning, Behind, Venue, opening

if TYPE_CHECKING:
    from smart_leverage.brokers.ccxt import CcxtBroker

BLOCKED = "▲ the broker takes no orders of this account now; its own page says why"

ONE = Decimal(1)

STILL_TRIES, STILL_S = 10, 1.0
"""So often, and so far apart, an account is read until nothing moved between two readings."""


def real(
    folder: Path, settings: Settings, warn: Callable[[str], None] = lambda line: None
) -> Behind:
    """Return the real broker of a paper or live account.

    Args:
        folder: Of the account; what has to be remembered of the broker is kept there.
        settings: Which broker, where it is, and the keys.
        warn: Tells a person what is worth knowing.
    """
    return (exchange if settings.broker.exchange else alpaca)(folder, settings, warn)


@contextmanager
def alpaca(folder: Path, settings: Settings, warn: Callable[[str], None]) -> Iterator[Venue]:
    """Yield Alpaca.

    Raises:
        ConfigError: There are no keys, or an address is none to which they may go.
        BrokerDown: The broker does not answer, or does not take the keys.
    """
    section, known, keys = settings.broker, Known(), _alpaca_keys(settings)
    with (
        at_alpaca(folder, settings, known.instruments) as broker,
        closing(AlpacaQuotes(keys, url=section.data_url, feed=section.feed)) as asker,
        closing(LatestQuotes(asker, known.keys, warn)) as quotes,
    ):
        _check(broker, settings, warn)
        quotes.begin()

        def judge(key: Key, price: Decimal) -> Instrument | None:
            return _judged(broker, key, price)

        wanted = [key_of(AssetClass.US_EQUITY, word) for word in _words(section.symbols)]
        yield _venue(settings, broker, quotes, known, judge, wanted)


@contextmanager
def exchange(folder: Path, settings: Settings, warn: Callable[[str], None]) -> Iterator[Venue]:
    """Yield an exchange.

    Raises:
        ConfigError: There are no keys, ccxt is not installed, or the exchange lacks something that
            safety needs.
        BrokerDown: The exchange does not answer, or does not take the keys.
    """
    section, known = settings.broker, Known()
    with (
        at_exchange(folder, settings, known.instruments) as broker,
        closing(ExchangeQuotes(section.exchange, section.quote, url=section.data_url)) as asker,
        closing(LatestQuotes(asker, known.keys, warn)) as quotes,
    ):
        if broker.account().is_blocked:
            warn(BLOCKED)
        known.narrow(lambda key: broker.instrument(key, ONE))
        quotes.begin()
        yield _venue(settings, broker, quotes, known, broker.instrument, ())


def broker_of(folder: Path, settings: Settings) -> AbstractContextManager[Broker]:
    """Return the broker of a paper or live account alone; for whoever only asks it something.

    Raises:
        ConfigError: There are no keys, or an address is none to which they may go.
    """
    known = Registry.builtin()
    if settings.broker.exchange:
        return at_exchange(folder, settings, known)
    return at_alpaca(folder, settings, known)


def at_alpaca(folder: Path, settings: Settings, known: Mapping[Key, Instrument]) -> AlpacaBroker:
    """Return the adapter to Alpaca; see `alpaca`."""
    hosts = hosts_of(settings.account.mode, settings.broker.url)
    return AlpacaBroker(hosts, _alpaca_keys(settings), known, folder)


def at_exchange(folder: Path, settings: Settings, known: Mapping[Key, Instrument]) -> "CcxtBroker":
    """Return the adapter to an exchange; see `exchange`."""
    from smart_leverage.brokers.ccxt import CcxtBroker, ExchangeOptions
    from smart_leverage.brokers.ccxt import Keys as ExchangeKeys

    section = settings.broker
    options = ExchangeOptions(
        exchange=section.exchange,
        quote=section.quote,
        pairs=tuple(_words(section.symbols)),
        is_sandbox=settings.account.mode == "paper" and not section.url,
        url=section.url,
    )
    if not section.keys_file:
        raise ConfigError(["broker.keys_file: name the file of the exchange's keys"], "broker")
    what = "key id and secret, and a password where the exchange wants one"
    keys = ExchangeKeys(*private_lines(Path(section.keys_file), (2, 3), what))
    return CcxtBroker(options, keys, known, folder)


def _alpaca_keys(settings: Settings) -> Keys:
    file = settings.broker.keys_file
    return keys_from(Path(file) if file else None, environ)


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


def _venue(
    settings: Settings,
    broker: Broker,
    quotes: LatestQuotes,
    known: Known,
    judge: Find,
    wanted: Sequence[Key],
) -> Venue:
    """Join the parts; `judge` says what a symbol counts as that no table has."""

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


def _check(broker: AlpacaBroker, settings: Settings, warn: Callable[[str], None]) -> None:
    """Ask whether the broker takes the keys and orders, and have it refuse what we refuse."""
    if broker.account().is_blocked:
        warn(BLOCKED)
    if settings.broker.wall != "on" or settings.limits.gross_cap > 1.0:
        return
    try:
        if broker.limit_margin(1):
            warn("● the broker now refuses to lend as well: max_margin_multiplier is 1")
    except (BrokerDown, OutcomeUnknown, Refused) as error:
        warn(f"▲ the broker's own limit of margin could not be set: {error}")


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


def _words(symbols: str) -> list[str]:
    words = (word.strip().upper() for word in symbols.split(","))
    return [word for word in words if word]
