"""Tables of a comparison, for the page."""

from smart_leverage.domain.sentences import percent
from smart_leverage.reports.citing import clipped, ratio_text, signed
from smart_leverage.reports.html.parts import Cell, Head, Table, left_out
from smart_leverage.research.compare.results import Compared, faster_first, range_text, rank_text

ROWS_MAX = 120
_UNKNOWN = "not known"


def growth_table(result: Compared) -> Table:
    """Return growth, differences and ranks, the fastest first."""
    level = percent(result.judged.level, 0)
    return Table(
        caption="Growth, and what may be said of it",
        heads=[
            Head("policy", wraps=True),
            Head("rank", is_number=True),
            Head("growth a year", is_number=True),
            Head(f"{level} interval", is_number=True),
            Head(f"against {clipped(result.names[0], 30)}", is_number=True),
            Head(f"{level} interval", is_number=True),
            Head("volatility a year", is_number=True),
            Head("deepest drawdown", is_number=True),
            Head("5 % quantile of years", is_number=True),
            Head("worst 2.5 % of days", is_number=True),
        ],
        rows=[_growth_row(result, place) for place in result.order],
        note=(
            "Rank: the places that are left to a policy when all pairs are corrected for. Against: "
            "wealth over that of the baseline after a year, less one. Intervals hold for each "
            "alone, ranks for all together."
        ),
    )


def _growth_row(result: Compared, place: int) -> list[Cell | str]:
    of, judged = result.figures[place], result.judged
    growth, apart = judged.growth[place], judged.difference[place]
    return [
        clipped(result.names[place], 60),
        rank_text(result, place),
        Cell(signed(of.growth, 1), "gain" if of.growth > 0.0 else "loss"),
        range_text(growth.lower, growth.upper),
        signed(apart.value, 1) if place else "",
        range_text(apart.lower, apart.upper) if place else "the baseline",
        percent(of.volatility, 1),
        percent(of.drawdown, 1),
        _known(of.year_low, signed(of.year_low, 1)),
        percent(of.shortfall, 2),
    ]


def goals_table(result: Compared) -> Table:
    """Return how often the target was met, and what it took."""
    first = result.figures[0]
    return Table(
        caption="The target, and what it took",
        heads=[
            Head("policy", wraps=True),
            Head("years below 8 % drawdown", is_number=True),
            Head("months with 5 %", is_number=True),
            Head("both for a year", is_number=True),
            Head("Sharpe ratio", is_number=True),
            Head("deflated", is_number=True),
            Head("mean exposure", is_number=True),
            Head("mean cap on coins", is_number=True),
            Head("turnover a year", is_number=True),
            Head("fees a year", is_number=True),
            Head("trades", is_number=True),
            Head("time halted", is_number=True),
            Head("records of evidence", is_number=True),
        ],
        rows=[_goal_row(result, place) for place in result.order],
        note=(
            f"Of {first.years:,} stretches of 365 days, which overlap, and {first.months:,} whole "
            "months. Both: a stretch with a drawdown below 8 % that also made 79.6 %, twelve "
            "times 5 %. Deflated: the probability that the Sharpe ratio is above the best that as "
            "many policies without skill lead to expect. Turnover and fees are over equity at the "
            "time."
        ),
    )


def _goal_row(result: Compared, place: int) -> list[Cell | str]:
    of, judged = result.figures[place], result.judged
    return [
        clipped(result.names[place], 60),
        _known(of.calm, percent(of.calm, 1)),
        _known(of.good_months, percent(of.good_months, 1)),
        _known(of.both, percent(of.both, 1)),
        _known(judged.sharpe[place], ratio_text(judged.sharpe[place])),
        _known(judged.deflated[place], ratio_text(judged.deflated[place], 3)),
        percent(of.exposure, 1),
        percent(of.cap_crypto, 1),
        f"{ratio_text(of.turnover, 1)}×",
        percent(of.fees, 2),
        f"{of.trades:,}",
        percent(of.halted, 1),
        f"{result.courses[place].records:,}" if result.courses[place].records else "needs none",
    ]


def pairs_table(result: Compared) -> Table:
    """Return what every pair shows, the surest first."""
    pairs = sorted(result.judged.pairs, key=lambda pair: pair.p)
    bar = 1.0 - result.judged.level
    rows = []
    for pair in pairs[:ROWS_MAX]:
        faster, slower = faster_first(result, pair)
        rows.append(
            (
                clipped(result.names[faster], 60),
                clipped(result.names[slower], 60),
                ratio_text(pair.p, 3),
                "yes" if pair.p <= bar else "no",
            )
        )
    return Table(
        caption="Every pair, the surest first",
        heads=[
            Head("grew faster", wraps=True),
            Head("than", wraps=True),
            Head("p, all pairs counted", is_number=True),
            Head("told apart"),
        ],
        rows=rows,
        more=left_out(len(rows), len(pairs), "the surest ones are shown"),
        note="p: how likely chance brings a difference as sure as this somewhere among all pairs.",
    )


def windows_table(result: Compared) -> Table:
    """Return the growth of each policy in each window."""
    rows: list[list[Cell | str]] = []
    for number, growth in enumerate(result.by_window, 1):
        best = float(growth.max())
        rows.append(
            [
                str(number),
                *(Cell(signed(each, 1), "gain" if each == best else "") for each in growth),
            ]
        )
    return Table(
        caption="Growth by window; the best of each is marked",
        heads=[
            Head("window", is_number=True),
            *(Head(clipped(name, 30), is_number=True) for name in result.names),
        ],
        rows=rows[-ROWS_MAX:],
        more=left_out(min(len(rows), ROWS_MAX), len(rows), "the latest ones are shown"),
    )


def points_table(result: Compared) -> Table:
    """Return what the picture of growth against drawdown shows."""
    return Table(
        caption="Growth a year and drawdown of a year",
        heads=[
            Head("policy", wraps=True),
            Head("growth", is_number=True),
            Head("interval", is_number=True),
            Head("middle drawdown", is_number=True),
            Head("nine tenths lie in", is_number=True),
        ],
        rows=[_point_row(result, place) for place in result.order],
    )


def _point_row(result: Compared, place: int) -> list[Cell | str]:
    of, growth = result.figures[place], result.judged.growth[place]
    return [
        clipped(result.names[place], 60),
        signed(growth.value, 1),
        range_text(growth.lower, growth.upper),
        _known(of.fall_middle, percent(of.fall_middle, 1)),
        _known(of.fall_low, f"{percent(of.fall_low, 1)} to {percent(of.fall_high, 1)}"),
    ]


def _known(value: float, text: str) -> str:
    return text if value == value else _UNKNOWN
