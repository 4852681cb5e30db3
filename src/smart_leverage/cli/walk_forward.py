"""A walk forward: choose a policy on the past, test it on what came after, again and again."""

import shlex
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import ConfigPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.market.bars import BarSeries
    from smart_leverage.research.walk_forward import Result, Scheme, WindowDone, Work
    from smart_leverage.research.walk_forward.results import Weather
    from smart_leverage.settings import Settings

INTERRUPTED = 130
REPORT = "report.html"


class Wish(StrEnum):
    """What is chosen by; `research.walk_forward.scoring` has the same names."""

    MONTH = "month"
    MONTH_BOUNDED = "month_bounded"
    SHARPE = "sharpe"


@command(
    "smart-leverage walk-forward prices/*-USDT.1h.parquet --quote USDT=USD",
    "smart-leverage walk-forward prices/*.1h.csv --candidates grid.toml --name grid --anchored",
)
def walk_forward(
    screen: Screen,
    files: Annotated[
        list[Path], typer.Argument(metavar="BARS...", help="CSV or Parquet, as BTC-USD.1h.csv.")
    ],
    candidates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What may be chosen, in TOML.  [default: the configuration alone]"
        ),
    ] = None,
    score: Annotated[
        Wish, typer.Option(help="What is chosen by: month and month_bounded are growth rates.")
    ] = Wish.MONTH,
    train: Annotated[int, typer.Option(metavar="DAYS", help="Length of a training part.")] = 365,
    test: Annotated[int, typer.Option(metavar="DAYS", help="Length of a test part.")] = 91,
    step: Annotated[
        int | None,
        typer.Option(metavar="DAYS", help="From test to test.  [default: as long as a test]"),
    ] = None,
    is_anchored: Annotated[
        bool, typer.Option("--anchored", help="Train from the first day on, ever longer.")
    ] = False,
    purge: Annotated[int, typer.Option(metavar="DAYS", help="Left out before each test part.")] = 5,
    embargo: Annotated[
        int, typer.Option(metavar="DAYS", help="Left out behind each fold of the choice.")
    ] = 10,
    folds: Annotated[
        int, typer.Option(metavar="NUMBER", help="Parts into which training is cut to choose.")
    ] = 4,
    stays_halted: Annotated[
        bool,
        typer.Option("--stay-halted", help="Nobody lifts a halt when a new month begins."),
    ] = False,
    cash: Annotated[
        str | None,
        typer.Option(metavar="MONEY", help="Opening cash.  [default: of the configuration]"),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its folder is runs/NAME.  [default: a time]")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="First instant, 2024-01-01 or with a time.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Last instant; a date means its midnight.")
    ] = None,
    quote: Annotated[
        list[str] | None,
        typer.Option(metavar="A=B", help="Count prices in A as prices in B, as USDT=USD."),
    ] = None,
    drops_outside: Annotated[
        bool, typer.Option("--drop-outside", help="Leave out rows outside trading sessions.")
    ] = False,
    trusts_jumps: Annotated[
        bool, typer.Option("--trust-jumps", help="Take prices that look false as true.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(metavar="NUMBER", min=1, help="[default: one per core]")
    ] = None,
    config: ConfigPath = None,
) -> None:
    """Test how a policy that is chosen on the past does on days that had no part in the choice.

    BARS are cut into windows: a training part, a gap, a test part. In each, one of the candidates
    is chosen inside of the training part and then run over the test part, with momentum as the
    strategy. The report sets in-sample beside out-of-sample, by window and by regime. A training
    part of a new account is not a live record: each part begins with cash and without a record.
    Ctrl-C keeps the windows that are done; the same command with the same --name goes on.
    """
    from smart_leverage.cli.inputs import aliases, read_bars, settings_for, span
    from smart_leverage.cli.runs import same_folder
    from smart_leverage.market.files import Reading
    from smart_leverage.research.walk_forward import Scheme
    from smart_leverage.research.walk_forward.splits import check_scheme

    scheme = Scheme(train, test, step or 0, is_anchored, purge, embargo, folds)
    check_scheme(scheme)
    settings = settings_for(config, cash)
    since_ns, until_ns = span(since, until)
    reading = Reading(
        quote_alias=aliases(quote or []), drops_outside=drops_outside, trusts_jumps=trusts_jumps
    )
    series = read_bars(screen, files, reading, since_ns, until_ns)
    work = _work(
        screen, series, settings, config, candidates, scheme, score, is_halting=stays_halted
    )
    folder = same_folder(name, "walk")
    _go(screen, folder, work, series, threads)


