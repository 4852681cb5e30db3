"""The report of a walk as one HTML file: in-sample beside out-of-sample, and what that is worth."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.sentences import percent
from smart_leverage.reports.citing import clipped, counted, ratio_text, signed
from smart_leverage.reports.html.frame import rendered_page
from smart_leverage.reports.html.parts import Cell, Head, Table, left_out
from smart_leverage.reports.html.run_tables import files_table
from smart_leverage.reports.inputs import DataFile
from smart_leverage.research.walk_forward.pictures import (
    axis_of,
    equity_chart,
    promise_chart,
    score_text,
    windows_table,
)
from smart_leverage.research.walk_forward.results import Result, Weather

CANDIDATES_MAX = 60

_LIMITS = (
    (
        "Each part begins with cash and without a record: in the lowest tier that trades, with "
        "day and month limits that begin anew. Tiers that need a record of trades come late in "
        "each part. What a part holds at its end is sold at its costs."
    ),
    (
        "Prices, volatilities and what the strategy remembers come warm from the days before a "
        "part. That is the past, as it would be known live."
    ),
    (
        "Training parts of neighbouring windows share days, so in-sample figures of windows "
        "are not independent of each other."
    ),
    (
        "Only numbers of the policy were chosen between. The strategy that proposes was the "
        "same throughout, and was not fitted here."
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
        "Regimes are few, and each has seen few turns. A mean of their days is no forecast of "
        "the next one."
    ),
)
"""What no walk over past days can know."""


class Tile(NamedTuple):
    """A figure at the top, with what it is counted over."""

    name: str
    shown: str
    basis: str


class Fact(NamedTuple):
    """One line of what was run; `is_code` is set in a fixed pitch."""

    name: str
    text: str
    is_code: bool = False


def write_walk_report(
    result: Result,
    to: Path,
    *,
    facts: Sequence[tuple[str, str]] = (),
    command: str = "",
    data: Sequence[DataFile] = (),
) -> Path:
    """Write the report and return where it is.

    Args:
        result: The walk.
        to: The file; its folder exists, and it is replaced as a whole.
        facts: More of what was run, such as strategy and costs: name and text.
        command: The command line, for whoever wants to repeat it.
        data: The bar files.

    Raises:
        OSError: The file cannot be written.
    """
    axis = axis_of(result)
    page = rendered_page(
        "walk_forward.html.j2",
        {
            "title": "walk-forward: report",
            "zone": axis.zone.name,
            "start_s": axis.start_ns // SECOND_NS,
            "end_s": axis.end_ns // SECOND_NS,
            "eyebrow": _eyebrow(result),
            "headline": headline(result),
            "sentences": list(sentences(result)),
            "tiles": list(_tiles(result)),
            "promise": promise_chart(result, axis),
            "windows": windows_table(result),
            "equity": equity_chart(result, axis),
            "weather": weather_table(result),
            "candidates": _candidates_table(result),
            "facts": list(_facts(result, facts, command)),
            "data": files_table(data),
            "limits": _LIMITS,
        },
    )
    beside = to.with_name(f".{to.name}.part")
    beside.write_text(page, encoding="utf-8")
    beside.replace(to)
    return to


# -- words ----------------------------------------------------------------------------------------


def _eyebrow(result: Result) -> str:
    first, last = result.windows[0].test[0], result.windows[-1].test[1] - 1
    return f"WALK FORWARD · tested {result.dates[first]} to {result.dates[last]}"


def headline(result: Result) -> str:
    """Return the one line that stands above everything."""
    inside, outside = result.inside.score, result.outside.score
    return (
        f"In-sample {score_text(result.score, inside)}, "
        f"out-of-sample {score_text(result.score, outside)} ({result.score.name})"
    )


def sentences(result: Result) -> Iterator[str]:
    """Yield what has to be said: how it was tested, what was tuned, what was lost, what it is."""
    scheme, count = result.work.scheme, len(result.windows)
    kind = "anchored" if scheme.is_anchored else "rolling"
    days = sum(len(each.outside.returns) for each in result.windows)
    yield (
        f"{counted(count, 'window')}, {kind}: {scheme.train_days:,} days to choose on, "
        f"{scheme.purge_days} days purged, {scheme.test_days:,} days to test. "
        f"{days:,} days were tested, each once, and none had a part in the choice that it tests."
    )
    yield _tuning(result)
    yield _degradation(result)
    yield (
        "Past results promise nothing. Policy, strategy and the list of instruments were made by "
        "people who may have known these years; no split of days undoes that."
    )
    if result.is_stopped:
        yield "The walk was interrupted: later windows are missing."


def _tuning(result: Result) -> str:
    if not result.is_tuned:
        return (
            f"Nothing was tuned: the only candidate was {clipped(result.candidates[0].name, 60)}. "
            "In-sample and out-of-sample are then two looks at one policy, and differ by the times "
            "and by chance alone."
        )
    chosen = len({each.chosen for each in result.windows})
    text = (
        f"{counted(len(result.candidates), 'candidate')} were tried in every window, and the one "
        f"with the best mean score over {result.work.scheme.folds} folds of the training part was "
        f"taken ({result.score.says}); {counted(chosen, 'different one')} in all."
    )
    if result.beaten == result.beaten:
        text += (
            f" Out-of-sample the chosen ones were better than {percent(result.beaten, 0)} of the "
            "others; a blind choice is better than half."
        )
    return text


def _degradation(result: Result) -> str:
    score, inside, outside = result.score, result.inside, result.outside
    lost = inside.score - outside.score
    text = (
        f"Mean over windows: {score_text(score, inside.score)} in-sample, "
        f"{score_text(score, outside.score)} out-of-sample (standard error "
        f"{_size(result, outside.error)}, median {score_text(score, outside.median)}): "
        f"{_size(result, abs(lost))} {'lost' if lost > 0.0 else 'gained'} on the way, "
        "which other times bring about as well as tuning."
    )
    text += _without_best(result)
    if not result.is_tuned:
        return text
    plain_in, plain_out = result.plain_inside.score, result.plain_outside.score
    return (
        f"{text} {clipped(result.candidates[0].name, 60)}, never changed, made "
        f"{score_text(score, plain_in)} and {score_text(score, plain_out)} on the same days: the "
        f"choice was worth {score_text(score, inside.score - plain_in)} in-sample and "
        f"{score_text(score, outside.score - plain_out)} out-of-sample."
    )


def _without_best(result: Result) -> str:
    """Say what is left without the best tenth of the windows: few of them may have made it all."""
    scores = [each.outside.score for each in result.windows]
    known = sorted(score for score in scores if score == score)
    count = max(len(known) // 10, 1)
    if len(known) < 3:
        return ""
    left = sum(known[:-count]) / (len(known) - count)
    best = "best window" if count == 1 else f"{count} best windows"
    return f" Without its {best} the out-of-sample mean is {score_text(result.score, left)}."


def _size(result: Result, value: float) -> str:
    if value != value:
        return "not known"
    return percent(value, 2) if result.score.is_share else ratio_text(value, 3)


def _tiles(result: Result) -> Iterator[Tile]:
    count = len(result.windows)
    parts = counted(count, "training part")
    tests = counted(count, "test part")
    gained = sum(each.outside.growth > 0.0 for each in result.windows)
    yield Tile(
        "In-sample, by the month", signed(result.inside.month), f"mean over {parts}, leaving paid"
    )
    yield Tile(
        "Out-of-sample, by the month", signed(result.outside.month), f"{tests} behind each other"
    )
    yield Tile(
        "The policy as it was, by the month",
        signed(result.plain_outside.month),
        f"out-of-sample, {tests} behind each other",
    )
    yield Tile(
        "Deepest drawdown out-of-sample",
        percent(result.outside.drawdown, 1),
        f"in-sample {percent(result.inside.drawdown, 1)}, mean over {parts}",
    )
    yield Tile("Test parts that gained", f"{gained} of {count}", "growth above zero, costs paid")
    yield Tile(
        "Candidates", f"{len(result.candidates):,}", f"tried in each of {counted(count, 'window')}"
    )


# -- tables ---------------------------------------------------------------------------------------


def weather_table(result: Result) -> Table:
    """Return what the days of each regime brought."""
    return Table(
        caption="What the days of each regime brought",
        heads=[
            Head("regime"),
            Head("days in-sample", is_number=True),
            Head("mean day in-sample", is_number=True),
            Head("days out-of-sample", is_number=True),
            Head("mean day out-of-sample", is_number=True),
            Head("standard error", is_number=True),
            Head("month of such days", is_number=True),
            Head("deepest fall", is_number=True),
            Head("as it was, mean day", is_number=True),
            Head("market, mean day", is_number=True),
        ],
        rows=[_weather_row(each) for each in result.weather],
        note=(
            "The regime of a day is told by returns before it alone: the volatility of 20 days "
            "against thirds of all that was measured before, and the sign of the return over 60 "
            "days, of the mean of all instruments. Days in-sample count once for each window that "
            "trained on them. A month of such days is the mean day compounded over 30.4 days: an "
            "estimate that no month has shown. The deepest fall is that of the regime's days set "
            "one behind the other. Standard errors take days for independent, which they are not."
        ),
    )


def _weather_row(each: Weather) -> list[Cell | str]:
    return [
        each.name,
        f"{each.days_inside:,}",
        _change(each.inside, 3),
        f"{each.days:,}",
        Cell(_change(each.outside, 3), _side(each.outside)),
        "" if each.error != each.error else percent(each.error, 3),
        _change(each.month, 2),
        percent(each.drawdown, 1) if each.days else "",
        _change(each.plain, 3),
        _change(each.market, 3),
    ]


def _change(value: float, places: int) -> str:
    return "" if value != value else signed(value, places)


def _side(value: float) -> str:
    return "gain" if value > 0.0 else "loss" if value < 0.0 else ""


def _candidates_table(result: Result) -> Table:
    score, count = result.score, len(result.windows)
    found = []
    for place, candidate in enumerate(result.candidates):
        times = sum(each.chosen == place for each in result.windows)
        inside = _mean([each.inside_scores[place] for each in result.windows])
        outside = _mean([each.outside_scores[place] for each in result.windows])
        row = (
            f"{place + 1}",
            clipped(candidate.name, 100),
            f"{times} of {count}",
            score_text(score, inside),
            score_text(score, outside),
        )
        found.append((-times, place, row))
    rows = [row for _, _, row in sorted(found)[:CANDIDATES_MAX]]
    return Table(
        caption="Candidates, the most often chosen first",
        heads=[
            Head("number", is_number=True),
            Head("candidate", wraps=True),
            Head("chosen", is_number=True),
            Head("mean score in-sample", is_number=True),
            Head("mean score out-of-sample", is_number=True),
        ],
        rows=rows,
        more=left_out(len(rows), len(found), "candidates.parquet has all"),
        note=(
            "To take the best of the last column now would be to tune on the test: then nothing "
            "here was out-of-sample any more."
        ),
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else float("nan")


def _facts(result: Result, more: Sequence[tuple[str, str]], command: str) -> Iterator[Fact]:
    scheme = result.work.scheme
    yield Fact(
        "days", f"{result.dates[0]} to {result.dates[-1]}, risk days of {result.work.timezone}"
    )
    yield Fact("training", f"{scheme.train_days:,} days, {_kind(result)}")
    yield Fact("purge", f"{scheme.purge_days} days before each test part")
    yield Fact("test", f"{scheme.test_days:,} days, a new one every {scheme.step:,} days")
    yield Fact(
        "choice",
        f"{scheme.folds} folds, {scheme.purge_days} days purged before and "
        f"{scheme.embargo_days} days embargoed behind each; by {result.score.name}: "
        f"{result.score.says}",
    )
    for name, text in more:
        yield Fact(name, clipped(text, 200))
    if command:
        yield Fact("command", clipped(command, 600), is_code=True)


def _kind(result: Result) -> str:
    return "anchored at the first day" if result.work.scheme.is_anchored else "rolling"
