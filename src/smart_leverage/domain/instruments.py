"""What can be held: one exact record per instrument, found by asset class and symbol."""

from decimal import Decimal
from enum import StrEnum
from typing import NewType

from msgspec import Struct

Key = NewType("Key", str)
"""`asset_class:symbol`, the one spelling under which exposure is counted."""


class AssetClass(StrEnum):
    """The broker's asset class; the same letters can name a fund and a coin."""

    US_EQUITY = "us_equity"
    CRYPTO = "crypto"


class Instrument(Struct, frozen=True, kw_only=True):
    """What is true of one instrument; a changed split, lot or factor makes a new version."""

    key: Key
    asset_class: AssetClass
    symbol: str
    name: str
    kind: str
    underlying: str
    factor: Decimal
    is_crypto: bool
    tick: Decimal
    lot: Decimal
    size_step: Decimal
    notional_min: Decimal
    fractionable: bool
    shortable: bool
    marginable: bool
    maintenance_rate_long: Decimal
    maintenance_rate_short: Decimal
    reference_price: Decimal
    version: int = 1

    @property
    def is_leveraged(self) -> bool:
        """Whether it counts under the total leveraged cap: crypto, or a fund beyond one times."""
        return self.is_crypto or abs(self.factor) > 1

    @property
    def fee_asset(self) -> str:
        """The asset in which a buy is charged: the coin itself, or cash."""
        return self.symbol.split("/")[0] if self.asset_class is AssetClass.CRYPTO else "USD"

    def lots(self, qty: Decimal) -> int:
        """Return whole lots in a quantity, rounded toward zero; what is left over is dust."""
        return int(qty / self.lot)

    def quantity(self, lots: int) -> Decimal:
        """Return the exact quantity of so many lots."""
        return self.lot * lots
