"""Policies side by side on the same days, with intervals and ranks that survive the comparing."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli import bars_table
from smart_leverage.cli.lacking import statistics
from smart_leverage.cli.options import command
from smart_leverage.cli.researching import Asked, Market, Proposer, market_of, share
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.research.compare import Compared, Contender


@command(
    "smart-leverage compare prices/*-USDT.1h.parquet --quote USDT=USD --resume-monthly",
    "smart-leverage compare *.1h.csv --policy classic --policy mine.toml --html compared.html",
)
def compare(
    screen: Screen,
    *,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="NAME|FILE",
            help="A preset, or a configuration in TOML; give it once for each.  "
            "[default: all presets]",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="What all are measured against.  [default: classic]"
        ),
    ] = None,
    warm_up: Annotated[
        int, typer.Option(metavar="DAYS", help="At first, to earn a record; not reported.")
    ] = 365,
    test: Annotated[int, typer.Option(metavar="DAYS", help="Length of a window.")] = 91,
    is_dialled: Annotated[
        bool,
        typer.Option(
            "--dial", help="Scale caps first, so that all were as volatile in the warm-up."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of the resampling.")] = 0,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with pictures.")
    ] = None,
    asked: Asked,
) -> None:
    """Compare policies on the same bars, signals, costs and decision times.

    Each policy has an account of its own. Days behind the warm-up are reported: growth and
    drawdown, years inside the target, differences to the baseline with intervals, and the ranks
    that are left when all pairs are corrected for. The caps of a policy that need evidence get it
    month by month, from days that were over by then. Of a file only the policy counts: accounts,
    costs and prices are those of --config for all.
    """
    with statistics("compare"):
        from smart_leverage.research.compare import Contest
        from smart_leverage.research.compare import compare as play
        from smart_leverage.research.compare.dial import dialled
        from smart_leverage.research.compare.running import check_contenders

        contenders = _contenders(policy, baseline)
        check_contenders(contenders)
        market = market_of(screen, asked)
        contest = Contest(
            bars=market.bars,
            signals=market.signals,
            contenders=contenders,
            setup=market.setup,
            warm_up_days=warm_up,
            test_days=test,
            timezone=market.settings.risk.timezone,
        )
        if is_dialled:
            screen.note("setting the dials by the warm-up")
            contest = dialled(contest)
        result = play(contest, seed=seed, progress=screen.progress("policies"))
        page = None if html is None else _write_page(html, result, market, asked.strategy)
    if screen.as_json:
        screen.record(_fields(result, page))
        return
    _tell(screen, result, page)
    for doubt in bars_table.doubts(market.series):
        screen.note(doubt)


def _contenders(named: Sequence[str] | None, baseline: str | None) -> list["Contender"]:
    """Return the policies, the baseline first; refused before files are read."""
    from smart_leverage.settings import BASE, PRESETS

    wanted = list(named or PRESETS)
    first = baseline or BASE
    return [_contender(each) for each in (first, *(one for one in wanted if one != first))]


def _contender(name: str) -> "Contender":
    """Return a preset as it ships, or a file as it stands; the environment changes neither."""
    from smart_leverage.policy.tier import Tier
    from smart_leverage.research.compare import Contender
    from smart_leverage.settings import ENV_PREFIX, PRESETS, load
    from smart_leverage.wiring import policy_of

    if name in PRESETS:
        settings = load(None, {f"{ENV_PREFIX}POLICY__PRESET": name}).settings
    elif not name.endswith(".toml"):
        raise typer.BadParameter(
            f"{name!r} is neither a file in TOML nor one of {', '.join(PRESETS)}",
            param_hint="--policy, --baseline",
        )
    else:
        settings = load(Path(name), {}).settings
    ceiling = Tier[settings.tiers.ceiling.upper()]
    return Contender(name.removesuffix(".toml"), policy_of(settings), ceiling)


def _write_page(file: Path, result: "Compared", market: Market, strategy: Proposer) -> Path:
    from smart_leverage.cli.reporting import files_of
    from smart_leverage.research.compare.report import write_comparison

    costs = market.setup.costs
    coin = costs.crypto.half_spread + costs.crypto.slippage + costs.crypto.fee_taker
    stock = costs.stock.half_spread + costs.stock.slippage + costs.stock.fee_taker
    halts = "lifted when a new month begins" if market.setup.resumes_monthly else "never lifted"
    return write_comparison(
        result,
        file,
        facts=[
            ("who proposes", f"{strategy.value}; each policy sizes what is proposed"),
            ("opening cash", f"${market.setup.cash:,.0f}"),
            ("costs of a trade", f"{coin:.2%} of a coin's value, {stock:.2%} of a share's"),
            ("halts", halts),
        ],
        command=shlex.join(["smart-leverage", *sys.argv[1:]]),
        data=files_of(market.series),
    )


# -- the result -----------------------------------------------------------------------------------

_MONEY = (
    Column("policy"),
    Column("rank", is_number=True),
    Column("growth a year", is_number=True),
    Column("90 % interval", is_number=True),
    Column("against", is_number=True),
    Column("90 % interval", is_number=True),
    Column("volatility", is_number=True),
    Column("drawdown", is_number=True),
    Column("worst years", is_number=True),
    Column("bad days", is_number=True),
)

_GOALS = (
    Column("policy"),
    Column("years < 8 %", is_number=True),
    Column("months >= 5 %", is_number=True),
    Column("both", is_number=True),
    Column("Sharpe", is_number=True),
    Column("deflated", is_number=True),
    Column("held", is_number=True),
    Column("cap", is_number=True),
    Column("turnover", is_number=True),
    Column("fees a year", is_number=True),
    Column("trades", is_number=True),
    Column("halted", is_number=True),
)


def _tell(screen: Screen, result: "Compared", page: Path | None) -> None:
    from smart_leverage.research.compare.results import headline, sentences

    money = list(_MONEY)
    money[4] = Column(f"against {result.names[0]}", is_number=True)
    screen.say(headline(result), "")
    screen.table(money, (_money(result, place) for place in result.order))
    screen.say("")
    screen.table(_GOALS, (_goals(result, place) for place in result.order))
    screen.say("", *_meanings(), "", *sentences(result))
    if page is not None:
        screen.say("", f"page      {page}")


def _money(result: "Compared", place: int) -> list[str]:
    from smart_leverage.reports.citing import signed
    from smart_leverage.research.compare.results import range_text, rank_text

    of, judged = result.figures[place], result.judged
    growth, apart = judged.growth[place], judged.difference[place]
    return [
        result.names[place],
        rank_text(result, place),
        signed(of.growth, 1),
        range_text(growth.lower, growth.upper),
        signed(apart.value, 1) if place else "–",
        range_text(apart.lower, apart.upper) if place else "–",
        share(of.volatility),
        share(of.drawdown),
        signed(of.year_low, 1) if of.years else "–",
        share(of.shortfall, 2),
    ]


def _goals(result: "Compared", place: int) -> list[str]:
    of = result.figures[place]
    return [
        result.names[place],
        share(of.calm),
        share(of.good_months),
        share(of.both),
        _ratio(result.judged.sharpe[place], 2),
        _ratio(result.judged.deflated[place], 3),
        share(of.exposure),
        share(of.cap_crypto),
        f"{of.turnover:.1f}×",
        share(of.fees, 2),
        f"{of.trades:,}",
        share(of.halted),
    ]


def _ratio(value: float, places: int) -> str:
    from smart_leverage.reports.citing import ratio_text

    return ratio_text(value, places) if value == value else "–"


def _meanings() -> Iterator[str]:
    yield (
        "rank: places that are left when all pairs are corrected for; against: wealth over that of "
        "the baseline after a year, less one; intervals hold for each alone, ranks for all together"
    )
    yield (
        "worst years: 5 % quantile of 12-month returns; bad days: mean loss of the worst 2.5 % of "
        "days; years < 8 %: share of 12-month stretches with a drawdown below 8 %"
    )
    yield (
        "both: share of such stretches that also made 79.6 %, which is 5 % a month; deflated: "
        "probability that the Sharpe ratio is above the best of as many policies without skill"
    )
    yield "held: mean exposure; cap: mean cap on coins; turnover: traded a year over equity"


def _fields(result: "Compared", page: Path | None) -> dict[str, Any]:
    from smart_leverage.research.compare.results import as_fields

    return {**as_fields(result), "page": None if page is None else str(page)}
