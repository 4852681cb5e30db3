"""How a page is written: one environment of templates, strict about names and what is HTML."""

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from smart_leverage.domain.sentences import money, percent, plain, price, short
from smart_leverage.domain.stamps import second, span
from smart_leverage.server.desk.steering.keys import issue

HERE = Path(__file__).parent
TEMPLATES = (HERE / "templates", HERE.parent / "steering" / "templates")
"""Where templates are looked for, in this order."""

NOTHING = "–"
"""What stands where a number would, and nobody knows it; a sentence beside it says why."""


@cache
def environment() -> Environment:
    """Return the environment that every page of the desk is written with.

    Whatever comes from outside is escaped, and a name that a template gets wrong is an error.
    """
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "age": span,
        "clock": clock,
        "money": _or_nothing(money),
        "percent": _or_nothing(percent),
        "plain": _or_nothing(plain),
        "price": _or_nothing(price),
        "reason": short,
        "signed_money": signed_money,
        "signed_percent": signed_percent,
        "symbol": symbol,
        "when": second,
    }
    made.globals["act_key"] = issue
    return made


def page(template: str, /, **values: object) -> bytes:
    """Return a template as it stands with these values."""
    return environment().get_template(template).render(values).encode()


def _or_nothing(show: Callable[..., str]) -> Callable[..., str]:
    """Return a filter that lets nobody take an unknown number for zero."""

    def shown(value: Decimal | float | None, *places: int) -> str:
        return NOTHING if value is None else show(value, *places)

    return shown


def signed_money(amount: Decimal | None, places: int = 2) -> str:
    """Return an amount with its sign: a gain has a plus."""
    if amount is None:
        return NOTHING
    return f"{'+' if amount > 0 else ''}{money(amount, places)}"


def signed_percent(fraction: Decimal | float | None, places: int = 2) -> str:
    """Return a change as people read it, with its sign."""
    if fraction is None:
        return NOTHING
    text = percent(fraction, places)
    return f"+{text}" if fraction > 0 and text.strip("0., %") else text


def clock(at_ns: int) -> str:
    """Return the time of day of an instant, UTC, to the second."""
    return second(at_ns)[11:19]


def symbol(key: str) -> str:
    """Return what people call an instrument."""
    return key.partition(":")[2] or key
