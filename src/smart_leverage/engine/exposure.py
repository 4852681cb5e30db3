"""What the account is worth and what it may become at worst, exact."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.instruments import Key
from smart_leverage.engine.events import Rung
from smart_leverage.engine.ladder import HAIRCUT, PriceLadder
from smart_leverage.engine.reserving import NOTHING, Reserved
from smart_leverage.engine.state import State

ZERO = Decimal(0)
ONE = Decimal(1)


LOOKED_THROUGH = ("crypto", "leveraged")
"""The groups in which an instrument counts with its weight, and not once."""


class Valuation(NamedTuple):
    """Equity and what is held at the last good prices, account currency.

    Crypto and what is leveraged are counted as their caps count them, times the weight of each
    instrument; equity, cash and gross are market value.
    """

    equity: Decimal
    cash: Decimal
    crypto: Decimal
    leveraged: Decimal
    gross: Decimal


class Worst(NamedTuple):
    """The worst case if everything under way fills, and the equity left then.

    Crypto and what is leveraged are counted as their caps count them; all else is market value.
    """

    equity: Decimal
    crypto: Decimal
    leveraged: Decimal
    gross: Decimal
    reserved: Decimal
    by_key: dict[Key, Decimal]
    units: dict[Key, Decimal]
    """Held and bought quantity by instrument: one price values all of it."""
    unit_worst: dict[Key, Decimal]
    """That price: the dearest of price with haircut, doubted price and limits under way."""
    weights: dict[Key, Decimal]
    """How many times its market value each instrument counts as crypto and as leveraged."""

    def weight_in(self, group: str, key: Key) -> Decimal:
        """Return how many times its market value an instrument counts in a group."""
        return self.weights[key] if group in LOOKED_THROUGH else ONE


def value(state: State, ladder: PriceLadder) -> Valuation:
    """Value the account at the last good prices, without haircuts: what loss limits judge."""
    crypto = leveraged = gross = ZERO
    instruments = state.instruments
    for key, qty in state.held():
        price = ladder.mark(key)
        if price is None:
            price = state.entry_price(key)
        market_value = qty * price
        gross += market_value
        instrument = instruments[key]
        if instrument.is_leveraged:
            counted = market_value * state.weights[key]
            leveraged += counted
            if instrument.is_crypto:
                crypto += counted
    cash = state.book.cash
    return Valuation(
        equity=cash + gross, cash=cash, crypto=crypto, leveraged=leveraged, gross=gross
    )


def worst_case(
    state: State,
    ladder: PriceLadder,
    now_ns: int,
    cost_rate: Decimal,
    without: frozenset[str] = frozenset(),
) -> Worst:
    """Return the worst case over positions, open, unknown and unsent orders.

    Every position counts at its price plus a haircut for the price's age, every buy under way at
    its limit. Equity counts stale positions lower, and pays for the buys' limits and fees.
    """
    equity = state.book.cash
    crypto = leveraged = gross = reserved = ZERO
    by_key: dict[Key, Decimal] = {}
    units: dict[Key, Decimal] = {}
    unit_worst: dict[Key, Decimal] = {}
    held = dict(state.held())
    buys = _buys_by_key(state, without)
    for key in {**held, **buys}:
        instrument = state.instruments[key]
        qty = held.get(key, ZERO)
        price, haircut = _price(state, ladder, key, now_ns)
        top, low = price * (ONE + haircut), price * (ONE - haircut)
        doubted = ladder.doubted(key)
        if doubted is not None:
            top, low, price = max(top, doubted), min(low, doubted), min(price, doubted)
        bought = buys.get(key, NOTHING)
        units[key], unit_worst[key] = qty + bought.qty, max(top, bought.limit)
        worst = units[key] * unit_worst[key]
        equity += qty * low
        if bought.qty:
            equity -= bought.beyond(price) + bought.cost * cost_rate
            reserved += bought.cost * (ONE + cost_rate)
        by_key[key] = worst
        gross += worst
        if instrument.is_leveraged:
            counted = worst * state.weights[key]
            leveraged += counted
            if instrument.is_crypto:
                crypto += counted
    return Worst(
        equity=equity,
        crypto=crypto,
        leveraged=leveraged,
        gross=gross,
        reserved=reserved,
        by_key=by_key,
        units=units,
        unit_worst=unit_worst,
        weights=state.weights,
    )


def _buys_by_key(state: State, without: frozenset[str]) -> dict[Key, Reserved]:
    """Return what the buys under way may add by instrument.

    Of an order and its change only the larger counts: the venue lets only one of them fill.
    """
    if not without:
        return state.orders.reservations()
    buys: dict[Key, Reserved] = {}
    for tracked in state.orders.buys():
        if tracked.order.client_order_id in without:
            continue
        key = tracked.order.key
        known = buys.get(key, NOTHING)
        remaining, own = tracked.remaining, tracked.cost
        before = state.orders.before(tracked) if tracked.replaces not in without else None
        if before is not None:
            remaining = max(remaining - before.remaining, ZERO)
            own = max(own - before.cost, ZERO)
        stop = tracked.order.stop_price
        buys[key] = Reserved(
            qty=known.qty + remaining,
            limit=max(known.limit, tracked.reserve_price),
            cost=known.cost + own,
            waits=known.waits if stop is None else (*known.waits, (remaining, stop)),
        )
    return buys


def _price(state: State, ladder: PriceLadder, key: Key, now_ns: int) -> tuple[Decimal, Decimal]:
    """Return the price that values an instrument and the haircut it needs."""
    best = ladder.best(key, now_ns)
    if best is not None:
        return best.price, best.haircut
    return state.entry_price(key), HAIRCUT[Rung.CLOSE]
