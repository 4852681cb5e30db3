"""When two worlds are alike: whatever happens next, it happens to both in the same way."""

import hashlib
from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from smart_leverage.domain.orders import Order
from smart_leverage.engine.core import Core
from smart_leverage.engine.state import State

OF_STATE = (
    "orders", "sequence", "session", "stream_seen", "decisions", "requests", "flows", "trading",
    "trading_why", "breakers", "tier", "locks", "plan", "held_before", "stops", "stop_prices",
    "stop_qty", "bare_since",
)  # fmt: skip
"""What of the account decides its orders. Left out is what only a price moves (marks, baselines,
statistics): none moves in these worlds."""

OF_CORE = (
    "now_ns", "started_ns", "is_ready", "is_clock_doubted", "is_stream_refused", "waiting",
    "strangers", "differs", "differs_since_ns", "wants_lists", "unseen_fees", "missing", "ladder",
)  # fmt: skip
MISSES_TOLD = 3
"""More look-ups without a find than that are as many."""


def told(thing: Any) -> Any:
    """Return plain values that differ whenever a thing does."""
    kind = type(thing)
    if kind in (int, str, bool, type(None), bytes, float):
        return thing
    if kind is Decimal:
        return f"{thing.normalize():f}"
    if isinstance(thing, Enum):
        return thing.name
    if kind is Order:
        return (thing.client_order_id, thing.side.name, told(thing.qty), told(thing.limit_price))
    if isinstance(thing, Mapping):
        return tuple((told(name), told(each)) for name, each in thing.items())
    if isinstance(thing, (list, tuple, deque)):
        return tuple(told(each) for each in thing)
    if isinstance(thing, (set, frozenset)):
        return tuple(sorted(told(each) for each in thing))
    if isinstance(thing, msgspec.Struct):
        return tuple(told(each) for each in msgspec.structs.astuple(thing))
    return _inside(thing)


def _inside(thing: Any) -> Any:
    slots = getattr(type(thing), "__slots__", None)
    inside = vars(thing) if slots is None else {name: getattr(thing, name) for name in slots}
    return tuple(
        min(each, MISSES_TOLD) if name == "misses" else told(each)
        for name, each in inside.items()
        if name not in ("config", "_age_max_ns", "_prices")
    )


def fold(state: State) -> Any:
    """Return what the journal makes of an account, as far as it decides anything."""
    book = state.book
    return (
        tuple(told(getattr(state, name)) for name in OF_STATE),
        told(book.cash),
        told({key: book.qty(key) for key in book.keys}),
        tuple(book._counted),
    )


def live(core: Core) -> Any:
    """Return what a process remembers beside its journal."""
    return tuple(told(getattr(core, name)) for name in OF_CORE)


def records(those: Any) -> Any:
    """Return what records say; how a default is written depends on whether it was copied."""
    return tuple((type(each).__name__, told(each)) for each in those)


def digest(plain: Any) -> bytes:
    """Return a short name of plain values."""
    return hashlib.blake2b(repr(plain).encode(), digest_size=12).digest()
