"""An application on its own thread, until the block ends."""

import asyncio
import ipaddress
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from smart_leverage.domain.errors import ConfigError
from smart_leverage.runtime.watchdog import Threads
from smart_leverage.server.connection import Connection

START_WITHIN_S = 10.0
STOP_WITHIN_S = 3
ENDING_POLL_S = 0.005
WAITING_MAX = 256
OTHERS = 0o077


class Binding(NamedTuple):
    """Where to listen; port 0 takes a free one, `spare_port` if that is free.

    Beyond this machine only with a certificate.
    """

    host: str = "127.0.0.1"
    port: int = 0
    spare_port: int = 0
    certificate: Path | None = None
    key: Path | None = None


class Address(NamedTuple):
    """Where a server can be reached."""

    host: str
    port: int
    is_secure: bool

    @property
    def url(self) -> str:
        """What a client is given as its base address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_secure else 'http'}://{host}:{self.port}"


def check_binding(binding: Binding) -> None:
    """Refuse to listen where others could listen in.

    Raises:
        ConfigError: The address is not this machine's own and there is no certificate, only half of
            one is named, or others can read its private key.
    """
    problems = []
    if (binding.certificate is None) != (binding.key is None):
        problems.append("server.certificate and server.key: name both or none")
    try:
        is_own = ipaddress.ip_address(binding.host).is_loopback
    except ValueError:
        is_own = binding.host == "localhost"
    if not is_own and binding.certificate is None:
        problems.append(
            f"server.host = {binding.host}: reachable from other machines, so server.certificate "
            "and server.key are needed; 127.0.0.1 needs none"
        )
    problems += [
        f"{name} = {path}: no such file"
        for name, path in (("server.certificate", binding.certificate), ("server.key", binding.key))
        if path is not None and not path.is_file()
    ]
    if binding.key is not None and binding.key.is_file():
        mode = stat.S_IMODE(binding.key.stat().st_mode)
        if mode & OTHERS:
            problems.append(
                f"server.key = {binding.key}: open to others, mode {mode:04o}; "
                f"`chmod 600 {binding.key}`"
            )
    if problems:
        raise ConfigError(problems)


@contextmanager
def serving(
    app: Any,
    binding: Binding,
    connect: Callable[[asyncio.AbstractEventLoop | None], None],
    meanwhile: Callable[[], None] = lambda: None,
    watched: Callable[[Threads], AbstractContextManager[object]] = nullcontext,
) -> Iterator[Address]:
    """Serve an application on a thread of its own while the block runs.

    Args:
        app: An ASGI application.
        binding: Where to listen.
        connect: Hears the loop when it has begun, and None before it ends.
        meanwhile: Called again and again while it ends, so that who waits still gets an answer.
        watched: Makes a block within which it is seen that the thread lives.

    Raises:
        ConfigError: It cannot listen there.
    """
    check_binding(binding)
    listening = _listening(binding)
    host, port = listening.getsockname()[:2]
    is_secure = binding.certificate is not None
    server = _Server(_config(app, binding), connect)
    thread = threading.Thread(target=server.run, args=([listening],), name="http", daemon=True)
    thread.start()
    if not server.has_begun.wait(START_WITHIN_S):
        raise ConfigError([f"the server did not begin within {START_WITHIN_S:g} s"])
    try:
        with watched(lambda: (thread,)):
            yield Address(host, port, is_secure)
    finally:
        server.should_exit = True
        until_s = time.monotonic() + STOP_WITHIN_S + START_WITHIN_S
        while thread.is_alive() and time.monotonic() < until_s:
            meanwhile()
            thread.join(ENDING_POLL_S)
        listening.close()


class _Server(uvicorn.Server):
    """Tells when it has begun and when it ends."""

    def __init__(
        self,
        config: uvicorn.Config,
        connect: Callable[[asyncio.AbstractEventLoop | None], None],
    ) -> None:
        super().__init__(config)
        self._connect = connect
        self.has_begun = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._connect(asyncio.get_running_loop())
        self.has_begun.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets=sockets)
        self._connect(None)


def _config(app: Any, binding: Binding) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=65_536,
        ws_max_queue=16,
        ws_ping_interval=20.0,
        ws_ping_timeout=60.0,
        http=Connection,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        backlog=WAITING_MAX,
        ssl_certfile=binding.certificate,
        ssl_keyfile=binding.key,
    )


def _listening(binding: Binding) -> socket.socket:
    family = socket.AF_INET6 if ":" in binding.host else socket.AF_INET
    ports = (binding.spare_port, 0) if binding.spare_port else (binding.port,)
    for port in ports:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((binding.host, port))
            listening.listen(WAITING_MAX)
            return listening
        except OSError as error:
            listening.close()
            why = error.strerror
    raise ConfigError([f"server.port = {ports[-1]}: cannot listen on {binding.host}: {why}"])
