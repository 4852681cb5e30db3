"""What people read: the sentence of every reason, and the words for states and verdicts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.parts import is_by_day
from smart_leverage.domain.parts import told as parts_told
from smart_leverage.policy.reasons import Reason, TradingState

MINUS = "\u2212"
_PLACES_MAX = 8


class Word(NamedTuple):
    """A word as it stands on a screen, and the line below it that says what it means."""

    word: str
    line: str


STATES: Mapping[TradingState, Word] = {
    TradingState.ACTIVE: Word("ACTIVE", "orders inside the caps pass"),
    TradingState.REDUCING: Word("REDUCING", "only orders that lower exposure pass; stops stay"),
    TradingState.HALTED: Word(
        "HALTED",
        "nothing that adds exposure passes; exits, cancels and protective stops pass",
    ),
    TradingState.FROZEN: Word("FROZEN", "only cancels pass"),
}
"""The trading states; the journal writes their names in small letters."""

LIFECYCLE: Mapping[str, Word] = {
    "starting": Word("STARTING", "reading the ledger; nothing passes yet"),
    "reconciling": Word(
        "RECONCILING", "comparing with the broker; only orders that lower exposure pass"
    ),
    "ready": Word("READY", "the trading state says what passes"),
}

VERDICTS: Mapping[str, Word] = {
    "approved": Word("approved", "all that was asked fits"),
    "cut": Word("cut", "approved with less than was asked"),
    "denied": Word("denied", "refused by us, before anything was sent"),
    "observed": Word("observed", "would not have been given in full; it left, or was kept, anyway"),
    "warned": Word("warned", "as observed, and somebody is told so"),
    "rejected": Word("rejected", "refused by the broker"),
}

TIERS: Mapping[str, str] = {
    "EMERGENCY": "0 EMERGENCY",
    "LEARNING": "1 LEARNING",
    "STABLE": "2 STABLE",
    "PROFITABLE": "3 PROFITABLE",
}

BREAKERS: Mapping[str, Word] = {
    "day": Word("loss limit of the day", "entries are denied until the next risk day"),
    "month": Word("loss limit of the month", "everything is sold, then a person has to resume"),
    "emergency": Word("emergency month", "the caps of the lowest tier hold while it lasts"),
    "drawdown": Word("limit of the drawdown", "everything is sold, then a person has to resume"),
}

GROUPS: Mapping[str, str] = {
    "crypto": "crypto",
    "leveraged": "leveraged",
    "gross": "all positions",
    "symbol": "one instrument",
    "flatten": "everything",
}


def group_told(kind: str) -> str:
    """Return what people read of what a plan sells: a group of caps, everything, or parts."""
    return GROUPS.get(kind) or parts_told(kind) or kind


PLAN_ENDED = frozenset(("reached", "partial", "failed"))
"""What a plan's last move is called."""

PLAN_STATUS: Mapping[str, str] = {
    "started": "started",
    "stage": "next stage",
    "late": "late for its first stage",
    "reached": "reached",
    "partial": "ended in part",
    "failed": "ended without success",
}


def plan_told(status: str, kind: str) -> str:
    """Return what the last move of a plan is called; one of a newer version as it stands."""
    if status == "late" and is_by_day(kind):
        return "late, the session closes soon"
    return PLAN_STATUS.get(status, status)


class _Phrase(NamedTuple):
    """How a reason reads: `name` alone is the short form of tables.

    `plain` is the whole remainder where no bound was counted. `bound` and `would_be` are the two
    clauses about an order that would add; `held` replaces the second where the house sells.
    """

    name: str
    plain: str
    bound: str = ""
    would_be: str = ""
    held: str = ""


_CAP = ("{} of equity allowed", "this order would make {}", "{} is held")

