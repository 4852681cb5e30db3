"""A client without manners: it sends what it is told, byte for byte, and reads the whole answer."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Raw:
    """Speaks for one bot; each request has a connection of its own."""

    def __init__(self, url: str, keys: tuple[str, str]) -> None:
        parts = urlsplit(url)
        self.place = (parts.hostname or "", parts.port or 0)
        self.host = f"{self.place[0]}:{self.place[1]}"
        self.keys = keys

    def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        content = b"" if body is None else body
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        lines = {
            "Host": self.host,
            "APCA-API-KEY-ID": self.keys[0],
            "APCA-API-SECRET-KEY": self.keys[1],
            "Connection": "close",
        }
        if body is not None:
            lines |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        lines |= headers or {}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        return self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content)

    def send(self, request: bytes, *, within_s: float = 15.0) -> Answer:
        with self.connection(within_s) as connection:
            said = bytearray()
            # Whoever sends too much may be cut off in the middle of it.
            with suppress(ConnectionResetError, BrokenPipeError):
                connection.sendall(request)
                while part := connection.recv(65_536):
                    said += part
        if not said:
            return Answer(0, {}, b"")
        head, _, content = bytes(said).partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in rest)
        return Answer(
            int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, content
        )

    @contextmanager
    def connection(self, within_s: float) -> Iterator[socket.socket]:
        """Connect; another way to do it is another client's."""
        with socket.create_connection(self.place, within_s) as connection:
            yield connection

    def order(self, **terms: Any) -> Answer:
        """Send an order of a coin at the market, changed by what is named; None leaves one out."""
        usual = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
        content = {name: value for name, value in (usual | terms).items() if value is not None}
        return self("POST", "/v2/orders", content)
