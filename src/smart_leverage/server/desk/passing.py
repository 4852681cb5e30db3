"""Market data of a real broker: questions are passed on with the account's keys, answers as is."""

import time
from collections import deque
from collections.abc import Callable
from urllib.parse import quote

import httpx2

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.redaction import redactor
from smart_leverage.server.http import Call, Reply, Route
from smart_leverage.wire.errors import WireError, too_many

PATHS = (
    "/v2/stocks/{rest:path}",
    "/v1beta1/{rest:path}",
    "/v1beta3/crypto/{rest:path}",
    "/v1/corporate-actions",
)
"""What is passed on: reading, and market data only. Anything else has no route."""

PER_MINUTE = 120
"""So many questions of all bots together: the account's own look at prices has to fit beside."""

CONNECT_S, ANSWER_S = 3.0, 20.0
ANSWER_MAX = 32 * 1024 * 1024
DOWN = 503


class Passing:
    """Asks the broker's server of market data for whoever has a token here."""

    def __init__(
        self, url: str, keys: tuple[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Remember whom to ask; nothing is sent yet.

        Args:
            url: Of the server; keys go there with every question.
            keys: Key id and secret of the account.
            clock: Counts seconds.
        """
        redactor.hide(keys[1])
        self._clock = clock
        self._asked: deque[float] = deque()
        self._client = httpx2.AsyncClient(
            base_url=url,
            headers={"APCA-API-KEY-ID": keys[0], "APCA-API-SECRET-KEY": keys[1]},
            timeout=httpx2.Timeout(ANSWER_S, connect=CONNECT_S, pool=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
        )

    def routes(self) -> list[Route]:
        """Return what is passed on."""
        return [Route("GET", path, Scope.READ, self.ask) for path in PATHS]

    async def ask(self, call: Call) -> Reply:
        """Return what the broker answers, whatever its status.

        Raises:
            WireError: 429 for too many questions, 503 where no answer came.
        """
        self._count()
        target = quote(call.path, safe="/")
        if call.query_bytes:
            target = f"{target}?{call.query_bytes.decode('ascii', 'replace')}"
        read = bytearray()
        try:
            async with self._client.stream("GET", target) as response:
                async for part in response.aiter_bytes():
                    read += part
                    if len(read) > ANSWER_MAX:
                        raise WireError(DOWN, DOWN * 100_000, "the answer has no end")
        except httpx2.HTTPError as error:
            why = f"the broker's market data do not answer: {type(error).__name__}"
            raise WireError(DOWN, DOWN * 100_000, why) from error
        kind = response.headers.get("content-type", "application/json")
        return Reply(response.status_code, bytes(read), (), kind)

    def _count(self) -> None:
        """Count a question, over the minute that ends now.

        A bucket, as for the requests of a token, lets twice its size through in the minute after a
        pause; the broker's own bound, which the account needs a part of, is one of any minute.
        """
        now_s = self._clock()
        while self._asked and self._asked[0] <= now_s - 60.0:
            self._asked.popleft()
        if len(self._asked) >= PER_MINUTE:
            raise too_many(f"{PER_MINUTE} questions a minute for market data; ask later")
        self._asked.append(now_s)
