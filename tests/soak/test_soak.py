"""A short soak of the real processes, and that what grows is seen."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.soak.processes import Use, descendants, use_of
from tests.soak.run import SLICES, Sample, Slice, Soak, judged

ROOT = Path(__file__).parents[2]


def test_a_short_load_is_answered_and_every_process_is_looked_at() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.run", "24", "--rate", "20", "--lives", "2"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode in (0, 1), done.stderr  # so short a time proves nothing of growth
    assert told["approved"] > 100
    assert told["lives"] == 2
    assert "life 2: began in" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    passed = [int(row[2].replace(",", "")) for row in rows if row and row[0].isdigit()]
    assert len(passed) == 2 * SLICES
    assert sum(passed[:SLICES]) > 50
    assert sum(passed[SLICES:]) > 50
    assert told["unanswered"] == 0
    assert {"trade", "desk", "venue"} <= told.keys()
    assert told["trade"]["files"][0] > 5


def test_what_a_process_uses_is_read_from_the_system() -> None:
    waits = [sys.executable, "-c", "print('here', flush=True); input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
        use = use_of(child.pid)
        assert use is not None
        assert use.rss_kib > 1_000
        assert use.files >= 3
        assert use.threads == 1
        assert list(descendants(child.pid)) == [child.pid]
        child.communicate(b"\n")
    assert use_of(child.pid) is None


def soak(
    *, rss: int = 0, files: int = 0, threads: int = 0, slower: float = 0.0, orders: int = 100_000
) -> Soak:
    """Return a soak of twenty minutes, in which something grows by so much a second."""
    made = Soak.__new__(Soak)
    made.samples = [
        Sample(float(at), {"trade": Use(80_000 + at * rss, 40 + at * files, 16 + at * threads, 0)})
        for at in range(1, 1201)
    ]
    made.slices = [
        Slice((number + 1) * 100.0, orders, 8_000, 0, 5.0, 20.0 + number * slower)
        for number in range(SLICES)
    ]
    return made


@pytest.mark.parametrize(
    ("grown", "told"),
    [
        pytest.param(soak(), [], id="nothing"),
        pytest.param(soak(rss=8), [], id="what-orders-leave-behind"),
        pytest.param(soak(rss=200, orders=10_000), [], id="what-the-first-orders-fill"),
        pytest.param(soak(rss=200), ["memory"], id="memory"),
        pytest.param(soak(rss=500, orders=10_000), ["memory"], id="memory-of-few-orders"),
        pytest.param(soak(files=1), ["open files"], id="files"),
        pytest.param(soak(threads=1), ["threads"], id="threads"),
        pytest.param(soak(slower=40.0), ["latency"], id="latency"),
    ],
)
def test_what_grows_beyond_its_bound_is_told(grown: Soak, told: list[str]) -> None:
    _, found = judged(grown)
    assert [each.split(" of ")[0].split(":")[0] for each in found] == told
