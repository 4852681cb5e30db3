"""The recipe of a synthetic market: its assets, their common causes and its regimes."""

import hashlib
from datetime import date
from enum import StrEnum

import msgspec
from msgspec import Struct

from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.instruments import AssetClass, Key, key_of


class Regime(StrEnum):
    """How the market behaves for a while."""

    CALM = "calm"
    TREND_UP = "trend_up"
    TREND_DOWN = "trend_down"
    PANIC = "panic"


class Weather(Struct, frozen=True, kw_only=True):
    """What a regime does to the first factor and to everybody's volatility.

    Attributes:
        drift_per_day: Mean return of the first factor in 24 hours, fraction.
        volatility_scale: Multiplies every volatility.
        jumps_per_day: Expected jumps of the first factor in 24 hours.
        jump_size: Mean absolute size of a jump, fraction.
        jump_down_share: Share of jumps that fall, in [0, 1].
        stay_h: Mean hours until another regime is drawn.
        leads_to: The regimes that may follow, each with its probability; they add up to 1.
    """

    regime: Regime
    drift_per_day: float
    volatility_scale: float
    jumps_per_day: float
    jump_size: float
    jump_down_share: float
    stay_h: float
    leads_to: tuple[tuple[Regime, float], ...]


class Factor(Struct, frozen=True):
    """A common cause; `volatility_per_day` is the standard deviation of 24 calm hours, fraction."""

    name: str
    volatility_per_day: float


class SyntheticAsset(Struct, frozen=True, kw_only=True):
    """One instrument of the market.

    Attributes:
        price: First price, account currency.
        decimals: Decimals of its prices.
        loads: Factor name and how far the asset goes when the factor goes by 1.
        volatility_per_day: Its own noise: standard deviation of 24 calm hours, fraction.
        units_per_day: Mean volume of a day, coins or shares.
        multiple_of: For a fund: the asset whose return it multiplies, rebalanced at each close.
        multiple: For a fund: how many times, signed.
    """

    key: Key
    price: float
    decimals: int
    loads: tuple[tuple[str, float], ...] = ()
    volatility_per_day: float = 0.0
    units_per_day: float = 0.0
    multiple_of: Key | None = None
    multiple: float = 1.0

    @property
    def is_coin(self) -> bool:
        """Whether it trades round the clock."""
        return self.key.startswith(f"{AssetClass.CRYPTO.value}:")


WEATHERS = (
    Weather(
        regime=Regime.CALM,
        drift_per_day=0.0005,
        volatility_scale=1.0,
        jumps_per_day=0.05,
        jump_size=0.01,
        jump_down_share=0.5,
        stay_h=48.0,
        leads_to=((Regime.TREND_UP, 0.5), (Regime.TREND_DOWN, 0.35), (Regime.PANIC, 0.15)),
    ),
    Weather(
        regime=Regime.TREND_UP,
        drift_per_day=0.015,
        volatility_scale=1.2,
        jumps_per_day=0.1,
        jump_size=0.01,
        jump_down_share=0.3,
        stay_h=36.0,
        leads_to=((Regime.CALM, 0.6), (Regime.TREND_DOWN, 0.25), (Regime.PANIC, 0.15)),
    ),
    Weather(
        regime=Regime.TREND_DOWN,
        drift_per_day=-0.010,
        volatility_scale=1.5,
        jumps_per_day=0.3,
        jump_size=0.012,
        jump_down_share=0.7,
        stay_h=24.0,
        leads_to=((Regime.CALM, 0.5), (Regime.TREND_UP, 0.2), (Regime.PANIC, 0.3)),
    ),
    Weather(
        regime=Regime.PANIC,
        drift_per_day=-0.04,
        volatility_scale=3.0,
        jumps_per_day=4.0,
        jump_size=0.015,
        jump_down_share=0.7,
        stay_h=6.0,
        leads_to=((Regime.CALM, 0.3), (Regime.TREND_UP, 0.3), (Regime.TREND_DOWN, 0.4)),
    ),
)
"""Half of the time is calm, 3 % is panic; in the long run the first factor gains 0.07 % a day."""

FACTORS = (Factor("risk", 0.009), Factor("coins", 0.022), Factor("nasdaq", 0.005))


def _coin(symbol: str, price: float, decimals: int, beta: float, own: float) -> SyntheticAsset:
    return SyntheticAsset(
        key=key_of(AssetClass.CRYPTO, f"{symbol}/USD"),
        price=price,
        decimals=decimals,
        loads=(("risk", 1.5 * beta), ("coins", beta)),
        volatility_per_day=own,
        units_per_day=2e8 / price,
    )


def _share(symbol: str, price: float, risk: float, nasdaq: float, own: float) -> SyntheticAsset:
    return SyntheticAsset(
        key=key_of(AssetClass.US_EQUITY, symbol),
        price=price,
        decimals=2,
        loads=(("risk", risk), ("nasdaq", nasdaq)),
        volatility_per_day=own,
        units_per_day=2e9 / price,
    )


