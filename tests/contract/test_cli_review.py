"""`review` as users start it: what it writes, what may be signed, and what is refused."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contract.forked import Done, told
from tests.contract.test_cli_control import Account
from tests.simulation.desk import ETH, KO, Desk

from smart_leverage.domain.clock import DAY_NS, SystemClock
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.phases import SIGNED
from smart_leverage.domain.proposals import LIFE_NS, Proposal, sealed
from smart_leverage.domain.records import LimitChanged, Noted, decode
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger

LEARNING = "tiers.learning.crypto_cap"
SYMBOL = "limits.symbol_cap"


def kept(home: Path, desk: Desk) -> Path:
    """Put what a desk has recorded where an account lies; return that place."""
    folder = home / "runs" / "live"
    folder.mkdir(parents=True)
    with SqliteLedger(folder / "ledger.sqlite") as ledger:
        ledger.commit(desk.records)
    return home


def troubled(now_ns: int) -> Desk:
    """Return an account of nine days, two of which reached the loss limit of a day."""
    desk = Desk(now_ns=now_ns, holdings={KO: "800"}, cash=52_000, enforcement="observe")
    for number in range(9):
        for price in ("55", "55", "60", "60") if number in (3, 6) else ("60",):
            desk.prices({KO: price})
            desk.wait(60)
        desk.wait(86_400 - (240 if number in (3, 6) else 60))
    desk.wait(-3_600)
    desk.prices()
    return desk


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return where an account lies at rest that two of its nine days have hurt."""
    return kept(tmp_path, troubled(SystemClock().now_ns() - 9 * DAY_NS))


def review(home: Path, *words: str, stdin: str = "") -> Done:
    return told(home, "review", "runs/live", *words, stdin=stdin)


def proposed(home: Path) -> Path:
    """Let the proposal of the day be written; return its file."""
    done = review(home, "--out", "proposals", "-q")
    assert done.code in (0, 6), done.err
    return max((home / "proposals").glob("*.json"))


def sign(home: Path, file: Path, *words: str, stdin: str = "") -> Done:
    return review(home, "--sign", str(file), "--reason", "read it", *words, stdin=stdin)


@contextmanager
def running(account: Account) -> Iterator[None]:
    """Let an account run, and end it with its broker."""
    account.start()
    try:
        yield
    finally:
        account.stop(signal.SIGKILL)
        for note in account.home.glob("runs/*/broker.pid"):
            os.kill(int(note.read_text()), signal.SIGKILL)


def recorded(home: Path) -> list[Any]:
    with Reader.open(home / "runs/live/ledger.sqlite") as reader:
        return [decode(entry.payload) for entry in reader.entries()]


def test_it_measures_and_proposes_and_changes_nothing(home: Path) -> None:
    before = recorded(home)
    done = review(home, "--out", "proposals", "--days", "3")
    assert done.code == 6
    assert "■ missed            trips          loss limit of the day" in done.out
    shown = done.out.splitlines()
    assert shown.index("--- limits in force") + 1 == shown.index("+++ limits proposed")
    assert {"-tiers.learning.crypto_cap = 0.25", "+tiers.learning.crypto_cap = 0.2"} < set(shown)
    assert "tighter; day trips: 2 days with a trip in 30 days" in done.out
    assert "9.0 of them there" in done.out
    assert "\n3 days, " in done.out
    assert max(map(len, done.out.splitlines())) <= 100
    text, file = sorted((home / "proposals").iterdir(), reverse=True)
    assert text.read_text() == done.out
    assert json.loads(file.read_text())["proposal"]["changes"][0]["rule"] == "day trips"
    assert recorded(home) == before
    as_json = review(home, "--json").json
    assert [each["days"] for each in as_json["windows"]] == [7, 30]
    assert all(line["source"] and line["until"] for line in as_json["windows"][0]["lines"])
    assert as_json["rules"][0]["rule"] == "day trips"


def test_a_signature_tightens_at_once_stands_in_the_journal_and_is_asked_once(home: Path) -> None:
    assert "due since" in told(home, "status", "--ledger", "runs/live").out
    file = proposed(home)
    done = sign(home, file)
    assert done.code == 0, done.err
    assert f"{LEARNING} 25 % → 20 %, in force now" in done.out
    records = recorded(home)
    changes = [each for each in records if isinstance(each, LimitChanged)]
    seal = json.loads(file.read_text())["proposal"]["seal"]
    assert {each.reason for each in changes} == {f"read it (proposal {seal[:12]})"}
    notes = [each.text for each in records if isinstance(each, Noted) and each.code == SIGNED]
    assert [text.partition(":")[0][:6] for text in notes] == ["7 days", "propos"]
    assert seal in notes[-1]
    for words in (("status",), ("plan", "show")):
        shown = told(home, *words, "--ledger", "runs/live").out
        assert "7 days, next due" in shown
        assert "signed by" in shown
    again = sign(home, file)
    assert (again.code, "the limits have changed since" in again.out) == (5, True)
    after = review(home)
    assert (after.code, "no limit should change" in after.out) == (0, True)
    assert told(home, "ledger", "verify", "runs/live").code == 0


