"""What holds for all tests: reproducible examples, and an honest count of what did not run."""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Container, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    from smart_leverage.ledger.postgres.address import Address

# Machine code that tests compile stays in the checkout, and out of the user's own folders. So do
# compiled modules, without which every command that a test starts costs three times as much.
BUILD = Path(__file__).parents[1] / "build"
os.environ.setdefault("NUMBA_CACHE_DIR", str(BUILD / "cache"))
os.environ.setdefault("PYTHONPYCACHEPREFIX", str(BUILD / "pyc"))
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Ten thousand tests and their modules stay until the end. Garbage is looked for among them as
# seldom as its amount allows, or a tenth of the time goes into that.
gc.set_threshold(50_000, 20, 20)

# Products of small tables are five times as much work when they are shared between two cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Tests write ten thousand small files, many of them through to the disk. What a power loss leaves
# is asked of disks of our own (tests/power), so all these may live in memory if there is room.
MEMORY = Path("/dev/shm")
MEMORY_LEAST = 4 * 2**30
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_LEAST:
    tempfile.tempdir = os.environ.setdefault("TMPDIR", str(MEMORY))

MARKET_DATA = Path(__file__).parents[1] / ".." / "shared" / "data"

# Named parents, because where CI is set the library's own defaults are already those of "ci".
FRESH = settings.get_profile("default")
settings.register_profile("dev", FRESH, deadline=None)
settings.register_profile("ci", settings.get_profile("ci"), derandomize=True, print_blob=True)
settings.register_profile("thorough", FRESH, deadline=None, max_examples=2000, print_blob=True)
# Where a test is asked about many changes, a failure is enough: nobody reads its smallest example.
settings.register_profile(
    "mutants", FRESH, derandomize=True, deadline=None, max_examples=25, report_multiple_bugs=False,
    phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
)  # fmt: skip
settings.load_profile("ci" if os.environ.get("CI") else "dev")

NEEDS: dict[str, Callable[[], bool]] = {
    "market-data": MARKET_DATA.is_dir,
    "postgres": lambda: bool(_servers().is_there()),
    "postgres-programs": lambda: _servers().programs() is not None,
}
"""What a test may ask for with `@pytest.mark.needs(name)`, and whether it is to be had here."""


_LEFT_OUT = pytest.StashKey[dict[str, int]]()
"""How many tests were deselected, by reason; counted where tests are collected."""

LONGEST = (
    *("contract/test_sweep_engines.py", "parity/test_rules_compile.py"),
    *("simulation/test_oracle.py", "parity/test_intraday.py", "soak/test_soak.py"),
    *("wire/test_broker_faults.py", "contract/test_ledger_trouble.py"),
    *("contract/test_cli_control.py", "contract/test_ledger_moving.py"),
    *("contract/test_cli_sweep.py", "contract/test_ledger_away.py"),
    *("contract/test_broker_ccxt_account.py", "contract/test_cli_feasibility.py"),
    *("parity/test_kernel_engine.py", "wire/test_evasion.py", "wire/test_steering.py"),
)
"""Files that take longest go first, so that no process is left alone with one at the end. The first
of them makes the machine code that others need, who would make it too if they began beside it."""

LONG = "long, for make test-long"
"""The reason that is none to call a run incomplete: the quick part of such a test has run."""


def quick_and_long(values: Sequence[Any], quick: Container[Any]) -> list[Any]:
    """Return the parameters of a test of which only the quick ones run without --long."""
    return [
        each if each in quick else pytest.param(each, marks=pytest.mark.long) for each in values
    ]


