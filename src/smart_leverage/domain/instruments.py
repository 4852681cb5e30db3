"""What can be held: one exact record per instrument, found by asset class and symbol."""

from decimal import Decimal
from enum import StrEnum
from typing import NewType

from msgspec import Struct

Key = NewType("Key", str)
"""`asset_class:symbol`, the one spelling under which exposure is counted."""

_ONE = Decimal(1)
_HALF = Decimal("0.5")
_SUB_DOLLAR_TICK = Decimal("0.0001")


BROAD_FUND = "etf_broad"
"""The kind of an unlevered fund on a whole market."""


class AssetClass(StrEnum):
    """The broker's asset class; the same letters can name a fund and a coin."""

    US_EQUITY = "us_equity"
    CRYPTO = "crypto"


def key_of(asset_class: AssetClass, symbol: str) -> Key:
    """Return the key of a symbol in its one spelling: `TQQQ`, or `BTC/USD` with the slash."""
    return Key(f"{asset_class.value}:{symbol}")


class Instrument(Struct, frozen=True, kw_only=True):
    """What is true of one instrument; a changed split, lot or factor makes a new version.

    `factor` is the daily multiple of a fund, signed, and 1 for anything plain. `is_crypto` counts
    under the crypto cap; `is_proxy` marks equities that move with coins without holding them.
    `tick` is the price step, `lot` the quantity the policy counts in, `size_step` the quantity our
    own orders are rounded to. Maintenance rates are fractions of market value. `notional_min` is
    the smallest buy in account currency; sells are free of it.
    """

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
    is_proxy: bool = False

    @property
    def is_coin(self) -> bool:
        """Whether it is a coin itself, which trades at all times and carries no loan."""
        return self.asset_class is AssetClass.CRYPTO

    @property
    def is_intraday(self) -> bool:
        """Whether the intraday plan holds it by day only: the twin of `policy.intraday`."""
        return not self.is_coin and abs(self.factor) > 1

    @property
    def margin_rate(self) -> Decimal:
        """Return the part of its value that must stay own money, all where nothing is lent."""
        return self.maintenance_rate_long if self.marginable else _ONE

    @property
    def margin_rate_initial(self) -> Decimal:
        """Return the part that must be own money over a close, at least half."""
        return max(self.margin_rate, _HALF)

    @property
    def is_leveraged(self) -> bool:
        """Whether it counts under the total leveraged cap: crypto, or a fund beyond one times."""
        return self.is_crypto or abs(self.factor) > 1

    def weight(self, *, is_look_through: bool) -> Decimal:
        """Return how many times its market value it counts as crypto and as leveraged.

        The exact twin of `policy.caps.weight_of`: a fund of three times counts three times.
        """
        return max(abs(self.factor), _ONE) if is_look_through else _ONE

    @property
    def is_broad(self) -> bool:
        """Whether it is a broad unlevered fund, which may be a larger part of the account."""
        return self.kind == BROAD_FUND

    @property
    def fee_asset(self) -> str:
        """The asset in which a buy is charged: the coin itself, or cash."""
        return self.symbol.split("/")[0] if self.asset_class is AssetClass.CRYPTO else "USD"

    def lots(self, qty: Decimal) -> int:
        """Return whole lots in a quantity, rounded toward zero; what is left over is dust."""
        # Not int(qty / lot): a quotient of more than 28 digits would be rounded up first.
        return int(qty // self.lot)

    def quantity(self, lots: int) -> Decimal:
        """Return the exact quantity of so many lots."""
        return self.lot * lots

    def tick_at(self, price: Decimal) -> Decimal:
        """Return the price step at a price: a share below one dollar is quoted more finely.

        Source:
            Alpaca, "Orders", 2026-01: two decimals from 1.00 up, four below.
        """
        if self.asset_class is AssetClass.US_EQUITY and price < 1:
            return _SUB_DOLLAR_TICK
        return self.tick