_PHRASES: Mapping[Reason, _Phrase] = {
    Reason.NONE: _Phrase("inside the bounds", "everything that was asked fits"),
    Reason.BAD_INPUT: _Phrase(
        "input", "the instrument is not listed, or confidence and volatility are not what they say"
    ),
    Reason.FROZEN: _Phrase("frozen", STATES[TradingState.FROZEN].line),
    Reason.HALTED: _Phrase("halted", STATES[TradingState.HALTED].line),
    Reason.REDUCING: _Phrase("reducing", STATES[TradingState.REDUCING].line),
    Reason.BREAKER_DAY: _Phrase(
        "loss limit of the day",
        "tripped, resets at the next risk day; nothing that adds exposure passes",
        "{} of the opening equity allowed",
        "{} lost",
        "{} lost",
    ),
    Reason.BREAKER_MONTH: _Phrase(
        "loss limit of the month",
        "tripped, a person has to resume; nothing that adds exposure passes",
        "{} of the opening equity allowed",
        "{} lost",
        "{} lost",
    ),
    Reason.BREAKER_DRAWDOWN: _Phrase(
        "limit of the drawdown",
        "tripped, a person has to resume; nothing that adds exposure passes",
        "{} below the best equity allowed",
        "{} below it",
        "{} below it",
    ),
    Reason.NO_EQUITY: _Phrase("equity", "not known or not above zero, so nothing can be added"),
    Reason.NO_PRICE: _Phrase("no fresh price", "nothing is bought at a price that is too old"),
    Reason.ASSET_LOCKED: _Phrase(
        "asset lock",
        "it, or all coins together, lost the day's share; closed until the next risk day",
        "{} of the day's opening equity allowed",
        "{} lost",
        "{} lost",
    ),
    Reason.DELEVERAGING: _Phrase(
        "deleveraging", "a plan is running, entries of its group wait until it has ended"
    ),
    Reason.MARKET_CLOSED: _Phrase("market closed", "this instrument does not trade now"),
    Reason.OPPOSITE_BOT: _Phrase(
        "opposite order", "a sale of this instrument is under way; the two would trade together"
    ),
    Reason.SIZE: _Phrase(
        "position size",
        "the policy wants no more of this instrument",
        "{} wanted by the policy",
        "{} is held or under way",
        "{} is held",
    ),
    Reason.CAP_CRYPTO: _Phrase("crypto cap", "no room is left", *_CAP),
    Reason.CAP_LEVERAGED: _Phrase("leveraged cap", "no room is left", *_CAP),
    Reason.CAP_GROSS: _Phrase("gross cap", "no room is left", *_CAP),
    Reason.CAP_SYMBOL: _Phrase("symbol cap", "no room is left", *_CAP),
    Reason.CAP_BOT: _Phrase(
        "share of the bot",
        "no room is left",
        "{} left for this bot",
        "this order would take {}",
        "{} is held",
    ),
    Reason.BUYING_POWER: _Phrase(
        "buying power",
        "nothing is left",
        "{} left",
        "this order would take {}",
        "{} is held",
    ),
    Reason.MINIMUM: _Phrase(
        "smallest order",
        "what fits is too small to be an order",
        "{} needed",
        "this order has {}",
        "this order has {}",
    ),
    Reason.UNUSUAL: _Phrase(
        "unusual size",
        "far beyond what this bot usually buys at once: a quantity may stand for a value",
        "{} at most, by what this bot usually buys",
        "this order comes to {}",
    ),
    Reason.NOT_HELD: _Phrase(
        "not held",
        "nothing of it is held that is not being sold already",
        "{} can be sold",
        "{} asked",
        "{} asked",
    ),
    Reason.SHORT: _Phrase("short sale", "not allowed, this order would sell more than is held"),
    Reason.STOPPED_FIRST: _Phrase(
        "stopped first", "the protective stop sold the position before this order could"
    ),
    Reason.STOP_HIT: _Phrase(
        "protective stop",
        "the price went through it",
        "set at {}",
        "the price is {}",
        "the price is {}",
    ),
    Reason.FLATTEN: _Phrase(
        "flatten",
        "everything is sold, or all of the part that a person named",
        "{} of equity allowed",
        "this order would make {}",
        "{} is held",
    ),
    Reason.INTRADAY: _Phrase(
        "held by day only",
        "a leveraged fund has to be gone before the close, so none is bought outside of a session "
        "or near its end",
        "{} of equity allowed over the close",
        "this order would make {}",
        "{} is held",
    ),
    Reason.NOT_READY: _Phrase("not ready", LIFECYCLE["reconciling"].line),
    Reason.CLOCK: _Phrase(
        "clock", "it jumped or another one contradicts it; nothing is added until it is settled"
    ),
    Reason.STREAM: _Phrase(
        "stream refused",
        "the broker does not let this account listen; another program may run with its keys",
    ),
}


