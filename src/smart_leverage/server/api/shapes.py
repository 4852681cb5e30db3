"""What the native routes take and give; the OpenAPI file is made from these records."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from smart_leverage.wire.errors import invalid

T = TypeVar("T", bound=Struct)

Name = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Symbol = Annotated[str, Meta(min_length=1, max_length=26, examples=["BTC/USD"])]


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is taken: a name that nobody reads is an error."""


class Reasoned(Asked, frozen=True, kw_only=True):
    """A command with its reason, which stands in the ledger."""

    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class Signal(Asked, frozen=True, kw_only=True):
    """An opportunity without a size; the policy sizes it. A sell leaves the position.

    The same `id` again is the same signal. `at` is when it became known, RFC 3339; one older than
    five minutes is refused. `confidence` is the claimed chance of being right; two thirds is
    neutral. Without a `volatility_ratio` the account's own measure counts.
    """

    id: Name
    symbol: Symbol
    side: Annotated[str, Meta(pattern="^(buy|sell)$")]
    at: Annotated[str, Meta(max_length=40)]
    confidence: Annotated[float, Meta(ge=0.0, le=1.0)] = 2.0 / 3.0
    volatility_ratio: Annotated[float, Meta(gt=0.0, le=1000.0)] | None = None
    horizon_s: Annotated[int, Meta(ge=0, le=31_536_000)] = 0


class Alert(Asked, frozen=True, kw_only=True):
    """A signal as a chart's alert sends it: it cannot set headers, so its key comes inside.

    `key` is key id and secret with a point between, of a token with the scope trade.
    """

    key: Annotated[str, Meta(min_length=1, max_length=128)]
    id: Name
    symbol: Symbol
    action: Annotated[str, Meta(pattern="^(buy|sell)$")]
    time: Annotated[str, Meta(max_length=40)]
    confidence: Annotated[float, Meta(ge=0.0, le=1.0)] = 2.0 / 3.0


class DecisionTold(Struct, frozen=True, kw_only=True):
    """A decision with its sentence; fractions are of equity, money is account currency."""

    id: str
    verdict: str
    reason: str
    sentence: str
    symbol: str
    side: str
    asked: Decimal
    allowed: Decimal
    given: Decimal
    price: Decimal
    unit: str
    bound: Decimal
    would_be: Decimal
    figures: dict[str, str]


class Explained(DecisionTold, frozen=True, kw_only=True):
    """A decision with the lines that explain it to a person."""

    at: str
    bot: str
    source: str
    lines: tuple[str, ...]


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a signal; `order` is the broker-shaped order, null where none was sent."""

    decision: DecisionTold | None
    order: dict[str, Any] | None


class Standing(Struct, frozen=True, kw_only=True):
    """How the account stands."""

    state: str
    why: str
    is_ready: bool
    tier: str
    equity: Decimal
    crypto: Decimal
    leveraged: Decimal
    gross: Decimal
    crypto_cap: Decimal
    leveraged_cap: Decimal
    orders_under_way: int
    policy_hash: str


class SaleTold(Struct, frozen=True, kw_only=True):
    """A sale that would be made: money is account currency, `gain` before fees and tax.

    `cost` is an estimate of spread, slippage and fees. A closed market sells at `opens`.
    """

    symbol: str
    qty: Decimal
    held: Decimal
    price: Decimal | None
    worth: Decimal
    gain: Decimal
    cost: Decimal
    is_open: bool
    opens: str


class Prospect(Struct, frozen=True, kw_only=True):
    """What would be sold: to come inside every cap, and to hold nothing."""

    equity: Decimal
    inside: tuple[SaleTold, ...]
    everything: tuple[SaleTold, ...]


class Ordered(Struct, frozen=True, kw_only=True):
    """What a command did."""

    state: str
    is_durable: bool


def read(content: Mapping[str, object], kind: type[T]) -> T:
    """Return the record that a body holds.

    Raises:
        WireError: 422, with the place of the first thing that is wrong.
    """
    try:
        found = msgspec.convert(content, kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from None
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise invalid(f"{name} is no number")
    return found
