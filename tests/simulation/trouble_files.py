"""Troubles of the file: it is cut, or a byte of it or beside it is another one."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import NamedTuple

from tests.contract.desk_in_trouble import BTC, Desk, Market
from tests.simulation.trouble_story import Story

from smart_leverage.domain.clock import DAY_NS, MINUTE_NS
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.orders import Side
from smart_leverage.ledger.base import Entry
from smart_leverage.ledger.files import SEALS, WITNESS, beside
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.verify import Verdict, verify
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate

PAGE = 4_096
Damage = Callable[[Path], object]


class Tried(NamedTuple):
    """What a proof and a start say of a damaged ledger, and how many requests the venue got."""

    verdict: Verdict | None
    proof: str
    start: str
    sent: int

    @property
    def is_refused(self) -> bool:
        return bool(self.start)

    @property
    def is_found(self) -> bool:
        return self.verdict is None or not self.verdict.is_sound


def cut(folder: Path, story: Story) -> None:
    """The ledger ends too early."""
    desk = _with_history(folder / "whole", story)
    _copy(folder / "whole", folder / "killed")
    desk.stop()
    size = desk.path.stat().st_size
    log = _log(folder / "killed" / "ledger.sqlite").stat().st_size
    for at in (size - PAGE, size // 2, 3 * PAGE, 1_000, 0):
        story.did(f"A copy of its file is cut at byte {at:,} of {size:,}.")
        _tell_cut(story, _tried(desk, folder / f"cut-{at}", folder / "whole", _cut_at(at)))
    for at in (log - PAGE, log // 2, 0):
        story.did(f"The write-ahead log that a kill left behind is cut at byte {at:,} of {log:,}.")
        _tell_cut(story, _tried(desk, folder / f"log-{at}", folder / "killed", _log_cut_at(at)))


def changed(folder: Path, story: Story) -> None:
    """One byte is another one: in the journal, in what it adds up to, and beside it."""
    desk = _with_history(folder / "whole", story)
    desk.stop()
    with Reader.open(desk.path) as reader:
        fill = next(entry for entry in reader.entries() if entry.kind == "fill")
    number = fill.seq
    cases: list[tuple[str, str, Damage, int | None, bool]] = [
        (f"payload of event {number}", "in the journal", _in_payload(fill), number, True),
        (f"hash of event {number}", "in the journal", _in_hash(fill), number, True),
        ("quantity of a fill", "in table fills", _in_table, number, False),
        ("hash in the seal", f"in {beside(desk.path, SEALS).name}", _in_seal, None, True),
        ("hash in the witness", f"in {beside(desk.path, WITNESS).name}", _in_witness, None, True),
    ]
    for place, (what, where, damage, seq, is_refused) in enumerate(cases):
        tried = _tried(desk, folder / f"changed-{place}", folder / "whole", damage)
        story.did(f"One byte is changed {where}: {what}.")
        _tell_proof(story, tried, seq)
        story.saw(
            "opening",
            tried.start or "starts: it reads the journal, which is whole, and not this table",
            tried.is_refused is is_refused,
        )
        _tell_sent(story, tried)


# -- what is done ------------------------------------------------------------------------------


def _with_history(folder: Path, story: Story) -> Desk:
    """Let an account buy and sell around the end of a month, so that there is a seal as well."""
    folder.mkdir()
    desk = Desk(folder, Market([_around_the_month()]))
    desk.hold()
    desk.run(10)
    desk.bot.wants(Side.SELL, qty="0.01")
    desk.run(4)
    head = desk.keeper.ledger.head.seq
    story.did(
        f"An account has bought, sold and set stops over the end of a month: {head} events, and "
        f"{len(beside(desk.path, SEALS).read_text().splitlines())} month is sealed."
    )
    return desk


def _around_the_month() -> BarSeries:
    recipe = SyntheticMarket(seed=2, first_day=date(2024, 2, 29), days=2, step_s=60)
    series = next(each for each in generate(recipe) if each.key == BTC)
    first = (DAY_NS - 10 * MINUTE_NS) // (60 * 10**9)
    columns = ("starts", "ends", "opens", "highs", "lows", "closes", "volumes")
    later = {name: getattr(series, name)[first:] for name in columns}
    return BarSeries(key=BTC, step_ns=series.step_ns, source=series.source, **later)


def _copy(source: Path, to: Path) -> Path:
    """Copy the ledger and what lies beside it, as a backup of the folder would."""
    to.mkdir()
    for file in source.glob("ledger.sqlite*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, to)
    return to / "ledger.sqlite"


def _tried(desk: Desk, folder: Path, source: Path, damage: Damage) -> Tried:
    """Damage a copy, prove it, and start an account on it at the venue that there is."""
    path = _copy(source, folder)
    damage(path)
    verdict, proof = _proved(path)
    before = len(desk.venue.requests)
    start = _started(desk, path)
    return Tried(verdict, proof, start, len(desk.venue.requests) - before)


def _proved(path: Path) -> tuple[Verdict | None, str]:
    try:
        verdict = verify(path)
    except LedgerError as error:
        return None, _without_folder(error, path)
    return verdict, _without_folder(verdict.summary, path)


def _started(desk: Desk, path: Path) -> str:
    """Start an account and return why it did not start; empty when it did."""
    twin = desk.twin()
    twin.folder, twin.path = path.parent, path
    try:
        twin.start()
    except LedgerError as error:
        return f"{type(error).__name__}: {_without_folder(error, path)}"
    else:
        twin.run(1)
        return ""
    finally:
        twin.control.close()
        if twin.keeper is not desk.keeper:
            twin.keeper.close()


def _without_folder(said: object, path: Path) -> str:
    return str(said).replace(f"{path.parent}{os.sep}", "")


def _cut_at(at: int) -> Damage:
    return lambda path: os.truncate(path, at)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _log_cut_at(at: int) -> Damage:
    return lambda path: os.truncate(_log(path), at)


def _flip(file: Path, place: int) -> None:
    """Change the last bit of one byte; of a digit it makes another digit."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


