"""How requests of ccxt leave: each once, to the hosts of one exchange, and it is known which did.

ccxt names its errors by what an exchange said; whether anything was said, and by whom, only the
transport knows. So every request leaves a trace, by which an error is judged.
"""

import json
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

CONNECT_S, ANSWER_S = 3.0, 8.0
WHOLE_S = 20.0
"""An answer that is not whole by then is none, however steadily it drips."""

ANSWER_MAX = 64 * 1024 * 1024
"""The list of all markets of a large exchange is the longest answer there is."""

PART = 64 * 1024
IDLE_S = 4.0
"""A connection that rested longer is not used again: the exchange may be closing it just now."""


class Elsewhere(Exception):
    """A request was about to leave for a host that is none of this exchange."""


class Trace:
    """What became of the requests of one call."""

    def __init__(self) -> None:
        self.has_left = False
        """Whether anything may have left that is no question."""
        self.status = 0
        self.is_json = False
        """Whether the last answer was JSON, so that it is the exchange's own and no proxy's."""


class OneWay(requests.Session):
    """A connection to one exchange; nothing is sent twice, and no redirect is followed."""

    def __init__(
        self,
        hosts: frozenset[str],
        moved_to: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember where it may go; nothing is opened yet.

        Args:
            hosts: Names to which keys may go, over TLS.
            moved_to: A server on this machine that is asked instead of all of them.
            clock: Seconds.
        """
        super().__init__()
        self.trust_env = False
        self.trace = Trace()
        self._hosts, self._moved_to, self._clock = hosts, moved_to, clock
        self._used_s = clock()
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=1))

    def begin(self) -> None:
        """Forget what became of the call before."""
        self.trace = Trace()

    def request(self, method: Any, url: Any, *args: Any, **more: Any) -> requests.Response:
        """Send one request, once.

        Raises:
            Elsewhere: Its host is none of this exchange; nothing left.
            RequestException: As the library says; `trace` tells whether anything left.
        """
        trace = self.trace
        trace.status, trace.is_json = 0, False
        is_question = str(method).upper() == "GET"
        more |= {"allow_redirects": False, "stream": True, "timeout": (CONNECT_S, ANSWER_S)}
        where = self._allowed(str(url))
        had_left, trace.has_left = trace.has_left, trace.has_left or not is_question
        now_s = self._clock()
        if now_s - self._used_s > IDLE_S:
            self.close()
        until_s = now_s + WHOLE_S
        try:
            answer = super().request(method, where, *args, **more)
        except requests.RequestException as error:
            if _proves_that_nothing_left(error):
                trace.has_left = had_left
            raise
        self._read(answer, until_s)
        self._used_s = self._clock()
        trace.status, trace.is_json = answer.status_code, _is_json(answer.content)
        if 300 <= answer.status_code < 400:
            raise requests.TooManyRedirects(f"the answer sends us elsewhere: {trace.status}")
        return answer

    def _allowed(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.hostname not in self._hosts:
            raise Elsewhere(f"{parts.scheme}://{parts.hostname} is no host of this exchange")
        if not self._moved_to:
            return url
        return f"{self._moved_to}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    def _read(self, answer: requests.Response, until_s: float) -> None:
        """Take the whole answer in, within bounds of size and time."""
        read = bytearray()
        try:
            for part in answer.iter_content(PART):
                read += part
                if len(read) > ANSWER_MAX:
                    raise requests.ConnectionError("an answer without end")
                if self._clock() > until_s:
                    raise requests.Timeout(f"an answer that was not whole after {WHOLE_S:g} s")
        finally:
            answer.close()
        # As the library keeps it when it reads by itself.
        answer._content, answer._content_consumed = bytes(read), True


def _proves_that_nothing_left(error: requests.RequestException) -> bool:
    """Tell whether a connection was never there: its host unknown, deaf, or not who it says."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(reason, NewConnectionError):  # also where its name was not resolved
        return True
    inner = reason.args[0] if isinstance(reason, Exception) and reason.args else None
    return isinstance(inner, ssl.SSLCertVerificationError)


def _is_json(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict | list)
    except (ValueError, RecursionError):
        return False
