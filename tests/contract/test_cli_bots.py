"""The commands that give bots their keys, on an account that stands still."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smart_leverage.domain.bots import authentic
from smart_leverage.domain.records import SeatChanged, decode
from smart_leverage.ledger.reader import Reader

NAME = "own"


PROGRAM = str(Path(sys.executable).with_name("smart-leverage"))


class Home:
    """An account that nobody runs, and its admin token in a file."""

    def __init__(self, place: Path) -> None:
        self.place = place
        made = self.run("run", "--name", NAME, "--strategy", "none", "--for", "0.1")
        said = made.stderr.splitlines()
        token = next(line for line in said if line.startswith("admin token"))
        (place / "token.txt").write_text(token.split()[-1])

    @property
    def account(self) -> Path:
        return self.place / "runs" / NAME

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [PROGRAM, *words], cwd=self.place, capture_output=True, text=True, check=False
        )

    def bots(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.run("bots", *words, "--ledger", f"runs/{NAME}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


def seats(home: Home) -> list[SeatChanged]:
    with Reader.open(home.account / "ledger.sqlite") as reader:
        records = [decode(entry.payload) for entry in reader.entries()]
    return [one for one in records if isinstance(one, SeatChanged)]


def added(home: Home, *options: str) -> dict[str, str]:
    words = ("add", "grid", "--reason", "trial", "--token-file", "token.txt", "--json")
    done = home.bots(*words, *options)
    assert done.returncode == 0, done.stderr
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_keys_are_given_once_and_only_their_hash_is_kept(home: Home) -> None:
    told = added(home, "--share", "0.5", "--symbols", "BTCUSD,SPY", "--scope", "trade")
    seat = seats(home)[-1].seat
    assert (seat.bot, str(seat.share)) == ("grid", "0.5")
    assert seat.symbols == ("crypto:BTC/USD", "us_equity:SPY")
    known = {seat.token_id: seat}
    assert authentic(known, told["key_id"], told["secret"], 0) == seat
    assert authentic(known, told["key_id"], told["secret"] + "x", 0) is None
    assert authentic(known, "SLKNOBODY", told["secret"], 0) is None
    for file in home.account.iterdir():
        if file.is_file():
            assert told["secret"].encode() not in file.read_bytes()


def test_a_list_tells_and_a_revoked_key_opens_nothing(home: Home) -> None:
    told = added(home)
    assert told["key_id"] in home.bots("list").stdout
    done = home.bots("revoke", "grid", "--reason", "lost")
    assert done.returncode == 0, done.stderr
    seat = seats(home)[-1].seat
    assert seat.is_revoked
    assert authentic({seat.token_id: seat}, told["key_id"], told["secret"], 0) is None
    assert home.bots("revoke", "grid", "--reason", "lost").returncode == 5


@pytest.mark.parametrize(
    "words",
    [
        ["grid", "--share", "2"],
        ["grid", "--share", "-0.1"],
        ["grid", "--share", "NaN"],
        ["grid", "--scope", "everything"],
        ["house"],
        ["external"],
        ["two words"],
    ],
)
def test_what_is_no_seat_is_refused_and_nothing_is_kept(home: Home, words: list[str]) -> None:
    before = len(seats(home))
    done = home.bots("add", *words, "--reason", "trial", "--token-file", "token.txt")
    assert done.returncode == 5, done.stderr
    assert len(seats(home)) == before


def test_only_an_admin_gives_keys(home: Home) -> None:
    (home.place / "wrong.txt").write_text("not the token")
    done = home.bots("add", "grid", "--reason", "trial", "--token-file", "wrong.txt")
    assert done.returncode == 5
    assert "admin token" in done.stdout
