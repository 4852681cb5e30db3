"""How the venue spells an instrument, and which one a spelling means."""

import re
from collections.abc import Iterator, Mapping

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
    pairs = (key_of(AssetClass.CRYPTO, pair) for pair in _pairs(symbol))
    return next((key for key in pairs if key in known), None)


def pair_of(symbol: str) -> str | None:
    """Return the pair that a coin's holding is named by, `FOO/USD` of `FOOUSD`; None if none is."""
    return symbol if "/" in symbol else next(_pairs(symbol), None)


def _pairs(symbol: str) -> Iterator[str]:
    if "/" in symbol:
        return
    for quote in QUOTES:
        coin = symbol.removesuffix(quote)
        if coin and coin != symbol:
            yield f"{coin}/{quote}"


def names_option(symbol: str) -> bool:
    """Tell whether a symbol is that of an option contract: its date, its kind and its strike."""
    return _OPTION.fullmatch(symbol) is not None
