"""Closed trades of the `classic` rule: one closing order against its lots, first in, first out.

All slices (fills) of one order are one trade. It counts from its first closing slice on and is
revised by each further one, so that no statistic waits for an order to end.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, structs

from smart_leverage.books.exact import exactly, ratio
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side


class Outcome(StrEnum):
    """How a trade ended, fees included; a scratch is neither won nor lost."""

    WON = "won"
    LOST = "lost"
    SCRATCH = "scratch"


class Result(Struct, frozen=True, kw_only=True):
    """The arithmetic of a closing; quantities positive, money in account currency.

    `gross` is exit value minus entry value (the reverse for a short), `fees` are those of the
    opening and of the closing, `net` is gross minus fees. `scratch_below` is the value of one
    price tick over the quantity. `opened_at_ns` is the opening of the oldest lot that was closed.
    """

    qty: Decimal
    entry_value: Decimal
    exit_value: Decimal
    gross: Decimal
    fees: Decimal
    net: Decimal
    scratch_below: Decimal
    opened_at_ns: int
    closed_at_ns: int

    @property
    def outcome(self) -> Outcome:
        """Whether it won, lost, or moved less than one tick over its quantity."""
        if self.net.copy_abs() < self.scratch_below or not self.net:
            return Outcome.SCRATCH
        return Outcome.WON if self.net > 0 else Outcome.LOST

    @property
    def entry_price(self) -> Decimal:
        """Average entry price, fees left out, to 40 digits."""
        return ratio(self.entry_value, self.qty)

    @property
    def exit_price(self) -> Decimal:
        """Average exit price, fees left out, to 40 digits."""
        return ratio(self.exit_value, self.qty)

    @property
    def net_return(self) -> Decimal:
        """Net profit over entry value, fraction, to 40 digits."""
        return ratio(self.net, self.entry_value)

    @property
    def holding_ns(self) -> int:
        """Time from the opening of the oldest lot closed to the last slice."""
        return self.closed_at_ns - self.opened_at_ns

    @exactly
    def plus(self, other: "Result") -> "Result":
        """Return both closings as one."""
        return Result(
            qty=self.qty + other.qty,
            entry_value=self.entry_value + other.entry_value,
            exit_value=self.exit_value + other.exit_value,
            gross=self.gross + other.gross,
            fees=self.fees + other.fees,
            net=self.net + other.net,
            scratch_below=self.scratch_below + other.scratch_below,
            opened_at_ns=min(self.opened_at_ns, other.opened_at_ns),
            closed_at_ns=max(self.closed_at_ns, other.closed_at_ns),
        )


class Part(Struct, frozen=True):
    """What of a trade fell on the lots of one bot."""

    bot: str
    result: Result


class Trade(Struct, frozen=True, kw_only=True):
    """One closing order as far as it has closed lots.

    `bot` is the order's, `side` that of the closing order, `is_forced` says that the order was
    the house's. `rank` is time and execution id of the first closing slice: the place of the
    trade in every series. `parts` are sorted by bot and sum to `result`. `is_imported` says that
    it was closed before our time and is known from a file.
    """

    client_order_id: str
    bot: str
    key: Key
    side: Side
    is_forced: bool
    rank: tuple[int, str]
    result: Result
    parts: tuple[Part, ...]
    is_imported: bool = False

    @property
    def net(self) -> Decimal:
        """Net profit over all parts, account currency."""
        return self.result.net

    @property
    def outcome(self) -> Outcome:
        """How the whole trade ended."""
        return self.result.outcome

    @property
    def bots(self) -> tuple[str, ...]:
        """Whose lots were closed, sorted by name."""
        return tuple(part.bot for part in self.parts)

    def extended(self, slice_: "Trade") -> "Trade":
        """Return the trade with a further slice of the same order added."""
        results = {part.bot: part.result for part in self.parts}
        for part in slice_.parts:
            before = results.get(part.bot)
            results[part.bot] = part.result if before is None else before.plus(part.result)
        return structs.replace(
            self,
            result=self.result.plus(slice_.result),
            parts=tuple(Part(bot, results[bot]) for bot in sorted(results)),
        )
