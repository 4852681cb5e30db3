"""The account as its ledger tells it: the engine's own state, folded from the records."""

import copy
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
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
    FillRevised,
    InstrumentListed,
    Marked,
    Noted,
    Record,
    decode,
)
from smart_leverage.engine.state import State
from smart_leverage.ledger.base import Entry
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


class Moved(NamedTuple):
    """Money that adds to each group (positive) or leaves it, counted as the caps count it."""

    crypto: Decimal = Decimal(0)
    leveraged: Decimal = Decimal(0)
    gross: Decimal = Decimal(0)

    def with_(self, state: State, key: Key, value: Decimal) -> "Moved":
        """Return this with the market value of one instrument, each group at its own weight."""
        instrument, counted = state.instruments[key], value * state.weights[key]
        return Moved(
            crypto=self.crypto + (counted if instrument.is_crypto else 0),
            leveraged=self.leveraged + (counted if instrument.is_leveraged else 0),
            gross=self.gross + value,
        )


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
    moved: Moved = Moved()
    """What was filled since the last mark, at the prices it was filled at."""

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
        return with_limits(_parsed(self.account.policy), self.state.limits.in_force)


def read_numbers(text: str) -> dict[str, Any]:
    """Return the numbers of a policy text by section; empty when it is not TOML."""
    return _copied(_parsed(text))


@lru_cache(maxsize=4)
def _parsed(text: str) -> dict[str, Any]:
    """Read a policy once: a screen asks for its numbers ten times in each look."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def with_limits(numbers: dict[str, Any], limits: Mapping[str, str]) -> dict[str, Any]:
    """Return numbers with limits laid over those that are there."""
    laid = _copied(numbers)
    for name, text in limits.items():
        *sections, last = name.split(".")
        section: Any = laid
        for part in sections:
            section = section.get(part, {}) if isinstance(section, dict) else {}
        if isinstance(section, dict) and last in section:
            section[last] = number_of(name, text)
    return laid


def _copied(numbers: dict[str, Any]) -> dict[str, Any]:
    """Return a copy whose sections may be changed; a hundredth of what a deep copy costs."""
    return {
        name: _copied(value) if isinstance(value, dict) else value
        for name, value in numbers.items()
    }


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


def remember(
    path: Path, *, with_prices: bool = False, until: int | None = None, is_whole: bool = False
) -> Remembered:
    """Read a ledger and return the account as of its last record.

    What waits in the emergency journal of a ledger in trouble is taken in as well.

    Args:
        path: The ledger.
        with_prices: Read the decisions as well, for the last known price of every instrument.
        until: The last event to read; then the emergency journal is left out.
        is_whole: Keep all trades that there ever were, and not only those of late; see `Fold`.

    Raises:
        LedgerError: There is no ledger, it cannot be read, or it holds no account.
    """
    with opened(path) as reader:
        account = reader.account()
        if account is None:
            raise LedgerError(f"{path}: holds no account yet; start a run with it first")
        fold = Fold(with_prices=with_prices, is_whole=is_whole)
        for entry in reader.entries():
            if until is not None and entry.seq > until:
                break
            fold.take(entry)
    return fold.remembered(path, account, list(known(waiting(path))) if until is None else [])


class Fold:
    """Folds records as the engine does, except for what takes time and nobody asks here.

    A mark moves the baselines; how the allocation was used over time is left out. What lies far
    back is forgotten, as by the engine, unless it `is_whole`: then trades, lots and requests of
    all times stay, in a memory that grows with the journal.
    """

    def __init__(self, *, with_prices: bool = False, is_whole: bool = False) -> None:
        self._is_whole = is_whole
        self._passed = _SILENT if with_prices else _SILENT | _DECISION
        self.state = State()
        self.prices: dict[Key, Known] = {}
        self.mark: Marked | None = None
        self.moved = Moved()
        self.events = self.at_ns = 0
        self.reviews: list[str] = []

    def take(self, entry: Entry, record: Record | None = None) -> Record | None:
        """Take the next entry of the journal; return its record unless that changes nothing.

        Args:
            entry: The link.
            record: What is in it, where somebody has read that already.
        """
        self.at_ns, self.events = max(self.at_ns, entry.at_ns), entry.seq
        if entry.kind == "note" and _SIGNATURE in entry.payload:
            self.reviews += _signature(record or decode(entry.payload))
        if entry.kind in self._passed:
            return None
        record = record or decode(entry.payload)
        if isinstance(record, Marked):
            self.mark, self.moved = record, Moved()
            self.state.baselines.mark(record.equity)
            self.state.rolling.mark(record.at_ns, record.equity)
        else:
            self._take(record)
        return record

    def remembered(self, path: Path, account: AccountRow, noted: Sequence[Record]) -> Remembered:
        """Return the account as of the last entry that was taken.

        Args:
            path: The ledger.
            account: Its opening.
            noted: What waits in the emergency journal; counted in, on a copy, since the ledger will
                tell it once more.
        """
        fold = copy.deepcopy(self) if noted else self
        for record in noted:
            fold.at_ns = max(fold.at_ns, record.at_ns)
            fold._take(record)
        return Remembered(
            path=path,
            account=account,
            state=fold.state,
            last_mark=fold.mark,
            events=fold.events,
            at_ns=fold.at_ns,
            prices=fold.prices,
            noted=len(noted),
            reviews=tuple(fold.reviews),
            moved=fold.moved,
        )

    def _take(self, record: Record) -> None:
        self._price(record)
        if not isinstance(record, Filled | FillRevised):
            self._apply(record)
            return
        fill = record.fill if isinstance(record, Filled) else record.after or record.before
        before = self.state.book.qty(fill.key)
        self._apply(record)
        self._move(fill.key, (self.state.book.qty(fill.key) - before) * fill.price)

    def _apply(self, record: Record) -> None:
        self.state.apply(record)
        if not self._is_whole:
            self.state.forget()

    def _move(self, key: Key, value: Decimal) -> None:
        if key in self.state.instruments:
            self.moved = self.moved.with_(self.state, key, value)

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
