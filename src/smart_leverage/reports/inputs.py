"""What a report shows beside the ledger: the bar files that were run, and a curve to compare."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple


class DataFile(NamedTuple):
    """One series of bars that was run; `first` and `last` as people read times, `last` the end.

    `holes` counts the gaps in it. Nothing was filled in.
    """

    name: str
    sha256: str
    rows: int
    first: str
    last: str
    holes: int


class Comparison(NamedTuple):
    """Another equity curve of the same time, drawn beside the account's: (UTC ns, equity)."""

    name: str
    points: Sequence[tuple[int, Decimal | float]]
