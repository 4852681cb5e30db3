"""What comes in with a request of HTTP: its body within bounds, its headers, and a hang-up."""

import asyncio
from collections.abc import Mapping, Set

from smart_leverage.server.frames import Message, Receive
from smart_leverage.wire.errors import WireError, bad_json, too_large
from smart_leverage.wire.reading import BODY_MAX

_ONCE = frozenset(
    {
        *(b"host", b"content-length", b"content-type", b"transfer-encoding"),
        *(b"cookie", b"origin", b"sec-fetch-site"),
    }
)
"""Headers of which a second one would make it a matter of taste which counts."""


class Ear:
    """Hears the body, and afterwards whether the other side hung up."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watch: asyncio.Task[None] | None = None
        self._is_gone = False

    async def part(self) -> tuple[bytes, bool]:
        """Return the next part of the body, and whether more follows."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._is_gone = True
            return b"", False
        return message.get("body", b""), message.get("more_body", False)

    def is_gone(self) -> bool:
        """Whether the other side has hung up, as far as anybody noticed."""
        return self._is_gone

    def listen(self) -> None:
        """Notice from now on when the other side hangs up."""
        self._watch = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._is_gone = True

    def close(self) -> None:
        """Stop listening."""
        if self._watch is not None:
            self._watch.cancel()


async def body_of(headers: Mapping[bytes, bytes], ear: Ear) -> bytes:
    """Read the body, counting: a length may be missing or untrue."""
    told = headers.get(b"content-length", b"0")
    if not told.isdigit() or len(told) > 12 or int(told) > BODY_MAX:
        raise too_large()
    taken = bytearray()
    has_more = True
    while has_more:
        part, has_more = await ear.part()
        taken += part
        if len(taken) > BODY_MAX:
            raise too_large()
    return bytes(taken)


def headers_of(scope: Message) -> dict[bytes, bytes]:
    """Return the headers by name; a name that comes twice counts for nothing good."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in found and name in _ONCE:
            raise bad_json(f"the header {name.decode('latin-1')} came twice")
        found[name] = value
    return found


def check_host(headers: Mapping[bytes, bytes], hosts: Set[str]) -> None:
    """Refuse a foreign name: a web page that points its own at this machine gets nothing.

    Args:
        headers: Of the request.
        hosts: Names under which this server may be addressed, in small letters, without a port.

    Raises:
        WireError: It was addressed by another one.
    """
    host = headers.get(b"host", b"").decode("latin-1")
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    if name.strip("[]").lower() not in hosts:
        raise WireError(421, 42110000, "this server is not addressed by that name")
