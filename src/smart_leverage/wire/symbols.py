"""How the venue spells an instrument, and which one a spelling means."""

import re
from collections.abc import Mapping

from smart_leverage.domain.instruments import AssetClass, Instrument, Key, key_of

QUOTES = ("USDT", "USDC", "USD", "BTC")
"""Currencies in which coins are quoted; the longer spelling is tried first."""

_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,24}")
_OPTION = re.compile(r"[A-Z]{1,6}[0-9]{6}[CP][0-9]{8}")


def key_of_symbol(symbol: str, known: Mapping[Key, Instrument]) -> Key | None:
    """Return the one key of a symbol in any of its spellings, None for one that is not listed.

    `BTC/USD` and `BTCUSD` are one coin. Letters of another case or alphabet are another symbol, so
    that no spelling gets around a cap.
    """
    if not _SYMBOL.fullmatch(symbol):
        return None
    for asset_class in AssetClass:
        key = key_of(asset_class, symbol)
        if key in known:
            return key
    if "/" in symbol:
        return None
    for quote in QUOTES:
        coin = symbol.removesuffix(quote)
        key = key_of(AssetClass.CRYPTO, f"{coin}/{quote}")
        if coin != symbol and key in known:
            return key
    return None


def names_option(symbol: str) -> bool:
    """Tell whether a symbol is that of an option contract: its date, its kind and its strike."""
    return _OPTION.fullmatch(symbol) is not None
