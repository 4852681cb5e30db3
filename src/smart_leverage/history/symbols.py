"""Which instrument a symbol of another program means; unknown ones are refused unless asked."""

from decimal import Decimal

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.domain.registry import unknown_coin, unknown_equity
from smart_leverage.history.base import Asked
from smart_leverage.history.values import shown

DOLLARS = "USD"


def instrument_of(
    asked: Asked, symbol: str, price: Decimal, asset_class: AssetClass | None = None
) -> Instrument:
    """Return what a symbol means.

    Args:
        asked: Knows the registry, quotes that count as dollars, and whether unknown symbols do.
        symbol: `SPY`, `BTC/USD`, `BTCUSD`, or `BTC/USDT:USDT` as futures are written.
        price: A price of it, which fixes the steps of an unknown coin.
        asset_class: Where the file knows it.

    Raises:
        BadData: It is unknown, ambiguous, or not quoted in dollars.
    """
    spelled = symbol.partition(":")[0].upper()
    for ours, theirs in asked.quotes.items():
        stem = spelled.removesuffix(f"/{ours}")
        spelled = f"{stem}/{theirs}" if stem != spelled else spelled
    _, slash, quote = spelled.partition("/")
    if slash and quote != DOLLARS:
        raise BadData(
            f"symbol {shown(symbol)} is quoted in {quote}, and the account counts dollars",
            fix=f"--quote {quote}=USD where one {quote} is one dollar; else leave the file out",
        )
    try:
        return asked.registry.resolve(spelled, asset_class, quote_alias=asked.quotes)
    except BadData as error:
        if not asked.counts_unknown or "ambiguous" in error.fault:
            raise BadData(error.fault, fix=_advice(error, asset_class)) from None
    if slash or asset_class is AssetClass.CRYPTO:
        return unknown_coin(spelled, price)
    return unknown_equity(spelled)


def _advice(error: BadData, asset_class: AssetClass | None) -> str:
    if "ambiguous" in error.fault:
        hint = " (a column asset_class, or BTC/USD with its slash)" if asset_class is None else ""
        return f"{error.fix}{hint}"
    return f"{error.fix}; --count-unknown counts a symbol that no table has"
