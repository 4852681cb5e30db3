"""What was promised by the time the power went, and whether a disk that is found keeps it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread
from typing import Any
from unittest import mock

import msgspec
from tests.power.calls import Call, Calls
from tests.presets import CLASSIC_SETTINGS

from smart_leverage.brokers.sim import SimBroker
from smart_leverage.domain.clock import ManualClock
from smart_leverage.domain.errors import ConfigError, LedgerError
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.base import Head, Ticket
from smart_leverage.ledger.emergency import EmergencyJournal, peek
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify
from smart_leverage.notify.keeping import read_kept
from smart_leverage.runtime.admin import is_admin
from smart_leverage.runtime.latch import HaltFile
from smart_leverage.runtime.people import password
from smart_leverage.runtime.people.sessions import by_id
from smart_leverage.runtime.people.store import reading
from smart_leverage.runtime.recovery import rebuilt
from smart_leverage.wiring import engine_config

LEDGER, COPY = "ledger.sqlite", "copy.sqlite"
WRITER = "ledger-writer"


class Promises:
    """What a process has promised so far; of a disk after it, all of that is asked."""

    def __init__(self) -> None:
        self.heads: list[tuple[int, str]] = []
        self.noted: list[str] = []
        self.sent: set[str] = set()
        self.is_halted = False
        self.kept: list[tuple[str, str]] = []
        self.asked = Counter[str]()

    def hear(self, call: Call) -> None:
        """Take in what a mark says."""
        word, _, text = call.content.decode().partition(" ")
        match word:
            case "acknowledged":
                seq, own = text.split()
                self.heads.append((int(seq), own))
            case "noted":
                self.noted.append(text)
            case "sent":
                self.sent.add(text)
            case "halted":
                self.is_halted = True
            case "resuming":
                self.is_halted = False
            case "kept":
                what, _, answer = text.partition(" ")
                self.kept.append((what, answer))

    def faults(self, folder: Path) -> list[str]:
        """Return, a line each, what a folder does not keep; the product opens what is there."""
        found = [*self._halt(folder), *self._other_files(folder)]
        if self.heads or (folder / LEDGER).exists():
            found += self._ledger(folder / LEDGER)
        return found

    def _halt(self, folder: Path) -> Iterator[str]:
        if self.is_halted:
            self.asked["halts"] += 1
            if not HaltFile(folder).is_set:
                yield "the halt is gone"

    def _other_files(self, folder: Path) -> Iterator[str]:
        for what, answer in self.kept:
            self.asked["other files"] += 1
            try:
                is_there = ASKED[what](folder, answer)
            except (OSError, ConfigError, LedgerError, msgspec.MsgspecError) as error:
                yield f"{what}: {type(error).__name__}: {error}"
                continue
            if not is_there:
                yield f"{what} {answer}: is not kept"

    def _ledger(self, path: Path) -> Iterator[str]:
        with suppress(LedgerError):  # before it is opened, and what it holds taken over
            notes = [note.payload.hex() for note in peek(path).notes]
            yield from self._intents(path, notes)
        try:
            with SqliteLedger(path) as opened:  # the emergency journal is taken over here
                _rebuilt(opened)
        except LedgerError as error:
            yield f"it does not open: {error}"
            return
        verdict = verify(path)
        self.asked["proofs"] += 1
        yield from (f"it is not sound: {fault.what}" for fault in verdict.faults)
        yield from self._kept_of(path)

    def _kept_of(self, path: Path) -> Iterator[str]:
        """Look for every event that was acknowledged, in the ledger or in trouble."""
        with Reader.open(path) as reader:
            entries = list(reader.entries())
        payloads = {entry.payload.hex() for entry in entries}
        hashes = ["", *(entry.hash.hex() for entry in entries)]
        self.asked["acknowledged"] += len(self.heads)
        if lost := [seq for seq, own in self.heads if hashes[seq : seq + 1] not in ([own], [""])]:
            there = f"the ledger, which ends at {len(entries)}, holds something else or nothing"
            yield f"events up to {lost[0]} were acknowledged; {there}"
        self.asked["noted in trouble"] += len(self.noted)
        if gone := [each for each in self.noted if each not in payloads]:
            yield f"{len(gone)} of {len(self.noted)} records of the emergency journal are gone"

    def _intents(self, path: Path, notes: list[str]) -> Iterator[str]:
        """Look for the intent of each order that left, before the product does anything."""
        if not self.sent:
            return
        with Reader.open(path) as reader:
            found = {entry.key for entry in reader.entries() if entry.kind == "order.intended"}
        self.asked["orders sent"] += len(self.sent)
        for order_id in sorted(self.sent - found):
            if not any(order_id.encode().hex() in note for note in notes):
                yield f"order {order_id} was sent, and its intent is nowhere"


def _rebuilt(own: SqliteLedger) -> None:
    """Fold the account that a ledger remembers, as each start does; its venue is not asked."""
    clock = ManualClock(0)
    rebuilt(engine_config(CLASSIC_SETTINGS), own, SimBroker(Registry.builtin()), clock)


def _session_ended(folder: Path, session: str) -> bool:
    found = by_id(folder, session)
    return found is not None and found.ended_ns is not None


def _link_used(folder: Path, link: str) -> bool:
    with reading(folder) as database:
        assert database is not None
        row = database.execute("SELECT used_ns FROM links WHERE id = ?", (link,)).fetchone()
    return row is not None and row[0] is not None


def _act_taken(folder: Path, key: str) -> bool:
    with reading(folder) as database:
        assert database is not None
        return bool(database.execute("SELECT 1 FROM acts WHERE key = ?", (key,)).fetchone())


def _told_up_to(folder: Path, seq: str) -> bool:
    kept = read_kept(folder)
    return kept is not None and kept.read_seq >= int(seq)


def _listed(folder: Path, name: str) -> bool:
    content = msgspec.json.decode((folder / "watchlists.json").read_bytes())
    return any(each["name"] == name for each in content["bot"].values())


def _password_of(folder: Path, name: str) -> bool:
    content = msgspec.json.decode((folder / password.FILE).read_bytes())
    return bool(content["name"] == name and content["argon2id"])


def _copied(folder: Path, seq: str) -> bool:
    verdict = verify(folder / COPY)
    return verdict.is_sound and verdict.head.seq == int(seq)


ASKED: dict[str, Callable[[Path, str], bool]] = {
    "session-ended": _session_ended,
    "link-used": _link_used,
    "act": _act_taken,
    "notices": _told_up_to,
    "watchlist": _listed,
    "password": _password_of,
    "admin": is_admin,
    "backup": _copied,
}


@contextmanager
def marked(calls: Calls) -> Iterator[None]:
    """Mark what the product promises by itself: commits, notes in trouble, halts."""
    settle, append = Ticket.settle, EmergencyJournal.append
    set_file, clear = HaltFile.set, HaltFile.clear

    def settled(ticket: Ticket, head: Head | None, cause: BaseException | None = None) -> None:
        # A refuge settles tickets as well; what it promises is in the emergency journal.
        if head is not None and current_thread().name == WRITER:
            calls.mark("acknowledged", head.seq, head.hash.hex())
        settle(ticket, head, cause)

    def appended(journal: EmergencyJournal, kind: str, payload: bytes) -> int:
        block = append(journal, kind, payload)
        calls.mark("noted", payload.hex())
        return block

    def halted(file: HaltFile, who: str, reason: str) -> None:
        set_file(file, who, reason)
        calls.mark("halted")

    def cleared(file: HaltFile) -> None:
        calls.mark("resuming")
        clear(file)

    with (
        mock.patch.object(Ticket, "settle", settled),
        mock.patch.object(EmergencyJournal, "append", appended),
        mock.patch.multiple(HaltFile, set=halted, clear=cleared),
    ):
        yield


def marks_orders(calls: Calls, venue: Any) -> None:
    """Have each order marked that arrives at a venue, before the venue does anything with it."""
    submit = venue.submit

    def submitted(approved: Any) -> Any:
        calls.mark("sent", approved.order.client_order_id)
        return submit(approved)

    venue.submit = submitted
