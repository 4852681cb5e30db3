"""Double entry: what each record adds to and takes from the accounts, exactly."""

from collections.abc import Iterator
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import NamedTuple

from smart_leverage.domain.orders import Fill, Side

CASH = "cash"
POSITION = "position"
FEES = "fees"
TRADING = "trading"
"""The counter-account of executions: what went out for what came in."""
OWNER = "owner"
"""The counter-account of whatever the owner brings or takes: opening cash, flows, holdings."""

USD = "USD"

# Wide enough for every price × quantity that can be entered; a rounded amount would raise instead.
_EXACT = Context(prec=120, traps=[Inexact, InvalidOperation, Overflow])
add = _EXACT.add
subtract = _EXACT.subtract
# The sign of a Decimal rounds to the context of the thread, so it is turned in ours.
negated = _EXACT.minus


class Leg(NamedTuple):
    """One amount on one account; `bot` is named on positions only."""

    account: str
    bot: str
    asset: str
    amount: Decimal


def plain(value: Decimal) -> str:
    """Return a decimal as text without an exponent."""
    text = str(value)
    return format(value, "f") if "E" in text else text


def of_owner(account: str, bot: str, asset: str, amount: Decimal) -> Iterator[Leg]:
    """Yield the legs of something that the owner brought (positive) or took."""
    if amount:
        yield Leg(account, bot, asset, amount)
        yield Leg(OWNER, "", asset, negated(amount))


def of_income(account: str, bot: str, asset: str, amount: Decimal) -> Iterator[Leg]:
    """Yield the legs of what came (positive) or went beside trades: dividends, interest, fees."""
    if amount:
        yield Leg(account, bot, asset, amount)
        yield Leg(FEES, "", asset, negated(amount))


def of_fill(fill: Fill, bot: str) -> Iterator[Leg]:
    """Yield the legs of one execution: the exchange of cash for asset, then the fee.

    A fee in anything but cash is taken from the position: the venue charges the coin it delivers.
    """
    got = fill.qty if fill.side is Side.BUY else negated(fill.qty)
    paid = _EXACT.multiply(got, fill.price)
    yield Leg(CASH, "", USD, negated(paid))
    yield Leg(TRADING, "", USD, paid)
    yield Leg(POSITION, bot, fill.key, got)
    yield Leg(TRADING, "", fill.key, negated(got))
    if not fill.fee:
        return
    if fill.fee_asset == USD:
        yield Leg(CASH, "", USD, negated(fill.fee))
        yield Leg(FEES, "", USD, fill.fee)
    else:
        yield Leg(POSITION, bot, fill.key, negated(fill.fee))
        yield Leg(FEES, "", fill.key, fill.fee)
