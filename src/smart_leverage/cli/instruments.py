"""Finds an instrument of the account under any of its spellings."""

from collections.abc import Iterable

from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.registry import Registry


def find(listed: Iterable[Instrument], spelling: str) -> Instrument:
    """Return the instrument that a spelling means among those of the account.

    Args:
        listed: The instruments of the account.
        spelling: `BTC/USD`, `BTCUSD`, `btc-usd`, `TQQQ`, or a whole key such as `us_equity:TQQQ`.

    Raises:
        BadData: None is meant, or more than one; the nearest ones are named.
    """
    registry = Registry(listed)
    for key, instrument in registry.items():
        if spelling.lower() == key.lower():
            return instrument
    return registry.resolve(spelling.upper())
