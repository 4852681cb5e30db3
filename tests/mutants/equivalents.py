"""Mutants that change nothing that anybody could see, each with the reason: equivalents.toml.

They are known by the lines before and after the change, not by the number of the line.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.mutants.making import Mutant

LIST = Path(__file__).with_name("equivalents.toml")


class Equivalent(NamedTuple):
    """A change after which everything is as before."""

    module: str
    before: str
    after: str
    reason: str


class Equivalents:
    """All that are known."""

    def __init__(self) -> None:
        read = tomllib.loads(LIST.read_text(encoding="utf-8"))
        self.all = [Equivalent(**each) for each in read["equivalent"]]
        self._known = {(each.module, each.before, each.after): each for each in self.all}

    def has(self, mutant: Mutant) -> bool:
        """Return whether a mutant is one of them."""
        return (mutant.module, mutant.before, mutant.after) in self._known

    def reason(self, mutant: Mutant) -> str:
        """Return why nothing changes."""
        return self._known[mutant.module, mutant.before, mutant.after].reason
