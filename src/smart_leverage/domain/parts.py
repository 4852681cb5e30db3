"""Parts of an account that are sold out while the rest goes on: a group, or one instrument."""

from collections.abc import Iterable

from smart_leverage.domain.instruments import Instrument

PREFIX = "close "
"""Begins the name of a plan that sells out parts; behind it stand the parts, each once."""

GROUPS = ("crypto", "leveraged")
"""The groups that can be sold out; `flatten` sells everything."""

INTRADAY = "intraday"
"""What is held by day only under the intraday plan; no person names it."""


def plan_kind(parts: Iterable[str]) -> str:
    """Return how a plan that sells out these parts is called; equal parts, equal name."""
    return PREFIX + " ".join(sorted(parts))


def parts_of(kind: str) -> frozenset[str]:
    """Return the parts that a plan of this kind sells out, none where it is another plan."""
    return frozenset(kind.removeprefix(PREFIX).split()) if kind.startswith(PREFIX) else frozenset()


def is_by_day(kind: str) -> bool:
    """Tell whether a plan of this kind sells what may not stay over the close."""
    return INTRADAY in parts_of(kind)


def is_in(instrument: Instrument, parts: frozenset[str]) -> bool:
    """Tell whether an instrument belongs to one of the parts."""
    return (
        instrument.key in parts
        or (INTRADAY in parts and instrument.is_intraday)
        or ("crypto" in parts and instrument.is_crypto)
        or ("leveraged" in parts and instrument.is_leveraged)
    )


def part_named(text: str, instruments: Iterable[Instrument]) -> str | None:
    """Return the part that a person means by a group's name or a symbol, None for none.

    A coin may be named without its stroke, as BTCUSD.
    """
    plain = text.strip()
    if plain.lower() in GROUPS:
        return plain.lower()
    wanted = plain.upper()
    found = [
        each.key
        for each in instruments
        if wanted in ((symbol := each.key.partition(":")[2]), symbol.replace("/", ""))
    ]
    return found[0] if len(found) == 1 else None


def told(kind: str) -> str:
    """Return what people read of a plan that sells out parts, as "BTC/USD, leveraged"."""
    named = {INTRADAY: "what is held by day only"}
    parts = (named.get(each, each) for each in sorted(parts_of(kind)))
    return ", ".join(each.partition(":")[2] or each for each in parts)
