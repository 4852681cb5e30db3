"""Makes mutants: our modules with one thing changed, by the operators of mutmut.

Words are left alone, and so is what would only break: an argument or a value that becomes None.
What is left is arithmetic, comparisons, logic, numbers and truth values.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from types import CodeType
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
    first: int = 0
    """First and last line of the statement that was changed, or of what opens its block."""
    last: int = 0
    is_at_import: bool = True
    """Whether it changes what happens when the module is imported, and no function of it."""

    def told(self) -> str:
        """Return it in one line."""
        return f"{self.module}:{self.line}: {self.before}  →  {self.after}"


_OPTIMIZED = 1
"""The flag of code that has local variables: a function, and no module and no class."""


class _Place(NamedTuple):
    """Where a module can be changed, and into what."""

    node: cst.CSTNode
    changed: cst.CSTNode
    operator: str
    line: int
    first: int
    last: int


class _Places(cst.CSTVisitor):  # type: ignore[misc]  # it is known where it is installed only
    """Collects every place where an operator has something to change."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        self.found: list[_Place] = []
        self._open: list[tuple[cst.CSTNode, int, int]] = []

    def _lines(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the lines of a statement; of one that opens a block, those before its block."""
        at = self.get_metadata(PositionProvider, node)
        body = getattr(node, "body", None)
        if isinstance(body, cst.IndentedBlock):
            return at.start.line, self.get_metadata(PositionProvider, body.body[0]).start.line - 1
        return at.start.line, at.end.line

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._open and self._open[-1][0] is original_node:
            self._open.pop()

    def on_visit(self, node: cst.CSTNode) -> bool:
        # What is imported, declared or decorates is no behaviour; a default of a rule is.
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
            return False
        if isinstance(node, cst.BaseStatement | cst.MatchCase):
            self._open.append((node, *self._lines(node)))
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                line = self.get_metadata(PositionProvider, node).start.line
                for changed in operator(node):
                    _, first, last = self._open[-1]
                    place = _Place(node, changed, operator.__name__, line, first, last)
                    self.found.append(place)
        return True


def _at_import(code: CodeType) -> tuple[object, ...]:
    """Return what of a module's code runs when it is imported, without the bodies of functions."""
    is_function = bool(code.co_flags & _OPTIMIZED)
    if is_function:
        return (code.co_name,)
    inner = (_at_import(each) if isinstance(each, CodeType) else repr(each)
             for each in code.co_consts)  # fmt: skip
    return (code.co_code, code.co_names, *inner)


class Module:
    """A module of ours, and every place of it in which something can be changed."""

    def __init__(self, name: str) -> None:
        self.name = name
        text = (SOURCES / f"{name}.py").read_text(encoding="utf-8")
        wrapper = MetadataWrapper(cst.parse_module(text))
        places = _Places()
        wrapper.visit(places)
        self._tree, self._lines, self.places = wrapper.module, text.splitlines(), places.found
        self._at_import = _at_import(compile(text, name, "exec", dont_inherit=True))

    def told(self, number: int) -> str:
        """Return which change of which line a place is."""
        place = self.places[number]
        return f"{place.operator} {self._lines[place.line - 1].strip()}"

    def mutant(self, number: int) -> Mutant | None:
        """Make one of its mutants; None where the change is none."""
        place = self.places[number]
        source = self._tree.deep_replace(place.node, place.changed).code
        for old, new in zip(self._lines, source.splitlines(), strict=False):
            if old != new:
                code = compile(source, self.name, "exec", dont_inherit=True)
                return Mutant(
                    self.name, place.line, place.operator.removeprefix("operator_"),
                    old.strip(), new.strip(), source, place.first, place.last,
                    is_at_import=_at_import(code) != self._at_import,
                )  # fmt: skip
        return None


def sample(modules: Sequence[str], seed: int) -> tuple[int, Iterator[Mutant]]:
    """Return how many mutants there are, and all of them in the order that a seed draws.

    Each draws its own place in the order, by what its line says: a change elsewhere in the code
    leaves the order of all the others as it is.
    """
    found = [Module(name) for name in modules]
    places = [(module, number) for module in found for number in range(len(module.places))]
    seen: Counter[str] = Counter()
    draws: dict[tuple[Module, int], float] = {}
    for module, number in places:
        text = f"{module.name} {module.told(number)}"
        draws[module, number] = Random(f"{seed} {seen[text]} {text}").random()
        seen[text] += 1
    places.sort(key=draws.__getitem__)
    made = (module.mutant(number) for module, number in places)
    return len(places), (mutant for mutant in made if mutant is not None)
