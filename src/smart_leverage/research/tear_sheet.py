"""The tear sheet of a backtest: one HTML file, printable, without script or network."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import polars as pl

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.domain.sentences import MINUS, TIERS, money, percent, short
from smart_leverage.reports.citing import clipped, counted, ratio_text, signed, span_text
from smart_leverage.reports.curve import Close, Fall, closes, falls, sharpe, underwater, volatility
from smart_leverage.reports.html.frame import rendered_page
from smart_leverage.reports.html.knowing import limits
from smart_leverage.reports.html.money_charts import CENTS, FINE, dollars, share
from smart_leverage.reports.html.parts import Chart, Head, Table, left_out
from smart_leverage.reports.html.plot import (
    WIDTH,
    AxisTick,
    Key,
    Panel,
    Scale,
    area,
    drawn,
    line,
    padded,
    stepped,
    steps,
)
from smart_leverage.reports.html.plot import Path as Line
from smart_leverage.reports.html.run_tables import files_table
from smart_leverage.reports.inputs import DataFile
from smart_leverage.reports.local import LocalTime
from smart_leverage.research.backtest import Backtest

_POINTS = 1_200
_ROWS = 10


class TearSheet:
    """A backtest prepared for showing; times are UTC nanoseconds, shares fractions of equity."""

    def __init__(self, one: Backtest, cash: float, timezone: str) -> None:
        curve = one.curve
        self.one = one
        self.cash = cash
        self.zone = LocalTime(timezone)
        self.calendar = RiskCalendar(timezone)
        self.times: list[int] = curve["at"].dt.epoch("ns").to_list()
        self.equities: list[float] = curve["equity"].to_list()
        self.start_ns, self.end_ns = self.times[0], max(self.times[-1], self.times[0] + 1)
        self.x = Scale(self.start_ns, self.end_ns, units=WIDTH, flips=False)

    @cached_property
    def navs(self) -> list[float]:
        """Equity over the opening cash, which stands in front; nothing flows in a backtest."""
        return [1.0, *(each / self.cash for each in self.equities)]

    @cached_property
    def nav_times(self) -> list[int]:
        """The times of the NAV, the opening first."""
        return [self.start_ns, *self.times]

    @cached_property
    def days(self) -> list[Close]:
        """Risk days with a mark."""
        return closes(self.nav_times, self.navs, self.calendar.day_of)

    @cached_property
    def months(self) -> list[Close]:
        """Risk months with a mark."""
        return closes(self.nav_times, self.navs, self.calendar.month_of)

    @cached_property
    def falls(self) -> list[Fall]:
        """Every stay below a high, the deepest first."""
        return sorted(falls(self.nav_times, self.navs), key=lambda fall: -fall.depth)


def write_tear_sheet(
    sheet: TearSheet,
    to: Path,
    *,
    facts: Sequence[tuple[str, str]] = (),
    data: Sequence[DataFile] = (),
) -> Path:
    """Write the page and return where it is.

    Args:
        sheet: The backtest.
        to: The file; folders are made where there are none, and it is replaced as a whole.
        facts: What was run: name and text.
        data: The bar files.

    Raises:
        OSError: The file cannot be written.
    """
    page = rendered_page(
        "backtest.html.j2",
        {
            "title": "backtest: tear sheet",
            "zone": sheet.zone.name,
            "start_s": sheet.start_ns // SECOND_NS,
            "end_s": sheet.end_ns // SECOND_NS,
            "eyebrow": (
                f"BACKTEST · {sheet.zone.text(sheet.start_ns)} to {sheet.zone.text(sheet.end_ns)} "
                f"{sheet.zone.name}"
            ),
            "headline": _headline(sheet),
            "sentences": [*_sentences(sheet)],
            "figures": _figures(sheet),
            "charts": [_money(sheet), _exposure(sheet)],
            "falls": _falls(sheet),
            "months": _months(sheet),
            "tiers": _tiers(sheet),
            "reasons": _reasons(sheet),
            "trades": _trades(sheet),
            "facts": [(name, clipped(text, 400)) for name, text in facts],
            "data": files_table(data),
            "limits": limits("sim"),
        },
    )
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}.part")
    beside.write_text(page, encoding="utf-8")
    beside.replace(to)
    return to


# -- words ----------------------------------------------------------------------------------------


def _headline(sheet: TearSheet) -> str:
    return (
        f"{_money_of(sheet.cash)} became {_money_of(sheet.equities[-1])}, "
        f"{signed(sheet.navs[-1] - 1.0)}, with a drawdown of "
        f"{percent(sheet.falls[0].depth if sheet.falls else 0.0)} at the deepest."
    )


def _sentences(sheet: TearSheet) -> Iterator[str]:
    of = sheet.one.figures
    yield (
        f"{counted(int(of['bought']), 'purchase')} were granted and {of['denied']:,.0f} denied; "
        f"{counted(int(of['trades']), 'trade')} closed, {of['forced']:,.0f} of them by the house."
    )
    yield (
        f"{of['months_good']:,.0f} of {counted(int(of['months']), 'whole month')} made 5 % or more "
        "and were never 8 % down: the design's aim, and no promise."
    )
    yield "This is one path of the past, costs included; it is no forecast."


def _money_of(value: float) -> str:
    return money(Decimal(repr(value)))


# -- tables ---------------------------------------------------------------------------------------


def _figures(sheet: TearSheet) -> Table:
    of, changes = sheet.one.figures, [day.change for day in sheet.days]
    days = (sheet.end_ns - sheet.start_ns) / DAY_NS
    wild, per_risk = volatility(changes, 365), sharpe(changes, 365)
    worst = min(sheet.days, key=lambda day: day.change, default=None)
    decided = of["wins"] + of["losses"]
    rows = [
        ("Return", signed(sheet.navs[-1] - 1.0), "equity at the end over the opening cash, less 1"),
        (
            "Growth per year",
            signed(sheet.navs[-1] ** (365.25 / days) - 1.0) if sheet.navs[-1] > 0 else "lost",
            f"compounded over {span_text(days)} of 365.25 days a year",
        ),
        (
            "Volatility",
            "not known: fewer than two days" if wild is None else percent(wild),
            f"standard deviation of {counted(len(changes), 'risk day')}, × √365",
        ),
        (
            "Sharpe ratio",
            "not known: nothing varied" if per_risk is None else ratio_text(per_risk),
            "mean over standard deviation of risk days, × √365, cash earns nothing",
        ),
        (
            "Worst day",
            "not known" if worst is None else f"{signed(worst.change)} on {worst.label}",
            "from the last mark before the day to its last mark",
        ),
        (
            "Win rate",
            f"{percent(of['wins'] / decided, 0)} ({of['wins']:,.0f} of {decided:,.0f})"
            if decided
            else "not known: no trade won or lost",
            "closing orders that won over those that won or lost, after costs",
        ),
        (
            "Mean exposure",
            f"{percent(of['exposure'])}, crypto {percent(of['exposure_crypto'])}",
            "market value over equity, in the mean over all marks",
        ),
        ("Use of the crypto cap", percent(of["cap_use"], 0), "exposure over its cap"),
        ("Turnover", f"{ratio_text(of['turnover'])} × the cash", "value bought and sold"),
        ("Fees", _money_of(of["fees"]), "charged by the simulated venue"),
        (
            "Limits",
            f"day {of['trips_day']:,.0f} ×, month {of['trips_month']:,.0f} ×",
            f"{of['locks']:,.0f} locks, {of['plans']:,.0f} plans, {of['halts']:,.0f} halts",
        ),
    ]
    return Table(
        caption="Key figures",
        heads=[Head("figure"), Head("value"), Head("definition, or count", wraps=True)],
        rows=rows,
        source=f"{counted(len(sheet.times), 'mark')} of the run",
    )


def _falls(sheet: TearSheet) -> Table:
    rows = [
        (
            percent(-fall.depth, 2),
            sheet.zone.text(fall.high_ns),
            sheet.zone.text(fall.low_ns),
            "not yet" if fall.end_ns is None else sheet.zone.text(fall.end_ns),
            span_text(fall.days(sheet.end_ns)),
        )
        for fall in sheet.falls[:_ROWS]
    ]
    return Table(
        caption="The deepest drawdowns",
        heads=[
            Head("depth", is_number=True),
            Head("high"),
            Head("low"),
            Head("recovered"),
            Head("lasted", is_number=True),
        ],
        rows=rows,
        empty="never below a high",
        more=left_out(len(rows), len(sheet.falls), "the deepest ones are shown"),
    )


def _months(sheet: TearSheet) -> Table:
    rows = [(month.label, signed(month.change)) for month in sheet.months]
    return Table(
        caption="Months; the first and the last may be partial",
        heads=[Head("month"), Head("return", is_number=True)],
        rows=rows[-120:],
        more=left_out(len(rows[-120:]), len(rows), "the latest ones are shown"),
    )


def _tiers(sheet: TearSheet) -> Table:
    moved = sheet.one.curve.select("at", "tier").filter(
        pl.col("tier") != pl.col("tier").shift(1, fill_value=pl.col("tier").first())
    )
    names = [sheet.one.curve["tier"][0], *moved["tier"].to_list()]
    times = moved["at"].dt.epoch("ns").to_list()
    rows = [
        (sheet.zone.text(at_ns), f"{_tier(before)} → {_tier(after)}")
        for at_ns, before, after in zip(times, names, names[1:], strict=False)
    ]
    return Table(
        caption="Changes of tier",
        heads=[Head("when"), Head("tier")],
        rows=rows[-60:],
        empty=f"no change: {_tier(names[0])} all the time",
        more=left_out(len(rows[-60:]), len(rows), "the latest ones are shown"),
    )


def _tier(name: str) -> str:
    return TIERS.get(name.upper(), name)


def _reasons(sheet: TearSheet) -> Table:
    decisions = sheet.one.decisions
    bound = decisions.filter(decisions["is_buy"] & (decisions["given"] < decisions["asked"]))
    counts = bound["reason"].value_counts().sort("count", "reason", descending=[True, False])
    rows = [(short(reason), f"{count:,}") for reason, count in counts.iter_rows()]
    return Table(
        caption="Purchases cut or denied, by reason",
        heads=[Head("reason"), Head("purchases", is_number=True)],
        rows=rows,
        source=counted(len(decisions), "decision"),
        empty="nothing was cut or denied",
    )


def _trades(sheet: TearSheet) -> Table:
    trades = sheet.one.trades.sort("net")
    shown = pl.concat([trades.tail(_ROWS).reverse(), trades.head(_ROWS)]).unique(
        maintain_order=True
    )
    rows = [
        (
            sheet.zone.text(at_ns),
            clipped(str(name).partition(":")[2] or str(name), 24),
            _money_of(net).replace("-", MINUS),
            "the house" if is_house else "own",
        )
        for at_ns, name, net, is_house in zip(
            shown["at"].dt.epoch("ns"), shown["instrument"], shown["net"], shown["is_house"],
            strict=True,
        )
    ]  # fmt: skip
    return Table(
        caption="Best and worst trades",
        heads=[Head("closed"), Head("instrument"), Head("net", is_number=True), Head("closed by")],
        rows=rows,
        empty="no trade was closed",
        more=left_out(len(rows), len(trades), "the best and the worst are shown"),
    )


# -- pictures -------------------------------------------------------------------------------------


def _chart(sheet: TearSheet, id_: str, title: str, caption: str, panels: list[Panel]) -> Chart:
    ticks = sheet.zone.ticks(sheet.start_ns, sheet.end_ns)
    keys = (
        [Key("line main", "equity")]
        if id_ == "equity"
        else [
            Key("line main", "exposure"),
            Key("line cap", "cap in force"),
        ]
    )
    return Chart(
        id=id_,
        title=title,
        caption=caption,
        source=counted(len(sheet.times), "mark"),
        panels=panels,
        keys=keys,
        x_ticks=[
            AxisTick(sheet.x.percent(tick.at_ns), tick.label, "second" if place % 2 else "")
            for place, tick in enumerate(ticks)
        ],
        x_title=f"time in {sheet.zone.name}",
        table=_months(sheet),
    )


def _money(sheet: TearSheet) -> Chart:
    own = drawn(sheet.times, sheet.equities, _POINTS)
    y = padded(min([*sheet.equities, sheet.cash]), max([*sheet.equities, sheet.cash]))
    start = y.units(sheet.cash)
    depths = underwater(sheet.navs)[1:]
    low = Scale(min(min(depths) * 1.15, -0.001), 0.0)
    deep = drawn(sheet.times, depths, _POINTS)
    points = deep.points(sheet.x, low)
    panels = [
        Panel(
            title="Equity", unit="US dollars", height=260,
            paths=[
                Line("start", line([(0, start), (WIDTH, start)])),
                Line("main", line(own.points(sheet.x, y))),
            ],
            ticks=y.ticks(dollars), zero=None, bands=[], marks=[],
            series=[own.series("equity", "money", "main", CENTS)],
        ),
        Panel(
            title="Underwater", unit="% below the high-water mark", height=130,
            paths=[Line("fall-area", area(points, 0)), Line("fall", line(points))],
            ticks=low.ticks(share, 3), zero=0.0, bands=[], marks=[],
            series=[deep.series("below the high", "fraction", "fall", FINE)],
        ),
    ]  # fmt: skip
    caption = "Equity at every mark, and below it how far it was under its high."
    return _chart(sheet, "equity", "Equity and drawdown", caption, panels)


def _exposure(sheet: TearSheet) -> Chart:
    curve = sheet.one.curve
    shares = (curve["crypto"] / curve["equity"]).fill_nan(0.0).to_list()
    caps = curve["cap_crypto"].to_list()
    own, cap = drawn(sheet.times, shares, _POINTS), stepped(sheet.times, caps, _POINTS)
    y = Scale(min(*shares, 0.0), max(*shares, *caps, 0.01) * 1.1)
    points = own.points(sheet.x, y)
    panel = Panel(
        title="Crypto",
        unit="% of equity",
        height=200,
        paths=[
            Line("main-area", area(points, y.units(0.0))),
            Line("main", line(points)),
            Line("cap", steps(cap.points(sheet.x, y), sheet.x.units(sheet.end_ns))),
        ],
        ticks=y.ticks(share, 3),
        zero=y.percent(0.0),
        bands=[],
        marks=[],
        series=[
            own.series("exposure", "fraction", "main", FINE),
            cap.series("cap", "fraction", "cap", FINE, is_step=True),
        ],
    )
    caption = "What was held in crypto beside its cap, which moves with the tier."
    return _chart(sheet, "exposure", "Exposure and its cap", caption, [panel])
