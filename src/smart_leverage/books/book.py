"""An account's books: cash, holdings by bot, closed trades and the record that they make."""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, structs

from smart_leverage.books.closings import Closing, closings
from smart_leverage.books.exact import (
    EXACT,
    ZERO,
    bookable,
    canonical,
    exactly,
    positive,
    ratio,
)
from smart_leverage.books.past import Past
from smart_leverage.books.positions import Change, Entry, Held, Holding, Position
from smart_leverage.books.postings import (
    USD,
    Posting,
    cash_postings,
    holding_postings,
    payment_postings,
)
from smart_leverage.books.statistics import TrackRecord
from smart_leverage.books.trackers import Records
from smart_leverage.books.trades import Trade
from smart_leverage.domain.errors import BadData, InvariantViolation
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Fill, Order, Side
from smart_leverage.domain.past import Deal
from smart_leverage.domain.seen import Seen


class Applied(Struct, frozen=True, kw_only=True):
    """What one record did to the books.

    `moves` is the signed change by bot, sorted by bot; `trades` are those made or revised, as they
    stand now; `undone` are orders that no longer close anything, because a late fill stands before
    them. `beyond` is what an order of a bot closed out of lots that are not its own: the engine
    does not send such orders, so above zero it is a breach. A repeat changes nothing;
    `is_contradiction` says that it differs from what was counted under its id.
    """

    is_new: bool
    is_contradiction: bool = False
    is_late: bool = False
    cash: Decimal = ZERO
    moves: tuple[tuple[str, Decimal], ...] = ()
    trades: tuple[Trade, ...] = ()
    undone: tuple[str, ...] = ()
    beyond: Decimal = ZERO
    postings: tuple[Posting, ...] = ()


class Foreseen(NamedTuple):
    """What a split multiplies units by, and what it changes every bot's holding by now."""

    factor: Decimal
    moves: dict[str, Decimal]


class BookState(Struct, frozen=True):
    """Everything the books say, in canonical order: equal books have equal states."""

    cash: Decimal
    held: tuple[Held, ...]
    trades: tuple[Trade, ...]
    past: tuple[Trade, ...] = ()


