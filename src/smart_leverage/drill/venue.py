"""What the broker's side holds after an attempt, read from its own file and from nothing else.

It is the judge of the drill, so it shares no code with the engine: it counts the venue's events,
with the prices that the market noted, against the caps that the configuration names.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.sentences import percent
from smart_leverage.drill.market import Moves
from smart_leverage.drill.scene import kept
from smart_leverage.settings import Settings

FILE = "broker.sqlite"
ZERO, ONE = Decimal(0), Decimal(1)
ENDS = frozenset({"canceled", "expired", "rejected", "replaced", "filled"})
HOUSE = "house"
CASH = "USD"


class Caps(NamedTuple):
    """The most that each group may come to, fractions of equity; a symbol is a group of one."""

    crypto: Decimal
    leveraged: Decimal
    gross: Decimal
    symbol: Decimal
    broad: Decimal
    is_look_through: bool
    loss_daily: Decimal

    @classmethod
    def of(cls, settings: Settings) -> "Caps":
        """Return the caps of an account without a record, as its configuration names them."""
        tiers, limits = settings.tiers, settings.limits
        tier = tiers.emergency if tiers.ceiling == "emergency" else tiers.learning
        lent = settings.intraday.plan == "on"
        gross = max(limits.gross_cap, settings.intraday.gross_cap) if lent else limits.gross_cap
        part = _exact(settings.ramp.start)
        return cls(
            crypto=part * _exact(tier.crypto_cap),
            leveraged=part * _exact(tier.total_cap),
            gross=part * _exact(gross),
            symbol=part * _exact(limits.symbol_cap),
            broad=part * _exact(limits.symbol_cap_broad),
            is_look_through=settings.exposure.look_through == "on",
            loss_daily=_exact(limits.loss_limit_daily),
        )

    def weights(self, instrument: Instrument) -> dict[str, Decimal]:
        """Return the groups in which an instrument counts, and how often."""
        weights = {"gross": ONE, str(instrument.key): ONE}
        times = max(abs(instrument.factor), ONE) if self.is_look_through else ONE
        if instrument.is_crypto:
            weights["crypto"] = times
        if instrument.is_crypto or abs(instrument.factor) > 1:
            weights["leveraged"] = times
        return weights

    def cap(self, group: str, instruments: Mapping[Key, Instrument]) -> Decimal:
        """Return the most that a group may come to."""
        if group in ("crypto", "leveraged", "gross"):
            cap: Decimal = getattr(self, group)
            return cap
        return self.broad if instruments[Key(group)].is_broad else self.symbol


class Sent(NamedTuple):
    """An order that reached the venue, as it stands now."""

    name: str
    bot: str
    key: str
    is_buy: bool
    qty: Decimal
    filled: Decimal
    state: str
    sequence: int

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return self.state not in ENDS


class Seen(NamedTuple):
    """What the venue's file says.

    Attributes:
        over: The purchase that stood farthest above each cap when it was taken or filled, in words.
        shorts: Sales after which less than nothing was held, in words.
        late: Purchases that were taken although the day's loss limit was behind, in words.
        highest: The most that each group came to, at a purchase or held at the end.
        orders: Every order, oldest first.
        held: Quantity by key, now.
        worth: Market value by group, now, of equity.
        equity: Now, at the last price.
        opening: Equity at the beginning.
        last: Number of the last event.
    """

    over: list[str]
    shorts: list[str]
    late: list[str]
    highest: dict[str, Decimal]
    orders: list[Sent]
    held: dict[str, Decimal]
    worth: dict[str, Decimal]
    equity: Decimal
    opening: Decimal
    last: int

    @property
    def wrongs(self) -> list[str]:
        """Everything that no attempt may ever come to."""
        return [*self.over, *self.shorts, *self.late]

    @property
    def of_bots(self) -> list[Sent]:
        """The orders that some bot is behind."""
        return [one for one in self.orders if one.bot != HOUSE]

    @property
    def lost(self) -> Decimal:
        """What has been lost of the opening equity, a fraction; negative after a gain."""
        return ONE - self.equity / self.opening

    def bought_after(self, sequence: int) -> list[Sent]:
        """Return the purchases of bots that the venue took after an event."""
        return [one for one in self.of_bots if one.is_buy and one.sequence > sequence]


class _Event(NamedTuple):
    sequence: int
    at_ns: int
    kind: str
    name: str
    fill: tuple[Decimal, Decimal, Decimal, str] | None


class _Order(NamedTuple):
    bot: str
    key: str
    is_buy: bool
    qty: Decimal
    limit: Decimal


def see(folder: Path, caps: Caps) -> Seen:
    """Read what the venue of an account has taken, filled and holds."""
    return _Reading(folder, caps).read()


class _Reading:
    """Replays the venue's events.

    At every acceptance and every fill of a purchase, all that is held and all that open purchases
    may still buy, at the dearer of price and limit, has to be inside every cap.
    """

    def __init__(self, folder: Path, caps: Caps) -> None:
        self._file = folder / FILE
        self._caps, self._moves = caps, Moves(folder)
        self._instruments: Mapping[Key, Instrument] = Registry.builtin()
        self._scene = kept(folder)
        self._cash = self._scene.cash
        self._held = {str(one.key): one.qty for one in self._scene.holdings}
        self._opening = self._equity(self._scene.begins_ns)
        self._orders: dict[str, _Order] = {}
        self._coming: dict[str, Decimal] = {}
        self._sent: dict[str, Sent] = {}
        self._over: dict[str, tuple[Decimal, str]] = {}
        self._shorts: list[str] = []
        self._late: list[str] = []
        self._highest: dict[str, Decimal] = {}

    def read(self) -> Seen:
        last = 0
        with closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=10)) as db:
            db.execute("BEGIN")  # one moment, though the venue goes on writing
            self._orders = dict(_orders(db))
            for event in _events(db):
                last = event.sequence
                self._take(event)
        equity, worth = self._now()
        return Seen(
            over=[what for _, what in self._over.values()],
            shorts=self._shorts,
            late=self._late,
            highest=self._highest,
            orders=list(self._sent.values()),
            held={key: qty for key, qty in self._held.items() if qty},
            worth=worth,
            equity=equity,
            opening=self._opening,
            last=last,
        )

    def _take(self, event: _Event) -> None:
        order, is_new = self._orders[event.name], event.name not in self._sent
        if is_new:
            self._sent[event.name] = Sent(
                event.name, order.bot, order.key, order.is_buy, order.qty, ZERO, "",
                event.sequence,
            )  # fmt: skip
            if order.is_buy:
                self._coming[event.name] = order.qty
        sent = self._sent[event.name]
        if event.fill is not None:
            self._fill(event.name, order, *event.fill)
            sent = sent._replace(filled=sent.filled + event.fill[0])
        is_over = event.kind in ENDS or sent.filled >= order.qty
        state = event.kind if event.kind in ENDS else ("filled" if is_over else event.kind)
        self._sent[event.name] = sent._replace(state=state)
        if is_over:
            self._coming.pop(event.name, None)
        is_taken = is_new and event.kind not in ENDS
        if order.is_buy and (event.fill is not None or is_taken):
            self._judge(event, order, is_taken=is_taken)

    def _fill(
        self, name: str, order: _Order, qty: Decimal, price: Decimal, fee: Decimal, asset: str
    ) -> None:
        sign = 1 if order.is_buy else -1
        self._cash -= sign * qty * price + (fee if asset == CASH else ZERO)
        held = self._held.get(order.key, ZERO) + sign * qty - (ZERO if asset == CASH else fee)
        self._held[order.key] = held
        if held < 0:
            self._shorts.append(f"{order.key} is held short by {-held} after a sale of {order.bot}")
        if name in self._coming:
            self._coming[name] -= qty

    def _judge(self, event: _Event, order: _Order, *, is_taken: bool) -> None:
        equity = self._equity(event.at_ns)
        lost = ONE - equity / self._opening
        if is_taken and lost > self._caps.loss_daily:
            what = f"{order.bot} bought {_symbol(order.key)} after {percent(lost, 2)} were lost"
            self._late.append(f"{what}, the daily limit is {percent(self._caps.loss_daily, 2)}")
        for group, worth in self._worst(event.at_ns).items():
            share = worth / equity if equity > 0 else Decimal("Infinity")
            self._highest[group] = max(self._highest.get(group, ZERO), share)
            cap = self._caps.cap(group, self._instruments)
            if group in self._weights(order.key) and share > cap:
                what = f"{order.bot} came to {percent(share, 2)} of equity in {_symbol(group)}"
                worst = self._over.get(group, (ZERO, ""))[0]
                if share > worst:
                    self._over[group] = share, f"{what}, the cap is {percent(cap, 2)}"

    def _worst(self, at_ns: int) -> dict[str, Decimal]:
        """Return what each group comes to when every open purchase is filled."""
        worth: dict[str, Decimal] = {}
        for key, qty in self._held.items():
            self._add(worth, key, abs(qty) * self._moves.price(key, at_ns))
        for name, left in self._coming.items():
            order = self._orders[name]
            dearest = max(order.limit, self._moves.price(order.key, at_ns))
            self._add(worth, order.key, left * dearest)
        return worth

    def _now(self) -> tuple[Decimal, dict[str, Decimal]]:
        equity, worth = self._cash, dict[str, Decimal]()
        for key, qty in self._held.items():
            equity += qty * self._moves.now(key)
            self._add(worth, key, abs(qty) * self._moves.now(key))
        shares = {group: each / equity for group, each in worth.items()} if equity > 0 else {}
        for group, share in shares.items():
            self._highest[group] = max(self._highest.get(group, ZERO), share)
        return equity, shares

    def _add(self, worth: dict[str, Decimal], key: str, value: Decimal) -> None:
        for group, weight in self._weights(key).items():
            worth[group] = worth.get(group, ZERO) + weight * value

    def _weights(self, key: str) -> dict[str, Decimal]:
        return self._caps.weights(self._instruments[Key(key)])

    def _equity(self, at_ns: int) -> Decimal:
        values = (qty * self._moves.price(key, at_ns) for key, qty in self._held.items())
        return self._cash + sum(values, ZERO)


def _orders(db: sqlite3.Connection) -> Iterator[tuple[str, _Order]]:
    rows = db.execute("SELECT client_order_id, bot, key, side, qty, limit_price FROM orders")
    for name, bot, key, side, qty, limit in rows:
        worst = ZERO if limit is None else Decimal(limit)
        yield name, _Order(bot, key, side == "buy", Decimal(qty), worst)


def _events(db: sqlite3.Connection) -> Iterator[_Event]:
    """Yield what the venue said of its orders, oldest first."""
    rows = db.execute(
        "SELECT sequence, at_ns, substr(kind, 8), client_order_id, payload FROM events"
        " WHERE update_sequence IS NOT NULL ORDER BY sequence"
    )
    for sequence, at_ns, kind, name, payload in rows:
        fill = json.loads(payload).get("fill")
        done = None
        if fill is not None:
            done = (*(Decimal(fill[each]) for each in ("qty", "price", "fee")), fill["fee_asset"])
        yield _Event(sequence, at_ns, kind, name, done)


def _symbol(group: str) -> str:
    return group.partition(":")[2] or group


def _exact(fraction: float) -> Decimal:
    return Decimal(repr(fraction))
