"""What the auditor reports: how much was seen, how near the caps it came, and what was wrong."""

from collections.abc import Iterator
from decimal import Decimal

from tests.simulation.audit_market import when

GROUPS = ("crypto", "leveraged", "gross", "symbol")


class Report:
    """What was seen, how near the caps it came, and what was wrong."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(
            ("instants", "bars", "buys", "sells", "fills", "flows", "trades", "trips", "tiers"), 0
        )
        self.worst_at_send = dict.fromkeys(GROUPS, 0.0)
        self.worst_at_fill = dict.fromkeys(GROUPS, 0.0)
        self.unprotected_count = 0
        self.unprotected_longest_min = 0.0
        self.over_band_count = 0
        self.over_band_longest_min = 0.0
        self.equity_last = Decimal(0)
        self.tier_last = ""
        self.violations: list[str] = []

    def broken(self, rule: str, at: int, text: str) -> None:
        self.violations.append(f"{rule} {when(at)}: {text}")

    def rules(self) -> list[str]:
        """Return the rules that were broken, each once."""
        return sorted({each.partition(" ")[0] for each in self.violations})

    def lines(self) -> Iterator[str]:
        yield "  ".join(f"{name} {count:,}" for name, count in self.counts.items())
        for name, ratios in (("send", self.worst_at_send), ("fill", self.worst_at_fill)):
            shares = "  ".join(f"{group} {ratio:.6f}" for group, ratio in ratios.items())
            yield f"largest worst case over cap at {name}:  {shares}"
        yield (
            f"uncovered positions: {self.unprotected_count}, "
            f"longest {self.unprotected_longest_min:,.0f} min"
        )
        yield f"over a band: {self.over_band_count}, longest {self.over_band_longest_min:,.0f} min"
        yield f"equity in the end {self.equity_last:,.2f}, tier {self.tier_last}"
        yield f"violations: {len(self.violations)}"
        yield from self.violations
