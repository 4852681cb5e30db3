"""Troubles of the disk: it is full, it refuses a write, a sync fails."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from tests.contract.desk_in_trouble import (
    BROKEN,
    BTC,
    FULL,
    STEP_S,
    Desk,
    Sent,
    last_state,
    notes,
    recorded,
)
from tests.simulation.trouble_story import Story, agree, sound

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import Decided, Filled, Noted, Resumed, StateChanged, decode
from smart_leverage.engine.events import Command
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.ledger.takeover import TAKEN
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.control import Answer, Request, Result, Waiting

ROOT = Path(__file__).parents[2]


def disk_full(folder: Path, story: Story) -> None:
    """Half is sold and a buy is tried while every commit is refused; then there is room again."""
    desk = _holding(folder, story)
    try:
        desk.disk.refuse(FULL)
        story.did(f"From here on every commit is refused: {FULL}. A bot wants to buy for 1,000.")
        desk.bot.wants(Side.BUY, notional="1000")
        desk.run(1)
        _halted(story, desk)
        _denied(story, desk)
        story.did("The bot sells half.")
        half = _sell_half(desk)
        desk.run(2)
        _sold_from_emergency(story, desk, half)
        _resume_refused(story, desk)
        _restarted_while_full(story, desk)
        _room_again(story, desk)
    finally:
        desk.stop()


def write_refused(folder: Path, story: Story) -> None:
    """The same with a write that the kernel really refuses, in a process of its own."""
    story.did(
        "A process of its own runs the account; the kernel lets no file of it grow past 64 KiB "
        "(RLIMIT_FSIZE). The bot sells everything; then the limit is lifted."
    )
    command = [sys.executable, "-m", "tests.simulation.trouble_refused", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        story.saw("the process", f"ended with {done.returncode}: {done.stderr[-300:]}", False)
        return
    told = json.loads(done.stdout)
    path, count = folder / "ledger.sqlite", told["notes"]
    story.saw("halted", told["warned"][0], told["warned"][0].startswith("■ the ledger cannot be"))
    story.saw("sold", f"{told['held']} BTC/USD are left", told["held"] == "0")
    story.saw(
        "its intent, when the venue had it",
        f"was in: {', '.join(told['written'])}",
        told["written"] == ["emergency"],
    )
    taken = _taken(path)
    story.saw("after the limit was lifted", "; ".join(taken), len(taken) == 1)
    story.saw(
        "records taken over",
        f"{count} were noted, {_count_of(taken)} taken over, {len(notes(path))} are left",
        count == _count_of(taken) > 0 and not notes(path),
    )
    story.saw("state in the ledger", last_state(path), last_state(path) == "halted")
    sound(story, path)


def sync_lost(folder: Path, story: Story) -> None:
    """A sync fails, and what was to be synced is gone."""
    _sync_failed(folder, story, is_kept=False)


def sync_kept(folder: Path, story: Story) -> None:
    """A sync fails, and what was to be synced is in the file all the same."""
    _sync_failed(folder, story, is_kept=True)


# -- what is done ------------------------------------------------------------------------------


def _holding(folder: Path, story: Story) -> Desk:
    desk = Desk(folder)
    desk.hold()
    stops = ", ".join(f"{each.order.stop_price}" for each in desk.venue.orders(is_open=True))
    story.did(f"An account holds {_held(desk)} BTC/USD, protected by a stop at {stops}.")
    return desk


def _held(desk: Desk) -> Decimal:
    return dict(desk.state.held()).get(BTC, Decimal(0))


def _sell_half(desk: Desk) -> Decimal:
    half = (_held(desk) / 2).quantize(Decimal("0.000000001"))
    desk.bot.wants(Side.SELL, qty=str(half))
    return half


def _order(desk: Desk, command: Command) -> Answer:
    waiting = Waiting(Request(command, "ann", f"to {command}"), is_admin=True)
    desk.control._waiting.put(waiting)
    desk.run(0.5)
    assert waiting.answer is not None
    return waiting.answer


def _sync_failed(folder: Path, story: Story, *, is_kept: bool) -> None:
    desk = _holding(folder, story)
    try:
        before, head = desk.keeper.ledger, desk.keeper.ledger.head.seq
        desk.disk.refuse(BROKEN, times=1, is_kept=is_kept)
        left = "there all the same" if is_kept else "lost"
        story.did(f"The bot sells half. The sync of one commit fails; the commit is {left}.")
        half = _sell_half(desk)
        desk.run(2)
        epochs = _epochs(desk.path)
        unproved = epochs[head:].count(epochs[head - 1])
        story.saw(
            "the connection of that commit",
            f"{'still writes' if desk.keeper.ledger is before else 'was given up'} after "
            f"{desk.disk.refused} refusal; the writer's epoch went from {epochs[head - 1]} to "
            f"{epochs[-1]}",
            desk.keeper.ledger is not before and epochs[-1] == epochs[head - 1] + 1,
        )
        story.saw(
            "of that commit the ledger holds", f"{unproved} records", bool(unproved) is is_kept
        )
        story.saw("said", desk.told[-1], "was opened anew" in desk.told[-1])
        _sold_once(story, desk, half, "ledger")
        story.saw("state in the ledger", last_state(desk.path), last_state(desk.path) == "halted")
        agree(story, desk)
        sound(story, desk.path)
    finally:
        desk.stop()


# -- what is seen ------------------------------------------------------------------------------


def _halted(story: Story, desk: Desk) -> None:
    (note,) = notes(desk.path, "state") or [None]
    state = None if note is None else decode(note.payload)
    assert state is None or isinstance(state, StateChanged)
    story.saw(
        "halted, in the emergency journal",
        "nothing there" if state is None else f"{state.after} by {state.who}: {state.why}",
        state is not None and (state.after, state.who) == ("halted", "policy"),
    )
    who, why = desk.halt.read()
    story.saw("halted, in the file HALT", f"by {who}: {why}", desk.halt.is_set and FULL in why)
    story.saw("a person is told", desk.told[0], desk.told[0].startswith("■ the ledger cannot be"))


def _denied(story: Story, desk: Desk) -> None:
    asked = [each for each in desk.heard if isinstance(each, Decided) and each.side is Side.BUY]
    bought = [sent for sent in desk.venue.sent if sent.order.side is Side.BUY]
    story.saw(
        "the buy",
        f"{asked[-1].verdict}, reason {asked[-1].reason}; {len(bought)} buys reached the venue",
        asked[-1].verdict == "denied" and not bought,
    )


def _sales(desk: Desk) -> list[Sent]:
    return [sent for sent in desk.venue.sent if sent.order.role is not Role.STOP]


def _sold_once(story: Story, desk: Desk, half: Decimal, where: str) -> None:
    sales = _sales(desk)
    after_s = (sales[0].at_ns - desk.bot.asked_ns) / SECOND_NS if sales else float("inf")
    story.saw(
        "the sale",
        f"{len(sales)} reached the venue: {', '.join(str(sale.order.qty) for sale in sales)}",
        [sale.order.qty for sale in sales] == [half.quantize(sales[0].order.qty)],
    )
    story.saw(
        "from the wish to the venue", f"{after_s:g} s, a step is {STEP_S:g} s", after_s <= STEP_S
    )
    written = sorted({sent.written for sent in desk.venue.sent})
    story.saw(
        "its intent, when the venue had it", f"was in: {', '.join(written)}", written == [where]
    )


def _sold_from_emergency(story: Story, desk: Desk, half: Decimal) -> None:
    _sold_once(story, desk, half, "emergency")
    stops = [each.order for each in desk.venue.orders(is_open=True)]
    told = ", ".join(f"{each.role} {each.qty} at {each.stop_price}" for each in stops)
    story.saw(
        "protected again",
        f"{told or 'no stop'}, for {_held(desk)} held",
        [(each.role, each.qty) for each in stops] == [(Role.STOP, _held(desk))],
    )
    agree(story, desk)


def _resume_refused(story: Story, desk: Desk) -> None:
    story.did("A person orders a resume.")
    answer = _order(desk, Command.RESUME)
    story.saw("the resume", f"{answer.result}: {answer.lines[0]}", answer.result is Result.REFUSED)


def _restarted_while_full(story: Story, desk: Desk) -> None:
    story.did("The process ends, and another begins on the disk that is still full.")
    desk.stop()
    desk.start()
    desk.run(1)
    where = "emergency journal" if isinstance(desk.keeper.ledger, Refuge) else "ledger"
    state = desk.state.trading
    story.saw(
        "after the restart",
        f"{state.name.lower()}, on the {where}, {_held(desk)} held",
        state is TradingState.HALTED and isinstance(desk.keeper.ledger, Refuge),
    )


def _room_again(story: Story, desk: Desk) -> None:
    noted = [note.payload for note in notes(desk.path)]
    story.did(f"There is room again. The emergency journal holds {len(noted)} records.")
    desk.disk.mend()
    desk.run(2)
    taken = _taken(desk.path)
    entries = [entry.payload for entry in desk.keeper.ledger.read()]
    story.saw("noted in the ledger", "; ".join(taken), len(taken) == 1)
    story.saw(
        "records taken over",
        f"{_count_of(taken)}; in the ledger once: {sum(entries.count(p) == 1 for p in noted)}; "
        f"left in the emergency journal: {len(notes(desk.path))}",
        [entries.count(payload) for payload in noted] == [1] * len(noted)
        and _count_of(taken) == len(noted)
        and not notes(desk.path),
    )
    _still_halted(story, desk)
    fills = [each.fill.execution_id for each in recorded(desk.path, Filled)]
    story.saw(
        "fills in the ledger",
        f"{len(fills)}, {len(fills) - len(set(fills))} of them twice",
        len(fills) == len(set(fills)) > 0,
    )
    agree(story, desk)
    sound(story, desk.path)


def _still_halted(story: Story, desk: Desk) -> None:
    resumes = recorded(desk.path, Resumed)
    story.saw(
        "state",
        f"{desk.state.trading.name.lower()}, in the ledger {last_state(desk.path)}, "
        f"{len(resumes)} resumes",
        desk.state.trading is TradingState.HALTED and last_state(desk.path) == "halted",
    )


def _taken(path: Path) -> list[str]:
    return [note.text for note in recorded(path, Noted) if note.code == TAKEN]


def _count_of(taken: list[str]) -> int:
    return sum(int(text.split()[0]) for text in taken)


def _epochs(path: Path) -> list[int]:
    with Reader.open(path) as reader:
        return [entry.epoch for entry in reader.entries()]
