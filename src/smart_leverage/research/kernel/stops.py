"""Every position carries a protective stop, and what is through it is sold."""

from typing import Any

from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.stops import Stops, is_through_stop, stop_distance, stop_limit_price
from smart_leverage.research.kernel.books import (
    CANCELLED,
    LASTS_NS,
    Books,
    Tape,
    add_order,
    drop_leaving,
    entry_price,
    note_decision,
    sellable,
)
from smart_leverage.research.kernel.exact import UNITS, floor_price, floor_product


def level_of(books: Books, fact: Any, stops: Stops, asset: int) -> float:
    """Return where a stop belongs, from the average entry price and the volatility now."""
    distance = stop_distance(books.positions[asset].vol, stops)
    return floor_product(entry_price(books, asset) * (1.0 - distance), fact.places)


def protect(books: Books, row: Any, facts: Any, stops: Stops, asset: int) -> None:
    """Bring the stop of an instrument in line with what is held and not being sold."""
    position, fact = books.positions[asset], facts[asset]
    if position.has_stop == 0 and position.buys > 0:
        return
    wanted = sellable(position)
    if fact.is_coin == 0:
        wanted -= wanted % UNITS
    if wanted < fact.lot:
        wanted = 0
    if position.has_stop != 0:
        if wanted == position.stop_left:
            return
        position.has_stop = position.is_triggered = 0
        position.is_bare = 1 if position.qty > 0 else 0
        if position.buys > 0:
            return
    if wanted > 0:
        place_stop(books, row, fact, stops, asset, wanted)


def place_stop(books: Books, row: Any, fact: Any, stops: Stops, asset: int, wanted: int) -> None:
    """Rest a stop: once set its price stays until the position is gone or grows."""
    position = books.positions[asset]
    known, mark = position.stop_level, position.mark
    level = known
    if known == 0.0 or position.qty > position.stop_qty:
        level = level_of(books, fact, stops, asset)
    if known != 0.0 and known < mark <= level:
        level = known  # what was added below the average raised the stop above the price
    if mark != mark or mark <= level:
        return  # the watch sells it
    position.stop_level, position.stop_qty = level, position.qty
    if level >= position.print:  # the venue refuses it; it is tried again at the next close
        position.is_bare = 1
        return
    position.has_stop, position.is_triggered, position.is_bare = 1, 0, 0
    position.stop_left = wanted
    position.stop_limit = floor_price(stop_limit_price(level, stops), fact.places)
    is_open = fact.is_coin != 0 or row.is_session != 0
    position.stop_since = row.at if is_open else row.opens_at
    position.stop_until = row.at + LASTS_NS
    books.account.until = min(books.account.until, position.stop_until)


def settle(books: Books, row: Any, facts: Any, stops: Stops) -> None:
    """Let cancels take effect, and protect anew whatever was touched."""
    drop_leaving(books)
    if books.account.is_moved == 0:
        return
    books.account.is_moved = 0
    for rank in range(books.account.active):
        asset = books.active[rank]
        if books.positions[asset].is_moved != 0:
            books.positions[asset].is_moved = 0
            protect(books, row, facts, stops, asset)


def send_sale(
    books: Books,
    row: Any,
    facts: Any,
    tape: Tape,
    asset: int,
    qty: int,
    reason: int,
    is_house: int,
    is_late: int,
) -> None:
    """Decide and send a sale at the market; stop and purchases of the instrument give way to it."""
    position = books.positions[asset]
    note_decision(tape, row.at, asset, 0, is_house, qty, qty, reason)
    if position.has_stop != 0:
        position.has_stop = position.is_triggered = 0
        position.is_bare = 1
    if position.buys > 0:
        for place in range(books.account.orders):
            order = books.orders[place]
            if order.asset == asset and order.is_buy != 0:
                order.is_leaving = CANCELLED
    add_order(books, row, facts[asset], asset, 0, is_house, qty, 0.0, is_late)


def watch(books: Books, row: Any, facts: Any, tape: Tape, stops: Stops, is_late: int) -> None:
    """Sell what went through its stop and is still here."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.qty <= 0 or sellable(position) <= 0:
            continue
        level = position.stop_level
        if level == 0.0:
            level = level_of(books, facts[asset], stops, asset)
        if is_through_stop(position.mark, level):
            qty = sellable(position)
            send_sale(books, row, facts, tape, asset, qty, Reason.STOP_HIT.value, 1, is_late)
