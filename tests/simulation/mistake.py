"""What a mistake is that is put into the product on purpose, to see whether the oracle finds it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from tests.simulation.regime import CLASSIC, Regime

Plant = Callable[[pytest.MonkeyPatch], None]


class Mistake(NamedTuple):
    """What is wrong, the faults and settings in which it shows, and the rules that forbid it.

    The docstring of `plant` says in one sentence what it would cost whoever owns the account.
    """

    plant: Plant
    faults: dict[str, float]
    rules: tuple[str, ...]
    regime: Regime = CLASSIC
    first: int = 0
    """The world in which it shows soonest."""

    @property
    def name(self) -> str:
        """What is planted, in words."""
        return self.plant.__name__.replace("_", " ")

    @property
    def harm(self) -> str:
        """What it would cost."""
        return " ".join((self.plant.__doc__ or "").split())
