"""A load of orders over keep-alive sockets: one process, no HTTP library, every answer noted.

    python benchmarks/gateway/load.py PORT [--connections 64] [--seconds 10] [--rate 0]
        [--told FILE]

Keys come from the environment: LOAD_KEY_ID and LOAD_SECRET. With --rate 0 each connection sends its
next order when the last one was answered (closed loop). With a rate, orders are due at fixed times
and a latency counts from when its order was due, so a server that stalls is not spared the orders
that it kept from being sent (open loop). Nine in ten orders are small purchases and sales of coins
at the market, each coin bought for a while and then sold for a while; every tenth order asks for
more than any cap allows. The last line is one JSON object.
"""

import argparse
import json
import os
import random
import resource
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

COINS = ("BTC/USD", "ETH/USD", "SOL/USD", "LINK/USD", "DOGE/USD")
SMALL = (0.5, 0.75, 1.0, 1.75)
LARGE = "5000000"
"""Small ones, in parts of the usual size, fit many times over; a large one is above every cap."""

LARGE_EACH = 10
TURN_S = 5.0
"""So long a coin is bought before it is sold for as long; the coins turn one after the other."""

ANSWER_WITHIN_S = 10.0


class Wanted(NamedTuple):
    """An order as it is asked for."""

    name: str
    symbol: str
    side: str
    notional: str


class Mix:
    """Draws orders: the same from the same seed."""

    def __init__(self, seed: int, prefix: str, small: int) -> None:
        self._random = random.Random(seed)
        self._small = small
        self._prefix = prefix
        self._count = 0

    def next(self, elapsed_s: float) -> Wanted:
        """Return the next order, under a name that nobody used."""
        self._count += 1
        draw, name = self._random, f"{self._prefix}-{self._count}"
        coin = draw.randrange(len(COINS))
        turns = elapsed_s / TURN_S + coin / len(COINS)
        side = "buy" if int(turns) % 2 == 0 else "sell"
        if self._count % LARGE_EACH == 0:
            return Wanted(name, COINS[coin], "buy", LARGE)
        return Wanted(name, COINS[coin], side, f"{draw.choice(SMALL) * self._small:.2f}")


