"""Bounds with how much of each is used: exposure under its cap, losses under their limits."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.sentences import money, percent
from smart_leverage.domain.stamps import span
from smart_leverage.runtime.coin_losses import coin_losses, sleeve_loss
from smart_leverage.runtime.figures import Exposure, Loss, exposures, losses
from smart_leverage.runtime.remembered import Remembered
from smart_leverage.runtime.words import NEAR_CAP, NEAR_LIMIT, sign

CAPS = {"crypto": "Crypto", "leveraged": "Crypto and leveraged", "gross": "All positions"}
LOSSES = {
    "day": "Day",
    "month": "Month",
    "24 h": "Last 24 hours",
    "30 days": "Last 30 days",
    "drawdown": "Drawdown",
    "coins": "All coins today",
}
TRIPPED = "■ TRIPPED"
UNKNOWN = "○ NOT KNOWN"
NO_LIMIT = "○ NO LIMIT"

_TONES = {"●": "ok", "▲": "near", "■": "hit", "○": "none"}


class Gauge(NamedTuple):
    """One bound as a bar: `used` is the part of it that is taken, `held_back` what is reserved."""

    key: str
    name: str
    says: str
    """Value and bound, as people read them."""
    used: Decimal | None
    held_back: Decimal
    mark: str
    """Sign and word."""
    left: str
    detail: str = ""

    @property
    def tone(self) -> str:
        """The class of its colour, which only repeats what sign and word say."""
        return _TONES[self.mark[0]]

    @property
    def filled(self) -> str:
        """How wide the bar is filled, of a hundred."""
        return f"{min(float(self.used or 0), 1.0) * 100:.2f}"

    @property
    def reserved(self) -> str:
        """How wide the part behind it is that is reserved, of a hundred."""
        room = 100.0 - float(self.filled)
        return f"{min(max(float(self.held_back), 0.0) * 100, room):.2f}"

    @property
    def share(self) -> str:
        """What a screen reader says."""
        return "not known" if self.used is None else f"{percent(self.used, 0)} used"


def caps(now: Remembered) -> list[Gauge]:
    """Return exposure against its cap by class, with what buys under way hold back."""
    equity = Decimal(0) if now.last_mark is None else now.last_mark.equity
    return [_cap(line, equity) for line in exposures(now)]


def _cap(line: Exposure, equity: Decimal) -> Gauge:
    name = CAPS.get(line.group, line.group)
    held = "–" if line.fraction is None else percent(line.fraction)
    if line.used is None or line.cap is None or line.left is None:
        return Gauge(line.group, name, f"{held}, no cap", None, Decimal(0), UNKNOWN, "")
    budget = line.cap * equity
    return Gauge(
        key=line.group,
        name=name,
        says=f"{held} of {percent(line.cap)}",
        used=line.used,
        held_back=line.reserved / budget if budget > 0 else Decimal(0),
        mark=sign(line.used, NEAR_CAP),
        left=f"{money(line.left, 0)} left",
        detail=_detail(line),
    )


def _detail(line: Exposure) -> str:
    held = f"{money(line.value, 0)} held"
    return f"{held}, {money(line.reserved, 0)} in open buys" if line.reserved else held


def distances(now: Remembered) -> list[Gauge]:
    """Return every loss limit, the nearest first; what has no limit comes last."""
    lines = [(line, "") for line in losses(now)]
    sleeve = sleeve_loss(now)
    if sleeve is not None:
        lines.append((sleeve, ""))
    for worst in coin_losses(now)[:1]:
        name = worst.key.partition(":")[2]
        age = f"at a price {span(now.at_ns - worst.priced_ns)} old"
        lines.append((worst.loss._replace(name=f"{name} today"), age))
    lines.sort(key=_nearness, reverse=True)
    return [_distance(line, detail) for line, detail in lines]


def _nearness(line_and_detail: tuple[Loss, str]) -> tuple[bool, bool, Decimal]:
    line, _ = line_and_detail
    return line.is_tripped, line.used is not None, line.used or Decimal(0)


def _distance(line: Loss, detail: str) -> Gauge:
    name = LOSSES.get(line.name, line.name)
    if line.change is None:
        return Gauge(line.name, name, "no opening yet", None, Decimal(0), UNKNOWN, "")
    change = percent(line.change, 2)
    if line.limit is None or line.used is None or line.left is None:
        return Gauge(
            *(line.name, name, change, None, Decimal(0), NO_LIMIT, ""), "this policy sets none"
        )
    mark = TRIPPED if line.is_tripped else sign(line.used, NEAR_LIMIT)
    return Gauge(
        key=line.name,
        name=name,
        says=f"{change} of {percent(-line.limit)}",
        used=Decimal(1) if line.is_tripped else line.used,
        held_back=Decimal(0),
        mark=mark,
        left=f"{money(line.left, 0)} left",
        detail=detail,
    )


def nearest(limits: list[Gauge], caps: list[Gauge]) -> Gauge | None:
    """Return the bound to look at first; None while none is known.

    A limit that tripped comes first, then a cap that is passed, then the nearest limit: to be near
    a cap is what caps are for.
    """
    known = [line for line in limits if line.used is not None]
    passed = [line for line in caps if line.tone == "hit" and line.used and line.used > 1]
    if known and known[0].mark == TRIPPED:
        return known[0]
    return next(iter(passed or known), None)
