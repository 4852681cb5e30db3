"""What an account has earned, for the auditor: lots, closed trades, losses, trips, tiers, locks.

The numbers of the policy `classic` are written down here once more, from the decisions and not
from the code. All arithmetic is exact: decimals for money, fractions where something is divided.
"""

from bisect import insort
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from tests.simulation.audit_market import EPOCH
from tests.simulation.oracle_losses import Losses

F, D = Fraction, Decimal
ZERO = D(0)
NEW_YORK = ZoneInfo("America/New_York")
EMERGENCY, LEARNING, STABLE, PROFITABLE = range(4)
TIER_NAMES = ("emergency", "learning", "stable", "profitable")

CAPS = {
    "crypto": (F(20, 100), F(25, 100), F(40, 100), F(60, 100)),
    "leveraged": (F(28, 100), F(35, 100), F(60, 100), F(80, 100)),
    "gross": (F(1),) * 4,
}
"""By tier, fractions of equity."""
CAP_SYMBOL, CAP_SYMBOL_BROAD = F(10, 100), F(50, 100)
LOSS_DAY, LOSS_MONTH, LOSS_ASSET = F(3, 100), F(8, 100), F(2, 100)
LOSS_SLEEVE, DRAWDOWN = F(2, 100), F(8, 100)
"""Of all coins in a day and from the best mark; they count where windows roll."""
MONTH_EMERGENCY = F(-5, 100)
RATE_STABLE, RATE_PROFITABLE = F(45, 100), F(60, 100)
TRADES_MIN, WINDOW = 20, 100
BAND = F(105, 100)
SLACK = F(1, 10**12)
"""Decision 1 lets every comparison with a limit of loss end this much toward the better side."""
JUMP = 0.35
"""Losses are not judged on one print alone that is further away than this; a second confirms it."""
HOUSE = "house"
EXTERNAL = "external"


class Terms(NamedTuple):
    """What the auditor is told of an instrument; `tick` is the smallest step of its price."""

    is_crypto: bool
    is_leveraged: bool
    is_broad: bool
    tick: Decimal = D("0.01")
    weight: Decimal = D(1)
    """How many times its market value it counts as crypto and as leveraged."""

    def tick_at(self, price: Decimal, *, is_share: bool) -> Decimal:
        return D("0.0001") if is_share and price < 1 else self.tick


class _Lot:
    __slots__ = ("fee", "price", "qty")

    def __init__(self, qty: Fraction, price: Fraction, fee: Fraction) -> None:
        self.qty, self.price, self.fee = qty, price, fee


class _Trade:
    __slots__ = ("is_forced", "net", "rank", "scratch")

    def __init__(self, rank: tuple[int, str], is_forced: bool) -> None:
        self.rank, self.is_forced = rank, is_forced
        self.net = self.scratch = F(0)

    def __lt__(self, other: "_Trade") -> bool:
        return self.rank < other.rank

    @property
    def is_scratch(self) -> bool:
        return self.net == 0 or abs(self.net) < self.scratch