class Line:
    """One connection: at most one order is under way on it."""

    def __init__(self, port: int, head: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 5.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._head = head
        self._said = b""
        self.wanted: Wanted | None = None
        self.since = 0.0

    def send(self, wanted: Wanted, since: float) -> None:
        """Send an order; its latency counts from `since`."""
        self.wanted, self.since = wanted, since
        body = (
            f'{{"symbol":"{wanted.symbol}","side":"{wanted.side}","type":"market",'
            f'"time_in_force":"gtc","notional":"{wanted.notional}",'
            f'"client_order_id":"{wanted.name}"}}'
        ).encode()
        request = b"%s%d\r\n\r\n%s" % (self._head, len(body), body)
        if self.socket.send(request) != len(request):
            raise ConnectionError("the socket took only a part of a request")

    def answer(self) -> tuple[int, bytes] | None:
        """Return status and body once they are whole."""
        part = self.socket.recv(65_536)
        if not part:
            raise ConnectionError("the server hung up")
        self._said += part
        head, found, body = self._said.partition(b"\r\n\r\n")
        if not found:
            return None
        lowered = head.lower()
        place = lowered.index(b"content-length:") + 15
        end = lowered.find(b"\r\n", place)
        length = int(lowered[place : end if end >= 0 else None])
        if len(body) < length:
            return None
        self._said = b""
        return int(head[9:12]), body


class Notes:
    """What was answered, how fast, and what each order came to."""

    def __init__(self, told: TextIO | None) -> None:
        self.latencies: list[float] = []
        self._by_kind: dict[str, list[float]] = {"buy": [], "sell": [], "denied": []}
        self.statuses: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()
        self.sides: Counter[str] = Counter()
        self._told = told

    def take(self, wanted: Wanted, latency: float, status: int, body: bytes) -> None:
        """Note an answer."""
        self.latencies.append(latency)
        self._by_kind[wanted.side if status == 200 else "denied"].append(latency)
        self.statuses[status] += 1
        if status == 200:
            self.sides[wanted.side] += 1
        else:
            self.reasons[_reason(body)] += 1
        if self._told is not None:
            ours = json.loads(body).get("id", "") if status == 200 else ""
            line = (wanted.name, wanted.symbol, wanted.side, wanted.notional, status, ours)
            self._told.write(json.dumps(line) + "\n")

    def lost(self, wanted: Wanted) -> None:
        """Note an order that nobody answered: status 0."""
        self.statuses[0] += 1
        if self._told is not None:
            line = (wanted.name, wanted.symbol, wanted.side, wanted.notional, 0, "")
            self._told.write(json.dumps(line) + "\n")

    def figures(self, seconds: float) -> dict[str, object]:
        """Return everything for the last line."""
        count = len(self.latencies)
        use = resource.getrusage(resource.RUSAGE_SELF)
        ordered = sorted(self.latencies)
        return {
            "orders": count,
            "orders_per_s": round(count / seconds, 1),
            "approved": self.statuses[200],
            "approved_per_s": round(self.statuses[200] / seconds, 1),
            "denied": self.statuses[403],
            "unanswered": self.statuses[0],
            "statuses": dict(sorted(self.statuses.items())),
            "approved_sides": dict(self.sides),
            "reasons": dict(self.reasons.most_common()),
            **{f"p{name}_ms": _quantile(ordered, q) for name, q in _QUANTILES},
            "max_ms": _quantile(ordered, 1.0),
            **{f"{kind}_p50_ms": _quantile(sorted(of), 0.5) for kind, of in self._by_kind.items()},
            "load_cpu_share": round((use.ru_utime + use.ru_stime) / seconds, 3),
        }


_QUANTILES = (("50", 0.5), ("90", 0.9), ("99", 0.99), ("999", 0.999))


def _quantile(ordered: list[float], q: float) -> float | None:
    """Return the smallest value that so many are not above, milliseconds."""
    if not ordered:
        return None
    place = min(max(-int(-q * len(ordered) // 1) - 1, 0), len(ordered) - 1)
    return round(ordered[place] * 1_000.0, 3)


def _reason(body: bytes) -> str:
    """Return the word of a refusal, or its code where there is none."""
    try:
        told = json.loads(body)
        return str(told.get("reason") or told["code"])
    except (ValueError, KeyError, AttributeError):
        return "unreadable"


def load(
    port: int, head: bytes, mix: Mix, notes: Notes, *, connections: int, seconds: float, rate: float
) -> float:
    """Send orders for so long; return the seconds until the last answer."""
    # The default one sleeps whole milliseconds, and would charge the server for it in an open loop.
    chooser = selectors.SelectSelector()
    lines = [Line(port, head) for _ in range(connections)]
    for line in lines:
        chooser.register(line.socket, selectors.EVENT_READ, line)
    began = time.perf_counter()
    until, due = began + seconds, _due(began, rate)
    idle, when = list(lines), next(due)
    while True:
        now = time.perf_counter()
        while idle and when <= now and when < until and now < until:
            # In turn: a line that is not used for long is closed by the server.
            idle.pop(0).send(mix.next(now - began), when if rate else time.perf_counter())
            when = next(due)
        is_over = now >= until or when >= until
        if is_over and (len(idle) == len(lines) or now >= until + ANSWER_WITHIN_S):
            break
        patience = max(when - now, 0.0) if idle and rate and not is_over else 0.5
        for key, _ in chooser.select(patience):
            line = key.data
            answer = line.answer()
            if answer is not None:
                notes.take(line.wanted, time.perf_counter() - line.since, *answer)
                line.wanted = None
                idle.append(line)
    ended = time.perf_counter()
    for line in lines:
        if line.wanted is not None:
            notes.lost(line.wanted)
        line.socket.close()
    return ended - began


def _due(began: float, rate: float) -> Iterator[float]:
    """Yield when orders are due; always at once in a closed loop."""
    count = 0
    while True:
        yield began + count / rate if rate else began
        count += 1


def head_of(port: int, key_id: str, secret: str) -> bytes:
    """Return everything of a request that stays the same."""
    return (
        f"POST /v2/orders HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"APCA-API-KEY-ID: {key_id}\r\nAPCA-API-SECRET-KEY: {secret}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()


def main() -> None:
    """Load a gateway and print what came of it."""
    parser = argparse.ArgumentParser(description="Load a gateway with orders.")
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=0.0, help="orders a second, 0: closed loop")
    parser.add_argument("--small", type=int, default=24, help="usual size of an order, money")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--told", help="file that takes a line for each order")
    asked = parser.parse_args()
    head = head_of(asked.port, os.environ["LOAD_KEY_ID"], os.environ["LOAD_SECRET"])
    mix = Mix(asked.seed, f"{os.getpid()}-{time.time_ns():x}", asked.small)
    with Path(asked.told or os.devnull).open("a", encoding="ascii") as told:
        notes = Notes(told if asked.told else None)
        spent = load(
            asked.port,
            head,
            mix,
            notes,
            connections=asked.connections,
            seconds=asked.seconds,
            rate=asked.rate,
        )
    print(json.dumps(notes.figures(spent)))


if __name__ == "__main__":
    main()