def sentence(
    reason: str, unit: str, bound: Decimal, would_be: Decimal, *, is_sale: bool = False
) -> str:
    """Return what stopped or started an order, as "what: bound, value".

    Args:
        reason: Name of the reason in small letters, as the journal has it; one of a newer version
            is returned as it stands.
        unit: "fraction" of equity, "money" or "count".
        bound: The bound that bit; with a bound and a value of zero nothing was counted.
        would_be: The value that broke it.
        is_sale: The value is what is held, not what an order would make of it.
    """
    phrase = _phrase(reason)
    if phrase is None:
        return f"{reason}: bound {plain(bound)}, value {plain(would_be)}"
    if not phrase.bound or (not bound and not would_be):
        return f"{phrase.name}: {phrase.plain}"
    limit, value = _pair(unit, bound, would_be)
    second = phrase.held if is_sale else phrase.would_be
    return f"{phrase.name}: {phrase.bound.format(limit)}, {second.format(value)}"


def short(reason: str) -> str:
    """Return what a reason is called in a table; one of a newer version as it stands."""
    phrase = _phrase(reason)
    return reason if phrase is None else phrase.name


def _phrase(reason: str) -> _Phrase | None:
    member = Reason.__members__.get(reason.upper())
    return None if member is None else _PHRASES[member]


def percent(fraction: Decimal | float, places: int = 1) -> str:
    """Return a fraction as people read it: 0.284 is "28.4 %", with the real minus sign."""
    return f"{_signed(Decimal(str(fraction)) * 100, places)} %"


def money(amount: Decimal, places: int = 2) -> str:
    """Return an amount of account currency: "$4,000.00", "−$12.50"."""
    text = _signed(amount, places)
    return f"{MINUS}${text[1:]}" if text.startswith(MINUS) else f"${text}"


def price(amount: Decimal) -> str:
    """Return a price: as money, with more places below one dollar, "$0.08123"."""
    places = 3 - amount.adjusted() if amount and abs(amount) < 1 else 2
    return money(amount, min(places, _PLACES_MAX))


def plain(number: Decimal) -> str:
    """Return a count or a quantity with its thousands apart and without idle zeros."""
    text = f"{number:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text.replace("-", MINUS)


def _pair(unit: str, bound: Decimal, value: Decimal) -> tuple[str, str]:
    """Return both numbers with as many places as it takes to tell them apart."""
    if unit not in ("fraction", "money"):
        return plain(bound), plain(value)
    show, first = (percent, 1) if unit == "fraction" else (money, 2)
    texts = show(bound, first), show(value, first)
    for places in range(first + 1, _PLACES_MAX + 1):
        if texts[0] != texts[1] or bound == value:
            break
        texts = show(bound, places), show(value, places)
    return texts


def _signed(number: Decimal, places: int) -> str:
    """Return a rounded number with the real minus sign; nothing left of it has no sign."""
    text = f"{number:,.{places}f}"
    if not text.startswith("-"):
        return text
    return f"{MINUS}{text[1:]}" if text.strip("-0.,") else text[1:]
