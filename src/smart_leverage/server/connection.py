"""One connection of HTTP: how long a head may take and how large it may be, and how many there are.

The server's parser has no bound of its own: whoever never ends a header would be waited for, and
kept in memory. What comes behind the head, the gate counts.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_MAX = 8_192
HEAD_WITHIN_S = 10.0
CONNECTIONS_MAX = 256


class HeadTooLarge(Exception):
    """Ends the parsing of a request whose head is over its bound."""


class Connection(HttpToolsProtocol):
    """A connection within bounds; over them it is closed, which only its own side notices.

    When there are too many, one that asks for nothing just now gives way to the newcomer, so that
    whoever keeps connections open cannot lock a halt out.
    """

    def __init__(self, *rest: Any, **named: Any) -> None:
        super().__init__(*rest, **named)
        self._is_in_head = True
        self._size = 0
        self._is_next = False
        """Whether a head began together with the end of the request before."""
        self._is_too_large = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection on, if need be in the place of an idle one."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX and not self._made_room():
            transport.abort()
            return
        self._deadline = self.loop.call_later(HEAD_WITHIN_S, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection."""
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; a head that is not whole yet is counted and timed."""
        self._size += len(data)
        super().data_received(data)
        has_begun = self._is_in_head and (self._size or self._is_next)
        if not has_begun or self.transport.is_closing():
            return
        if self._size > HEADERS_MAX:
            self._is_too_large = True
            self.send_400_response("")
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_WITHIN_S, self._late)

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._is_next = True

    def on_headers_complete(self) -> None:
        """Begin a request, unless its head is over the bound."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEADERS_MAX:
            self._is_too_large = True
            raise HeadTooLarge
        self._is_in_head = False
        self._in_time()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request: what comes now is the head of the next one."""
        super().on_message_complete()
        self._is_in_head, self._is_next, self._size = True, False, 0

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, or one with too large a head, and close."""
        if not self._is_too_large:
            super().send_400_response(msg)
            return
        lines = ("HTTP/1.1 431 Request Header Fields Too Large", "content-length: 0")
        self.transport.write("\r\n".join((*lines, "connection: close", "", "")).encode())
        self.transport.close()

    @property
    def is_idle(self) -> bool:
        """Whether nothing that was asked for is unanswered."""
        # There is no cycle until the first request, whatever its type says.
        return self._is_in_head and bool(getattr(self.cycle, "response_complete", True))

    def _made_room(self) -> bool:
        for other in self.connections:
            if isinstance(other, Connection) and other is not self and other.is_idle:
                self.connections.discard(other)
                other.transport.abort()
                return True
        return False

    def _late(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
