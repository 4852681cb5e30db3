"""Bounds the wait for a server that holds a connection open and does not answer."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Connection


class Patience:
    """Cuts a connection whose answer takes too long, so that whoever waits gets an error.

    The network tells of a machine that is gone, and not of a server that hangs: its disk, a proxy
    before it, or its process may keep a connection open for ever. What was asked may have been done
    all the same, as with every commit that nobody acknowledged.
    """

    def __init__(self, connection: "Connection[Any]", wait_s: float) -> None:
        """Watch a connection; the thread ends with `end`."""
        self._connection = connection
        self._wait_s = wait_s
        self._since_s: float | None = None
        self._is_over = threading.Event()
        threading.Thread(target=self._watch, name="ledger-patience", daemon=True).start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of a block in which an answer is waited for."""
        self._since_s = time.monotonic()
        try:
            yield
        finally:
            self._since_s = None

    def end(self) -> None:
        """Watch no longer; harmless twice."""
        self._is_over.set()

    def _watch(self) -> None:
        while not self._is_over.wait(min(1.0, self._wait_s / 4)):
            since_s = self._since_s
            if since_s is not None and time.monotonic() - since_s > self._wait_s:
                self._cut()
                return

    def _cut(self) -> None:
        """End both directions of the connection; the driver finds it closed and says so."""
        with (
            suppress(OSError, psycopg.Error),  # It may be closed meanwhile, which is as good.
            socket.socket(fileno=os.dup(self._connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)
