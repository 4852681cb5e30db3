"""An order log sent again over the wire: two bots with the official client against one gateway.

Account, gateway and venue are joined as `smart-leverage run` joins them, the venue in a process of
its own. Two things are ours: the prices, which are those of the log, and the clock. It stands while
bots send and then goes on to the next instant at which the log has an order, a fill or a full
minute, so that half an hour passes as fast as the wire allows; it stands still until the venue has
answered whatever was under way, so that no outcome depends on how fast a machine is.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

from smart_leverage.brokers.sim import SimBroker
from smart_leverage.domain.clock import MINUTE_NS, ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import OrderState
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.quotes import Quote, QuotePath
from smart_leverage.runtime.live import LiveDriver
from smart_leverage.runtime.proposing import Traders
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.replay_case import (
    BOT,
    MIRROR,
    Account,
    Offer,
    Variant,
    instants_of,
    offers_of,
    venue_of,
)
from smart_leverage.runtime.replay_log import OrderLog
from smart_leverage.runtime.replay_record import RECORD_KEY, forced_record
from smart_leverage.runtime.tokens import Token, new_token
from smart_leverage.runtime.venue_process import SOCKET
from smart_leverage.settings import Settings
from smart_leverage.wiring import embedded, in_real_time
from smart_leverage.wiring.accounts import BROKER, LEDGER
from smart_leverage.wiring.serving import served

ANSWERED_WITHIN_S = 60.0
ATTEND_S = 0.002
UNDER_WAY = frozenset(
    {
        OrderState.INTENT,
        OrderState.UNKNOWN,
        OrderState.PENDING_CANCEL,
        OrderState.PENDING_REPLACE,
    }
)
PRICE_STEP = Decimal("0.00000001")


class Recorded(QuotePath):
    """The market of a log: bid and ask are its last fill price."""

    def __init__(self, log: OrderLog) -> None:
        super().__init__([])
        self._log = log

    def price(self, key: str, at_ns: int) -> Decimal:
        return self._log.trails[Key(key)].at(at_ns).quantize(PRICE_STEP)

    def at(self, at_ns: int) -> list[Quote]:
        prices = {key: float(self.price(key, at_ns)) for key in self._log.trails}
        return [Quote(key, price, price) for key, price in prices.items()]


class Bot:
    """One client on a thread of its own; `told` counts what its orders came to."""

    def __init__(self, name: str, offers: Sequence[Offer], url: str, token: Token) -> None:
        self.name = name
        self.told: Counter[str] = Counter()
        self._offers = list(offers)
        self._client = TradingClient(token.token_id, token.secret, url_override=url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    def send_until(self, at_ns: int) -> "Future[None]":
        """Send whatever is due by a time, one after the other as a program does."""
        due = [one for one in self._offers if one.at_ns <= at_ns]
        del self._offers[: len(due)]
        return self._thread.submit(self._send, due)

    def close(self) -> None:
        self._thread.shutdown()

    def _send(self, due: Sequence[Offer]) -> None:
        for one in due:
            try:
                self._client.submit_order(_request(one))
                self.told["approved"] += 1
            except APIError as refused:
                if (refused.status_code, refused.code) != (403, 40310000):
                    raise
                # What is not held is refused in the broker's own words, which have no reason.
                self.told[json.loads(str(refused)).get("reason", "not_held")] += 1


def _request(offer: Offer) -> MarketOrderRequest:
    asset_class, _, symbol = offer.key.partition(":")
    return MarketOrderRequest(
        symbol=symbol,
        side=OrderSide(offer.side.value),
        qty=float(offer.qty),
        time_in_force=TimeInForce.GTC if asset_class == "crypto" else TimeInForce.DAY,
    )


class Told(NamedTuple):
    """What the bots were told, and where the venue wrote down what became of it."""

    bots: dict[str, Counter[str]]
    file: Path
    price: Callable[[str, int], Decimal]


def replayed(
    folder: Path, log: OrderLog, variant: Variant, account: Account, settings: Settings
) -> Told:
    """Replay a log over the wire.

    Both bots send all of it: with the same side at the same time, or, where the variant says so,
    the second one 20 seconds later with the other side.
    """
    offers = offers_of(log, is_doubled=variant.is_doubled)
    if not variant.is_doubled:
        offers = sorted([*offers, *(one._replace(bot=MIRROR) for one in offers)], key=_at)
    instants = instants_of(log, offers)
    _open(folder, log, variant, account, instants[0])
    clock = ManualClock(instants[0] + MINUTE_NS)  # the invented past of a record is over by then
    path = Recorded(log)
    with (
        _venue(folder),
        in_real_time(folder, settings, embedded(folder, settings, []), Traders(), clock=clock) as (
            driver,
            venue,
        ),
    ):
        assert venue.market is not None
        driver.quotes, driver.market = path, venue.market  # a move is over in its step
        with (
            served(folder, settings, driver, venue.last_close) as address,
            _bots(driver, offers, address.url) as bots,
        ):
            for at_ns in instants:
                clock.move_to(max(at_ns, clock.now_ns()))
                driver.step()
                _settle(driver)
                _attend(driver, [bot.send_until(at_ns) for bot in bots])
                _settle(driver)
            driver.step()
            _settle(driver)
    return Told({bot.name: bot.told for bot in bots}, folder / BROKER, path.price)


def _at(offer: Offer) -> int:
    return offer.at_ns


def _open(folder: Path, log: OrderLog, variant: Variant, account: Account, at_ns: int) -> None:
    """Open account and venue with what is there at first, and an invented past where one is."""
    with venue_of(log, variant, account, at_ns) as alike:
        config = alike.config
    keys = list(dict.fromkeys([*log.trails, *([RECORD_KEY] if variant.is_forced else [])]))
    with (
        SqliteLedger(folder / LEDGER) as ledger,
        SimBroker(log.registry, config=config, path=folder / BROKER) as venue,
    ):
        trader = recover(account.config, ledger, venue, ManualClock(at_ns))
        trader.offer(account.opener(at_ns, config.cash, config.positions, log.registry, keys))
        trader.flush()
        if variant.is_forced:
            ledger.commit(forced_record(at_ns))


@contextmanager
def _venue(folder: Path) -> Iterator[None]:
    """Let the venue serve its file; the account finds it there and goes on with it."""
    command = [sys.executable, "-m", "smart_leverage.brokers.sim", str(folder / SOCKET)]
    with subprocess.Popen([*command, "--file", str(folder / BROKER)], stdout=PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith(b"ready")
            yield
        finally:
            process.terminate()


@contextmanager
def _bots(driver: LiveDriver, offers: Sequence[Offer], url: str) -> Iterator[list[Bot]]:
    bots = [
        Bot(name, [one for one in offers if one.bot == name], url, _token(driver, name))
        for name in (BOT, MIRROR)
    ]
    try:
        yield bots
    finally:
        for bot in bots:
            bot.close()


def _token(driver: LiveDriver, name: str) -> Token:
    token = new_token()
    changes = {
        "bot": name,
        "token_id": token.token_id,
        "secret_sha256": token.secret_sha256,
        "scopes": "trade",
    }
    driver.trader.offer(
        Commanded(
            at_ns=driver.clock.now_ns(),
            command=Command.SEAT,
            who="a test",
            reason="a test",
            changes=tuple(changes.items()),
            is_admin=True,
        )
    )
    driver.trader.flush()
    return token


def _attend(driver: LiveDriver, sending: "list[Future[None]]") -> None:
    """Decide what comes in until every bot has its answers."""
    for _ in range(int(ANSWERED_WITHIN_S / ATTEND_S)):
        left = wait(sending, timeout=ATTEND_S).not_done
        driver.attend()
        if not left:
            break
    for one in sending:
        one.result(timeout=0)


def _settle(driver: LiveDriver) -> None:
    """Have everything that has left answered, and what the venue did with it booked."""
    for _ in range(int(ANSWERED_WITHIN_S / ATTEND_S)):
        driver.trader.drain()
        driver.attend()
        orders = driver.trader.engine.state.orders.by_id.values()
        if not any(one.state in UNDER_WAY for one in orders):
            break
        time.sleep(ATTEND_S)
