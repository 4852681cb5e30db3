"""How a record becomes a link of the hash chain."""

import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from hashlib import sha256
from operator import attrgetter
from types import NoneType
from typing import Any, NamedTuple, get_args

import msgspec
from msgspec import Struct

from smart_leverage.domain.errors import InvariantViolation
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    AssetLocked,
    BaselineSet,
    BreakerMoved,
    CancelIntended,
    Decided,
    EvidenceRecorded,
    ExposureMoved,
    Filled,
    FillRevised,
    InstrumentListed,
    Intended,
    LimitChanged,
    Noted,
    OrderMoved,
    OrderTrailed,
    PastDealt,
    PastImported,
    PastValued,
    PlanMoved,
    Record,
    SeatChanged,
    Unprotected,
    encode,
)
from smart_leverage.ledger.base import Entry, Head

GENESIS = Head(0, bytes(32))
"""The head of an empty journal."""

_PREFIX = struct.Struct(">QQqIII")
_SUBJECTS: dict[type, str] = {
    AccountOpened: "account",
    InstrumentListed: "instrument.key",
    Adopted: "key",
    Decided: "decision_id",
    Intended: "order.client_order_id",
    OrderMoved: "client_order_id",
    OrderTrailed: "client_order_id",
    CancelIntended: "client_order_id",
    Filled: "fill.client_order_id",
    FillRevised: "before.client_order_id",
    BaselineSet: "period",
    BreakerMoved: "breaker",
    AssetLocked: "key",
    LimitChanged: "name",
    ExposureMoved: "sleeve",
    SeatChanged: "seat.token_id",
    EvidenceRecorded: "measured.sha256",
    PlanMoved: "plan_id",
    Unprotected: "key",
    PastDealt: "import_id",
    PastValued: "import_id",
    PastImported: "import_id",
    Noted: "code",
}


class Draft(NamedTuple):
    """A record that is ready to be chained; `key` names what the record is about, if anything."""

    record: Record
    kind: str
    key: str
    payload: bytes


def draft(record: Record) -> Draft:
    """Encode a record.

    Raises:
        InvariantViolation: It holds a decimal that is not finite; no such number is ever stored.
    """
    kind, subject, decimals = _shape(type(record))
    for held in decimals(record):
        for value in held.values() if type(held) is dict else (held,):
            if value is not None and not value.is_finite():
                raise InvariantViolation(f"a {kind} record holds {value}, which is not a number")
    return Draft(record, kind, subject(record) if subject else "", encode(record))


def digest(
    seq: int, epoch: int, at_ns: int, kind: bytes, key: bytes, payload: bytes, prev_hash: bytes
) -> bytes:
    """Return the hash of a link: SHA-256 over every other field.

    The bytes hashed are, big-endian and without padding: seq (8), epoch (8), at_ns (8, signed), the
    lengths of kind, key and payload (4 each), then kind, key, payload and the previous hash (32).
    The lengths come first, so no two different links share these bytes.
    """
    prefix = _PREFIX.pack(seq, epoch, at_ns, len(kind), len(key), len(payload))
    return sha256(b"".join((prefix, kind, key, payload, prev_hash))).digest()


def link(head: Head, epoch: int, draft: Draft) -> Entry:
    """Return the entry that follows a head."""
    record, kind, key, payload = draft
    seq, prev_hash, at_ns = head.seq + 1, head.hash, record.at_ns
    own = digest(seq, epoch, at_ns, kind.encode(), key.encode(), payload, prev_hash)
    return Entry(seq, epoch, at_ns, kind, key, payload, prev_hash, own)


def row_of(entry: Entry) -> tuple[Any, ...]:
    """Return an entry as it stands in the table of the journal."""
    return (*entry[:5], entry.payload.decode(), *entry[6:])


@cache
def _shape(
    kind: type[Struct],
) -> tuple[str, Callable[[Any], str] | None, Callable[[Any], tuple[Any, ...]]]:
    """Return a record type's tag, the getter of its subject and that of its decimals.

    What the last one returns are decimals, None, or dictionaries whose values are decimals.
    """
    subject = _SUBJECTS.get(kind)
    paths = tuple(_decimal_paths(kind))
    getter: Callable[[Any], Any] = attrgetter(*paths) if paths else lambda _: ()
    decimals = (lambda record: (getter(record),)) if len(paths) == 1 else getter
    if _has_optional(kind):
        names = [path.split(".") for path in paths]
        decimals = lambda record: tuple(_reached(record, each) for each in names)  # noqa: E731
    return str(kind.__struct_config__.tag), attrgetter(subject) if subject else None, decimals


def _decimal_paths(kind: type[Struct], prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(kind):
        for part in get_args(field.type) or (field.type,):
            if part is Decimal:
                yield prefix + field.name
            elif _is_structure(part):
                yield from _decimal_paths(part, f"{prefix}{field.name}.")


def _has_optional(kind: type[Struct]) -> bool:
    """Tell whether a field holds another structure, or nothing."""
    parts = (get_args(field.type) for field in msgspec.structs.fields(kind))
    return any(NoneType in each and any(map(_is_structure, each)) for each in parts)


def _is_structure(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Struct)


def _reached(held: Any, names: list[str]) -> Any:
    """Return what stands at the end of a path, None where it breaks off before."""
    for name in names:
        held = None if held is None else getattr(held, name)
    return held
