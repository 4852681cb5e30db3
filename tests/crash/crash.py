"""Kills an account's process again and again: `python -m tests.crash.crash 200`.

The venue is a process of its own and survives. Every life of the account ends by SIGKILL, at a
named point or at any moment, also while it starts; the next one recovers and plays the act again.
After each restart the ledger is proved, and the account has to be what it is, after the same act,
in a run that nobody killed.
"""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from tests.crash.account import BOX, CASH, LEDGER, VENUE, Terms, live
from tests.crash.death import ON_THE_WIRE, POINT, POINTS, STARTED, Box, Death
from tests.crash.facts import Facts, Watcher, differences
from tests.crash.script import Act, Order, acts_of, series_of
from tests.simulation.regime import CLASSIC, EAGER, STEADY, Regime

from smart_leverage.brokers.base import Capabilities
from smart_leverage.brokers.sim import Mode, SimBrokerClient
from smart_leverage.brokers.sim.venue import CAPABILITIES
from smart_leverage.ledger.verify import verify

REGIMES = (CLASSIC, STEADY, EAGER)
"""Under which one world after the other is played."""
KILLS_MAX = 70
"""In one world, so that 200 kills see all three."""
ANSWER_WITHIN_S = 60.0
WRONG_SHOWN = 40
LIFE = 14
"""So many acts a process lives at most that dies at any moment; a world has room for many lives."""

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.crash.account"])


class Kill(NamedTuple):
    """One death: where, whether at a start, and whether an order was on the wire."""

    seed: int
    act: int
    where: str
    is_at_start: bool
    is_on_the_wire: bool


class Result(NamedTuple):
    """What a world of kills showed; `wrong` has a line for each thing that is not as it should."""

    kills: list[Kill]
    verified: int
    compared: int
    acts: int
    events: int
    wrong: list[str]


class House:
    """Folder and venue of one account; both survive the account's process."""

    def __init__(self, terms: Terms) -> None:
        folder = terms.folder
        folder.mkdir()
        self.terms, self.folder, self.seed = terms, folder, terms.seed
        command = [sys.executable, "-m", "smart_leverage.brokers.sim", str(folder / VENUE)]
        command += ["--file", str(folder / "venue.sqlite"), "--mode", Mode.BAR.value]
        self._venue = subprocess.Popen([*command, "--cash", str(CASH)], stdout=subprocess.PIPE)
        assert self._venue.stdout is not None
        assert self._venue.stdout.readline().startswith(b"ready"), "the venue did not start"
        self.client = SimBrokerClient(folder / VENUE)
        self.watcher = Watcher(folder / LEDGER, self.client)
        self.box = Box(folder / BOX)

    def close(self) -> None:
        """End the venue."""
        self.box.close()
        self.client.close()
        self._venue.terminate()
        self._venue.wait()
        assert self._venue.stdout is not None
        self._venue.stdout.close()


