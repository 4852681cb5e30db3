"""Start-up: the engine is rebuilt from the journal, and the broker is asked what happened since."""

from collections.abc import Callable, Iterator

from smart_leverage.brokers.base import Broker
from smart_leverage.domain.classify import strictest
from smart_leverage.domain.clock import Clock
from smart_leverage.domain.errors import BrokerDown
from smart_leverage.domain.orders import Approved
from smart_leverage.domain.records import Record, decode
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Event, Started
from smart_leverage.ledger.base import Ledger
from smart_leverage.runtime.carrying import Carrier
from smart_leverage.runtime.meter import Meter
from smart_leverage.runtime.trader import AT_ONCE, Find, Trader
from smart_leverage.runtime.writing import Tell


def recover(
    config: EngineConfig,
    ledger: Ledger,
    broker: Broker,
    clock: Clock,
    tell: Tell = lambda record: None,
    held_back: Callable[[], str] = lambda: "",
) -> Trader:
    """Return the trader of an account that a ledger remembers, ready or held back.

    An empty ledger gives an engine without an account. Otherwise, in this order: every link of the
    chain is proved while the state is folded, intents without an answer count as unknown, what the
    broker's stream has said since is taken in, unknown orders are looked up, and positions and cash
    are compared. Until that is done nothing that adds exposure is allowed; after a difference that
    nobody explains, neither.

    Raises:
        LedgerCorrupt: The chain is broken; nothing was sent.
        BrokerDown: The broker does not answer; try again later.
    """
    trader = rebuilt(config, ledger, broker, clock, tell, held_back)
    begin(trader)
    return trader


def rebuilt(
    config: EngineConfig,
    ledger: Ledger,
    broker: Broker,
    clock: Clock,
    tell: Tell = lambda record: None,
    held_back: Callable[[], str] = lambda: "",
    *,
    see: Tell = lambda record: None,
    carrier: Carrier = AT_ONCE,
    meter: Meter | None = None,
    find: Find = strictest,
) -> Trader:
    """Return the trader of an account as a ledger remembers it; the broker was not asked yet.

    `see` hears what is remembered as well, from the first record on.

    Raises:
        LedgerCorrupt: The chain is broken.
    """
    can = broker.capabilities
    config = config._replace(
        may_resend=can.rejects_repeated_ids,
        fees_come_later=not can.tells_fees,
        lists_lag=can.lists_lag,
        sale_has_minimum=not can.sells_any_size,
        power_age_max_s=POWER_AGE_MAX_S if can.lists_lag else config.power_age_max_s,
    )
    engine = Engine(config, _remembered(ledger, see))
    return Trader(
        engine, ledger, broker, clock, tell, held_back,
        see=see, carrier=carrier, meter=meter, find=find,
    )  # fmt: skip


POWER_AGE_MAX_S = 300.0
"""Of a broker that is far away an older figure lends nothing; its lists are read twice a minute."""


def _remembered(ledger: Ledger, see: Tell) -> Iterator[Record]:
    for entry in ledger.read():
        record = decode(entry.payload)
        see(record)
        yield record


def begin(trader: Trader, unsent: tuple[Approved, ...] = (), *then: Event) -> None:
    """Take in that a trader begins, and what there is besides, then ask the broker.

    `unsent` are orders of the trader before, in this process, of which nothing has left.

    Raises:
        BrokerDown: The broker does not answer; everything else has been taken in, so that only
            `reconcile` is left to be repeated.
    """
    if trader.engine.state.opened is None:
        return
    silence: BrokerDown | None = None
    for event in (Started(at_ns=trader.clock.now_ns(), unsent=unsent), *then):
        try:
            trader.offer(event)
        except BrokerDown as error:
            silence = error
    trader.flush()
    if silence is not None:
        raise silence
    trader.reconcile()
    trader.flush()
