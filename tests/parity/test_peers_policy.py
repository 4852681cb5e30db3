"""The policy that other backtesters are given is ours: without what they lack, it ends alike."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.research.kernel import run

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"
HOURS = 1_500


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The programs of the benchmark, which find each other in their folder; forgotten later."""
    monkeypatch.syspath_prepend(str(PEERS))
    monkeypatch.syspath_prepend(str(PEERS.parent))
    known = set(sys.modules)
    yield import_module
    for name in set(sys.modules) - known:
        if str(PEERS.parent) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_bare_loop_with_the_shared_policy_ends_where_the_kernel_does(tools, tmp_path):
    preparing, case, plain = (tools(name) for name in ("preparing", "case", "plain"))
    made = preparing.prepare(tmp_path, HOURS, preparing.PLAIN, preparing.FREE)
    ended = run(made.columns, made.signals, made.policy, made.setup, record=False)
    equity = plain.ready(case.load(tmp_path))()
    assert int(ended.metrics.trades[0]) > 10
    assert equity == pytest.approx(float(ended.metrics.equity[0]), rel=1e-6)


def test_a_case_reads_as_it_was_written(tools, tmp_path):
    preparing, case = tools("preparing"), tools("case")
    made = preparing.prepare(tmp_path, HOURS)
    read = case.load(tmp_path)
    again = preparing.case_of(made.columns, made.signals, made.policy, made.setup)
    assert (read.policy, read.terms, read.names) == (again.policy, again.terms, again.names)
    for mine, theirs in zip(read.bars + read.signals, again.bars + again.signals, strict=True):
        assert (mine == theirs).all()
