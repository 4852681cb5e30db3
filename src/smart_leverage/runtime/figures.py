"""What `status` shows, worked out once for the screen and for JSON."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.baselines import Period
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import Marked
from smart_leverage.runtime.remembered import Remembered, number

ZERO = Decimal(0)
_PLACES = Decimal("0.00000001")


def share(part: Decimal, whole: Decimal) -> Decimal:
    """Return a part as a fraction of a whole, to eight places."""
    return (part / whole).quantize(_PLACES)


class Exposure(NamedTuple):
    """One capped group: money held and the cap in force, fractions of equity."""

    group: str
    value: Decimal
    fraction: Decimal | None
    cap: Decimal | None
    left: Decimal | None

    @property
    def used(self) -> Decimal | None:
        """How much of the cap is used, as a fraction of it."""
        if self.fraction is None or not self.cap:
            return None
        return share(self.fraction, self.cap)


class Loss(NamedTuple):
    """One limited loss: `change` is a fraction, negative for a loss; `limit` is positive."""

    name: str
    change: Decimal | None
    amount: Decimal | None
    limit: Decimal | None
    left: Decimal | None
    is_tripped: bool

    @property
    def used(self) -> Decimal | None:
        """How much of the limit is used, as a fraction of it; a gain uses nothing."""
        if self.change is None or not self.limit:
            return None
        return share(max(-self.change, ZERO), self.limit)


class Holding(NamedTuple):
    """One position, valued at the last price that the ledger knows."""

    key: Key
    qty: Decimal
    entry_price: Decimal
    stop_price: Decimal | None


def exposures(now: Remembered) -> list[Exposure]:
    """Return the groups of the last mark; empty before there is one."""
    mark = now.last_mark
    if mark is None:
        return []
    gross = number(now.numbers, "limits.gross_cap")
    lines = (
        ("crypto", mark.crypto, mark.crypto_cap),
        ("leveraged", mark.leveraged, mark.leveraged_cap),
        ("gross", mark.gross, gross),
    )
    return [_exposure(group, value, cap, mark.equity) for group, value, cap in lines]


def _exposure(group: str, value: Decimal, cap: Decimal | None, equity: Decimal) -> Exposure:
    return Exposure(
        group=group,
        value=value,
        fraction=share(value, equity) if equity > 0 else None,
        cap=cap,
        left=None if cap is None else max(cap * equity - value, ZERO),
    )


def losses(now: Remembered) -> list[Loss]:
    """Return the losses of day and month against their limits, and the drawdown without one."""
    mark, breakers = now.last_mark, now.state.breakers
    if mark is None:
        return []
    lines = (
        (Period.DAY, "loss_limit_daily", breakers.is_day_tripped),
        (Period.MONTH, "loss_limit_monthly", breakers.is_month_tripped),
        (Period.PEAK, "", False),
    )
    return [
        _loss(now, mark, period, number(now.numbers, f"limits.{key}"), is_tripped)
        for period, key, is_tripped in lines
    ]


def _loss(
    now: Remembered, mark: Marked, period: Period, limit: Decimal | None, is_tripped: bool
) -> Loss:
    name = "drawdown" if period is Period.PEAK else period.value
    opening = now.state.baselines.opening(period)
    if opening is None or opening <= 0:
        return Loss(name, None, None, limit, None, is_tripped)
    amount = mark.equity - opening
    left = None if limit is None else max(limit * opening + amount, ZERO)
    return Loss(name, share(amount, opening), amount, limit, left, is_tripped)


def holdings(now: Remembered) -> list[Holding]:
    """Return what is held, by key, with the stop that protects it."""
    state = now.state
    return [
        Holding(
            key=key,
            qty=qty,
            entry_price=state.entry_price(key),
            stop_price=state.stop_prices.get(key) if state.live_stop(key) else None,
        )
        for key, qty in state.held()
    ]


class FromBefore(NamedTuple):
    """How much of the record that the tier goes by is from before our time."""

    imported: int
    closed: int
    what: str


def from_before(now: Remembered) -> FromBefore:
    """Return it for whatever the policy counts: closed trades, or episodes from flat to flat."""
    section = now.numbers.get("record", {})
    if section.get("earned") != "on":
        capping = now.state.book.record.capping
        return FromBefore(capping.imported, capping.closed, "trades")
    scratch = float(section["scratch"])
    counted = [one for one in now.state.episodes.closed if abs(one.outcome) >= scratch]
    return FromBefore(sum(one.is_imported for one in counted), len(counted), "episodes")


def record(now: Remembered) -> tuple[int, int]:
    """Return wins and closed trades of the record that the tier goes by."""
    capping = now.state.book.record.capping
    return capping.wins, capping.closed
