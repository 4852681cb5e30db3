"""The commands of data, as processes: against the desk's own market, and killed in the middle."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tests.wire.bars_server import paged, serving
from tests.wire.desk_server import BTC, KEYS, SPY, Desk, desk
from tests.wire.serving import PROGRAM

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.market_rows import Span
from smart_leverage.domain.registry import Registry
from smart_leverage.market.download.store import open_series
from smart_leverage.market.files import load
from smart_leverage.market.tape import Tape

WITHIN_S = 60.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("desk")) as running:
        yield running


def data(
    place: Path, *arguments: str, code: int = 0, keys: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Run a command and return the objects that it wrote."""
    done = subprocess.run(
        [PROGRAM, "data", *arguments, "--store", str(place / "prices"), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
        cwd=place,
        env={**os.environ, **(keys or {})},
    )
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_coins_of_our_own_market_arrive_bar_for_bar(served: Desk, tmp_path: Path) -> None:
    since, until = served.first_day, served.first_day + timedelta(days=2)
    span = ("--since", since.isoformat(), "--until", until.isoformat())
    (got,) = data(tmp_path, "get", "alpaca", BTC, "1m", *span, "--url", served.url)
    assert (got["rows"], got["bars"], got["findings"]) == (2 * 1440, 2 * 1440, [])
    (held,) = data(tmp_path, "list")
    assert (held["source"], held["rows"]) == ("alpaca", 2 * 1440)
    (one,) = load([tmp_path / held["series"]], Registry.builtin())
    market = served.of(BTC)
    assert list(one.closes) == list(market.closes[: len(one)])
    assert list(one.starts) == list(market.starts[: len(one)])
    assert data(tmp_path, "check")[0]["is_sound"]
    (again,) = data(tmp_path, "get", "alpaca", BTC, "1m", *span, "--url", served.url)
    assert (again["fetched"], again["bars"]) == (0, 0)


def test_shares_need_keys_and_come_in_their_sessions(served: Desk, tmp_path: Path) -> None:
    keys = {"APCA_API_KEY_ID": KEYS[0], "APCA_API_SECRET_KEY": KEYS[1]}
    since = served.first_day.isoformat()
    asked = ("get", "alpaca", SPY, "5m", "--since", since, "--url", served.url)
    now_ns = time.time_ns() - HOUR_NS
    sessions = Sessions.xnys().between(served.first_day, datetime.now(UTC).date())
    over = [each for each in sessions if each.close_ns < now_ns]
    (got,) = data(tmp_path, *asked, keys=keys)
    assert got["rows"] >= sum(each.minutes for each in over) / 5
    (one,) = load([tmp_path / got["series"]], Registry.builtin())
    assert one.starts[0] == over[0].open_ns
    assert one.holes.count == 0
    wrong = {**keys, "APCA_API_SECRET_KEY": "another"}
    assert data(tmp_path, *asked, "--again", code=1, keys=wrong) == []


def test_a_kill_in_the_middle_keeps_what_is_complete(tmp_path: Path) -> None:
    first = datetime(2024, 1, 1, tzinfo=UTC)
    bars = [
        {"t": (first + timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%SZ"),
         "o": 9.0, "h": 9.5, "l": 8.5, "c": 9.25, "v": 1.0}
        for n in range(24 * 60)
    ]  # fmt: skip
    reached, goes_on = Event(), Event()

    def answers(path: str, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if query["start"] >= "2024-02":
            reached.set()
            goes_on.wait(WITHIN_S)
        return 200, {}, paged(BTC, bars, query, 500)

    span = ("--since", "2024-01-01", "--until", "2024-03-01")
    with serving(answers) as server:
        asked = ["data", "get", "alpaca", BTC, "1h", *span, "--url", server.url]
        with subprocess.Popen([PROGRAM, *asked], cwd=tmp_path, stderr=subprocess.DEVNULL) as one:
            assert reached.wait(WITHIN_S)
            one.send_signal(signal.SIGKILL)
        goes_on.set()
        (held,) = data(tmp_path, "list")
        assert (held["rows"], held["parts_held"]) == (24 * 31, 1)
        (got,) = data(tmp_path, "get", "alpaca", BTC, "1h", *span, "--url", server.url)
    assert (got["kept"], got["fetched"], got["rows"]) == (1, 1, 24 * 60)
    assert got["findings"] == []


def test_holes_leave_with_six_until_they_were_asked_for_again(tmp_path: Path) -> None:
    first = datetime(2024, 1, 1, tzinfo=UTC)
    times = [first + timedelta(hours=n) for n in range(96) if n not in (30, 31)]
    bars = [
        {"t": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "o": 9.0, "h": 9.5, "l": 8.5, "c": 9.25, "v": 1.0}
        for at in times
    ]
    span = ("--since", "2024-01-01", "--until", "2024-01-05")
    with serving(lambda path, query: (200, {}, paged(BTC, bars, query, 500))) as server:
        data(tmp_path, "get", "alpaca", BTC, "1h", *span, "--url", server.url)
        (found,) = data(tmp_path, "check", code=6)
        assert [(one["kind"], one["number"]) for one in found["findings"]] == [("holes", 1)]
        (done,) = data(tmp_path, "repair", "--url", server.url)
    assert done["bars"] == 0
    assert done["empty"] == [
        {"from": "2024-01-02 06:00:00Z", "until": "2024-01-02 08:00:00Z", "bars": 2}
    ]
    assert data(tmp_path, "check")[0]["is_sound"]


def test_quotes_of_our_own_market_arrive_one_for_one(served: Desk, tmp_path: Path) -> None:
    midnight = datetime.combine(served.first_day, datetime.min.time(), UTC) + timedelta(days=1)
    since, until = midnight - timedelta(hours=3), midnight + timedelta(minutes=30)
    span = ("--since", since.isoformat(), "--until", until.isoformat(), "--url", served.url)
    (got,) = data(tmp_path, "get", "alpaca", BTC, "quotes", *span)
    count = 3 * 3600 + 30 * 60
    assert (got["rows"], got["quotes"], got["fetched"], got["findings"]) == (count, count, 2, [])
    (held,) = data(tmp_path, "list")
    assert (held["step"], held["rows"], held["parts_held"]) == ("quotes", count, 2)
    series = open_series(tmp_path / held["series"])
    rows = [row for part in series.manifest.parts.values() for row in series.rows(part)]
    first_ns, until_ns = (int(at.timestamp()) * 10**9 for at in (since, until))
    tape = Tape(served.of(BTC), is_whole=False)
    assert rows == list(tape.quotes(Span(first_ns, until_ns - 1)))
    assert data(tmp_path, "check")[0]["is_sound"]
    (again,) = data(tmp_path, "get", "alpaca", BTC, "quotes", *span)
    assert (again["kept"], again["fetched"], again["quotes"]) == (2, 0, 0)


def test_quotes_of_shares_need_keys(served: Desk, tmp_path: Path) -> None:
    keys = {"APCA_API_KEY_ID": KEYS[0], "APCA_API_SECRET_KEY": KEYS[1]}
    now = datetime.now(UTC).date()
    over = list(Sessions.xnys().between(served.first_day, now - timedelta(days=1)))
    first = datetime.fromtimestamp(over[0].open_ns // 10**9, UTC)
    span = ("--since", first.isoformat(), "--until", (first + timedelta(minutes=30)).isoformat())
    asked = ("get", "alpaca", SPY, "quotes", *span, "--url", served.url)
    (got,) = data(tmp_path, *asked, keys=keys)
    assert (got["source"], got["rows"]) == ("alpaca-sip", 1800)
    wrong = {**keys, "APCA_API_SECRET_KEY": "another"}
    assert data(tmp_path, *asked, "--again", code=1, keys=wrong) == []


def test_a_kill_keeps_finished_days_of_quotes_and_repair_fetches_lost_ones(tmp_path: Path) -> None:
    first = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [
        {"t": (first + timedelta(minutes=n)).strftime("%Y-%m-%dT%H:%M:%SZ"),
         "bp": 9.0, "bs": 0.5, "ap": 9.25, "as": 1}
        for n in range(1440 * 4)
    ]  # fmt: skip
    lost = rows[1440 : 2 * 1440]
    del rows[1440 : 2 * 1440]
    reached, goes_on = Event(), Event()

    def answers(path: str, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if query["start"] >= "2024-01-03" and query.get("page_token"):
            reached.set()
            goes_on.wait(WITHIN_S)
        return 200, {}, paged(BTC, rows, query, 500, "quotes")

    asked = ("get", "alpaca", BTC, "quotes", "--since", "2024-01-01", "--until", "2024-01-05")
    with serving(answers) as server:
        command = [PROGRAM, "data", *asked, "--url", server.url]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as one:
            assert reached.wait(WITHIN_S)
            one.send_signal(signal.SIGKILL)
        goes_on.set()
        (held,) = data(tmp_path, "list")
        assert (held["rows"], held["parts_held"]) == (1440, 2)
        (got,) = data(tmp_path, *asked, "--url", server.url)
        assert (got["kept"], got["fetched"], got["rows"]) == (2, 2, 3 * 1440)
        (found,) = data(tmp_path, "check", code=6)
        assert [(one["kind"], one["number"]) for one in found["findings"]] == [("holes", 1)]
        (done,) = data(tmp_path, "repair", "--url", server.url)
        assert (done["quotes"], done["empty"]) == (
            0,
            [{"from": "2024-01-02 00:00:00Z", "until": "2024-01-03 00:00:00Z", "bars": None}],
        )
        assert data(tmp_path, "check")[0]["is_sound"]
        rows[1440:1440] = lost
        (done,) = data(tmp_path, "repair", "--url", server.url)
        assert (done["quotes"], done["empty"]) == (1440, [])
    assert data(tmp_path, "check")[0]["findings"] == []


def test_exchanges_have_no_quotes_of_the_past(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "data", "get", "ccxt:kraken", BTC, "quotes", "--since", "2024-01-01"],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "exchanges publish no quotes of the past" in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []
