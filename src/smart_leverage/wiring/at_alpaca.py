"""Alpaca behind an account: the adapter, prices, and what a symbol counts as."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal
from os import environ
from pathlib import Path

from smart_leverage.brokers.alpaca import AlpacaBroker, Keys
from smart_leverage.brokers.alpaca.hosts import hosts_of
from smart_leverage.brokers.alpaca.keys import keys_from
from smart_leverage.domain.classify import classify, strictest
from smart_leverage.domain.errors import BrokerDown, OutcomeUnknown, Refused
from smart_leverage.domain.instruments import AssetClass, Instrument, Key, key_of
from smart_leverage.market.latest import AlpacaQuotes, LatestQuotes
from smart_leverage.settings import Settings
from smart_leverage.wiring.existing import BLOCKED, Known, joined, words
from smart_leverage.wiring.venues import Venue


@contextmanager
def alpaca(folder: Path, settings: Settings, warn: Callable[[str], None]) -> Iterator[Venue]:
    """Yield Alpaca.

    Raises:
        ConfigError: There are no keys, or an address is none to which they may go.
        BrokerDown: The broker does not answer, or does not take the keys.
    """
    section, known, keys = settings.broker, Known(), _keys(settings)
    with (
        at_alpaca(folder, settings, known.instruments) as broker,
        closing(AlpacaQuotes(keys, url=section.data_url, feed=section.feed)) as asker,
        closing(LatestQuotes(asker, known.keys, warn)) as quotes,
    ):
        _check(broker, settings, warn)
        quotes.begin()

        def judge(key: Key, price: Decimal) -> Instrument | None:
            return _judged(broker, key, price)

        wanted = [key_of(AssetClass.US_EQUITY, word) for word in words(section.symbols)]
        venue = joined(settings, broker, quotes, known, judge, wanted)
        yield venue._replace(threads=lambda: (*quotes.threads(), *broker.threads()))


def at_alpaca(folder: Path, settings: Settings, known: Mapping[Key, Instrument]) -> AlpacaBroker:
    """Return the adapter to Alpaca; see `alpaca`."""
    hosts = hosts_of(settings.account.mode, settings.broker.url)
    return AlpacaBroker(hosts, _keys(settings), known, folder)


def _keys(settings: Settings) -> Keys:
    file = settings.broker.keys_file
    return keys_from(Path(file) if file else None, environ)


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
