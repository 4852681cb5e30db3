"""Which days are trained on and which are tested: windows over the line of days, and folds inside.

Days are numbers from 0; a span is half-open. Training in a window always lies before its test.
Inside of a training part folds are tested one after another, with training on both sides: there a
purge keeps its distance before what is tested, and an embargo behind it.
"""

from itertools import pairwise
from typing import NamedTuple

from smart_leverage.domain.errors import BadData, ConfigError

DAYS_MAX = 100_000
FOLD_DAYS_MIN = 5


class Span(NamedTuple):
    """Days from `first` up to, and without, `end`."""

    first: int
    end: int

    @property
    def days(self) -> int:
        """How many days it has."""
        return self.end - self.first


class Window(NamedTuple):
    """What is trained on, and what is tested after it."""

    train: Span
    test: Span


class Fold(NamedTuple):
    """A part that is tested, and what of the same whole may be trained on meanwhile."""

    train: tuple[Span, ...]
    test: Span


class Scheme(NamedTuple):
    """How the line of days is cut.

    Attributes:
        train_days: Length of a training part; of the first one, where training is anchored.
        test_days: Length of a test part.
        step_days: From one test part to the next, at least `test_days`; 0 means as long as one.
        is_anchored: All training begins with the first day; else it has always one length.
        purge_days: Left out before a test part: trades that are open and indicators that are
            computed then reach into it.
        embargo_days: Left out behind a tested part, where training goes on behind it.
        folds: Into so many parts a training part is cut for the choice.
    """

    train_days: int = 365
    test_days: int = 91
    step_days: int = 0
    is_anchored: bool = False
    purge_days: int = 5
    embargo_days: int = 10
    folds: int = 4

    @property
    def step(self) -> int:
        """From the beginning of a test part to that of the next."""
        return self.step_days or self.test_days


def check_scheme(scheme: Scheme) -> None:
    """Refuse a scheme that cannot be.

    Raises:
        ConfigError: Every number that is out of its range, with what would be accepted.
    """
    ranges = {
        "train_days": (FOLD_DAYS_MIN, DAYS_MAX),
        "test_days": (2, DAYS_MAX),
        "purge_days": (0, DAYS_MAX),
        "embargo_days": (0, DAYS_MAX),
        "folds": (2, 100),
    }
    problems = [
        f"{name} = {getattr(scheme, name)}; from {low:,} to {high:,}"
        for name, (low, high) in ranges.items()
        if not low <= getattr(scheme, name) <= high
    ]
    if scheme.step_days and not scheme.test_days <= scheme.step_days <= DAYS_MAX:
        problems.append(
            f"step_days = {scheme.step_days}; from test_days = {scheme.test_days}, or days would "
            f"be tested twice"
        )
    if not problems and scheme.train_days // scheme.folds < FOLD_DAYS_MIN:
        problems.append(
            f"train_days = {scheme.train_days} in {scheme.folds} folds leaves less than "
            f"{FOLD_DAYS_MIN} days for each; train longer, or with fewer folds"
        )
    if problems:
        raise ConfigError(problems, "walk-forward")


def windows(days: int, scheme: Scheme) -> list[Window]:
    """Return the windows of a line of so many days, in order.

    The last test part ends with the last day; it is left out where less than half of one is left.

    Raises:
        ConfigError: The scheme cannot be.
        BadData: There are too few days for a single window.
    """
    check_scheme(scheme)
    found = []
    begin = scheme.train_days + scheme.purge_days
    for first in range(begin, days, scheme.step):
        test = Span(first, min(first + scheme.test_days, days))
        if test.days * 2 < scheme.test_days or test.days < 2:
            break
        end = first - scheme.purge_days
        found.append(Window(Span(0 if scheme.is_anchored else end - scheme.train_days, end), test))
    if not found:
        raise BadData(
            f"{days} days are too few for a window: {scheme.train_days} to train, "
            f"{scheme.purge_days} to purge, {scheme.test_days} to test",
            fix="give more bars, or shorter parts",
        )
    return found


def around(whole: Span, test: Span, purge_days: int, embargo_days: int) -> tuple[Span, ...]:
    """Return what of a whole may be trained on while a part of it is tested."""
    sides = (
        Span(whole.first, min(test.first - purge_days, whole.end)),
        Span(max(test.end + embargo_days, whole.first), whole.end),
    )
    return tuple(side for side in sides if side.days > 0)


def folds(whole: Span, scheme: Scheme) -> list[Fold]:
    """Cut a training part into parts of one length, give or take a day, each tested once."""
    edges = [whole.first + whole.days * place // scheme.folds for place in range(scheme.folds + 1)]
    tests = [Span(first, end) for first, end in pairwise(edges)]
    return [
        Fold(around(whole, test, scheme.purge_days, scheme.embargo_days), test) for test in tests
    ]