class Book:
    """Pure and exact books of one account; every read that the engine makes per event is O(1).

    An execution counts once, and the order of arrival does not matter: see `positions` for how a
    late fill finds its place. Nothing is refused for being unwise, only for being unreadable:
    what happened has happened.
    """

    def __init__(self) -> None:
        self._cash = ZERO
        self._is_open = False
        self._instruments: dict[Key, Instrument] = {}
        self._holdings: dict[Key, Holding] = {}
        self._held: tuple[Key, ...] = ()
        self._counted: dict[str, Fill] = {}
        self._long_ago = Seen()
        """Executions that were counted as well, and can be neither revised nor matched anew."""
        self._revised: dict[str, Fill | None] = {}
        """By the id of an execution that does not count any more, what does in its place."""
        self._first: dict[str, str] = {}
        """By the id of a corrected execution, the one under which it is matched."""
        self._records = Records()
        self.past = Past()
        """What was dealt before our time; it makes trades, and neither cash nor holdings."""

    # What happened -----------------------------------------------------------------------------

    def open(self, cash: Decimal) -> tuple[Posting, ...]:
        """Start with this much cash.

        Raises:
            InvariantViolation: The books are open already.
        """
        if self._is_open:
            raise InvariantViolation("the books are open already")
        self._is_open, self._cash = True, bookable(cash, "cash")
        return cash_postings(cash, "capital")

    def list_instrument(self, instrument: Instrument) -> None:
        """Make an instrument, or a newer version of it, known: lot, tick and fee asset."""
        self._instruments[instrument.key] = instrument

    @exactly
    def flow(self, amount: Decimal) -> tuple[Posting, ...]:
        """Book a deposit (positive) or a withdrawal (negative)."""
        self._cash += bookable(amount, "flow")
        return cash_postings(amount, "flows")

    @exactly
    def adopt(self, key: Key, qty: Decimal, price: Decimal, bot: str, *, at_ns: int) -> Applied:
        """Take a holding that was there before us into a bot's lots, at a price, without cash.

        A signed quantity against what is held takes lots away instead, oldest first and without a
        trade: that is how a difference found by reconciliation is settled.

        Raises:
            InvariantViolation: The instrument was never listed.
            BadData: Quantity or price cannot be booked; nothing was changed.
        """
        if not bookable(qty, "adopted quantity"):
            raise BadData("adopted quantity is 0", fix="it must not be zero")
        instrument = self._instrument(key)
        entry = Entry(
            at_ns=at_ns,
            execution_id="",
            client_order_id="",
            bot=bot,
            qty=qty,
            price=positive(price, "adoption price"),
            fee=ZERO,
            lot=instrument.lot,
            tick=instrument.tick_at(price),
            is_forced=False,
        )
        change, moves = self._apply(key, entry)
        postings = holding_postings(key, moves, fee=ZERO, source="adopted")
        return _applied(change, moves, ZERO, postings)

    @exactly
    def foreseen_split(self, key: Key, qty: Decimal, *, at_ns: int) -> Foreseen | None:
        """Return what a split would change, or None while the books do not hold what was split.

        Args:
            key: The instrument.
            qty: What came to the whole holding, negative for units that were taken.
            at_ns: When; what was bought or sold since is matched anew after it.
        """
        holding = self._holdings.get(key)
        held = ZERO if holding is None else holding.qty_at(at_ns)
        if holding is None or not held or held + qty <= 0:
            return None
        twin = deepcopy(holding)
        twin.apply(self._split_entry(key, qty, at_ns))
        moves = _moves(holding.quantities(), twin.quantities())
        return Foreseen(ratio(held + qty, held), moves)

    @exactly
    def split(self, key: Key, qty: Decimal, *, at_ns: int) -> Applied:
        """Change the units of every lot that was held then; neither cash nor cost changes.

        Raises:
            InvariantViolation: The instrument was never listed.
        """
        change, moves = self._apply(key, self._split_entry(key, qty, at_ns))
        postings = holding_postings(key, moves, fee=ZERO, source="exchange")
        return _applied(change, moves, ZERO, postings)

    def _split_entry(self, key: Key, qty: Decimal, at_ns: int) -> Entry:
        instrument = self._instrument(key)
        return Entry(
            at_ns=at_ns,
            execution_id="",
            client_order_id="",
            bot="",
            qty=qty,
            price=ZERO,
            fee=ZERO,
            lot=instrument.lot,
            tick=instrument.tick,
            is_forced=False,
            is_split=True,
        )

    @exactly
    def apply_fill(self, fill: Fill, order: Order) -> Applied:
        """Book one execution of an order, once.

        Args:
            fill: The execution.
            order: The order it belongs to; its bot and role say whose lots are meant.

        Raises:
            InvariantViolation: Fill and order are not of one piece, or the instrument was never
                listed.
            BadData: A figure cannot be booked; nothing was changed.
        """
        if self.is_counted(fill.execution_id):
            counted = self._counted.get(fill.execution_id, fill)
            return Applied(is_new=False, is_contradiction=counted != fill)
        instrument = self._instrument(fill.key)
        _check(fill, order, instrument)
        in_coin, in_cash = _coins(fill), _fee(fill)
        paid = -cash_of(fill) - in_cash
        entry = Entry(
            at_ns=fill.at_ns,
            execution_id=fill.execution_id,
            client_order_id=order.client_order_id,
            bot=order.bot,
            qty=units_of(fill),
            price=fill.price,
            fee=in_cash + in_coin * fill.price,
            lot=instrument.lot,
            tick=instrument.tick_at(fill.price),
            is_forced=order.role.is_house,
        )
        self._counted[fill.execution_id] = fill
        self._cash -= paid + in_cash
        change, moves = self._apply(fill.key, entry)
        postings = payment_postings(paid, in_cash) + holding_postings(
            fill.key, moves, fee=in_coin, source="exchange"
        )
        return _applied(change, moves, -paid - in_cash, postings)

    @exactly
    def revise(self, before: Fill, after: Fill | None) -> Applied:
        """Take an execution back, or correct it, where it stands: all after it is matched anew.

        Args:
            before: The execution as it counts now; of any other nothing is done.
            after: What counts in its place, None for nothing.

        Raises:
            InvariantViolation: The two are not of one piece.
            BadData: A figure cannot be booked; nothing was changed.
        """
        name = before.execution_id
        if self.standing(name) != before or (after and self.is_counted(after.execution_id)):
            return Applied(is_new=False)
        first, instrument = self._first.get(name, name), self._instrument(before.key)
        holding = self._holdings[before.key]
        entry = None
        if after is not None:
            _check_revision(before, after, instrument)
            entry = _revised(holding.entry(first), after)
            self._counted[after.execution_id] = after
            self._first[after.execution_id] = first
        self._revised[name] = after
        cash = EXACT.subtract(ZERO if after is None else cash_of(after), cash_of(before))
        self._cash += cash
        quantities = holding.quantities()
        change = holding.revise(first, entry)
        moves = self._settled(holding, quantities, change)
        fee = sum((_coins(one) * sign for one, sign in ((before, -1), (after, 1)) if one), ZERO)
        in_cash = sum((_fee(one) * sign for one, sign in ((before, -1), (after, 1)) if one), ZERO)
        postings = payment_postings(-cash - in_cash, in_cash) + holding_postings(
            before.key, moves, fee=fee, source="exchange"
        )
        return _applied(change, moves, cash, postings)

    def take_past(self, deals: Iterable[Deal]) -> None:
        """Count deals from before our time in the record; cash and holdings stay as they are.

        Raises:
            BadData: See `Past.take`; nothing was changed.
        """
        change = self.past.take(deals)
        # The newest first: what is older than a full window is then no work.
        self._records.note(change._replace(trades=change.trades[::-1]))

    def forget(self, kept: int) -> None:
        """Keep so many entries of each instrument at least, and about twice as many at most.

        Holdings, cash and records stay as they are. What lies behind that is final: it cannot be
        revised, is told by no list of trades or closings, and a late fill is matched after it.
        """
        orders: list[str] = []
        for holding in self._holdings.values():
            gone = holding.forget(kept)
            orders += gone.orders
            for execution_id in gone.execution_ids:
                self._let_go(execution_id)
        self._records.forget(orders, kept)

    def _let_go(self, execution_id: str) -> None:
        """Keep no more of an execution, and of what it was corrected to, than that it counted."""
        name: str | None = execution_id
        while name is not None:
            self._counted.pop(name, None)
            self._first.pop(name, None)
            self._long_ago.add(name)
            after = self._revised.pop(name, None)
            name = None if after is None else after.execution_id

    # What is so --------------------------------------------------------------------------------

    @property
    def cash(self) -> Decimal:
        """Cash, account currency."""
        return self._cash

    @property
    def keys(self) -> tuple[Key, ...]:
        """Keys of which anything is held, dust included, sorted."""
        return self._held

    def __iter__(self) -> Iterator[Key]:
        return iter(self._held)

    def qty(self, key: Key) -> Decimal:
        """Return the signed quantity held of a key; zero when nothing is."""
        holding = self._holdings.get(key)
        return ZERO if holding is None else holding.qty

    def bot_qty(self, bot: str, key: Key) -> Decimal:
        """Return the signed quantity that one bot holds of a key."""
        holding = self._holdings.get(key)
        return ZERO if holding is None else holding.bot_qty(bot)

    def quantities(self, key: Key) -> dict[str, Decimal]:
        """Return the signed quantity of a key by bot, bots without any left out."""
        holding = self._holdings.get(key)
        return {} if holding is None else holding.quantities()

    @exactly
    def dust(self, key: Key) -> Decimal:
        """Return what is held beyond whole lots; it is sold only with a full close."""
        return self.qty(key) % self._instrument(key).lot

    def position(self, key: Key) -> Position | None:
        """Return the account's position in a key, or None."""
        holding = self._holdings.get(key)
        return None if holding is None else holding.position()

    def bot_position(self, bot: str, key: Key) -> Position | None:
        """Return one bot's position in a key, or None."""
        holding = self._holdings.get(key)
        return None if holding is None else holding.bot_position(bot)

    def is_counted(self, execution_id: str) -> bool:
        """Whether an execution has been booked."""
        return execution_id in self._counted or self._long_ago.has(execution_id)

    def is_forgotten(self, execution_id: str) -> bool:
        """Whether an execution was booked so long ago that nobody knows more of it."""
        return execution_id not in self._counted and self._long_ago.has(execution_id)

    def standing(self, execution_id: str) -> Fill | None:
        """Return what counts of an execution by now.

        None where it was taken back, was never booked, or lies behind what is remembered.
        """
        while execution_id in self._revised:
            after = self._revised[execution_id]
            if after is None:
                return None
            execution_id = after.execution_id
        return self._counted.get(execution_id)

    def matched_as(self, execution_id: str) -> str:
        """Return the id under which an execution is matched: the first one, if it was corrected."""
        return self._first.get(execution_id, execution_id)

    @property
    def record(self) -> TrackRecord:
        """The account's record over its last closed trades."""
        return self._records.account

    def bot_record(self, bot: str) -> TrackRecord:
        """Return a bot's record: its parts of the trades that closed its lots."""
        return self._records.of(bot)

    def trade(self, client_order_id: str) -> Trade | None:
        """Return the trade that an order has closed, or None."""
        return self._records.trade(client_order_id)

    def trades(self, bot: str | None = None) -> tuple[Trade, ...]:
        """Return the closed trades of our time, oldest first; with a bot, those of its lots."""
        return self._records.trades(bot)

    def past_trades(self, bot: str | None = None) -> tuple[Trade, ...]:
        """Return the closed trades from before our time, oldest first; see `trades`."""
        return self._records.trades(bot, is_imported=True)

    def closings(self) -> Iterator[Closing]:
        """Yield every lot that was closed, by key and then in the order of matching; not hot."""
        for key in sorted(self._holdings):
            yield from closings(key, self._holdings[key].entries)

    def past_closings(self) -> Iterator[Closing]:
        """Yield every lot that was closed before our time, as `closings` does."""
        return self.past.closings()

    def held(self) -> tuple[Held, ...]:
        """Return the lots still held, by key and bot."""
        return tuple(held for key in self._held for held in self._holdings[key].held())

    def state(self) -> BookState:
        """Return everything in canonical order and form, for hashes and comparisons; not hot."""
        return canonical(BookState(self._cash, self.held(), self.trades(), self.past_trades()))

    # How ---------------------------------------------------------------------------------------

    def _instrument(self, key: Key) -> Instrument:
        instrument = self._instruments.get(key)
        if instrument is None:
            raise InvariantViolation(f"{key} is booked but was never listed")
        return instrument

    def _apply(self, key: Key, entry: Entry) -> tuple[Change, dict[str, Decimal]]:
        holding = self._holdings.get(key)
        if holding is None:
            holding = self._holdings[key] = Holding(key)
        before = holding.quantities()
        change = holding.apply(entry)
        return change, self._settled(holding, before, change)

    def _settled(
        self, holding: Holding, before: dict[str, Decimal], change: Change
    ) -> dict[str, Decimal]:
        """Note what a holding has become; return by how much every bot's part of it moved."""
        if bool(before) != bool(holding.qty):
            self._held = tuple(sorted(k for k, each in self._holdings.items() if each.qty))
        self._records.note(change)
        return _moves(before, holding.quantities())


