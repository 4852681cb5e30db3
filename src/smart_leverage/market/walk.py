"""How a synthetic market moves: shocks, regimes, factors, and prices that follow them.

Chance comes as integers from the Mersenne twister and goes through addition, multiplication,
division and square roots only. These are rounded alike everywhere, which exponentials, logarithms
and library sums are not; so a seed means the same prices on every machine.
"""

import math
from collections.abc import Container, Iterator, Sequence
from itertools import repeat
from random import Random

from msgspec import Struct

from smart_leverage.market.recipe import Regime, SyntheticAsset, SyntheticMarket, Weather

_TAIL_IN_256 = 13
"""Of 256 moves so many are large: one in twenty."""

_HEAT_MIN, _HEAT_MAX = 0.25, 9.0
"""Volatility clusters between half and three times the ordinary."""

_FALL_WORST = -0.5
_FUND_LEFT = 0.05
"""A fund keeps at least this share of its last close, whatever its underlying does in a day."""


class Shocks:
    """A stream of random moves with mean 0 and variance 1 and fatter tails than the normal."""

    __slots__ = ("_bits", "_large", "_small")

    def __init__(self, seed: str, tail_scale: float) -> None:
        self._bits = Random(seed).getrandbits  # noqa: S311 - a simulation, not a secret
        share = _TAIL_IN_256 / 256.0
        # A count of 256 fair coins has a standard deviation of 8.
        self._small = 1.0 / (8.0 * math.sqrt(1.0 - share + share * tail_scale * tail_scale))
        self._large = self._small * tail_scale

    def draw(self, count: int) -> list[float]:
        """Return the next moves: 256 coins give a size, 8 more whether it is a large one."""
        small, large = self._small, self._large
        return [
            ((bits >> 8).bit_count() - 128) * (large if bits & 255 < _TAIL_IN_256 else small)
            for bits in map(self._bits, repeat(264, count))
        ]


class Climate(Struct, frozen=True):
    """What moves all prices, one value a step.

    Attributes:
        returns: Of each factor, fractions.
        volatility: Standard deviation of the step for something that moves by 1 a day.
    """

    returns: dict[str, list[float]]
    volatility: list[float]


def climate(recipe: SyntheticMarket, step_s: float, steps: int) -> Climate:
    """Return regimes, heat and factors of a market as so many equal steps feel them."""
    world = _World(recipe, step_s)
    shocks = {
        factor.name: Shocks(f"{recipe.seed}/factor {factor.name}", recipe.tail_scale).draw(steps)
        for factor in recipe.factors
    }
    leader, *others = recipe.factors
    leads, volatility = [], []
    for step, shock in enumerate(shocks[leader.name]):
        weather = world.weather(step * step_s / 3_600.0)
        now = world.volatility(weather)
        volatility.append(now)
        drift = weather.drift_per_day * world.days
        leads.append(drift + leader.volatility_per_day * now * shock + world.jump(weather))
        world.heat_up(shock)
    returns = {leader.name: leads}
    for each in others:
        own = each.volatility_per_day
        pairs = zip(volatility, shocks[each.name], strict=True)
        returns[each.name] = [own * now * shock for now, shock in pairs]
    return Climate(returns, volatility)


class _World:
    """Regime and heat at one moment."""

    __slots__ = (
        "_chance",
        "_fade",
        "_feed",
        "_heat",
        "_regime",
        "_root",
        "_script",
        "_weathers",
        "days",
    )

    def __init__(self, recipe: SyntheticMarket, step_s: float) -> None:
        self._chance = Random(f"{recipe.seed}/world").random  # noqa: S311 - a simulation
        self._weathers = {each.regime: each for each in recipe.weathers}
        self._script = list(recipe.script)
        self.days = step_s / 86_400.0
        self._root = math.sqrt(self.days)
        # Linear in the step: fade is the share of a burst lost in one move.
        self._fade = min(0.5, 0.693 * step_s / (recipe.half_life_h * 3_600.0))
        self._feed = recipe.clustering * min(0.5, math.sqrt(self._fade))
        self._heat = 1.0
        self._regime = Regime.CALM

    def weather(self, hour: float) -> Weather:
        """Return the weather of the step that begins at `hour`, counted from the start."""
        if self._script:
            self._regime = [regime for since, regime in self._script if since <= hour][-1]
        else:
            weather = self._weathers[self._regime]
            if self._chance() < self.days * 24.0 / weather.stay_h:
                self._regime = self._next(weather)
        return self._weathers[self._regime]

    def volatility(self, weather: Weather) -> float:
        """Return the standard deviation of this step for something that moves by 1 a day."""
        return self._root * weather.volatility_scale * math.sqrt(self._heat)

    def jump(self, weather: Weather) -> float:
        """Return by how much the first factor jumps in this step, mostly 0."""
        if self._chance() >= weather.jumps_per_day * self.days:
            return 0.0
        size = weather.jump_size * (0.5 + self._chance())
        return -size if self._chance() < weather.jump_down_share else size

    def heat_up(self, shock: float) -> None:
        """Let a move of the first factor raise the volatility of the steps after it."""
        kept = 1.0 - self._fade - self._feed
        heat = self._fade + (kept + self._feed * shock * shock) * self._heat
        self._heat = min(_HEAT_MAX, max(_HEAT_MIN, heat))

    def _next(self, weather: Weather) -> Regime:
        left = self._chance()
        for regime, probability in weather.leads_to:
            left -= probability
            if left < 0.0:
                return regime
        return weather.leads_to[-1][0]


def plain_path(
    recipe: SyntheticMarket, asset: SyntheticAsset, felt: Climate, paces: Sequence[float]
) -> list[float]:
    """Return the price after each step of an asset that follows the factors and its own noise.

    Args:
        recipe: Of the market, for its chance.
        asset: Which one.
        felt: What moves all prices.
        paces: Each multiplies a whole step.
    """
    shocks = Shocks(f"{recipe.seed}/{asset.key}", recipe.tail_scale).draw(len(felt.volatility))
    own = asset.volatility_per_day
    changes = [own * now * shock for now, shock in zip(felt.volatility, shocks, strict=True)]
    for name, load in asset.loads:
        parts = zip(changes, felt.returns[name], strict=True)
        changes = [change + load * common for change, common in parts]
    path, price = [], asset.price
    for change, pace in zip(changes, paces, strict=True):
        price *= 1.0 + max(_FALL_WORST, change * pace)
        path.append(price)
    return path


def fund_path(
    asset: SyntheticAsset, underlying_from: float, underlying: Sequence[float], ends: Container[int]
) -> list[float]:
    """Return the price after each step of a fund that multiplies a return since the last close.

    Args:
        asset: The fund.
        underlying_from: First price of what it multiplies.
        underlying: Its price after each step.
        ends: The steps with which a session closes; from there the return counts anew.
    """
    path = list[float]()
    since, base = asset.price, underlying_from
    for step, price in enumerate(underlying):
        gain = asset.multiple * (price / base - 1.0)
        path.append(since * max(_FUND_LEFT, 1.0 + gain))
        if step in ends:
            since, base = path[-1], price
    return path


def bars_of(path: Sequence[float], spans: Sequence[range], first: float) -> Iterator[list[float]]:
    """Yield open, high, low and close of each bar, whose steps a span names; `first` comes before.

    A bar opens where the step before it ended, so that what happened between sessions is a gap.
    """
    for span in spans:
        opening = path[span.start - 1] if span.start else first
        steps = path[span.start : span.stop]
        yield [opening, max(opening, *steps), min(opening, *steps), steps[-1]]
