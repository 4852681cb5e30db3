"""Statements, lots and tables of a real run, by the commands as their users start them."""

import csv
import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from tests.contract.forked import Done, told
from tests.contract.traded import trade

import smart_leverage
from smart_leverage.domain.records import Decided, Filled, Marked, decode
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.rows import OrderRow
from smart_leverage.reports import curve
from smart_leverage.reports.statement.part import Part
from smart_leverage.reports.statement.period import Kind
from smart_leverage.runtime.remembered import remember
from smart_leverage.runtime.stating import parts

D = Decimal
Run = Callable[..., Done]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with one run in it."""
    home = tmp_path_factory.mktemp("home")
    (home / "runs" / "weeks").mkdir(parents=True)
    trade(home / "runs" / "weeks" / "ledger.sqlite")
    (home / "runs" / "latest").write_text("weeks\n")
    return home


@pytest.fixture(scope="module")
def ledger(home: Path) -> Path:
    return home / "runs" / "weeks" / "ledger.sqlite"


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    def start(*arguments: str) -> Done:
        return told(home, *arguments)

    return start


def value_of(statement: dict[str, Any], code: str) -> float:
    """Return a figure; in the JSON of commands numbers are text, so that none is rounded."""
    return float(statement["figures"][code]["value"])


# -- checks ---------------------------------------------------------------------------------------


def test_every_figure_of_a_real_run_holds(run: Run) -> None:
    said = run("statement", "--check", "--all").out.splitlines()
    assert len(said) == 43
    assert all(
        re.match(r"● Daily statement [\d-]+: 2\d figures hold, recounted", it) for it in said
    )
    month = run("statement", "--check", "--period", "month", "--json").json
    assert month["is_sound"]
    assert month["figures"]["win_rate"]["holds"]


def test_a_saved_statement_that_was_changed_is_found_out(run: Run, home: Path) -> None:
    said = run("statement", "--period", "week", "--all", "--json").out.splitlines()
    weeks = [json.loads(each) for each in said]
    saved = home / "weeks.json"
    saved.write_text("".join(f"{json.dumps(each)}\n" for each in weeks))
    assert run("statement", "--saved", str(saved)).code == 0
    weeks[1]["figures"]["fees"]["value"] = "0.5"
    weeks[2]["head"] = "00" * 32
    weeks[3]["first_event"] = 7
    del weeks[4]["figures"]["denied"]
    saved.write_text("".join(f"{json.dumps(each)}\n" for each in weeks))
    done = run("statement", "--saved", str(saved))
    assert done.code == 6
    wrong = [each for each in done.out.splitlines() if not each.startswith("●")]
    assert [each.split(":")[0] for each in wrong if each.startswith("■")] == [
        f"■ {weeks[place]['statement']}" for place in (1, 2, 3, 4)
    ]
    told = [each.strip() for each in wrong if not each.startswith("■")]
    assert told[0].startswith("Fees: it says 0.5, the journal makes ")
    assert "another hash" in told[1]
    assert told[2].startswith("it is made from events 7 to ")
    assert told[3].startswith("denied: it says not known, the journal makes ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("", "holds no statement", id="nothing"),
        pytest.param("[1]", "holds no statement", id="a-list"),
        pytest.param("{", "is no JSON", id="no-json"),
        pytest.param('{"statement": "x", "period": "day"}', "is no statement", id="half-of-one"),
    ],
)
def test_what_is_no_statement_cannot_be_checked(
    run: Run, home: Path, content: str, said: str
) -> None:
    (home / "other.json").write_text(content)
    done = run("statement", "--saved", "other.json")
    assert done.code not in (0, 6)
    assert said in done.err


# -- statements -----------------------------------------------------------------------------------


def test_a_statement_says_what_the_ledger_says_of_its_period(run: Run, ledger: Path) -> None:
    said = run("statement", "--period", "week", "--at", "2024-03-20", "--json").json
    calendar = RiskCalendar("America/New_York")
    start, end = calendar.start_ns(date(2024, 3, 18)), calendar.start_ns(date(2024, 3, 25))
    with Reader.open(ledger) as reader:
        marks = list(reader.marks())
        inside = [mark for mark in marks if start <= mark.at_ns < end]
        before = [mark for mark in marks if mark.at_ns < start][-1]
        fills = [fill for fill in reader.fills() if start <= fill.at_ns < end]
        asked = [
            each
            for each in reader.decisions(limit=10**6)
            if start <= each.at_ns < end and each.source != "house"
        ]
    figures = said["figures"]
    assert (said["label"], said["is_whole"]) == ("2024-W12", True)
    assert D(figures["equity_open"]["value"]) == pytest.approx(before.equity)
    assert D(figures["equity_close"]["value"]) == pytest.approx(inside[-1].equity)
    made = float(inside[-1].equity / before.equity) - 1.0
    assert value_of(said, "return") == pytest.approx(made)
    assert value_of(said, "target") == pytest.approx(made - (1.05 ** (7 / 31) - 1))
    assert value_of(said, "fills") == len(fills)
    for verdict in ("approved", "cut", "denied"):
        assert value_of(said, verdict) == sum(each.verdict == verdict for each in asked)
    assert figures["equity_close"]["source"] == f"event {inside[-1].seq:,}"


def test_exposure_is_weighted_by_time_and_told_at_its_worst(run: Run, ledger: Path) -> None:
    said = run("statement", "--period", "day", "--at", "2024-03-20", "--json").json
    calendar = RiskCalendar("America/New_York")
    start, end = calendar.start_ns(date(2024, 3, 20)), calendar.start_ns(date(2024, 3, 21))
    with Reader.open(ledger) as reader:
        marks = [mark for mark in reader.marks() if mark.at_ns < end]
    first = max(place for place, mark in enumerate(marks) if mark.at_ns < start)
    held = marks[first:]
    edges = [max(held[0].at_ns, start), *(mark.at_ns for mark in held[1:]), end]
    shares = [float(mark.crypto / mark.equity) for mark in held]
    area = math.fsum(
        share * (after - before)
        for share, before, after in zip(shares, edges, edges[1:], strict=False)
    )
    figure = said["figures"]["exposure_crypto"]
    assert float(figure["value"]) == pytest.approx(area / (edges[-1] - edges[0]))
    assert f"at worst {max(shares) * 100:.1f}" in figure["shown"]


def test_positions_are_those_at_the_end_of_the_period_and_not_of_today(
    run: Run, ledger: Path
) -> None:
    said = run("statement", "--period", "week", "--at", "2024-03-20", "--json").json
    then = remember(ledger, until=said["last_event"])
    (table,) = [each for each in said["tables"]["standing"] if each["caption"].startswith("Pos")]
    assert {row[0]: D(row[1].replace(",", "")) for row in table["rows"]} == {
        key.partition(":")[2]: qty for key, qty in then.state.held()
    }
    stops = {row[0]: row[8] for row in table["rows"]}
    for key, _ in then.state.held():
        has_stop = then.state.live_stop(key) is not None
        assert stops[key.partition(":")[2]].startswith("$") == has_stop


def is_valued_last(part: Part) -> bool:
    """Whether nothing was filled after the last mark: its costs would be in no equity yet."""
    return not part.executions or part.executions[-1].seq < part.places(Marked)[-1]


def test_what_instruments_made_on_a_whole_day_is_the_change_of_equity(ledger: Path) -> None:
    every = parts(ledger, Kind.DAY, every=True)
    days = [
        day
        for before, day in pairwise(every)
        if day.is_whole and is_valued_last(before) and is_valued_last(day)
    ]
    assert len(days) > 30
    for each in days:
        assert each.closing_equity is not None
        moved = [made for made in each.moved.values() if made is not None]
        assert len(moved) == len(each.moved)
        made = each.closing_equity - each.opening_equity - each.flows
        assert float(sum(moved, D(0))) == pytest.approx(float(made), abs=0.01)


def test_every_period_is_written_and_days_compound_to_the_month(run: Run, home: Path) -> None:
    done = run("statement", "--period", "day", "--all", "--html", "statements", "--json")
    assert done.code == 0
    told_ = [json.loads(line) for line in done.out.splitlines()]
    labels = [each["label"] for each in told_]
    assert labels == sorted(labels)
    assert {path.name for path in (home / "statements").iterdir()} == {
        f"day-{label}.html" for label in labels
    }
    assert all(each["bytes"] <= 400_000 for each in told_)
    whole = [each for each in told_ if each["label"].startswith("2024-03")]
    product = math.prod(1.0 + value_of(each, "return") for each in whole)
    month = run("statement", "--period", "month", "--at", "2024-03-31", "--json").json
    assert value_of(month, "return") == pytest.approx(product - 1.0)
    for code in ("denied", "fills", "fees", "realised"):
        summed = math.fsum(value_of(each, code) for each in whole)
        assert value_of(month, code) == pytest.approx(summed)
    assert [each["first_event"] for each in told_[1:]] == [
        each["last_event"] + 1 for each in told_[:-1]
    ]


def test_a_page_needs_nobody_else_and_says_what_the_screen_says(run: Run, home: Path) -> None:
    done = run("statement", "--period", "month", "--html", "month.html")
    assert (done.code, done.out.partition("   ")[0]) == (0, "month.html")
    page = (home / "month.html").read_text()
    assert len(page.encode()) <= 400_000
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)", page)
    assert "http://" not in page
    assert "https://" not in page
    assert "@media print" in page
    screen = run("statement", "--period", "month").out
    for figure in run("statement", "--period", "month", "--json").json["figures"].values():
        assert figure["shown"] in screen
        assert figure["shown"] in page.replace("\u00a0", " ").replace("&#39;", "'")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["--at", "2019-01-01"], 1, "holds nothing of 2019-01-01", id="before"),
        pytest.param(["--at", "2031-01-01"], 1, "it reaches from 2024-03-0", id="after"),
        pytest.param(["--at", "2024-03-20", "--all"], 2, "leave --at away", id="one-and-all"),
        pytest.param(["--html", "runs/weeks/ledger.sqlite"], 1, "the ledger itself", id="ledger"),
        pytest.param(["--all", "--html", "runs/latest"], 1, "is a file", id="file-for-folder"),
        pytest.param(["--period", "year"], 2, "year", id="no-such-period"),
    ],
)
def test_what_cannot_be_stated_is_refused(run: Run, words: list[str], code: int, said: str) -> None:
    done = run("statement", *words)
    assert done.code == code
    assert said in " ".join(done.err.split())


# -- lots -----------------------------------------------------------------------------------------


def test_lots_add_up_to_the_realised_result_of_the_books(
    run: Run, ledger: Path, home: Path
) -> None:
    said = run("tax-lots", "--out", "lots.csv", "--json").json
    net = sum((trade.net for trade in remember(ledger).state.book.trades()), D(0))
    rows = list(uncommented(home / "lots.csv"))
    assert sum(D(row["gain"]) for row in rows if row["gain"]) == net
    assert sum(D(total["gain"]) for total in said["sums"]) == net
    assert said["closed_lots"] == len([row for row in rows if row["gain"]])
    open_rows = list(uncommented(home / "lots-open.csv"))
    held = {row["instrument"] for row in open_rows}
    assert held == {key.partition(":")[2] for key, _ in remember(ledger).state.held()}


def uncommented(file: Path) -> Iterator[dict[str, str]]:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    yield from csv.DictReader(lines)


def test_another_method_is_refused_with_the_one_there_is(run: Run) -> None:
    done = run("tax-lots", "--method", "lifo")
    assert done.code == 2
    assert "fifo" in done.err


# -- tables ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(run: Run, home: Path) -> Path:
    assert run("export", "out", "--quiet").code == 0
    return home / "out"


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def read_back(row: dict[str, str], kind: Any, **nested: str) -> Any:
    """Return a row as the record that it was."""
    fields: dict[str, Any] = {}
    for name, text in row.items():
        outer, _, inner = name.partition(".")
        if inner and outer in nested:
            fields.setdefault(outer, {})[inner] = text or None
        elif name not in ("seq", "at") or kind is OrderRow:
            fields[name] = text
    return msgspec.convert(fields, kind, strict=False)


def test_csv_read_back_equals_the_journal(exported: Path, ledger: Path) -> None:
    journal: dict[type, list[Any]] = {Decided: [], Filled: [], Marked: []}
    with Reader.open(ledger) as reader:
        records = [decode(entry.payload) for entry in reader.entries()]
    for record in records:
        if type(record) in journal:
            journal[type(record)].append(record)
    decisions = rows_of(exported / "decisions.csv")
    for row in decisions:
        row["figures"] = json.loads(row["figures"])
    assert [read_back(row, Decided) for row in decisions] == journal[Decided]
    fills = rows_of(exported / "fills.csv")
    assert [read_back(row, Filled, fill="") for row in fills] == journal[Filled]
    marks = rows_of(exported / "equity.csv")
    for row in marks:
        row["prices"] = json.loads(row["prices"])
    assert [read_back(row, Marked) for row in marks] == journal[Marked]
    manifest = json.loads((exported / "manifest.json").read_text())
    counted = sum(
        table["rows"] for table in manifest["tables"].values() if "seq" in table["columns"]
    )
    assert counted == len(records) == manifest["last_event"]


def test_orders_read_back_equal_those_of_the_ledger(exported: Path, ledger: Path) -> None:
    found = []
    for row in rows_of(exported / "orders.csv"):
        found.append(
            msgspec.convert(
                {k: v or None for k, v in row.items()}
                | {
                    name: row[name]
                    for name in ("decision_id", "status", "broker_order_id", "reason")
                },
                OrderRow,
                strict=False,
            )
        )
    with Reader.open(ledger) as reader:
        assert found == reader.orders(limit=10**6)


def test_parquet_holds_the_same_numbers_exactly(run: Run, home: Path, exported: Path) -> None:
    assert run("export", "tables", "--format", "parquet", "--quiet").code == 0
    names = {path.stem for path in (home / "tables").glob("*.parquet")}
    assert names == {path.stem for path in exported.glob("*.csv")}
    for name in sorted(names):
        table = pl.read_parquet(home / "tables" / f"{name}.parquet")
        rows = rows_of(exported / f"{name}.csv")
        assert table.height == len(rows)
        for column in table.columns:
            texts, kind = [row[column] for row in rows], table.schema[column]
            if isinstance(kind, pl.Decimal):
                assert table[column].to_list() == [D(text) if text else None for text in texts]
            elif kind == pl.Int64:
                assert table[column].to_list() == [int(text) if text else None for text in texts]
            elif kind == pl.String:
                assert [each or "" for each in table[column].to_list()] == texts
    fills = pl.read_parquet_schema(home / "tables" / "fills.parquet")
    assert isinstance(fills["fill.price"], pl.Decimal)


def test_returns_are_taken_by_pandas_and_compound_to_the_whole(
    exported: Path, ledger: Path, run: Run
) -> None:
    import pandas as pd

    series = pd.read_csv(exported / "returns.csv", index_col="date", parse_dates=True)["return"]
    assert isinstance(series.index, pd.DatetimeIndex)
    assert series.index.is_monotonic_increasing
    assert series.index.is_unique
    with Reader.open(ledger) as reader:
        account, last = reader.account(), reader.mark()
        adopted = sum((each.qty * each.price for each in reader.adopted()), D(0))
    assert account is not None
    assert last is not None
    # As quantstats and empyrical define them, written out.
    compounded = float((1.0 + series).prod() - 1.0)
    assert compounded == pytest.approx(float(last.equity / (account.cash + adopted)) - 1.0)
    frame = smart_leverage.returns(ledger.parent)
    assert frame.schema == {"date": pl.Date, "return": pl.Float64}
    assert frame["return"].to_list() == pytest.approx(series.tolist())
    assert frame["date"].to_list() == [stamp.date() for stamp in series.index]
    sharpe = series.mean() / series.std(ddof=1) * math.sqrt(365)
    wealth = (1.0 + series).cumprod()
    deepest = float((wealth / wealth.cummax().clip(lower=1.0) - 1.0).min())
    months = run("statement", "--period", "month", "--all", "--json").out.splitlines()
    by_month = (1.0 + series).groupby(series.index.to_period("M")).prod() - 1.0
    assert [value_of(json.loads(each), "return") for each in months] == pytest.approx(
        by_month.tolist()
    )
    changes = series.tolist()
    assert curve.sharpe(changes, 365) == pytest.approx(sharpe)
    assert min(curve.underwater([1.0, *wealth.tolist()])) == pytest.approx(deepest)


def test_a_folder_that_is_not_empty_is_left_alone(run: Run, exported: Path) -> None:
    before = sorted(path.name for path in exported.iterdir())
    done = run("export", "out")
    assert done.code == 1
    assert "name a new folder" in done.err
    assert sorted(path.name for path in exported.iterdir()) == before


def test_no_secret_leaves_with_an_export(exported: Path) -> None:
    header = (exported / "bots.csv").read_text().splitlines()[0]
    assert "seat.token_id" in header
    assert "sha256" not in header