def _moves(before: dict[str, Decimal], after: dict[str, Decimal]) -> dict[str, Decimal]:
    changes = {b: after.get(b, ZERO) - before.get(b, ZERO) for b in sorted({*before, *after})}
    return {bot: change for bot, change in changes.items() if change}


def _applied(
    change: Change, moves: dict[str, Decimal], cash: Decimal, postings: tuple[Posting, ...]
) -> Applied:
    return Applied(
        is_new=True,
        is_late=change.is_late,
        cash=cash,
        moves=tuple(moves.items()),
        trades=change.trades,
        undone=change.undone,
        beyond=change.beyond,
        postings=postings,
    )


def units_of(fill: Fill) -> Decimal:
    """Return by how many units a holding moves with an execution, fees in coin taken off."""
    units = fill.qty if fill.side is Side.BUY else EXACT.minus(fill.qty)
    return EXACT.subtract(units, _coins(fill))


def _coins(fill: Fill) -> Decimal:
    return ZERO if fill.fee_asset == USD else fill.fee


def _fee(fill: Fill) -> Decimal:
    return fill.fee if fill.fee_asset == USD else ZERO


def cash_of(fill: Fill) -> Decimal:
    """Return what an execution does to the cash, its fee included."""
    paid = EXACT.multiply(fill.qty, fill.price)
    return EXACT.subtract(EXACT.minus(paid) if fill.side is Side.BUY else paid, _fee(fill))


