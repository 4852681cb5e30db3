"""How well the crypto allocation was used: time in the band, mean exposure, use of the cap."""

from decimal import Decimal

from msgspec import Struct

from smart_leverage.books.exact import ZERO, exactly, finite, ratio

BAND = (Decimal("0.40"), Decimal("0.60"))
"""Exposure that the design aims at, fractions of equity, both edges inside (decision 15b)."""


class Efficiency(Struct, frozen=True):
    """Time-weighted shares since the first mark; each is None while it has no time to go by.

    `cap_use` is exposure integrated over time ÷ cap integrated over time: an instant with a cap
    near zero does not outweigh a month, and times without any cap do no harm.
    """

    span_ns: int
    in_band: Decimal | None
    exposure_mean: Decimal | None
    cap_use: Decimal | None


class Allocation:
    """Accumulates marks in O(1) memory; a mark holds until the next one."""

    def __init__(self, band: tuple[Decimal, Decimal] = BAND) -> None:
        self._low, self._high = band
        self._at_ns = 0
        self._now: tuple[Decimal, Decimal] | None = None
        self._span_ns = 0
        self._in_band_ns = 0
        self._exposure = ZERO
        self._cap = ZERO

    @exactly
    def mark(self, at_ns: int, exposure: Decimal, cap: Decimal) -> None:
        """Note crypto exposure and the crypto cap in force, fractions of equity, from a time on.

        A mark that is not later than the last one replaces it: time never runs backwards here.
        """
        finite(exposure, "exposure")
        finite(cap, "cap")
        if self._now is not None and at_ns > self._at_ns:
            before, cap_before = self._now
            step = at_ns - self._at_ns
            self._span_ns += step
            self._in_band_ns += step if self._low <= before <= self._high else 0
            self._exposure += before * step
            self._cap += cap_before * step
        self._at_ns = at_ns if self._now is None else max(at_ns, self._at_ns)
        self._now = (exposure, cap)

    @property
    def efficiency(self) -> Efficiency:
        """The measures up to the last mark."""
        span = Decimal(self._span_ns)
        return Efficiency(
            span_ns=self._span_ns,
            in_band=ratio(Decimal(self._in_band_ns), span) if span else None,
            exposure_mean=ratio(self._exposure, span) if span else None,
            cap_use=ratio(self._exposure, self._cap) if self._cap > 0 else None,
        )
