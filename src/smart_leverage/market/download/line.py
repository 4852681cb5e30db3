"""Reads from a server on the web: every wait has an end, and a failed read is tried again."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx2

from smart_leverage.domain.errors import BadData, ConfigError, SourceDown

CONNECT_S, ANSWER_S = 5.0, 30.0
TRIES = 6
WAIT_FIRST_S, WAIT_MAX_S = 0.5, 30.0
PATIENCE_S = 120.0
"""A server that asks for a longer pause is not waited for."""

ANSWER_MAX = 64 * 1024 * 1024
AGAIN = frozenset({429, 500, 502, 503, 504})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def host_of(url: str, own: str) -> str:
    """Return the address of a source: its own, or a server on this machine, since keys go there.

    Raises:
        ConfigError: It is neither.
    """
    parts = urlsplit(url or own)
    where = f"{parts.scheme}://{parts.netloc}"
    if parts.path in ("", "/") and not (parts.query or parts.username):
        if where == own:
            return own
        if parts.hostname in LOOPBACK and parts.scheme in ("http", "https"):
            return where
    raise ConfigError([f"url = {url!r}: {own}, or a server on this machine"], "source")


def waits_s(heads: Mapping[str, str], tries: int, now_s: float) -> float:
    """Return how long to wait before the next try, in seconds.

    What the server asks for stands above our own steps: Retry-After as seconds or as a date, or the
    instant at which its count begins anew.
    """
    asked = heads.get("retry-after", "")
    if asked.isdecimal():
        return float(asked)
    if asked:
        try:
            until = parsedate_to_datetime(asked)
        except ValueError:
            pass
        else:
            return max(0.0, until.replace(tzinfo=until.tzinfo or UTC).timestamp() - now_s)
    reset = heads.get("x-ratelimit-reset", "")
    if reset.isdecimal() and 0.0 < float(reset) - now_s <= PATIENCE_S:
        return float(reset) - now_s
    return float(min(WAIT_FIRST_S * 2**tries, WAIT_MAX_S))


class Line:
    """Connections to one server; only for reading, since a read may be repeated."""

    def __init__(
        self,
        url: str,
        heads: Mapping[str, str] | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Remember where it is; nothing is sent yet."""
        self._url, self._sleep = url, sleep
        self._client = httpx2.Client(
            base_url=url,
            headers=dict(heads or {}),
            timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S, pool=CONNECT_S),
            transport=httpx2.HTTPTransport(retries=0),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Let go of all connections."""
        self._client.close()

    def ask(self, path: str, params: Mapping[str, str]) -> bytes:
        """Return the body of an answer of 200.

        Raises:
            SourceDown: None came in all tries, or the server asks for more patience than there is.
            BadData: The server refuses the question; its own words are quoted.
        """
        last = ""
        for number in range(TRIES):
            heads: Mapping[str, str] = {}
            try:
                status, heads, body = self._exchange(path, params)
            except httpx2.HTTPError as error:
                last = type(error).__name__
            else:
                if status == 200:
                    return body
                last = f"status {status}"
                if status not in AGAIN:
                    raise _refusal(self._url, status, body)
            pause_s = waits_s(heads, number, time.time())
            if pause_s > PATIENCE_S:
                raise SourceDown(f"{self._url} asks for a pause of {pause_s:.0f} s ({last})")
            if number + 1 < TRIES:
                self._sleep(pause_s)
        raise SourceDown(f"{self._url} did not answer {path} in {TRIES} tries: {last}")

    def _exchange(
        self, path: str, params: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        with self._client.stream("GET", path, params=dict(params)) as response:
            read = bytearray()
            for part in response.iter_bytes():
                read += part
                if len(read) > ANSWER_MAX:
                    raise SourceDown(f"{self._url}: an answer without end")
            return response.status_code, response.headers, bytes(read)


def _refusal(url: str, status: int, body: bytes) -> BadData:
    said = " ".join(body[:400].decode("utf-8", "replace").split())
    plain = "".join(letter if letter.isprintable() else "?" for letter in said)[:200]
    fix = {
        401: "check key and secret",
        403: "check key and secret, and whether the plan includes this feed",
    }.get(status, "")
    return BadData(f"{url} refuses with status {status}: {plain}", fix=fix)


def moment(at_ns: int) -> str:
    """Return an instant as servers read it, "2024-01-31T23:59:59.999999Z"."""
    when = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return (
        when.replace(microsecond=at_ns % 1_000_000_000 // 1_000).isoformat().replace("+00:00", "Z")
    )