def _row_of(path: Path, entry: Entry) -> int:
    """Return where the payload of an entry stands in the file, its hashes right behind it."""
    return path.read_bytes().index(entry.payload + entry.prev_hash + entry.hash)


def _in_payload(entry: Entry) -> Damage:
    return lambda path: _flip(path, _row_of(path, entry) + len(entry.payload) // 2)


def _in_hash(entry: Entry) -> Damage:
    behind = len(entry.payload) + len(entry.prev_hash)
    return lambda path: _flip(path, _row_of(path, entry) + behind)


def _in_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        ((qty,),) = connection.execute("SELECT qty FROM fills ORDER BY seq LIMIT 1").fetchall()
        other = qty[:-1] + chr(ord(qty[-1]) ^ 1)
        connection.execute("UPDATE fills SET qty = ? WHERE qty = ?", (other, qty))


def _in_seal(path: Path) -> None:
    _flip(beside(path, SEALS), len("2024-02 00000000000000000000 "))


def _in_witness(path: Path) -> None:
    _flip(beside(path, WITNESS), len("00000000000000000000 "))


# -- what is seen ------------------------------------------------------------------------------


def _tell_cut(story: Story, tried: Tried) -> None:
    story.saw("ledger verify", tried.proof, tried.is_found)
    story.saw("opening", tried.start or "starts", tried.is_refused)
    _tell_sent(story, tried)


def _tell_proof(story: Story, tried: Tried, seq: int | None) -> None:
    found = None if tried.verdict is None else tried.verdict.bad_seq
    at = "" if seq is None else f"; first wrong event: {found}"
    story.saw("ledger verify", tried.proof + at, tried.is_found and (seq is None or found == seq))


def _tell_sent(story: Story, tried: Tried) -> None:
    story.saw("orders and cancels sent meanwhile", tried.sent, tried.sent == 0)