class Record:
    """Closed trades, one per closing order, first in first out inside the lots of its own bot.

    What an order closes beyond its own bot's lots is taken from the others pro rata, here in exact
    fractions; the product does it in whole lots, which differ by less than a cent.
    """

    def __init__(self) -> None:
        self._lots: dict[str, dict[str, deque[_Lot]]] = {}
        self._by_order: dict[str, _Trade] = {}
        self._trades: list[_Trade] = []
        self._rate: tuple[int, int] | None = None

    def open(self, key: str, bot: str, qty: Decimal, price: Decimal, fee: Decimal) -> None:
        lots = self._lots.setdefault(key, {}).setdefault(bot, deque())
        lots.append(_Lot(F(qty), F(price), F(fee)))

    def split(self, key: str, shares: Mapping[str, Decimal], factor: Decimal) -> None:
        """Change the units of every lot of a key; what was paid for it stays.

        What was sold since the split, and before it was told, comes back as a lot of its own.
        """
        for bot, units in shares.items():
            lots = self._lots.setdefault(key, {}).setdefault(bot, deque())
            held = sum((lot.qty for lot in lots), F(0))
            for lot in lots:
                share = (held + F(units)) / held
                lot.qty, lot.price = lot.qty * share, lot.price / share
            if not held:
                lots.append(_Lot(F(units), F(0), F(0)))

    def close(
        self, key: str, bot: str, qty: Decimal, price: Decimal, fee: Decimal,
        tick: Decimal, order: str, rank: tuple[int, str],
    ) -> None:  # fmt: skip
        value, fees = self._take(self._lots.get(key, {}), bot, F(qty))
        trade = self._by_order.get(order)
        if trade is None:
            trade = self._by_order[order] = _Trade(rank, bot == HOUSE)
            insort(self._trades, trade)
        trade.net += F(qty) * F(price) - value - fees - F(fee)
        trade.scratch += F(qty) * F(tick)
        self._rate = None

    def _take(
        self, held: dict[str, deque[_Lot]], bot: str, qty: Fraction
    ) -> tuple[Fraction, Fraction]:
        sums = {name: sum((lot.qty for lot in lots), F(0)) for name, lots in held.items()}
        own = min(sums.get(bot, F(0)), qty)
        rest = qty - own
        others = sum((each for name, each in sums.items() if name != bot), F(0))
        value = fees = F(0)
        for name, total in sums.items():
            share = own if name == bot else (rest * total / others if others else F(0))
            taken = _leave(held[name], min(share, total))
            value, fees = value + taken[0], fees + taken[1]
        return value, fees

    def win_rate(self) -> tuple[int, int]:
        """Return wins and closed trades of the window that counts: the lower of two.

        One window has every closing, the other leaves out what the house closed. No closed trade at
        all is lower than any rate, and on a tie the shorter record counts.
        """
        if self._rate is None:
            every = self._window(with_forced=True)
            free = self._window(with_forced=False)
            self._rate = min(every, free, key=lambda each: (F(*each) if each[1] else -1, each[1]))
        return self._rate

    def _window(self, *, with_forced: bool) -> tuple[int, int]:
        wins = closed = 0
        for trade in reversed(self._trades):
            if trade.is_scratch or (trade.is_forced and not with_forced):
                continue
            wins += trade.net > 0
            closed += 1
            if closed == WINDOW:
                break
        return wins, closed

    def nets(self) -> dict[str, Fraction]:
        """Return the net result of every closing order."""
        return {order: trade.net for order, trade in self._by_order.items()}

    def held(self, key: str, bot: str) -> Fraction:
        """Return what a bot holds of a key."""
        lots = self._lots.get(key, {}).get(bot, ())
        return sum((lot.qty for lot in lots), F(0))

    @property
    def closed(self) -> int:
        return len(self._trades)


def _leave(lots: deque[_Lot], qty: Fraction) -> tuple[Fraction, Fraction]:
    """Take a quantity from the oldest lots; return its value at entry and its share of fees."""
    value = fees = F(0)
    while qty > 0 and lots:
        lot = lots[0]
        piece = min(lot.qty, qty)
        fee = lot.fee * piece / lot.qty
        value, fees, qty = value + piece * lot.price, fees + fee, qty - piece
        if piece == lot.qty:
            lots.popleft()
        else:
            lot.qty, lot.fee = lot.qty - piece, lot.fee - fee
    return value, fees


