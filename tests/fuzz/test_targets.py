"""What fuzzers are let loose on holds for what they begin with, and for that cut and garbled."""

import random
from collections.abc import Iterator

import pytest
from tests.fuzz.targets import TARGETS

ROUNDS = 150


def garbled(seeds: tuple[bytes, ...], chance: random.Random) -> Iterator[bytes]:
    for _ in range(ROUNDS):
        content = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 6)):
            place = chance.randrange(len(content) + 1)
            kind = chance.randrange(4)
            if kind == 0:
                del content[place : place + chance.randrange(1, 20)]
            elif kind == 1:
                content[place:place] = chance.choice(seeds)[:place]
            elif kind == 2:
                content[place : place + 1] = chance.randbytes(1)
            else:
                content[place:place] = chance.choice((b"\x00", b"NaN", b"1e400", b"[[", b'"', b"-"))
        yield bytes(content)


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    for content in (*target.seeds, *garbled(target.seeds, random.Random(name)), b""):
        target.run(content)


def test_an_archive_cut_at_any_byte_is_read_or_refused() -> None:
    content = next(each for each in TARGETS["history"].seeds if each.startswith(b"PK"))
    for end in range(2, len(content)):
        TARGETS["history"].run(content[:end])
        TARGETS["history"].run(content[:2] + content[end:])


def test_a_target_that_lets_something_through_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(content: bytes) -> None:
        raise KeyError("a bug of ours")

    monkeypatch.setattr("tests.fuzz.targets.parse", broken)
    with pytest.raises(KeyError):
        TARGETS["orders"].run(b"{}")
