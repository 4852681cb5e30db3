"""One key's holding: an ordered list of entries, and the lots that are left of them.

First in, first out goes by fill time, then execution id, never by arrival: an entry that comes
late is put in its place and everything after it is matched anew. So any permutation of one set of
fills ends in one state, lots and trades included. Whoever runs for years forgets what lies far
back: then the lots of that time are the beginning, and nothing comes before them any more.
"""

from bisect import bisect_right
from copy import deepcopy
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from smart_leverage.books.exact import EXACT, ZERO, apportion, exactly, ratio
from smart_leverage.books.lots import Lot, Stake, Taken
from smart_leverage.books.sharing import closing_shares
from smart_leverage.books.trades import Part, Result, Trade
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side

LAST = "\uffff"
"""Sorts behind every execution id."""

CHECKPOINT_EVERY = 64
"""Entries between two saved states; a late entry costs at most that many extra to match anew."""


class Entry(Struct, frozen=True, kw_only=True):
    """One change of a holding: a fill, or an adoption or a split when there is no execution id.

    `qty` is signed and net of a fee in coin; `fee` is money, whatever it was charged in. `lot` and
    `tick` are those of the instrument's version at the first application. A split gives or
    takes `qty` units, shared by what everybody holds at its time.
    """

    at_ns: int
    execution_id: str
    client_order_id: str
    bot: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    lot: Decimal
    tick: Decimal
    is_forced: bool
    is_split: bool = False

    @property
    def rank(self) -> tuple[int, str]:
        """The place in the order of matching.

        An adoption stands before the fills of its time, a split behind them.
        """
        return (self.at_ns, LAST if self.is_split else self.execution_id)


class Held(Struct, frozen=True):
    """The lots of one bot in one key, oldest first; quantities are magnitudes."""

    key: Key
    bot: str
    qty: Decimal
    lots: tuple[Lot, ...]


class Position(Struct, frozen=True, kw_only=True):
    """A holding as it is read; `qty` is signed, values are magnitudes in account currency.

    `value` is the sum of quantity × entry price over the lots still held, `fees` what was paid to
    open them, `opened_at_ns` when the holding last rose from less than one lot.
    """

    key: Key
    qty: Decimal
    value: Decimal
    fees: Decimal
    opened_at_ns: int

    @property
    def average_entry_price(self) -> Decimal:
        """Value over quantity, fees left out, to 40 digits."""
        return ratio(self.value, self.qty.copy_abs())

    @property
    def cost_basis(self) -> Decimal:
        """What the lots still held have cost: entry value plus the fees of opening them.

        For a short it is what they have brought, fees deducted.
        """
        if self.qty < 0:
            return EXACT.subtract(self.value, self.fees)
        return EXACT.add(self.value, self.fees)


class Change(NamedTuple):
    """What an entry did: trades as they stand now, order ids whose trade is gone, and how.

    `beyond` is what an order that is not the house's closed out of lots of other bots.
    """

    trades: tuple[Trade, ...]
    undone: tuple[str, ...]
    beyond: Decimal
    is_late: bool


class Forgotten(NamedTuple):
    """Executions that are no entries any more, and orders whose trade is final with them."""

    execution_ids: tuple[str, ...]
    orders: tuple[str, ...]


class _Saved(NamedTuple):
    qty: Decimal
    opened_at_ns: int
    stakes: dict[str, Stake]


