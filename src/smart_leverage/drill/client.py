"""The bot's line: plain HTTP to this machine and to no other."""

import ipaddress
import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx2

from smart_leverage.domain.errors import ConfigError

ANSWER_S, CONNECT_S = 15.0, 3.0
TOO_OFTEN = 429


def is_loopback(host: str) -> bool:
    """Whether a host is this machine and nothing else; no name but localhost is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    if host.lower() != "localhost":
        return False
    found = {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
    return all(ipaddress.ip_address(one).is_loopback for one in found)


def refuse_other(host: str, name: str) -> None:
    """Refuse an address at which somebody else may be.

    Raises:
        ConfigError: It is not loopback; the sentence says what is.
    """
    if not is_loopback(host):
        why = "a drill stays on this machine"
        raise ConfigError([f"{name} {host!r}: {why}; --host 127.0.0.1, ::1 or localhost"], "drill")


class Answer(NamedTuple):
    """What came back; status 0 where the other side hung up without a word."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """Its content; an empty record where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return {}

    @property
    def is_taken(self) -> bool:
        """Whether it was done, or said to be done."""
        return 200 <= self.status < 300


Hear = Callable[[str, str, Answer], None]


class Client:
    """One bot, or somebody who is none; every answer is heard by the drill as well."""

    def __init__(
        self, url: str, keys: tuple[str, str] | None, hear: Hear = lambda method, path, answer: None
    ) -> None:
        """Open a line.

        Raises:
            ConfigError: The address is not loopback.
        """
        parts = urlsplit(url)
        refuse_other(parts.hostname or "", "address")
        self._place, self._keys = (parts.hostname or "", parts.port or 80), _keys(keys)
        self._hear = hear
        self._http = httpx2.Client(
            base_url=url,
            headers=self._keys,
            timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S),
            transport=httpx2.HTTPTransport(retries=0),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def __call__(
        self,
        method: str,
        path: str,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        is_aside: bool = False,
    ) -> Answer:
        """Send one request.

        Args:
            method: As HTTP has it, or as it does not.
            path: With its query.
            content: Sent as it is when it is bytes, else as JSON; None sends no body.
            headers: Beside the keys, or in their place.
            is_aside: Looks or prepares, so its answer is no answer to an attempt.
        """
        answer = self._sent(method, path, content, headers or {})
        until_s = time.monotonic() + ANSWER_S
        while is_aside and answer.status == TOO_OFTEN and time.monotonic() < until_s:
            time.sleep(0.25)  # keeps to the rate, and gets there in the end
            answer = self._sent(method, path, content, headers or {})
        if not is_aside:
            self._hear(method, path, answer)
        return answer

    def _sent(self, method: str, path: str, content: Any, headers: Mapping[str, str]) -> Answer:
        body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        sent = {"Content-Type": "application/json"} if body is not None else {}
        try:
            got = self._http.request(method, path, content=body, headers={**sent, **headers})
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
            return Answer(0, b"")
        return Answer(got.status_code, got.content)

    def hang_up_after(self, method: str, path: str, content: Any) -> None:
        """Send a request and leave before it is answered."""
        body = json.dumps(content).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._place[0]}:{self._place[1]}"]
        lines += [f"{name}: {value}" for name, value in self._keys.items()]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        with socket.create_connection(self._place, CONNECT_S) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def get(self, path: str) -> Any:
        """Look at something, as the bot may."""
        return self("GET", path, is_aside=True).json

    def order(self, **terms: Any) -> Answer:
        """Send an order at the market, changed by what is named; None leaves one out."""
        usual = {"symbol": "BTC/USD", "side": "buy", "type": "market"}
        usual["time_in_force"] = "gtc" if "/" in str(terms.get("symbol", "BTC/USD")) else "day"
        content = {name: value for name, value in (usual | terms).items() if value is not None}
        return self("POST", "/v2/orders", content)

    def room(self, symbol: str, at_most: str = "1000000") -> float:
        """Return how much may be bought now, as the account itself says beforehand."""
        terms = {"symbol": symbol, "side": "buy", "type": "market", "qty": at_most}
        terms["time_in_force"] = "gtc" if "/" in symbol else "day"
        told = self("POST", "/sl/v1/preview", terms, is_aside=True).json
        return float(told.get("allowed", 0))


def until(is_so: Callable[[], Any], within_s: float) -> Any:
    """Wait until something is so, and return it; what is false after so long is returned too."""
    end_s = time.monotonic() + within_s
    while True:
        found = is_so()
        if found or time.monotonic() >= end_s:
            return found
        time.sleep(0.05)


def _keys(keys: tuple[str, str] | None) -> dict[str, str]:
    if keys is None:
        return {}
    return {"APCA-API-KEY-ID": keys[0], "APCA-API-SECRET-KEY": keys[1]}
