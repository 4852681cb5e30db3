"""The account as its ledger tells it: the engine's own state, folded from the records."""

import copy
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.limits import number_of
from smart_leverage.domain.phases import SIGNED, Phase, phases_at
from smart_leverage.domain.records import (
    Adopted,
    BaselineSet,
    Decided,
    Filled,
    InstrumentListed,
    Marked,
    Noted,
    Record,
    decode,
)
from smart_leverage.engine.state import State
from smart_leverage.ledger.read_only import opened
from smart_leverage.ledger.rows import AccountRow
from smart_leverage.ledger.takeover import known, waiting

SIMULATED = "sim"

_SILENT = frozenset({"note", "unprotected"})
"""Kinds that change nothing."""

_DECISION = frozenset({"decision"})
"""The kind that changes nothing but says what an instrument was worth; there are many."""


_SIGNATURE = SIGNED.encode()
"""Tells, before it is read, which of many notes may be a signature."""


def _signature(record: Record) -> list[str]:
    return [record.text] if isinstance(record, Noted) and record.code == SIGNED else []


class Known(NamedTuple):
    """The last price that the ledger knows of an instrument, and from where."""

    price: Decimal
    at_ns: int
    source: str


class Remembered(NamedTuple):
    """An account as of the last record of its ledger."""

    path: Path
    account: AccountRow
    state: State
    last_mark: Marked | None
    events: int
    at_ns: int
    prices: dict[Key, Known]
    noted: int
    """Records that wait in the emergency journal; they are counted in."""
    reviews: tuple[str, ...] = ()
    """Texts of the signatures under reviews, oldest first."""

    @property
    def is_simulated(self) -> bool:
        """Whether money and time are made up."""
        return self.account.mode == SIMULATED

    @property
    def phases(self) -> list[Phase]:
        """The phases of seven and thirty days as they stand now."""
        opened = self.state.opened
        return [] if opened is None else phases_at(opened.at_ns, self.at_ns, self.reviews)

    @property
    def numbers(self) -> dict[str, Any]:
        """The policy by section, with the limits in force; empty where the ledger kept none."""
        return with_limits(read_numbers(self.account.policy), self.state.limits.in_force)


def read_numbers(text: str) -> dict[str, Any]:
    """Return the numbers of a policy text by section; empty when it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def with_limits(numbers: dict[str, Any], limits: Mapping[str, str]) -> dict[str, Any]:
    """Return numbers with limits laid over those that are there."""
    laid = copy.deepcopy(numbers)
    for name, text in limits.items():
        *sections, last = name.split(".")
        section: Any = laid
        for part in sections:
            section = section.get(part, {}) if isinstance(section, dict) else {}
        if isinstance(section, dict) and last in section:
            section[last] = number_of(name, text)
    return laid


def number(numbers: dict[str, Any], key: str) -> Decimal | None:
    """Return one number of a policy by its dotted key; None where it was not kept."""
    value: Any = numbers
    for part in key.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Decimal(repr(value))


def remember(path: Path, *, with_prices: bool = False, until: int | None = None) -> Remembered:
    """Read a ledger and return the account as of its last record.

    What waits in the emergency journal of a ledger in trouble is taken in as well.

    Args:
        path: The ledger.
        with_prices: Read the decisions as well, for the last known price of every instrument.
        until: The last event to read; then the emergency journal is left out.

    Raises:
        LedgerError: There is no ledger, it cannot be read, or it holds no account.
    """
    with opened(path) as reader:
        account = reader.account()
        if account is None:
            raise LedgerError(f"{path}: holds no account yet; start a run with it first")
        fold = Fold(with_prices=with_prices)
        for entry in reader.entries():
            if until is not None and entry.seq > until:
                break
            fold.take(entry.seq, entry.at_ns, entry.kind, entry.payload)
        if until is None:
            fold.take_waiting(known(waiting(path)))
        return fold.as_of(path, account)


class Fold:
    """Folds records as the engine does, except for what takes time and nobody asks here.

    A mark moves the baselines; how the allocation was used over time is left out.
    """

    def __init__(self, *, with_prices: bool) -> None:
        self._passed = _SILENT if with_prices else _SILENT | _DECISION
        self.state = State()
        self.prices: dict[Key, Known] = {}
        self.last_mark: Marked | None = None
        self.events = 0
        self.at_ns = 0
        self.noted = 0
        self.reviews: list[str] = []

    def take(
        self, seq: int, at_ns: int, kind: str, payload: bytes, record: Record | None = None
    ) -> None:
        """Take in the next entry of a journal; the record where it has been read already."""
        self.at_ns, self.events = max(self.at_ns, at_ns), seq
        if kind == "note" and _SIGNATURE in payload:
            self.reviews += _signature(record or decode(payload))
        if kind in self._passed:
            return
        record = record or decode(payload)
        if isinstance(record, Marked):
            self.last_mark = record
            self.state.baselines.mark(record.equity)
            self.state.rolling.mark(record.at_ns, record.equity)
        else:
            self._take(record)

    def take_waiting(self, records: Iterable[Record]) -> None:
        """Take in what waits in the emergency journal."""
        for record in records:
            self.noted += 1
            self.at_ns = max(self.at_ns, record.at_ns)
            self._take(record)

    def as_of(self, path: Path, account: AccountRow) -> Remembered:
        """Return the account as of the last entry; it goes on changing with the next one."""
        return Remembered(
            path=path,
            account=account,
            state=self.state,
            last_mark=self.last_mark,
            events=self.events,
            at_ns=self.at_ns,
            prices=self.prices,
            noted=self.noted,
            reviews=tuple(self.reviews),
        )

    def _take(self, record: Record) -> None:
        self._price(record)
        self.state.apply(record)

    def _price(self, record: Record) -> None:
        if isinstance(record, Filled):
            self._see(record.fill.key, record.fill.price, record.at_ns, "a fill")
        elif isinstance(record, Decided):
            self._see(record.key, record.price, record.at_ns, "a decision")
        elif isinstance(record, Adopted):
            self._see(record.key, record.price, record.at_ns, "the adoption")
        elif isinstance(record, BaselineSet):
            for key, value in record.holdings.items():
                qty = self.state.book.qty(key)
                if qty > 0:
                    self._see(key, value / qty, record.at_ns, "the opening of a day")
        elif isinstance(record, InstrumentListed):
            instrument = record.instrument
            reference = instrument.reference_price
            self._see(instrument.key, reference, 0, "the registry, as a reference")

    def _see(self, key: Key, price: Decimal, at_ns: int, source: str) -> None:
        known = self.prices.get(key)
        if price > 0 and (known is None or at_ns >= known.at_ns):
            self.prices[key] = Known(price, at_ns, source)
