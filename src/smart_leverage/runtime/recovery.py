"""Start-up: the engine is rebuilt from the journal, and the broker is asked what happened since."""

from collections.abc import Iterable, Iterator

from smart_leverage.brokers.base import Broker
from smart_leverage.domain.clock import Clock
from smart_leverage.domain.errors import LedgerCorrupt
from smart_leverage.domain.records import Record, decode
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Started
from smart_leverage.ledger.base import Entry, Ledger
from smart_leverage.ledger.chain import GENESIS, digest
from smart_leverage.runtime.trader import Tell, Trader


def recover(
    config: EngineConfig,
    ledger: Ledger,
    broker: Broker,
    clock: Clock,
    tell: Tell = lambda record: None,
) -> Trader:
    """Return the trader of an account that a ledger remembers, ready or held back.

    An empty ledger gives an engine without an account. Otherwise, in this order: every link of the
    chain is checked while the state is folded, intents without an answer count as unknown, what the
    broker's stream has said since is taken in, unknown orders are looked up, and positions and cash
    are compared. Until that is done nothing that adds exposure is allowed; after a difference that
    nobody explains, neither.

    Raises:
        LedgerCorrupt: The chain is broken; nothing was sent.
        BrokerDown: The broker does not answer; try again later.
    """
    engine = Engine(config, _records(ledger.read()))
    trader = Trader(engine, ledger, broker, clock, tell)
    if engine.state.opened is not None:
        trader.offer(Started(at_ns=clock.now_ns()))
        trader.reconcile()
        trader.flush()
    return trader


def _records(entries: Iterable[Entry]) -> Iterator[Record]:
    """Yield the records of a chain, each after its link was checked."""
    head = GENESIS.hash
    for entry in entries:
        own = digest(
            entry.seq,
            entry.epoch,
            entry.at_ns,
            entry.kind.encode(),
            entry.key.encode(),
            entry.payload,
            entry.prev_hash,
        )
        if entry.prev_hash != head or own != entry.hash:
            raise LedgerCorrupt(
                f"event {entry.seq} does not follow from the one before it; "
                "`smart-leverage ledger verify` says more"
            )
        head = entry.hash
        yield decode(entry.payload)
