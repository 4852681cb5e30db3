"""The line to an exchange: a call leaves once, and its answer proves what it proves."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, localcontext
from queue import Empty, SimpleQueue
from typing import Any, cast
from urllib.parse import urlsplit

from smart_leverage.brokers.budget import Budget, Lane
from smart_leverage.brokers.ccxt.abilities import check_abilities
from smart_leverage.brokers.ccxt.options import ExchangeOptions, Keys, check_options
from smart_leverage.domain.errors import BrokerDown, ConfigError, NotSent, Refused
from smart_leverage.domain.redaction import redactor

READ_WAITS_S, CHANGE_WAITS_S = 10.0, 3.0
"""So long a call waits for one of its lane's connections, and a question for its turn as well."""

CONNECTIONS = 4
"""In each lane; a purchase that hangs holds up no sale, and no list either of them."""

MARKETS_LAST_S = 6 * 3600.0
"""After that many seconds steps and smallest amounts are read again."""

DIFFERENCE = "timeDifference"
"""Where ccxt keeps how far our clock is ahead, milliseconds; read together with the markets."""

MALFORMED, UNAUTHORIZED, FORBIDDEN = 40010001, 40110000, 40310000
NOT_FOUND, INADMISSIBLE, TOO_MANY = 40410000, 42210000, 42910000
"""Codes as the other venues have them: three digits of HTTP, and five that tell more."""

Call = Callable[[Any], Any]


class Lost(Exception):
    """Something left, and no answer that proves anything came back."""


class Missing(Exception):
    """The exchange itself says that there is no such order."""


