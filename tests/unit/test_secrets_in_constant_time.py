"""How long a refusal takes tells nothing of what is kept: counted at each door, and measured."""

import hmac
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import pytest

from smart_leverage.domain.bots import Scope, Seat, authentic, digest
from smart_leverage.runtime.admin import is_admin, new_token
from smart_leverage.runtime.people.links import make, redeem
from smart_leverage.runtime.people.sessions import begin, find
from smart_leverage.server.desk.steering import keys
from smart_leverage.server.desk.steering.forms import check_csrf
from smart_leverage.wire.errors import WireError

NOW = 1_700_000_000_000_000_000
SECRET = "the-secret-that-was-guessed"


def seat_of(secret_sha256: str) -> Seat:
    return Seat(bot="b", token_id="SLK", secret_sha256=secret_sha256, scopes=(Scope.TRADE,))


# -- at each door ---------------------------------------------------------------------------------


def bots(folder: Path) -> tuple[Callable[[str], object], str]:
    seats = {"SLK": seat_of(digest("right"))}

    def enter(text: str) -> object:
        key_id, _, secret = text.partition(".")
        return authentic(seats, key_id, secret, NOW)

    return enter, "SLK.right"


def admin(folder: Path) -> tuple[Callable[[str], object], str]:
    with new_token(folder) as token:
        pass
    return lambda text: is_admin(folder, text.partition(".")[2]), f".{token}"


def session(folder: Path) -> tuple[Callable[[str], object], str]:
    token = begin(folder, "ann", (Scope.READ,), "link", NOW)
    return lambda text: find(folder, text, NOW), token


def link(folder: Path) -> tuple[Callable[[str], object], str]:
    made = make(folder, "ann", (Scope.READ,), NOW)
    return lambda text: redeem(folder, text, NOW), made


@pytest.mark.parametrize("door", [bots, admin, session, link])
def test_each_door_compares_digests_once_whoever_comes(
    door: Callable[[Path], tuple[Callable[[str], object], str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An unknown name, a wrong secret and the right one: none is told sooner than another."""
    enter, right = door(tmp_path)
    name, _, secret = right.partition(".")
    lengths: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def counted(one: Any, other: Any) -> bool:
        lengths.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    unknown = f"{name}.{secret[::-1]}" if not name else f"nobody.{secret}"
    for text, is_let_in in ((unknown, False), (f"{name}.{secret[:-1]}", False), (right, True)):
        lengths.clear()
        assert bool(enter(text)) is is_let_in
        assert lengths == [(64, 64)]


@pytest.mark.parametrize("given", ["", "x", "right"])
def test_what_proves_a_form_is_compared_the_same_way(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared, compare = [], hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    key = keys.issue("proof", "halt")
    keys.check(key, "proof", "halt")
    with pytest.raises(WireError):
        keys.check(f"{key[:-1]}~", "proof", "halt")
    if given:
        with pytest.raises(WireError):
            check_csrf(given, "other")
    assert len(compared) == 2 + bool(given)


# -- measured -------------------------------------------------------------------------------------

Check = Callable[[Mapping[str, Seat], str, str, int], object]

ROUNDS, CALLS = 600, 10
APART = 0.10
"""Further apart than this part of it, two medians are not the same time."""


def others(hexdigits: str, place: int) -> str:
    """Return a digest that differs at one place only."""
    other = "0" if hexdigits[place] != "0" else "1"
    place %= len(hexdigits)
    return f"{hexdigits[:place]}{other}{hexdigits[place + 1 :]}"


RIGHT = digest(SECRET)
CASES: Mapping[str, tuple[Mapping[str, Seat], str]] = {
    "unknown": ({"SLK": seat_of(RIGHT)}, "SLX"),
    "first": ({"SLK": seat_of(others(RIGHT, 0))}, "SLK"),
    "last": ({"SLK": seat_of(others(RIGHT, -1))}, "SLK"),
}


def apart(check: Check) -> float:
    """Return how far the slowest kind of refusal is from the fastest, part of the fastest."""
    times: dict[str, list[int]] = {name: [] for name in CASES}
    order, chance = list(CASES), Random(7)
    for _ in range(ROUNDS):
        chance.shuffle(order)  # so that what slows the machine down slows all kinds down
        for name in order:
            seats, key_id = CASES[name]
            began = time.perf_counter_ns()
            for _ in range(CALLS):
                check(seats, key_id, SECRET, NOW)
            times[name].append(time.perf_counter_ns() - began)
    middles = [median(each) for each in times.values()]
    return max(middles) / min(middles) - 1.0


def test_a_refusal_takes_as_long_whether_the_name_or_the_first_or_the_last_digit_is_wrong() -> None:
    assert min(apart(authentic) for _ in range(3)) < APART


def _knows_names(seats: Mapping[str, Seat], key_id: str, secret: str, now_ns: int) -> object:
    return authentic(seats, key_id, secret, now_ns) if key_id in seats else None


def _digit_by_digit(seats: Mapping[str, Seat], key_id: str, secret: str, now_ns: int) -> object:
    kept = seats.get(key_id, seat_of("0" * 64)).secret_sha256
    return all(one == other for one, other in zip(kept, digest(secret), strict=True))


@pytest.mark.parametrize("leaky", [_knows_names, _digit_by_digit])
def test_the_measure_sees_what_leaks(leaky: Check) -> None:
    assert min(apart(leaky) for _ in range(3)) > 2.0 * APART