def _servers() -> Any:
    """Return what starts database servers; most tests need none, and no driver of one."""
    from tests import postgres

    return postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL of a server, for all tests of the session."""
    yield from _servers().of_session()


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """Yield the URL of an empty database, for one test."""
    yield from _servers().of_test(postgres_server)


@pytest.fixture
def postgres_account(postgres_server: str) -> "Iterator[Address]":
    """Yield a place for one ledger in a database that tests share."""
    yield from _servers().place_of_test(postgres_server)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--complete",
        action="store_true",
        help="fail when a test was skipped, deselected or is expected to fail",
    )
    parser.addoption("--long", action="store_true", help="run what is marked as long as well")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEFT_OUT] = {}
    worker = getattr(config, "workerinput", None)
    if worker is not None and config.args == config.getini("testpaths"):
        config.args = _from_a_place_of_its_own(config, worker)


def _from_a_place_of_its_own(config: pytest.Config, worker: dict[str, Any]) -> list[str]:
    """Return all files of tests, from another one on in each process that runs some of them.

    In a new checkout every file has to be compiled, which takes ten times as long as reading it.
    So each process compiles its share, and reads what the others have compiled.
    """
    left_out = config.getini("norecursedirs")
    files = [
        str(file)
        for file in sorted(Path(__file__).parent.rglob("test_*.py"))
        if not any(fnmatch(part, each) for part in file.parts for each in left_out)
    ]
    first = int(worker["workerid"].removeprefix("gw")) * len(files) // worker["workercount"]
    return files[first:] + files[:first]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Deselect what cannot run here; what `-k` and `-m` take away is counted as well."""
    if not config.getoption("--long"):
        _leave_out(config, items, LONG, [each for each in items if each.get_closest_marker("long")])
    missing = _missing(items)
    if config.getoption("collectonly"):
        missing = set()  # what a machine lacks is no reason not to list a test
    for name in sorted(missing):
        _leave_out(config, items, f"no {name}", [each for each in items if name in _needs(each)])
    items.sort(key=_turn)  # the same in every process
    before = len(items)
    yield
    if before > len(items):
        config.stash[_LEFT_OUT]["by selection"] = before - len(items)


def _turn(item: pytest.Item) -> tuple[int, str]:
    """Return when the file of a test has its turn; tests of one file keep their order."""
    name = item.nodeid.partition("::")[0].removeprefix("tests/")
    return LONGEST.index(name) if name in LONGEST else len(LONGEST), name


def _leave_out(
    config: pytest.Config, items: list[pytest.Item], reason: str, which: list[pytest.Item]
) -> None:
    if which:
        config.hook.pytest_deselected(items=which)
        config.stash[_LEFT_OUT][reason] = len(which)
        left = set(which)
        items[:] = [each for each in items if each not in left]


def _needs(item: pytest.Item) -> set[str]:
    return {str(name) for mark in item.iter_markers("needs") for name in mark.args}


def _missing(items: list[pytest.Item]) -> set[str]:
    wanted = {name for item in items for name in _needs(item)}
    unknown = wanted - NEEDS.keys()
    if unknown:
        raise pytest.UsageError(f"needs {sorted(unknown)}: known are {sorted(NEEDS)}")
    return {name for name in wanted if not NEEDS[name]()}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts of a worker to the process that reports, and there judge completeness."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = config.stash[_LEFT_OUT]
    elif config.getoption("--complete") and session.exitstatus == 0 and _not_run(config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker collects everything, so any one of them knows the counts."""
    node.config.stash[_LEFT_OUT].update(getattr(node, "workeroutput", {}).get("left_out", {}))


def _not_run(config: pytest.Config) -> int:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    held = sum(len(reporter.stats.get(kind, [])) for kind in ("skipped", "xfailed"))
    return held + sum(n for reason, n in config.stash[_LEFT_OUT].items() if reason != LONG)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    left_out = config.stash[_LEFT_OUT]
    reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
    terminalreporter.write_line(
        f"deselected: {sum(left_out.values())}{f' ({reasons})' if reasons else ''}"
    )
    if config.getoption("--complete") and (count := _not_run(config)):
        terminalreporter.write_line(f"not complete: {count} tests did not run", red=True)
