"""One HTTPS request: to an address that was looked up once, without redirects, within bounds."""

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import httpx2

from smart_leverage.notify.addresses import (
    Address,
    Forbidden,
    Resolve,
    is_public,
    pinned,
    problem_of,
    resolve,
)
from smart_leverage.notify.line import Outcome

TIMEOUT_S = 10.0
ANSWER_MAX = 65_536
RETRY_STATUSES = frozenset((408, 425, 429, 500, 502, 503, 504))

_LOG_NAMES = ("httpx2", "httpcore2")


class Network(NamedTuple):
    """How the outside is reached; tests hand in their own resolver, trust and rule, in code only.

    Attributes:
        resolver: Finds the addresses of a name.
        allows: Says of an address whether it may be talked to.
        trust: Whose certificates are believed; None for those of the system.
        now_s: The time, for dates that a service asks us to wait for.
    """

    resolver: Resolve = resolve
    allows: Callable[[Address], bool] = is_public
    trust: ssl.SSLContext | None = None
    now_s: Callable[[], float] = time.time


class Answer(NamedTuple):
    """What a service answered; the body is cut where it is long."""

    status: int
    body: bytes
    retry_after_s: float


class Unanswered(Exception):
    """No answer came; `may_have_come` says whether the request may have."""

    def __init__(self, why: str, *, may_have_come: bool) -> None:
        super().__init__(why)
        self.may_have_come = may_have_come


class Sender:
    """Sends requests; one connection each, and nothing of another request in it."""

    def __init__(self, network: Network = Network(), timeout_s: float = TIMEOUT_S) -> None:  # noqa: B008
        """Take the way out; `timeout_s` bounds each step and the whole answer."""
        self._network = network
        self._timeout_s = timeout_s
        self._trust = network.trust or ssl.create_default_context()
        for name in _LOG_NAMES:  # they log addresses, which hold secrets of some services
            logging.getLogger(name).setLevel(logging.WARNING)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request once and return its answer.

        Raises:
            Forbidden: The address may not be talked to; nothing was sent.
            Unanswered: No answer came.
        """
        return self._send("POST", url, body, headers)

    def get(self, url: str) -> Answer:
        """Ask for an address; see `post`."""
        return self._send("GET", url, b"", {})

    def _send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if wrong := problem_of(url):
            raise Forbidden(f"the address {wrong}")
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        address = pinned(host, port, self._network.resolver, self._network.allows)
        shown = f"[{address}]" if ":" in address else address
        target = SplitResult("https", f"{shown}:{port}", parts.path or "/", parts.query, "")
        with httpx2.Client(
            verify=self._trust,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx2.Timeout(self._timeout_s),
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=0),
        ) as client:
            request = client.build_request(
                method,
                target.geturl(),
                content=body or None,
                headers={"Host": parts.netloc, "User-Agent": "smart-leverage", **headers},
                # The certificate is checked against the name, though an address is connected to.
                extensions={"sni_hostname": host},
            )
            return self._answered(client, request)

    def _answered(self, client: httpx2.Client, request: httpx2.Request) -> Answer:
        until_s = time.monotonic() + self._timeout_s
        try:
            answer = client.send(request, stream=True)
            try:
                return Answer(answer.status_code, _body(answer, until_s), self._retry_after(answer))
            finally:
                answer.close()
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            why = "its certificate is not believed" if _is_distrust(error) else "not reachable"
            raise Unanswered(why, may_have_come=False) from None
        except httpx2.TimeoutException:
            why = f"no answer within {self._timeout_s:g} s"
            raise Unanswered(why, may_have_come=True) from None
        except httpx2.HTTPError as error:
            # Only the kind: the text of an error may hold the address, and with it a secret.
            raise Unanswered(f"broken off: {type(error).__name__}", may_have_come=True) from None

    def _retry_after(self, answer: httpx2.Response) -> float:
        """Return the seconds that a service asks us to wait, given as such or as a date."""
        text = answer.headers.get("retry-after", "").strip()
        if text.isdecimal():
            return float(text[:9])
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return 0.0
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(moment.timestamp() - self._network.now_s(), 0.0)


def outcome_of(send: Callable[[], Answer]) -> Outcome:
    """Send and return what became of it, in words that hold nothing secret."""
    try:
        answer = send()
    except Forbidden as refused:
        return Outcome(is_sent=False, why=str(refused))
    except Unanswered as lost:
        return Outcome(is_sent=False, why=str(lost), may_have_come=lost.may_have_come)
    return outcome_of_answer(answer)


def outcome_of_answer(answer: Answer) -> Outcome:
    """Return what an answer means; a redirect is not followed and counts as a refusal."""
    if 200 <= answer.status < 300:
        return Outcome(is_sent=True)
    if 300 <= answer.status < 400:
        return Outcome(is_sent=False, why=f"a redirect ({answer.status}), which is not followed")
    return Outcome(
        is_sent=False,
        why=f"refused with {answer.status}",
        retry_after_s=answer.retry_after_s if answer.status in RETRY_STATUSES else 0.0,
        may_have_come=answer.status >= 500,
    )


def _body(answer: httpx2.Response, until_s: float) -> bytes:
    """Read an answer up to a length and a time; what follows is not waited for."""
    body = b""
    for part in answer.iter_raw():
        body += part
        if len(body) >= ANSWER_MAX or time.monotonic() >= until_s:
            break
    return body[:ANSWER_MAX]


def _is_distrust(error: BaseException) -> bool:
    """Tell whether a connection failed over its certificate."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
