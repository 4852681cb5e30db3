"""Lets every call that changes a file fail once: `python -m tests.power.io_errors [EVERY]`.

Each life is lived again and again, and each time another call fails, as on a disk that is full or
breaks; the next call succeeds. With EVERY only each so many-th call is tried. An account has to
deny increases once a commit has failed, go on selling whatever failed, halt when told to, and find
a sound ledger at its next start; nothing that was acknowledged may be gone.
"""

import errno
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from tests.contract.desk_in_trouble import Desk
from tests.power.calls import Call, Calls, Op
from tests.power.lives import LIVES, order
from tests.power.promises import LEDGER, Promises, marked, marks_orders
from tests.power.system import heard

from smart_leverage.domain.errors import BrokerDown, ConfigError, LedgerError
from smart_leverage.domain.orders import Role, Side
from smart_leverage.engine.events import Command
from smart_leverage.ledger.verify import verify
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.control import Answer, Request, Result, ask
from smart_leverage.wire.errors import WireError

ERRORS = (errno.EIO, errno.ENOSPC)
EXPECTED = (LedgerError, ConfigError, WireError, OSError, sqlite3.Error)
COMMITS = (LEDGER, f"{LEDGER}-wal")
WRONG_SHOWN = 40


class Failing:
    """Refuses one call, and remembers which it was."""

    def __init__(self, at: int = -1) -> None:
        self.at, self.error = at, ERRORS[at % len(ERRORS)]
        self.asked: list[Call] = []
        self.refused: Call | None = None

    def __call__(self, call: Call) -> int:
        self.asked.append(call._replace(content=b""))
        if len(self.asked) - 1 != self.at:
            return 0
        self.refused = self.asked[-1]
        return self.error


class Outcome(NamedTuple):
    """What came of one failure; `end` says in a word or two how the account went on."""

    call: Call
    error: int
    end: str
    wrong: list[str]


class Careful(Desk):
    """An account that lets go of everything when it does not start."""

    def __init__(self, folder: Path) -> None:
        try:
            super().__init__(folder)
        except EXPECTED:
            self.stop()
            raise

    def start(self) -> None:
        try:
            super().start()
        except EXPECTED:
            self.stop()
            raise

    def stop(self) -> None:
        self.control.close()
        if hasattr(self, "keeper"):
            self.keeper.close()


# --- an account -----------------------------------------------------------------------------------


def account(folder: Path, calls: Calls, failing: Failing) -> tuple[str, list[str]]:
    """Live as an account does, and look at what it does after a failure; return end and faults."""
    is_first = True
    try:
        desk = Careful(folder)
    except EXPECTED:
        # Nothing was promised yet. The next start has to succeed, and knows of no trouble.
        desk, is_first = Careful(folder), False
    marks_orders(calls, desk.venue)
    wrong = list[str]()
    try:
        for step in (_buys, _halts, _resumes, _sells, _buys):
            step(desk)
            if failing.refused is not None and is_first:
                wrong = list(_looked_at(desk, failing.refused))
                break
        end = "halted" if desk.state.trading is TradingState.HALTED else "went on"
    except EXPECTED as error:
        return "ended", [f"it ended: {type(error).__name__}: {error}"]
    finally:
        desk.stop()
    return end, [*wrong, *_started_again(desk)]


def _buys(desk: Desk) -> None:
    desk.bot.wants(Side.BUY, notional="4000")
    desk.run(2)


def _sells(desk: Desk) -> None:
    if desk.state.held():
        desk.flatten_wish()
    desk.run(2)


def _resumes(desk: Desk) -> None:
    order(desk, Command.RESUME)


def _halts(desk: Desk) -> None:
    """Have it halted over its socket, as the command line does."""
    answers = list[Answer | BrokerDown]()

    def asked() -> None:
        try:
            answers.append(ask(desk.folder, Request(Command.HALT, "ann", "to halt")))
        except BrokerDown as error:
            answers.append(error)

    person = Thread(target=asked)
    person.start()
    while person.is_alive():
        desk.run(0.2)
    assert isinstance(answers[0], Answer), f"nobody answered a halt: {answers[0]}"
    assert answers[0].result is Result.DONE, answers[0].lines


def _looked_at(desk: Desk, call: Call) -> Iterator[str]:
    """Yield what an account does after a failure that it must not do."""
    desk.heard.clear()
    sent = len(desk.venue.sent)
    _buys(desk)
    bought = [each for each in desk.venue.sent[sent:] if each.order.side is Side.BUY]
    verdicts = desk.verdicts(Side.BUY)
    if not verdicts:
        yield "a buy was not answered"
    elif call.op is not Op.OPEN and call.name in COMMITS and (bought or "denied" not in verdicts):
        yield f"a buy after a failed commit was {verdicts[-1]}"
    if any(each.written == "nowhere" for each in desk.venue.sent):
        yield "an order left, and its intent was nowhere"
    if held := dict(desk.state.held()):
        _sells(desk)
        sales = [each for each in desk.venue.sent[sent:] if each.order.role is not Role.STOP]
        if desk.state.held() or not any(each.order.side is Side.SELL for each in sales):
            yield f"{held} could not be sold"
    try:
        _halts(desk)
    except AssertionError as error:
        yield str(error)
    if desk.state.trading is not TradingState.HALTED:
        yield "a halt did not hold"


