"""How a synthetic market moves: shocks, regimes, factors, and prices that follow them.

Chance comes as integers from the Mersenne twister and goes through addition, multiplication,
division and square roots only. These are rounded alike everywhere, which exponentials, logarithms
and library sums are not; so a seed means the same prices on every machine.
"""

import math
from collections.abc import Sequence
from random import Random

from smart_leverage.market.recipe import Factor, Regime, SyntheticAsset, SyntheticMarket, Weather

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

    def draw(self) -> float:
        """Return the next move: 256 coins give its size, 8 more whether it is a large one."""
        bits = self._bits(264)
        centred = (bits >> 8).bit_count() - 128
        return centred * (self._large if bits & 255 < _TAIL_IN_256 else self._small)


class World:
    """Regime, heat and factors at one moment, moved on in equal steps."""

    __slots__ = (
        "_chance",
        "_days",
        "_fade",
        "_feed",
        "_heat",
        "_root",
        "_script",
        "_shocks",
        "_vols",
        "_weathers",
        "regime",
        "returns",
        "volatility",
    )

    def __init__(self, recipe: SyntheticMarket, step_s: float) -> None:
        self._chance = Random(f"{recipe.seed}/world").random  # noqa: S311 - a simulation
        self._shocks = [_factor_shocks(recipe, factor) for factor in recipe.factors]
        self._vols = [factor.volatility_per_day for factor in recipe.factors]
        self._weathers = {each.regime: each for each in recipe.weathers}
        self._script = list(recipe.script)
        self._days = step_s / 86_400.0
        self._root = math.sqrt(self._days)
        # Linear in the step: fade is the share of a burst lost in one move.
        self._fade = min(0.5, 0.693 * step_s / (recipe.half_life_h * 3_600.0))
        self._feed = recipe.clustering * min(0.5, math.sqrt(self._fade))
        self._heat = 1.0
        self.regime = Regime.CALM
        self.returns = [0.0] * len(recipe.factors)
        self.volatility = 0.0

    def advance(self, hour: float) -> None:
        """Move one step on from `hour` (hours since the start): regime, factors, heat."""
        weather = self._weather(hour)
        # The standard deviation of this step for something that moves by 1 a day.
        self.volatility = self._root * weather.volatility_scale * math.sqrt(self._heat)
        first = self._shocks[0].draw()
        self.returns[0] = (
            weather.drift_per_day * self._days
            + self._vols[0] * self.volatility * first
            + self._jump(weather)
        )
        for index in range(1, len(self._vols)):
            self.returns[index] = self._vols[index] * self.volatility * self._shocks[index].draw()
        kept = 1.0 - self._fade - self._feed
        heat = self._fade + (kept + self._feed * first * first) * self._heat
        self._heat = min(_HEAT_MAX, max(_HEAT_MIN, heat))

    def _weather(self, hour: float) -> Weather:
        if self._script:
            self.regime = [regime for since, regime in self._script if since <= hour][-1]
        else:
            weather = self._weathers[self.regime]
            if self._chance() < self._days * 24.0 / weather.stay_h:
                self.regime = self._next(weather)
        return self._weathers[self.regime]

    def _next(self, weather: Weather) -> Regime:
        left = self._chance()
        for regime, probability in weather.leads_to:
            left -= probability
            if left < 0.0:
                return regime
        return weather.leads_to[-1][0]

    def _jump(self, weather: Weather) -> float:
        if self._chance() >= weather.jumps_per_day * self._days:
            return 0.0
        size = weather.jump_size * (0.5 + self._chance())
        return -size if self._chance() < weather.jump_down_share else size


class PlainPrice:
    """The price of an asset that follows the factors and noise of its own."""

    __slots__ = ("_loads", "_own", "_shocks", "price")

    def __init__(self, recipe: SyntheticMarket, asset: SyntheticAsset) -> None:
        names = [factor.name for factor in recipe.factors]
        self._loads = [(names.index(name), load) for name, load in asset.loads]
        self._own = asset.volatility_per_day
        self._shocks = Shocks(f"{recipe.seed}/{asset.key}", recipe.tail_scale)
        self.price = asset.price

    def move(self, returns: Sequence[float], volatility: float, pace: float) -> None:
        """Take one step.

        Args:
            returns: Of the factors, fractions.
            volatility: Standard deviation of this step per unit of daily volatility.
            pace: Multiplies the whole move.
        """
        change = self._own * volatility * self._shocks.draw()
        for index, load in self._loads:
            change += load * returns[index]
        self.price *= 1.0 + max(_FALL_WORST, change * pace)


class FundPrice:
    """The price of a fund that multiplies another asset's return since the last close."""

    __slots__ = ("_from_price", "_from_underlying", "_multiple", "_underlying", "price")

    def __init__(self, asset: SyntheticAsset, underlying: PlainPrice) -> None:
        self._underlying = underlying
        self._multiple = asset.multiple
        self.price = asset.price
        self.rebalance()

    def follow(self) -> None:
        """Take the price that the underlying's price implies."""
        gain = self._multiple * (self._underlying.price / self._from_underlying - 1.0)
        self.price = self._from_price * max(_FUND_LEFT, 1.0 + gain)

    def rebalance(self) -> None:
        """Count from here: the session has closed."""
        self._from_price = self.price
        self._from_underlying = self._underlying.price


def _factor_shocks(recipe: SyntheticMarket, factor: Factor) -> Shocks:
    return Shocks(f"{recipe.seed}/factor {factor.name}", recipe.tail_scale)
