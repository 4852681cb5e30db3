"""What is held of every group as its cap counts it, and what has to be sold of it, for the oracle.

INV-12 a mark says of every group what is held of it
INV-20 at a mark nothing is kept beyond a band, nor beyond the cap where a plan sells at once: it is
       being sold by then, and whatever bots let rest gives way
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.simulation.audit_record import BAND, Terms
from tests.simulation.oracle_journal import ENDED, Journal

F, D = Fraction, Decimal
CENT = F(1, 100)
LOTS = F(1, 1000)
"""Of equity: lots are whole, and floats decide about the last one."""
NAMES = ("crypto", "leveraged", "gross")
AT_ONCE = 3
"""The stage of a plan that goes inside every cap at once."""


class Trims:
    """Follows what is kept of every group."""

    def __init__(
        self, journal: Journal, terms: Mapping[str, Terms], broken: Callable[[str, str], None]
    ) -> None:
        self._journal, self._terms, self._broken = journal, terms, broken

    def check_mark(self, entry: Mapping[str, Any], values: Mapping[str, Decimal]) -> None:
        """Judge what a mark says of groups; `values` are those of the positions held."""
        for group, held in self._sums(values).items():
            if abs(F(D(entry[group])) - held) > CENT:
                text = f"a mark says {entry[group]} of {group}, told was {float(held):.4f}"
                self._broken("INV-12", text)

    def check_kept(
        self, values: Mapping[str, Decimal], equity: Fraction, cap: Callable[[str], Fraction]
    ) -> None:
        """Judge what nobody is selling of every group against the caps in force."""
        plan = next((one for one in self._journal.plans.values() if one.status not in ENDED), None)
        if equity <= 0 or (plan is not None and plan.group == "flatten"):
            return
        kept = {key: value * self._unsold(key) for key, value in values.items()}
        for group, amount in self._sums(kept).items():
            most = cap(group) * BAND
            if plan is not None and plan.stage == AT_ONCE:
                most = cap(group)
            elif plan is not None and plan.group == group:
                continue  # in steps of its own
            if amount > (most + LOTS) * equity:
                text = f"{float(amount / equity):.6f} of equity in {group} is kept"
                self._broken("INV-20", f"{text}, {float(most):.6f} may be")

    def _sums(self, values: Mapping[str, Decimal]) -> dict[str, Fraction]:
        """Return the amount of every group as its cap counts it."""
        sums = dict.fromkeys(NAMES, F(0))
        for key, value in values.items():
            terms = self._terms[key]
            for group in NAMES:
                if _is_in(terms, group):
                    sums[group] += F(value) * F(self._journal.weight(group, key))
        return sums

    def _unsold(self, key: str) -> Decimal:
        """Return the part of a position that nobody is selling; stops sell nothing yet."""
        held, selling = self._journal.held.get(key, D(0)), D(0)
        for known in self._journal.orders.values():
            order = known.order
            if known.is_final or (order["key"], order["side"]) != (key, "sell"):
                continue
            if order.get("role") != "stop":
                selling += known.left
        return max(held - selling, D(0)) / held if held > 0 else D(0)


def _is_in(terms: Terms, group: str) -> bool:
    if group == "crypto":
        return terms.is_crypto
    return group == "gross" or terms.is_leveraged or terms.is_crypto
