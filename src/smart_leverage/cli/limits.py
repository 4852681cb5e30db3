"""The limits in force, and what they would say to an order now."""

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smart_leverage.cli.options import ConfigPath, LedgerPath, command
from smart_leverage.cli.screen import Column, Screen

if TYPE_CHECKING:
    from smart_leverage.cli.asking import Asked
    from smart_leverage.engine.limits import Limits
    from smart_leverage.runtime.remembered import Remembered


class Side(StrEnum):
    """What an order does."""

    BUY = "buy"
    SELL = "sell"


# -- show -----------------------------------------------------------------------------------------


@command("smart-leverage limits show", "smart-leverage limits show --config smart-leverage.toml")
def show(screen: Screen, ledger: LedgerPath = None, config: ConfigPath = None) -> None:
    """Show every cap and limit, where the numbers come from, and what is pending.

    They are those that the account in the ledger runs under, with the configured value where it
    differs; with --config, or where there is no ledger, those of the configuration.
    """
    from smart_leverage.cli.rules import numbers_in_force

    found = numbers_in_force(ledger, config)
    if screen.as_json:
        screen.record(
            {
                "source": found.source,
                "policy_hash": found.policy_hash,
                "tier": None if found.tier is None else found.tier.name,
                "numbers": {
                    section: found.numbers[section]
                    for section in _SHOWN
                    if section in found.numbers
                },
                "configured": _differing(found.limits),
                "pending": _pending(found.limits),
            }
        )
        return
    screen.say(f"policy {found.policy_hash}, from {found.source}", "")
    tier = None if found.tier is None else found.tier.name.lower()
    screen.table(_TIER_COLUMNS, _tier_rows(found.numbers, tier))
    screen.say("")
    screen.table(_NUMBER_COLUMNS, _number_rows(found.numbers, _differing(found.limits)))
    screen.say(*_waiting(found.limits))


_SHOWN = ("tiers", "limits", "sizing", "deleveraging", "stops", "execution", "risk")
_TIER_COLUMNS = (
    Column("tier"),
    Column("crypto", is_number=True),
    Column("crypto and leveraged", is_number=True),
    Column(""),
)
_NUMBER_COLUMNS = (
    Column("limit"),
    Column("value", is_number=True),
    Column("configured", is_number=True),
    Column("what it bounds"),
)


def _tier_rows(numbers: dict[str, Any], tier: str | None) -> Iterator[list[str]]:
    from smart_leverage.domain.sentences import TIERS, percent

    for name, shown in TIERS.items():
        caps = numbers["tiers"][name.lower()]
        here = "← in force" if name.lower() == tier else ""
        yield [shown, percent(caps["crypto_cap"]), percent(caps["total_cap"]), here]


def _number_rows(numbers: dict[str, Any], configured: dict[str, str]) -> Iterator[list[str]]:
    """Yield every limit but the caps of the tiers, unless one of those is not as configured."""
    from smart_leverage.domain.limits import shown
    from smart_leverage.engine.limits import texts_in
    from smart_leverage.settings.telling import field_of

    for name, text in texts_in(numbers).items():
        other = configured.get(name)
        if name.endswith(("crypto_cap", "total_cap")) and other is None:
            continue
        field = field_of(name)
        meaning = "" if field is None else field.description or ""
        yield [name, shown(name, text), "" if other is None else shown(name, other), meaning]


def _differing(limits: "Limits | None") -> dict[str, str]:
    """Return what is configured where something else is in force."""
    if limits is None:
        return {}
    return {name: text for name, text in limits.configured.items() if text != limits.in_force[name]}


def _pending(limits: "Limits | None") -> list[dict[str, Any]]:
    kept = ("name", "before", "after", "effective_ns", "who", "reason")
    changes = [] if limits is None else limits.pending.values()
    return [{field: getattr(change, field) for field in kept} for change in changes]


def _waiting(limits: "Limits | None") -> Iterator[str]:
    from smart_leverage.domain.limits import told

    for change in [] if limits is None else limits.pending.values():
        yield f"pending   {told(change)}"
        yield f"          {change.who}: {change.reason}"


# -- check ----------------------------------------------------------------------------------------