class Line:
    """Connections to one exchange; safe in threads, and nothing is sent twice."""

    def __init__(
        self,
        options: ExchangeOptions,
        keys: Keys,
        budget: Budget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the first client; nothing is sent yet.

        Raises:
            ConfigError: ccxt is not installed, or the exchange lacks something that safety needs.
        """
        check_options(options)
        for secret in keys:
            redactor.hide(secret)
        self._options, self._keys, self._clock = options, keys, clock
        self._ccxt = _library()
        if options.exchange not in self._ccxt.exchanges:
            raise ConfigError([f"ccxt knows no exchange {options.exchange[:40]!r}"], "exchange")
        self._made: list[Any] = []
        self._idle: dict[Lane, SimpleQueue[Any]] = {lane: SimpleQueue() for lane in Lane}
        self._count = dict.fromkeys(Lane, 0)
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self.exchange = self._client()
        """For what it says of itself; it sends nothing but the question for markets."""
        self.ability = check_abilities(self.exchange)
        self._loaded_s = -MARKETS_LAST_S
        # ccxt says how many milliseconds a request that counts once takes away from others.
        self._budget = budget or Budget(max(1, int(60_000 / float(self.exchange.rateLimit))))

    def close(self) -> None:
        """Let go of all connections."""
        for client in self._made:
            client.session.close()

    def send(self, call: Call, lane: Lane) -> Any:
        """Make a call that changes something, once.

        Raises:
            Refused: The exchange said no, itself; nothing was changed.
            NotSent: No byte left, also where the budget for it is used up.
            Lost: Something left, and what came back proves nothing.
        """
        try:
            self.load_markets(lane)
        except BrokerDown as error:
            raise NotSent(f"the exchange's markets cannot be read: {error}") from error
        with self._connection(lane, CHANGE_WAITS_S) as client:
            if client is None:
                raise NotSent("every connection to the exchange waits for an answer")
            try:
                answer = call(client)
                self._budget.taken()
                return answer
            except NotSent as error:
                if client.session.trace.has_left:
                    raise Lost(str(error)) from error
                raise
            except Exception as error:  # whatever it is called: what left decides
                raise self._proved(error, client) from error

    def ask(self, call: Call, lane: Lane = Lane.READ) -> Any:
        """Make a call that asks for something.

        Raises:
            Missing: The exchange says that there is no such order.
            BrokerDown: No answer, or none that can be used.
        """
        self.load_markets(lane)
        return self._asked(call, lane)

    def ask_list(self, call: Call, lane: Lane = Lane.READ) -> list[Mapping[str, Any]]:
        """Make a call that asks for a list.

        ccxt makes an empty list of almost anything that it cannot read. So one that is empty has
        to be one in the exchange's own words.

        Raises:
            BrokerDown: No answer, or none that can be used.
        """

        def listed(client: Any) -> list[Mapping[str, Any]]:
            rows = call(client)
            if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
                raise BrokerDown("a list of the exchange cannot be read")
            if not rows and not _says_empty(client.last_json_response):
                raise BrokerDown("what the exchange says is no list")
            return rows

        try:
            return cast("list[Mapping[str, Any]]", self.ask(listed, lane))
        except Missing as error:
            raise BrokerDown("the exchange has no such list") from error

    def load_markets(self, lane: Lane = Lane.READ) -> Any:
        """Return the markets, by their name; read once, and again when they are old.

        Raises:
            BrokerDown: No answer, and none from before.
        """
        if self.exchange.markets and self._clock() - self._loaded_s < MARKETS_LAST_S:
            return self.exchange.markets
        with self._loading:
            if not self.exchange.markets or (
                lane is Lane.READ and self._clock() - self._loaded_s >= MARKETS_LAST_S
            ):
                self._read_markets(lane)
        return self.exchange.markets

    def _read_markets(self, lane: Lane) -> None:
        had = bool(self.exchange.markets)
        self._loaded_s = self._clock()
        try:
            fresh = self._asked(lambda client: (client.load_markets(True), client)[1], lane)
        except BrokerDown:
            if not had:
                raise
        else:
            if DIFFERENCE in fresh.options:
                self.exchange.options[DIFFERENCE] = fresh.options[DIFFERENCE]
            self.exchange.set_markets_from_exchange(fresh)

    def _asked(self, call: Call, lane: Lane) -> Any:
        with self._connection(lane, READ_WAITS_S) as client:
            if client is None:
                raise BrokerDown("every connection to the exchange waits for an answer")
            try:
                answer = call(client)
                self._budget.taken()
                return answer
            except NotSent as error:
                raise BrokerDown(str(error)) from error
            except BrokerDown:
                raise
            except self._ccxt.OrderNotFound as error:
                if client.session.trace.is_json:
                    raise Missing from error
                raise BrokerDown(f"no answer: {shown(error)}") from error
            except Exception as error:  # a library of many hands: what it cannot read is none
                self._heed(error, client.session.trace)
                raise BrokerDown(f"no answer: {shown(error)}") from error

    # -- clients ----------------------------------------------------------------------------------

    @contextmanager
    def _connection(self, lane: Lane, within_s: float) -> Iterator[Any]:
        """Lend a client of a lane; None when there is none in time."""
        client = self._lent(lane, within_s)
        if client is None:
            yield None
            return
        client.session.begin()
        if self.exchange.markets and client.markets is not self.exchange.markets:
            client.set_markets_from_exchange(self.exchange)
            if DIFFERENCE in self.exchange.options:
                client.options[DIFFERENCE] = self.exchange.options[DIFFERENCE]
        wait_s = READ_WAITS_S if lane is Lane.READ else 0.0
        client.gate = lambda cost: self._gate(lane, wait_s, cost)
        try:
            with localcontext():  # the library changes how its thread rounds, for good
                yield client
        finally:
            self._idle[lane].put(client)

    def _lent(self, lane: Lane, within_s: float) -> Any:
        try:
            return self._idle[lane].get_nowait()
        except Empty:
            pass
        with self._lock:
            if self._count[lane] < CONNECTIONS:
                self._count[lane] += 1
                return self._client()
        try:
            return self._idle[lane].get(timeout=within_s)
        except Empty:
            return None

    def _gate(self, lane: Lane, wait_s: float, cost: float) -> None:
        if not self._budget.take(lane, wait_s, cost):
            raise NotSent("the exchange's limit of requests is used up; what is left is for exits")

    def _client(self) -> Any:
        from smart_leverage.brokers.ccxt.transport import OneWay

        client = _kind(getattr(self._ccxt, self._options.exchange))(
            {
                "apiKey": self._keys.key_id,
                "secret": self._keys.secret,
                "password": self._keys.password,
                "number": str,
                "enableRateLimit": True,  # by our budget: see `throttle`
                "timeout": 8_000,
                "enableLastJsonResponse": True,  # see `ask_list`
                "options": {
                    "maxRetriesOnFailure": 0,
                    "defaultType": "spot",
                    "fetchMarkets": {"types": ["spot"]},
                    "fetchMargins": False,
                    "warnOnFetchOpenOrdersWithoutSymbol": False,
                    "recvWindow": 5_000,  # what arrives later than that is refused
                    "adjustForTimeDifference": True,  # sales leave also when our clock is wrong
                },
                # Networks and their fees are no concern of an account that moves no coins.
                "has": {"fetchCurrencies": False},
            }
        )
        if self._options.is_sandbox:
            try:
                client.set_sandbox_mode(True)
            except Exception as error:
                raise ConfigError(
                    [f"{self._options.exchange} has no sandbox: {shown(error)}"], "exchange"
                ) from error
        client.session = OneWay(_hosts(client.urls["api"]), self._options.url.rstrip("/"))
        self._made.append(client)
        return client

    # -- what an error proves ---------------------------------------------------------------------

    def _proved(self, error: Exception, client: Any) -> Exception:
        """Return what became of a call that failed."""
        ccxt, trace = self._ccxt, client.session.trace
        if not trace.has_left:
            is_refusal = isinstance(error, ccxt.ExchangeError) and not trace.status
            return self._refusal(error) if is_refusal else NotSent(shown(error))
        self._heed(error, trace)
        if trace.is_json and self._is_own_word(error, trace.status):
            return self._refusal(error)
        return Lost(f"status {trace.status}: {shown(error)}")

    def _heed(self, error: Exception, trace: Any) -> None:
        """Ask less where the exchange wants that, and for its clock where ours is refused."""
        if trace.status in (418, 429):
            self._budget.refused(trace.wait_s)
        if isinstance(error, self._ccxt.InvalidNonce):
            self._loaded_s = float("-inf")

    def _is_own_word(self, error: Exception, status: int) -> bool:
        """Tell whether an exchange that answered with an error says that nothing was done."""
        ccxt = self._ccxt
        definite = (
            ccxt.InvalidOrder, ccxt.InsufficientFunds, ccxt.BadRequest, ccxt.AuthenticationError,
            ccxt.OperationRejected, ccxt.NotSupported, ccxt.InvalidNonce,
        )  # fmt: skip
        if isinstance(error, definite):
            return status < 500
        if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection):
            return 400 <= status < 500
        # One that ccxt has no name for: as an error of our request only by its status.
        return type(error) is ccxt.ExchangeError and status in (400, 401, 403, 422)

    def _refusal(self, error: Exception) -> Refused:
        ccxt, text = self._ccxt, shown(error)
        if isinstance(error, ccxt.DuplicateOrderId) or "duplicate order" in text.lower():
            return Refused(MALFORMED, f"client_order_id must be unique: {text}")
        codes = (
            (ccxt.InsufficientFunds, FORBIDDEN),
            (ccxt.OrderNotFound, NOT_FOUND),
            (ccxt.PermissionDenied, FORBIDDEN),
            (ccxt.AccountSuspended, FORBIDDEN),
            (ccxt.AuthenticationError, UNAUTHORIZED),
            (ccxt.RateLimitExceeded, TOO_MANY),
            (ccxt.DDoSProtection, TOO_MANY),
        )
        code = next((code for kind, code in codes if isinstance(error, kind)), INADMISSIBLE)
        said = "insufficient balance: " if isinstance(error, ccxt.InsufficientFunds) else ""
        return Refused(code, f"{said}{text}")


def _library() -> Any:
    try:
        import ccxt
    except ImportError:
        fix = "pip install 'smart-leverage[ccxt]'"
        raise ConfigError([f"ccxt is not installed; {fix}"], "exchange") from None
    return ccxt


def _kind(base: Any) -> Any:
    """Return a class of ccxt's whose requests go by our budget and whose numbers stay text."""

    class Client(base):  # type: ignore[misc]
        gate: Callable[[float], None] = staticmethod(lambda cost: None)

        def throttle(self, cost: Any = None) -> None:
            self.gate(1.0 if cost is None else float(cost))

        def calculate_rate_limiter_cost(
            self, api: Any, method: str, path: str, params: Any, config: Any = None
        ) -> float:
            """Return as how many requests one counts.

            A class that inherits from another exchange's calls with the costs of that one; what it
            says of itself stands in its table.
            """
            table = self.api.get(api) if isinstance(api, str) else None
            own = ((table or {}).get(method.lower()) or {}).get(path)
            said = [config or {}, own if isinstance(own, dict) else {"cost": own or 0}]
            cost = super().calculate_rate_limiter_cost
            return max(float(cost(api, method, path, params, each) or 0) for each in said)

        def on_json_response(self, response_body: str) -> Any:
            # The library takes a faster parser where there is one, and that one rounds.
            return json.loads(
                response_body, parse_float=str, parse_int=str, parse_constant=_no_number
            )

    return Client


def _no_number(name: str) -> str:
    raise ValueError(f"{name} is no number")


def _hosts(urls: Any) -> frozenset[str]:
    """Return every host that stands in a tree of addresses."""
    if isinstance(urls, dict):
        return frozenset().union(*(_hosts(value) for value in urls.values()))
    host = urlsplit(urls).hostname if isinstance(urls, str) else None
    return frozenset() if host is None else frozenset({host})


def _says_empty(said: object) -> bool:
    """Tell whether an answer is an empty list, or has an empty one in it."""
    if isinstance(said, Mapping) and said:
        return any(each in ([], {}) or _says_empty(each) for each in said.values())
    return said == []


_ADDRESS = re.compile(r"https?://\S+")


def shown(error: object) -> str:
    """Return an error as one line without addresses, in which keys and signatures stand."""
    text = " ".join(_ADDRESS.sub("…", str(error)).split()) or type(error).__name__
    if isinstance(error, Exception) and not text.startswith(type(error).__name__):
        text = f"{text} ({type(error).__name__})"
    return redactor("".join(each if each.isprintable() else "?" for each in text))[:300]


def number(value: object) -> Decimal | None:
    """Return a number that ccxt hands out as text; None where there is none."""
    return None if value is None or value == "" else Decimal(str(value))