def _work(
    screen: Screen,
    series: Sequence["BarSeries"],
    settings: "Settings",
    config: Path | None,
    candidates: Path | None,
    scheme: "Scheme",
    wish: Wish,
    *,
    is_halting: bool,
) -> "Work":
    from smart_leverage.cli.candidates import read_candidates
    from smart_leverage.cli.places import configuration
    from smart_leverage.research.kernel import columns_of, signals_of
    from smart_leverage.research.walk_forward import SCORES, Work
    from smart_leverage.strategies.momentum import Momentum
    from smart_leverage.wiring.research import ladder_of, setup_of

    read = read_candidates(candidates, settings, configuration(config))
    if read.impossible:
        screen.note(f"{read.impossible:,} combinations exclude themselves and are left out")
    screen.note("preparing bars and signals")
    zone = settings.risk.timezone
    bars = columns_of(series, timezone=zone, ladder=ladder_of(settings))
    return Work(
        bars=bars,
        signals=signals_of([Momentum()], series, bars),
        candidates=read.found,
        scheme=scheme,
        setup=setup_of(settings, resumes_monthly=not is_halting),
        score=SCORES[wish.value],
        timezone=zone,
    )


def _go(
    screen: Screen,
    folder: Path,
    work: "Work",
    series: Sequence["BarSeries"],
    threads: int | None,
) -> None:
    from smart_leverage.cli.stopping import Stopping
    from smart_leverage.research.walk_forward import result_of, walk
    from smart_leverage.research.walk_forward.store import Store, fingerprint, write_tables

    store = Store(folder, fingerprint(series, work))
    done: list[WindowDone] = []
    kept = store.kept()
    if kept:
        screen.note(f"{len(kept)} windows are there already")
    with Stopping() as stopping:
        count = len(work.windows)
        show = screen.progress(f"{folder.name}: parts")
        steps = walk(work, done=kept, threads=threads, progress=show)
        for window in stopping.until_asked(steps):
            store.keep(len(done), window)
            done.append(window)
        is_stopped = len(done) < count
    if not done:
        screen.note("interrupted before the first window was done")
        raise typer.Exit(INTERRUPTED)
    result = result_of(done, work, is_stopped=is_stopped)
    tables = write_tables(result, folder)
    report = _write_report(folder, result, work, series)
    _tell(screen, folder, result, report, tables)
    if is_stopped:
        screen.note(
            f"interrupted: {len(done)} of {count} windows are kept; "
            f"go on with the same command and --name {folder.name}"
        )
        raise typer.Exit(INTERRUPTED)


def _write_report(
    folder: Path, result: "Result", work: "Work", series: Sequence["BarSeries"]
) -> Path:
    from smart_leverage.cli.reporting import files_of
    from smart_leverage.research.walk_forward.report import write_walk_report

    costs = work.setup.costs
    coin = costs.crypto.half_spread + costs.crypto.slippage + costs.crypto.fee_taker
    share = costs.stock.half_spread + costs.stock.slippage + costs.stock.fee_taker
    halts = "lifted when a new month begins" if work.setup.resumes_monthly else "never lifted"
    return write_walk_report(
        result,
        folder / REPORT,
        facts=[
            ("strategy", "momentum over 30 days, proposals sized by the policy"),
            ("opening cash", f"${work.setup.cash:,.0f}"),
            ("costs of a trade", f"{coin:.2%} of a coin's value, {share:.2%} of a share's"),
            ("halts", f"{halts}; each part begins without one"),
        ],
        command=shlex.join(["smart-leverage", *sys.argv[1:]]),
        data=files_of(series),
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
        "run": folder.name,
        "report": str(report),
        "tables": [str(each) for each in tables],
        **as_fields(result),
    }
