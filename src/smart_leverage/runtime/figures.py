"""What `status` shows, worked out once for the screen and for JSON."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.baselines import Period
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import Marked
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.borrowing import gross_cap, lent
from smart_leverage.runtime.remembered import Moved, Remembered, number

ZERO = Decimal(0)
_PLACES = Decimal("0.00000001")


def share(part: Decimal, whole: Decimal) -> Decimal:
    """Return a part as a fraction of a whole, to eight places."""
    return (part / whole).quantize(_PLACES)


class Exposure(NamedTuple):
    """One capped group: money held and the cap in force, fractions of equity.

    Held is what the last mark says and what was filled since. `reserved` is what the buys under way
    may add; `left` is the cap without either.
    """

    group: str
    value: Decimal
    fraction: Decimal | None
    cap: Decimal | None
    left: Decimal | None
    reserved: Decimal

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


class Room(NamedTuple):
    """What may be added at most, account currency: to anything, to leverage, to coins."""

    any: Decimal
    leveraged: Decimal
    crypto: Decimal


def exposures(now: Remembered) -> list[Exposure]:
    """Return the groups as they stand; empty before there was a mark."""
    mark, moved = now.last_mark, now.moved
    if mark is None:
        return []
    gross = gross_cap(now, number(now.numbers, "limits.gross_cap"))
    reserved = reservations(now)
    lines = (
        ("crypto", mark.crypto + moved.crypto, mark.crypto_cap, reserved.crypto),
        ("leveraged", mark.leveraged + moved.leveraged, mark.leveraged_cap, reserved.leveraged),
        ("gross", mark.gross + moved.gross, gross, reserved.gross),
    )
    return [
        _exposure(group, max(value, ZERO), cap, held_back, mark.equity)
        for group, value, cap, held_back in lines
    ]


def _exposure(
    group: str, value: Decimal, cap: Decimal | None, reserved: Decimal, equity: Decimal
) -> Exposure:
    return Exposure(
        group=group,
        value=value,
        fraction=share(value, equity) if equity > 0 else None,
        cap=cap,
        left=None if cap is None else max(cap * equity - value - reserved, ZERO),
        reserved=reserved,
    )


def reservations(now: Remembered) -> Moved:
    """Return what the buys under way may still add to each group, at the prices they reserve."""
    moved = Moved()
    for key, reserved in now.state.orders.reservations().items():
        moved = moved.with_(now.state, key, reserved.cost)
    return moved


def room(now: Remembered) -> Room | None:
    """Return what caps and cash leave, nothing while nothing may be added; None before a mark.

    The broker's own figure and the caps of single instruments are not part of it, and by day what
    margin carries is told as for a fund of three times.
    """
    lines = {line.group: line.left for line in exposures(now)}
    if not lines:
        return None
    if now.state.trading is not TradingState.ACTIVE:
        return Room(ZERO, ZERO, ZERO)
    cash = max(now.state.book.cash - reservations(now).gross, ZERO)
    power = lent(now, cash, reservations(now).gross)
    total = power if lines["gross"] is None else min(lines["gross"], power)
    leveraged = min(lines["leveraged"] or ZERO, total)
    return Room(total, leveraged, min(lines["crypto"] or ZERO, leveraged, cash))


def losses(now: Remembered) -> list[Loss]:
    """Return the losses of day and month and the drawdown, each against its limit, if it has one.

    Where the policy judges rolling windows too, those stand beside the calendar's.
    """
    mark, breakers, state = now.last_mark, now.state.breakers, now.state
    if mark is None:
        return []
    day, month = (number(now.numbers, f"limits.loss_limit_{span}") for span in ("daily", "monthly"))
    is_rolling = now.numbers.get("breakers", {}).get("rolling") == "on"
    lines = [
        ("day", state.opening(Period.DAY), day, breakers.is_day_tripped),
        ("month", state.opening(Period.MONTH), month, breakers.is_month_tripped),
    ]
    if is_rolling:
        since_day = state.rolling.before(mark.at_ns - DAY_NS)
        since_month = state.rolling.before(mark.at_ns - 30 * DAY_NS)
        lines += [
            ("24 h", since_day, day, breakers.is_day_tripped),
            ("30 days", since_month, month, breakers.is_month_tripped),
        ]
    peak = number(now.numbers, "breakers.drawdown_limit") if is_rolling else None
    lines.append(("drawdown", state.opening(Period.PEAK), peak, breakers.is_drawdown_tripped))
    return [_loss(mark, *line) for line in lines]


def _loss(
    mark: Marked, name: str, opening: Decimal, limit: Decimal | None, is_tripped: bool
) -> Loss:
    if not opening.is_finite() or opening <= 0:
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
