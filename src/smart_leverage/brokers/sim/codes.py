"""How the venue refuses: Alpaca's codes and message patterns, with the facts as text."""

from decimal import Decimal

from smart_leverage.brokers.sim.exact import plain
from smart_leverage.domain.errors import Refused

MALFORMED = 40010001
FORBIDDEN = 40310000
NOT_FOUND = 40410000
INADMISSIBLE = 42210000


def malformed(message: str) -> Refused:
    """Return a refusal of input that no account could send."""
    return Refused(MALFORMED, message)


def inadmissible(message: str, **facts: Decimal) -> Refused:
    """Return a refusal of an order that breaks a rule of its class or state."""
    return Refused(INADMISSIBLE, message, **_texts(facts))


def forbidden(message: str, *, symbol: str = "", reason: str = "", **facts: Decimal) -> Refused:
    """Return a refusal of an order that this account may not send now."""
    named = {"symbol": symbol, "reject_reason": reason}
    return Refused(FORBIDDEN, message, **{k: v for k, v in named.items() if v}, **_texts(facts))


def not_found(what: str) -> Refused:
    """Return a refusal to touch an order that does not exist."""
    return Refused(NOT_FOUND, f"order not found for {what}")


def final_already(status: str) -> Refused:
    """Return a refusal to change an order that is over."""
    return inadmissible(f'order is already in "{status}" state')


def _texts(facts: dict[str, Decimal]) -> dict[str, str]:
    return {name: plain(value) for name, value in facts.items()}
