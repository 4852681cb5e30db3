"""Makes mutants: our modules with one thing changed, by the operators of mutmut.

Words are left alone, and so is what would only break: an argument or a value that becomes None.
What is left is arithmetic, comparisons, logic, numbers and truth values.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

SOURCES = Path(__file__).parents[2] / "src" / "smart_leverage"
OPERATORS = tuple(
    (kind, operator)
    for kind, operator in mutators.mutation_operators
    if operator
    in (
        mutators.operator_number,
        mutators.operator_name,
        mutators.operator_augmented_assignment,
        mutators.operator_remove_unary_ops,
        mutators.operator_keywords,
        mutators.operator_swap_op,
        mutators.operator_if_exp,
        mutators.operator_lambda,
    )
)


class Mutant(NamedTuple):
    """A module with one thing changed, and where."""

    module: str
    line: int
    operator: str
    before: str
    after: str
    source: str

    def told(self) -> str:
        """Return it in one line."""
        return f"{self.module}:{self.line}: {self.before}  →  {self.after}"


class _Places(cst.CSTVisitor):  # type: ignore[misc]  # it is known where it is installed only
    """Collects every place where an operator has something to change."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, str, int]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        # What is imported, declared or decorates is no behaviour; a default of a rule is.
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
            return False
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                line = self.get_metadata(PositionProvider, node).start.line
                for changed in operator(node):
                    self.found.append((node, changed, operator.__name__, line))
        return True


class Module:
    """A module of ours, and every place of it in which something can be changed."""

    def __init__(self, name: str) -> None:
        self.name = name
        text = (SOURCES / f"{name}.py").read_text(encoding="utf-8")
        wrapper = MetadataWrapper(cst.parse_module(text))
        places = _Places()
        wrapper.visit(places)
        self._tree, self._lines, self.places = wrapper.module, text.splitlines(), places.found

    def mutant(self, number: int) -> Mutant | None:
        """Make one of its mutants; None where the change is none."""
        node, changed, operator, line = self.places[number]
        source = self._tree.deep_replace(node, changed).code
        for old, new in zip(self._lines, source.splitlines(), strict=False):
            if old != new:
                name = operator.removeprefix("operator_")
                return Mutant(self.name, line, name, old.strip(), new.strip(), source)
        return None


def sample(modules: Sequence[str], seed: int) -> tuple[int, Iterator[Mutant]]:
    """Return how many mutants there are, and all of them in the order that a seed draws."""
    found = [Module(name) for name in modules]
    places = [(module, number) for module in found for number in range(len(module.places))]
    Random(seed).shuffle(places)
    made = (module.mutant(number) for module, number in places)
    return len(places), (mutant for mutant in made if mutant is not None)
