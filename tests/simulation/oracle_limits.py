"""The limits as the oracle reads them in the journal: none may be looser before its time.

INV-17: every change has a name and a reason; a limit is looser only after it was asked for, with
the whole delay in between, and while nothing is tripped, halted or reducing.
"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.simulation.audit_market import SECOND, when
from tests.simulation.audit_record import (
    CAP_SYMBOL,
    CAP_SYMBOL_BROAD,
    CAPS,
    LOSS_ASSET,
    LOSS_DAY,
    LOSS_MONTH,
    MONTH_EMERGENCY,
    RATE_PROFITABLE,
    RATE_STABLE,
    TIER_NAMES,
    TRADES_MIN,
)

F = Fraction
HOUR = 3_600 * SECOND
HIGHER_IS_TIGHTER = frozenset(
    (
        *("tiers.win_rate_stable", "tiers.win_rate_profitable", "tiers.trades_min"),
        *("tiers.month_return_emergency", "risk.loosen_after_hours"),
    )
)
GROUP_NAMES = {"crypto": "crypto_cap", "leveraged": "total_cap"}


def usual() -> dict[str, Fraction]:
    """Return the limits of the policy `classic`, as the oracle knows them."""
    limits = {
        f"tiers.{tier}.{name}": CAPS[group][number]
        for group, name in GROUP_NAMES.items()
        for number, tier in enumerate(TIER_NAMES)
    }
    return limits | {
        "limits.gross_cap": F(1),
        "limits.symbol_cap": CAP_SYMBOL,
        "limits.symbol_cap_broad": CAP_SYMBOL_BROAD,
        "limits.loss_limit_daily": LOSS_DAY,
        "limits.loss_limit_daily_asset": LOSS_ASSET,
        "limits.loss_limit_monthly": LOSS_MONTH,
        "tiers.ceiling": F(3),
        "tiers.win_rate_stable": RATE_STABLE,
        "tiers.win_rate_profitable": RATE_PROFITABLE,
        "tiers.trades_min": F(TRADES_MIN),
        "tiers.month_return_emergency": MONTH_EMERGENCY,
        "risk.loosen_after_hours": F(24),
    }


class Limits:
    """What is in force and what was asked for; `broken` hears of every change that may not be."""

    def __init__(self, broken: Callable[[str, str], None]) -> None:
        self._broken = broken
        self.in_force = usual()
        self.changes = 0
        self._asked: dict[str, tuple[Fraction, int]] = {}

    def cap(self, group: str, tier: int, *, is_broad: bool) -> Fraction:
        """Return the cap in force of a group, or of a symbol."""
        if group == "symbol":
            return self.in_force["limits.symbol_cap_broad" if is_broad else "limits.symbol_cap"]
        if group == "gross":
            return self.in_force["limits.gross_cap"]
        return self.in_force[f"tiers.{TIER_NAMES[tier]}.{GROUP_NAMES[group]}"]

    def take(self, entry: dict[str, Any], need: str, *, is_opening: bool) -> None:
        """Take a change in; `need` says what stands against loosening at this moment."""
        name, after, at_ns = entry["name"], _number(entry["after"]), entry["at_ns"]
        self.changes += 1
        text = f"{name} {entry['before']} → {entry['after']} at {when(at_ns)}"
        if not (entry["who"].strip() and entry["reason"].strip()):
            self._broken("INV-17", f"nobody or nothing made {text}")
        if is_opening and not entry["before"]:
            self.in_force[name] = after
            return
        if _number(entry["before"]) != self.in_force[name]:
            self._broken("INV-17", f"{text}, but {float(self.in_force[name])} was in force")
        before = self.in_force[name]
        is_looser = after < before if name in HIGHER_IS_TIGHTER else after > before
        if entry["effective_ns"] > at_ns:
            self._ask(name, after, at_ns, need if entry["who"] != "configuration" else "", text)
            return
        if is_looser:
            self._check_due(name, after, at_ns, need, text)
        self.in_force[name] = after
        self._asked.pop(name, None)

    def _ask(self, name: str, after: Fraction, at_ns: int, need: str, text: str) -> None:
        if need:
            self._broken("INV-17", f"{text} was taken while {need}")
        delay_ns = int(self.in_force["risk.loosen_after_hours"] * HOUR)
        self._asked[name] = (after, at_ns + delay_ns)

    def _check_due(self, name: str, after: Fraction, at_ns: int, need: str, text: str) -> None:
        asked = self._asked.get(name)
        if asked is None or asked[0] != after:
            self._broken("INV-17", f"{text} is looser and nobody asked for it before")
        elif at_ns < asked[1]:
            self._broken("INV-17", f"{text} is looser before {when(asked[1])}")
        elif need:
            self._broken("INV-17", f"{text} is looser while {need}")


def _number(text: str) -> Fraction:
    if text in TIER_NAMES:
        return F(TIER_NAMES.index(text))
    return F(Decimal(text))
