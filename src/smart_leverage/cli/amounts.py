"""Numbers as people type them: exact, in one unit, and refused with what would be accepted."""

from decimal import Decimal, InvalidOperation

import typer


def amount(text: str, name: str) -> Decimal:
    """Return a positive amount.

    Raises:
        BadParameter: It is no number, or not above zero.
    """
    number = _number(text, name)
    if number <= 0:
        raise typer.BadParameter(f"{text} is not above zero", param_hint=name)
    return number


def fraction(text: str, name: str) -> Decimal:
    """Return a fraction above zero, at most one; per cent are refused with both readings.

    Raises:
        BadParameter: It is no such number.
    """
    if text.rstrip().endswith("%"):
        number = _number(text.rstrip().removesuffix("%").rstrip(), name)
        raise typer.BadParameter(f"{text!r} is not a number; write {number / 100}", param_hint=name)
    number = amount(text, name)
    if number > 1:
        raise typer.BadParameter(
            f"{text} is above 1; fractions, not per cent: {number / 100}?", param_hint=name
        )
    return number


def _number(text: str, name: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        plain = text.replace(",", "").replace("$", "")
        hint = f"; write {plain}" if plain != text else ""
        raise typer.BadParameter(f"{text!r} is not a number{hint}", param_hint=name) from None
    if not number.is_finite() or abs(number.adjusted()) > 18:
        raise typer.BadParameter(f"{text} is not an amount", param_hint=name)
    return number
