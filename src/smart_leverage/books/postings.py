"""Double entry: what each applied record moves between accounts, zero in sum per asset.

Accounts: `cash`, `holding:<bot>`, `fees`, `exchange` (the venue, which takes one asset and gives
another), `capital` (opening cash), `flows`, `adopted`. Assets: `USD` and keys.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from smart_leverage.books.exact import ZERO, exactly
from smart_leverage.domain.instruments import Key

USD = "USD"


class Posting(Struct, frozen=True):
    """One amount into (positive) or out of (negative) an account."""

    account: str
    asset: str
    amount: Decimal


@exactly
def cash_postings(amount: Decimal, source: str) -> tuple[Posting, ...]:
    """Return the postings of opening cash or of a flow."""
    return (Posting("cash", USD, amount), Posting(source, USD, -amount))


@exactly
def holding_postings(
    key: Key, moves: Mapping[str, Decimal], *, fee: Decimal, source: str
) -> tuple[Posting, ...]:
    """Return the postings of the asset's side: what bots got, what was charged, whence it came."""
    rows = [Posting(f"holding:{bot}", key, moves[bot]) for bot in sorted(moves)]
    if fee:
        rows.append(Posting("fees", key, fee))
    rows.append(Posting(source, key, -sum(moves.values(), fee)))
    return tuple(rows)


@exactly
def payment_postings(paid: Decimal, fee: Decimal) -> tuple[Posting, ...]:
    """Return the postings of the money's side of a fill.

    Args:
        paid: What the venue got for the asset, negative for a sale.
        fee: What it charged in money.
    """
    rows = [Posting("cash", USD, -paid - fee)]
    if fee:
        rows.append(Posting("fees", USD, fee))
    rows.append(Posting("exchange", USD, paid))
    return tuple(rows)


@exactly
def imbalance(postings: tuple[Posting, ...]) -> dict[str, Decimal]:
    """Return the assets whose postings do not sum to zero; empty for anything sound (INV-12)."""
    sums: dict[str, Decimal] = {}
    for each in postings:
        sums[each.asset] = sums.get(each.asset, ZERO) + each.amount
    return {asset: total for asset, total in sums.items() if total}
