"""The real broker behind an account in paper or live mode: Alpaca, or an exchange."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from smart_leverage.brokers.base import Broker
from smart_leverage.domain.registry import Registry
from smart_leverage.settings import Settings
from smart_leverage.wiring.at_alpaca import alpaca, at_alpaca
from smart_leverage.wiring.at_exchange import at_exchange, exchange
from smart_leverage.wiring.venues import Behind


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


def broker_of(folder: Path, settings: Settings) -> AbstractContextManager[Broker]:
    """Return the broker of a paper or live account alone; for whoever only asks it something.

    Raises:
        ConfigError: There are no keys, or an address is none to which they may go.
    """
    known = Registry.builtin()
    if settings.broker.exchange:
        return at_exchange(folder, settings, known)
    return at_alpaca(folder, settings, known)
