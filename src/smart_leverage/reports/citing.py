"""How a report writes numbers, spans and sources."""

from collections.abc import Sequence
from decimal import Decimal

from smart_leverage.domain.sentences import MINUS, money, percent

YEARS_FROM_DAYS = 730.5
"""From here on a span is told in years of 365.25 days."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: "1 mark", "8,012 marks"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def events(places: Sequence[int]) -> str:
    """Return which journal entries are meant: "event 4181", "events 21–810"."""
    if not places:
        return "no event"
    low, high = min(places), max(places)
    return f"event {low:,}" if low == high else f"events {low:,}–{high:,}"


def cited(places: Sequence[int], noun: str, plural: str = "") -> str:
    """Return how many records of a kind a figure is made from, and where they stand."""
    return f"{counted(len(places), noun, plural)}, {events(places)}" if places else f"no {noun}"


def signed(fraction: float, places: int = 2) -> str:
    """Return a change in per cent with its sign: "+1.41 %", "−0.20 %"."""
    text = percent(fraction, places)
    is_gain = not text.startswith(MINUS) and any(digit in text for digit in "123456789")
    return f"+{text}" if is_gain else text


def signed_money(amount: Decimal, places: int = 2) -> str:
    """Return a gain or loss with its sign: "+$12.50", "−$3.00"."""
    return f"+{money(amount, places)}" if amount > 0 else money(amount, places)


def ratio_text(number: float, places: int = 2) -> str:
    """Return a plain number with the real minus sign."""
    text = f"{number:,.{places}f}"
    return text.replace("-", MINUS) if text.strip("-0.,") else text.lstrip("-")


def clipped(text: str, longest: int = 120) -> str:
    """Return a text that fits a cell and cannot steer a screen: names come from outside."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def span_text(days: float) -> str:
    """Return a span of time in the unit that people would use: "5.0 days", "30.9 years"."""
    return f"{days / 365.25:,.1f} years" if days >= YEARS_FROM_DAYS else f"{days:,.1f} days"
