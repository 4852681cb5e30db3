"""The auditor itself: independent, and not to be fooled by what stands in the venue's file."""

import ast
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from tests.simulation.audit_market import Moment, Series, moments, read_file, series_of, when
from tests.simulation.audit_record import Judge, Record, Terms
from tests.simulation.audit_report import Report
from tests.simulation.auditor import audit, default_terms
from tests.simulation.worlds import WORLDS, columns_of, play, terms_of

HERE = Path(__file__).parent
PARTS = [*HERE.glob("audit*.py"), HERE / "oracle_losses.py"]
HOUR = 3_600_000_000_000
D = Decimal

Played = tuple[Path, list[Series], dict[str, Terms]]


def imported(path: Path) -> set[str]:
    """Return the modules that a file names, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_the_auditor_shares_no_code_with_what_it_judges() -> None:
    ours = {f"tests.simulation.{path.stem}" for path in PARTS}
    used = set().union(*(imported(path) for path in PARTS)) - ours
    beyond = {name for name in used if name.partition(".")[0] not in sys.stdlib_module_names}
    assert beyond == {"polars", "exchange_calendars"}
    assert len(PARTS) == 8


def test_a_process_of_its_own_loads_nothing_of_the_product() -> None:
    code = (
        "import sys; from tests.simulation import auditor;"
        "print(sorted(n for n in sys.modules if n.startswith(('smart_leverage', 'polars'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE.parents[1], capture_output=True, check=True
    )
    assert done.stdout.strip() == b"[]"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A venue's file with its prices and instruments, in which nothing is wrong."""
    path = tmp_path_factory.mktemp("played") / "venue.sqlite"
    trader, series = play(WORLDS["heavy"]._replace(seed=1, days=2), path)
    terms = terms_of(list(trader.engine.state.instruments.values()))
    return path, columns_of(series), terms


def changed(played, tmp_path: Path, *statements: str) -> Report:
    """Audit a copy of the file in which something was changed."""
    path, series, terms = played
    copy = tmp_path / "venue.sqlite"
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        for statement in statements:
            assert target.execute(statement).rowcount > 0
    source.close()
    target.close()
    return audit(copy, series, terms)


def test_an_untouched_file_has_nothing_wrong(played, tmp_path: Path) -> None:
    report = changed(played, tmp_path)
    assert report.violations == []
    assert report.counts["fills"] > 20
    assert report.counts["bars"] > 200


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        pytest.param(
            "UPDATE changes SET amount = amount + 0.01 WHERE number = 9", "A6", id="an-entry"
        ),
        pytest.param("DELETE FROM changes WHERE number = 12", "A6", id="an-entry-less"),
        pytest.param("UPDATE fills SET price = price * 2 WHERE number = 3", "A6", id="a-price"),
        pytest.param("UPDATE fills SET qty = qty * 1.5 WHERE number = 3", "A6", id="a-quantity"),
        pytest.param("DELETE FROM positions WHERE key = 'us_equity:KO'", "A6", id="a-position"),
        pytest.param(
            "UPDATE orders SET qty = qty * 100 WHERE side = 'buy' AND number > 20",
            "A1",
            id="larger-buys",
        ),
        pytest.param(
            "UPDATE orders SET qty = qty * 3 WHERE side = 'sell' AND number < 9",
            "A3",
            id="larger-sells",
        ),
        pytest.param(
            "UPDATE orders SET limit_price = NULL WHERE side = 'buy'", "A7", id="no-limit"
        ),
        pytest.param(
            "DELETE FROM events WHERE kind = 'update.new' AND client_order_id IN"
            " (SELECT client_order_id FROM orders WHERE stop_price IS NOT NULL)",
            "A4",
            id="no-stops",
        ),
    ],
)
def test_a_change_in_the_file_is_seen(played, tmp_path: Path, statement: str, rule: str) -> None:
    assert rule in changed(played, tmp_path, statement).rules()


def test_it_goes_by_the_instruments_it_is_told(played) -> None:
    path, series, terms = played
    narrow = {key: each._replace(is_broad=False) for key, each in terms.items()}
    narrow = {key: each._replace(is_crypto=True) for key, each in narrow.items()}
    assert audit(path, series, narrow).rules()


def test_it_knows_the_usual_symbols_by_itself(played) -> None:
    _, series, terms = played
    assert default_terms([each.key for each in series], {}).keys() == terms.keys()
    for key, known in default_terms(list(terms), {}).items():
        assert known[:3] == terms[key][:3], key


# -- the command line -----------------------------------------------------------------------------


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, str(HERE / "auditor.py"), *map(str, arguments)]
    return subprocess.run(script, capture_output=True, text=True, check=False, timeout=60)


def write_bars(series: list[Series], folder: Path) -> list[Path]:
    """Write hourly coins as a reader of files expects them."""
    paths = []
    for each in series:
        base = each.key.removeprefix("crypto:").removesuffix("/USD")
        path = folder / f"{base}-USDT.1h.csv"
        rows = zip(each.starts, each.opens, each.lows, each.closes, strict=True)
        lines = [f"{when(at).replace(' ', 'T')},{o!r},{low!r},{c!r}" for at, o, low, c in rows]
        path.write_text("\n".join(["ts,open,low,close", *lines]) + "\n")
        paths.append(path)
    return paths


