"""What an account did before it came under our rule, as somebody else's files tell it."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side


class DealKind(StrEnum):
    """What happened: an execution, a split, or a fee that was booked apart from its execution."""

    TRADE = "trade"
    SPLIT = "split"
    FEE = "fee"


class Deal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened elsewhere, counted once by `id`.

    `order` is the order it belongs to, whose slices are one trade; the bot is the one whose record
    it is, empty for the account alone. Quantity and price are positive, `fee` is in `fee_asset`:
    "USD", or the coin that was bought. `is_short` marks a sale that opens a short, or the purchase
    that covers one. Of a split `qty` is what came (bought) or went (sold). A fee has a fee only; it
    belongs to what was bought (in coin) or sold (in dollars) on its day, UTC, else on the one
    before. `lot` and `tick` are the instrument's, so that no registry is needed to add up. `trip`
    names the finished trade that it is a part of; empty where executions are all that is known.
    """

    id: str
    order: str
    key: Key
    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    at_ns: int
    lot: Decimal
    tick: Decimal
    bot: str = ""
    is_short: bool = False
    kind: DealKind = DealKind.TRADE
    trip: str = ""

    @property
    def is_split(self) -> bool:
        """Whether it changes units and nothing else."""
        return self.kind is DealKind.SPLIT

    @property
    def is_closing(self) -> bool:
        """Whether it is meant to close: a sale, or the purchase that covers a short."""
        return (self.side is Side.SELL) is not self.is_short

    @property
    def rank(self) -> tuple[int, bool, bool, str]:
        """The place in time; of one instant what opens comes first, and a split last.

        A file that knows seconds only puts a purchase and its sale into one of them.
        """
        return self.at_ns, self.is_split, self.is_closing, self.id


class SourceFile(Struct, frozen=True, kw_only=True):
    """A file that was imported: its name without the folder, its hash, and what it held.

    `rows` are all rows of it, `counted` those that are new deals in the journal.
    """

    name: str
    sha256: str
    form: str
    rows: int
    counted: int
    first_ns: int
    last_ns: int
