"""Bars of a synthetic market, in the same form as bars from files."""

from array import array
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from smart_leverage.domain.calendars import Session, Sessions
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, SECOND_NS
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.market.placing import Spans, count_holes
from smart_leverage.market.recipe import SyntheticAsset, SyntheticMarket
from smart_leverage.market.walk import FundPrice, PlainPrice, World

_MOVES_PER_BAR = 4
"""Enough for highs and lows that differ from open and close."""

_SESSION_S = 6.5 * 3600.0
"""Trading time over which a share's daily volume is spread."""

_EPOCH = date(1970, 1, 1)


class _Move(NamedTuple):
    """One step of the market; `session` is the one that is open meanwhile, if any."""

    start_ns: int
    end_ns: int
    hour: float
    session: Session | None


def generate(recipe: SyntheticMarket, sessions: Sessions | None = None) -> list[BarSeries]:
    """Return the bars of a synthetic market, one series per asset in registry order.

    Coins trade round the clock. Shares and funds have bars inside the exchange's sessions only;
    their prices go on in between at a slower pace, which shows as the gap at the next open.

    Args:
        recipe: Everything that matters; equal recipes give equal bars.
        sessions: Calendar of US securities; the exchange's own when None.
    """
    calendar = sessions or Sessions.xnys()
    step_ns = recipe.step_s * SECOND_NS
    assets = sorted(recipe.assets, key=lambda asset: asset.key)
    plain = {each.key: PlainPrice(recipe, each) for each in assets if each.multiple_of is None}
    funds = {
        each.key: FundPrice(each, plain[each.multiple_of])
        for each in assets
        if each.multiple_of is not None
    }
    tapes = [
        _Tape(recipe, each, funds[each.key] if each.key in funds else plain[each.key])
        for each in assets
    ]
    paced = [(plain[each.key], each.is_coin) for each in assets if each.key in plain]
    world = World(recipe, recipe.step_s / _MOVES_PER_BAR)
    for move in _moves(recipe, calendar):
        world.advance(move.hour)
        pace = recipe.open_scale if move.session else recipe.closed_scale
        for price, is_coin in paced:
            price.move(world.returns, world.volatility, 1.0 if is_coin else pace)
        for fund in funds.values():
            fund.follow()
        for tape in tapes:
            tape.record(move, step_ns)
        if move.session and move.end_ns == move.session.close_ns:
            for fund in funds.values():
                fund.rebalance()
    source = Source(f"synthetic market, seed {recipe.seed}", recipe.fingerprint)
    return [tape.series(step_ns, source, calendar) for tape in tapes if tape.starts]


def _moves(recipe: SyntheticMarket, sessions: Sessions) -> Iterator[_Move]:
    """Yield the steps of every day, each inside a session or outside of all."""
    length_ns = recipe.step_s * SECOND_NS // _MOVES_PER_BAR
    first_ns = (recipe.first_day - _EPOCH).days * DAY_NS
    for number in range(recipe.days):
        midnight_ns = first_ns + number * DAY_NS
        session = sessions.session_on(recipe.first_day + timedelta(days=number))
        for start_ns in range(midnight_ns, midnight_ns + DAY_NS, length_ns):
            is_open = session is not None and session.open_ns <= start_ns < session.close_ns
            yield _Move(
                start_ns,
                start_ns + length_ns,
                (start_ns - first_ns) / HOUR_NS,
                session if is_open else None,
            )


class _Tape:
    """Writes down the bars of one asset while its price moves."""

    def __init__(
        self, recipe: SyntheticMarket, asset: SyntheticAsset, price: PlainPrice | FundPrice
    ) -> None:
        self._asset = asset
        self._price = price
        self._tick = float(f"1e-{asset.decimals}")
        day_s = 86_400.0 if asset.is_coin else _SESSION_S
        self._units = asset.units_per_day * recipe.step_s / day_s
        self._chance = Random(f"{recipe.seed}/{asset.key}/volume").random  # noqa: S311
        self._last = price.price
        self._open = self._high = self._low = price.price
        self._start_ns = 0
        self.starts, self.ends = array("q"), array("q")
        self.prices = [array("d") for _ in range(4)]
        self.volumes = array("d")

    def record(self, move: _Move, step_ns: int) -> None:
        """Take a move into the bar that is being written, if the asset trades now."""
        before, now = self._last, self._price.price
        self._last = now
        if self._asset.is_coin:
            grid_ns, close_ns = 0, 0
        elif move.session is not None:
            grid_ns, close_ns = move.session.open_ns, move.session.close_ns
        else:
            return
        if (move.start_ns - grid_ns) % step_ns == 0:
            self._start_ns = move.start_ns
            self._open = self._high = self._low = before
        if now > self._high:
            self._high = now
        elif now < self._low:
            self._low = now
        if (move.end_ns - grid_ns) % step_ns == 0 or move.end_ns == close_ns:
            self._finish(move.end_ns)

    def _finish(self, end_ns: int) -> None:
        self.starts.append(self._start_ns)
        self.ends.append(end_ns)
        shown = (self._open, self._high, self._low, self._last)
        for column, price in zip(self.prices, shown, strict=True):
            # Rounding keeps the order of prices, so a bar stays consistent.
            column.append(max(self._tick, round(price, self._asset.decimals)))
        self.volumes.append(round(self._units * (0.5 + self._chance()), 2))

    def series(self, step_ns: int, source: Source, sessions: Sessions) -> BarSeries:
        """Return what was written."""
        opens, highs, lows, closes = self.prices
        calendar = None if self._asset.is_coin else sessions
        return BarSeries(
            key=self._asset.key,
            step_ns=step_ns,
            starts=self.starts,
            ends=self.ends,
            opens=opens,
            highs=highs,
            lows=lows,
            closes=closes,
            volumes=self.volumes,
            source=source,
            holes=count_holes(Spans(self.starts, self.ends), step_ns, calendar),
        )