def _started_again(desk: Desk) -> Iterator[str]:
    """Yield what is wrong after a restart on a disk that works."""
    was_halted = desk.state.trading is TradingState.HALTED
    try:
        try:
            desk.start()
        except EXPECTED:  # the call that fails was one of this start
            desk.start()
        desk.run(1)
        if was_halted and desk.state.trading is not TradingState.HALTED:
            yield "after a restart the halt is gone"
        desk.agrees()
    except AssertionError:
        yield "books and venue do not agree"
    except EXPECTED as error:
        yield f"it does not start again: {error}"
    finally:
        desk.stop()
    yield from (f"the ledger is not sound: {fault.what}" for fault in verify(desk.path).faults)


# --- the rest -------------------------------------------------------------------------------------


def other(name: str, folder: Path, calls: Calls) -> tuple[str, list[str]]:
    """Live a life until something is raised; return end and what is wrong."""
    try:
        LIVES[name](folder, calls)
    except EXPECTED as error:
        return f"told: {type(error).__name__}", []
    return "went on", []


def lived(name: str, folder: Path, failing: Failing) -> tuple[str, list[str]]:
    """Live a life in which a call may fail, then ask for all that was promised."""
    folder.mkdir(mode=0o700)
    calls = Calls(folder, failing)
    with heard(calls), marked(calls):
        if name == "account":
            end, wrong = account(folder, calls, failing)
        else:
            end, wrong = other(name, folder, calls)
    promises = Promises()
    for call in calls.made:
        if call.op is Op.MARK:
            promises.hear(call)
    return end, [*wrong, *promises.faults(folder)]


def one_of_each(calls: list[Call]) -> list[int]:
    """Return the places of the first call of each kind: what is done, to which file."""
    places: dict[tuple[Op, str], int] = {}
    for place, call in enumerate(calls):
        places.setdefault((call.op, call.name), place)
    return sorted(places.values())


def calls_of(name: str, folder: Path) -> list[Call]:
    """Return the calls of a life in which none fails."""
    failing = Failing()
    end, wrong = lived(name, folder, failing)
    assert not wrong, wrong
    assert end == "went on", end
    return failing.asked


def played(name: str, places: list[int], folder: Path) -> list[Outcome]:
    """Let the calls at these places fail, each in a life of its own."""
    found = []
    for at in places:
        failing = Failing(at)
        with tempfile.TemporaryDirectory(dir=folder) as home:
            end, wrong = lived(name, Path(home) / "home", failing)
        if failing.refused is not None:  # the threads of a life do not always need as many calls
            found.append(Outcome(failing.refused, failing.error, end, wrong))
    return found


def told(name: str, outcomes: list[Outcome]) -> list[str]:
    """Return a line for each kind of call, with what came of its failures."""
    ends: dict[tuple[str, str], Counter[str]] = {}
    for each in outcomes:
        ends.setdefault((str(each.call.op), each.call.name), Counter())[each.end] += 1
    lines = [
        f"  {op:<12} {file:<26} {', '.join(f'{end} {count}' for end, count in found.items())}"
        for (op, file), found in sorted(ends.items())
    ]
    wrong = sum(bool(each.wrong) for each in outcomes)
    return [f"{name}: {len(outcomes)} calls failed, {wrong} ended wrong", *lines]


def main(words: list[str]) -> int:
    """Let all calls fail and tell; the exit code says whether all of it was stood."""
    every = int(words[0]) if words else 1
    began, tried, wrong = time.monotonic(), 0, list[str]()
    with tempfile.TemporaryDirectory(prefix="io-") as folder:
        for name in LIVES:
            count = len(calls_of(name, Path(folder) / f"{name}-clean"))
            outcomes = played(name, [*range(0, count, every)], Path(folder))
            tried += len(outcomes)
            print(*told(name, outcomes), sep="\n", flush=True)
            wrong += [
                f"{name}, {each.call.op} {each.call.name} ({errno.errorcode[each.error]}): {line}"
                for each in outcomes
                for line in each.wrong
            ]
    print(f"{tried} failures in {time.monotonic() - began:.0f} s")
    print(*wrong[:WRONG_SHOWN], sep="\n", end="\n" if wrong else "")
    print(json.dumps({"failures": tried, "wrong": len(wrong)}))
    return 1 if wrong or not tried else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
