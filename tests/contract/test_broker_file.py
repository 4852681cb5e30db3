"""The file of a simulated venue: what a kill leaves, who may open it, and what is refused."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BadData, BrokerDown, ConfigError, OutcomeUnknown, Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, Order, OrderClass, OrderType, Side, TimeInForce
from smart_leverage.domain.registry import Registry
from smart_leverage.fills.costs import CostModel, FeeSchedule

D = Decimal
AAPL, BTC = Key("us_equity:AAPL"), Key("crypto:BTC/USD")
MONDAY = 1785765600 * SECOND_NS
"""2026-08-03 14:00 UTC, in a session."""

CONFIG = SimConfig(
    seed=7,
    mode=Mode.LIVE,
    opened_at_ns=MONDAY,
    partial_probability=0.5,
    positions=(Start(AAPL, D(10), D(200)),),
    fee_tiers=FeeSchedule(),
)
TABLES = ("meta", "events", "orders", "fills", "changes", "positions", "lines")


def venue(path: Path | None, config: SimConfig = CONFIG) -> SimBroker:
    return SimBroker(Registry.builtin(), config=config, path=path)


def rows(path: Path) -> dict[str, list[Any]]:
    """Return every row of a venue's file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return {name: db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in TABLES}


def act(broker: SimBroker, step: int) -> None:
    """Make the `step`-th call of a fixed day of trading; every kind of call is among them."""
    kind, name, at_ns = (step + 1) % 10, f"o{step}", MONDAY + step * SECOND_NS
    price = 200.0 + (step * 7 % 23) / 10

    def order(side: Side, qty: str, key: Key = AAPL, **more: Any) -> None:
        words: dict[str, Any] = {"time_in_force": TimeInForce.GTC} | more
        one = Order(client_order_id=name, bot="bot", key=key, side=side, qty=D(qty), **words)
        broker.submit(Approved(one, "test"))

    try:
        if kind == 0:
            order(Side.BUY, "20")
        elif kind in (1, 4, 9):
            broker.on_quote(at_ns, AAPL, price, price + 0.02)
        elif kind == 2:
            order(Side.BUY, "0.01", BTC, type=OrderType.LIMIT, limit_price=D(50_000))
        elif kind in (3, 8):
            broker.on_quote(at_ns, BTC, 49_990.0, 50_000.0)
        elif kind == 5:
            broker.replace(f"o{step - 3}", limit_price=D(51_000), new_client_order_id=name)
        elif kind == 6 and step % 20 == 5:
            trail: dict[str, Any] = {"type": OrderType.TRAILING_STOP, "trail_price": D("1.5")}
            order(Side.SELL, "2", **trail)
        elif kind == 6:
            broker.deposit(at_ns, D("10.01"), name)
        else:
            exits: dict[str, Any] = {"take_profit": D(202), "stop_loss": D(190)}
            order(Side.BUY, "5", order_class=OrderClass.BRACKET, **exits)
    except Refused:
        pass  # it is written down, and so a part of what is compared


