"""Real receivers on loopback: an HTTPS server that notes what comes in, and a mail server."""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from smart_leverage.notify.addresses import Address
from smart_leverage.notify.sending import Network

PEMS = Path(__file__).parent / "loopback"
"""A certificate authority that nobody believes outside of these tests, and a server's key."""

LOOPBACK = "127.0.0.1"
LEAVE_WITHIN_S = 5.0


class Posted(NamedTuple):
    """One request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Reply(NamedTuple):
    """What the server answers; `after_s` is how long it takes for that."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    after_s: float = 0.0


class Receiver:
    """An HTTPS server; `answer` says what it replies to each request."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.answer: Callable[[Posted], Reply] = lambda posted: Reply()
        self.port = 0

    @property
    def origin(self) -> str:
        return f"https://hook.example.test:{self.port}"


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            headers = {name.lower(): text for name, text in self.headers.items()}
            posted = Posted(self.path, headers, self.rfile.read(length))
            made.posted.append(posted)
            reply = made.answer(posted)
            time.sleep(reply.after_s)
            self.send_response(reply.status)
            for name, text in reply.headers:
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST  # noqa: N815 - as the library calls it

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def get_request(self) -> tuple[Any, Any]:
            connection, address = super().get_request()
            try:
                secured = context.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
            except OSError:  # a client that has gone already: nobody else would close what it left
                connection.close()
                raise
            return secured, address

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that does not believe us, or has gone

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEMS / "server.pem")
    server = Server((LOOPBACK, 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)


def trust() -> ssl.SSLContext:
    """Return whom our tests believe: their own authority."""
    return ssl.create_default_context(cafile=str(PEMS / "ca.pem"))


def network(
    *answers: str, allows: Callable[[Address], bool] | None = None, asked: list[str] | None = None
) -> Network:
    """Return a way out for which every name leads to loopback, or to these, one after the other."""
    left = list(answers)

    def resolver(host: str, port: int) -> list[str]:
        if asked is not None:
            asked.append(host)
        return [left.pop(0) if len(left) > 1 else left[0] if left else LOOPBACK]

    return Network(
        resolver=resolver, allows=allows or (lambda address: address.is_loopback), trust=trust()
    )


class Mailbox:
    """What a mail server took in, and whether it takes anything."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.logins: list[tuple[str, str]] = []
        self.refuses = ""
        self.is_tls = False
        self.takes_s = 0.0
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.takes_s)
        if self.refuses:
            return self.refuses
        # Nothing is taken in the clear; a server of TLS alone has nothing else.
        assert session.ssl is not None or self.is_tls
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"


@contextmanager
def mailbox(*, tls: bool = False, login: tuple[str, str] | None = None) -> Iterator[Mailbox]:
    """Yield a real mail server that wants encryption, and a login where one is given."""
    box = Mailbox()
    box.is_tls = tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEMS / "server.pem")

    def authenticate(server: Any, session: Any, envelope: Any, kind: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        box.logins.append(given)
        return AuthResult(success=given == login, handled=False)

    options: dict[str, Any] = {
        "authenticator": authenticate,
        "auth_required": login is not None and not tls,
    }
    if tls:
        options |= {"ssl_context": context, "auth_require_tls": False}
    else:
        options |= {"tls_context": context, "require_starttls": True}
    with serving_mail(box, **options):
        yield box


class _AnyPort(Controller):
    """Listens on a free port, and greets itself there as the library does."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def serving_mail(box: Mailbox, **options: Any) -> Iterator[None]:
    """Let a mailbox take mail on loopback."""
    controller = _AnyPort(box, hostname=LOOPBACK, port=0, **options)
    controller.start()
    box.port = controller.port
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_take_leave(controller), controller.loop).result()
        controller.stop()


async def _take_leave(controller: Controller) -> None:
    """Take in no more and let those finish who are there: the library leaves their sockets open."""
    assert isinstance(controller.server, asyncio.Server)
    controller.server.close()
    until = time.monotonic() + LEAVE_WITHIN_S
    while len(asyncio.all_tasks()) > 1 and time.monotonic() < until:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)  # what a connection leaves behind is closed in a turn of its own
