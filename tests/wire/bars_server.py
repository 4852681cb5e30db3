"""A server of bars and quotes on this machine: pages, refusals, breaks, over real sockets."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], Any]
Answering = Callable[[str, dict[str, str]], Answer]


class Server:
    """What was asked, and where it is; `answers` may be changed while it runs."""

    def __init__(self, answers: Answering) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.heads: list[dict[str, str]] = []
        self.url = ""


@contextmanager
def serving(answers: Answering) -> Iterator[Server]:
    told = Server(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            told.asked.append((parts.path, query))
            told.heads.append(dict(self.headers))
            status, heads, content = told.answers(parts.path, query)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in heads.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


def paged(
    symbol: str,
    rows: Sequence[dict[str, Any]],
    query: dict[str, str],
    size: int,
    name: str = "bars",
) -> dict[str, Any]:
    """Answer as Alpaca does: rows from start to end, both included, and a token for the rest."""
    start, end = query["start"].rstrip("Z"), query["end"].rstrip("Z")
    inside = [row for row in rows if start <= row["t"].rstrip("Z") <= end]
    first = int(query.get("page_token", "0"))
    rest = first + size < len(inside)
    return {
        name: {symbol: inside[first : first + size]} if inside else {},
        "next_page_token": str(first + size) if rest else None,
    }