STEPS = 120
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_broker_file as day
broker = day.venue(Path(sys.argv[1]))
for step in range(day.STEPS):
    day.act(broker, step)
    print(step, flush=True)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Every row of a day that nobody interrupted."""
    path = tmp_path_factory.mktemp("whole") / "venue.db"
    with venue(path) as broker:
        for step in range(STEPS):
            act(broker, step)
    return rows(path)


def test_the_day_of_trading_has_everything_in_it(whole: dict[str, list[Any]]) -> None:
    kinds = {row[2] for row in whole["events"]}
    words = {"fill", "partial_fill", "new", "replaced", "canceled"}
    assert {f"update.{word}" for word in words} | {"opened", "refused", "activity"} <= kinds
    trailing = [row for row in whole["orders"] if row[6] == "trailing_stop"]
    # They begin at the middle of the market, which has another cent; what moved follows the bid.
    assert {row[14] for row in trailing} == {"202.1", "202.11"}
    assert "filled" in {row[15] for row in trailing}


@pytest.mark.parametrize("after", [0, 17, 38, 64, 118])
def test_a_kill_loses_a_call_or_nothing(
    tmp_path: Path, whole: dict[str, list[Any]], after: int
) -> None:
    path = tmp_path / "venue.db"
    words = [sys.executable, "-c", CHILD, str(path), str(Path(__file__).parent)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = -1
        for line in child.stdout:
            told = int(line)
            if told >= after:
                os.kill(child.pid, signal.SIGKILL)
                break
        told = max([told, *map(int, child.stdout.read().split())])
    with venue(path) as broker:
        done = recognised(broker, told + 1)
        for step in range(done, STEPS):
            act(broker, step)
    assert rows(path) == whole


def recognised(broker: SimBroker, told: int) -> int:
    """Return how many calls the file holds: what was told, or one more whose answer was lost."""
    with venue(None) as twin:
        for step in range(told):
            act(twin, step)
        if same(broker, twin):
            return told
        act(twin, told)
        assert same(broker, twin)
    return told + 1


def same(one: SimBroker, other: SimBroker) -> bool:
    """Whether two venues stand in the same place; what memory forgets is not asked."""
    return all(
        ask(one) == ask(other)
        for ask in (
            lambda broker: broker.account(),
            lambda broker: list(broker.positions()),
            lambda broker: list(broker.orders()),
            lambda broker: list(broker.updates(0)),
            lambda broker: list(broker.changes()),
        )
    )


@pytest.mark.parametrize("step", [1, 13])
def test_a_venue_opened_again_and_again_is_the_same_venue(
    tmp_path: Path, whole: dict[str, list[Any]], step: int
) -> None:
    path = tmp_path / "venue.db"
    for first in range(0, STEPS, step):
        with venue(path) as broker:
            for number in range(first, min(first + step, STEPS)):
                act(broker, number)
    assert rows(path) == whole


def test_a_file_that_nobody_used_can_be_continued(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    venue(path).close()
    with venue(path) as broker:
        broker.deposit(MONDAY, D(1))
        assert broker.account().cash == 100_001
        assert [each.number for each in broker.changes()] == [1, 2, 3]


def test_old_messages_are_read_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    with venue(path) as broker:
        for step in range(40):
            act(broker, step)
        told = broker.updates(0)
    with venue(path) as broker:
        act(broker, 40)
        assert list(broker.updates(0))[: len(told)] == told
        assert [each.sequence for each in broker.updates(3)] == list(
            range(4, len(broker.updates(0)) + 1)
        )
        assert broker.updates(len(told))[0].sequence == len(told) + 1


def test_an_auditor_can_read_while_the_venue_runs(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    with venue(path) as broker:
        act(broker, 0)
        act(broker, 1)
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            history = db.execute("SELECT client_order_id, event, status FROM order_history")
            assert history.fetchone() == ("o1", "new", "new")
            columns = db.execute("SELECT amount FROM changes").fetchall()
            assert all("E" not in amount for (amount,) in columns)


# -- who may open it ------------------------------------------------------------------------------


def test_a_second_opener_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    words = [sys.executable, "-c", f"{CHILD}\ninput()", str(path), str(Path(__file__).parent)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(2)] == ["0\n", "1\n"]
        with pytest.raises(BrokerDown, match="another process"):
            venue(path)
        os.kill(child.pid, signal.SIGKILL)
    with venue(path) as broker:
        with pytest.raises(BrokerDown, match="another process"):
            venue(path)
        assert broker.order("o1") is not None


def trace(folder: Path) -> dict[str, str]:
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in folder.iterdir()}


@pytest.mark.parametrize("kind", ["text", "other-tables", "other-meta", "newer"])
def test_a_foreign_file_is_refused_untouched(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "theirs.db"
    statements = {
        "other-tables": ["CREATE TABLE photos (name TEXT)"],
        "other-meta": ["CREATE TABLE meta (key TEXT, value TEXT)"],
        "newer": [
            "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)",
            "INSERT INTO meta VALUES ('schema', '2')",
        ],
    }
    if kind == "text":
        path.write_text("Dear diary, " * 100)
    else:
        with closing(sqlite3.connect(path)) as db, db:
            for statement in statements[kind]:
                db.execute(statement)
    before = trace(tmp_path)
    for _ in range(2):  # and it is not left locked either
        with pytest.raises(BadData, match="venue's file"):
            venue(path)
    assert trace(tmp_path) == before


def test_where_no_file_can_be_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory"):
        venue(tmp_path / "nowhere" / "venue.db")
    with pytest.raises(BadData):
        venue(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"seed": 8}, "seed: the file was set up with 7, not 8", id="seed"),
        pytest.param({"cash": D(1)}, r"cash: .*100000.*, not .*1", id="cash"),
        pytest.param({"mode": Mode.BAR}, "mode: ", id="mode"),
        pytest.param({"positions": ()}, "positions: ", id="positions"),
    ],
)
def test_a_configuration_that_contradicts_the_file_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "venue.db"
    with venue(path) as broker:
        act(broker, 0)
    before = rows(path)
    with pytest.raises(ConfigError, match=message):
        venue(path, msgspec.structs.replace(CONFIG, **change))
    assert rows(path) == before
    with pytest.raises(ConfigError, match="costs"):
        SimBroker(Registry.builtin(), CostModel(crypto=CostModel().stock), CONFIG, path)
    venue(path).close()


def test_a_registry_that_misses_what_is_held_is_refused_and_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    with venue(path) as broker:
        act(broker, 0)
        act(broker, 1)
    before = rows(path)
    poor = Registry([each for each in Registry.builtin().values() if each.key != AAPL])
    with pytest.raises(ConfigError, match="us_equity:AAPL is held or ordered"):
        SimBroker(poor, config=CONFIG, path=path)
    assert rows(path) == before


def test_a_newer_version_of_an_instrument_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    venue(path).close()
    old = Registry.builtin()[AAPL]
    newer = msgspec.structs.replace(old, name="Apple", version=2)
    SimBroker(Registry.builtin().with_instrument(newer), config=CONFIG, path=path).close()
    (setup,) = (row[1] for row in rows(path)["meta"] if row[0] == "setup")
    assert '"name":"Apple"' in setup


# -- trouble --------------------------------------------------------------------------------------


@contextmanager
def taken(path: Path) -> Iterator[None]:
    """Hold the file's write lock, as a stranger with a database tool might."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


