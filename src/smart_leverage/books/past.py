"""Deals from before our time, matched first in, first out apart from what is held now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from smart_leverage.books.closings import Closing, closings
from smart_leverage.books.episodes import Episode
from smart_leverage.books.exact import ZERO, bookable, exactly, positive
from smart_leverage.books.past_episodes import PastEpisodes
from smart_leverage.books.past_fees import charged, is_charged
from smart_leverage.books.positions import Change, Entry, Held, Holding, Position
from smart_leverage.books.trades import Trade
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.past import Deal, DealKind

PREFIX = "past:"
"""How the names of orders begin that were not ours, so that none is taken for one of ours."""


class Unmatched(NamedTuple):
    """A deal that closes more than was held, of which `held` counts; or a fee of nothing."""

    deal: Deal
    held: Decimal


class _Matched(NamedTuple):
    holding: Holding
    trades: dict[str, Trade]
    unmatched: tuple[Unmatched, ...]
    episodes: tuple[Episode, ...]


class Past:
    """The deals of a time before ours: what they close are trades, what stays open is not held.

    The order of imports does not matter: an instrument that gets new deals is matched anew from
    its first one. A sale closes at most what the deals before it bought, and never opens a short
    unless it says that it does; what it sells beyond that counts for nothing.
    """

    def __init__(self) -> None:
        self._deals: dict[str, Deal] = {}
        self._by_key: dict[Key, list[Deal]] = {}
        self._matched: dict[Key, _Matched] = {}

    def copy(self) -> "Past":
        """Return an independent copy."""
        twin = copy(self)
        twin._deals = dict(self._deals)
        twin._by_key = {key: list(deals) for key, deals in self._by_key.items()}
        twin._matched = dict(self._matched)
        return twin

    @property
    def deals(self) -> Mapping[str, Deal]:
        """Every deal by its id."""
        return self._deals

    @property
    def unmatched(self) -> list[Unmatched]:
        """The deals of which not everything counts, oldest first."""
        found = [each for matched in self._matched.values() for each in matched.unmatched]
        return sorted(found, key=lambda each: each.deal.rank)

    @property
    def left_open(self) -> list[Position]:
        """What the deals have opened and not closed, by key."""
        positions = (self._matched[key].holding.position() for key in sorted(self._matched))
        return [each for each in positions if each is not None]

    def held(self) -> tuple[Held, ...]:
        """Return the lots that the deals have opened and not closed, by key and bot."""
        matched = (self._matched[key] for key in sorted(self._matched))
        return tuple(held for each in matched for held in each.holding.held())

    def closings(self) -> Iterator[Closing]:
        """Yield every lot that the deals closed, by key and then in the order of matching."""
        for key in sorted(self._matched):
            yield from closings(key, self._matched[key].holding.entries)

    @property
    def episodes(self) -> list[Episode]:
        """What is over from flat to flat, in the order in which it ended."""
        found = [each for matched in self._matched.values() for each in matched.episodes]
        return sorted(found, key=lambda each: (each.at_ns, each.key, each.bot))

    def trades_of(self, orders: Collection[str]) -> list[Trade]:
        """Return the trades that these orders closed, oldest first; see `PREFIX`."""
        every = (trade for matched in self._matched.values() for trade in matched.trades.values())
        found = [trade for trade in every if trade.client_order_id in orders]
        return sorted(found, key=lambda trade: trade.rank)

    def new(self, deals: Iterable[Deal]) -> list[Deal]:
        """Return the deals that are not counted yet.

        Raises:
            BadData: One is counted already with other figures, or contradicts its order.
        """
        fresh: dict[str, Deal] = {}
        for deal in deals:
            known = self._deals.get(deal.id) or fresh.get(deal.id)
            if known is None:
                fresh[deal.id] = deal
            elif _as_told(known, deal) != deal:
                raise BadData(
                    f"deal {deal.id} is {_told(deal)}, and was counted as {_told(known)}",
                    fix="one of the two files is wrong; correct it and import it again",
                )
        return list(fresh.values())

    @exactly
    def take(self, deals: Iterable[Deal]) -> Change:
        """Count the deals that are new; return what became of the trades.

        Raises:
            BadData: See `new`, or a figure cannot be booked; nothing was changed.
        """
        fresh: dict[Key, list[Deal]] = defaultdict(list)
        for deal in self.new(deals):
            _check(deal)
            fresh[deal.key].append(deal)
        trades: list[Trade] = []
        undone: list[str] = []
        for key, added in fresh.items():
            known = self._by_key.get(key, [])
            before = self._matched[key].trades if known else {}
            self._by_key[key] = sorted([*known, *added], key=lambda deal: deal.rank)
            self._deals.update((deal.id, deal) for deal in added)
            matched = self._matched[key] = _match(key, self._by_key[key])
            undone += before.keys() - matched.trades.keys()
            now = matched.trades.values()
            trades += [each for each in now if before.get(each.client_order_id) != each]
        trades.sort(key=lambda trade: trade.rank)
        return Change(tuple(trades), tuple(sorted(undone)), ZERO, is_late=False)


def _match(key: Key, deals: Sequence[Deal]) -> _Matched:
    holding, episodes, unmatched = Holding(key), PastEpisodes(key), []
    fees = charged([*_counted(deals)])
    for deal in deals:
        if deal.kind is DealKind.FEE:
            if not is_charged(deal, fees):
                unmatched.append(Unmatched(deal, ZERO))
            continue
        qty = _counting(deal, holding.qty)
        if qty != deal.qty:
            unmatched.append(Unmatched(deal, qty))
        if qty:
            episodes.apply(deal, _entry(deal, qty, fees.by_deal.get(deal.id, ZERO)), holding)
    trades = {
        name: structs.replace(trade, is_imported=True) for name, trade in holding.trades.items()
    }
    return _Matched(holding, trades, tuple(unmatched), tuple(episodes.closed))


def _counted(deals: Iterable[Deal]) -> Iterator[Deal]:
    """Yield the deals of which something counts, and the fees; no fee is for what does not."""
    held = ZERO
    for deal in deals:
        qty = ZERO if deal.kind is DealKind.FEE else _counting(deal, held)
        held += qty if deal.side is Side.BUY else -qty
        if qty or deal.kind is DealKind.FEE:
            yield deal


def _counting(deal: Deal, held: Decimal) -> Decimal:
    """Return how much of a deal counts, given what is held before it."""
    if deal.is_split:
        came = deal.qty if deal.side is Side.BUY else -deal.qty
        return deal.qty if held and held + came > 0 else ZERO
    if deal.side is Side.SELL and not deal.is_short:
        return min(deal.qty, max(held, ZERO))
    if deal.side is Side.BUY and deal.is_short:
        return min(deal.qty, max(-held, ZERO))
    return deal.qty


def _entry(deal: Deal, qty: Decimal, extra: Decimal) -> Entry:
    """Return a deal as the books match it; its name stands where its rank does in an instant.

    `extra` is the fee that was booked apart: of a purchase in coin, of a sale in dollars.
    """
    is_coin = deal.fee_asset != "USD"
    in_coin = (deal.fee if is_coin else ZERO) + (extra if deal.side is Side.BUY else ZERO)
    in_cash = (ZERO if is_coin else deal.fee) + (extra if deal.side is Side.SELL else ZERO)
    sign = 1 if deal.side is Side.BUY else -1
    return Entry(
        at_ns=deal.at_ns,
        execution_id="" if deal.is_split else f"{deal.is_closing:d}{deal.id}",
        client_order_id=PREFIX + deal.order,
        bot=deal.bot,
        qty=sign * qty - in_coin,
        price=ZERO if deal.is_split else deal.price,
        fee=in_cash + in_coin * deal.price,
        lot=deal.lot,
        tick=deal.tick,
        is_forced=False,
        is_split=deal.is_split,
    )


def _check(deal: Deal) -> None:
    bookable(deal.fee, f"fee of {deal.id}")
    if deal.kind is DealKind.FEE:
        return
    positive(deal.qty, f"quantity of {deal.id}")
    if deal.kind is DealKind.TRADE:
        positive(deal.price, f"price of {deal.id}")
    if deal.fee_asset != "USD" and not 0 <= deal.fee < deal.qty:
        raise BadData(
            f"fee of {deal.id} is {deal.fee} {deal.fee_asset}", fix="it must be below the quantity"
        )


def _as_told(known: Deal, deal: Deal) -> Deal:
    """Return a known deal with what depends on who reads it and not on what was dealt."""
    return structs.replace(known, lot=deal.lot, tick=deal.tick, trip=deal.trip)


def _told(deal: Deal) -> str:
    whose = f", of bot {deal.bot}" if deal.bot else ""
    return f"{deal.side} {deal.qty:f} {deal.key} at {deal.price:f}, fee {deal.fee:f}{whose}"
