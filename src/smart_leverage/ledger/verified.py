"""When the whole chain of a ledger was last proved: a note beside it, for whoever watches."""

from contextlib import suppress
from pathlib import Path

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.files import beside, put_in_place, write_durably

VERIFIED = "verified"


def note_verified(path: Path, seq: int, at_ns: int) -> bool:
    """Note that every link up to an event was proved; return whether that could be written.

    Whoever only reads a ledger may have no right to write beside it; the proof stands all the same.
    """
    place = beside(path, VERIFIED)
    new = place.with_name(f"{place.name}.new")
    with suppress(LedgerError, OSError):
        write_durably(new, f"{seq} {at_ns}\n")
        put_in_place(new, place)
        return True
    return False


def verified_ns(path: Path) -> int | None:
    """Return when the chain was last proved, UTC; None when nobody noted it."""
    try:
        _, at_ns = beside(path, VERIFIED).read_text(encoding="ascii").split()
        return int(at_ns)
    except (OSError, ValueError):
        return None
