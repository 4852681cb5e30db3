"""A walk forward: choose a policy on the past, test it on what came after, again and again."""

import shlex
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli import bars_table
from smart_leverage.cli.options import command
from smart_leverage.cli.researching import Asked, Market, Proposer, market_of
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.research.walk_forward import Candidate, Result, Scheme, WindowDone, Work
    from smart_leverage.research.walk_forward.results import Weather

INTERRUPTED = 130
REPORT = "report.html"


class Wish(StrEnum):
    """What is chosen by; `research.walk_forward.scoring` has the same names."""

    MONTH = "month"
    MONTH_BOUNDED = "month_bounded"
    SHARPE = "sharpe"


@command(
    "smart-leverage walk-forward prices/*-USDT.1h.parquet --quote USDT=USD --resume-monthly",
    "smart-leverage walk-forward BTC-USD.1h.csv --candidates plan.toml --anchored --out walks/a",
)
def walk_forward(
    screen: Screen,
    *,
    candidates: Annotated[
        Path | None,
        typer.Option(
            metavar="PLAN",
            help="What may be chosen: the plan of a sweep.  [default: the configuration alone]",
        ),
    ] = None,
    score: Annotated[Wish, typer.Option(help="What is chosen by.")] = Wish.MONTH,
    train: Annotated[int, typer.Option(metavar="DAYS", help="Length of a training part.")] = 365,
    test: Annotated[int, typer.Option(metavar="DAYS", help="Length of a test part.")] = 91,
    step: Annotated[
        int | None,
        typer.Option(metavar="DAYS", help="From test to test.  [default: as long as a test]"),
    ] = None,
    is_anchored: Annotated[
        bool, typer.Option("--anchored", help="Train from the first day on, ever longer.")
    ] = False,
    purge: Annotated[int, typer.Option(metavar="DAYS", help="Left out before what is tested.")] = 5,
    embargo: Annotated[
        int, typer.Option(metavar="DAYS", help="Left out behind each fold of the choice.")
    ] = 10,
    folds: Annotated[
        int, typer.Option(metavar="NUMBER", help="Parts into which training is cut to choose.")
    ] = 4,
    threads: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="[default: one per core]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the walk.  [default: walks/NAME-OF-PLAN]"),
    ] = None,
    asked: Asked,
) -> None:
    """Tell how a policy that is chosen on the past does on days that had no part in the choice.

    BARS are cut into windows: a training part, a gap, a test part. In each, one of the candidates
    is chosen inside of the training part and then run over the test part. The report sets in-sample
    beside out-of-sample, by window and by regime. Each part begins with cash and without a record,
    so tiers that need one come late in it. Ctrl-C keeps the windows that are done; the same command
    goes on.
    """
    from smart_leverage.research.walk_forward import Scheme
    from smart_leverage.research.walk_forward.splits import check_scheme

    scheme = Scheme(train, test, step or 0, is_anchored, purge, embargo, folds)
    check_scheme(scheme)
    found = _candidates(screen, candidates, asked.config)
    market = market_of(screen, asked)
    work = _work(market, found, scheme, score)
    folder = out or Path("walks") / (found[0].name if candidates is None else candidates.stem)
    is_stopped = _go(screen, folder, work, market, asked.strategy, threads)
    if is_stopped:
        raise typer.Exit(INTERRUPTED)


def _candidates(screen: Screen, plan: Path | None, config: Path | None) -> list["Candidate"]:
    """Return what may be chosen; refused before files are read."""
    from smart_leverage.cli.places import configuration
    from smart_leverage.reports.citing import counted
    from smart_leverage.research.sweep.plan import read_plan
    from smart_leverage.research.walk_forward.candidates import candidates_of
    from smart_leverage.settings import load
    from smart_leverage.wiring import policy_of

    settings = load(configuration(config)).settings
    policy = policy_of(settings)
    read = None if plan is None else read_plan(plan, policy)
    found = candidates_of(settings.policy.preset, policy, read)
    if found.left_out:
        points = counted(found.left_out, "point")
        screen.note(f"left out of the plan: {points} of which the numbers exclude each other")
    return found.candidates


def _work(
    market: Market, candidates: Sequence["Candidate"], scheme: "Scheme", wish: Wish
) -> "Work":
    from smart_leverage.research.walk_forward import SCORES, Work

    return Work(
        bars=market.bars,
        signals=market.signals,
        candidates=candidates,
        scheme=scheme,
        setup=market.setup,
        score=SCORES[wish.value],
        timezone=market.settings.risk.timezone,
    )


