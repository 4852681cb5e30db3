"""Ledgers on one server between processes: owners and the server are killed at any moment."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from tests.conftest import quick_and_long
from tests.postgres import Server, fresh_database, server

from smart_leverage.domain.errors import LedgerLocked
from smart_leverage.domain.records import Noted, decode
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.home import note_home
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.verify import verify

pytestmark = pytest.mark.needs("postgres-programs")

LONG_S = 60.0
NOTE = Noted(at_ns=1, code="c", text="t")

IMPORTS = """
import os, signal, sys, threading, time
from smart_leverage.domain.errors import LedgerError, LedgerLocked
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.ledger import PostgresLedger, ServerBounds

address = Address(sys.argv[1], sys.argv[2])
"""


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture
def database(own: Server) -> str:
    return fresh_database(own.address())


@contextmanager
def running(script: str, address: Address, *more: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = started(script, address, *more)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def started(script: str, address: Address, *more: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", IMPORTS + script, *address, *more], stdout=subprocess.PIPE
    )


# --- one writer -----------------------------------------------------------------------------------

HOLD = """
ledger = PostgresLedger(address)
ledger.commit([Noted(at_ns=1, code="c", text="t")])
os.write(1, b"holding\\n")
signal.pause()
"""


def test_a_writer_that_is_killed_leaves_no_lock_and_nobody_writes_beside_it(database: str) -> None:
    address = Address(database, "main")
    with running(HOLD, address) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holding\n"
        with pytest.raises(LedgerLocked, match=f": pid {holder.pid} on .* is writing this ledger"):
            PostgresLedger(address)
        with PostgresLedger(Address(database, "other")) as other:
            assert other.commit([NOTE]).seq == 1
        holder.kill()
        holder.wait()
        with PostgresLedger(address) as ledger:
            assert (ledger.epoch, ledger.head.seq) == (2, 1)


FORK = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
NOTE = Noted(at_ns=1, code="c", text="t")
ledger = PostgresLedger(address)
ledger.commit([NOTE])
child = os.fork()
if child == 0:
    refused = 0
    for act in (lambda: ledger.append([NOTE]), ledger.reader, lambda: list(ledger.read())):
        try:
            act()
        except LedgerError as error:
            refused += "a fork of it may not use it" in str(error)
    ledger.close()
    del ledger
    os._exit(refused)
_, status = os.waitpid(child, 0)
ledger.commit([NOTE])
print(os.waitstatus_to_exitcode(status), ledger.head.seq)
"""


def test_a_fork_may_not_use_the_ledger_and_does_no_harm(database: str) -> None:
    with running(FORK, Address(database, "main")) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b"3 2\n"


# --- sudden ends ----------------------------------------------------------------------------------

FEW, MANY = 3, 16
RIVALS = 2
"""Processes that want to write each account."""
STORM = ["owner"] * 6 + ["session"] * 4 + ["server"] * 3
"""What is killed, in an order by chance: a process, its session only, or the server."""

# Wants to own an account for ever; says what was acknowledged to it, and under which epoch.
RIVAL = """
told = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
while True:
    try:
        ledger = PostgresLedger(address, bounds=ServerBounds(lock_wait_s=0.05))
    except LedgerError:
        time.sleep(0.02)
        continue
    text = f"{os.getpid()}"
    try:
        while True:
            group = [Noted(at_ns=1, code="c", text=text)] * (1 + ledger.head.seq % 3)
            head = ledger.commit(group)
            os.write(told, f"{head.seq} {head.hash.hex()} {ledger.epoch}\\n".encode())
    except LedgerError:
        ledger.close()
"""


class Rival(NamedTuple):
    """A process that wants an account, and the file in which it says what it was promised."""

    account: str
    told: Path
    process: "subprocess.Popen[bytes]"


class Acknowledged(NamedTuple):
    """One promise: this link is durable."""

    hash: str
    epoch: int


