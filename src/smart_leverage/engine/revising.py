"""Executions that the broker takes back or corrects: what compensates for what was booked."""

from collections.abc import Sequence
from decimal import Decimal

from smart_leverage.books.book import units_of
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, OrderState, TradeUpdate
from smart_leverage.domain.records import FillRevised, Noted
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.income import give_back_fee
from smart_leverage.engine.state import FEE_RATE_MAX
from smart_leverage.engine.tracked import Tracked

ZERO = Decimal(0)

TAKEN_BACK = "the broker took back what it sells"


def heed_revision(core: Core, update: TradeUpdate) -> None:
    """Let an execution count as the broker says by now, once however often it is told.

    What the books do not have may come after its own correction. What was sold since cannot be
    taken out of them either: holding less than nothing is no state of this account. Both wait;
    nothing is added before the lists were compared, and what waits still is a difference then, with
    which the account may only reduce until a person has looked.
    """
    if _is_done(core, update):
        return
    why = _obstacle(core, update)
    if not why:
        _book(core, update)
        heed_again(core, update.broker_order.order.key)
        return
    if update.revises not in core.revisions:
        _keep(core, update, why)
        core.is_ready, core.wants_lists = False, True


def heed_again(core: Core, key: Key) -> None:
    """Try again what could not be booked: the books have changed in an instrument."""
    for name, update in list(core.revisions.items()):
        if update.broker_order.order.key != key:
            continue
        if _is_done(core, update):
            core.revisions.pop(name, None)
        elif not _obstacle(core, update):
            del core.revisions[name]
            _book(core, update)
            heed_again(core, key)
            return


def _is_done(core: Core, update: TradeUpdate) -> bool:
    """Tell whether a correction was booked, or says nothing new."""
    book, after = core.state.book, update.fill
    if not book.is_counted(update.revises):
        return False
    if after is not None and book.is_counted(after.execution_id):
        return True
    before = book.standing(update.revises)
    if before is None or after is None:
        return before is None and not book.is_forgotten(update.revises)
    return (before.qty, before.price, before.fee) == (after.qty, after.price, after.fee)


def _obstacle(core: Core, update: TradeUpdate) -> str:
    """Return why a correction cannot be booked now, empty if it can."""
    before = core.state.book.standing(update.revises)
    if before is None:
        return "the books do not have it"
    missing = _missing(core, before, update.fill)
    if missing <= _fee_most(core, before):
        return ""
    return f"it was sold since, {missing} more than is held"


def _missing(core: Core, before: Fill, after: Fill | None) -> Decimal:
    """Return by how much less than nothing would be held after a correction."""
    change = (ZERO if after is None else units_of(after)) - units_of(before)
    held = core.state.book.qty(before.key)
    return max(-(held + change), ZERO) if change < 0 else ZERO


def _fee_most(core: Core, before: Fill) -> Decimal:
    """Return what a fee may have taken of the coins bought, where it was not told with them."""
    if not (core.config.fees_come_later and core.state.has_late_fee(before)):
        return ZERO
    return before.qty * FEE_RATE_MAX


def _book(core: Core, update: TradeUpdate) -> None:
    before = core.state.book.standing(update.revises)
    assert before is not None, "an obstacle was looked for"  # noqa: S101
    missing = _missing(core, before, update.fill)
    if missing:
        give_back_fee(core, before, missing)
    core.record(
        FillRevised(at_ns=core.now_ns, before=before, after=update.fill, sequence=update.sequence)
    )
    _take_back_sales(core, before.key)


def _take_back_sales(core: Core, key: Key) -> None:
    """Cancel sales of what is not held any more, the newest first; each bot sells its own only.

    Stops follow the holding by themselves.
    """
    orders, book = core.state.orders, core.state.book
    sales = list(orders.sales(key))[::-1]
    own = {one.order.bot for one in sales if not one.is_of_house}
    for bot in sorted(own):
        theirs = [one for one in sales if one.order.bot == bot and not one.is_of_house]
        _cancel_beyond(core, theirs, orders.selling(key, bot) - max(book.bot_qty(bot, key), ZERO))
    _cancel_beyond(core, sales, orders.selling(key) - max(book.qty(key), ZERO))


def _cancel_beyond(core: Core, sales: Sequence[Tracked], beyond: Decimal) -> None:
    for one in sales:
        if beyond <= 0:
            return
        beyond -= core.state.orders.reserved(one)
        if one.state is not OrderState.PENDING_CANCEL:
            cancel(core, one, TAKEN_BACK)


def _keep(core: Core, update: TradeUpdate, why: str) -> None:
    core.revisions[update.revises] = update
    order = update.broker_order.order
    text = f"{update.event} of {update.revises}, {order.side} {order.key}, is not booked: {why}"
    core.record(Noted(at_ns=core.now_ns, code="fill.not_revised", text=text))
