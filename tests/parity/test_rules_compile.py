"""Every rule gives the same bits compiled as interpreted, and never raises."""

import contextlib
import importlib
import itertools
import json
import math
import pkgutil
import random
import re
import sys
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from tests.golden.entries_policy import FUNCTIONS

import smart_leverage.fills
import smart_leverage.policy
from smart_leverage.policy.breakers import BreakerOpens, BreakerState
from smart_leverage.policy.decide import Account, Asset, Proposal
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.tier import Tier
from smart_leverage.research.compile import RuleCompiler
from smart_leverage.rule import RULES

ROOT = Path(__file__).parents[2]
SAMPLES = 1600
SEED = 20_240_611

ANY_LENGTH = 4
"""So many items are drawn for a tuple of any length: the compiler works once for every length."""

COUNTS_MAX = 2**53 - 1
"""Lots are whole numbers a double holds exactly; the boundary asserts it before any rule."""

EDGES = (
    *(math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-12, -1e-12),
    *(5e-324, 1e-300, -1e-300, 1e300, -1e300, 1.7976931348623157e308, 710.0, -746.0),
    *(math.nextafter(1.0, 0.0), math.nextafter(1.0, 2.0), 0.1 + 0.2, 9007199254740992.0),
)


def load_rules() -> dict[str, Callable[..., Any]]:
    """Import every module that may define a rule, so that a new one cannot hide from this file."""
    for package in (smart_leverage.policy, smart_leverage.fills):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    return dict(RULES)


def golden_numbers() -> list[float]:
    """Return every number in the rules' golden cases: the thresholds somebody thought of."""
    cases = json.loads((ROOT / "tests/golden/cases.json").read_text())["vectors"]
    told = [case["inputs"] for case in cases if case["fn"] in FUNCTIONS]
    return sorted({number for inputs in told for number in numbers_in(inputs)})


def numbers_in(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, int | float):
        yield float(value)


ORDINARY: dict[type, dict[str, Any]] = {
    Account: {
        "state": TradingState.ACTIVE,
        "breakers": BreakerState(False, False, False),
        "tier": Tier.STABLE,
        "equity": 100_000.0,
        "crypto_worst": 20_000.0,
        "leveraged_worst": 20_000.0,
        "gross_worst": 40_000.0,
        "power": 60_000.0,
    },
    Asset: {
        "lot_value": 10.0,
        "lot_cost": 10.05,
        "is_crypto": True,
        "is_leveraged": True,
        "is_broad": False,
        "factor": 1.0,
        "is_fresh": True,
        "is_tradable": True,
        "is_locked": False,
        "is_deleveraging": False,
        "worst": 0.0,
        "lots_held": 0,
        "lots_selling": 0,
        "lots_step": 1,
        "lots_min": 1,
    },
    Proposal: {
        "is_buy": True,
        "lots": 0,
        "confidence": 2.0 / 3.0,
        "volatility_ratio": 1.0,
        "bot_room": math.inf,
    },
}
"""Fields of an order that is allowed, for records whose defaults do not say."""

ALL_RULES = load_rules()
GOLDEN = golden_numbers()
COMPILER = RuleCompiler(ROOT / "build" / "numba")


class Sampler:
    """Draws arguments for a type annotation, from one seed.

    Some samples hold few edge values and mostly ordinary fields, so that they get past the first
    checks of a rule; others are hostile throughout.
    """

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self.share_edges = 0.0
        self.share_kept = 0.0

    def arguments(self, annotations: list[Any]) -> tuple[Any, ...]:
        self.share_edges = self.random.choice((0.0, 0.1, 0.2, 0.5))
        self.share_kept = self.random.choice((0.0, 0.8, 0.95, 1.0))
        return tuple(self.draw(annotation) for annotation in annotations)

    def draw(self, annotation: Any) -> Any:
        if annotation is float:
            return self.draw_float()
        if annotation is int:
            return self.draw_int()
        if members(annotation):
            return self.random.choice(members(annotation))
        if get_origin(annotation) is tuple:
            one, *rest = get_args(annotation)
            items = (one,) * ANY_LENGTH if rest == [...] else (one, *rest)
            return tuple(self.draw(item) for item in items)
        if isinstance(annotation, type) and issubclass(annotation, tuple):
            return self.draw_record(annotation)
        raise TypeError(f"no arguments can be drawn for {annotation!r}")

    def draw_float(self) -> float:
        if self.random.random() < self.share_edges:
            return self.random.choice(EDGES)
        kind = self.random.random()
        if kind < 0.3:
            return self.random.choice(GOLDEN)
        if kind < 0.7:
            return self.random.uniform(-0.2, 1.2)
        return self.random.choice((1.0, 1.0, -1.0)) * math.pow(10.0, self.random.uniform(-9.0, 9.0))

    def draw_int(self) -> int:
        if self.random.random() < self.share_edges:
            return self.random.choice((COUNTS_MAX, -COUNTS_MAX, 0, 1, -1))
        kind = self.random.random()
        if kind < 0.3:
            return self.random.choice((1, 2, 20, 100))
        return self.random.randint(1, int(math.pow(10.0, self.random.uniform(1.0, 9.0))))

    def draw_record(self, record: Any) -> Any:
        """Draw a named tuple: often its ordinary values with little changed."""
        hints = fields_of(record)
        ordinary = record._field_defaults | ORDINARY.get(record, {})
        values = {}
        for name, annotation in hints.items():
            is_kept = name in ordinary and self.random.random() < self.share_kept
            values[name] = ordinary[name] if is_kept else self.draw(annotation)
            if annotation is float:  # a compiler tells 0 from 0.0
                values[name] = float(values[name])
        return record(**values)


