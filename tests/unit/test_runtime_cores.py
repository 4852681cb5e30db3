"""A process that trades stays on one core; what it starts for others does not."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from smart_leverage.runtime import cores
from smart_leverage.runtime.cores import allowed, spread, together

SHOW = "import os; print(sorted(os.sched_getaffinity(0)))"


def of_a_child() -> str:
    told = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    return told.stdout.strip()


@pytest.fixture
def helper() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: None).result()  # its thread is there before anything is kept together
        yield pool


def test_all_threads_stay_on_one_core_until_the_block_ends(helper: ThreadPoolExecutor) -> None:
    before = allowed()
    with together():
        here = allowed()
        assert len(here) == 1
        assert here <= before
        assert helper.submit(allowed).result() == here
        found: list[frozenset[int]] = []
        late = threading.Thread(target=lambda: found.append(allowed()))
        late.start()
        late.join()
        assert found == [here]
    assert allowed() == helper.submit(allowed).result() == before


def test_what_is_started_for_others_may_run_wherever_this_could_before() -> None:
    before = allowed()
    with together():
        here = allowed()
        assert of_a_child() == str(sorted(here))
        with spread(before):
            assert of_a_child() == str(sorted(before))
        assert allowed() == here


def test_what_was_narrowed_before_is_not_widened() -> None:
    before = allowed()
    one = {min(before)}
    os.sched_setaffinity(0, one)
    try:
        with together():
            assert allowed() == one
        assert allowed() == one
    finally:
        os.sched_setaffinity(0, before)


def test_where_nobody_says_which_core_it_is_nothing_is_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = allowed()
    monkeypatch.setattr(cores, "_current", lambda: -1)
    with together():
        assert allowed() == before


def test_where_cores_cannot_be_chosen_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    with together(), spread([0]):
        assert allowed() == frozenset()
