"""What has to hold in every world, read off disk, line and venue; and where all has to end."""

from collections.abc import Iterator
from decimal import Decimal

from tests.model.world import BTC, CAP, PRICE, ZERO, Step, World

from smart_leverage.domain.orders import OrderState, Side
from smart_leverage.engine.engine import Engine
from smart_leverage.policy.reasons import TradingState

ROUNDS = 6
"""So many horizons later everything has come to rest."""


def wrongs(world: World) -> list[str]:
    """Return what is wrong in a world, the invariants by name."""
    return [*world.wrong, *_venue(world), *_books(world), *_reservations(world)]


def _at_large(world: World, side: Side) -> dict[str, Decimal]:
    """Return what may still trade at the venue, by order: what rests there and what flies."""
    found: dict[str, Decimal] = {}
    for one in world.venue.all:
        if one.order.side is side and one.remaining:
            name = one.order.client_order_id
            found[name] = found.get(name, ZERO) + one.remaining
    for order in world.venue.flying:
        name, is_taken = order.client_order_id, world.scenario.rejects_repeated_ids
        if order.side is side and not (is_taken and name in world.venue.orders_by_id):
            found[name] = order.qty
    return found


def _venue(world: World) -> Iterator[str]:
    held = world.venue.held.get(BTC, ZERO)
    limits = {name: order.limit_price or PRICE for name, order in world.intents.items()}
    buying = _at_large(world, Side.BUY)
    worst = held * PRICE + sum(
        (qty * limits.get(name, PRICE) for name, qty in buying.items()), ZERO
    )
    if worst > CAP:
        yield f"INV-03: {worst:.0f} may be held of {CAP:.0f} at most"
    selling = sum(_at_large(world, Side.SELL).values(), ZERO)
    if selling > held:
        yield f"INV-06: {selling} is being sold of {held}"
    for name, found in world.venue.orders_by_id.items():
        if len(found) > 1:
            yield f"INV-01: the venue has {len(found)} orders of {name}"


def _books(world: World) -> Iterator[str]:
    """Every execution that was told counts once."""
    heard = world.venue.messages[: world.trader._seen]
    counted = world.trader.engine.state.book._counted
    fills = {one.fill.execution_id: one.fill for one in world.venue.messages if one.fill}
    due = {one.fill.execution_id for one in heard if one.fill}
    if due != set(counted):
        yield f"INV-11: told {sorted(due)}, booked {sorted(counted)}"
    qty = Decimal(world.scenario.held)
    for execution in counted:
        fill = fills[execution]
        qty += fill.qty if fill.side is Side.BUY else -fill.qty
    booked = world.trader.engine.state.book.qty(BTC)
    if booked != qty:
        yield f"INV-11: {booked} is booked, {qty} was told"


def _reservations(world: World) -> Iterator[str]:
    """What may still arrive or fill is reserved, and nothing twice."""
    orders = world.trader.engine.state.orders
    for side in Side:
        for name, qty in _at_large(world, side).items():
            tracked = orders.by_id.get(name)
            if tracked is None or tracked.state.is_final or tracked.remaining < qty:
                yield f"INV-09: {qty} of {name} may still trade and is not reserved"
    buys = [one for one in orders.by_id.values() if one.is_buy]
    reserved = orders.reservations().get(BTC)
    total = ZERO if reserved is None else reserved.qty
    if total != sum((one.remaining for one in buys), ZERO):
        yield f"INV-09: {total} is reserved, the orders make another sum"


def at_rest(world: World) -> Iterator[str]:
    """Yield what has not come to rest although no fault has happened for long."""
    state, core = world.trader.engine.state, world.trader.engine._core
    rests = {
        name: one.remaining
        for name, found in world.venue.orders_by_id.items()
        for one in found
        if one.is_open
    }
    ours = {name: one.remaining for name, one in state.orders.by_id.items()}
    loose = [n for n, o in state.orders.by_id.items() if o.state is not OrderState.OPEN]
    if loose:
        yield f"INV-20: unsettled: {[(n, state.orders.by_id[n].state.value) for n in loose]}"
    elif rests != ours:
        yield f"INV-20: the venue has {rests}, we have {ours}"
    if state.book.qty(BTC) != world.venue.held.get(BTC, ZERO):
        yield "INV-10: books and venue hold different quantities"
    if state.book.cash != world.venue.cash:
        yield "INV-10: books and venue have different cash"
    if core.waiting or world.lanes.items:
        yield "INV-20: something waits for ever"
    if not core.is_ready or core.differs:
        yield "INV-20: not ready, and nothing says why"
    wanted = TradingState.HALTED if world.latch.is_set else TradingState.ACTIVE
    if state.trading is not wanted:
        yield f"INV-20: the account is {state.trading.name}: {state.trading_why}"


def good_day(world: World) -> Iterator[Step]:
    """Let everything that is under way come to its end, without a fault, and yield each step."""
    for _ in range(ROUNDS):
        while step := _next(world):
            yield step
            world.take(step)
        for step in (Step("compares"), Step("horizon passes"), Step("compares")):
            yield step
            world.take(step)
    while step := _next(world):
        yield step
        world.take(step)


def _next(world: World) -> Step | None:
    """Return the next thing that a good day brings; nobody asks for anything, nothing fills."""
    leave_out = ("asks", "asks again", "wants it gone", "compares", "fills", "fills half",
                 "horizon passes", "halt", "resume")  # fmt: skip
    for step in world.steps():
        if not step.is_fault and step.name not in leave_out:
            return step
    return None


def refolded(world: World) -> Engine:
    """Return an engine that knows the account from its journal alone."""
    return world._built().engine
