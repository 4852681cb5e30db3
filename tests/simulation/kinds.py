"""Orders of bots that wait for a price of their own, or bring exits along."""

from decimal import Decimal
from random import Random
from typing import Any

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import OrderClass, OrderType, Side, TimeInForce
from smart_leverage.domain.registry import Registry

REGISTRY = Registry.builtin()
LIMITS = (0.97, 0.99, 0.998, 1.002, 1.02)
GAPS = (0.003, 0.01, 0.03)


def priced_wish(
    chance: Random, bot: str, key: Key, side: Side, *, at_ns: int, price: float, held: Decimal,
    money: float,
) -> OrderWish | None:  # fmt: skip
    """Return an order that a venue could take, None where there is too little for one."""
    is_coin = key.startswith("crypto:")
    kinds = [OrderType.LIMIT, OrderType.STOP_LIMIT, *([] if is_coin else [OrderType.STOP])]
    if side is Side.SELL:
        qty = held if is_coin else held.to_integral_value(rounding="ROUND_DOWN")
        if chance.random() < 0.5 and not is_coin:
            qty = (qty / 2).to_integral_value(rounding="ROUND_UP")
    else:
        qty = Decimal(f"{money / price:.4f}" if is_coin else f"{money / price:.0f}")
    if qty <= 0:
        return None
    terms = _terms(chance, chance.choice(kinds), 1 if side is Side.BUY else -1)
    if not is_coin and chance.random() < 0.4:
        terms |= _exits(chance, side)
    own = Random(f"{bot}/{at_ns}")  # so that the worlds go on to draw what they drew
    if side is Side.SELL and not is_coin and own.random() < 0.4:
        terms = _trailing(own, price)
    tick = REGISTRY[key].tick
    prices = {
        name: Decimal(f"{price * factor:.9f}").quantize(tick)
        for name, factor in terms.items()
        if isinstance(factor, float)
    }
    if not all(prices.values()):
        return None
    last = TimeInForce.GTC if is_coin or chance.random() < 0.7 else TimeInForce.DAY
    return OrderWish(
        at_ns=at_ns, key=key, side=side, source=bot, id=f"{bot}/priced {at_ns}", qty=qty,
        time_in_force=last, **{**terms, **prices},
    )  # fmt: skip


def _terms(chance: Random, kind: OrderType, up: int) -> dict[str, Any]:
    """Return a kind of order with its prices as parts of the market's."""
    gap = chance.choice(GAPS)
    if kind is OrderType.LIMIT:
        return {"type": kind, "limit_price": chance.choice(LIMITS)}
    stop = {"type": kind, "stop_price": 1 + up * gap}
    return stop | ({"limit_price": 1 + up * gap * 1.5} if kind is OrderType.STOP_LIMIT else {})


def _trailing(chance: Random, price: float) -> dict[str, Any]:
    """Return a stop that follows the market, by percent or by money."""
    gap, kind = chance.choice(GAPS), {"type": OrderType.TRAILING_STOP}
    if chance.random() < 0.5:
        return kind | {"trail_percent": Decimal(f"{gap * 100:.1f}")}
    return kind | {"trail_price": Decimal(f"{max(gap * price, 0.01):.2f}")}


def _exits(chance: Random, side: Side) -> dict[str, Any]:
    both = {"take_profit": 1 + chance.choice(GAPS), "stop_loss": 1 - chance.choice(GAPS)}
    if side is Side.SELL:
        return both | {
            "order_class": OrderClass.OCO,
            "type": OrderType.LIMIT,
            "limit_price": both["take_profit"],
            "stop_price": None,
        }
    if chance.random() < 0.3:
        name = chance.choice(sorted(both))
        return {name: both[name], "order_class": OrderClass.OTO}
    return both | {"order_class": OrderClass.BRACKET}
