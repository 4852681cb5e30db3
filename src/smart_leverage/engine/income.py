"""Dividends, interest and fees: money or coins that came or went beside the trades."""

from decimal import Decimal

from smart_leverage.books.sharing import closing_shares
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.orders import PositionSnapshot
from smart_leverage.domain.records import IncomeSeen
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import IncomeArrived

ZERO = Decimal(0)

FEE = "fee"
SEEN_FIRST = "fee, seen in the holding before it was told"


def take_income(core: Core, event: IncomeArrived) -> None:
    """Book what the broker tells, once; of a fee in coins what the holding did not show already.

    While the books hold less than a fee takes, nothing is booked: they lag behind, and it is told
    again.
    """
    if event.reference in core.state.flows:
        return
    key, qty = event.key, event.qty
    if key is None or key not in core.state.instruments:
        _book(core, event, None, ZERO)
        return
    left = min(qty + core.state.fees_ahead.get(key, ZERO), ZERO)
    if core.state.book.qty(key) + left >= 0:
        _book(core, event, key, left)


def _book(core: Core, event: IncomeArrived, key: Key | None, qty: Decimal) -> None:
    core.record(
        IncomeSeen(
            at_ns=core.now_ns,
            amount=event.amount,
            source=event.source,
            reference=event.reference,
            key=key,
            told=event.qty if key else ZERO,
            qty=qty,
            price=event.price,
            shares=_shares(core, key, qty),
        )
    )


def heed_fees(core: Core, position: PositionSnapshot) -> None:
    """Book a fee in coins that a holding shows and nobody has told of yet.

    Some brokers take it at once and tell of it a day later. It is believed as far as the purchases
    of the last days explain it; a larger difference stays one.
    """
    key = position.key
    if not core.config.fees_come_later or key not in core.state.instruments:
        return
    if core.instrument(key).asset_class is not AssetClass.CRYPTO:
        return
    gone = core.state.book.qty(key) - position.qty
    if not ZERO < gone <= core.state.fees_due(key, core.now_ns):
        return
    core.record(
        IncomeSeen(
            at_ns=core.now_ns,
            amount=ZERO,
            source=SEEN_FIRST,
            key=key,
            qty=-gone,
            price=position.price,
            shares=_shares(core, key, -gone),
        )
    )


def _shares(core: Core, key: Key | None, qty: Decimal) -> dict[str, Decimal]:
    """Return what every bot gives of a fee in coins, negative: all alike, by what they hold."""
    if key is None or not qty:
        return {}
    held, lot = core.state.book.quantities(key), core.instrument(key).lot
    return {bot: -part for bot, part in closing_shares(-qty, "", held, lot).items()}
