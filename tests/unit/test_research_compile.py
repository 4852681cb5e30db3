"""Compiling rules: calls reach compiled callees, and a stale cache is not used."""

import math
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.policy.margin import MarginAccount, MarginTerms, RuleSet, crypto_capacity, power
from smart_leverage.policy.volatility import daily_rebalanced_leverage, ewma_step
from smart_leverage.research.compile import RuleCompiler, fingerprint
from smart_leverage.rule import RULES


def half(x: float) -> float:
    return 0.5 * x


def quarter(x: float) -> float:
    return half(half(x))


def even(x: float) -> float:
    return x if x <= 0.0 else odd(x - 1.0)


def odd(x: float) -> float:
    return x if x <= 0.0 else even(x - 1.0)


def with_globals(function: Callable[..., Any], **names: Any) -> FunctionType:
    assert isinstance(function, FunctionType)
    copy = FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__)
    copy.__module__ = function.__module__
    copy.__qualname__ = function.__qualname__
    return copy


def test_a_rule_calls_the_compiled_form_of_the_rules_it_calls() -> None:
    compiled: Any = RuleCompiler().compile(crypto_capacity)
    account = MarginAccount(100_000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, False)
    assert compiled(account, 1_000.0, MarginTerms()) == 99_000.0
    assert compiled.signatures
    assert compiled.py_func.__globals__["power"].py_func is not power
    assert compiled.py_func.__globals__["power"].signatures


def test_constants_and_enums_keep_their_meaning() -> None:
    compiled = RuleCompiler().compile(crypto_capacity)
    account = MarginAccount(500.0, 9_500.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, False)
    terms = MarginTerms(crypto_borrowing=1.0)
    for rule_set in RuleSet:
        at = terms._replace(rule_set=rule_set)
        assert compiled(account, 0.0, at) == crypto_capacity(account, 0.0, at)


def test_a_function_is_compiled_once() -> None:
    compiler = RuleCompiler()
    assert compiler.compile(power) is compiler.compile(power)


def test_a_function_that_is_no_rule_may_call_plain_functions() -> None:
    assert RuleCompiler().compile(quarter)(8.0) == 2.0


def test_a_linked_function_is_interpreted_and_calls_compiled_rules() -> None:
    linked: Any = RuleCompiler().link(daily_rebalanced_leverage)
    assert isinstance(linked, FunctionType)
    assert linked.__globals__["levered_growth"].py_func
    assert linked([0.1, -0.1], 2.0) == daily_rebalanced_leverage([0.1, -0.1], 2.0)


def test_a_rule_that_calls_a_function_that_is_no_rule_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(RULES, "quarter", quarter)
    with pytest.raises(InvariantViolation, match=r"quarter calls .*half, which is no rule"):
        RuleCompiler().compile(quarter)


def test_rules_that_call_each_other_in_a_circle_are_refused() -> None:
    with pytest.raises(InvariantViolation, match="calls itself"):
        RuleCompiler().compile(even)


def test_what_is_no_plain_function_is_refused() -> None:
    with pytest.raises(InvariantViolation, match="not a plain function"):
        RuleCompiler().compile(math.sqrt)


def test_no_exception_is_hidden_and_none_is_made() -> None:
    def inverse(x: float) -> float:
        return 1.0 / x

    assert RuleCompiler().compile(inverse)(0.0) == math.inf


# --- the fingerprint and the cache ---------------------------------------------------------------


def test_a_fingerprint_changes_with_what_a_function_calls() -> None:
    def other(x: float) -> float:
        return 0.25 * x

    assert fingerprint(quarter) == fingerprint(with_globals(quarter))
    assert fingerprint(quarter) != fingerprint(with_globals(quarter, half=other))


def test_a_fingerprint_changes_with_a_constant() -> None:
    def scaled(x: float) -> float:
        return FACTOR * x  # type: ignore[name-defined,no-any-return] # noqa: F821

    two, three = with_globals(scaled, FACTOR=2.0), with_globals(scaled, FACTOR=3.0)
    assert fingerprint(two) != fingerprint(three)


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    assert fingerprint(crypto_capacity) == fingerprint(with_globals(crypto_capacity))
    assert "0x" not in repr(fingerprint(crypto_capacity))


def test_machine_code_is_kept_for_the_next_compiler(tmp_path: Path) -> None:
    first: Any = RuleCompiler(tmp_path).compile(ewma_step)
    assert first(0.0004, 0.01, 0.94) == ewma_step(0.0004, 0.01, 0.94)
    assert list(tmp_path.rglob("*.nbc"))
    second: Any = RuleCompiler(tmp_path).compile(ewma_step)
    assert second(0.0004, 0.01, 0.94) == ewma_step(0.0004, 0.01, 0.94)
    assert sum(second.stats.cache_hits.values()) == 1


def test_a_changed_callee_is_not_answered_from_the_cache(tmp_path: Path) -> None:
    def third(x: float) -> float:
        return x / 3.0

    before: Any = RuleCompiler(tmp_path).compile(with_globals(quarter))
    assert before(9.0) == 2.25
    after: Any = RuleCompiler(tmp_path).compile(with_globals(quarter, half=third))
    assert after(9.0) == 1.0
    assert not after.stats.cache_hits
    again: Any = RuleCompiler(tmp_path).compile(with_globals(quarter))
    assert again(9.0) == 2.25
    assert sum(again.stats.cache_hits.values()) == 1


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    compiled: Any = RuleCompiler().compile(half)
    assert compiled(1.0) == 0.5
    assert not compiled.stats.cache_hits
    assert not list(tmp_path.rglob("*.nb?"))
