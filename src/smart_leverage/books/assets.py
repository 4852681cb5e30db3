"""What each asset has lost today, for the limit per asset."""

from collections.abc import Mapping
from decimal import Decimal

from smart_leverage.books.exact import EXACT, ZERO, exactly, finite, ratio
from smart_leverage.books.postings import USD
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Side


class AssetDay:
    """The day of every asset: its opening value and what was put in since, net of what came out.

    Loss = value at the day's opening + bought − sold, fees included, − value now. A fee in coin
    is in the value now, since the position is smaller by it.
    """

    def __init__(self) -> None:
        self._invested: dict[Key, Decimal] = {}

    @exactly
    def day_open(self, values: Mapping[Key, Decimal]) -> None:
        """Begin a day with the signed market value of every holding at its opening."""
        self._invested = {key: finite(value, "opening value") for key, value in values.items()}

    @exactly
    def apply_fill(self, fill: Fill) -> None:
        """Count a fill that the book has counted as new."""
        self._invest(fill.key, _put_in(fill))

    @exactly
    def revise(self, before: Fill, after: Fill | None) -> None:
        """Count what a fill put in once more.

        One of an earlier day moves the loss of this day by what the correction moves equity.
        """
        self._invest(before.key, (_put_in(after) if after else ZERO) - _put_in(before))

    @exactly
    def adopt(self, key: Key, value: Decimal) -> None:
        """Count a holding that was adopted during the day at its signed value: no loss yet."""
        self._invest(key, finite(value, "adopted value"))

    def touched(self) -> tuple[Key, ...]:
        """Return what was held at the opening or traded since."""
        return tuple(self._invested)

    def loss(self, key: Key, value_now: Decimal) -> Decimal:
        """Return the money lost in an asset today, negative for a gain.

        Args:
            key: The asset.
            value_now: Signed market value of what is held now; 0 after a full close.
        """
        return EXACT.subtract(self._invested.get(key, ZERO), value_now)

    def loss_fraction(
        self, key: Key, value_now: Decimal, opening_equity: Decimal
    ) -> Decimal | None:
        """Return the loss over the day's opening equity; None when that is not above zero."""
        if opening_equity <= 0:
            return None
        return ratio(self.loss(key, value_now), opening_equity)

    def _invest(self, key: Key, amount: Decimal) -> None:
        self._invested[key] = self._invested.get(key, ZERO) + amount


def _put_in(fill: Fill) -> Decimal:
    """Return what a fill put into its asset, negative for what it took out."""
    paid = fill.qty * fill.price
    fee = fill.fee if fill.fee_asset == USD else ZERO
    return paid + fee if fill.side is Side.BUY else fee - paid