def _go(
    screen: Screen,
    folder: Path,
    work: "Work",
    market: Market,
    strategy: Proposer,
    threads: int | None,
) -> bool:
    """Walk as far as nobody asks to stop, and tell; return whether somebody did."""
    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.research.walk_forward import result_of, walk
    from smart_leverage.research.walk_forward.store import Store, fingerprint, write_tables

    count = len(work.windows)
    store = Store(folder, fingerprint(market.series, work))
    kept = store.kept()
    done: list[WindowDone] = []
    if kept:
        screen.note(f"{len(kept)} of {count} windows are there already")
    with Stopping() as stopping:
        steps = walk(
            work, done=kept, threads=threads, progress=screen.progress(f"{folder.name}: parts")
        )
        for window in stopping.until_asked(steps):
            store.keep(len(done), window)
            done.append(window)
    is_stopped = len(done) < count
    if done:
        result = result_of(done, work, is_stopped=is_stopped)
        tables = write_tables(result, folder)
        report = _write_report(folder, result, market, strategy)
        _tell(screen, folder, result, report, tables)
        for doubt in bars_table.doubts(market.series):
            screen.note(doubt)
    if is_stopped:
        screen.note(
            f"interrupted: {len(done)} of {count} windows are kept in {folder}; "
            "the same command goes on"
        )
    return is_stopped


def _write_report(folder: Path, result: "Result", market: Market, strategy: Proposer) -> Path:
    from smart_leverage.cli.reporting import files_of
    from smart_leverage.research.walk_forward.report import write_walk_report

    costs = market.setup.costs
    coin = costs.crypto.half_spread + costs.crypto.slippage + costs.crypto.fee_taker
    share = costs.stock.half_spread + costs.stock.slippage + costs.stock.fee_taker
    halts = "lifted when a new month begins" if market.setup.resumes_monthly else "never lifted"
    return write_walk_report(
        result,
        folder / REPORT,
        facts=[
            ("who proposes", f"{strategy.value}; the policy sizes what is proposed"),
            ("opening cash", f"${market.setup.cash:,.0f}"),
            ("costs of a trade", f"{coin:.2%} of a coin's value, {share:.2%} of a share's"),
            ("halts", f"{halts}; each part begins without one"),
        ],
        command=shlex.join(["smart-leverage", *sys.argv[1:]]),
        data=files_of(market.series),
    )


# -- the result -----------------------------------------------------------------------------------

_COLUMNS = (
    Column("window", is_number=True),
    Column("tested"),
    Column("in-sample", is_number=True),
    Column("out-of-sample", is_number=True),
    Column("growth", is_number=True),
    Column("drawdown", is_number=True),
    Column("chosen"),
)

_REGIMES = (
    Column("regime"),
    Column("days", is_number=True),
    Column("mean day", is_number=True),
    Column("month of such days", is_number=True),
    Column("deepest fall", is_number=True),
)


def _tell(
    screen: Screen, folder: Path, result: "Result", report: Path, tables: Sequence[Path]
) -> None:
    from smart_leverage.research.walk_forward.report import headline, sentences

    if screen.as_json:
        screen.record(_fields(folder, result, report, tables))
        return
    screen.table(_COLUMNS, (_row(result, place) for place in range(len(result.windows))))
    screen.say("", headline(result), *sentences(result), "")
    screen.table(_REGIMES, (_regime(each) for each in result.weather if each.days))
    screen.say("", f"report    {report}", f"tables    {', '.join(each.name for each in tables)}")


def _regime(each: "Weather") -> list[str]:
    from smart_leverage.domain.sentences import percent
    from smart_leverage.reports.citing import signed

    return [
        each.name,
        f"{each.days:,}",
        signed(each.outside, 3),
        signed(each.month),
        percent(each.drawdown),
    ]


def _row(result: "Result", place: int) -> list[str]:
    from smart_leverage.domain.sentences import percent
    from smart_leverage.reports.citing import signed
    from smart_leverage.research.walk_forward.pictures import score_text

    each = result.windows[place]
    return [
        str(place + 1),
        f"{result.dates[each.test[0]]} to {result.dates[each.test[1] - 1]}",
        score_text(result.score, each.inside.score),
        score_text(result.score, each.outside.score),
        signed(each.outside.growth),
        percent(each.outside.drawdown),
        result.candidates[each.chosen].name,
    ]


def _fields(folder: Path, result: "Result", report: Path, tables: Sequence[Path]) -> dict[str, Any]:
    from smart_leverage.research.walk_forward.results import as_fields

    return {
        "folder": str(folder),
        "report": str(report),
        "tables": [str(each) for each in tables],
        **as_fields(result),
    }