@command(
    "smart-leverage limits check buy BTC/USD 4000",
    "smart-leverage limits check sell SOL/USD 12.5 --qty --json",
)
def check(
    screen: Screen,
    side: Annotated[Side, typer.Argument(metavar="SIDE", help="buy or sell.")],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="As BTC/USD or TQQQ.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Money; with --qty, units.")],
    is_qty: Annotated[bool, typer.Option("--qty", help="AMOUNT counts coins or shares.")] = False,
    price: Annotated[
        str | None, typer.Option(metavar="PRICE", help="Its price.  [default: the last one known]")
    ] = None,
    bot: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who asks.  [default: for a sale, the largest holder]"),
    ] = None,
    may_shrink: Annotated[
        bool, typer.Option("--shrink", help="Ask as a bot that takes less when less fits.")
    ] = False,
    ledger: LedgerPath = None,
    config: ConfigPath = None,
) -> None:
    """Ask what the policy would say to an order now; nothing is sent.

    The account is as its ledger leaves it, valued at the last prices known there; their age is
    shown. Leaves with 5 when the order would be denied.
    """
    from smart_leverage.cli import amounts
    from smart_leverage.cli.asking import ask
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.cli.rules import config_of
    from smart_leverage.runtime.remembered import remember

    wanted = amounts.amount(amount, "AMOUNT")
    given_price = None if price is None else amounts.amount(price, "--price")
    now = remember(ledger_path(ledger), with_prices=True)
    asked = ask(
        now,
        config_of(now, config, screen.note),
        side=side.value,
        symbol=symbol,
        qty=wanted if is_qty else None,
        notional=None if is_qty else wanted,
        price=given_price,
        bot=bot,
        may_shrink=may_shrink,
    )
    if screen.as_json:
        screen.record(_fields(now, asked))
    else:
        screen.say(*_lines(now, asked))
    if asked.decided.verdict == "denied":
        raise typer.Exit(5)


def _fields(now: "Remembered", asked: "Asked") -> dict[str, Any]:
    from smart_leverage.domain.clock import SECOND_NS
    from smart_leverage.domain.sentences import sentence
    from smart_leverage.runtime.plain import Seconds

    one, known = asked.decided, asked.known
    said = sentence(one.reason, one.unit, one.bound, one.would_be, is_sale=one.side == "sell")
    return {
        "verdict": one.verdict,
        "reason": one.reason,
        "sentence": said,
        "key": one.key,
        "side": one.side.value,
        "bot": one.bot,
        "asked": one.asked,
        "allowed": one.allowed,
        "given": one.given,
        "price": one.price,
        "unit": one.unit,
        "bound": one.bound,
        "would_be": one.would_be,
        "figures": one.figures,
        "price_source": None if known is None else known.source,
        "price_at_ns": None if known is None else known.at_ns,
        "price_age_s": None if known is None else Seconds((now.at_ns - known.at_ns) / SECOND_NS),
        "as_of_ns": now.at_ns,
    }


def _lines(now: "Remembered", asked: "Asked") -> Iterator[str]:
    from smart_leverage.domain.sentences import money, plain
    from smart_leverage.reports.explain import explain as explained

    one = asked.decided
    worth, fits = money(one.asked * one.price), money(one.allowed * one.price)
    units = f"{plain(one.allowed)} of {plain(one.asked)} {asked.instrument.symbol}"
    share = f"{fits} of {worth} fits ({units})" if one.allowed else f"nothing of {worth} fits"
    yield f"would be {one.verdict}: {share}"
    yield from explained(one, instrument=asked.instrument)[1:]
    yield ""
    yield _price_line(now, asked)


def _price_line(now: "Remembered", asked: "Asked") -> str:
    from smart_leverage.domain.sentences import price
    from smart_leverage.domain.stamps import iso
    from smart_leverage.domain.stamps import span as age

    symbol, known = asked.instrument.symbol, asked.known
    if known is None:
        return f"the ledger knows no price of {symbol}; --price names one"
    span = age(now.at_ns - known.at_ns)
    return (
        f"price of {symbol} {price(known.price)} from {known.source}, {span} before the last "
        f"record ({iso(now.at_ns)})"
    )
