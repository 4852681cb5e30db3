"""A history with and without the governor: what it would have let pass, and what that changes."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from smart_leverage.brokers.sim import SimBroker
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Decided
from smart_leverage.runtime.replay import replay
from smart_leverage.runtime.replay_case import (
    VARIANTS,
    Account,
    Offer,
    instants_of,
    offers_of,
    step_of,
)
from smart_leverage.runtime.replay_log import OrderLog
from smart_leverage.runtime.replay_meter import Standing
from smart_leverage.runtime.replay_told import Replayed, Watch

ZERO = Decimal(0)
CENT = Decimal("0.01")

SKIPPED = "skipped"
"""The verdict on what is not offered to the governor: the cover of a short that it denied."""

ALONE, GOVERNED = "a", "c"
"""The variants of a replay that are compared: nobody decides, and the account has no record."""


class Line(NamedTuple):
    """One order of the history and what became of it; `given` is what the governor let pass.

    `bound` and `would_be` are those of the decision: fractions, money or counts by `unit`.
    `refusal` is what the venue said where nobody governs, empty when it took the order.
    """

    offer: Offer
    price: Decimal
    verdict: str
    reason: str
    given: Decimal
    unit: str
    bound: Decimal
    would_be: Decimal
    decision_id: str
    refusal: str

    @property
    def asked_money(self) -> Decimal:
        """What was asked, at the price of the moment."""
        return self.offer.qty * self.price

    @property
    def given_money(self) -> Decimal:
        """What was let pass, at the price of the moment."""
        return self.given * self.price


class Count(NamedTuple):
    """So many orders of one verdict and reason, and what they were worth."""

    verdict: str
    reason: str
    side: str
    orders: int
    asked: Decimal
    given: Decimal


class Gain(NamedTuple):
    """What one instrument made; fees are those in cash, coins that a fee took are in `last`."""

    key: Key
    first: Decimal
    paid: Decimal
    received: Decimal
    fees: Decimal
    last: Decimal

    @property
    def profit(self) -> Decimal:
        """The change of the account through this instrument."""
        return self.last - self.first - self.paid + self.received - self.fees


class Shares(NamedTuple):
    """What is held of each capped group, as a fraction of equity; 0 where equity is gone.

    Counted as the policy's caps count it.
    """

    crypto: Decimal = ZERO
    leveraged: Decimal = ZERO
    gross: Decimal = ZERO


class Course(NamedTuple):
    """How an account went: equity at every instant, and what each instrument made of it.

    `shares` runs parallel to `equity`.
    """

    replayed: Replayed
    equity: tuple[tuple[int, Decimal], ...]
    drawdown: Decimal
    gains: tuple[Gain, ...]
    shares: tuple[Shares, ...] = ()

    @property
    def change(self) -> Decimal:
        """Equity at the end less equity at first."""
        return self.replayed.equity_last - self.replayed.equity_first


class Compared(NamedTuple):
    """The same orders without and with the governor, from one start and at one set of prices."""

    alone: Course
    governed: Course
    lines: tuple[Line, ...]
    counts: tuple[Count, ...]


Heard = Callable[[int, int], None]
"""Called with the number of instants done and that of all."""


def compare(
    log: OrderLog,
    account: Account,
    *,
    is_forced: bool = False,
    path: Path | None = None,
    heard: Heard | None = None,
) -> Compared:
    """Offer a history to an account without a governor and to one with it.

    Args:
        log: With at least one order that has a price.
        account: The beginning, the policy, and whether orders may be cut.
        is_forced: Give the governed account an invented record of the stable tier, which says so.
        path: Where the governed account keeps its ledger; None keeps it in memory.
        heard: Hears how far it is.

    Raises:
        BadData: No order of the log has a price.
    """
    count = _Count(log, heard)
    is_look_through = account.config.policy.exposure.is_look_through
    without, with_it = (_Watching(log, count, is_look_through) for _ in range(2))
    alone = replay(log, VARIANTS[ALONE], account, without)
    variant = VARIANTS[GOVERNED]._replace(is_forced=is_forced)
    governed = replay(log, variant, account, with_it, path)
    lines = [
        line._replace(refusal=other.refusal)
        for line, other in zip(with_it.lines, without.lines, strict=True)
    ]
    return Compared(
        alone=without.course(alone),
        governed=with_it.course(governed),
        lines=tuple(lines),
        counts=_counts(lines),
    )


class _Count:
    """Counts the instants of both replays for whoever listens."""

    def __init__(self, log: OrderLog, heard: Heard | None) -> None:
        self._heard = heard
        self._done = self._total = 0
        offers = offers_of(log, is_doubled=False)
        if heard is not None and offers:
            self._total = 2 * len(instants_of(log, offers, step_of(log, offers)))

    def one(self) -> None:
        self._done += 1
        if self._heard is not None:
            self._heard(self._done, self._total)


class _Watching(Watch):
    """Keeps what a comparison needs: a line for each order, the equity, the venue's own fills."""

    def __init__(self, log: OrderLog, count: _Count, is_look_through: bool) -> None:
        self.lines: list[Line] = []
        self._log = log
        self._count = count
        self._is_look_through = is_look_through
        self._equity: list[tuple[int, Decimal]] = []
        self._shares: list[Shares] = []
        self._paid: dict[Key, Decimal] = defaultdict(Decimal)
        self._received: dict[Key, Decimal] = defaultdict(Decimal)
        self._fees: dict[Key, Decimal] = defaultdict(Decimal)
        self._first: Mapping[Key, Decimal] = {}
        self._last: Mapping[Key, Decimal] = {}
        self._seen = 0
        self._standing: Standing

    def looked(self, at_ns: int, venue: SimBroker) -> None:
        """Note the equity and the fills since."""
        if not self._equity:
            self._first = {each.key: each.qty * each.price for each in venue.config.positions}
            self._standing = Standing(venue)
        self._count.one()
        if self._standing.news() is None:
            self._equity.append((at_ns, self._equity[-1][1]))
            self._shares.append(self._shares[-1])
            return
        for update in venue.updates(self._seen):
            self._seen = update.sequence
            if update.fill is not None:
                fill = update.fill
                moved = self._paid if fill.side is Side.BUY else self._received
                moved[fill.key] += fill.qty * fill.price
                self._fees[fill.key] += fill.fee if fill.fee_asset == "USD" else ZERO
        equity = venue.account().equity
        self._equity.append((at_ns, equity))
        self._last = {each.key: each.qty * each.price for each in venue.positions()}
        self._shares.append(self._shares_of(equity))

    def _shares_of(self, equity: Decimal) -> Shares:
        if equity <= 0 or not self._last:
            return Shares()
        listed = [(self._log.registry[key], abs(worth)) for key, worth in self._last.items()]
        counted = [
            (each, worth * each.weight(is_look_through=self._is_look_through))
            for each, worth in listed
        ]
        return Shares(
            crypto=sum((worth for each, worth in counted if each.is_crypto), ZERO) / equity,
            leveraged=sum((worth for each, worth in counted if each.is_leveraged), ZERO) / equity,
            gross=sum((worth for _, worth in listed), ZERO) / equity,
        )

    def offered(self, offer: Offer, price: Decimal, decided: Decided | None, refusal: str) -> None:
        """Note one order."""
        if decided is None:
            line = Line(offer, price, SKIPPED, "", ZERO, "", ZERO, ZERO, "", refusal)
        else:
            line = Line(
                offer=offer,
                price=price,
                verdict=decided.verdict,
                reason=decided.reason,
                given=decided.given,
                unit=decided.unit,
                bound=decided.bound,
                would_be=decided.would_be,
                decision_id=decided.decision_id,
                refusal="",
            )
        self.lines.append(line)

    def course(self, replayed: Replayed) -> Course:
        """Return how the account went."""
        keys = sorted({*self._paid, *self._received, *self._first, *self._last})
        gains = [
            Gain(
                key=key,
                first=self._first.get(key, ZERO),
                paid=self._paid[key],
                received=self._received[key],
                fees=self._fees[key],
                last=self._last.get(key, ZERO),
            )
            for key in keys
        ]
        return Course(
            replayed=replayed,
            equity=tuple(self._equity),
            drawdown=drawdown([worth for _, worth in self._equity]),
            gains=tuple(gains),
            shares=tuple(self._shares),
        )


def drawdown(equity: Sequence[Decimal]) -> Decimal:
    """Return the deepest fall below a best so far, as a fraction of that; 0 for a rise."""
    best, deepest = equity[0], ZERO
    for _, worth in pairwise(equity):
        best = max(best, worth)
        if best > 0:
            deepest = max(deepest, 1 - worth / best)
    return deepest


_ORDER = ("approved", "cut", "denied", SKIPPED)


def _counts(lines: Sequence[Line]) -> tuple[Count, ...]:
    """Return how many orders of each verdict, reason and side there were; the most first."""
    found: dict[tuple[str, str, str], Count] = {}
    for line in lines:
        place = (line.verdict, line.reason, line.offer.side.value)
        count = found.get(place, Count(*place, 0, ZERO, ZERO))
        found[place] = count._replace(
            orders=count.orders + 1,
            asked=count.asked + line.asked_money,
            given=count.given + line.given_money,
        )
    ranked = sorted(found.values(), key=lambda one: (-one.orders, one.reason, one.side))
    return tuple(sorted(ranked, key=lambda one: _rank(one.verdict)))


def _rank(verdict: str) -> int:
    return _ORDER.index(verdict) if verdict in _ORDER else len(_ORDER)
