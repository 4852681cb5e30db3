"""Dividends, interest and fees: money or coins that came or went beside the trades."""

from decimal import Decimal

from smart_leverage.books.postings import USD
from smart_leverage.books.sharing import closing_shares
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.orders import HOUSE, Fill, Side
from smart_leverage.domain.records import IncomeSeen
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import IncomeArrived, Reconciled
from smart_leverage.engine.state import FEE_RATE_MAX

ZERO, CENT = Decimal(0), Decimal("0.01")

FEE = "fee"
SEEN_FIRST = "fee, seen in the account before it was told"
CAME_BACK = "fee, come back with a deal that the broker undid"


def take_income(core: Core, event: IncomeArrived) -> None:
    """Book what the broker tells, once; of a fee what the account did not show already.

    While the books hold less than a fee takes, nothing is booked: they lag behind, and it is told
    again.
    """
    if event.reference in core.state.flows:
        return
    key = event.key if event.key in core.state.instruments else None
    amount, qty = event.amount, ZERO
    told = event.qty if key else amount if event.source == FEE else ZERO
    left = told + core.state.fees_ahead.get(key or USD, ZERO)
    left = min(left, ZERO) if told < 0 else max(left, ZERO)  # a fee, or one that comes back
    if key:
        qty = left
        if core.state.book.qty(key) + qty < 0:
            return
    elif told:
        amount = left
    core.record(
        IncomeSeen(
            at_ns=core.now_ns,
            amount=amount,
            source=event.source,
            reference=event.reference,
            key=key,
            told=told,
            qty=qty,
            price=event.price,
            shares=_shares(core, key, qty),
        )
    )


def heed_fees(core: Core, event: Reconciled) -> None:
    """Book fees of coins that the account shows and nobody has told of yet.

    Some brokers take them at once, of what was received, and tell of them a day later. They are
    believed as far as the deals of the last days explain them; a larger difference stays one.
    """
    if not core.config.fees_come_later:
        return
    theirs = {one.key: one for one in event.positions}
    untold = _untold(core, event)
    for key, qty in list(core.state.held()):
        if key in untold:
            continue
        stated = theirs.get(key)
        gone = qty - (ZERO if stated is None else stated.qty)
        price = None if stated is None else stated.price
        _heed_coins(core, key, gone, price or core.state.entry_price(key))
    if untold:
        return
    gone = core.state.book.cash - event.account.cash
    if CENT <= gone <= core.state.fees_due(USD, core.now_ns):
        core.record(IncomeSeen(at_ns=core.now_ns, amount=-gone, source=SEEN_FIRST))
    elif CENT <= -gone <= core.state.fees_back(USD, core.now_ns):
        core.record(IncomeSeen(at_ns=core.now_ns, amount=-gone, source=CAME_BACK))


def _untold(core: Core, event: Reconciled) -> set[Key]:
    """Return what was dealt in untold: that moves holding and cash, and is no fee."""
    found = set()
    for listed in event.orders:
        tracked = core.state.orders.find(listed.order.client_order_id)
        booked = ZERO if tracked is None else tracked.filled - tracked.undone
        if listed.filled_qty > booked:
            found.add(listed.order.key)
    return found


def _heed_coins(core: Core, key: Key, gone: Decimal, price: Decimal) -> None:
    state, now_ns = core.state, core.now_ns
    if ZERO < gone <= state.fees_due(key, now_ns):
        _book_coins(core, key, -gone, price, SEEN_FIRST, _shares(core, key, -gone))
    elif ZERO < -gone <= state.fees_back(key, now_ns):
        _book_coins(core, key, -gone, price, CAME_BACK, _shares(core, key, -gone))


def give_back_fee(core: Core, fill: Fill, qty: Decimal) -> None:
    """Book the coins that a purchase, about to be undone, had cost beside its price."""
    _book_coins(core, fill.key, qty, fill.price, CAME_BACK, {_holder(core, fill): qty})


def _holder(core: Core, fill: Fill) -> str:
    tracked = core.state.orders.find(fill.client_order_id)
    return HOUSE if tracked is None else tracked.order.bot


def _book_coins(
    core: Core, key: Key, qty: Decimal, price: Decimal, source: str, shares: dict[str, Decimal]
) -> None:
    core.record(
        IncomeSeen(
            at_ns=core.now_ns,
            amount=ZERO,
            source=source,
            key=key,
            qty=qty,
            price=price,
            shares=shares,
        )
    )


def expect_fee(core: Core, fill: Fill) -> None:
    """Count on the largest fee in coins that a deal may have cost, until the lists are read.

    So what protects a purchase is smaller than what the broker has, and is not refused.
    """
    if core.instrument(fill.key).asset_class is not AssetClass.CRYPTO or fill.fee:
        return
    core.wants_lists = True
    if fill.side is not Side.BUY:
        return
    before = core.unseen_fees.get(fill.key, ZERO)
    core.unseen_fees[fill.key] = before + fill.qty * FEE_RATE_MAX


def _shares(core: Core, key: Key | None, qty: Decimal) -> dict[str, Decimal]:
    """Return what every bot gives of a fee in coins, negative: all alike, by what they hold.

    Of one that comes back they get as much; where nobody holds any, it is the house's.
    """
    if key is None or not qty:
        return {}
    held, lot = core.state.book.quantities(key), core.instrument(key).lot
    if qty > 0:
        is_enough = sum(held.values(), ZERO) >= qty
        return closing_shares(qty, "", held, lot) if is_enough else {HOUSE: qty}
    return {bot: -part for bot, part in closing_shares(-qty, "", held, lot).items()}
