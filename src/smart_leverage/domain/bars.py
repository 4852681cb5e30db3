"""One bar: the prices of an instrument between two instants."""

from msgspec import Struct


class Bar(Struct, frozen=True, gc=False):
    """Prices of the half-open interval [start, end); known when `end_ns` has come, not before.

    Prices are floats in account currency, as files hold them; whoever books money makes the exact
    Decimal from `repr`. All are positive and finite, and low <= open, close <= high.
    """

    start_ns: int
    end_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
