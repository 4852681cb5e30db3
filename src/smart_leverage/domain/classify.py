"""What a symbol counts as: plain stock, fund, coin, or unknown and therefore strictest."""

import re
from decimal import ROUND_CEILING, Decimal

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument, Key, key_of
from smart_leverage.domain.naming import looks_crypto, looks_leveraged

CENT = Decimal("0.01")
COIN_INCREMENT = Decimal("1e-9")
"""Smallest quantity step of the venue, for coins and for fractional shares."""

FRACTIONAL_LOT = Decimal("0.0001")
"""About one cent of a share of 100; finer fractions of a share are dust."""

SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9./-]{0,24}")
"""Any symbol; lower case and letters of other alphabets never match."""

PAIR = re.compile(r"[A-Z0-9]{1,12}/[A-Z0-9]{1,12}")
"""A coin and its quote currency, in the one spelling that keys use."""

QUOTES = ("USDT", "USDC", "USD", "BTC")
"""Currencies in which coins are quoted at the venue; the longer spelling is tried first."""

_ONE = Decimal(1)
_UNKNOWN_FACTOR = Decimal(3)
_COIN_NOTIONAL_MIN = Decimal(10)
_COIN_TICK_SHARE = Decimal("1e-5")


def nearest_power_of_ten(value: Decimal) -> Decimal:
    """Return the power of ten nearest by ratio: 3.1 gives 1, 3.2 gives 10."""
    exponent = value.adjusted()
    mantissa = value.scaleb(-exponent)
    if mantissa * mantissa >= 10:  # above the square root of ten, the next one is nearer
        exponent += 1
    # 10**e keeps plain digits (1000) where scaleb would write 1E+3 into every quantity.
    return Decimal(10) ** exponent if exponent > 0 else _ONE.scaleb(exponent)


def coin_lot(reference_price: Decimal, increment: Decimal = COIN_INCREMENT) -> Decimal:
    """Return the quantity in which a coin is counted: about a cent, never below the increment.

    Rounded to a power of ten, so that a lot is worth 0.3 to 3 cents at the reference price. It
    keeps a holding far below 2**53 lots, beyond which a float cannot count.
    """
    return max(increment, nearest_power_of_ten(CENT / _positive(reference_price)))


def coin_tick(reference_price: Decimal) -> Decimal:
    """Return a price step for a coin: at most a cent and a 1e-5 part of the price.

    An assumption for coins whose own step is not at hand; the broker's asset row overrides it.
    """
    exponent = (_positive(reference_price) * _COIN_TICK_SHARE).adjusted()
    return min(CENT, Decimal((0, (1,), exponent)))


