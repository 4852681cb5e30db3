"""Time-series momentum: hold what has risen over the lookback, leave what has not."""

import math
from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.opportunity import Opportunity
from smart_leverage.domain.orders import Side
from smart_leverage.policy.volatility import (
    VolatilityMemory,
    VolatilityState,
    step_volatility,
    volatility_ratio,
)

_COINS = f"{AssetClass.CRYPTO.value}:"
_RATIO_MIN, _RATIO_MAX = 0.01, 100.0
"""Outside of this a volatility ratio is a mistake, and the policy would refuse it."""


class MomentumConfig(Struct, frozen=True, kw_only=True):
    """How momentum looks back.

    Attributes:
        lookback: Decisions, that is days of a coin or sessions of a share, over which the return
            is taken; at least 2.
        memory: Of the two volatilities.
        hole_days_max: After a longer silence the past no longer counts and the warm-up begins
            anew; it may even be another asset under the same ticker.
        horizon_s: For how long an opportunity is meant.
    """

    lookback: int = 30
    memory: VolatilityMemory = VolatilityMemory()
    hole_days_max: int = 7
    horizon_s: int = 86_400


class _Asset:
    """What is remembered of one asset: a bounded past and when to look next."""

    __slots__ = ("at_ns", "closes", "due_ns", "is_long", "volatility")

    def __init__(self, lookback: int, due_ns: int) -> None:
        self.closes: deque[float] = deque(maxlen=lookback + 1)
        self.volatility = VolatilityState(math.nan, math.nan, 0)
        self.at_ns = 0
        self.due_ns = due_ns
        self.is_long: bool | None = None

    def forget(self) -> None:
        """Begin the warm-up anew."""
        self.closes.clear()
        self.volatility = VolatilityState(math.nan, math.nan, 0)
        self.is_long = None


class Momentum:
    """One decision a day per asset, from one close a day.

    A coin is judged at the first bar that closes on a UTC day (for whole bars that is midnight), a
    share at the bar that ends with its session; a session without that bar gives no close. The
    close of the deciding bar joins the past, and a missing day is simply not in it: returns span
    small holes.

    A positive return over the lookback offers a buy at every decision, so that the policy can size
    it anew; the first return that is not positive asks once to leave. Nothing is offered during
    the warm-up or while the volatility ratio is unknown; an exit is never held back by either.

    The confidence is 0.5 + 0.5·s/(1 + s), where s is the lookback's return over its volatility
    (the reference volatility of a day times the square root of the lookback). It lies in [0.5, 1);
    half a standard deviation gives the neutral two thirds. It is a claim, not a measured rate.
    """

    name = "momentum"

    def __init__(
        self, config: MomentumConfig | None = None, sessions: Sessions | None = None
    ) -> None:
        self._config = config or MomentumConfig()
        if self._config.lookback < 2:
            raise ValueError(f"lookback {self._config.lookback}: at least 2 decisions")
        self._sessions = sessions or Sessions.xnys()
        self._assets: dict[Key, _Asset] = {}

    def on_bars(self, at_ns: int, closes: Sequence[tuple[Key, Bar]]) -> Sequence[Opportunity]:
        """Return the day's opportunities of the assets whose bar decides; see `Strategy`."""
        found: list[Opportunity] = []
        for key, bar in closes:
            asset = self._assets.get(key)
            if asset is None:
                asset = _Asset(self._config.lookback, self._due(key, bar.end_ns))
                self._assets[key] = asset
            if bar.end_ns < asset.due_ns or not self._decides(key, asset, bar.end_ns):
                continue
            opportunity = self._decide(at_ns, key, asset, bar)
            if opportunity is not None:
                found.append(opportunity)
        return found

    def _due(self, key: Key, from_ns: int) -> int:
        """Return the first time at or after `from_ns` at which a day or a session is over."""
        if key.startswith(_COINS):
            return -(-from_ns // DAY_NS) * DAY_NS
        return self._sessions.next_close(from_ns - 1)

    def _decides(self, key: Key, asset: _Asset, end_ns: int) -> bool:
        """Tell whether this bar, due or late, is the one to decide on, and set the next time."""
        is_on_time = end_ns == asset.due_ns
        if not is_on_time and not key.startswith(_COINS):
            asset.due_ns = self._due(key, end_ns)
            if end_ns < asset.due_ns:
                return False
        asset.due_ns = self._due(key, end_ns + 1)
        return True

    def _decide(self, at_ns: int, key: Key, asset: _Asset, bar: Bar) -> Opportunity | None:
        was_long = asset.is_long
        if asset.closes and bar.end_ns - asset.at_ns > self._config.hole_days_max * DAY_NS:
            asset.forget()
        if asset.closes:
            change = bar.close / asset.closes[-1] - 1.0
            asset.volatility = step_volatility(asset.volatility, change, self._config.memory)
        asset.closes.append(bar.close)
        asset.at_ns = bar.end_ns
        if len(asset.closes) == 1 and was_long:
            # What was bought on a past that no longer counts is not held on.
            asset.is_long = False
            return self._opportunity(at_ns, key, asset, Side.SELL)
        if len(asset.closes) <= self._config.lookback:
            return None
        if bar.close > asset.closes[0]:
            return self._enter(at_ns, key, asset)
        if asset.is_long is False:
            return None
        asset.is_long = False
        return self._opportunity(at_ns, key, asset, Side.SELL)

    def _enter(self, at_ns: int, key: Key, asset: _Asset) -> Opportunity | None:
        ratio = volatility_ratio(asset.volatility, self._config.memory)
        if not _RATIO_MIN <= ratio <= _RATIO_MAX:
            return None
        asset.is_long = True
        return self._opportunity(at_ns, key, asset, Side.BUY)

    def _opportunity(self, at_ns: int, key: Key, asset: _Asset, side: Side) -> Opportunity:
        ratio = volatility_ratio(asset.volatility, self._config.memory)
        return Opportunity(
            at_ns=at_ns,
            key=key,
            side=side,
            confidence=self._confidence(asset),
            volatility_ratio=ratio if _RATIO_MIN <= ratio <= _RATIO_MAX else 1.0,
            horizon_s=self._config.horizon_s,
            source=self.name,
            id=f"{self.name}:{key}:{at_ns}",
        )

    def _confidence(self, asset: _Asset) -> float:
        daily = asset.volatility.reference
        if len(asset.closes) < 2 or not daily > 0.0:
            return 0.5
        change = abs(asset.closes[-1] / asset.closes[0] - 1.0)
        strength = change / math.sqrt(daily * (len(asset.closes) - 1))
        return 0.5 + 0.5 * strength / (1.0 + strength)
