"""The limits as the oracle reads them in the journal: none may be looser before its time.

INV-17: every change has a name and a reason; a limit is looser only after it was asked for, with
the whole delay in between, and while nothing is tripped, halted or reducing.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
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
SWITCHES = (
    *("exposure.drawdown_cap", "exposure.tail_cap", "exposure.kelly_cap"),
    *("exposure.volatility_cap", "record.earned", "breakers.rolling", "edge.sized"),
    "exposure.look_through",
)
"""What is off under `classic`; a rule that is on is tighter than one that is off."""
HIGHER_IS_TIGHTER = frozenset(
    (
        *("tiers.win_rate_stable", "tiers.win_rate_profitable", "tiers.trades_min"),
        *("tiers.month_return_emergency", "risk.loosen_after_hours"),
        *SWITCHES,
        *("exposure.drawdown_floor", "exposure.peak_days"),
        *("record.promote_probability", "record.demote_probability"),
        *("record.trades_min_1", "record.trades_min_2"),
    )
)
EARNING = {
    "exposure.drawdown_multiple": F(4),
    "exposure.drawdown_floor": F(93, 100),
    "exposure.peak_days": F(365),
    "exposure.shortfall_max": F(15, 1000),
    "exposure.kelly_fraction": F(1, 2),
    "exposure.kelly_least": F(5, 100),
    "exposure.volatility_max": F(1, 10),
    "record.promote_probability": F(8, 10),
    "record.demote_probability": F(3, 10),
    "record.trades_min_1": F(20),
    "record.trades_min_2": F(40),
    "breakers.drawdown_limit": F(8, 100),
    "breakers.loss_limit_sleeve": F(2, 100),
    "edge.factor_max": F(3, 2),
    "edge.uncalibrated": F(1, 2),
}
"""The numbers of `steady`, which count where their switch is on."""
FIXED = {
    "exposure.rise_min": F(1, 10),
    "exposure.steps": F(100),
    "record.discount": F(99, 100),
    "record.prior_trades": F(10),
    "record.payoff_trades": F(20),
    "record.offset": F(1, 10),
    "record.scratch": F(1, 10_000),
    "edge.reference": F(2, 3),
    "sizing.share_max": F(1, 10),
    "sizing.base_share": F(5, 100),
    "sizing.adjustment_max": F(3, 2),
}
"""What is told once, at the opening, and is no limit: it never changes."""
WORDS = {"off": F(0), "on": F(1)}
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
        **dict.fromkeys(SWITCHES, F(0)),
        **EARNING,
    }


class Limits:
    """What is in force and what was asked for; `broken` hears of every change that may not be."""

    def __init__(self, broken: Callable[[str, str], None]) -> None:
        self._broken = broken
        self.in_force = usual()
        self.fixed = dict(FIXED)
        self.changes = 0
        self.loosened = 0
        """How often something looser was taken in, now or for later."""
        self._asked: dict[str, tuple[Fraction, int]] = {}

    def open(self, policy: str) -> None:
        """Read the text with which an account was opened; what it leaves out is as in `classic`."""
        for name, value in _numbers(policy):
            if name in self.in_force:
                self.in_force[name] = _number(str(value))
            elif name in self.fixed:
                self.fixed[name] = F(value)

    def __getitem__(self, name: str) -> Fraction:
        """Return a limit in force, or a number that was told once."""
        return self.in_force[name] if name in self.in_force else self.fixed[name]

    def is_on(self, name: str) -> bool:
        return bool(self.in_force[name])

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
        self.loosened += 1

    def _check_due(self, name: str, after: Fraction, at_ns: int, need: str, text: str) -> None:
        asked = self._asked.get(name)
        if asked is None or asked[0] != after:
            self._broken("INV-17", f"{text} is looser and nobody asked for it before")
        elif at_ns < asked[1]:
            self._broken("INV-17", f"{text} is looser before {when(asked[1])}")
        elif need:
            self._broken("INV-17", f"{text} is looser while {need}")


@cache
def _numbers(policy: str) -> list[tuple[str, Any]]:
    return list(_flat(tomllib.loads(policy, parse_float=Decimal)))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _number(text: str) -> Fraction:
    if text in TIER_NAMES:
        return F(TIER_NAMES.index(text))
    if text in WORDS:
        return WORDS[text]
    return F(Decimal(text))