def maintenance_rates(factor: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
    """Return the maintenance rates of a long and of a short position in a share.

    Args:
        factor: Daily multiple of a fund, signed; 1 for a plain stock.
        price: Price of a share, positive; cheap shares need more.

    Returns:
        Fractions of market value; the short rate exceeds 1 below 2.50.

    Source:
        Alpaca, "Margin and short selling", 2026-09-17, for the price bands;
        FINRA Regulatory Notice 09-53 for funds: 25 % and 30 % times the factor, at most 100 %.
    """
    times = abs(factor)
    long = min(_ONE, Decimal("0.25") * times)
    short = min(_ONE, Decimal("0.30") * times)
    price = _positive(price)
    return max(long, _long_band(price)), max(short, _short_band(price))


def _long_band(price: Decimal) -> Decimal:
    if price < Decimal("2.50"):
        return Decimal("1.00")
    return Decimal("0.50") if price <= 6 else Decimal("0.30")


def _short_band(price: Decimal) -> Decimal:
    per_share, floor = (Decimal("2.50"), _ONE) if price < 5 else (Decimal(5), Decimal("0.30"))
    return max(floor, (per_share / price).quantize(Decimal("0.0001"), ROUND_CEILING))


def stock(symbol: str, name: str, price: Decimal) -> Instrument:
    """Return a share that is known to be plain: factor 1, marginable, counted in 0.0001.

    Args:
        price: A recent price, positive; becomes the reference price and picks the rates.

    Raises:
        BadData: The symbol or the price cannot be one.
    """
    return equity(symbol, name=name, kind="stock", underlying=symbol, factor=_ONE, price=price)


def equity(
    symbol: str,
    *,
    name: str,
    kind: str,
    underlying: str,
    factor: Decimal,
    price: Decimal,
    rate_factor: Decimal | None = None,
    fractionable: bool = True,
    is_crypto: bool = False,
    is_proxy: bool = False,
) -> Instrument:
    """Return a listed share or fund with the rates of its factor and price.

    Args:
        rate_factor: Factor for the maintenance rates where it is not the fund's own.

    Raises:
        BadData: The symbol or the price cannot be one.
    """
    long, short = maintenance_rates(factor if rate_factor is None else rate_factor, price)
    return Instrument(
        key=key_of(AssetClass.US_EQUITY, _checked(symbol)),
        asset_class=AssetClass.US_EQUITY,
        symbol=symbol,
        name=name,
        kind=kind,
        underlying=underlying,
        factor=factor,
        is_crypto=is_crypto,
        is_proxy=is_proxy,
        tick=CENT,
        lot=FRACTIONAL_LOT if fractionable else _ONE,
        size_step=_ONE,
        notional_min=_ONE,
        fractionable=fractionable,
        shortable=True,
        marginable=True,
        maintenance_rate_long=long,
        maintenance_rate_short=short,
        reference_price=price,
    )


def unknown_equity(symbol: str, name: str = "") -> Instrument:
    """Return the strictest reading of a listed symbol: three times leveraged, fully paid for.

    Args:
        name: What the broker calls it, if anything; a name that speaks of coins makes it crypto.

    Raises:
        BadData: The symbol cannot be one.
    """
    return Instrument(
        key=key_of(AssetClass.US_EQUITY, _checked(symbol)),
        asset_class=AssetClass.US_EQUITY,
        symbol=symbol,
        name=name or f"{symbol}, unknown",
        kind="unknown",
        underlying=symbol,
        factor=_UNKNOWN_FACTOR,
        is_crypto=looks_crypto(name),
        tick=CENT,
        lot=_ONE,
        size_step=_ONE,
        notional_min=_ONE,
        fractionable=False,
        shortable=False,
        marginable=False,
        maintenance_rate_long=_ONE,
        maintenance_rate_short=_ONE,
        reference_price=_ONE,
    )


def coin(
    symbol: str,
    *,
    name: str,
    kind: str,
    reference_price: Decimal,
    tick: Decimal,
    increment: Decimal = COIN_INCREMENT,
    notional_min: Decimal = _COIN_NOTIONAL_MIN,
) -> Instrument:
    """Return a coin pair written with a slash: paid in full, never short.

    Raises:
        BadData: The symbol or the price cannot be one.
    """
    if not PAIR.fullmatch(symbol):
        raise BadData(f"{symbol[:32]!a} is not a coin pair", fix="write it as BTC/USD")
    lot = coin_lot(reference_price, increment)
    return Instrument(
        key=key_of(AssetClass.CRYPTO, symbol),
        asset_class=AssetClass.CRYPTO,
        symbol=symbol,
        name=name,
        kind=kind,
        underlying=symbol.split("/")[0],
        factor=_ONE,
        is_crypto=True,
        tick=tick,
        lot=lot,
        size_step=lot,
        notional_min=notional_min,
        fractionable=True,
        shortable=False,
        marginable=False,
        maintenance_rate_long=_ONE,
        maintenance_rate_short=_ONE,
        reference_price=reference_price,
    )


def unknown_coin(symbol: str, reference_price: Decimal) -> Instrument:
    """Return a coin pair that no table has; it counts as crypto like every other.

    Args:
        symbol: `FOO/USD`, `FOO-USD` or, as the venue writes positions, `FOOUSD`.
        reference_price: A recent price, positive; fixes lot and tick of this version.

    Raises:
        BadData: The spelling ends in no known quote currency, or the price is not positive.
    """
    pair = _pair(_checked(symbol))
    tick = coin_tick(reference_price)
    return coin(pair, name=pair, kind="unknown", reference_price=reference_price, tick=tick)


def classify(symbol: str, name: str, price: Decimal) -> Instrument:
    """Return what a listed symbol outside the tables counts as, judged by the broker's name.

    A name that speaks of leverage, of coins or of nothing gets the strictest reading.

    Raises:
        BadData: The symbol or the price cannot be one.
    """
    if looks_leveraged(name) or looks_crypto(name):
        return unknown_equity(symbol, name)
    return stock(symbol, name, price)


def strictest(key: Key, price: Decimal) -> Instrument | None:
    """Return the strictest reading of what nobody knows anything of but its key.

    Args:
        key: `asset_class:symbol`, as a venue named it.
        price: A recent price, positive.

    Returns:
        None for a class that cannot be held here, as options.
    """
    asset_class, _, symbol = key.partition(":")
    if asset_class == AssetClass.CRYPTO:
        return unknown_coin(symbol, price)
    return unknown_equity(symbol) if asset_class == AssetClass.US_EQUITY else None


def _pair(symbol: str) -> str:
    for separator in ("/", "-"):
        if separator in symbol:
            return symbol.replace(separator, "/")
    for quote in QUOTES:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return f"{symbol.removesuffix(quote)}/{quote}"
    raise BadData(f"coin pair {symbol!r} ends in no known quote", fix="write it as BTC/USD")


def _checked(symbol: str) -> str:
    if not SYMBOL.fullmatch(symbol):
        raise BadData(
            f"{symbol[:32]!a} is not a symbol", fix="1 to 25 of A-Z, 0-9, point, slash and dash"
        )
    return symbol


def _positive(price: Decimal) -> Decimal:
    if not (price.is_finite() and price > 0):
        raise BadData(f"price {price} is not a positive number")
    return price
