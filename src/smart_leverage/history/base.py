"""What a file of history holds once it is read, and what the reader was told beforehand."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Instrument
from smart_leverage.domain.past import Deal
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.stamps import iso

Row = Mapping[str, Any]


class Asked(NamedTuple):
    """How files are to be read.

    `now_ns` is the present: what happened later did not happen. `quotes` are currencies that count
    as another, {"USDT": "USD"}; `columns` are our names of a table's columns with the file's own.
    """

    registry: Registry
    now_ns: int
    quotes: Mapping[str, str] = {}
    columns: Mapping[str, str] = {}
    strategy: str = ""
    bot: str = ""
    counts_unknown: bool = False


class Read(NamedTuple):
    """One file: its deals with the row of each, what was left out and why, and what is odd.

    `equity` and `flows` are by instant, UTC nanoseconds. `cash_fees` are those of no trade that can
    be named. `start` is the equity that the file says it began with.
    """

    name: str
    sha256: str
    form: str
    rows: int
    deals: tuple[Deal, ...] = ()
    places: Mapping[str, int] = {}
    instruments: Mapping[str, Instrument] = {}
    left_out: Mapping[str, int] = {}
    doubts: tuple[str, ...] = ()
    equity: Mapping[int, Decimal] = {}
    flows: Mapping[int, Decimal] = {}
    cash_fees: Decimal = Decimal(0)
    start: Decimal | None = None
    is_simulated: bool = False


class Gathering:
    """Collects the deals of one file, row by row, and refuses what contradicts what came before."""

    def __init__(self, file: str, asked: Asked) -> None:
        self.file = file
        self.asked = asked
        self.deals: list[Deal] = []
        self.places: dict[str, int] = {}
        self.instruments: dict[str, Instrument] = {}
        self.left_out: Counter[str] = Counter()
        self.doubts: list[str] = []
        self._orders: dict[str, Deal] = {}

    def add(self, deal: Deal, row: int) -> None:
        """Take in a deal.

        Raises:
            BadData: It is not from the past, its id stands in another row, or its order is of
                another instrument or side.
        """
        if deal.at_ns > self.asked.now_ns:
            raise self.fault(
                row,
                f"{iso(deal.at_ns)} lies in the future",
                f"it is {iso(self.asked.now_ns)} now; correct the time or the zone",
            )
        twin = self.places.setdefault(deal.id, row)
        if twin != row:
            raise self.fault(
                row,
                f"id {deal.id.partition(':')[2]} stands in row {twin} already",
                "take one of them out; where both happened, give each an id of its own",
            )
        first = self._orders.setdefault(deal.order, deal)
        if (first.key, first.side) != (deal.key, deal.side):
            raise self.fault(
                row,
                f"order {deal.order.partition(':')[2]} is {deal.side} {deal.key} here and "
                f"{first.side} {first.key} in row {self.places[first.id]}",
                "an order has one instrument and one side; correct the one that is wrong",
            )
        self.deals.append(deal)

    def fault(self, row: int | None, fault: str, fix: str) -> BadData:
        """Return the error that names file and row, what is wrong and what would be right."""
        return BadData(fault, file=self.file, row=row, fix=fix)
