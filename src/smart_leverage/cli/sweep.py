"""Many policies over the same price bars."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import command
from smart_leverage.cli.researching import Asked, market_of, number
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.research.sweep.plan import Plan
    from smart_leverage.research.sweep.running import Outcome

INTERRUPTED = 130
SHOWN = 5
"""Sets that are shown, the best first."""


class Where(StrEnum):
    """Who evaluates."""

    LOCAL = "local"
    RAY = "ray"


@command(
    "smart-leverage sweep caps.toml prices/*-USDT.1h.parquet --quote USDT=USD",
    "smart-leverage sweep caps.toml BTC-USD.1h.csv --method optuna --count 500 --engine ray",
)
def sweep(
    screen: Screen,
    *,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="What is varied, in TOML.")],
    engine: Annotated[
        Where, typer.Option(help="The cores of this machine, or a Ray cluster (RAY_ADDRESS).")
    ] = Where.LOCAL,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=4096, metavar="NUMBER", help="Processes.  [default: one per core]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the sweep.  [default: sweeps/NAME-OF-PLAN]"),
    ] = None,
    method: Annotated[
        str | None, typer.Option(metavar="NAME", help="grid, random, quasi or optuna.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Sets, where it is no grid.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="NUMBER", help="Of chance.")] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="What is looked for; the first ranks."),
    ] = None,
    returns: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="NUMBER",
            help="Keep daily returns of so many sets, the best among them, for `verify`.",
        ),
    ] = None,
    asked: Asked,
) -> None:
    """Vary numbers of the policy and see what becomes of each set.

    PLAN says what is varied and what is looked for; --method, --count, --seed and --objective count
    instead of it. Result, pictures and what is needed to go on lie in one folder. Interrupted by
    Ctrl-C or a crash, the same command goes on; the result is the same to the last bit, whoever
    computes it and however often it was interrupted.

    The best of many sets is better by luck than it will be again: the number of trials stands in
    the result; `verify` judges with it, and says more where --returns kept the days of sets.
    """
    from smart_leverage.cli.places import configuration
    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.research.sweep.figures import Inputs
    from smart_leverage.research.sweep.plan import read_plan
    from smart_leverage.research.sweep.running import run_sweep
    from smart_leverage.settings import load
    from smart_leverage.wiring import policy_of

    given = {"method": method, "count": count, "seed": seed, "objectives": objective or None}
    settings = load(configuration(asked.config, None)).settings
    told = read_plan(plan, policy_of(settings), **given)  # refused before files are read
    market = market_of(screen, asked)
    inputs = Inputs(
        market.bars,
        market.signals,
        market.setup,
        told.goal,
        timezone=market.settings.risk.timezone,
        has_months=told.has_months,
    )
    folder = out or Path("sweeps") / plan.stem
    with Stopping() as stopping:
        outcome = run_sweep(
            told,
            inputs,
            folder,
            engine=engine.value,
            workers=workers,
            progress=screen.progress(f"{plan.stem}: sets"),
            is_stopped=lambda: stopping.is_asked,
        )
    if not outcome.is_complete:
        screen.note(
            f"interrupted: {outcome.trials if told.method == 'optuna' else len(outcome.table):,} "
            f"sets are kept in {folder}; the same command goes on"
        )
        raise typer.Exit(INTERRUPTED)
    if returns is not None:
        from smart_leverage.research.sweep.keeping import keep_returns

        steps = screen.progress(f"{plan.stem}: returns")
        keep_returns(told, inputs, outcome, returns, steps)
    _tell(screen, told, outcome)


def _tell(screen: Screen, plan: "Plan", outcome: "Outcome") -> None:
    from smart_leverage.research.sweep.parts import RESULTS, write_whole
    from smart_leverage.research.sweep.picture import pictures

    drawn = []
    for name, picture in pictures(plan, outcome.table).items():
        drawn.append(outcome.folder / f"{name}.svg")
        write_whole(drawn[-1], picture.encode())
    if screen.as_json:
        screen.record(_fields(plan, outcome, drawn))
        return
    screen.say(*_head(plan, outcome))
    if outcome.best is None:
        screen.say("no set is known in the first objective")
    else:
        axes = [Column(axis.key, is_number=True) for axis in plan.space.axes]
        names = [Column(name, is_number=True) for name in _shown(plan)]
        screen.table([Column("set", is_number=True), *axes, *names], _rows(plan, outcome))
        screen.say(*_neighbours(plan, outcome, outcome.best))
    screen.say(
        "",
        f"trials    {outcome.trials:,}; the best of so many owes a part of it to luck",
        f"result    {outcome.folder / RESULTS}   sha256 {outcome.sha256[:16]}…",
        *(f"picture   {file}" for file in drawn),
    )


def _fields(plan: "Plan", outcome: "Outcome", drawn: list[Path]) -> dict[str, Any]:
    from smart_leverage.research.sweep.parts import RESULTS

    best = None if outcome.best is None else outcome.table.row(outcome.best, named=True)
    return {
        "sets": len(outcome.table),
        "trials": outcome.trials,
        "left_out": outcome.left_out,
        "faulty": _faulty(outcome),
        "method": plan.method,
        "objectives": [each.name for each in plan.objectives],
        "best": best,
        "front": int(outcome.table["front"].sum()),
        "result": str(outcome.folder / RESULTS),
        "sha256": outcome.sha256,
        "pictures": [str(file) for file in drawn],
    }


def _head(plan: "Plan", outcome: "Outcome") -> Iterator[str]:
    from smart_leverage.domain.sentences import percent

    axes, goal = len(plan.space.axes), plan.goal
    yield f"{len(outcome.table):,} sets of {axes} number{'s' if axes > 1 else ''}, {plan.method}"
    if outcome.left_out:
        yield f"{outcome.left_out:,} points are no policy: their numbers exclude each other"
    if faulty := _faulty(outcome):
        yield f"{faulty:,} sets have no figures; the column fault says why"
    yield (
        f"goal {percent(goal.month)} a month, never {percent(goal.drawdown)} down; "
        f"shortfall beyond {percent(goal.level)} of days"
    )
    for each in plan.objectives:
        yield f"{each.name}: {each.says}; {'more' if each.is_more_better else 'less'} is better"
    yield ""


def _faulty(outcome: "Outcome") -> int:
    return len(outcome.table) - int((outcome.table["fault"] == "").sum())


_BESIDE = ("growth", "drawdown", "month_worst", "trades")
"""What is shown of a set beside its objectives, where it is there."""


def _shown(plan: "Plan") -> list[str]:
    names = [each.name for each in plan.objectives]
    beside = [name for name in _BESIDE if plan.has_months or name != "month_worst"]
    return list(dict.fromkeys([*names, *beside]))


def _rows(plan: "Plan", outcome: "Outcome") -> Iterator[list[str]]:
    from smart_leverage.research.sweep.tables import losses_of, objectives_in, ranked

    for place in ranked(losses_of(plan, objectives_in(plan, outcome.table)))[:SHOWN]:
        row = outcome.table.row(int(place), named=True)
        values = [row[axis.key] for axis in plan.space.axes] + [row[name] for name in _shown(plan)]
        yield [str(row["set"]), *("–" if value is None else number(value) for value in values)]


def _neighbours(plan: "Plan", outcome: "Outcome", best: int) -> Iterator[str]:
    from smart_leverage.research.sweep.picture import spread

    near = spread(plan, outcome.table, best)
    if len(near):
        yield (
            f"its {len(near)} nearest sets have {plan.objectives[0].name} "
            f"{number(float(near.min()))} to {number(float(near.max()))}"
        )
