"""From which equity a day, a month and a drawdown are counted, with flows taken out."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from smart_leverage.books.exact import EXACT, ZERO, finite, ratio


class Period(StrEnum):
    """What a baseline is for."""

    DAY = "day"
    MONTH = "month"
    PEAK = "peak"


class Baseline(Struct, frozen=True):
    """The equity from which a period's loss is counted; labels of a period sort by time."""

    period: Period
    label: str
    equity: Decimal


class Baselines:
    """Opening equities and the peak of one account; every read is O(1).

    A flow scales them all by equity after ÷ equity before. Adding the amount would not do: after
    a loss of 1 % a withdrawal of four fifths would make it 5 %, and a deposit would buy room for
    more losses. Scaled, no flow is ever a return. Without flows every measure is exact to 40
    digits; a scaled baseline is itself rounded there.
    """

    def __init__(self) -> None:
        self._current: dict[Period, Baseline] = {}
        self._last: Decimal | None = None
        self._stranded: Decimal | None = None

    @property
    def last_mark(self) -> Decimal | None:
        """Equity at the last mark, plus the flows since; None before the first mark."""
        return self._last

    def baseline(self, period: Period) -> Baseline | None:
        """Return the baseline in force, or None when there is none yet."""
        return self._current.get(period)

    def opening(self, period: Period) -> Decimal | None:
        """Return the baseline's equity, flow-adjusted to now."""
        current = self._current.get(period)
        return None if current is None else current.equity

    # Changes -----------------------------------------------------------------------------------

    def due(self, day_label: str, month_label: str, equity: Decimal) -> tuple[Baseline, ...]:
        """Return the baselines that a mark at these labels has to write, and change nothing.

        A period opens at the last mark before its boundary, or at the given equity if there was
        no mark. A label that is not later than the one in force opens nothing: a clock that steps
        back cannot begin a day twice.
        """
        return self._begun(day_label, month_label, equity if self._last is None else self._last)

    def write(self, baseline: Baseline) -> bool:
        """Put a baseline in force; False, and nothing changed, if its label was written before.

        Source:
            INV-16: one baseline per account and period.
        """
        if not self._opens(baseline.period, baseline.label):
            return False
        finite(baseline.equity, "baseline")
        self._current[baseline.period] = baseline
        return True

    def roll(
        self, day_label: str, month_label: str, last_mark_equity: Decimal
    ) -> tuple[Baseline, ...]:
        """Open every period that a label begins at the last mark's equity; return those written."""
        begun = self._begun(day_label, month_label, last_mark_equity)
        return tuple(baseline for baseline in begun if self.write(baseline))

    def mark(self, equity: Decimal) -> None:
        """Note the account's equity; the first mark is the first peak."""
        self._last = finite(equity, "equity")
        peak = self._current.get(Period.PEAK)
        if self._stranded is None and (peak is None or equity > peak.equity):
            label = "" if peak is None else peak.label
            self._current[Period.PEAK] = Baseline(Period.PEAK, label, equity)

    def flow(self, amount: Decimal) -> None:
        """Take a deposit or a withdrawal out of every measure; mark the account just before it.

        When nothing is left, measures stand still until money comes back. Money that comes after
        a total loss repairs nothing: only `resume` makes a new beginning.
        """
        if self._last is None:
            return
        base = self._last if self._stranded is None else self._stranded
        after = self._last = EXACT.add(self._last, finite(amount, "flow"))
        if after <= 0 or base <= 0:
            self._stranded = base
            return
        self._stranded = None
        for period, current in self._current.items():
            scaled = ratio(EXACT.multiply(current.equity, after), base)
            self._current[period] = Baseline(period, current.label, scaled)

    def resume(self, equity: Decimal) -> None:
        """Count day, month and peak from this equity on: the one exception to `write`."""
        finite(equity, "equity")
        self._stranded, self._last = None, equity
        for period in Period:
            current = self._current.get(period)
            label = "" if current is None else current.label
            self._current[period] = Baseline(period, label, equity)

    # Measures ----------------------------------------------------------------------------------

    def loss_day(self, equity: Decimal) -> Decimal | None:
        """Return the day's loss as a fraction of its opening, negative for a gain.

        None when there is no opening above zero: the loss is not known.
        """
        change = self._change(Period.DAY, equity)
        return None if change is None else change.copy_negate()

    def return_month(self, equity: Decimal) -> Decimal | None:
        """Return the month's return as a fraction, or None when its opening is not known."""
        return self._change(Period.MONTH, equity)

    def drawdown(self, equity: Decimal) -> Decimal | None:
        """Return how far equity is below its peak, fraction of the peak, zero at a new high."""
        change = self._change(Period.PEAK, equity)
        return None if change is None else max(change.copy_negate(), ZERO)

    def _change(self, period: Period, equity: Decimal) -> Decimal | None:
        current = self._current.get(period)
        if current is None or current.equity <= 0:
            return None
        measured = equity if self._stranded is None else self._stranded
        return ratio(EXACT.subtract(measured, current.equity), current.equity)

    def _begun(self, day_label: str, month_label: str, opening: Decimal) -> tuple[Baseline, ...]:
        wanted = (
            Baseline(Period.DAY, day_label, opening),
            Baseline(Period.MONTH, month_label, opening),
        )
        return tuple(each for each in wanted if self._opens(each.period, each.label))

    def _opens(self, period: Period, label: str) -> bool:
        current = self._current.get(period)
        return current is None or label > current.label
