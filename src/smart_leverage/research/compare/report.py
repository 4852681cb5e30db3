"""The page of a comparison: one HTML file that needs no network."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.sentences import percent
from smart_leverage.reports.citing import clipped, counted, ratio_text
from smart_leverage.reports.html.frame import rendered_page
from smart_leverage.reports.html.run_tables import files_table
from smart_leverage.reports.inputs import DataFile
from smart_leverage.research.compare.pictures import axis_of, growth_chart, plane_chart
from smart_leverage.research.compare.results import Compared, headline, sentences
from smart_leverage.research.compare.tables import goals_table, growth_table, pairs_table
from smart_leverage.research.walk_forward.report import Fact

_LIMITS = (
    (
        "One history. Intervals tell how much the mean of its days may be luck, in blocks that "
        "keep quiet and wild times; they know of no time that this history does not hold."
    ),
    (
        "A policy that depends on its own path would have gone another one on other days. The "
        "bootstrap resamples what it earned, not what it would have done."
    ),
    (
        "Risk was not made equal. A policy that holds more grows faster where prices rise, and "
        "falls deeper where they fall; the rank does not see that."
    ),
    (
        "Evidence is made from a reference account of the same policy with the caps that need it "
        "off, by returns at exposure 1; live it is made from the account itself."
    ),
    (
        "Instruments that were worth recording are those that lived. Coins that nobody quotes "
        "any more are missing unless their files were given."
    ),
    (
        "Fills, costs and gaps are rules of a simulation; see what was run. With larger sums "
        "prices would have moved."
    ),
    (
        "Whoever looks at these figures and changes a policy has tuned on these days. Count that "
        "policy beside the others, every time."
    ),
)
"""What no comparison over past days can know."""


def write_comparison(
    result: Compared,
    to: Path,
    *,
    facts: Sequence[tuple[str, str]] = (),
    command: str = "",
    data: Sequence[DataFile] = (),
) -> Path:
    """Write the page and return where it is.

    Args:
        result: The comparison.
        to: The file; folders are made where there are none, and it is replaced as a whole.
        facts: More of what was run, such as strategy and costs: name and text.
        command: The command line, for whoever wants to repeat it.
        data: The bar files.

    Raises:
        OSError: The file cannot be written.
    """
    axis = axis_of(result)
    page = rendered_page(
        "compare.html.j2",
        {
            "title": "compare: report",
            "zone": axis.zone.name,
            "start_s": axis.start_ns // SECOND_NS,
            "end_s": axis.end_ns // SECOND_NS,
            "eyebrow": f"COMPARISON · {result.first} to {result.last}",
            "headline": headline(result),
            "sentences": list(sentences(result)),
            "growth_table": growth_table(result),
            "goals": goals_table(result),
            "growth": growth_chart(result, axis),
            "plane": plane_chart(result),
            "pairs": pairs_table(result),
            "facts": list(_facts(result, facts, command)),
            "data": files_table(data),
            "limits": _LIMITS,
        },
    )
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}.part")
    beside.write_text(page, encoding="utf-8")
    beside.replace(to)
    return to


def _facts(result: Compared, more: Sequence[tuple[str, str]], command: str) -> Iterator[Fact]:
    contest, judged = result.contest, result.judged
    yield Fact("days", f"{result.first} to {result.last}, risk days of {contest.timezone}")
    yield Fact("warm-up", f"{contest.warm_up_days:,} days before, not reported")
    yield Fact(
        "windows", f"{counted(len(result.by_window), 'window')} of {contest.test_days:,} days"
    )
    yield Fact("policies", f"{len(result.names):,}, of which the first is the baseline")
    yield Fact(
        "resampling",
        f"{judged.draws:,} histories by the stationary bootstrap of paired daily log returns, "
        f"blocks of {ratio_text(judged.block, 1)} days in the mean, level "
        f"{percent(judged.level, 0)}",
    )
    for name, text in more:
        yield Fact(name, clipped(text, 200))
    if command:
        yield Fact("command", clipped(command, 600), is_code=True)
