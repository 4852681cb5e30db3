"""How far an account is under our rule, folded from its journal: step, ramp and consent."""

from decimal import ROUND_DOWN, Decimal

from smart_leverage.domain.enforcement import Enforcement, step_named
from smart_leverage.domain.records import (
    AccountOpened,
    ConsentGiven,
    EnforcementChanged,
    RampMoved,
)

ONE = Decimal(1)
_PLACES = Decimal("0.00000001")


class Rollout:
    """What is carried out now, what waits to be, and how small the caps still begin."""

    def __init__(self) -> None:
        """Begin with everything, which holds wherever a journal is silent."""
        self.step = Enforcement.ALL
        self.pending: EnforcementChanged | None = None
        self.ramp: RampMoved | None = None
        self.is_consented = False

    @property
    def factor(self) -> Decimal:
        """The part of each cap that is in force for increases, in (0, 1]."""
        return ONE if self.ramp is None else self.ramp.factor

    def open(self, record: AccountOpened) -> None:
        """Take the step on which the account was opened; an unknown word is the last one."""
        step = step_named(record.enforcement)
        self.step = Enforcement.ALL if step is None else step

    def move(self, record: EnforcementChanged) -> None:
        """Take a step in: now, or pending until its time."""
        if record.effective_ns > record.at_ns:
            self.pending = record
            return
        step = step_named(record.after)
        self.step = Enforcement.ALL if step is None else step
        self.pending = None

    def grow(self, record: RampMoved) -> None:
        """Take in how large the caps are from now on."""
        self.ramp = record

    def consent(self, record: ConsentGiven) -> None:
        """Take in that a person let adopted positions be sold."""
        self.is_consented = True


def ramp_factor(start: Decimal, day: int, days: int) -> Decimal:
    """Return the part of each cap in force after so many counted risk days, rounded down.

    Args:
        start: On the first day, fraction in (0, 1].
        day: Risk days since, on which nothing was wrong.
        days: After which the caps are whole.
    """
    if day >= days:
        return ONE
    grown = start + (ONE - start) * day / days
    return grown.quantize(_PLACES, rounding=ROUND_DOWN)
