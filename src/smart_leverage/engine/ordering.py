"""In which form what a bot wants goes to the venue: at the market, or waiting for a price."""

from decimal import Decimal
from typing import Any

from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.domain.opportunity import WishTerms
from smart_leverage.domain.orders import OrderClass, OrderType, Side, TimeInForce
from smart_leverage.engine.asking import Ask
from smart_leverage.engine.core import round_down

MOST = 10**15
"""No quantity and no price is as large; beyond it decimals are not exact any more."""


WHOLE = Decimal(100)


def is_amount(number: Decimal) -> bool:
    """Tell whether a number can be a quantity or a price."""
    return number.is_finite() and 0 < number < MOST


def fault_of(instrument: Instrument, ask: Ask) -> str:
    """Return what is wrong with an order whatever the account may do, empty if nothing is."""
    terms = ask.terms
    if terms is None:
        return ""
    prices = (
        terms.limit_price, terms.stop_price, terms.take_profit, terms.stop_loss,
        terms.stop_loss_limit, terms.trail_price,
    )  # fmt: skip
    amounts = (*prices, terms.trail_percent, terms.qty, terms.notional)
    given = [amount for amount in amounts if amount is not None]
    if not all(is_amount(number) for number in given):
        return f"quantity and prices have to be above zero and below {MOST}"
    if any(price < instrument.tick_at(price) for price in prices if price is not None):
        return "a price is less than one step of the price"
    needs_limit = terms.type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    needs_stop = terms.type in (OrderType.STOP, OrderType.STOP_LIMIT)
    if needs_limit != (terms.limit_price is not None):
        return f"a {terms.type.value} order and its limit do not go together"
    if needs_stop != (terms.stop_price is not None):
        return f"a {terms.type.value} order and its stop do not go together"
    return _fault_of_trail(instrument, terms) or _fault_of_class(instrument, terms)


def _fault_of_trail(instrument: Instrument, terms: WishTerms) -> str:
    is_trailing = terms.type is OrderType.TRAILING_STOP
    if is_trailing is not ((terms.trail_price is None) is not (terms.trail_percent is None)):
        return f"a {terms.type.value} order and its trail do not go together"
    if not is_trailing:
        return ""
    if instrument.asset_class is AssetClass.CRYPTO:
        return "invalid order type for crypto order"
    if terms.side is Side.BUY:
        return (
            "a trailing stop to buy has no limit, so its worst price cannot be known; "
            "a stop or a stop_limit order has one"
        )
    if terms.qty is None or terms.qty % 1 != 0 or terms.has_exits:
        return "a trailing stop is a simple order of whole shares"
    if terms.time_in_force not in (None, TimeInForce.DAY, TimeInForce.GTC):
        return "a trailing stop is for the day or good till cancelled"
    return fault_of_percent(terms.trail_percent)


def fault_of_percent(percent: Decimal | None) -> str:
    """Return what is wrong with the distance of a trailing stop, empty if nothing is."""
    return "" if percent is None or percent < WHOLE else "a trail of 100 % leaves no stop"


def _fault_of_class(instrument: Instrument, terms: WishTerms) -> str:
    if not terms.has_exits:
        return ""
    if instrument.asset_class is AssetClass.CRYPTO:
        return "crypto orders must be simple orders"
    if terms.qty is None or terms.qty % 1 != 0:
        return "an order with exits is of whole shares"
    if terms.order_class is OrderClass.OCO:
        return "" if terms.side is Side.SELL else "only a holding can be given two exits"
    return "" if terms.side is Side.BUY else "only a purchase brings its exits along"


def buy_terms(instrument: Instrument, ask: Ask, limit: Decimal) -> dict[str, Any]:
    """Return type, prices and life of a purchase: it always has a limit, so its worst is known.

    One at the market waits at the collar for what a first partial execution left, as its bot asked
    for; unlike one that rests for a price of its own it is cancelled when it ages.
    """
    terms, is_coin = ask.terms, instrument.asset_class is AssetClass.CRYPTO
    at_once = TimeInForce.IOC if is_coin else TimeInForce.DAY
    if terms is None or (terms.type is OrderType.MARKET and not terms.has_exits):
        life = at_once if terms is None else terms.time_in_force or at_once
        return {"type": OrderType.LIMIT, "limit_price": limit, "time_in_force": life}
    stop = _rounded(instrument, terms.stop_price)
    return {
        "type": OrderType.LIMIT if stop is None else OrderType.STOP_LIMIT,
        "limit_price": limit,
        "stop_price": stop,
        "time_in_force": terms.time_in_force or at_once,
        "is_resting": ask.is_resting,
        **_exits(instrument, terms),
    }


def sale_terms(instrument: Instrument, ask: Ask) -> dict[str, Any]:
    """Return type, prices and life of a sale: at the market, or as the bot wants it."""
    terms, is_coin = ask.terms, instrument.asset_class is AssetClass.CRYPTO
    at_once = TimeInForce.GTC if is_coin else TimeInForce.DAY
    if terms is None or terms.type is OrderType.MARKET:
        return {"type": OrderType.MARKET, "time_in_force": at_once}
    return {
        "type": terms.type,
        "limit_price": _rounded(instrument, terms.limit_price),
        "stop_price": _rounded(instrument, terms.stop_price),
        "trail_price": _rounded(instrument, terms.trail_price),
        "trail_percent": terms.trail_percent,
        "time_in_force": terms.time_in_force or at_once,
        "is_resting": ask.is_resting,
        **_exits(instrument, terms),
    }


def _exits(instrument: Instrument, terms: WishTerms) -> dict[str, Any]:
    if not terms.has_exits:
        return {}
    return {
        "order_class": terms.order_class,
        "take_profit": _rounded(instrument, terms.take_profit),
        "stop_loss": _rounded(instrument, terms.stop_loss),
        "stop_loss_limit": _rounded(instrument, terms.stop_loss_limit),
    }


def _rounded(instrument: Instrument, price: Decimal | None) -> Decimal | None:
    return None if price is None else round_down(price, instrument.tick_at(price))
