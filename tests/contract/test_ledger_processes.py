"""A ledger between processes: one writes, others read, and any of them may die at any moment."""

import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from smart_leverage.domain.errors import LedgerLocked
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify

NOTE = Noted(at_ns=1, code="c", text="t")
LONG_S = 60

IMPORTS = """
import os, signal, sys, threading
from pathlib import Path
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import Noted
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger

path = Path(sys.argv[1])
NOTE = Noted(at_ns=1, code="c", text="t" * 300)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def run(script: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS + script, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(script: str, path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORTS + script, str(path)], stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


# --- one writer, many readers ---------------------------------------------------------------------

WRITE_ONCE = """
try:
    SqliteLedger(path).commit([NOTE])
except LedgerError as error:
    print(type(error).__name__, error)
"""


def test_another_process_may_not_write_while_we_do(path: Path) -> None:
    with SqliteLedger(path) as ledger:
        ledger.commit([NOTE])
        said = run(WRITE_ONCE, path)
        assert said == f"LedgerLocked {path}: process {os.getpid()} is writing this ledger\n"
        assert ledger.commit([NOTE]).seq == 2
    assert run(WRITE_ONCE, path) == ""
    assert verify(path).events == 3


HOLD = """
ledger = SqliteLedger(path)
os.write(1, b"holding\\n")
signal.pause()
"""


def test_a_writer_that_is_killed_leaves_no_lock_behind(path: Path) -> None:
    with running(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holding\n"
        with pytest.raises(LedgerLocked, match=f"process {holder.pid} is writing"):
            SqliteLedger(path)
        holder.kill()
        holder.wait()
        with SqliteLedger(path) as ledger:
            assert ledger.epoch == 2


READ_ON = """
seen = 0
with Reader.open(path) as reader:
    while seen < 400:
        new = [entry.seq for entry in reader.entries(after=seen)]
        assert new == list(range(seen + 1, seen + 1 + len(new))), new
        assert len(new) % 4 == 0, new
        seen += len(new)
        os.write(1, b".")
print(seen)
"""


def test_another_process_reads_whole_commits_while_we_write(path: Path) -> None:
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        ledger.commit([NOTE] * 4)
        with running(READ_ON, path) as reader:
            assert reader.stdout is not None
            assert reader.stdout.read(1) == b"."
            while ledger.head.seq < 400:
                ledger.commit([NOTE] * 4)
            assert reader.stdout.read().lstrip(b".") == b"400\n"


FORK = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
ledger = SqliteLedger(path)
ledger.commit([NOTE])
child = os.fork()
if child == 0:
    refused = 0
    for act in (
        lambda: ledger.append([NOTE]),
        lambda: ledger.commit([]),
        lambda: ledger.reader(),
        lambda: list(ledger.read()),
    ):
        try:
            act()
        except LedgerError as error:
            refused += "a fork of it may not use it" in str(error)
    ledger.close()
    os._exit(refused)
_, status = os.waitpid(child, 0)
ledger.commit([NOTE])
print(os.waitstatus_to_exitcode(status), ledger.head.seq)

child = os.fork()
if child == 0:
    signal.pause()
ledger.close()
with SqliteLedger(path) as again:  # Although the child is alive and has the lock's file.
    print(again.head.seq)
os.kill(child, 9)
"""


def test_a_fork_may_not_use_the_ledger_and_does_no_harm(path: Path) -> None:
    assert run(FORK, path) == "4 2\n2\n"
    assert verify(path).events == 2


# --- sudden ends ----------------------------------------------------------------------------------

WRITE_ON = """
ledger = SqliteLedger(path)

def write(group):
    while True:
        head = ledger.commit([NOTE] * group)
        os.write(1, b"%d %s\\n" % (head.seq, head.hash.hex().encode()))

for group in (1, 2, 7):
    threading.Thread(target=write, args=(group,)).start()
"""


def test_what_was_acknowledged_survives_a_kill_at_any_moment(path: Path) -> None:
    moments = random.Random(5)
    acknowledged: dict[int, str] = {}
    for _ in range(6):
        acknowledged |= killed_after(moments.uniform(0.0, 0.15), path)
        verdict = verify(path)
        assert verdict.is_sound, verdict.summary
        with SqliteLedger(path) as ledger:
            assert ledger.head == verdict.head
            held = {entry.seq: entry.hash.hex() for entry in ledger.read()}
        assert acknowledged.items() <= held.items()
    assert len(acknowledged) >= 6


def killed_after(wait_s: float, path: Path) -> dict[int, str]:
    """Let a process write, kill it, and return what it was told to be durable."""
    with running(WRITE_ON, path) as writer:
        assert writer.stdout is not None
        told = writer.stdout.readline()
        select.select([], [], [], wait_s)
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.read()
        assert writer.wait() == -signal.SIGKILL
    lines = [line.split() for line in told.decode().splitlines()]
    return {int(seq): digest for seq, digest in lines}


FULL_DISK = """
import resource
ledger = SqliteLedger(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
durable = 0
try:
    while True:
        durable = ledger.commit([NOTE] * 5).seq
except LedgerError as error:
    assert "were not committed" in str(error), error
assert ledger.is_broken
assert ledger.head.seq == durable
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
ledger.close()
with SqliteLedger(path) as again:
    assert again.head.seq == durable, (again.head.seq, durable)
    again.commit([NOTE])
print(durable)
"""


def test_a_full_disk_ends_the_writing_and_loses_nothing(path: Path) -> None:
    durable = int(run(FULL_DISK, path))
    assert durable > 0
    verdict = verify(path)
    assert verdict.is_sound, verdict.summary
    assert verdict.events == durable + 1


def test_what_cannot_open_another_file_harms_nothing_acknowledged(path: Path) -> None:
    script = """
import resource
ledger = SqliteLedger(path)
ledger.commit([NOTE])
resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
kept, refused = 1, ""
for _ in range(50):
    try:
        ledger.commit([NOTE])
        kept += 1
    except LedgerError as error:
        refused = type(error).__name__
        break
print(kept, refused)
"""
    kept, _, refused = run(script, path).strip().partition(" ")
    assert refused or int(kept) == 51
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        assert ledger.head.seq >= int(kept)
    assert not verify(path).faults


NO_MEMORY = """
import resource
ledger = SqliteLedger(path)
for _ in range(3):
    os.write(1, b"%d\\n" % ledger.commit([NOTE] * 5).seq)
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (8 << 20),) * 2)
held, size = [], 1 << 20
while size >= 4096:
    try:
        held.append(bytearray(size))
    except MemoryError:
        size //= 2
for _ in range(5_000):
    held.append(os.write(1, b"%d\\n" % ledger.commit([NOTE] * 50).seq))
"""


def test_without_memory_a_writer_refuses_or_dies_and_nothing_acknowledged_is_lost(
    path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS + NO_MEMORY, str(path)],
        capture_output=True, check=False, timeout=LONG_S,
    )  # fmt: skip
    durable = [int(line) for line in done.stdout.split()]
    assert done.returncode != 0  # it ended before all was written
    assert 3 <= len(durable) < 5_000
    with SqliteLedger(path, durability=Durability.NONE) as ledger:
        assert ledger.head.seq >= durable[-1]
    verdict = verify(path)
    assert verdict.is_sound, verdict.summary