class Life:
    """One process of the account, from its start to its end."""

    def __init__(self, house: House, now_ns: int, death: Death) -> None:
        house.box.clear()
        self._pipe, theirs = CONTEXT.Pipe()
        arguments = (house.terms, now_ns, death, theirs)
        self._process = CONTEXT.Process(target=live, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def answers(self, within_s: float = ANSWER_WITHIN_S) -> bool:
        """Wait for an answer; False when the process has ended, or has not answered in time."""
        try:
            if not self._pipe.poll(within_s):
                return False
            self._pipe.recv()
        except (EOFError, ConnectionResetError):
            return False
        return True

    def ask(self, act: int) -> None:
        """Ask for an act; a process that is gone does not hear it."""
        try:
            self._pipe.send(act)
        except BrokenPipeError:
            return

    def kill(self) -> None:
        """End it, whatever it does, and wait until it is gone."""
        with suppress(ProcessLookupError):  # it was quicker
            if self._process.pid is not None and self._process.is_alive():
                os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()
        self._pipe.close()


class Killer:
    """Plays one world with kills; every act that a process did not finish is played again."""

    def __init__(self, house: House, acts: list[Act], unkilled: list[Facts], kills: int) -> None:
        self._house, self._acts, self._unkilled = house, acts, unkilled
        self._chance = Random(f"{house.seed}/kills")
        self._wanted = kills
        self._act_s, self._start_s = 0.004, 0.2
        """How long an act and a start take, so that a moment of them can be drawn."""
        self.kills: list[Kill] = []
        self.wrong: list[str] = []
        self.verified = self.compared = 0

    def play(self) -> None:
        """Go through all acts; whoever dies is followed by another."""
        number = 0
        while number < len(self._acts):
            number = self._live(number)

    def _live(self, number: int) -> int:
        """Let one process live from an act on; return the act that it did not finish.

        It dies at its point, or at any moment of its last act, which may be its start.
        """
        chance, is_doomed = self._chance, len(self.kills) < self._wanted
        death = self._death(number) if is_doomed and chance.random() < 0.6 else Death()
        last = number - 1 + chance.randrange(LIFE) if is_doomed else len(self._acts)
        last += 3 * LIFE if death.point else 0
        life = Life(self._house, self._acts[number].at_ns, death)
        began, first = time.perf_counter(), number
        try:
            if last < number:
                time.sleep(chance.uniform(0.0, 1.2 * self._start_s))
                return self._died(life, number)
            if not life.answers():
                return self._died(life, number)
            self._start_s += 0.2 * (time.perf_counter() - began - self._start_s)
            while number < len(self._acts):
                began = time.perf_counter()
                life.ask(number)
                if number == last:
                    time.sleep(chance.uniform(0.0, 1.2 * self._act_s))
                    return self._died(life, number)
                if not life.answers():
                    return self._died(life, number)
                self._act_s += 0.05 * (time.perf_counter() - began - self._act_s)
                if number == first and self.kills:
                    self._prove(number)
                number += 1
            return number
        finally:
            life.kill()

    def _death(self, number: int) -> Death:
        """Draw where it ends, orders on their way more often than the rest."""
        soon = self._acts[number : number + LIFE]
        points = [each for each in POINTS if each.startswith("order")]
        if any(isinstance(each, Order) for each in soon):
            points = [each for each in POINTS if each.startswith(("halt", "cancel"))]
        elif self._chance.random() < 0.4:
            points = list(POINTS)
        point = self._chance.choice(points)
        most = 2 if point.startswith("halt") else 40 if point == "venue asked" else 4
        return Death(point, self._chance.randrange(1, most))

    def _died(self, life: Life, number: int) -> int:
        life.kill()
        box = self._house.box
        place = box.read(POINT)
        where = POINTS[place - 1] if place else "at any moment"
        is_at_start, on_the_wire = not box.read(STARTED), bool(box.read(ON_THE_WIRE))
        self.kills.append(Kill(self._house.seed, number, where, is_at_start, on_the_wire))
        self._verify(f"world {self._house.seed}, killed {where} in act {number}")
        return number

    def _verify(self, where: str) -> None:
        """Prove what a process left, or what the next one made of it."""
        path = self._house.folder / LEDGER
        if not path.exists():
            return  # it died before it had one
        self.verified += 1
        self.wrong += [f"{where}: ledger: {fault.what}" for fault in verify(path).faults]

    def _prove(self, number: int) -> None:
        """Prove the ledger after a restart, and compare with the run that nobody killed."""
        where = f"world {self._house.seed}, act {number}"
        self._verify(where)
        found = self._house.watcher.look()
        self.compared += 1
        after = self.kills[-1].where if self.kills else "no kill"
        lines = differences(self._unkilled[number], found)
        self.wrong += [f"{where}, killed {after}: {line}" for line in lines]


def play(
    folder: Path,
    seed: int,
    kills: int,
    *,
    acts_max: int | None = None,
    capabilities: Capabilities = CAPABILITIES,
    regime: Regime = CLASSIC,
) -> Result:
    """Play a world without kills and then with them, all of it or its first acts."""
    acts = acts_of(seed, series_of(seed), regime)[:acts_max]
    with _house(Terms(folder / f"{seed}-unkilled", seed, regime=regime)) as house:
        unkilled = _unkilled(house, acts)
        wrong = [f"world {seed}, nobody killed: {line}" for line in house.watcher.broken]
    with _house(Terms(folder / f"{seed}-killed", seed, capabilities, regime)) as house:
        killer = Killer(house, acts, unkilled, kills)
        killer.play()
        wrong += killer.wrong + [f"world {seed}: {line}" for line in house.watcher.broken]
        wrong += [
            f"world {seed}, in the end: {line}"
            for line in differences(unkilled[-1], house.watcher.look())
        ]
        events = verify(house.folder / LEDGER).events
    return Result(killer.kills, killer.verified, killer.compared, len(acts), events, wrong)


def _unkilled(house: House, acts: list[Act]) -> list[Facts]:
    life, facts = Life(house, acts[0].at_ns, Death()), []
    try:
        assert life.answers(), "the account did not start"
        for number in range(len(acts)):
            life.ask(number)
            assert life.answers(), f"act {number} was not played"
            facts.append(house.watcher.look())
    finally:
        life.kill()
    return facts


@contextmanager
def _house(terms: Terms) -> Iterator[House]:
    house = House(terms)
    try:
        yield house
    finally:
        house.close()


def told(results: list[Result], spent_s: float) -> list[str]:
    """Return the lines of a report."""
    kills = [each for result in results for each in result.kills]
    wire = sum(each.is_on_the_wire for each in kills)
    where = Counter(each.where for each in kills)
    never = [point for point in POINTS if point not in where]
    acts, events = sum(each.acts for each in results), sum(each.events for each in results)
    proved = sum(each.verified for each in results)
    compared = sum(each.compared for each in results)
    return [
        f"{len(kills)} kills in {len(results)} worlds, {spent_s:.0f} s",
        f"between an order's first byte and the record of its answer: {wire}",
        f"while starting: {sum(each.is_at_start for each in kills)}",
        "where: " + ", ".join(f"{name} {count}" for name, count in where.most_common()),
        f"never died at: {', '.join(never) or 'nothing is missing'}",
        f"acts {acts:,}, journal {events:,} events",
        f"ledger proved {proved} times, after kills and after restarts",
        f"account compared {compared} times, after each restart that lived to play its act again",
    ]


def main(words: list[str]) -> int:
    """Kill so often and tell; the exit code says whether everything was equal."""
    wanted, seed = int(words[0]) if words else 200, int(words[1]) if len(words) > 1 else 1
    began, results = time.monotonic(), list[Result]()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        while (done := sum(len(each.kills) for each in results)) < wanted:
            regime = REGIMES[len(results) % len(REGIMES)]
            most = min(wanted - done, KILLS_MAX)
            result = play(Path(folder), seed + len(results), most, regime=regime)
            results.append(result)
            print(
                f"world {seed + len(results) - 1}: {len(result.kills)} kills, "
                f"{len(result.wrong)} wrong",
                file=sys.stderr,
                flush=True,
            )
            if len(results) > 50:
                break
    wrong = [line for each in results for line in each.wrong]
    print(*told(results, time.monotonic() - began), sep="\n")
    print(*wrong[:WRONG_SHOWN], sep="\n", end="\n" if wrong else "")
    kills = [each for result in results for each in result.kills]
    figures: dict[str, Any] = {
        "kills": len(kills),
        "on_the_wire": sum(each.is_on_the_wire for each in kills),
        "wrong": len(wrong),
    }
    print(json.dumps(figures))
    return 1 if wrong or len(kills) < wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
