"""Stands between a gateway and its venue, and notes when the first byte of each purchase passes.

    python benchmarks/gateway/proxy.py LISTEN VENUE STAMPS

Both are Unix sockets; bytes pass unchanged both ways. A frame is four bytes of length and so many
of JSON. Each purchase that leaves adds a line to STAMPS: when its first byte came in, nanoseconds
of the machine's monotonic clock, and its id. It ends with its standard input.
"""

import json
import os
import selectors
import socket
import sys
import time

HEADER = 4


class Way:
    """One direction of a connection; `end` is the other socket."""

    def __init__(self, start: socket.socket, end: socket.socket, stamps: int | None) -> None:
        self.start = start
        self._end = end
        self._stamps = stamps
        self._said = bytearray()
        self._since_ns = 0

    def pass_on(self) -> bool:
        """Let bytes pass; False when this side has ended."""
        part = self.start.recv(1 << 20)
        now_ns = time.monotonic_ns()
        if not part:
            return False
        if self._stamps is not None:
            self._note(part, now_ns, self._stamps)
        self._end.sendall(part)
        return True

    def end(self) -> None:
        """Close both sockets."""
        self.start.close()
        self._end.close()

    def _note(self, part: bytes, now_ns: int, stamps: int) -> None:
        if not self._said:
            self._since_ns = now_ns
        self._said += part
        while len(self._said) >= HEADER:
            length = int.from_bytes(self._said[:HEADER])
            if len(self._said) < HEADER + length:
                return
            body = bytes(self._said[HEADER : HEADER + length])
            del self._said[: HEADER + length]
            for name in _purchases(body):
                os.write(stamps, f"{self._since_ns} {name}\n".encode())
            self._since_ns = now_ns


def _purchases(body: bytes) -> list[str]:
    """Return the ids of the purchases that are submitted.

    Raises:
        ValueError: It replaces an order, which could add as well; the load sends no such request.
    """
    if body.startswith(b'{"call":"replace"'):
        raise ValueError("a change of an order passed, which this does not judge")
    if not body.startswith(b'{"call":"submit'):
        return []
    approved = json.loads(body)["approved"]
    orders = [each["order"] for each in (approved if isinstance(approved, list) else [approved])]
    return [str(order["client_order_id"]) for order in orders if order["side"] == "buy"]


def main(listen: str, venue: str, path: str) -> None:
    """Pass bytes on until standard input ends."""
    stamps = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    chooser = selectors.DefaultSelector()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(listen)
        listener.listen(64)
        chooser.register(listener, selectors.EVENT_READ)
        chooser.register(sys.stdin.fileno(), selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in chooser.select():
                if key.data is not None:
                    _pass_on(chooser, key.data)
                elif key.fileobj is listener:
                    _join(chooser, listener.accept()[0], venue, stamps)
                elif not os.read(sys.stdin.fileno(), 1):
                    return


def _join(chooser: selectors.BaseSelector, gateway: socket.socket, venue: str, stamps: int) -> None:
    other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    other.connect(venue)
    forth, back = Way(gateway, other, stamps), Way(other, gateway, None)
    chooser.register(gateway, selectors.EVENT_READ, forth)
    chooser.register(other, selectors.EVENT_READ, back)


def _pass_on(chooser: selectors.BaseSelector, way: Way) -> None:
    if way.start.fileno() < 0:
        return  # its other half has ended in this very round
    try:
        if way.pass_on():
            return
    except OSError:
        pass
    for one in list(chooser.get_map().values()):
        if isinstance(one.data, Way) and one.data.start in (way.start, way._end):
            chooser.unregister(one.fileobj)
    way.end()


if __name__ == "__main__":
    main(*sys.argv[1:4])
