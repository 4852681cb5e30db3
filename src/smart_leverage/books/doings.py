"""What was asked of an account and what came of it, counted record by record."""

from collections import Counter

from smart_leverage.books.exact import EXACT, ZERO
from smart_leverage.domain.orders import HOUSE, Fill, OrderState
from smart_leverage.domain.records import Decided, Filled, FillRevised, OrderMoved, Record


class Doings:
    """Counts of a span of time; what the house asked of itself is nobody's order.

    `verdicts` counts the decisions on what bots, signals and persons asked for, `reasons` why less
    was given than was asked, `turnover` is value bought plus value sold, account currency.
    """

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.fills = 0
        self.turnover = ZERO
        self.rejected = 0

    def take(self, record: Record) -> None:
        """Count one record."""
        if isinstance(record, Decided):
            if record.source != HOUSE:
                self.verdicts[record.verdict] += 1
                if record.verdict in ("denied", "cut"):
                    self.reasons[record.reason] += 1
        elif isinstance(record, Filled):
            self.fill(record.fill)
        elif isinstance(record, FillRevised):
            self._revise(record.before, record.after)
        elif isinstance(record, OrderMoved) and record.state is OrderState.REJECTED:
            self.rejected += 1

    def fill(self, fill: Fill) -> None:
        """Count one execution."""
        self.fills += 1
        self.turnover = EXACT.add(self.turnover, EXACT.multiply(fill.qty, fill.price))

    def _revise(self, before: Fill, after: Fill | None) -> None:
        """Count an execution as another one, or not at all."""
        self.fills -= 1
        self.turnover = EXACT.subtract(self.turnover, EXACT.multiply(before.qty, before.price))
        if after is not None:
            self.fill(after)
