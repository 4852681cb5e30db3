"""Tiers for a screen: what each allows, and what it takes to reach the next one."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.cli.account import Remembered, number
from smart_leverage.cli.figures import record
from smart_leverage.domain.sentences import TIERS, percent
from smart_leverage.policy.tier import Tier


class Rank(NamedTuple):
    """One tier: its caps as fractions of equity, None where the ledger kept none."""

    tier: Tier
    crypto_cap: Decimal | None
    total_cap: Decimal | None


def ranks(now: Remembered) -> list[Rank]:
    """Return the tiers with their caps, the lowest first."""
    return [
        Rank(
            tier,
            number(now.numbers, f"tiers.{tier.name.lower()}.crypto_cap"),
            number(now.numbers, f"tiers.{tier.name.lower()}.total_cap"),
        )
        for tier in Tier
    ]


def next_step(now: Remembered) -> str:
    """Return what the next tier needs, or an empty text where there is none or nothing is known."""
    numbers, tier = now.numbers, now.state.tier
    stable = number(numbers, "tiers.win_rate_stable")
    profitable = number(numbers, "tiers.win_rate_profitable")
    month = number(numbers, "tiers.month_return_emergency")
    fewest = number(numbers, "tiers.trades_min")
    if stable is None or profitable is None or month is None or fewest is None:
        return ""
    if tier is Tier.PROFITABLE:
        return ""
    if tier is Tier.EMERGENCY:
        return f"to LEARNING: month no worse than {percent(month)}"
    _, closed = record(now)
    name, edge = ("STABLE", stable) if tier is Tier.LEARNING else ("PROFITABLE", profitable)
    more = f" and {fewest - closed} more trades" if closed < fewest else ""
    return f"to {name}: {percent(edge, 0)}{more}"


def title(tier: str) -> str:
    """Return a tier's number and name; one of a newer version as it stands."""
    return TIERS.get(tier.upper(), tier)
