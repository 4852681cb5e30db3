"""Whole tables about targets, each with the Monte Carlo error of what was simulated."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from smart_leverage.cli.screen import Column, Screen
from smart_leverage.research.feasibility import tables
from smart_leverage.research.feasibility.answer import sharpe_needed
from smart_leverage.research.feasibility.histories import Target, draw
from smart_leverage.research.feasibility.record import Days


def show(screen: Screen, name: str, target: Target, days: Days | None = None) -> None:
    """Tell one table by its name.

    Args:
        screen: Where to.
        name: One of those that `--table` lists.
        target: Of a month; `needed` has targets of its own, `budget` the drawdown alone.
        days: Of a record, in whose blocks `chances` and `worlds` are drawn.
    """
    if days is None:
        fields, columns, rows, notes = _TABLES[name](screen, target)
    else:
        fields, columns, rows, notes = _OF_RECORDS[name](screen, target, days)
    if screen.as_json:
        screen.record({"table": name, **target._asdict(), **fields})
        return
    screen.say(f"{target.monthly:.1%} a month with less than {target.drawdown:.1%} drawdown", "")
    screen.table(
        [Column(columns[0]), *(Column(each, is_number=True) for each in columns[1:])], rows
    )
    screen.say("", *notes)


def show_history(
    screen: Screen, files: Sequence[Path], quotes: Mapping[str, str], target: Target
) -> None:
    """Tell what rules made of days that happened, coins always held and coins above their mean."""
    from smart_leverage.cli.counterfactual import bars_of
    from smart_leverage.research.feasibility import coins

    series = bars_of(screen, files, quotes)
    dates, closes = coins.closes_of(series)
    always = coins.coins_of(dates, closes)
    timed = coins.coins_of(dates, closes, average=coins.AVERAGE)
    found = [
        (f"{name}{how}", coins.played(rule, held, target))
        for how, held in (("", always), (f", above {coins.AVERAGE} days", timed))
        for name, rule in coins.rules().items()
    ]
    first, last = always.dates[coins.WARM_UP], always.dates[-1]
    if screen.as_json:
        rows = [{"rule": name, **one._asdict()} for name, one in found]
        screen.record({
            "table": "history", **target._asdict(), "instruments": [each.key for each in series],
            "first": first, "last": last, "rows": rows,
        })  # fmt: skip
        return
    names = ("rule", "growth a year", "deepest fall", "below", "total", "both", "mean exposure")
    screen.say(
        f"{target.monthly:.1%} a month with less than {target.drawdown:.1%} drawdown, on "
        f"{', '.join(each.key.partition(':')[2] for each in series)} in equal parts, "
        f"{first} to {last}", ""
    )  # fmt: skip
    screen.table(
        [Column(names[0]), *(Column(each, is_number=True) for each in names[1:])],
        [
            [name, f"{one.growth:+.1%}", f"{one.fall:.1%}", f"{one.below:.2f}", f"{one.total:.2f}",
             f"{one.joint:.2f}", f"{one.exposure:.1%}"]
            for name, one in found
        ],
    )  # fmt: skip
    screen.say(
        "",
        "below, total, both: share of 12-month windows whose drawdown stays below, that make what",
        f"the target compounds to, and both; decided at daily closes, {coins.COST:.1%} of what is",
        f"turned over, {coins.WARM_UP} days that the rules only see. One history, so its error is",
        "not known",
    )


Told = tuple[dict[str, Any], tuple[str, ...], list[list[str]], list[str]]


def _joint(screen: Screen, target: Target) -> Told:
    progress, found = screen.progress("Sharpe ratios"), []
    for done, sharpe in enumerate(tables.SHARPES, start=1):
        found.append(tables.joint_row(sharpe, target))
        progress(done, len(tables.SHARPES))
    columns = ("Sharpe", "best vol", "month", "below", "constant", "surplus", "best rule", "bound",
               "12 of 12", "± error")  # fmt: skip
    rows = [
        [f"{row.sharpe:g}", f"{row.volatility:.0%}", *(_share(value) for value in row[2:])]
        for row in found
    ]
    notes = [
        "month: it makes the target; below: a year's drawdown on closes does; the next four:",
        "both in a year, by ever better rules; 12 of 12: every month makes it, drawdown below;",
        f"error: of the simulated ones, {tables.PATHS:,} paths; best rule: on a grid, ± 0.01",
    ]
    return {"rows": found}, columns, rows, notes


def _drawn(screen: Screen, target: Target, days: Days) -> Told:
    histories = draw(
        days.values, days.per_year, progress=screen.progress("drawing"), block=tables.BLOCK
    )
    progress, found = screen.progress("Sharpe ratios"), []
    for done, row in enumerate(tables.drawn_rows(histories, target), start=1):
        found.append(row)
        progress(done, len(tables.SHARPES))
    columns = ("Sharpe", "exposure", "month", "below", "constant", "surplus", "± error")
    rows = [
        [f"{row.sharpe:g}", f"{row.exposure:.2f}", *(_share(value) for value in row[2:])]
        for row in found
    ]
    notes = [
        f"the record's own days in blocks of {tables.BLOCK:.0f}, moved to each Sharpe ratio,",
        f"chosen on one half of {len(histories.noise):,} histories and told on the other;",
        "exposure 1 is what made the record",
    ]
    return {"rows": found}, columns, rows, notes


def _needed(_: Screen, target: Target) -> Told:
    found = tables.needed()
    by_kept = [(kept, sharpe_needed(target, kept)) for kept in tables.KEPTS]
    columns = ("a month", *(f"{depth:.0%}" for depth in tables.DRAWDOWNS))
    rows = [[f"{row.monthly:.0%}", *(f"{each:.2f}" for each in row.sharpe)] for row in found]
    kept = ", ".join(f"{sharpe:.2f} for {share:.0%}" for share, sharpe in by_kept)
    notes = [
        "Sharpe ratio of a median month at the target, by the drawdown kept in 9 of 10 years",
        f"for the target above, by how often the drawdown is kept: {kept}",
        "closed forms: no Monte Carlo error, 0.01 by the shift from moments to closes",
    ]
    return {"rows": found, "kept": by_kept}, columns, rows, notes


def _budget(_: Screen, target: Target) -> Told:
    found = tables.budgets(target.drawdown)
    columns = ("Sharpe", *(f"kept {each.kept:.0%}" for each in found[0]))
    rows = [
        [f"{row[0].sharpe:g}", *(f"{each.volatility:.1%} → {_month(each.monthly)}" for each in row)]
        for row in found
    ]
    notes = ["largest volatility a year that keeps the drawdown so often, and its median month"]
    return {"rows": found}, columns, rows, notes


def _verdicts(_: Screen, target: Target) -> Told:
    found = tables.verdicts(target)
    columns = ("years of days", *(f"Sharpe {each:g}" for each in tables.TRUE_SHARPES))
    rows = [
        [f"{row.years:g}", *(f"{no:.2f} / {yes:.2f}" for no, yes in zip(*row[1:], strict=True))]
        for row in found.rows
    ]
    notes = [
        "share of records of normal days told: not attainable / attainable, by true Sharpe ratio",
        (
            f"the upper end is held against {found.not_below:.2f}, the lower against "
            f"{found.attainable_from:.2f}; both ± 0.05, which moves a share by at most 0.02 a year"
        ),
    ]
    return {"found": found}, columns, rows, notes


def _worlds(screen: Screen, target: Target) -> Told:
    progress, found = screen.progress("worlds"), []
    for done, (world, sharpe) in enumerate(tables.WORLDS, start=1):
        found.append(tables.world_row(world, sharpe, target))
        progress(done, len(tables.WORLDS))
    return _of_worlds(found)


def _own_worlds(screen: Screen, target: Target, days: Days) -> Told:
    progress, found = screen.progress("worlds"), []
    for done, sharpe in enumerate(tables.OWN_SHARPES, start=1):
        found.append(tables.resampled_row("your days", days.values, sharpe, target))
        progress(done, len(tables.OWN_SHARPES))
    return _of_worlds(found)


def _of_worlds(found: list[tables.WorldRow]) -> Told:
    names = list(tables.policies())
    columns = ("world", *names, "± error")
    rows = [
        [
            f"{row.world} {row.sharpe:g}",
            *(f"{each.below:.2f} | {each.median:+.0%} | {each.month:.2f}" for each in row.cells),
            _share(row.error),
        ]
        for row in found
    ]
    notes = [
        "drawdown of a year below | median return of the year | months that make the target;",
        "volatility 60 %, no costs, 120 days that the rules only see; decay turns to minus a half",
        "of itself in the middle of the year; error: of the shares, of a median half a point",
    ]
    return {"policies": names, "rows": found}, columns, rows, notes


_TABLES = {
    "chances": _joint,
    "needed": _needed,
    "budget": _budget,
    "verdicts": _verdicts,
    "worlds": _worlds,
}
_OF_RECORDS = {"chances": _drawn, "worlds": _own_worlds}


def _share(value: float) -> str:
    return f"{value:.3f}"


def _month(value: float) -> str:
    return f"{value if abs(value) >= 5e-4 else 0.0:.1%}"
