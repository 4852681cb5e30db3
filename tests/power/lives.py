"""What is lived through while calls are recorded: an account, a ledger alone, other files."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
from tests.contract import desk_in_trouble
from tests.contract.desk_in_trouble import BROKEN, BTC, FULL, Desk, Disk
from tests.power.calls import Calls, Refuse, never
from tests.power.promises import COPY, LEDGER, marked, marks_orders
from tests.power.system import heard

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import Noted
from smart_leverage.engine.events import Command
from smart_leverage.ledger.connections import connect
from smart_leverage.ledger.sqlite import Bounds, SqliteLedger
from smart_leverage.ledger.verify import backup
from smart_leverage.notify.keeping import STATE, write
from smart_leverage.notify.post import Kept
from smart_leverage.runtime import admin
from smart_leverage.runtime.control import Request, Waiting
from smart_leverage.runtime.people import acts, links, password, sessions
from smart_leverage.server.gateway.watchlists import Watchlists

BOUNDS = Bounds(wal_pages=60, wal_pages_max=120)
"""Small, so that the log is copied into the file often."""

MAY = int(datetime(2024, 5, 28, tzinfo=UTC).timestamp()) * 1_000_000_000


class SmallLog(Disk):
    """A disk whose ledger has a short log."""

    def open(self, path: Path) -> SqliteLedger:
        return SqliteLedger(path, bounds=BOUNDS, connect=self.connect)


def account(folder: Path, calls: Calls) -> None:
    """Buy, sell, halt, resume; a full disk, a restart on it, a sync that fails, another restart."""
    with mock.patch.object(desk_in_trouble, "Disk", SmallLog):
        desk = Desk(folder)
    marks_orders(calls, desk.venue)
    try:
        desk.hold()
        _sell_half(desk)
        order(desk, Command.HALT)
        order(desk, Command.RESUME)
        desk.disk.refuse(FULL)
        _sell_half(desk)
        desk.stop()
        desk.start()
        desk.run(1)
        desk.disk.mend()
        desk.run(2)
        order(desk, Command.RESUME)
        desk.bot.wants(Side.BUY, notional="3000")
        desk.run(2)
        desk.disk.refuse(BROKEN, times=1)
        _sell_half(desk)
        desk.stop()
        desk.start()
        desk.run(1)
    finally:
        desk.stop()


def ledger(folder: Path, calls: Calls) -> None:
    """Write across the ends of months, in batches; close, open and copy."""
    at_ns = MAY
    for life in range(3):
        with SqliteLedger(folder / LEDGER, bounds=BOUNDS, connect=connect) as own:
            for number in range(12):
                at_ns += DAY_NS
                texts = [f"{life}.{number}.{each}" for each in range(1 + number % 3)]
                own.commit([_note(at_ns, text) for text in texts])
            if life == 1:
                backup(folder / LEDGER, folder / COPY)
                calls.mark("kept backup", own.head.seq)


def household(folder: Path, calls: Calls) -> None:
    """Let people in and out, keep what was told, and lists."""
    with admin.new_token(folder) as token:
        pass
    calls.mark("kept admin", token)
    for number in range(4):
        link = links.make(folder, "ann", (Scope.READ, Scope.HALT), MAY)
        entered = links.redeem(folder, link, MAY)
        assert entered is not None
        calls.mark("kept link-used", link.partition(".")[0])
        session = entered.token.partition(".")[0]
        assert acts.begin(folder, f"key-{number}", session, MAY)
        calls.mark("kept act", f"key-{number}")
        assert sessions.end(folder, session, MAY + 1)
        calls.mark("kept session-ended", session)
        write(folder / STATE, msgspec.json.encode(Kept(read_seq=number)), is_durable=True)
        calls.mark("kept notices", number)
        _list(folder, f"list-{number}")
        calls.mark("kept watchlist", f"list-{number}")
    with mock.patch("argon2.PasswordHasher.hash", lambda self, text: f"hash of {text}"):
        for name in ("ann", "bob"):
            password.keep(folder, name, "correct horse battery")
    calls.mark("kept password", "bob")


LIVES: dict[str, Callable[[Path, Calls], None]] = {
    "account": account,
    "ledger": ledger,
    "household": household,
}


def lived(name: str, folder: Path, refuse: Refuse = never) -> Calls:
    """Live a life in an empty folder, and return every call that it made."""
    calls = Calls(folder, refuse)
    with heard(calls), marked(calls):
        LIVES[name](folder, calls)
    return calls


def order(desk: Desk, command: Command) -> None:
    """Have a person order something."""
    waiting = Waiting(Request(command, "ann", f"to {command}"), is_admin=True)
    desk.control._waiting.put(waiting)
    desk.run(0.5)
    assert waiting.answer is not None


def _sell_half(desk: Desk) -> None:
    half = dict(desk.state.held()).get(BTC, Decimal(0)) / 2
    desk.bot.wants(Side.SELL, qty=f"{half:.9f}")
    desk.run(2)


def _note(at_ns: int, text: str) -> Noted:
    return Noted(at_ns=at_ns, code="c", text=text.ljust(900, "."))


def _list(folder: Path, name: str) -> None:
    lists = Watchlists(folder / "watchlists.json", mock.Mock(), lambda: MAY)
    call: Any = mock.Mock(bot="bot")
    with mock.patch.object(Watchlists, "_content", return_value=(name, [])):
        asyncio.run(lists.create(call))