@cache
def fields_of(record: Any) -> dict[str, Any]:
    """Return what a named tuple holds, by name; to ask takes longer than to draw it."""
    return get_type_hints(record)


def members(annotation: Any) -> list[Any]:
    """Return every value of an enum or of bool, and nothing for types that have no end."""
    if annotation is bool:
        return [False, True]
    if isinstance(annotation, type) and issubclass(annotation, IntEnum):
        return list(annotation)
    return []


def samples_of(function: Callable[..., Any], name: str) -> Iterator[tuple[Any, ...]]:
    """Yield arguments for a rule: all there are when they can be counted, else drawn ones."""
    hints = get_type_hints(function)
    hints.pop("return")
    choices = [members(annotation) for annotation in hints.values()]
    if 0 < math.prod(len(choice) for choice in choices) <= SAMPLES:
        yield from itertools.product(*choices)
        return
    sampler = Sampler(f"{SEED} {name}")
    for _ in range(SAMPLES):
        yield sampler.arguments(list(hints.values()))


def bits(value: Any, annotation: Any) -> Any:
    """Return a value in a form whose equality is equality of bits, and of enums and shapes."""
    if annotation is float:
        return "nan" if math.isnan(value) else float(value).hex()
    if isinstance(annotation, type) and issubclass(annotation, tuple):
        hints = get_type_hints(annotation)
        return {name: bits(getattr(value, name), hints[name]) for name in hints}
    if get_origin(annotation) is tuple:
        return [bits(*pair) for pair in zip(value, get_args(annotation), strict=True)]
    return annotation(value), type(value) is annotation


@pytest.mark.parametrize("name", sorted(ALL_RULES))
def test_compiled_and_interpreted_agree_bit_for_bit(name: str) -> None:
    rule = ALL_RULES[name]
    compiled = COMPILER.compile(rule)
    answer = get_type_hints(rule)["return"]
    for arguments in samples_of(rule, name):
        expected = bits(rule(*arguments), answer)
        assert bits(compiled(*arguments), answer) == expected, f"{name}{arguments}"


def lines_of(code: CodeType) -> set[int]:
    return {line for _, _, line in code.co_lines() if line} - {code.co_firstlineno}


def lines_run(rule: Callable[..., Any], name: str) -> set[int]:
    """Return the lines of a rule that its samples reach."""
    code = getattr(rule, "__code__")  # noqa: B009 - the type of a rule does not tell
    reached: set[int] = set()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code is not code:
            return None
        reached.add(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for arguments in samples_of(rule, name):
            with contextlib.suppress(ArithmeticError, ValueError):  # the other test's business
                rule(*arguments)
    finally:
        sys.settrace(before)
    return reached


@pytest.mark.parametrize("name", sorted(ALL_RULES))
def test_the_samples_reach_every_line_of_a_rule(name: str) -> None:
    """A line that no sample runs was not compared; give its records `ORDINARY` values then."""
    rule = ALL_RULES[name]
    assert lines_of(getattr(rule, "__code__")) <= lines_run(rule, name)  # noqa: B009


@pytest.mark.parametrize(
    ("one", "other", "annotation"),
    [
        pytest.param(1.0, math.nextafter(1.0, 2.0), float, id="last-bit"),
        pytest.param(0.0, -0.0, float, id="sign-of-zero"),
        pytest.param(math.nan, 0.0, float, id="nan"),
        pytest.param(Tier.STABLE, Tier.LEARNING, Tier, id="member"),
        pytest.param(Tier.STABLE, 2, Tier, id="member-and-its-number"),
        pytest.param(True, 1, bool, id="true-and-one"),
        pytest.param(BreakerOpens(1.0, 2.0), BreakerOpens(1.0, 2.5), BreakerOpens, id="field"),
    ],
)
def test_the_comparison_sees_every_difference(one: Any, other: Any, annotation: Any) -> None:
    assert bits(one, annotation) == bits(one, annotation)
    assert bits(one, annotation) != bits(other, annotation)


def test_every_rule_module_is_looked_into() -> None:
    folders = {"policy", "fills"}
    with_rules = {
        file.stem
        for folder in folders
        for file in (ROOT / "src" / "smart_leverage" / folder).rglob("*.py")
        if re.search(r"^@rule$", file.read_text(), flags=re.MULTILINE)
    }
    assert with_rules == {name.split(".")[-2] for name in ALL_RULES}
