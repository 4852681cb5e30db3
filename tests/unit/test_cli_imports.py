"""No command that reads loads a heavy library, and none loads much."""

import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    Decided,
    InstrumentListed,
    Marked,
    Record,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.settings import Settings

HEAVY = "numba numpy polars scipy pandas arch sklearn optuna ray sqlalchemy uvicorn"
HEAVY += " structlog prometheus_client"  # only a process that runs an account logs and is scraped

SCRIPT = """
import sys
from smart_leverage.cli import main
sys.argv = ["smart-leverage", *sys.argv[2:]]
try:
    main()
finally:
    wanted = set(HEAVY.split())
    heavy = " ".join(sorted(wanted & set(sys.modules)))
    sys.stderr.write(f"LOADED {len(sys.modules)} {heavy}\\n")
"""

READING = [
    ["--version"],
    ["--help"],
    ["version"],
    ["status"],
    ["orders"],
    ["orders", "--open"],
    ["explain", "d1"],
    ["tier"],
    ["limits", "show"],
    ["limits", "check", "buy", "BTC/USD", "100"],
    ["limits", "eval", "--example"],
    ["target"],
    ["backtest", "--help"],
    ["sweep", "--help"],
    ["compare", "--help"],
    ["verify", "--help"],
    ["monitor", "--help"],
    ["review", "--help"],
    ["config", "check"],
    ["config", "show"],
    ["ledger", "verify"],
    ["doctor"],
]

BTC = Key("crypto:BTC/USD")


def records() -> Iterator[Record]:
    settings = Settings()
    yield AccountOpened(
        at_ns=1,
        account="tiny",
        mode="sim",
        cash=Decimal(9000),
        risk_timezone="America/New_York",
        preset="classic",
        policy=settings.policy_text(),
        policy_hash=settings.policy_hash(),
        enforcement="all",
        version="0",
    )
    yield InstrumentListed(at_ns=1, instrument=Registry.builtin()[BTC])
    yield Adopted(at_ns=1, key=BTC, qty=Decimal("0.02"), price=Decimal(50_000), bot="house")
    yield Decided(
        at_ns=2,
        decision_id="d1",
        bot="greedy",
        source="order",
        key=BTC,
        side=Side.BUY,
        asked=Decimal(1),
        allowed=Decimal(0),
        given=Decimal(0),
        price=Decimal(50_000),
        verdict="denied",
        reason="cap_symbol",
        unit="fraction",
        bound=Decimal("0.1"),
        would_be=Decimal("5.1"),
        figures={},
    )
    yield Marked(
        at_ns=2,
        equity=Decimal(10_000),
        cash=Decimal(9000),
        crypto=Decimal(1000),
        leveraged=Decimal(1000),
        gross=Decimal(1000),
        crypto_cap=Decimal("0.25"),
        leveraged_cap=Decimal("0.35"),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with one tiny run, and a place for compiled modules."""
    folder = tmp_path_factory.mktemp("imports")
    run = folder / "runs" / "tiny"
    run.mkdir(parents=True)
    with SqliteLedger(run / "ledger.sqlite") as ledger:
        ledger.commit([*records()])
    (folder / "runs" / "latest").write_text("tiny\n")
    return folder


def start(folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "pyc")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    script = SCRIPT.replace("HEAVY", repr(HEAVY))
    return subprocess.run(
        [sys.executable, "-c", script, "-", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def loaded(done: subprocess.CompletedProcess[str]) -> tuple[list[str], int]:
    """Return the heavy libraries that a command had loaded at its end, and how many modules."""
    word, count, *heavy = done.stderr.splitlines()[-1].split()
    assert word == "LOADED", done.stderr
    return heavy, int(count)


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_reading_command_loads_nothing_heavy(folder: Path, arguments: list[str]) -> None:
    done = start(folder, arguments)
    heavy, _ = loaded(done)
    assert not heavy
    assert done.stdout.strip() or "nothing is under way" in done.stderr, done.stderr


def test_importing_the_package_loads_nothing_but_names_what_a_notebook_wants() -> None:
    script = "import sys, smart_leverage as sl; print(dir(sl), {*sys.modules} & {*HEAVY.split()})"
    done = subprocess.run(
        [sys.executable, "-c", script.replace("HEAVY", repr(HEAVY))],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "set()" in done.stdout
    for name in ("read_bars", "bars_of", "policy_with", "backtest", "sweep", "equity_picture"):
        assert repr(name) in done.stdout


@pytest.mark.parametrize(
    ("arguments", "modules_max"),
    [
        pytest.param(["--version"], 220, id="version"),
        pytest.param(["status"], 400, id="status"),
        pytest.param(["halt", "--reason", "a test"], 540, id="halt"),
        pytest.param(["orders"], 350, id="orders"),
        pytest.param(["tier"], 400, id="tier"),
    ],
)
def test_a_command_loads_few_modules(folder: Path, arguments: list[str], modules_max: int) -> None:
    """What a start takes is mostly what it imports; `benchmarks/startup.py` shows the time."""
    _, modules = loaded(start(folder, arguments))
    assert modules <= modules_max
