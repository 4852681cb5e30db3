"""What would be sold if a person said so, by the engine's own arithmetic; nothing is."""

from collections.abc import Mapping
from decimal import Decimal

from smart_leverage.domain.calendars import calendar_for
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.stamps import iso
from smart_leverage.engine.engine import Engine
from smart_leverage.fills.costs import CostModel, costs_of
from smart_leverage.server.api.shapes import Prospect, SaleTold

_CENT = Decimal("0.01")
_COSTS = CostModel()
"""The assumptions of research and simulated broker; a market in trouble costs more."""


def prospect(engine: Engine, now_ns: int) -> Prospect:
    """Return what would be sold now to come inside every cap, and to hold nothing."""
    held = dict(engine.state.held())
    return Prospect(
        equity=engine.valuation().equity,
        inside=_sales(engine, engine.excess(), now_ns),
        everything=_sales(engine, held, now_ns),
    )


def _sales(engine: Engine, quantities: Mapping[Key, Decimal], now_ns: int) -> tuple[SaleTold, ...]:
    return tuple(_sale(engine, key, qty, now_ns) for key, qty in quantities.items() if qty > 0)


def _sale(engine: Engine, key: Key, qty: Decimal, now_ns: int) -> SaleTold:
    state, price = engine.state, engine.price(key)
    instrument, entry = state.instruments[key], state.entry_price(key)
    worth = qty * (entry if price is None else price)
    rates = costs_of(instrument.is_crypto, _COSTS)
    rate = Decimal(repr(rates.half_spread + rates.slippage + rates.fee_taker))
    calendar = calendar_for(instrument.asset_class)
    is_open = calendar.is_open(now_ns)
    return SaleTold(
        symbol=key.partition(":")[2],
        qty=qty,
        held=state.book.qty(key),
        price=price,
        worth=worth.quantize(_CENT),
        gain=(worth - qty * entry).quantize(_CENT),
        cost=(worth * rate).quantize(_CENT),
        is_open=is_open,
        opens="" if is_open else iso(calendar.next_open(now_ns)),
    )