def _fund(symbol: str, price: float, of: str, multiple: float) -> SyntheticAsset:
    return SyntheticAsset(
        key=key_of(AssetClass.US_EQUITY, symbol),
        price=price,
        decimals=2,
        units_per_day=1e9 / price,
        multiple_of=key_of(AssetClass.US_EQUITY, of),
        multiple=multiple,
    )


ASSETS = (
    _coin("BTC", 64_000.0, 2, 1.0, 0.006),
    _coin("DOGE", 0.15, 6, 1.4, 0.03),
    _coin("ETH", 3_100.0, 2, 1.2, 0.012),
    _coin("LINK", 14.0, 4, 1.3, 0.022),
    _coin("SOL", 145.0, 3, 1.4, 0.02),
    _share("AAPL", 212.0, 0.9, 0.9, 0.009),
    _share("QQQ", 480.0, 1.0, 1.0, 0.001),
    _share("SPY", 545.0, 0.9, 0.4, 0.001),
    _fund("SQQQ", 34.0, "QQQ", -3.0),
    _fund("TQQQ", 72.0, "QQQ", 3.0),
)
"""Invented levels near those of 2024; no series of the real instruments is imitated."""


class SyntheticMarket(Struct, frozen=True, kw_only=True):
    """Equal recipes give equal bars, bit for bit, on every machine.

    Attributes:
        seed: Of all chance. An asset's own noise depends on the seed and its key only.
        first_day: UTC date at whose midnight the market begins.
        days: Calendar days; 7 from a Monday hold the five sessions of an ordinary week.
        step_s: Length of a bar in seconds; divides an hour, at least 60.
        script: Regimes by the hour at which they begin, ((0.0, CALM), (60.0, PANIC)), beginning
            with hour 0; the last one stays. Empty leaves regimes to chance.
        half_life_h: Hours in which half of a burst of volatility has faded.
        clustering: How strongly a large move raises the volatility after it, in [0, 1].
        tail_scale: Size of one move in twenty relative to the other nineteen; 1 is normal.
        open_scale: Pace of shares while their exchange is open, relative to their 24-hour figure.
        closed_scale: The same while it is closed; what happens then is the gap at the open.
    """

    seed: int = 1
    first_day: date = date(2025, 3, 3)
    days: int = 7
    step_s: int = 300
    script: tuple[tuple[float, Regime], ...] = ()
    half_life_h: float = 6.0
    clustering: float = 0.5
    tail_scale: float = 3.0
    open_scale: float = 1.6
    closed_scale: float = 0.5
    assets: tuple[SyntheticAsset, ...] = ASSETS
    factors: tuple[Factor, ...] = FACTORS
    weathers: tuple[Weather, ...] = WEATHERS

    def __post_init__(self) -> None:
        """Refuse a recipe that makes no market.

        Raises:
            ConfigError: Every problem, each with what would be accepted.
        """
        problems = [*_clock_problems(self), *_asset_problems(self)]
        if {each.regime for each in self.weathers} != set(Regime):
            problems.append("weathers: describe each regime once")
        if self.script and self.script[0][0] != 0.0:
            problems.append(f"script: begins at hour {self.script[0][0]:g}; begin at hour 0")
        if [hour for hour, _ in self.script] != sorted(hour for hour, _ in self.script):
            problems.append("script: hours are out of order; sort them")
        if problems:
            raise ConfigError(problems, "synthetic market")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical text of the recipe: equal recipes, equal bars."""
        text = msgspec.json.encode(self, order="deterministic")
        return hashlib.sha256(text).hexdigest()


def _clock_problems(recipe: SyntheticMarket) -> list[str]:
    problems = []
    if recipe.days < 1:
        problems.append(f"days = {recipe.days}: at least 1")
    if recipe.step_s < 60 or 3600 % recipe.step_s:
        problems.append(f"step_s = {recipe.step_s}: one that divides 3600, at least 60")
    if not recipe.half_life_h > 0.0:
        problems.append(f"half_life_h = {recipe.half_life_h}: above 0")
    if not 0.0 <= recipe.clustering <= 1.0:
        problems.append(f"clustering = {recipe.clustering}: in [0, 1]")
    if not recipe.tail_scale >= 1.0:
        problems.append(f"tail_scale = {recipe.tail_scale}: at least 1")
    return problems


def _asset_problems(recipe: SyntheticMarket) -> list[str]:
    problems = []
    plain = {each.key for each in recipe.assets if each.multiple_of is None}
    factors = {each.name for each in recipe.factors}
    if len({each.key for each in recipe.assets}) != len(recipe.assets):
        problems.append("assets: a key is listed twice")
    for asset in recipe.assets:
        if asset.multiple_of is not None and (asset.multiple_of not in plain or asset.is_coin):
            problems.append(f"{asset.key}: multiple_of {asset.multiple_of}: a listed plain share")
        if not asset.price > 0.0:
            problems.append(f"{asset.key}: price = {asset.price}: above 0")
        for name, _ in asset.loads:
            if name not in factors:
                problems.append(f"{asset.key}: factor {name}: one of {', '.join(sorted(factors))}")
    return problems