class Holding:
    """All bots' stakes in one key, on one side: two bots never hold opposite directions."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.qty = ZERO
        self.opened_at_ns = 0
        self.stakes: dict[str, Stake] = {}
        self.trades: dict[str, Trade] = {}
        self._entries: list[Entry] = []
        self._before: list[Trade | None] = []
        self._saved: list[_Saved] = []

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry in the order of matching."""
        return tuple(self._entries)

    def bot_qty(self, bot: str) -> Decimal:
        """Return the signed quantity of one bot."""
        stake = self.stakes.get(bot)
        if stake is None:
            return ZERO
        return stake.qty if self.qty > 0 else stake.qty.copy_negate()

    def held(self) -> tuple[Held, ...]:
        """Return the lots of every bot, sorted by bot."""
        return tuple(
            Held(self.key, bot, stake.qty, tuple(stake.lots))
            for bot, stake in sorted(self.stakes.items())
        )

    def quantities(self) -> dict[str, Decimal]:
        """Return the signed quantity by bot."""
        return {bot: self.bot_qty(bot) for bot in self.stakes}

    @exactly
    def position(self) -> Position | None:
        """Return the whole holding, or None when nothing is held."""
        if not self.qty:
            return None
        return Position(
            key=self.key,
            qty=self.qty,
            value=sum((stake.value for stake in self.stakes.values()), ZERO),
            fees=sum((stake.fees for stake in self.stakes.values()), ZERO),
            opened_at_ns=self.opened_at_ns,
        )

    def bot_position(self, bot: str) -> Position | None:
        """Return one bot's stake, or None when it holds nothing."""
        stake = self.stakes.get(bot)
        if stake is None:
            return None
        return Position(
            key=self.key,
            qty=self.bot_qty(bot),
            value=stake.value,
            fees=stake.fees,
            opened_at_ns=stake.opened_at_ns,
        )

    def qty_at(self, at_ns: int) -> Decimal:
        """Return what was held at the end of a time, by the entries that are known now."""
        twin = deepcopy(self)
        index = bisect_right(self._entries, (at_ns, LAST), key=lambda each: each.rank)
        if index == len(self._entries):
            return self.qty
        tail = twin._rewind(index)
        for entry in tail[: index - len(self._entries)]:
            twin._push(entry)
        return twin.qty

    def apply(self, entry: Entry) -> Change:
        """Put an entry in its place; the caller has seen to it that it is new."""
        if not self._entries or entry.rank >= self._entries[-1].rank:
            trade, beyond = self._push(entry)
            return Change(() if trade is None else (trade,), (), beyond, is_late=False)
        return self._insert(entry)

    def forget(self, kept: int) -> Forgotten:
        """Let entries go, the oldest first, down to about so many once there are twice as many.

        What is held stays as it is. An entry from before them is then matched in front of them all.
        """
        if len(self._entries) <= 2 * kept:
            return Forgotten((), ())
        gone = (len(self._entries) - kept) // CHECKPOINT_EVERY
        entries = self._entries[: gone * CHECKPOINT_EVERY]
        del self._entries[: len(entries)], self._before[: len(entries)], self._saved[:gone]
        known = {each.client_order_id for each in self._entries}
        orders = {each.client_order_id for each in entries} - known
        for order in orders:
            self.trades.pop(order, None)
        ids = tuple(each.execution_id for each in entries if each.execution_id)
        return Forgotten(ids, tuple(orders))

    def entry(self, execution_id: str) -> Entry:
        """Return the entry of an execution, which has to be there."""
        return self._entries[self._place(execution_id)]

    def revise(self, execution_id: str, entry: Entry | None) -> Change:
        """Put an entry in the place of one of the same rank, or none; match what follows anew."""
        index = self._place(execution_id)
        return self._matched_anew(index, [] if entry is None else [entry], left_out=1)

    def _place(self, execution_id: str) -> int:
        # From the newest on: what is taken back seldom lies long ago.
        places = range(len(self._entries) - 1, -1, -1)
        return next(each for each in places if self._entries[each].execution_id == execution_id)

    def _insert(self, entry: Entry) -> Change:
        index = bisect_right(self._entries, entry.rank, key=lambda each: each.rank)
        return self._matched_anew(index, [entry], left_out=0)

    def _matched_anew(self, index: int, new: list[Entry], left_out: int) -> Change:
        """Put entries in the place of so many others and match everything after them once more."""
        orders = {each.client_order_id for each in [*new, *self._entries[index:]]}
        old = {order: self.trades.get(order) for order in orders}
        tail = self._rewind(index)
        place = index - len(self._entries)
        tail[place : place + left_out] = new
        beyond = ZERO
        for each in tail:
            taken = self._push(each)[1]
            beyond = taken if new and each is new[0] else beyond
        now = [self.trades[order] for order in orders if order in self.trades]
        revised = [trade for trade in now if trade != old[trade.client_order_id]]
        gone = [order for order, trade in old.items() if trade and order not in self.trades]
        return Change(
            trades=tuple(sorted(revised, key=lambda trade: trade.rank)),
            undone=tuple(sorted(gone)),
            beyond=beyond,
            is_late=True,
        )

    def _rewind(self, index: int) -> list[Entry]:
        """Go back to the last saved state at or before an index; return the entries undone."""
        number = index // CHECKPOINT_EVERY
        start = number * CHECKPOINT_EVERY
        saved = self._saved[number]
        for entry, trade in zip(
            reversed(self._entries[start:]), reversed(self._before[start:]), strict=True
        ):
            if trade is not None:
                self.trades[entry.client_order_id] = trade
            else:
                self.trades.pop(entry.client_order_id, None)
        tail = self._entries[start:]
        del self._entries[start:], self._before[start:], self._saved[number:]
        self.qty, self.opened_at_ns = saved.qty, saved.opened_at_ns
        self.stakes = saved.stakes
        return tail

    def _push(self, entry: Entry) -> tuple[Trade | None, Decimal]:
        if len(self._entries) % CHECKPOINT_EVERY == 0:
            stakes = {bot: stake.copy() for bot, stake in self.stakes.items()}
            self._saved.append(_Saved(self.qty, self.opened_at_ns, stakes))
        self._entries.append(entry)
        self._before.append(self.trades.get(entry.client_order_id))
        slice_, beyond = self._match(entry)
        if slice_ is None or not entry.execution_id:
            return None, beyond
        before = self.trades.get(entry.client_order_id)
        trade = slice_ if before is None else before.extended(slice_)
        self.trades[entry.client_order_id] = trade
        return trade, beyond

    def _match(self, entry: Entry) -> tuple[Trade | None, Decimal]:
        """Close what stands against the entry, open what is left of it."""
        if entry.is_split:
            self._split(entry.qty)
            return None, ZERO
        size = entry.qty.copy_abs()
        closing = ZERO
        if self.qty and (self.qty > 0) != (entry.qty > 0):
            closing = min(size, self.qty.copy_abs())
        slice_, beyond, fee = None, ZERO, entry.fee
        if closing:
            fee_closing = apportion(entry.fee, closing, size)
            fee = entry.fee - fee_closing
            slice_, beyond = self._close(entry, closing, fee_closing)
        if size > closing:
            self._open(entry, size - closing, fee)
        self.qty += entry.qty
        return slice_, beyond

    def _split(self, units: Decimal) -> None:
        """Change the number of units and nothing else: what was paid for them stays."""
        left, held = units, self.qty
        for bot in sorted(self.stakes):
            stake, own = self.stakes[bot], self.bot_qty(bot)
            share = apportion(left, own, held)
            left, held = left - share, held - own
            stake.split(share if self.qty > 0 else share.copy_negate())
        self.qty += units if self.stakes else ZERO

    def _open(self, entry: Entry, size: Decimal, fee: Decimal) -> None:
        if self.qty.copy_abs() < entry.lot or (self.qty > 0) != (entry.qty > 0):
            self.opened_at_ns = entry.at_ns
        stake = self.stakes.setdefault(entry.bot, Stake())
        lot = Lot(size, entry.price, fee, entry.at_ns, entry.execution_id)
        stake.add(lot, dust_below=entry.lot)

    def _close(self, entry: Entry, closing: Decimal, fee: Decimal) -> tuple[Trade, Decimal]:
        held = {bot: stake.qty for bot, stake in self.stakes.items()}
        shares = closing_shares(closing, entry.bot, held, entry.lot)
        parts, left, fee_left = [], closing, fee
        for bot in sorted(shares):
            fee_part = apportion(fee_left, shares[bot], left)
            taken = self.stakes[bot].take(shares[bot])
            if not self.stakes[bot].qty:
                del self.stakes[bot]
            self._note_taken(entry, bot, taken, fee_part)
            parts.append(Part(bot, _result(entry, taken, fee_part)))
            left, fee_left = left - shares[bot], fee_left - fee_part
        beyond = ZERO if entry.is_forced else closing - shares.get(entry.bot, ZERO)
        return _slice(entry, self.key, tuple(parts)), beyond

    def _note_taken(self, entry: Entry, bot: str, taken: Taken, fee: Decimal) -> None:
        """Hear which lots an entry closes; live books need only the sums, see `closings`."""


def _result(entry: Entry, taken: Taken, fee: Decimal) -> Result:
    exit_value = taken.qty * entry.price
    gross = exit_value - taken.value
    if entry.qty > 0:
        gross = -gross
    fees = taken.fees + fee
    return Result(
        qty=taken.qty,
        entry_value=taken.value,
        exit_value=exit_value,
        gross=gross,
        fees=fees,
        net=gross - fees,
        scratch_below=taken.qty * entry.tick,
        opened_at_ns=taken.opened_at_ns,
        closed_at_ns=entry.at_ns,
    )


def _slice(entry: Entry, key: Key, parts: tuple[Part, ...]) -> Trade:
    total = parts[0].result
    for part in parts[1:]:
        total = total.plus(part.result)
    return Trade(
        client_order_id=entry.client_order_id,
        bot=entry.bot,
        key=key,
        side=Side.BUY if entry.qty > 0 else Side.SELL,
        is_forced=entry.is_forced,
        rank=entry.rank,
        result=total,
        parts=parts,
    )
