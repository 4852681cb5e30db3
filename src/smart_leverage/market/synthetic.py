"""Bars of a synthetic market, in the same form as bars from files."""

from array import array
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from smart_leverage.domain.calendars import Session, Sessions
from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.market.placing import Spans, count_holes
from smart_leverage.market.recipe import SyntheticAsset, SyntheticMarket
from smart_leverage.market.walk import bars_of, climate, fund_path, plain_path

_STEPS_PER_BAR = 4
"""Enough for highs and lows that differ from open and close."""

_SESSION_S = 6.5 * 3600.0
"""Trading time over which a share's daily volume is spread."""

_EPOCH = date(1970, 1, 1)


class _Grid(NamedTuple):
    """Which steps of the market make which bars; `end` is the last instant that a bar may have."""

    first_ns: int
    step_ns: int

    def steps(self, start_ns: int, end_ns: int) -> range:
        """Return the numbers of the steps between two instants."""
        return range(
            (start_ns - self.first_ns) // self.step_ns, (end_ns - self.first_ns) // self.step_ns
        )

    def bars(self, start_ns: int, end_ns: int) -> list[range]:
        """Return the steps of each bar of a time that is traded through; the last may be short."""
        steps = self.steps(start_ns, end_ns)
        return [steps[at : at + _STEPS_PER_BAR] for at in range(0, len(steps), _STEPS_PER_BAR)]


def generate(recipe: SyntheticMarket, sessions: Sessions | None = None) -> list[BarSeries]:
    """Return the bars of a synthetic market, one series per asset in registry order.

    Coins trade round the clock. Shares and funds have bars inside the exchange's sessions only;
    their prices go on in between at a slower pace, which shows as the gap at the next open.

    Args:
        recipe: Everything that matters; equal recipes give equal bars.
        sessions: Calendar of US securities; the exchange's own when None.
    """
    calendar = sessions or Sessions.xnys()
    first_ns = (recipe.first_day - _EPOCH).days * DAY_NS
    grid = _Grid(first_ns, recipe.step_s * SECOND_NS // _STEPS_PER_BAR)
    end_ns = first_ns + recipe.days * DAY_NS
    days = [recipe.first_day + timedelta(days=number) for number in range(recipe.days)]
    held = [each for day in days if (each := calendar.session_on(day)) is not None]
    round_the_clock = grid.bars(first_ns, end_ns)
    in_sessions = [bar for each in held for bar in grid.bars(each.open_ns, each.close_ns)]
    series = []
    for asset, path in _paths(recipe, grid, held, len(grid.steps(first_ns, end_ns))):
        spans = round_the_clock if asset.is_coin else in_sessions
        if spans:
            series.append(_series(recipe, asset, grid, path, spans, calendar))
    return series


def _paths(
    recipe: SyntheticMarket, grid: _Grid, held: Sequence[Session], count: int
) -> list[tuple[SyntheticAsset, list[float]]]:
    """Return the price after each of `count` steps, by asset in registry order."""
    always, paces, ends = [1.0] * count, [recipe.closed_scale] * count, set[int]()
    for session in held:
        steps = grid.steps(session.open_ns, session.close_ns)
        paces[steps.start : steps.stop] = [recipe.open_scale] * len(steps)
        ends.add(steps[-1])
    felt = climate(recipe, recipe.step_s / _STEPS_PER_BAR, count)
    assets: Mapping[Key, SyntheticAsset] = {each.key: each for each in recipe.assets}
    paths = {
        key: plain_path(recipe, each, felt, always if each.is_coin else paces)
        for key, each in assets.items()
        if each.multiple_of is None
    }
    for key, each in assets.items():
        if each.multiple_of is not None:
            underlying = each.multiple_of
            paths[key] = fund_path(each, assets[underlying].price, paths[underlying], ends)
    return [(assets[key], paths[key]) for key in sorted(assets)]


def _series(
    recipe: SyntheticMarket,
    asset: SyntheticAsset,
    grid: _Grid,
    path: Sequence[float],
    spans: Sequence[range],
    sessions: Sessions,
) -> BarSeries:
    """Return the bars of one asset, whose price stands after each step of the market."""
    starts = array("q", [grid.first_ns + each.start * grid.step_ns for each in spans])
    ends = array("q", [grid.first_ns + each.stop * grid.step_ns for each in spans])
    tick, decimals = float(f"1e-{asset.decimals}"), asset.decimals
    # Rounding keeps the order of prices, so a bar stays consistent.
    rounded = (
        [max(tick, round(price, decimals)) for price in bar]
        for bar in bars_of(path, spans, asset.price)
    )
    opens, highs, lows, closes = (array("d", column) for column in zip(*rounded, strict=True))
    units = asset.units_per_day * recipe.step_s / (86_400.0 if asset.is_coin else _SESSION_S)
    chance = Random(f"{recipe.seed}/{asset.key}/volume").random  # noqa: S311
    step_ns = recipe.step_s * SECOND_NS
    return BarSeries(
        key=asset.key,
        step_ns=step_ns,
        starts=starts,
        ends=ends,
        opens=opens,
        highs=highs,
        lows=lows,
        closes=closes,
        volumes=array("d", [round(units * (0.5 + chance()), 2) for _ in spans]),
        source=Source(f"synthetic market, seed {recipe.seed}", recipe.fingerprint),
        holes=count_holes(Spans(starts, ends), step_ns, None if asset.is_coin else sessions),
    )
