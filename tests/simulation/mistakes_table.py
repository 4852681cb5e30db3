"""Plants every mistake and writes what came of it into the documentation: `make planted`.

    python -m tests.simulation.mistakes_table [--check]

Worlds are played in the order of their seeds, without the knowledge of where a mistake shows
soonest, so the number of worlds is what somebody would need who plants it for the first time. The
page holds nothing that differs from run to run; with `--check` it is compared and not written.
Ends with 1 if a mistake was not seen.
"""

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.simulation import mistakes, planted

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "planted-mistakes.md"
BEGIN = "<!-- Written by `make planted`; change the mistakes, not this table. -->"
END = "<!-- Here what `make planted` writes ends. -->"
WORLDS_MOST = 80
SEEDS_OF_AUDITOR = range(1, 11)

RULES = {
    "INV-01": "one order for each id and request",
    "INV-02": "nothing leaves without a durable intent",
    "INV-03": "the worst case stays inside every cap",
    "INV-04": "nothing is bought on what is old, missing or doubted",
    "INV-05": "an exit or a cancel is never refused",
    "INV-06": "what is sold is held",
    "INV-07": "a halt holds until a person resumes",
    "INV-08": "what has ended stays ended",
    "INV-09": "what may still arrive stays reserved",
    "INV-10": "books and venue agree, or nothing is bought",
    "INV-11": "everything counts once",
    "INV-12": "sums are exact",
    "INV-13": "the chain is sound",
    "INV-14": "one writer",
    "INV-15": "a question changes nothing",
    "INV-16": "losses beyond a limit stop the account until it is over",
    "INV-17": "nothing gets looser without right, reason and delay",
    "INV-20": "everything comes to rest, or says why not",
    "CRASH": "nothing breaks inside",
    "A1": "the worst case stays inside every cap, at the send and at the fill",
    "A2": "nothing is bought while a loss limit is tripped or a coin locked",
    "A3": "what is sold is held",
    "A4": "every position is protected",
    "A5": "what is over a band is sold",
}


class Row(NamedTuple):
    """One line: what was planted, what it costs, and who saw it where."""

    name: str
    harm: str
    rule: str
    worlds: int
    seconds: float


def of_oracle(number: int) -> Row:
    """Plant one mistake where faults happen."""
    mistake, began = mistakes.MISTAKES[number], time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        found = mistakes.find(mistake._replace(first=0), Path(folder), WORLDS_MOST)
    seconds = time.process_time() - began
    return Row(mistake.name, mistake.harm, found.rule, len(found.worlds), seconds)


def of_auditor(number: int) -> Row:
    """Plant one mistake in worlds of bars."""
    mistake, began = planted.MISTAKES[number], time.process_time()
    found = planted.find(mistake, SEEDS_OF_AUDITOR)
    rule = mistake.rule if found.violation else ""
    name = mistake.name if mistake.name.startswith("a ") else f"no {mistake.name}"
    return Row(name, mistake.harm, rule, found.worlds, time.process_time() - began)


def table(rows: Iterable[Row]) -> list[str]:
    """Return the lines of a table."""
    lines = ["| mistake | what it would cost | seen by | worlds |", "|---|---|---|---|"]
    for row in rows:
        rule = f"{row.rule}: {RULES[row.rule]}" if row.rule else "**not seen**"
        lines.append(f"| {row.name} | {row.harm} | {rule} | {row.worlds} |")
    return lines


def text(oracle: list[Row], auditor: list[Row]) -> str:
    """Return what stands between the marks of the page."""
    seen = sum(bool(row.rule) for row in (*oracle, *auditor))
    lines = [
        BEGIN,
        "",
        f"{len(oracle) + len(auditor)} mistakes are planted, {seen} of them are seen.",
        "",
        f"## On a bad line ({len(oracle)})",
        "",
        *table(oracle),
        "",
        f"## Over bars ({len(auditor)})",
        "",
        *table(auditor),
        "",
        "## Planted and not seen",
        "",
        *(f"- {name}: {why}." for name, why in mistakes.UNSEEN.items()),
        "",
        END,
    ]
    return "\n".join(lines)


def laid_in(page: str, between: str) -> str:
    """Return a page with other text between the marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{between}{after}"


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with context.Pool(os.cpu_count()) as pool:
        oracle = _told(pool.imap(of_oracle, range(len(mistakes.MISTAKES))))
        auditor = _told(pool.imap(of_auditor, range(len(planted.MISTAKES))))
    missed = [row.name for row in (*oracle, *auditor) if not row.rule]
    page = PAGE.read_text(encoding="utf-8")
    renewed = laid_in(page, text(oracle, auditor))
    slowest = max(oracle + auditor, key=lambda row: row.seconds)
    print(
        f"{len(oracle) + len(auditor)} planted, {len(missed)} not seen, in "
        f"{time.monotonic() - began:.0f} s; the slowest took {slowest.seconds:.1f} s of one core: "
        f"{slowest.name}"
    )
    if "--check" in arguments and renewed != page:
        print(f"{PAGE.name} is stale: run make planted")
        return 1
    PAGE.write_text(renewed, encoding="utf-8")
    return 1 if missed else 0


def _told(rows: Iterable[Row]) -> list[Row]:
    found = []
    for row in rows:
        print(f"{row.name:48} {row.rule or 'not seen':8} {row.worlds:3} worlds", flush=True)
        found.append(row)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