class Judge:
    """Openings, trips, locks and the granted tier, judged at closes."""

    def __init__(self, record: Record, *, is_rolling: bool = False) -> None:
        self.record = record
        self.tier = LEARNING
        self.is_day_tripped = self.is_month_tripped = self.is_drawdown_tripped = False
        self._rolling = Losses() if is_rolling else None
        self.locked_until: dict[str, int] = {}
        self.day, self.month = "", ""
        self.day_end = 0
        self.trips: list[tuple[int, str]] = []
        self.moves: list[tuple[int, int, int]] = []
        self._day_open = self._month_open = self._last = F(0)
        self._invested: dict[str, Fraction] = {}
        self._rose_on = ""
        self._thresholds()

    # -- what happens ---------------------------------------------------------------------------

    def roll(self, at: int, equity: Decimal, values: Mapping[str, Decimal]) -> None:
        """Begin a new day, and a new month, at the equity of the last mark before it.

        `values` are the market values of the coins held, at the last prices before the boundary.
        """
        if at < self.day_end:
            return
        day, self.day_end = _day(at)
        opening = self._last if self.day else F(equity)
        if day[:7] != self.month:
            self.month, self._month_open = day[:7], opening
        self.day, self._day_open = day, opening
        self._last = opening
        if self._rolling is not None:
            self._rolling.begin("day", day, opening)
        self._invested = {key: F(value) for key, value in values.items()}
        self.is_day_tripped = False
        self._thresholds()

    def traded(self, key: str, paid: Decimal) -> None:
        """Count money put into a coin today, or taken out when negative; fees are put in."""
        self._invested[key] = self._invested.get(key, F(0)) + F(paid)

    def flow(self, amount: Decimal) -> None:
        """Scale the openings, so that money coming or going is neither a gain nor a loss."""
        if self._last > 0 and self._last + F(amount) > 0:
            scale = (self._last + F(amount)) / self._last
            self._day_open, self._month_open = self._day_open * scale, self._month_open * scale
        self._last += F(amount)
        if self._rolling is not None:
            self._rolling.flow(F(amount))
        self._thresholds()

    def resume(self, at: int, equity: Decimal) -> None:
        """A person lifts a month trip: losses count from here; a day trip lasts to midnight."""
        self.is_month_tripped = self.is_drawdown_tripped = False
        if self._rolling is not None:
            self._rolling.resume(at, F(equity))
        self._day_open = self._month_open = self._last = F(equity)
        self._thresholds()

    def mark(self, at: int, equity: Decimal, values: Mapping[str, Decimal]) -> None:
        """Judge the account at a close; `values` are the market values of coins now."""
        worth = self._last = F(equity)
        if not self.is_day_tripped and worth < self._day_floor:
            self.is_day_tripped = True
            self.trips.append((at, "day"))
        if not self.is_month_tripped and worth < self._month_floor:
            self.is_month_tripped = True
            self.trips.append((at, "month"))
        is_emergency = worth < self._emergency_floor
        if self._rolling is not None:
            is_emergency |= self._judge_windows(at, worth, self._rolling)
        self._lock(at, values)
        self._grant(at, is_emergency=is_emergency)

    def _judge_windows(self, at: int, worth: Fraction, rolling: Losses) -> bool:
        """Judge the last 24 hours, the last 30 days and the best mark; tell of an emergency."""
        lost = rolling.at(at, worth)
        rolling.mark(at, worth)
        day, month, drawdown = (each or F(0) for each in lost[2:])
        if day > LOSS_DAY + SLACK and not self.is_day_tripped:
            self.is_day_tripped = True
            self.trips.append((at, "day"))
        if month > LOSS_MONTH + SLACK and not self.is_month_tripped:
            self.is_month_tripped = True
            self.trips.append((at, "month"))
        if drawdown > DRAWDOWN + SLACK and not self.is_drawdown_tripped:
            self.is_drawdown_tripped = True
            self.trips.append((at, "drawdown"))
        return month > SLACK - MONTH_EMERGENCY

    def _lock(self, at: int, values: Mapping[str, Decimal]) -> None:
        lost = {key: money - F(values.get(key, ZERO)) for key, money in self._invested.items()}
        due = [key for key, loss in lost.items() if loss > self._asset_most]
        if self._rolling is not None and sum(lost.values(), F(0)) > self._sleeve_most:
            due = list(lost)
        for key in due:
            if self.locked_until.get(key, 0) <= at:
                self.locked_until[key] = self.day_end
                self.trips.append((at, key))

    def _grant(self, at: int, *, is_emergency: bool) -> None:
        earned = EMERGENCY if is_emergency else self._earned()
        if earned > self.tier:
            if self.tripped or self._rose_on == self.day:
                return
            self._rose_on = self.day
            earned = self.tier + 1
        if earned != self.tier:
            self.moves.append((at, self.tier, earned))
            self.tier = earned

    def _earned(self) -> int:
        wins, closed = self.record.win_rate()
        if closed < TRADES_MIN:
            return LEARNING
        rate = F(wins, closed)
        if rate >= RATE_PROFITABLE:
            return PROFITABLE
        return STABLE if rate >= RATE_STABLE else LEARNING

    def _thresholds(self) -> None:
        self._day_floor = self._day_open * (1 - LOSS_DAY - SLACK)
        self._month_floor = self._month_open * (1 - LOSS_MONTH - SLACK)
        self._emergency_floor = self._month_open * (1 + MONTH_EMERGENCY - SLACK)
        self._asset_most = self._day_open * (LOSS_ASSET + SLACK)
        self._sleeve_most = self._day_open * (LOSS_SLEEVE + SLACK)

    # -- what is so -----------------------------------------------------------------------------

    def is_locked(self, key: str, at: int) -> bool:
        return self.locked_until.get(key, 0) > at

    @property
    def tripped(self) -> str:
        if self.is_month_tripped:
            return "the month is tripped"
        if self.is_drawdown_tripped:
            return "the drawdown is tripped"
        return "the day is tripped" if self.is_day_tripped else ""


def _day(at: int) -> tuple[str, int]:
    """Return the date in New York and the instant at which the next one begins."""
    local = (EPOCH + timedelta(microseconds=at // 1000)).astimezone(NEW_YORK)
    after = (local + timedelta(days=1)).date()
    midnight = datetime(after.year, after.month, after.day, tzinfo=NEW_YORK)
    return local.date().isoformat(), (midnight - EPOCH) // timedelta(microseconds=1) * 1000