def rival(database: str, account: str, told: Path) -> Rival:
    return Rival(account, told, started(RIVAL, Address(database, account), str(told)))


@pytest.mark.parametrize("count", quick_and_long((FEW, MANY), {FEW}))
def test_owners_and_server_are_killed_and_there_is_one_writer_and_nothing_is_lost(
    own: Server, database: str, tmp_path: Path, count: int
) -> None:
    accounts = [f"account{each:02}" for each in range(count)]
    chance, number = random.Random(11), 0
    rivals: list[Rival] = []

    def begin(account: str) -> None:
        nonlocal number
        number += 1
        rivals.append(rival(database, account, tmp_path / f"{account}-{number}"))

    for account in accounts * RIVALS:
        begin(account)
    living = list(rivals)
    try:
        for account in accounts:
            wait_for_promises(tmp_path, account, 1)
        for kind in chance.sample(STORM, len(STORM)):
            time.sleep(chance.uniform(0.1, 0.5))
            if kind == "server":
                own.kill()
                own.start()
            elif kind == "session":
                end_a_session(own, chance)
            else:
                victim = living.pop(chance.randrange(len(living)))
                victim.process.send_signal(signal.SIGKILL)
                victim.process.wait()
                begin(victim.account)
                living.append(rivals[-1])
        before = {account: len(promises(tmp_path, account)) for account in accounts}
        for account in accounts:  # After all that, each account goes on.
            wait_for_promises(tmp_path, account, before[account] + 1)
    finally:
        for each in rivals:
            each.process.kill()
            each.process.wait()
            assert each.process.stdout is not None
            each.process.stdout.close()
    for account in accounts:
        judge(database, account, promises(tmp_path, account), tmp_path / "judged" / account)


def end_a_session(own: Server, chance: random.Random) -> None:
    """Cut one owner's session, as an administrator or a proxy may, while its process lives on."""
    with psycopg.connect(own.address(), autocommit=True) as line:
        found = line.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted ORDER BY pid"
        ).fetchall()
        if found:
            line.execute("SELECT pg_terminate_backend(%s)", chance.choice(found))


def promises(folder: Path, account: str) -> dict[int, Acknowledged]:
    found: dict[int, Acknowledged] = {}
    for file in folder.glob(f"{account}-*"):
        for line in file.read_text().splitlines():
            seq, digest, epoch = line.split()
            assert int(seq) not in found, "two writers were promised the same place"
            found[int(seq)] = Acknowledged(digest, int(epoch))
    return found


def wait_for_promises(folder: Path, account: str, count: int) -> None:
    until = time.monotonic() + LONG_S
    while len(promises(folder, account)) < count:
        assert time.monotonic() < until, f"{account}: nobody writes"
        time.sleep(0.02)


def judge(database: str, account: str, promised: dict[int, Acknowledged], path: Path) -> None:
    """Compare what was promised with what the journal holds, and look for a second writer."""
    address = Address(database, account)
    path.parent.mkdir(exist_ok=True)
    note_home(path, address)
    verdict = verify(path)
    assert verdict.is_sound, verdict.summary
    with PostgresLedger(address) as ledger:
        held = {entry.seq: entry for entry in ledger.read()}
        assert ledger.epoch > max(entry.epoch for entry in held.values())
    lost = [seq for seq, one in promised.items() if seq not in held or told(held[seq]) != one]
    assert not lost
    assert len(promised) > 20
    writers: dict[int, set[str]] = {}
    for seq in range(1, len(held) + 1):
        assert held[seq].epoch >= held[max(seq - 1, 1)].epoch  # Nobody comes back to an old reign.
        record = decode(held[seq].payload)
        assert isinstance(record, Noted)
        writers.setdefault(held[seq].epoch, set()).add(record.text)
    assert all(len(each) == 1 for each in writers.values()), writers
    assert len(writers) >= 2, "nobody ever took over"


def told(entry: Entry) -> Acknowledged:
    return Acknowledged(entry.hash.hex(), entry.epoch)