def test_what_was_tampered_with_or_made_up_is_refused(home: Path) -> None:
    file = proposed(home)
    text = file.read_text()
    file.write_text(text.replace('"after": "0.2"', '"after": "0.24"'))
    changed = sign(home, file)
    assert (changed.code, "not as it was sealed" in changed.out) == (5, True)
    file.write_text(text.replace("2 days with a trip", "9 days with a trip"))
    assert "not as it was sealed" in sign(home, file, "--json").json["lines"][0]
    made_up = json.loads(text)
    given = made_up["proposal"] | {"changes": [], "phases": []}
    given["until_ns"] += 1
    made_up["proposal"] = given | {"seal": sealed(Proposal(**_tuples(given))).seal}
    file.write_text(json.dumps(made_up))
    forged = sign(home, file)
    assert (forged.code, "this ledger does not give it" in forged.out) == (5, True)
    file.write_text("{}")
    assert (sign(home, file).code, sign(home, home / "none.json").code) == (1, 1)
    assert review(home, "--sign", str(file)).code == 2  # without a reason
    assert not [each for each in recorded(home) if isinstance(each, LimitChanged)]


def _tuples(given: dict[str, Any]) -> dict[str, Any]:
    return given | {"changes": tuple(given["changes"]), "phases": tuple(given["phases"])}


def test_evidence_that_has_expired_is_refused(tmp_path: Path) -> None:
    long_ago = SystemClock().now_ns() - 9 * DAY_NS - LIFE_NS
    home = kept(tmp_path, troubled(long_ago))
    assert "it cannot be signed, its evidence is too old" in review(home).out
    done = sign(home, proposed(home))
    assert (done.code, "its evidence has expired" in done.out) == (5, True)


def test_what_is_looser_is_proposed_to_a_proven_record_and_waits_for_token_and_broker(
    tmp_path: Path,
) -> None:
    home = kept(tmp_path, _proven())
    # As it was governed before: a switch that turns on at a start is a change of a limit.
    (home / "smart-leverage.toml").write_text('[policy]\npreset = "classic"\n')
    assert f"+{SYMBOL} = 0.1\n" in review(home).out
    file = proposed(home)
    assert (
        "looser, with the admin token and after the delay" in file.with_suffix(".txt").read_text()
    )
    done = sign(home, file)
    assert (done.code, "would be looser, and books and broker were not compared" in done.out) == (
        5, True,
    )  # fmt: skip
    assert len([each for each in recorded(home) if isinstance(each, LimitChanged)]) == 1
    account = Account(home)
    with running(account):
        file = proposed(home)
        bare = sign(home, file)
        assert (bare.code, "needs the admin token" in bare.out) == (5, True)
        done = sign(home, file, "--token-file", "-", stdin=account.token)
        assert done.code == 0, done.out + done.err
        assert f"{SYMBOL} 8 % → 10 %, from " in done.out
        assert account.json("limits", "show")["numbers"]["limits"]["symbol_cap"] == "0.08"
        [pending] = account.json("limits", "show")["pending"]
        assert pending["reason"].startswith("read it (proposal ")
        assert "nothing is loosened: a limit was changed within 30 days" in review(home).out


def _proven() -> Desk:
    """Return an account of fifty days: a cap was tightened, an order meets it, 56 % of trades win.

    They win twice of what the others lose, so that the evidence proves the tier that is granted.
    """
    desk = Desk(now_ns=SystemClock().now_ns() - 50 * DAY_NS)
    desk.limit(f"{SYMBOL}=0.08")
    for number in range(50):
        desk.prices()
        desk.signal(ETH)
        desk.fill(desk.take(Role.SIGNAL), desk.price[ETH])
        stop = desk.take(Role.STOP)
        desk.wait(60)
        desk.prices()
        desk.signal(ETH, Side.SELL)
        desk.end(stop)
        desk.fill(desk.take(Role.SIGNAL), "2475" if number % 9 % 2 else "2550")
        desk.wait(86_000)
    desk.prices()
    desk.flow(str(100_000 - desk.state.book.cash))  # as much as a new broker has
    assert desk.buy(KO, "150").reason == "cap_symbol"
    return desk


def test_an_account_that_runs_takes_it_through_its_socket(home: Path) -> None:
    account = Account(home)
    with running(account):
        file = proposed(home)
        done = sign(home, file, "--json")
        assert done.code == 0, done.out + done.err
        assert "no process runs" not in done.err
        assert f"{LEARNING} 25 % → 20 %, in force now" in done.json["lines"]
        assert sign(home, file).code == 5
        assert account.json("limits", "show")["numbers"]["tiers"]["learning"]["crypto_cap"] == "0.2"
