"""A denial in the wire's shape: what stood against an order, by how much, and what would pass."""

from smart_leverage.domain.records import Decided
from smart_leverage.domain.sentences import plain, sentence
from smart_leverage.wire.errors import WireError, forbidden, invalid

_STATES = {"halted": "halted", "frozen": "frozen", "reducing": "reduce_only"}
REFUSED = "orders are rejected by user request"
"""What the venue says where its user let no orders through; clients know the refusal by it."""


def denial(decided: Decided) -> WireError:
    """Return the refusal of a decision.

    A bound of ours is 403 with code 40310000, and ends in the words that the venue has for such a
    refusal: some clients know by them alone that the order is refused and not lost on the way.
    Input that cannot be decided at all is 422. What of a holding is not free is told as the venue
    would tell it.
    """
    if decided.reason == "bad_input":
        return _bad_input(decided)
    if decided.reason == "not_held":
        return _not_held(decided)
    what = sentence(decided.reason, decided.unit, decided.bound, decided.would_be)
    most = f"; the largest quantity allowed now is {plain(decided.allowed)}"
    extras = {
        "reason": _STATES.get(decided.reason, decided.reason),
        "unit": decided.unit,
        "bound": f"{decided.bound:f}",
        "would_be": f"{decided.would_be:f}",
        "allowed_qty": f"{decided.allowed:f}",
        "symbol": symbol_of(decided),
        "decision_id": decided.decision_id,
    }
    return forbidden(f"{what}{most}; {_venues(decided)} ({decided.decision_id})", **extras)


def refusal(broker_code: int, reason: str) -> WireError:
    """Return the broker's own refusal as it gave it; clients take one without a code as final."""
    if 40_000_000 <= broker_code < 50_000_000:  # three digits of HTTP, and five of the broker's
        return WireError(broker_code // 100_000, broker_code, reason)
    return forbidden(reason or "refused by the broker")


def _venues(decided: Decided) -> str:
    """Return the nearest words of the venue, by which ccxt for one tells its errors apart."""
    if decided.reason in _STATES:
        return f"new {REFUSED}"
    if decided.reason == "minimum":
        return f"cost basis must be >= minimal amount of order {plain(decided.bound)}"
    if "/" in symbol_of(decided):
        return f"insufficient balance for {symbol_of(decided)} within the limits"
    return "insufficient buying power within the limits"


def symbol_of(decided: Decided) -> str:
    """Return the instrument of a decision as orders spell it."""
    return decided.key.partition(":")[2]


def _bad_input(decided: Decided) -> WireError:
    if "request" in decided.figures:
        return invalid("client_order_id must be unique")
    return invalid("; ".join(decided.figures.values()) or "the order cannot be decided")


def _not_held(decided: Decided) -> WireError:
    wanted, free = plain(decided.would_be), plain(decided.bound)
    coin = symbol_of(decided).partition("/")
    extras = {
        "available": f"{decided.bound:f}",
        "symbol": symbol_of(decided),
        "decision_id": decided.decision_id,
    }
    if coin[1]:
        what = f"insufficient balance for {coin[0]} (requested: {wanted}, available: {free})"
    else:
        what = f"insufficient qty available for order (requested: {wanted}, available: {free})"
    return forbidden(what, **extras)
