"""The simulated venue as a process of its own: found when it still runs, started when not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

from smart_leverage.brokers.sim import Mode, SimBrokerClient
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.runtime.raw_log import private_log

SOCKET = "broker.sock"
FILE = "broker.sqlite"
PID = "broker.pid"
LOG = "broker.log"


@contextmanager
def venue_process(folder: Path, cash: Decimal) -> Iterator[SimBrokerClient]:
    """Yield a client of the venue of a folder; the venue ends when the block ends in order.

    It is a process of its own, so it outlives one of ours that is killed; the next block on the
    folder finds it as it is then. Its file outlives both.

    Args:
        folder: Where socket, file, process number and log of the venue lie.
        cash: Opening cash of a new venue.

    Raises:
        BrokerDown: The venue did not start; the sentence says why.
    """
    socket = folder / SOCKET
    with SimBrokerClient(socket) as client:
        if not _answers(client):
            _start(folder, socket, cash)
            client.account()
        yield client
    with suppress(OSError, ValueError):
        os.kill(int((folder / PID).read_text(encoding="ascii")), signal.SIGTERM)
        (folder / PID).unlink()


def _answers(client: SimBrokerClient) -> bool:
    try:
        client.account()
    except BrokerDown:
        return False
    return True


def _start(folder: Path, socket: Path, cash: Decimal) -> None:
    """Start the venue, in a session of its own so that an interruption of ours spares it."""
    command = [sys.executable, "-m", "smart_leverage.brokers.sim", str(socket)]
    command += ["--file", str(folder / FILE), "--mode", Mode.LIVE.value, "--cash", str(cash)]
    with private_log(folder / LOG) as log:
        venue = subprocess.Popen(  # noqa: S603 - our own program, our own arguments
            command, stdout=subprocess.PIPE, stderr=log, start_new_session=True, umask=0o077
        )
    (folder / PID).write_text(f"{venue.pid}\n", encoding="ascii")
    assert venue.stdout is not None  # noqa: S101 - a pipe was asked for
    with venue.stdout as said:
        if not said.readline().startswith(b"ready"):
            last = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip()
            raise BrokerDown(f"the venue did not start: {last.splitlines()[-1:] or ['no word']}")
