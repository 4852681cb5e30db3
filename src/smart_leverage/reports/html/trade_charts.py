"""Closed trades: how long they were held against what they made, and how their returns spread."""

import math
from collections.abc import Sequence
from decimal import Decimal

from smart_leverage.books.trades import Trade
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.records import Filled
from smart_leverage.domain.sentences import plain, price
from smart_leverage.domain.stamps import span
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.citing import cited, clipped, counted, signed, signed_money
from smart_leverage.reports.html.money_charts import share
from smart_leverage.reports.html.parts import Cell, Chart, Head, Table, left_out
from smart_leverage.reports.html.plot import AxisTick, Key, Panel, Path, Scale, dots, padded
from smart_leverage.reports.html.scene import Scene

EXTREMES = 10
"""So many best and worst trades are shown apart."""

_BARS_MAX = 24
_QTY = Decimal("0.00000001")
_SPANS = (
    (MINUTE_NS, "1 min"),
    (10 * MINUTE_NS, "10 min"),
    (HOUR_NS, "1 h"),
    (6 * HOUR_NS, "6 h"),
    (DAY_NS, "1 d"),
    (7 * DAY_NS, "7 d"),
    (30 * DAY_NS, "30 d"),
    (365 * DAY_NS, "1 y"),
)


def trades_charts(scene: Scene) -> list[Chart]:
    """Return the scatter and the histogram; none without a closed trade."""
    trades = scene.story.book.trades()
    return [_scatter(scene, trades), _histogram(scene, trades)] if trades else []


def _scatter(scene: Scene, trades: Sequence[Trade]) -> Chart:
    shown = trades[-scene.bounds.points :]
    held = [max(trade.result.holding_ns, MINUTE_NS) for trade in shown]
    made = [float(trade.result.net_return) for trade in shown]
    x = Scale(math.log(min(held)) - 0.3, math.log(max(held)) + 0.3, units=2000, flips=False)
    y = padded(min(*made, 0.0, 0.0), max(*made, 0.0, 0.0), above=0.1, below=0.1)
    points = [
        (x.units(math.log(ns)), y.units(value), trade.is_forced)
        for ns, value, trade in zip(held, made, shown, strict=True)
    ]
    own = dots((left, top) for left, top, is_forced in points if not is_forced)
    forced = dots((left, top) for left, top, is_forced in points if is_forced)
    count = sum(trade.is_forced for trade in trades)
    return Chart(
        id="trades",
        title="Holding time and return",
        caption=(
            f"Each point is one of {counted(len(trades), 'closed trade')}; {count} were closed by "
            "the house (stops, plans, locks). Above the zero line a trade made money after costs."
        ),
        source=cited(scene.places(Filled), "fill"),
        panels=[
            Panel(
                title="Net return of a trade",
                unit="% of its entry value, after costs",
                height=230,
                paths=[Path("dots forced", forced), Path("dots own", own)],
                ticks=y.ticks(share, 4),
                zero=y.percent(0.0),
                bands=[],
                marks=[],
                series=[],
            )
        ],
        keys=[Key("dot own", "closed by its bot"), Key("dot forced", "closed by the house")],
        x_ticks=[
            AxisTick(x.percent(math.log(ns)), label, "second" if place % 2 else "")
            for place, (ns, label) in enumerate(_SPANS)
            if x.low <= math.log(ns) <= x.high
        ],
        x_title="holding time, logarithmic",
        table=trades_table(scene, trades, "All closed trades, the latest first"),
    )


