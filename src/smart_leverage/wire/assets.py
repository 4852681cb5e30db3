"""Instruments as the wire shows them."""

import uuid
from functools import lru_cache
from typing import Any

from smart_leverage.domain.instruments import AssetClass, Instrument, Key
from smart_leverage.wire.encoding import text

_NAMES = uuid.UUID("0b7c2f52-5d2b-5f4a-8d65-6a0f1d9a7c11")

_KNOWN = {
    Key("us_equity:AAPL"): "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    Key("crypto:BTC/USD"): "276e2673-764b-4ab6-a611-caf665ca6340",
}
"""The broker's own ids, as far as they are published; for all others one is made from the key."""


@lru_cache(maxsize=4_096)
def asset_id(key: Key) -> str:
    """Return the id of an instrument; the same one always."""
    return _KNOWN.get(key) or str(uuid.uuid5(_NAMES, key))


def exchange_of(instrument: Instrument) -> str:
    """Return where an instrument is listed; for shares that is not known here."""
    return "CRYPTO" if instrument.asset_class is AssetClass.CRYPTO else "ARCA"


def asset_json(instrument: Instrument) -> dict[str, Any]:
    """Return the object of an asset."""
    is_coin = instrument.asset_class is AssetClass.CRYPTO
    rate = instrument.maintenance_rate_long * 100
    asset: dict[str, Any] = {
        "id": asset_id(instrument.key),
        "class": instrument.asset_class.value,
        "exchange": exchange_of(instrument),
        "symbol": instrument.symbol,
        "name": instrument.name,
        "status": "active",
        "tradable": True,
        "marginable": instrument.marginable and not is_coin,
        "maintenance_margin_requirement": float(rate),
        "margin_requirement_long": text(rate),
        "margin_requirement_short": text(instrument.maintenance_rate_short * 100),
        "shortable": False,
        "easy_to_borrow": False,
        "borrow_status": "hard_to_borrow",
        "fractionable": instrument.fractionable,
        "attributes": [],
        "cusip": None,
    }
    if is_coin:
        asset["min_order_size"] = text(instrument.lot)
        asset["min_trade_increment"] = "0.000000001"
        asset["price_increment"] = text(instrument.tick)
    return asset
