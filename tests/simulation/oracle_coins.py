"""What coins have lost today, each and together, and what is locked for it, for the oracle."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.simulation.audit_record import Terms, _day

F, D = Fraction, Decimal


class Coins:
    """The day of every coin: what it was worth when the day began, and what was put in since."""

    def __init__(self, terms: Mapping[str, Terms]) -> None:
        self.names = [key for key, each in terms.items() if each.is_crypto]
        self.locked: dict[str, int] = {}
        self._invested: dict[str, Decimal] = {}

    def begin(self, entry: Mapping[str, Any]) -> None:
        """Begin a day with what is held."""
        self._invested = {key: D(text) for key, text in entry.get("holdings", {}).items()}

    def adopted(self, entry: Mapping[str, Any]) -> None:
        self._put(entry["key"], D(entry["qty"]) * D(entry["price"]))

    def filled(self, fill: Mapping[str, Any], times: int = 1) -> None:
        paid, fee = D(fill["qty"]) * D(fill["price"]), D(fill["fee"])
        fee = fee if fill["fee_asset"] == "USD" else D(0)
        self._put(fill["key"], times * (paid + fee if fill["side"] == "buy" else fee - paid))

    def _put(self, key: str, money: Decimal) -> None:
        self._invested[key] = self._invested.get(key, D(0)) + money

    def lost(self, worth: Mapping[str, Decimal]) -> dict[str, Fraction]:
        """Return what was lost in each coin that was touched today; `worth` is that of now."""
        return {
            key: F(money) - F(worth[key])
            for key, money in self._invested.items()
            if key in self.names
        }

    def lock(self, entry: Mapping[str, Any]) -> int:
        """Take a lock in; return until when it has to last."""
        until = self.locked[entry["key"]] = _day(entry["at_ns"])[1]
        return until

    def is_locked(self, key: str, at_ns: int) -> bool:
        return at_ns < self.locked.get(key, 0)
