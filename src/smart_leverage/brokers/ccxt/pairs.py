"""Which market an instrument is traded in, and which instrument a market or a coin is."""

import re
from collections.abc import Mapping
from typing import Any

from smart_leverage.domain.errors import BadData, Refused
from smart_leverage.domain.instruments import AssetClass, Instrument, Key, key_of

USD = "USD"
INADMISSIBLE = 42210000
_CODE = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,19}")


class Pairs:
    """The two spellings of a coin: ours in dollars, the exchange's in its own money."""

    def __init__(self, quote: str, known: Mapping[Key, Instrument]) -> None:
        """Remember what counts as dollars, and the registry."""
        self.quote, self.known = quote, known

    def market(self, key: Key, markets: Mapping[str, Any]) -> Any:
        """Return the market of an instrument.

        Raises:
            Refused: There is none, or nothing is traded in it.
        """
        asset_class, _, symbol = key.partition(":")
        coin, _, money = symbol.rpartition("/")
        name = f"{coin}/{self.quote}"
        market = markets.get(name) if money == USD else None
        if asset_class != AssetClass.CRYPTO or market is None or market.get("spot") is not True:
            raise Refused(INADMISSIBLE, f'asset "{key}" not found: the exchange has no {name}')
        if market.get("active") is False:
            raise Refused(INADMISSIBLE, f"{name} is not traded now")
        return market

    def key_of_market(self, name: object) -> Key:
        """Return the instrument of a market.

        Raises:
            BadData: It is none that can be named.
        """
        coin, _, money = str(name).partition("/")
        if not (_CODE.fullmatch(coin) and _CODE.fullmatch(money)):
            raise BadData(f"the exchange speaks of {str(name)[:40]!r}, which is no pair")
        if money == self.quote:
            money = USD
        elif money == USD:  # not what counts as dollars here, and not to be taken for it
            money = "FIAT"
        return key_of(AssetClass.CRYPTO, f"{coin}/{money}")

    def market_name(self, key: Key) -> str:
        """Return the exchange's name of an instrument's market."""
        coin, _, money = key.partition(":")[2].rpartition("/")
        return f"{coin}/{self.quote if money == USD else money}"

    def key_of_coin(self, code: str) -> Key:
        """Return the instrument that a holding of a coin is."""
        return self.key_of_market(f"{code}/{self.quote}")
