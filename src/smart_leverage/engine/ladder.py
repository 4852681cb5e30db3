"""What every instrument is worth, how sure that is, and how much it moves."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import SeenPrice
from smart_leverage.engine.events import Rung

HAIRCUT = (Decimal(0), Decimal("0.005"), Decimal("0.02"), Decimal("0.10"))
"""By rung: how far a price of this kind may be off; exposure is counted that much higher."""


class LadderConfig(NamedTuple):
    """Ages and bounds of prices."""

    age_max_s: float = 60.0
    jump_max: float = 0.35
    """A move beyond this fraction counts only when a second print confirms it."""
    volatility_fast_days: float = 3.0
    volatility_slow_days: float = 30.0
    volatility_warm_up_days: float = 10.0
    still_max_s: float = math.inf
    """A quote renewed without a move for longer carries no increase: its source may hang."""


class Price(NamedTuple):
    """The best price there is of one instrument."""

    price: Decimal
    rung: Rung
    at_ns: int

    @property
    def is_fresh(self) -> bool:
        """Whether the price can carry an increase."""
        return self.rung <= Rung.TRADE

    @property
    def haircut(self) -> Decimal:
        """How far the price may be off, fraction."""
        return HAIRCUT[self.rung]


class _Seen:
    """What one instrument printed last, and the running variance of its returns."""

    __slots__ = (
        "at_ns",
        "fast",
        "first_ns",
        "is_anew",
        "is_heard",
        "mark",
        "moved_ns",
        "price",
        "quoted",
        "rung",
        "slow",
        "suspect",
        "suspect_ns",
    )

    def __init__(self, price: Decimal, at_ns: int, rung: Rung) -> None:
        self.price = price
        self.mark = float(price)
        self.at_ns = at_ns
        self.first_ns = at_ns
        self.rung = rung
        self.quoted = price
        self.moved_ns = at_ns
        """When quotes moved last; prices of another kind in between do not say that they did."""
        self.suspect = 0.0
        self.suspect_ns = 0
        self.is_anew = False
        self.is_heard = True
        """Whether this process was told; of what is remembered the clock may have been another."""
        self.fast = math.nan
        self.slow = math.nan


class PriceLadder:
    """Last prices by instrument; a restart goes on from what was remembered of them."""

    def __init__(self, config: LadderConfig) -> None:
        self.config = config
        self._age_max_ns = int(config.age_max_s * SECOND_NS)
        self._still_max_ns = config.still_max_s * SECOND_NS
        self._seen: dict[Key, _Seen] = {}

    def see(self, key: Key, price: Decimal, at_ns: int, rung: Rung) -> None:
        """Take a price in, unless it cannot be one.

        A price that is not positive and finite is ignored, so the last good one grows old and
        increases stop. A lone jump waits for a second print on its side. What was made before the
        last one, as by a feed that lags behind another, is no news, and neither is its jump.
        """
        if not (price.is_finite() and price > 0):
            return
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = _Seen(price, at_ns, rung)
            return
        if seen.is_heard and at_ns < seen.at_ns and rung >= seen.rung:
            return
        seen.is_heard = True
        if rung is Rung.QUOTE and price != seen.quoted:
            seen.quoted, seen.moved_ns = price, at_ns
        mark = float(price)
        if seen.is_anew:
            seen.price, seen.mark, seen.at_ns, seen.rung = price, mark, at_ns, rung
            seen.is_anew = False
            return
        is_jump = abs(mark / seen.mark - 1.0) > self.config.jump_max
        if is_jump and not self._confirms(seen, mark, at_ns):
            seen.suspect, seen.suspect_ns = mark, at_ns
            return
        seen.suspect = 0.0
        self._learn(seen, mark, at_ns)
        seen.price, seen.mark, seen.at_ns, seen.rung = price, mark, at_ns, rung

    def split(self, key: Key, factor: Decimal) -> None:
        """Go on at the price after a split; it is no fresh one, so nothing is bought at it."""
        seen = self._seen.get(key)
        if seen is None:
            return
        # Whether the last print was of the old or the new units is not known: the next one is no
        # jump, whatever it is.
        seen.price, seen.rung, seen.suspect = seen.price / factor, Rung.CLOSE, 0.0
        seen.mark, seen.is_anew = float(seen.price), True

    def _confirms(self, seen: _Seen, mark: float, at_ns: int) -> bool:
        """Tell whether another print agrees with a jump; the same one twice confirms nothing.

        It agrees where it is a jump to the same side: one near the first is on its side as well.
        """
        is_same = (mark, at_ns) == (seen.suspect, seen.suspect_ns)
        is_on_its_side = (mark < seen.mark) == (seen.suspect < seen.mark)
        return seen.suspect > 0.0 and not is_same and is_on_its_side

    def _learn(self, seen: _Seen, mark: float, at_ns: int) -> None:
        """Fold one return into both variances, weighted by the time it took."""
        days = (at_ns - seen.at_ns) / DAY_NS
        if days <= 0.0:
            return
        change = math.log(mark / seen.mark)
        rate = change * change / days
        if seen.fast != seen.fast:  # the first return
            seen.fast = seen.slow = rate
            return
        keep_fast = math.exp(-days / self.config.volatility_fast_days)
        keep_slow = math.exp(-days / self.config.volatility_slow_days)
        seen.fast = keep_fast * seen.fast + (1.0 - keep_fast) * rate
        seen.slow = keep_slow * seen.slow + (1.0 - keep_slow) * rate

    def best(self, key: Key, now_ns: int) -> Price | None:
        """Return the best price of an instrument now, or None when it never had one."""
        seen = self._seen.get(key)
        if seen is None:
            return None
        rung = seen.rung
        if (
            seen.suspect
            or now_ns - seen.at_ns > self._age_max_ns
            or (rung is Rung.QUOTE and now_ns - seen.moved_ns > self._still_max_ns)
        ):
            rung = Rung.CLOSE
        return Price(seen.price, rung, seen.at_ns)

    def doubted(self, key: Key) -> Decimal | None:
        """Return a lone jump that waits to be confirmed; exposure counts it where it is worse."""
        seen = self._seen.get(key)
        return None if seen is None or not seen.suspect else Decimal(repr(seen.suspect))

    def is_anew(self, key: Key) -> bool:
        """Whether no price has come since a split: the next one is believed, whatever it is."""
        seen = self._seen.get(key)
        return seen is not None and seen.is_anew

    @property
    def has_doubts(self) -> bool:
        """Whether any price waits to be confirmed."""
        return any(seen.suspect for seen in self._seen.values())

    def mark(self, key: Key) -> Decimal | None:
        """Return the last good price, however old; for valuing what is held."""
        seen = self._seen.get(key)
        return None if seen is None else seen.price

    def value_at(self, prices: Mapping[Key, Decimal], at_ns: int) -> None:
        """Value at the prices of a mark, after a start; none of them is fresher for it.

        How old they were is not told, so nothing is bought at them; what is known of their moves is
        what was remembered.
        """
        for key, price in prices.items():
            seen = self._seen.get(key)
            if seen is None:
                self._seen[key] = _Seen(price, at_ns, Rung.CLOSE)
            else:
                if price != seen.quoted:
                    seen.quoted, seen.moved_ns = price, at_ns
                seen.price, seen.rung = price, Rung.CLOSE

    def volatility_daily(self, key: Key) -> float:
        """Return the standard deviation of daily returns, NaN while unknown."""
        seen = self._seen.get(key)
        return math.nan if seen is None else math.sqrt(seen.slow)

    def volatility_ratio(self, key: Key) -> float:
        """Return recent over usual volatility, NaN until the usual one is known."""
        seen = self._seen.get(key)
        if seen is None or not seen.slow > 0.0:
            return math.nan
        if seen.at_ns - seen.first_ns < self.config.volatility_warm_up_days * DAY_NS:
            return math.nan
        return math.sqrt(seen.fast / seen.slow)

    def prices(self) -> dict[Key, Decimal]:
        """Return the last good price of every instrument."""
        return {key: seen.price for key, seen in self._seen.items()}

    def memory(self) -> dict[Key, SeenPrice]:
        """Return what else is known, exact, for the journal."""
        return {
            key: SeenPrice(
                at_ns=seen.at_ns,
                rung=int(seen.rung),
                first_ns=seen.first_ns,
                fast=_text(seen.fast),
                slow=_text(seen.slow),
                suspect=_text(seen.suspect) if seen.suspect else "",
                suspect_ns=seen.suspect_ns,
            )
            for key, seen in self._seen.items()
        }

    def restore(self, prices: Mapping[Key, Decimal], memory: Mapping[Key, SeenPrice]) -> None:
        """Know again what was remembered; every price keeps its age."""
        for key, kept in memory.items():
            seen = self._seen[key] = _Seen(prices[key], kept.at_ns, Rung(kept.rung))
            seen.first_ns, seen.is_heard = kept.first_ns, False
            seen.fast, seen.slow = _number(kept.fast), _number(kept.slow)
            seen.suspect = float(kept.suspect) if kept.suspect else 0.0
            seen.suspect_ns = kept.suspect_ns


def _text(number: float) -> str:
    """Return a number as text that reads back as the same number; none while unknown."""
    return "" if math.isnan(number) else repr(number)


def _number(text: str) -> float:
    return float(text) if text else math.nan