def test_a_file_that_takes_nothing_makes_the_outcome_unknown_and_ends_the_venue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smart_leverage.brokers.sim.fileaccess.BUSY_TIMEOUT_MS", 20)
    path = tmp_path / "venue.db"
    with venue(path) as broker:
        act(broker, 0)
        with taken(path), pytest.raises(OutcomeUnknown):
            act(broker, 1)
        with pytest.raises(BrokerDown):
            broker.account()
    with venue(path) as broker:
        assert broker.order("o1") is None
        with taken(path), pytest.raises(BrokerDown, match="took nothing"):
            broker.advance(MONDAY + 100 * SECOND_NS)
    with venue(path) as broker, taken(path):
        with pytest.raises(Refused, match="order not found"):  # certain, whatever the file says
            broker.cancel("nobody's")
        with pytest.raises(BrokerDown):
            broker.account()


def test_a_refusal_is_kept_whatever_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "venue.db"
    with venue(path) as broker:
        for name in ("\ud800", "x" * 10_000, "\x00"):
            with pytest.raises(Refused, match="order not found"):
                broker.cancel(name)
        act(broker, 0)
        act(broker, 1)
    refused = [row for row in rows(path)["events"] if row[2] == "refused"]
    assert [len(row[4]) for row in refused] == [1, 256, 1]
