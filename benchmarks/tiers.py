"""Shows how often a tier is wrong, how often it changes, and what that costs, by rule.

Accounts of known skill win or lose trade after trade, at one rate. Each rule gives each account a
tier after every trade: the win rate of the last 20, 50 and 100 trades (`policy/tier.py`), and the
evidence (`policy/evidence.py`). It is compared with the tier that the true rate deserves, over 300
trades after 200 that are not counted. Other accounts fall from a win rate of 0.68 to 0.45, or rise
from 0.55 to 0.68, and show how long a rule takes to notice. These are earned tiers: that a granted
one rises by one step a day, and what the month says, is left out. A year of money, for an account
of 100,000:

    every trade is base share × crypto cap × equity, and wins or loses MOVE, 4 %, of its
                own value
    excess      cap of the tier − cap of the deserved tier, where that is above 0
    edge lost   (win rate the tier asks for − true rate) × 2 × MOVE
    edge_lost   equity × TRADES × base share × mean of (excess × edge lost)
    brought     the same with (2 × true rate − 1) × MOVE, what the excess made or lost on average
    forgone     the same for what was deserved and not granted

The last line is one JSON object; `benchmarks/README.md` says what its keys mean.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from tiers_page import show, write

from smart_leverage.policy.evidence import EvidenceTerms, posterior_prob_above
from smart_leverage.policy.params import CLASSIC
from smart_leverage.policy.tier import TOLERANCE, Tier, select_tier, tier_caps, win_rate_of

ROOT = Path(__file__).parents[1]
RATES = (0.40, 0.50, 0.55, 0.58, 0.62, 0.65, 0.70)
ACCOUNTS, BURN_IN, COUNTED = 10_000, 200, 300
EARLIER, BEFORE, AFTER = 0.55, 0.68, 0.45
WARMED, WATCHED = 300, 500
"""Trades before the skill changes, and after."""

LONGEST = 900
"""Most trades that any account makes here."""

EQUITY, TRADES, MOVE = 100_000.0, 500, 0.04
ASKED = {
    Tier.LEARNING: 0.0,
    Tier.STABLE: CLASSIC.thresholds.win_rate_stable,
    Tier.PROFITABLE: CLASSIC.thresholds.win_rate_profitable,
}
"""The win rate that each tier asks for."""

CAPS = np.array([tier_caps(tier, CLASSIC.tiers).crypto for tier in Tier])
NEEDED = np.array([0.0, *ASKED.values()])
Outcomes = np.ndarray
"""(trades, accounts), whether a trade was won."""

Rule = Callable[[Outcomes], np.ndarray]
"""Returns the tier after each trade, (trades, accounts)."""


class Edges(NamedTuple):
    """Fewest wins with which a tier is held or reached, by number of trades; infinite if never."""

    hold_stable: np.ndarray
    hold_profitable: np.ndarray
    reach_stable: np.ndarray
    reach_profitable: np.ndarray


def by_win_rate(window: int, outcomes: Outcomes) -> np.ndarray:
    """Return the tiers of the win rate over the last trades."""
    at = CLASSIC.thresholds
    table = np.array(
        [
            [
                select_tier(win_rate_of(wins, n, at.trades_min), 0.0, at)
                for wins in range(window + 1)
            ]
            for n in range(window + 1)
        ],
        dtype=np.int8,
    )
    wins = np.cumsum(outcomes, axis=0, dtype=np.int32)
    wins[window:] -= wins[:-window].copy()
    closed = np.minimum(np.arange(1, len(outcomes) + 1), window)
    return table[closed[:, None], wins]


@cache
def edges(trades: int, at: EvidenceTerms) -> Edges:
    """Return where the evidence changes its mind, after 1, 2, … trades.

    Without scratches the discounted number of trades is the same for every account, and the
    probability rises with the wins among them. So the rule is a comparison of wins with an edge,
    and every account takes its step at once.
    """
    totals = np.cumsum(at.discount ** np.arange(trades)).tolist()

    def line(threshold: float, probability: float, trades_min: float = 0.0) -> np.ndarray:
        ask = partial(_lacking, threshold, probability - TOLERANCE, at)
        is_open = [total >= trades_min - TOLERANCE for total in totals]
        each = zip(totals, is_open, strict=True)
        return np.array([_root(ask, total) if opened else math.inf for total, opened in each])

    return Edges(
        hold_stable=line(at.threshold_1, at.demote_probability),
        hold_profitable=line(at.threshold_2, at.demote_probability),
        reach_stable=line(at.threshold_1, at.promote_probability, at.trades_min_1),
        reach_profitable=line(at.threshold_2, at.promote_probability, at.trades_min_2),
    )


def _lacking(level: float, wanted: float, at: EvidenceTerms, wins: float, total: float) -> float:
    """Return by how much the probability of a win rate above `level` falls short."""
    return wanted - posterior_prob_above(at.prior_a, at.prior_b, wins, total, level)


def _root(lacking: Callable[[float, float], float], total: float) -> float:
    if lacking(0.0, total) <= 0.0:
        return 0.0
    if lacking(total, total) > 0.0:
        return math.inf
    return float(brentq(lacking, 0.0, total, args=(total,), xtol=1e-12))


def by_evidence(at: EvidenceTerms, outcomes: Outcomes) -> np.ndarray:
    """Return the tiers of `step_evidence`, for all accounts at once."""
    found = np.empty(outcomes.shape, dtype=np.int8)
    wins = np.zeros(outcomes.shape[1])
    tier = np.full(outcomes.shape[1], Tier.LEARNING, dtype=np.int8)
    lines = (line[: len(outcomes)] for line in edges(LONGEST, at))
    for won, *edge, row in zip(outcomes, *lines, found, strict=True):
        wins = at.discount * wins + won
        hold_1, hold_2, reach_1, reach_2 = (wins >= each for each in edge)
        stable = np.where(reach_2, Tier.PROFITABLE, Tier.STABLE)
        tier = np.select(
            [tier == Tier.PROFITABLE, tier == Tier.STABLE],
            [
                np.where(hold_2, Tier.PROFITABLE, Tier.STABLE),
                np.where(hold_1, stable, Tier.LEARNING),
            ],
            np.where(reach_1, Tier.STABLE, Tier.LEARNING),
        ).astype(np.int8)
        row[:] = tier
    return found


RULES: dict[str, Rule] = {
    **{f"last {window}": partial(by_win_rate, window) for window in (20, 50, 100)},
    "evidence": partial(by_evidence, EvidenceTerms()),
}


def deserved(rate: float) -> Tier:
    """Return the tier of a true win rate."""
    return select_tier(rate, 0.0, CLASSIC.thresholds)


def played(rates: Sequence[float], accounts: int, seed: int) -> Outcomes:
    """Return the outcomes of accounts whose true rate is given for each trade."""
    source = np.random.default_rng(seed)
    return source.random((len(rates), accounts)) < np.asarray(rates)[:, None]


def money(tiers: np.ndarray, rate: float, a_year: int) -> dict[str, float]:
    """Return what a wrong tier costs in a year; the head of this file has the arithmetic."""
    traded = EQUITY * a_year * CLASSIC.sizing.base_share
    spent = np.bincount(tiers.ravel(), minlength=len(Tier)) / tiers.size
    apart = CAPS - CAPS[deserved(rate)]
    excess, short = np.maximum(apart, 0.0), np.maximum(-apart, 0.0)
    edge = (2.0 * rate - 1.0) * MOVE
    return {
        "edge_lost": traded * float(spent @ (excess * (NEEDED - rate))) * 2.0 * MOVE,
        "brought": traded * float(spent @ excess) * edge,
        "forgone": traded * float(spent @ short) * edge,
    }


def measured(name: str, tiers: np.ndarray, rate: float, a_year: int) -> dict[str, Any]:
    """Return a line of the table, with standard errors over the accounts."""
    counted, right = tiers[BURN_IN:], deserved(rate)
    is_so = {
        "changes": counted != tiers[BURN_IN - 1 : -1],
        "above": counted > right,
        "below": counted < right,
    }
    line: dict[str, Any] = {"rule": name, "rate": rate, "deserved": right.name.lower()}
    for key, flags in is_so.items():
        each = np.count_nonzero(flags, axis=0) / len(flags)
        line[key] = float(np.mean(each))
        line[f"{key}_error"] = float(np.std(each) / math.sqrt(each.size))
    line["changes_per_100"] = 100.0 * line["changes"]
    line["changes_per_100_error"] = 100.0 * line["changes_error"]
    line["changes_a_year"] = line["changes"] * a_year
    line["days_above_a_year"] = 365.0 * line["above"]
    return line | money(counted, rate, a_year)


def table(accounts: int, a_year: int) -> list[dict[str, Any]]:
    """Return a line for each rate and rule."""
    lines = []
    for place, rate in enumerate(RATES):
        outcomes = played([rate] * (BURN_IN + COUNTED), accounts, place)
        lines += [measured(name, rule(outcomes), rate, a_year) for name, rule in RULES.items()]
    return lines


def change(before: float, after: float, accounts: int, seed: int) -> list[dict[str, Any]]:
    """Return how many trades each rule takes to notice a change of skill, and the money meanwhile.

    Accounts are looked at that stood on the right side of the top tier when skill changed. The
    trade that takes them to the other side is counted.
    """
    outcomes = played([before] * WARMED + [after] * WATCHED, accounts, seed)
    lines = []
    for name, rule in RULES.items():
        is_top = rule(outcomes) == Tier.PROFITABLE
        is_before = is_top[WARMED - 1] == (deserved(before) == Tier.PROFITABLE)
        has_moved = is_top[WARMED:, is_before] != is_top[WARMED - 1, is_before]
        waited = np.where(has_moved.any(axis=0), has_moved.argmax(axis=0) + 1, WATCHED + 1)
        line = {
            "rule": name,
            "as_before": float(np.mean(is_before)),
            "median": float(np.median(waited)),
            "slowest_tenth": float(np.quantile(waited, 0.9)),
        }
        lines.append(line | money(rule(outcomes)[WARMED:, is_before], after, WATCHED))
    return lines


def path() -> dict[str, Any]:
    """Return the tiers of one account by every rule: 0.55, then 0.68, then 0.45."""
    rates = [EARLIER] * 300 + [BEFORE] * 300 + [AFTER] * 300
    outcomes = played(rates, 1, 0)
    tiers = {name: rule(outcomes)[:, 0].tolist() for name, rule in RULES.items()}
    return {"rates": rates, "deserved": [int(deserved(rate)) for rate in rates], "tiers": tiers}


def rounded(value: Any) -> Any:
    """Return figures with four digits after the point, those of money with none."""
    if isinstance(value, dict):
        return {
            key: round(each) if key in {"edge_lost", "brought", "forgone"} else rounded(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def figures(accounts: int, a_year: int = TRADES) -> dict[str, Any]:
    """Return everything measured."""
    terms = {"equity": EQUITY, "move": MOVE, "base_share": CLASSIC.sizing.base_share}
    found = {"accounts": accounts, "trades_a_year": a_year, **terms}
    measures = {
        "table": table(accounts, a_year),
        "fall": change(BEFORE, AFTER, accounts, len(RATES)),
        "rise": change(EARLIER, BEFORE, accounts, len(RATES) + 1),
    }
    return rounded(found | measures)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--accounts", type=int, default=ACCOUNTS, help=f"for each rate ({ACCOUNTS})"
    )
    parser.add_argument(
        "--trades-a-year", type=int, default=TRADES, help=f"what a year has ({TRADES})"
    )
    parser.add_argument("--write", action="store_true", help="renew docs/concepts/flapping.md")
    asked = parser.parse_args()
    if asked.accounts < 1 or asked.trades_a_year < 1:
        parser.error("accounts and trades a year: 1 at least")
    begun = time.process_time()
    found = figures(asked.accounts, asked.trades_a_year)
    show(found)
    if asked.write:
        write(found, path(), ROOT / "docs")
    print(json.dumps(found | {"cpu_s": round(time.process_time() - begun, 2)}))


if __name__ == "__main__":
    main()
