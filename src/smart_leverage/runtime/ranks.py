"""Tiers for a screen: what each allows, and what it takes to reach the next one."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.episodes import ALL
from smart_leverage.domain.sentences import TIERS, percent
from smart_leverage.engine.standings import Standings
from smart_leverage.policy.evidence import RecordTerms, proof_of
from smart_leverage.policy.tier import Tier
from smart_leverage.runtime.figures import record
from smart_leverage.runtime.remembered import Remembered, number


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
    if numbers.get("record", {}).get("earned") == "on":
        return _by_proof(now, tier)
    _, closed = record(now)
    name, edge = ("STABLE", stable) if tier is Tier.LEARNING else ("PROFITABLE", profitable)
    more = f" and {fewest - closed} more trades" if closed < fewest else ""
    return f"to {name}: {percent(edge, 0)}{more}"


def _by_proof(now: Remembered, tier: Tier) -> str:
    """Return how sure the record has to be of which win rate, and how sure it is."""
    section = {key: value for key, value in now.numbers["record"].items() if key != "earned"}
    terms = RecordTerms(is_earned=True, **section)
    standings = Standings()
    standings.fold(now.state.episodes.closed, terms)
    standing = standings.of(ALL, now.state.losers.get(ALL, 0))
    lower = min(
        (standing.with_forced, standing.without_forced),
        key=lambda one: (one.tier, proof_of(one, terms).above_1),
    )
    proof, count = proof_of(lower, terms), lower.wins + lower.losses
    name, edge, sure, least = "STABLE", proof.threshold_1, proof.above_1, terms.trades_min_1
    if tier is Tier.STABLE:
        name, edge, sure = "PROFITABLE", proof.threshold_2, proof.above_2
        least = terms.trades_min_2
    more = f", {count:.0f} of {least} trades" if count < least else ""
    need = percent(terms.promote_probability, 0)
    return f"to {name}: {need} sure of winning {percent(edge, 0)}, now {percent(sure, 0)}{more}"


def title(tier: str) -> str:
    """Return a tier's number and name; one of a newer version as it stands."""
    return TIERS.get(tier.upper(), tier)
