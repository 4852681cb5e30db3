"""Cuts the power of a life again and again: `python -m tests.power.power_loss 5000`.

Each life is lived once and every call that changes a file is kept, those of SQLite too. Of these
calls a disk is made as it may look when the power goes at one of them, and the product opens it.
"""

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.power.calls import Call, Calls, Op
from tests.power.disk import Disk, Loss, differences, replayed
from tests.power.lives import LIVES, lived
from tests.power.promises import Promises

SHARES = {"account": 0.5, "ledger": 0.3, "household": 0.2}
"""How many of the images are of each life."""
WRONG_SHOWN = 40
LOSSES = (Loss.ALL, Loss.ANY, Loss.TAIL, Loss.GARBAGE, Loss.ANY, Loss.NOTHING)


class Cut(NamedTuple):
    """When the power goes, and what the disk does then; an edge is right at a sync or a promise."""

    at: int
    loss: Loss
    is_edge: bool


class Result(NamedTuple):
    """What the images of one life showed."""

    name: str
    calls: int
    syncs: int
    edges: int
    cuts: list[Cut]
    edges_met: int
    asked: Counter[str]
    wrong: list[str]


def cuts_of(calls: list[Call], count: int, chance: Random) -> list[Cut]:
    """Draw when the power goes: at every sync and promise in turn, and as often anywhere."""
    edges = edges_of(calls)
    chance.shuffle(edges)
    places = [(edges[number // 2 % len(edges)], True) for number in range(0, count, 2)]
    places += [(chance.randrange(len(calls) + 1), False) for _ in range(count // 2)]
    cuts = [
        Cut(at, LOSSES[number % len(LOSSES)], is_edge)
        for number, (at, is_edge) in enumerate(places[:count])
    ]
    return sorted(cuts)


def edges_of(calls: list[Call]) -> list[int]:
    """Return the places before each sync, where most may be lost, and after each promise."""
    found = {number for number, call in enumerate(calls) if call.op in (Op.SYNC, Op.SYNC_FOLDER)}
    found |= {number + 1 for number, call in enumerate(calls) if call.op is Op.MARK}
    return sorted(found)


def play(name: str, count: int, seed: int, folder: Path) -> Result:
    """Live a life and judge so many images of it."""
    chance, home = Random(f"{seed}/{name}"), folder / name
    home.mkdir(mode=0o700, parents=True)
    calls = lived(name, home)
    unheard = differences(replayed(calls.made), home)
    wrong = [f"{name}: calls for {each} were not heard" for each in unheard]
    promises, cuts = Promises(), cuts_of(calls.made, count, chance)
    for cut, found in _judged(calls, cuts, promises, chance, folder / "image"):
        where = _described(calls.made, cut.at)
        wrong += [f"{name}, {cut.at} {where}, lost {cut.loss}: {line}" for line in found]
    edges = edges_of(calls.made)
    syncs = sum(call.op in (Op.SYNC, Op.SYNC_FOLDER) for call in calls.made)
    met = len({cut.at for cut in cuts if cut.is_edge})
    return Result(name, len(calls.made), syncs, len(edges), cuts, met, promises.asked, wrong)


def _judged(
    calls: Calls, cuts: list[Cut], promises: Promises, chance: Random, image: Path
) -> Iterator[tuple[Cut, list[str]]]:
    disk, made = Disk(), 0
    for cut in cuts:
        for call in calls.made[made : cut.at]:
            disk.take(call)
            if call.op is Op.MARK:
                promises.hear(call)
        made = cut.at
        disk.cut(cut.loss, chance).put(image)
        yield cut, promises.faults(image)
        shutil.rmtree(image)


def _described(calls: list[Call], at: int) -> str:
    if at == len(calls):
        return "at the end"
    call = calls[at]
    what = call.content.decode()[:40] if call.op is Op.MARK else call.name
    return f"before {call.op} {what}".rstrip()


def told(results: list[Result], spent_s: float) -> list[str]:
    """Return the lines of a report."""
    cuts = [cut for result in results for cut in result.cuts]
    losses = Counter(cut.loss for cut in cuts)
    asked = sum((result.asked for result in results), Counter[str]())
    lines = [f"{len(cuts)} disks as a power cut may leave them, {spent_s:.0f} s"]
    lines += [
        f"{each.name}: {each.calls} calls, {each.syncs} syncs; {len(each.cuts)} disks, "
        f"at {each.edges_met} of {each.edges} syncs and promises, and anywhere; "
        f"{len(each.wrong)} wrong"
        for each in results
    ]
    return [
        *lines,
        "lost: " + ", ".join(f"{loss.value} {count}" for loss, count in losses.most_common()),
        "asked: " + ", ".join(f"{what} {count:,}" for what, count in asked.most_common()),
    ]


def main(words: list[str]) -> int:
    """Cut so often and tell; the exit code says whether every promise was kept."""
    wanted, seed = int(words[0]) if words else 200, int(words[1]) if len(words) > 1 else 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="power-") as folder:
        results = [
            play(name, max(1, round(wanted * SHARES[name])), seed, Path(folder)) for name in LIVES
        ]
    wrong = [line for each in results for line in each.wrong]
    print(*told(results, time.monotonic() - began), sep="\n")
    print(*wrong[:WRONG_SHOWN], sep="\n", end="\n" if wrong else "")
    images = sum(len(each.cuts) for each in results)
    asked = sum(sum(each.asked.values()) for each in results)
    print(json.dumps({"images": images, "asked": asked, "wrong": len(wrong)}))
    return 1 if wrong or not asked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
