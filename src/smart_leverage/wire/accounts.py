"""The account, its configuration and its positions as the wire shows them."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from msgspec import Struct

from smart_leverage.domain.instruments import AssetClass, Instrument
from smart_leverage.wire.assets import asset_id, exchange_of
from smart_leverage.wire.encoding import text, when

CENT = Decimal("0.01")
ZERO = Decimal(0)
RATE = Decimal("0.0000000001")


class AccountView(Struct, frozen=True, kw_only=True):
    """What a bot's account object says; money in account currency."""

    id: str
    number: str
    equity: Decimal
    last_equity: Decimal
    cash: Decimal
    market_value: Decimal
    buying_power: Decimal
    buying_power_coins: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    created_ns: int
    is_suspended: bool


def account_json(view: AccountView) -> dict[str, Any]:
    """Return the object of an account."""
    power, coins = money(view.buying_power), money(view.buying_power_coins)
    return {
        "id": view.id,
        "admin_configurations": {},
        "user_configurations": None,
        "account_number": view.number,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "options_approved_level": 0,
        "options_trading_level": 0,
        "currency": "USD",
        "buying_power": power,
        "regt_buying_power": power,
        "effective_buying_power": power,
        "non_marginable_buying_power": coins,
        "options_buying_power": "0",
        "cash": money(view.cash),
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "portfolio_value": money(view.equity),
        "trading_blocked": False,
        "transfers_blocked": True,
        "account_blocked": False,
        "created_at": when(view.created_ns),
        "trade_suspended_by_user": view.is_suspended,
        "multiplier": "1",
        "shorting_enabled": False,
        "equity": money(view.equity),
        "last_equity": money(view.last_equity),
        "long_market_value": money(view.market_value),
        "short_market_value": "0",
        "position_market_value": money(view.market_value),
        "initial_margin": money(view.initial_margin),
        "maintenance_margin": money(view.maintenance_margin),
        "last_maintenance_margin": "0",
        "sma": "0",
        "balance_asof": (when(view.created_ns) or "")[:10],
        "crypto_tier": 1,
        "intraday_adjustments": "0",
        "pending_reg_taf_fees": "0",
    }


def configuration_json(*, is_suspended: bool) -> dict[str, Any]:
    """Return the account's configuration: no margin, no shorts, whatever the broker would lend."""
    return {
        "fractional_trading": True,
        "max_margin_multiplier": "1",
        "no_shorting": True,
        "suspend_trade": is_suspended,
        "trade_confirm_email": "none",
        "ptp_no_exception_entry": False,
        "max_options_trading_level": 0,
        "disable_overnight_trading": True,
    }


class PositionView(Struct, frozen=True, kw_only=True):
    """A bot's holding of one instrument, always long; `last_price` is that of the day before."""

    instrument: Instrument
    qty: Decimal
    qty_available: Decimal
    entry_price: Decimal
    cost_basis: Decimal
    price: Decimal
    last_price: Decimal | None


def position_json(view: PositionView) -> dict[str, Any]:
    """Return the object of a position; what depends on yesterday is null where that is unknown."""
    instrument, value = view.instrument, view.qty * view.price
    gain = value - view.cost_basis
    today = None if view.last_price is None else (view.price - view.last_price) * view.qty
    change = _rate(view.price - view.last_price, view.last_price) if view.last_price else None
    return {
        "asset_id": asset_id(instrument.key),
        "symbol": position_symbol(instrument),
        "exchange": exchange_of(instrument),
        "asset_class": instrument.asset_class.value,
        "asset_marginable": instrument.marginable,
        "qty": text(view.qty),
        "qty_available": text(view.qty_available),
        "avg_entry_price": text(_price(view.entry_price)),
        "side": "long",
        "market_value": money(value),
        "cost_basis": money(view.cost_basis),
        "unrealized_pl": money(gain),
        "unrealized_plpc": text(_rate(gain, view.cost_basis)),
        "unrealized_intraday_pl": None if today is None else money(today),
        "unrealized_intraday_plpc": text(change),
        "current_price": text(view.price),
        "lastday_price": text(view.last_price),
        "change_today": text(change),
    }


def position_symbol(instrument: Instrument) -> str:
    """Return how positions spell an instrument: a coin without the slash."""
    if instrument.asset_class is AssetClass.CRYPTO:
        return instrument.symbol.replace("/", "")
    return instrument.symbol


def money(amount: Decimal) -> str:
    """Return an amount to the cent, as text."""
    return text(amount.quantize(CENT, rounding=ROUND_HALF_EVEN)) or "0"


def _price(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.000000001"), rounding=ROUND_HALF_EVEN)


def _rate(part: Decimal, whole: Decimal) -> Decimal | None:
    return (part / whole).quantize(RATE, rounding=ROUND_HALF_EVEN) if whole else None
