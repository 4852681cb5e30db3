"""Units that go by another name, or come out of others: booked as the broker explains them."""

from decimal import Decimal

from smart_leverage.books.sharing import closing_shares
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import HOUSE
from smart_leverage.domain.records import Adopted
from smart_leverage.engine.core import Core, cancel
from smart_leverage.engine.events import Rung, UnitsArrived

ZERO = Decimal(0)

EXACT = Decimal("1e-12")
"""What was paid for one unit is told so finely; what all cost is a sum of such."""


def on_units(core: Core, event: UnitsArrived) -> None:
    """Book what went and what came in its place, once; nothing of it is a result or a flow.

    What came stands at what was paid for what went, and belongs to whom that belonged; of units
    that come without any going, as out of a spin-off, nobody says whose they are, so they are the
    house's. Every order for what went is taken back, and what came gets a stop of its own. It is
    bought once a price of its own has come. While the books hold less than went, nothing is booked:
    they lag behind, and differ from the broker's lists until they do not.
    """
    if event.reference in core.state.flows or not _is_bookable(core, event):
        return
    gone, came = event.gone, event.came
    entry, mark, shares = event.price, event.price, {HOUSE: came[1]} if came else {}
    if gone is not None:
        key, qty = gone
        held, lot = core.state.book.quantities(key), core.instrument(key).lot
        entry, mark = core.state.entry_price(key), core.ladder.mark(key) or ZERO
        parts = closing_shares(qty, "", held, lot)
        _move(core, event, key, {bot: -part for bot, part in parts.items()}, entry)
        for tracked in core.state.orders.of(key):
            cancel(core, tracked, f"{event.source}: these units are gone")
        if came is not None:
            entry, mark = entry * qty / came[1], mark * qty / came[1]
            shares = _as_before(came[1], parts, core.instrument(came[0]).lot)
    if came is not None:
        _move(core, event, came[0], shares, entry)
        core.ladder.see(came[0], mark or entry, core.now_ns, Rung.CLOSE)


def _is_bookable(core: Core, event: UnitsArrived) -> bool:
    gone, came = event.gone, event.came
    if gone is not None and not ZERO < gone[1] <= core.state.book.qty(gone[0]):
        return False
    if came is None:
        return gone is not None
    is_priced = gone is not None or event.price > 0
    return came[0] in core.state.instruments and came[1] > 0 and is_priced


def _move(
    core: Core, event: UnitsArrived, key: Key, shares: dict[str, Decimal], price: Decimal
) -> None:
    for bot, qty in sorted(shares.items()):
        core.record(
            Adopted(
                at_ns=core.now_ns,
                key=key,
                qty=qty,
                price=max(price.quantize(EXACT), EXACT),
                bot=bot,
                reference=event.reference,
                why=event.source,
            )
        )


def _as_before(qty: Decimal, parts: dict[str, Decimal], lot: Decimal) -> dict[str, Decimal]:
    """Return what each gets of units that came, as much more or less as all got than went.

    What is no whole lot goes to who had most.
    """
    total = sum(parts.values(), ZERO)
    shares = {bot: part * qty // (total * lot) * lot for bot, part in parts.items()}
    most = max(sorted(parts), key=lambda bot: parts[bot])
    shares[most] += qty - sum(shares.values(), ZERO)
    return {bot: share for bot, share in shares.items() if share}
