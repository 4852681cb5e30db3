"""Writes what came of a run into the documentation: docs/concepts/small-changes.md."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutants.equivalents import Equivalents
from tests.mutants.making import Mutant
from tests.mutants.running import Fate

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "small-changes.md"
BEGIN = "<!-- Written by `make mutants`; change the tests, not this part. -->"
END = "<!-- Here what `make mutants` writes ends. -->"
LEAST = 0.85
"""The part of the judged mutants that has to be killed."""
JUDGED_LEAST = 600
"""A smaller sample says too little for a page."""


class Figures(NamedTuple):
    """How many there are, and what became of those that were judged."""

    mutants: int
    judged: int
    survived: int
    alike: int
    endless: int

    @property
    def killed(self) -> int:
        """How many were noticed; what never ends is."""
        return self.judged - self.survived - self.alike

    @property
    def score(self) -> float:
        """The part that was noticed of those that change anything."""
        return self.killed / max(self.judged - self.alike, 1)

    def told(self) -> dict[str, float]:
        """Return it for a line of JSON."""
        return {
            "mutants": self.mutants, "judged": self.judged, "killed": self.killed,
            "endless": self.endless, "survived": self.survived, "equivalent": self.alike,
            "score": round(self.score, 4),
            "score_with_equivalents": round(self.killed / max(self.judged, 1), 4),
        }  # fmt: skip


def text(
    figures: Figures,
    sums: Mapping[str, Counter[str]],
    survivors: Sequence[Mutant],
    alike: Equivalents,
) -> str:
    """Return what stands between the marks of the page."""
    told = figures.told()
    sum_up = (
        f"Of {figures.mutants:,} changes, a sample of {figures.judged:,} was judged. "
        f"{figures.killed:,} were noticed, {figures.survived} were not, and {figures.alike} change "
        f"nothing that anybody could see: {told['score']:.1%} of those that change something were "
        f"noticed, {told['score_with_equivalents']:.1%} of all."
    )
    lines = [
        BEGIN,
        "",
        sum_up,
        "",
        "| module | noticed | not noticed | change nothing |",
        "|---|---|---|---|",
    ]
    for module, counts in sorted(sums.items()):
        dead = counts[Fate.KILLED] + counts[Fate.ENDLESS]
        lines.append(f"| `{module}` | {dead} | {counts[Fate.SURVIVED]} | {counts['alike']} |")
    lines += ["", f"## Not noticed ({len(survivors)})", ""]
    order = sorted(survivors, key=lambda each: (each.module, each.line, each.after))
    lines += [f"- `{each.module}`: `{each.before}` → `{each.after}`" for each in order]
    lines += ["", f"## Known to change nothing ({len(alike.all)})", ""]
    known = sorted(alike.all)
    lines += [f"- `{each.module}`: `{each.before}` → `{each.after}`: {each.reason}"
              for each in known]  # fmt: skip
    return "\n".join([*lines, "", END])


def write(
    figures: Figures,
    sums: Mapping[str, Counter[str]],
    survivors: Sequence[Mutant],
    alike: Equivalents,
) -> None:
    """Lay it into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + text(figures, sums, survivors, alike) + after, encoding="utf-8")
