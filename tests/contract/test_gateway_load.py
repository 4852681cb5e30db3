"""Many clients against the caps of one account, judged on the broker's side."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.wire.serving import gateway

TOOLS = Path(__file__).parents[2] / "benchmarks" / "gateway"
SETTINGS = "[server]\nrequests_per_s = 1000000\nrequests_burst = 1000000\nsimilar_max = 1000000\n"


def run(tool: str, *words: object, **keys: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOLS / tool), *map(str, words)],
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        check=False,
    )


class Loaded(NamedTuple):
    """An account that has ended after a load: where it is, and what its clients were told."""

    folder: Path
    prices: Path
    told: Path
    figures: dict[str, Any]

    def audit(self, told: Path | None = None) -> tuple[int, list[str], dict[str, Any]]:
        done = run("audit.py", self.folder, self.prices, told or self.told)
        *broken, last = done.stdout.splitlines()
        return done.returncode, broken, json.loads(last)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Let 64 clients trade on an account of the usual size: its caps are reached soon."""
    place = tmp_path_factory.mktemp("load")
    told, prices = place / "told", place / "prices.csv"
    with gateway(place, settings=SETTINGS) as served:
        key_id, secret = served.keys["bot"]
        port = served.url.rsplit(":", 1)[1]
        wanted = ("--seconds", 8, "--small", 400, "--told", told)
        done = run("load.py", port, *wanted, LOAD_KEY_ID=key_id, LOAD_SECRET=secret)
        assert done.returncode == 0, done.stderr
    assert run("prices.py", served.folder, prices).returncode == 0
    return Loaded(served.folder, prices, told, json.loads(done.stdout.splitlines()[-1]))


def test_no_cap_is_broken_and_no_order_is_lost_or_doubled(loaded: Loaded) -> None:
    code, broken, counts = loaded.audit()
    assert broken == []
    assert code == 0
    assert counts["orders_at_venue"] > 0
    assert counts["fills"] > 0


def test_some_of_it_passes_and_some_does_not(loaded: Loaded) -> None:
    figures = loaded.figures
    assert set(figures["statuses"]) == {"200", "403"}
    assert min(figures["approved"], figures["denied"]) > 0
    assert min(figures["approved_sides"]["buy"], figures["approved_sides"]["sell"]) > 0


def test_the_caps_were_reached(loaded: Loaded) -> None:
    """Or the audit would say little: a cap that nobody came near cannot be broken."""
    _, _, counts = loaded.audit()
    assert float(counts["highest_crypto"]) > 0.2


# -- the auditor finds what it is there for --------------------------------------------------------


def changed(loaded: Loaded, tmp_path: Path, **change: Any) -> Path:
    """Return what the clients were told, with one answer told otherwise."""
    lines = [json.loads(line) for line in loaded.told.read_text().splitlines()]
    place = next(n for n, line in enumerate(lines) if line[4] == change["was"])
    lines[place : place + 1] = [] if change["is_now"] is None else [change["is_now"](lines[place])]
    told = tmp_path / "told"
    told.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return told


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(
            {"was": 200, "is_now": None}, "nobody asked", id="an-order-nobody-was-told-of"
        ),
        pytest.param(
            {"was": 200, "is_now": lambda line: [*line[:4], 403, ""]}, "told 403", id="told-denied"
        ),
        pytest.param(
            {"was": 403, "is_now": lambda line: [*line[:4], 200, "an id"]}, "lost", id="lost"
        ),
    ],
)
def test_an_answer_that_is_not_true_is_found(
    loaded: Loaded, tmp_path: Path, change: dict[str, Any], found: str
) -> None:
    code, broken, _ = loaded.audit(changed(loaded, tmp_path, **change))
    assert code == 1
    assert len(broken) == 1
    assert found in broken[0]


def test_a_purchase_beyond_a_cap_is_found(loaded: Loaded, tmp_path: Path) -> None:
    """The same run, but a purchase was a hundred times as large."""
    for name in ("broker.sqlite", "ledger.sqlite"):
        with (
            closing(sqlite3.connect(loaded.folder / name)) as source,
            closing(sqlite3.connect(tmp_path / name)) as copy,
        ):
            source.backup(copy)
    with closing(sqlite3.connect(tmp_path / "broker.sqlite")) as copy:
        copy.execute("UPDATE orders SET qty = qty * 1000 WHERE number = 1 AND side = 'buy'")
        assert copy.total_changes == 1
        copy.commit()
    code, broken, _ = loaded._replace(folder=tmp_path).audit()
    assert code == 1
    assert any("crypto" in line for line in broken)
