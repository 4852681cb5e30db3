"""A line to a broker on which things go wrong: requests and answers get lost, come twice, wait."""

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
WAITS_S = 20.0
PASSED_ON = frozenset(
    {"apca-api-key-id", "apca-api-secret-key", "content-type", "accept", "authorization"}
)


class Rough:
    """What goes wrong, and how often; nothing while `is_rough` is off."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "lost", "answer lost", "slow", "too many", "bad gateway", "half an answer",
    )  # fmt: skip

    def __init__(self, upstream: str, every: int) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.is_rough = self.is_down = False
        self.happened: Counter[str] = Counter()
        self.port = 0
        self._every, self._asked = every, 0
        self._lock = threading.Lock()
        self._tunnels: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def fault(self, method: str) -> str:
        """Choose what becomes of a request."""
        with self._lock:
            if self.is_down:
                return "lost"
            self._asked += self.is_rough
            turn, is_left = divmod(self._asked, self._every)
            if not self.is_rough or is_left:
                return ""
            found = self.FAULTS[turn % len(self.FAULTS)]
            self.happened[f"{method} {found}"] += 1
            return found

    def cut_streams(self) -> None:
        """End every websocket."""
        with self._lock:
            tunnels, self._tunnels = self._tunnels, []
        for each in tunnels:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def keep(self, tunnel: socket.socket) -> None:
        with self._lock:
            self._tunnels.append(tunnel)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    line: Rough

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._tunnel()
            return
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    do_PATCH = do_DELETE = do_POST  # noqa: N815 - as the library calls them

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.line.fault(self.command)
        if fault == "lost":
            self.close_connection = True
            return
        if fault == "too many":
            self._say(429, b'{"code":42910000,"message":"rate limit exceeded"}')
            return
        if fault == "slow":
            time.sleep(1.0)
        try:
            status, answer = self._asked(body)
        except OSError:
            self.close_connection = True
            return
        if fault == "answer lost":
            self.close_connection = True
        elif fault == "bad gateway":
            self._say(502, b"<html>bad gateway</html>", "text/html")
        elif fault == "half an answer" and answer:
            self._say(status, answer, length=len(answer), cut=len(answer) // 2)
        else:
            self._say(status, answer)

    def _asked(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.line.upstream, timeout=WAITS_S)
        heads = {k: v for k, v in self.headers.items() if k.lower() in PASSED_ON}
        try:
            connection.request(self.command, self.path, body or None, heads)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _say(
        self, status: int, body: bytes, kind: str = "application/json", length: int = -1,
        cut: int | None = None,
    ) -> None:  # fmt: skip
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body[:cut] if cut is not None else body)
        if cut is not None:
            self.close_connection = True

    def _tunnel(self) -> None:
        """Pass a websocket on, byte by byte, until one side ends it."""
        self.close_connection = True
        if self.line.is_down:
            return
        host, _, port = self.line.upstream.partition(":")
        upstream = socket.create_connection((host, int(port)), WAITS_S)
        upstream.settimeout(None)
        head = [f"{self.command} {self.path} HTTP/1.1"]
        head += [f"{k}: {v}" for k, v in self.headers.items() if k.lower() != "host"]
        head += [f"Host: {self.line.upstream}", "", ""]
        upstream.sendall("\r\n".join(head).encode())
        self.line.keep(upstream)
        back = threading.Thread(target=_pump, args=(upstream, self.connection), daemon=True)
        back.start()
        _pump(self.connection, upstream)
        back.join(WAITS_S)
        upstream.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while some := source.recv(65_536):
            target.sendall(some)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def rough_line(upstream: str, every: int = 5) -> Iterator[Rough]:
    """Serve a line to a broker until the block ends; one request in so many goes wrong, in turn."""
    line = Rough(upstream, every)
    handler = type("Bound", (_Handler,), {"line": line})
    server = ThreadingHTTPServer((LOOPBACK, 0), handler)
    server.daemon_threads = True
    line.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.cut_streams()
        server.shutdown()
        server.server_close()
        thread.join(5.0)
