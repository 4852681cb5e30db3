"""A server that only makes orders durable: what the gateway's figures are compared with.

    python benchmarks/gateway/bare.py FOLDER

The same HTTP stack on a thread, and one writing thread that puts a row an order into SQLite (WAL,
synchronous FULL), a transaction for all that came in while the last one was synced. It decides
nothing, knows nobody, and asks no broker. It prints its port and ends with its standard input.
"""

import asyncio
import sqlite3
import sys
import threading
import uuid
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from smart_leverage.server.serving import Binding, serving

Waiting = tuple[dict[str, Any], "asyncio.Future[bytes]"]


class Writer:
    """Commits whatever has queued; the futures are settled with one call into the loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: list[Waiting] = []
        self._arrived = threading.Condition()
        self.loop: asyncio.AbstractEventLoop | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, waiting: Waiting) -> None:
        """Hand an order over."""
        with self._arrived:
            self._queue.append(waiting)
            self._arrived.notify()

    def connect(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Settle futures in this loop."""
        self.loop = loop

    def _run(self) -> None:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("CREATE TABLE orders (seq INTEGER PRIMARY KEY, name, content)")
            while True:
                with self._arrived:
                    while not self._queue:
                        self._arrived.wait()
                    batch, self._queue = self._queue, []
                self._commit(connection, batch)

    def _commit(self, connection: sqlite3.Connection, batch: list[Waiting]) -> None:
        answers = [
            msgspec.json.encode({"id": str(uuid.uuid4()), "status": "new", **order})
            for order, _ in batch
        ]
        rows = [
            (order["client_order_id"], answer.decode())
            for (order, _), answer in zip(batch, answers, strict=True)
        ]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO orders (name, content) VALUES (?, ?)", rows)
        connection.execute("COMMIT")
        if self.loop is not None:
            self.loop.call_soon_threadsafe(_settle, batch, answers)


def _settle(batch: list[Waiting], answers: list[bytes]) -> None:
    for (_, future), answer in zip(batch, answers, strict=True):
        if not future.done():
            future.set_result(answer)


def application(writer: Writer) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Return the ASGI application: every POST is an order."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        body, has_more = b"", True
        while has_more:
            part = await receive()
            body, has_more = body + part.get("body", b""), part.get("more_body", False)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        writer.put((msgspec.json.decode(body), future))
        answer = await future
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return serve


def main() -> None:
    """Serve until standard input ends."""
    writer = Writer(Path(sys.argv[1]) / "bare.sqlite")
    with serving(application(writer), Binding(), writer.connect) as address:
        print(address.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
