"""The line to the broker: a request leaves once, and its answer proves what it proves."""

import re
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import httpx2
import msgspec

from smart_leverage.brokers.alpaca.hosts import Hosts
from smart_leverage.brokers.budget import Budget, Lane
from smart_leverage.domain.errors import BrokerDown, NotSent, Refused
from smart_leverage.domain.redaction import redactor

CONNECT_S, ANSWER_S = 3.0, 8.0
WHOLE_S = 20.0
"""An answer that is not whole by then is none, however steadily it drips."""

READ_WAITS_S = 10.0
"""So long a question waits for its turn."""

TRIES, AGAIN_S, AGAIN_WITHIN_S = 3, 0.1, 2.0
"""So often a question is asked, after such a pause that doubles, and only within so long."""

ANSWER_MAX = 16 * 1024 * 1024
PACKED = "gzip"
"""How an answer may be packed. What is unpacked of one piece of it is a thousand times as much at
most, so that one that grows without end is noticed; of other ways nobody knows a bound."""

REFUSED = frozenset({400, 401, 403, 422})
"""With the broker's own error these prove that an order does not exist."""

NOT_HERE, TOO_MANY = 404, 429
_PROVES_NOTHING_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class Keys(NamedTuple):
    """What the broker knows an account by."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(…)"


class Lost(Exception):
    """Something left, and no answer that proves anything came back."""


class Answer(NamedTuple):
    """What came back: a status, JSON whose fractions are exact, and how long it asks to wait."""

    status: int
    content: Any
    wait_s: float = 0.0


class Line:
    """One pool of connections to one broker; safe in threads, and nothing is sent twice."""

    def __init__(
        self,
        hosts: Hosts,
        keys: Keys,
        budget: Budget | None = None,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Remember where the broker is; nothing is sent yet."""
        redactor.hide(keys.secret)
        self._clock, self._pause = clock, pause
        self._budget = budget or Budget()
        self._client = httpx2.Client(
            base_url=hosts.trading,
            headers={
                "APCA-API-KEY-ID": keys.key_id,
                "APCA-API-SECRET-KEY": keys.secret,
                "Accept-Encoding": PACKED,
            },
            timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S, pool=CONNECT_S),
            # An idle connection that the broker closes meanwhile would lose the next request.
            limits=httpx2.Limits(max_connections=12, keepalive_expiry=4.0),
            transport=httpx2.HTTPTransport(retries=0),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        """Let go of all connections."""
        self._client.close()

    def send(self, method: str, path: str, content: object, lane: Lane) -> Answer:
        """Send what changes something, once.

        Raises:
            Refused: The broker said no; with its own error, so nothing was changed.
            NotSent: No byte left, also where the budget for it is used up.
            Lost: Something left, and what came back proves nothing.
        """
        if not self._budget.take(lane):
            raise NotSent("the broker's limit of requests is used up; what is left is for exits")
        answer = self._exchange(method, path, content=content)
        if answer.status in (200, 204, 207):
            self._budget.taken()
            return answer
        raise self._refusal(answer)

    def ask(self, path: str, params: Mapping[str, str], lane: Lane = Lane.READ) -> Answer:
        """Ask for something; 200 and 404 are answers.

        A question changes nothing, so one that got lost is asked again, as long as that is quick.

        Raises:
            BrokerDown: No answer, or none that can be used.
        """
        until_s = self._clock() + AGAIN_WITHIN_S
        for tries in range(TRIES):
            if not self._budget.take(lane, READ_WAITS_S):
                raise BrokerDown("the broker's limit of requests is used up for a while")
            try:
                answer = self._exchange("GET", path, params=params)
                if answer.status in (200, NOT_HERE):
                    self._budget.taken()
                    return answer
                raise self._refusal(answer)
            except (Lost, NotSent, Refused) as error:
                is_final = isinstance(error, Refused) or tries + 1 == TRIES
                if is_final or self._clock() > until_s:
                    raise BrokerDown(f"no answer to {path}: {error}") from error
            self._pause(AGAIN_S * 2**tries)
        raise AssertionError("the last try raises")

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        content: object = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        body = None if content is None else msgspec.json.encode(content)
        heads = {} if body is None else {"Content-Type": "application/json"}
        until_s = self._clock() + WHOLE_S
        try:
            with self._client.stream(
                method, path, content=body, headers=heads, params=dict(params or {})
            ) as response:
                if response.headers.get("content-encoding", PACKED) != PACKED:
                    raise Lost("an answer that is packed as nobody asked for")
                read = bytearray()
                for part in response.iter_bytes():
                    read += part
                    if len(read) > ANSWER_MAX:
                        raise Lost("an answer without end")
                    if self._clock() > until_s:
                        raise Lost(f"an answer that was not whole after {WHOLE_S:g} s")
                wait = response.headers.get("retry-after", "")
                wait_s = float(wait) if wait.isdecimal() else 0.0
                return Answer(response.status_code, _decoded(bytes(read)), wait_s)
        except _PROVES_NOTHING_LEFT as error:
            raise NotSent(f"the broker cannot be reached: {type(error).__name__}") from error
        except httpx2.HTTPError as error:
            raise Lost(type(error).__name__) from error

    def _refusal(self, answer: Answer) -> Exception:
        """Return what an answer that is no success proves."""
        own = _own_error(answer.content)
        if answer.status == TOO_MANY:
            self._budget.refused(answer.wait_s)
        if own is not None and answer.status in (*REFUSED, TOO_MANY, NOT_HERE):
            code, message, facts = own
            return Refused(code, message, **facts)
        return Lost(f"status {answer.status}")


_JSON = msgspec.json.Decoder(float_hook=Decimal)


def _decoded(body: bytes) -> Any:
    if not body:
        return None
    try:
        return _JSON.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None  # a page of some proxy, or half an answer: it proves nothing


_NAME = re.compile(r"[a-z][a-z_]{0,31}")


def _own_error(content: Any) -> tuple[int, str, dict[str, str]] | None:
    """Return code, message and facts of the broker's own error object, None for anything else."""
    if not isinstance(content, dict):
        return None
    code, message = content.get("code"), content.get("message")
    if type(code) is not int or not isinstance(message, str):
        return None
    facts = {
        name: str(value)[:64]
        for name, value in content.items()
        if name not in ("code", "message") and _NAME.fullmatch(str(name))
    }
    return code, message[:400], facts