def test_the_command_reports_and_its_exit_code_tells(tmp_path: Path) -> None:
    path = tmp_path / "venue.sqlite"
    trader, bars = play(WORLDS["calm"]._replace(seed=1, days=2, shares=()), path)
    files = write_bars(columns_of(bars), tmp_path)

    clean = run(path, *files)
    assert (clean.returncode, clean.stderr) == (0, "")
    assert "violations: 0" in clean.stdout
    assert "largest worst case over cap at send" in clean.stdout

    plain = {
        key: {"is_crypto": False, "is_leveraged": False, "is_broad": False}
        for key in trader.engine.state.instruments
    }
    loose = tmp_path / "instruments.json"
    loose.write_text(json.dumps(plain))
    assert "crypto 0.000000" in run(path, *files, "--instruments", loose).stdout

    with sqlite3.connect(path) as db:
        db.execute("UPDATE changes SET amount = amount * 2 WHERE number = 5")
    db.close()
    broken = run(path, *files)
    assert broken.returncode == 1
    assert "A6 " in broken.stdout


# -- its parts ------------------------------------------------------------------------------------


def test_moments_join_what_ends_and_what_begins() -> None:
    rows = [
        ("a", 0, HOUR, 1.0, 1.0, 1.0, 1.5),
        ("a", HOUR, 2 * HOUR, 1.6, 2.0, 1.0, 2.0),
        ("b", HOUR, 3 * HOUR, 7.0, 9.0, 6.0, 8.0),
    ]
    assert [
        (m.at // HOUR, [(c.key, c.close) for c in m.closes], m.opens)
        for m in moments(series_of(rows))
    ] == [
        (0, [], [("a", 1.0)]),
        (1, [("a", 1.5)], [("a", 1.6), ("b", 7.0)]),
        (2, [("a", 2.0)], []),
        (3, [("b", 8.0)], []),
    ]
    assert next(moments([]), Moment(-1, [], [])).at == -1


def test_a_daily_bar_of_a_share_lasts_for_its_session(tmp_path: Path) -> None:
    path = tmp_path / "KO.1d.csv"
    days = ("2024-07-02", "2024-07-03", "2024-07-04", "2024-07-05", "2024-12-02")
    path.write_text("ts,open,low,close\n" + "".join(f"{day},1,1,1\n" for day in days))
    series = read_file(path)
    assert series.key == "us_equity:KO"
    # A regular day, a short one, no session on the holiday, and winter time.
    told = [
        ((s // HOUR) % 24, (e - s) / HOUR) for s, e in zip(series.starts, series.ends, strict=True)
    ]
    assert told == [(13, 6.5), (13, 3.5), (13, 6.5), (14, 6.5)]


@pytest.mark.parametrize("name", ["BTC.parquet", "BTC-EUR.1h.csv", "BTC-USDT-PERP.1h.csv"])
def test_a_file_whose_name_says_too_little_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=name):
        read_file(tmp_path / name)


def closed(record: Record, nets: list[int], bot: str = "bot") -> None:
    for net in nets:
        number = record.closed
        record.open("k", bot, D(1), D(100), D(0))
        record.close("k", bot, D(1), D(100 + net), D(0), D("0.01"), f"{bot}{number}", (number, ""))


def test_the_win_rate_looks_at_a_hundred_trades_and_leaves_scratches_out() -> None:
    record = Record()
    closed(record, [1] * 60 + [-1] * 90 + [0] * 30)
    assert record.win_rate() == (10, 100)


def test_the_lower_of_two_rates_counts() -> None:
    record = Record()
    closed(record, [1] * 20)
    closed(record, [-1] * 5, bot="house")
    assert record.win_rate() == (20, 25)
    closed(record, [1] * 80, bot="house")
    assert record.win_rate() == (95, 100)


def test_first_in_first_out_with_the_fees_of_both_ends() -> None:
    record = Record()
    record.open("k", "a", D(2), D(10), D("0.30"))
    record.open("k", "a", D(2), D(20), D("0.50"))
    record.close("k", "a", D(3), D(18), D("0.10"), D("0.01"), "o1", (1, ""))
    # 54 for 2 at 10 and 1 at 20; 0.30 and half of 0.50 to open, 0.10 to close.
    assert [trade.net for trade in record._trades] == [Fraction(54 - 40) - Fraction("0.65")]


def judged(act: Callable[[Judge], None]) -> Judge:
    judge = Judge(Record())
    judge.roll(12 * HOUR, D(100_000), {})
    act(judge)
    return judge


@pytest.mark.parametrize(
    ("equity", "tripped"),
    [("97000", ""), ("96999.99", "the day is tripped"), ("91999", "the month is tripped")],
)
def test_a_limit_trips_strictly_beyond_itself(equity: str, tripped: str) -> None:
    judge = judged(lambda judge: judge.mark(13 * HOUR, D(equity), {}))
    assert judge.tripped == tripped
    judge.roll(30 * HOUR, D(equity), {})
    assert judge.tripped == ("the month is tripped" if "month" in tripped else "")


def test_a_flow_is_no_return() -> None:
    judge = judged(lambda judge: judge.mark(13 * HOUR, D(98_000), {}))
    judge.flow(D(98_000))
    tripped = []
    for equity in ("194000", "193999"):
        judge.mark(14 * HOUR, D(equity), {})
        tripped.append(judge.tripped)
    assert tripped == ["", "the day is tripped"]


def test_a_coin_is_locked_for_what_it_lost_today_even_when_it_is_gone() -> None:
    def act(judge: Judge) -> None:
        judge.traded("crypto:X/USD", D(9_000))
        judge.traded("crypto:X/USD", D(-6_999))
        judge.mark(13 * HOUR, D(98_000), {})

    judge = judged(act)
    assert judge.is_locked("crypto:X/USD", 14 * HOUR)
    assert not judge.is_locked("crypto:X/USD", 29 * HOUR)  # New York's midnight