def _histogram(scene: Scene, trades: Sequence[Trade]) -> Chart:
    made = sorted(float(trade.result.net_return) for trade in trades)
    low, high, width = _bins(made)
    heights = [0] * round((high - low) / width)
    for value in made:
        heights[min(int((value - low) / width), len(heights) - 1)] += 1
    edges = [low + place * width for place in range(len(heights) + 1)]
    x = Scale(low, high, units=2000, flips=False)
    mean = math.fsum(made) / len(made)
    # The lower of the two middle ones, so that a twentieth of few trades is at least one trade.
    tail = made[: max(len(made) // 20, 1)]
    source = cited(scene.places(Filled), "fill")
    return Chart(
        id="spread",
        title="How returns spread",
        caption=(
            f"On average a trade made {signed(mean)} of its entry value; the worst "
            f"{counted(len(tail), 'trade')} of {len(made)} averaged "
            f"{signed(math.fsum(tail) / len(tail))}."
        ),
        source=source,
        panels=[_spread_panel(x, edges, heights, mean)],
        keys=[
            Key("box loss", "− lost"),
            Key("box gain", "+ made"),
            Key("line mean", "mean"),
            Key("line zero-x", "zero"),
        ],
        x_ticks=[
            AxisTick(x.percent(each), signed(each, 1), "second" if place % 2 else "")
            for place, each in enumerate(x.round_values(6))
        ],
        x_title="net return of a trade, % of its entry value",
        table=_spread_table(edges, heights, source),
    )


def _spread_panel(x: Scale, edges: Sequence[float], heights: Sequence[int], mean: float) -> Panel:
    y = Scale(0.0, max(heights) * 1.1)
    zero = x.units(0.0)
    bars = [
        (x.units(left), x.units(right), y.units(float(height)))
        for left, right, height in zip(edges, edges[1:], heights, strict=False)
    ]
    return Panel(
        title="Trades by net return",
        unit="number of trades",
        height=170,
        paths=[
            Path("bars loss", _boxes([bar for bar in bars if bar[1] <= zero])),
            Path("bars gain", _boxes([bar for bar in bars if bar[1] > zero])),
            Path("mean", f"M{x.units(mean)} 0V1000"),
            Path("zero-x", f"M{zero} 0V1000"),
        ],
        ticks=[
            AxisTick(y.percent(each), f"{each:,.0f}")
            for each in y.round_values(3)
            if each == int(each)
        ],
        zero=100.0,
        bands=[],
        marks=[],
        series=[],
    )


def _spread_table(edges: Sequence[float], heights: Sequence[int], source: str) -> Table:
    return Table(
        caption="Trades by net return",
        heads=[Head("from"), Head("to"), Head("trades", is_number=True)],
        rows=[
            (signed(left, 2), signed(right, 2), f"{height:,}")
            for left, right, height in zip(edges, edges[1:], heights, strict=False)
            if height
        ],
        source=source,
    )


def _bins(made: Sequence[float]) -> tuple[float, float, float]:
    """Return edges and width of bins of a round width with an edge at zero."""
    span_ = max(made[-1], 0.0) - min(made[0], 0.0) or 0.01
    rough = span_ / _BARS_MAX
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(each * power for each in (1.0, 2.0, 5.0, 10.0) if each * power >= rough)
    low = math.floor(min(made[0], 0.0) / width) * width
    high = (math.floor(max(made[-1], 0.0) / width) + 1) * width
    return low, high, width


def _boxes(bars: Sequence[tuple[int, int, int]]) -> str:
    return "".join(
        f"M{left + 2} 1000V{top}H{right - 2}V1000z" for left, right, top in bars if top < 1000
    )


# -- tables ---------------------------------------------------------------------------------------


def best_and_worst(scene: Scene) -> list[Table]:
    """Return the ten best and the ten worst trades by net result."""
    ranked = sorted(scene.story.book.trades(), key=lambda trade: (-trade.net, trade.rank))
    best = [trade for trade in ranked if trade.net > 0][:EXTREMES]
    worst = [trade for trade in reversed(ranked) if trade.net < 0][:EXTREMES]
    return [
        trades_table(scene, best, "Best trades", is_sorted=True),
        trades_table(scene, worst, "Worst trades", is_sorted=True),
    ]


def trades_table(
    scene: Scene, trades: Sequence[Trade], caption: str, *, is_sorted: bool = False
) -> Table:
    """Return trades as a table, in the given order or the latest first."""
    ordered = trades if is_sorted else trades[::-1]
    places = {each.fill.client_order_id: each.seq for each in scene.story.executions}
    rows = [_row(scene, trade, places) for trade in ordered[: scene.bounds.rows]]
    return Table(
        caption=caption,
        heads=[
            Head("closed"),
            Head("instrument"),
            Head("bot"),
            Head("quantity", is_number=True),
            Head("entry", is_number=True),
            Head("exit", is_number=True),
            Head("held", is_number=True),
            Head("return", is_number=True),
            Head("net", is_number=True),
            Head("by"),
            Head("source"),
        ],
        rows=rows,
        source=cited(scene.places(Filled), "fill"),
        note="entry and exit are averages without fees; return and net are after fees",
        empty="no trade",
        more=left_out(len(rows), len(ordered), "the latest ones are shown"),
    )


def _row(scene: Scene, trade: Trade, places: dict[str, int]) -> tuple[Cell | str, ...]:
    result = trade.result
    seq = places.get(trade.client_order_id)
    return (
        scene.zone.text(result.closed_at_ns),
        clipped(symbol_of(trade.key), 24),
        clipped(", ".join(trade.bots), 32),
        plain(result.qty.quantize(_QTY) if result.qty.as_tuple().exponent < -8 else result.qty),  # type: ignore[operator]
        price(result.entry_price),
        price(result.exit_price),
        span(result.holding_ns),
        Cell(signed(float(result.net_return)), _sign(result.net)),
        Cell(signed_money(result.net), _sign(result.net)),
        "house" if trade.is_forced else "bot",
        "" if seq is None else f"event {seq:,}",
    )


def _sign(amount: Decimal) -> str:
    return "gain" if amount > 0 else "loss" if amount < 0 else ""
