"""What a signal may buy where sizes follow the edge, for the oracle."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

F = Fraction
ROUGH = 1e-4
"""A decision tells confidences to four places."""

Curve = list[tuple[float, float]]


class Edge:
    """Knows what confidences were worth, and judges what was bought by them."""

    def __init__(self, broken: Callable[[str, str], None]) -> None:
        self._broken = broken
        self._curves: dict[str, Curve] = {}

    def take(self, measured: Mapping[str, Any]) -> None:
        """Know the curves of new evidence, and no others."""
        self._curves = {
            each["source"]: [
                (float(score), float(worth))
                for score, worth in zip(each["scores"], each["probabilities"], strict=True)
            ]
            for each in measured.get("calibrations", ())
        }

    def check(
        self, entry: Mapping[str, Any], least: float, limits: Mapping[str, Fraction],
        *, group: str, weight: Fraction, is_known: bool,
    ) -> None:  # fmt: skip
        """Judge a purchase of a signal: by its curve, or by what is usual where there is none.

        Args:
            entry: The decision.
            least: Win rate at which the account's trades earn nothing.
            limits: In force.
            group: By whose cap it is sized.
            weight: How many times its market value it counts there.
            is_known: Whether the evidence has not expired.
        """
        figures, curve = entry["figures"], self._curves.get(entry["bot"]) if is_known else None
        said = figures.get("confidence said")
        if entry["reason"] in ("bad_input", "minimum") or "equity" not in figures:
            return
        if (said is None) != (curve is None):
            self._broken("INV-03", f"{entry['decision_id']} is sized by evidence that is not there")
            return
        factor = float(limits["edge.uncalibrated"])
        if curve is not None:
            worth = worth_of(float(said or 0), curve)
            if abs(worth - float(figures["confidence is worth"])) > 20 * ROUGH:
                self._broken("INV-03", f"{entry['decision_id']}: {said} is worth {worth:.4f}")
            reference = max(float(limits["edge.reference"]), least + float(limits["record.offset"]))
            factor = (worth - least + 20 * ROUGH) / (reference - least)
        factor = min(factor, float(limits["edge.factor_max"]))
        share = float(limits["sizing.base_share"] * limits["sizing.adjustment_max"]) * factor
        share = max(min(share, float(limits["sizing.share_max"])), 0.0)
        most = share * float(figures["equity"]) * float(figures[f"cap {group}"]) / float(weight)
        worth_bought = float(Decimal(entry["given"]) * Decimal(entry["price"]))
        if worth_bought > most * 1.001 + 1.0:
            text = f"buys {worth_bought:.2f} where {most:.2f} is its size, break-even {least:.4f}"
            self._broken("INV-03", f"{entry['decision_id']} {text}, {said} said")


def worth_of(said: float, curve: Curve) -> float:
    """Return what a confidence is worth: straight between knots, flat beyond them."""
    if said <= curve[0][0]:
        return curve[0][1]
    for (low, first), (high, second) in pairwise(curve):
        if said <= high:
            return first + (second - first) * (said - low) / (high - low)
    return curve[-1][1]