def _revised(entry: Entry, after: Fill) -> Entry:
    """Return an entry in its place, with the figures that count from now on."""
    fee = EXACT.add(_fee(after), EXACT.multiply(_coins(after), after.price))
    return structs.replace(entry, qty=units_of(after), price=after.price, fee=fee)


def _check_revision(before: Fill, after: Fill, instrument: Instrument) -> None:
    if (before.client_order_id, before.key, before.side) != (
        after.client_order_id,
        after.key,
        after.side,
    ):
        raise InvariantViolation(
            f"{after.execution_id} corrects {before.execution_id} and is of another order"
        )
    _check_figures(after, instrument)


def _check(fill: Fill, order: Order, instrument: Instrument) -> None:
    """Refuse a fill that cannot be booked, before anything is changed."""
    if (fill.client_order_id, fill.key, fill.side) != (
        order.client_order_id,
        order.key,
        order.side,
    ):
        raise InvariantViolation(
            f"fill {fill.execution_id} of {fill.client_order_id} ({fill.side} {fill.key}) is not "
            f"of order {order.client_order_id} ({order.side} {order.key})"
        )
    _check_figures(fill, instrument)


def _check_figures(fill: Fill, instrument: Instrument) -> None:
    if not fill.execution_id:
        raise BadData(f"a fill of {fill.client_order_id} has no execution id")
    positive(fill.qty, "filled quantity")
    positive(fill.price, "fill price")
    bookable(fill.fee, "fee")
    if fill.fee_asset == USD:
        return
    if fill.fee_asset != instrument.fee_asset or not 0 <= fill.fee < fill.qty:
        raise BadData(
            f"fee of {fill.execution_id} is {fill.fee} {fill.fee_asset}",
            fix=f"USD, or {instrument.fee_asset} below the quantity, can be booked",
        )
