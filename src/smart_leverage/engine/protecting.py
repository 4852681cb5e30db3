"""House stops: every position carries a protective stop, and the engine watches it as well."""

from decimal import Decimal
from typing import Any

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.orders import HOUSE, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Unprotected
from smart_leverage.engine.core import COIN_STEP, Core, cancel, intend, round_down
from smart_leverage.engine.enforcing import has_stops
from smart_leverage.engine.proof import exact
from smart_leverage.engine.selling import house_sale
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.stops import is_through_stop, stop_distance, stop_limit_price


def protect(core: Core, key: Key) -> None:
    """Bring the resting stop of an instrument in line with what is held and not being sold."""
    state = core.state
    if not core.is_ready:
        return  # until the lists were compared, what is still being sold is not known
    if not has_stops(core, key):
        return  # a stop is a sale that the house decided on in advance
    stop = state.live_stop(key)
    if core.waiting.get(key) or (stop is None and state.orders.is_buying(key)):
        return
    wanted = _protectable(core, key)
    if stop is not None:
        if wanted != stop.remaining:
            cancel(core, stop, "resized")
        return
    if wanted <= 0:
        return
    if state.orders.stops(key):
        return  # one that somebody else replaced has not told yet what it sold
    level = _stop_level(core, key)
    mark = core.ladder.mark(key)
    known = state.stop_prices.get(key)
    if mark is not None and known is not None and known < mark <= level:
        level = known  # what was added below the average raised the stop above the price
    if mark is None or mark <= level:
        return  # the watch sells it
    _rest(core, key, wanted, level)


def _protectable(core: Core, key: Key) -> Decimal:
    """Return the quantity that a resting stop can cover at the venue."""
    instrument = core.instrument(key)
    step = COIN_STEP if instrument.asset_class is AssetClass.CRYPTO else Decimal(1)
    wanted = round_down(core.sellable(key), step)
    return wanted if wanted >= instrument.lot else Decimal(0)


def _stop_level(core: Core, key: Key) -> Decimal:
    """Return the price of the stop: once set it stays until the position is gone or grows."""
    instrument = core.instrument(key)
    entry = core.state.entry_price(key)
    distance = stop_distance(core.ladder.volatility_daily(key), core.config.policy.stops)
    level = round_down(entry * (1 - exact(distance)), instrument.tick)
    known = core.state.stop_prices.get(key)
    has_grown = core.state.book.qty(key) > core.state.stop_qty.get(key, Decimal(0))
    return level if known is None or has_grown else known


def _rest(core: Core, key: Key, qty: Decimal, level: Decimal) -> None:
    """Rest the best stop that the venue can hold: a plain stop, or a stop-limit for coins."""
    instrument = core.instrument(key)
    terms: dict[str, Any] = {"stop_price": level, "time_in_force": TimeInForce.GTC}
    if instrument.asset_class is AssetClass.CRYPTO:
        floor = exact(stop_limit_price(float(level), core.config.policy.stops))
        terms["type"] = OrderType.STOP_LIMIT
        terms["limit_price"] = round_down(floor, instrument.tick)
        if core.is_dust(key, qty, terms["limit_price"]):
            return  # the watch is all there is, and could not sell it either
    else:
        terms["type"] = OrderType.STOP
    since = core.state.bare_since.get(key)
    if since is not None and since < core.now_ns:
        _journal_gap(core, key, since, "protected again")
    intend(
        core,
        bot=HOUSE,
        role=Role.STOP,
        key=key,
        side=Side.SELL,
        qty=qty,
        decision_id="",
        reserve_price=level,
        **terms,
    )


def watch(core: Core) -> None:
    """Sell what went through its stop and is still here: a gapped stop-limit, a bare position."""
    state = core.state
    for key, _ in state.held():
        level = state.stop_prices.get(key)
        if level is None:
            level = _stop_level(core, key)
        mark = core.ladder.mark(key)
        is_through = mark is not None and is_through_stop(float(mark), float(level))
        if mark is None or not is_through or core.reachable(key) <= 0:
            continue
        house_sale(
            core,
            key,
            core.reachable(key),
            role=Role.GUARD,
            reason=Reason.STOP_HIT,
            unit="money",
            bound=level,
            would_be=mark,
            figures={"stop price": str(level), "price": str(mark)},
        )


def report_bare(core: Core) -> None:
    """Journal positions that have been without a live stop for too long, once each."""
    limit_ns = int(core.config.protect_within_s * SECOND_NS)
    for key, since in core.state.bare_since.items():
        is_late = core.now_ns - since > limit_ns and core.reported_bare.get(key) != since
        is_dust = core.is_dust(key, core.state.book.qty(key))
        if is_late and has_stops(core, key) and not (is_dust or _has_stops_of_bots(core, key)):
            core.reported_bare[key] = since
            _journal_gap(core, key, since, "still without a stop, watched by the engine")


def _has_stops_of_bots(core: Core, key: Key) -> bool:
    """Tell whether live stops of bots cover all that is held: they protect as well as ours."""
    orders = core.state.orders
    stops = (one for one in orders.sales(key) if one.order.stop_price or one.order.trails)
    return orders.together(stops) >= core.state.book.qty(key)


def _journal_gap(core: Core, key: Key, since_ns: int, why: str) -> None:
    core.record(Unprotected(at_ns=core.now_ns, key=key, since_ns=since_ns, why=why))
