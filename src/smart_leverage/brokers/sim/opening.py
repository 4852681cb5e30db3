"""Begins a venue from its configuration, or takes one up where its file left it."""

from pathlib import Path

from msgspec import Struct

from smart_leverage.brokers.sim.book import Book
from smart_leverage.brokers.sim.config import Setup, SimConfig
from smart_leverage.brokers.sim.filestore import FileStore
from smart_leverage.brokers.sim.purse import Purse
from smart_leverage.brokers.sim.store import MemoryStore, Store
from smart_leverage.brokers.sim.unit import Counters, Unit
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.errors import ConfigError
from smart_leverage.domain.orders import Fill
from smart_leverage.domain.registry import Registry
from smart_leverage.fills.costs import CostModel

VOLUME_DAYS = 30
"""Trades of so many days set the coin fee."""


class Past(Struct, kw_only=True):
    """Everything a venue stands on: shared by its parts and changed in place."""

    store: Store
    unit: Unit
    book: Book
    purse: Purse
    counters: Counters
    fills_recent: list[Fill]
    flows: set[str]


def opened(
    registry: Registry, costs: CostModel, config: SimConfig, path: Path | None, account_id: str
) -> Past:
    """Return the state of a new venue, or of the one in the file.

    Raises:
        ConfigError: The file was set up differently.
        BadData: The file is something else.
        BrokerDown: Another process runs a venue on the file.
    """
    if path is None:
        past = _begun(registry, config, MemoryStore())
        past.store.keep(past.unit, past.purse, past.counters)
        return past
    store = FileStore(path)
    try:
        setup = Setup(config=config, costs=costs, instruments=tuple(registry.values()))
        if store.is_new:
            past = _begun(registry, config, store)
            store.create(setup, account_id, past.purse, past.counters)
            return past
        return _continued(registry, setup, store)
    except BaseException:
        store.close()
        raise


def setup_of(path: Path) -> Setup | None:
    """Return what a venue's file was set up with; None where there is no venue in it yet.

    A kill in the moment of its creation leaves an empty file, in which a venue can be begun.
    """
    if not path.exists():
        return None
    store = FileStore(path)
    try:
        return None if store.is_new else store.setup()
    finally:
        store.close()


def _begun(registry: Registry, config: SimConfig, store: Store) -> Past:
    purse, at_ns = Purse(), config.opened_at_ns
    if config.cash:
        purse.move_cash(config.cash, at_ns, "opening", "")
    for start in config.positions:
        if start.key not in registry:
            raise ConfigError([f"positions: {start.key}: not in the registry"])
        purse.move_units(start.key, start.qty, start.price, at_ns, "opening", "")
    return Past(
        store=store,
        unit=Unit(),
        book=Book(registry),
        purse=purse,
        counters=Counters(now_ns=at_ns),
        fills_recent=[],
        flows=set(),
    )


def _continued(registry: Registry, wanted: Setup, store: FileStore) -> Past:
    saved = store.load()
    problems = [
        f"{name}: the file was set up with {getattr(saved.setup.config, name)!r},"
        f" not {getattr(wanted.config, name)!r}"
        for name in SimConfig.__struct_fields__
        if getattr(saved.setup.config, name) != getattr(wanted.config, name)
    ]
    if saved.setup.costs != wanted.costs:
        problems.append("costs: the file was set up with others")
    if problems:
        raise ConfigError(problems, str(store.path))
    open_keys = {each.order.key for each in saved.tickets if not each.is_final}
    missing = sorted({*saved.purse.holdings, *open_keys} - registry.keys())
    if missing:
        raise ConfigError(
            [f"registry: {key} is held or ordered, and not listed" for key in missing],
            str(store.path),
        )
    book = Book(registry)
    book.restore(saved.tickets)
    for key, mark, bid, ask, *rest in saved.lines:
        if key not in registry:
            continue
        line = book.lines[key]
        line.mark, line.bid, line.ask = float(mark), float(bid), float(ask)
        line.closed_ns, line.opened_ns, line.is_opening, line.print_number = rest
    if saved.setup != wanted:
        store.keep_instruments(wanted)
    since_ns = saved.counters.now_ns - VOLUME_DAYS * DAY_NS
    return Past(
        store=store,
        unit=Unit(),
        book=book,
        purse=saved.purse,
        counters=saved.counters,
        fills_recent=store.fills(since_ns),
        flows=saved.flows,
    )
