"""An exchange behind an account: the adapter through ccxt, and prices."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from smart_leverage.brokers.keyfile import private_lines
from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.market.latest import LatestQuotes
from smart_leverage.market.latest.exchange import ExchangeQuotes
from smart_leverage.settings import Settings
from smart_leverage.wiring.existing import BLOCKED, Known, joined, words
from smart_leverage.wiring.venues import Venue

if TYPE_CHECKING:
    from smart_leverage.brokers.ccxt import CcxtBroker

ONE = Decimal(1)


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
        venue = joined(settings, broker, quotes, known, broker.instrument, ())
        yield venue._replace(threads=quotes.threads)


def at_exchange(folder: Path, settings: Settings, known: Mapping[Key, Instrument]) -> "CcxtBroker":
    """Return the adapter to an exchange; see `exchange`."""
    from smart_leverage.brokers.ccxt import CcxtBroker, ExchangeOptions
    from smart_leverage.brokers.ccxt import Keys as ExchangeKeys

    section = settings.broker
    options = ExchangeOptions(
        exchange=section.exchange,
        quote=section.quote,
        pairs=tuple(words(section.symbols)),
        is_sandbox=settings.account.mode == "paper" and not section.url,
        url=section.url,
    )
    if not section.keys_file:
        raise ConfigError(["broker.keys_file: name the file of the exchange's keys"], "broker")
    what = "key id and secret, and a password where the exchange wants one"
    keys = ExchangeKeys(*private_lines(Path(section.keys_file), (2, 3), what))
    return CcxtBroker(options, keys, known, folder)
