"""Bar files: every fault is refused with file and row, and what is accepted means what it says."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries, Holes, summary
from smart_leverage.market.files import BarFile, Reading, load, parse_step

HEADER = "ts,open,high,low,close,volume\n"
HOURS = ("2024-03-04T00:00:00Z", "2024-03-04T01:00:00Z", "2024-03-04T02:00:00Z")
PRICES = ("100,110,90,105,7", "105,120,100,110,0", "110,115,100,101,3.5")
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def csv_text(stamps: tuple[str, ...] = HOURS, prices: tuple[str, ...] = PRICES) -> str:
    rows = [f"{stamp},{price}\n" for stamp, price in zip(stamps, prices, strict=True)]
    return HEADER + "".join(rows)


def read(path: Path, **options: object) -> BarSeries:
    reading = Reading(**options)  # type: ignore[arg-type]
    return load([path], Registry.builtin(), reading=reading)[0]


def read_text(folder: Path, name: str, text: str, **options: object) -> BarSeries:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read(path, **options)


def frame(stamps: list[datetime] | None = None, **changed: object) -> pl.DataFrame:
    start = datetime(2024, 3, 4, tzinfo=UTC)
    columns: dict[str, object] = {
        "ts": stamps or [start + timedelta(hours=hour) for hour in range(3)],
        "open": [100.0, 105.0, 110.0],
        "high": [110.0, 120.0, 115.0],
        "low": [90.0, 100.0, 100.0],
        "close": [105.0, 110.0, 101.0],
        "volume": [7.0, 0.0, 3.5],
    }
    return pl.DataFrame(columns | changed)


def read_frame(folder: Path, name: str, table: pl.DataFrame, **options: object) -> BarSeries:
    path = folder / name
    table.write_parquet(path)
    return read(path, **options)


# --- what is accepted ---------------------------------------------------------------------------


def test_csv_and_parquet_of_the_same_rows_give_the_same_bars(tmp_path: Path) -> None:
    text = read_text(tmp_path, "BTC-USD.1h.csv", csv_text())
    table = read_frame(tmp_path, "BTC-USD.1h.parquet", frame())

    assert list(text) == list(table)
    assert text.key == "crypto:BTC/USD"
    assert text.step_ns == HOUR_NS
    bar = text[1]
    assert (bar.start_ns, bar.end_ns) == (ns("2024-03-04T01:00:00Z"), ns("2024-03-04T02:00:00Z"))
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (105, 120, 100, 110, 0)


def test_a_series_names_its_file_and_the_hash_of_its_bytes(tmp_path: Path) -> None:
    series = read_text(tmp_path, "BTC-USD.1h.csv", csv_text())

    path = tmp_path / "BTC-USD.1h.csv"
    assert series.source.name == str(path)
    assert series.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert series.source.quoted_in == ""


@pytest.mark.parametrize(
    ("header", "stamps"),
    [
        pytest.param("Datetime,Open,High,Low,Close,Volume\n", HOURS, id="capital-letters"),
        pytest.param("\ufeffts,open,high,low,close,volume\n", HOURS, id="byte-order-mark"),
        pytest.param(
            HEADER,
            ("1709510400", "1709514000.0", "1709517600"),
            id="seconds-since-1970",
        ),
        pytest.param(
            HEADER,
            ("1709510400000", "1709514000000", "1709517600000"),
            id="milliseconds-since-1970",
        ),
        pytest.param(
            HEADER,
            ("2024-03-04 03:00:00+03:00", "2024-03-04 04:00:00+03:00", "2024-03-04 04:00:00+02:00"),
            id="daylight-saving-of-one-place",
        ),
    ],
)
def test_stamps_mean_the_same_instants_in_every_accepted_form(
    tmp_path: Path, header: str, stamps: tuple[str, ...]
) -> None:
    series = read_text(tmp_path, "BTC-USD.1h.csv", csv_text(stamps).replace(HEADER, header))

    assert list(series.starts) == [ns(stamp) for stamp in HOURS]


def test_more_columns_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    text = "ts,open,high,low,close,volume,note\n\n2024-03-04T00:00:00Z,1,1,1,1,0,hi\n\n"

    assert len(read_text(tmp_path, "BTC-USD.1h.csv", text)) == 1


def test_naive_stamps_pass_once_declared_utc(tmp_path: Path) -> None:
    naive = tuple(stamp.removesuffix("Z") for stamp in HOURS)

    series = read_text(tmp_path, "BTC-USD.1h.csv", csv_text(naive), is_naive_utc=True)

    assert list(series.starts) == [ns(stamp) for stamp in HOURS]


def test_naive_parquet_stamps_pass_once_declared_utc(tmp_path: Path) -> None:
    table = frame().with_columns(pl.col("ts").dt.replace_time_zone(None))

    series = read_frame(tmp_path, "BTC-USD.1h.parquet", table, is_naive_utc=True)

    assert list(series.starts) == [ns(stamp) for stamp in HOURS]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_parquet_stamps_of_every_unit_mean_the_same(tmp_path: Path, unit: str) -> None:
    table = frame().with_columns(pl.col("ts").dt.cast_time_unit(unit))  # type: ignore[arg-type]

    series = read_frame(tmp_path, "BTC-USD.1h.parquet", table)

    assert list(series.starts) == [ns(stamp) for stamp in HOURS]


def test_a_quote_alias_is_recorded_where_it_was_used(tmp_path: Path) -> None:
    alias = {"USDT": "USD"}

    tether = read_text(tmp_path, "BTC-USDT.1h.csv", csv_text(), quote_alias=alias)
    dollar = read_text(tmp_path, "BTC-USD.1h.csv", csv_text(), quote_alias=alias)

    assert tether.key == dollar.key == "crypto:BTC/USD"
    assert (tether.source.quoted_in, dollar.source.quoted_in) == ("USDT", "")


def test_symbol_and_step_can_be_given_where_the_name_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(csv_text())

    series = load([BarFile(path, symbol="BTC-USD", step="1h")], Registry.builtin())

    assert (series[0].key, series[0].step_ns) == ("crypto:BTC/USD", HOUR_NS)


def test_series_come_in_registry_order_and_progress_in_file_order(tmp_path: Path) -> None:
    names = ["SOL-USD.1h.csv", "BTC-USD.1h.csv", "ETH-USD.1h.csv"]
    for name in names:
        (tmp_path / name).write_text(csv_text())
    told: list[tuple[int, int, str]] = []

    series = load(
        [tmp_path / name for name in names],
        Registry.builtin(),
        progress=lambda done, of, each: told.append((done, of, each.key)),
    )

    assert [each.key for each in series] == ["crypto:BTC/USD", "crypto:ETH/USD", "crypto:SOL/USD"]
    assert told == [(1, 3, "crypto:SOL/USD"), (2, 3, "crypto:BTC/USD"), (3, 3, "crypto:ETH/USD")]


def test_a_hole_stays_a_hole_and_is_counted(tmp_path: Path) -> None:
    stamps = (HOURS[0], HOURS[1], "2024-03-04T05:00:00Z", "2024-03-04T06:00:00Z")
    text = csv_text(stamps, (*PRICES, "101,101,101,101,1"))

    series = read_text(tmp_path, "BTC-USD.1h.csv", text)

    assert len(series) == 4
    assert series.holes == Holes(1, 3, 3, ns("2024-03-04T02:00:00Z"))


def test_the_summary_says_what_was_read(tmp_path: Path) -> None:
    stamps = (HOURS[0], HOURS[1], "2024-03-04T05:00:00Z")
    series = read_text(tmp_path, "BTC-USDT.1h.csv", csv_text(stamps), quote_alias={"USDT": "USD"})

    said = summary(series)

    assert (said.key, said.step, said.rows, said.quoted_in) == ("crypto:BTC/USD", "1h", 3, "USDT")
    assert (said.first, said.last) == ("2024-03-04 00:00:00Z", "2024-03-04 06:00:00Z")
    assert (said.holes, said.bars_missing, said.longest_hole) == (1, 3, 3)
    assert said.longest_hole_from == "2024-03-04 02:00:00Z"
    assert (said.source, said.sha256) == (series.source.name, series.source.sha256)


# --- US securities ------------------------------------------------------------------------------


def test_daily_bars_of_shares_last_from_open_to_close_of_their_session(tmp_path: Path) -> None:
    # Winter, the Monday after New York has moved its clocks, the half day of Thanksgiving.
    text = csv_text(("2024-03-08", "2024-03-11", "2024-11-29"))

    series = read_text(tmp_path, "TQQQ.1d.csv", text)

    spans = [(bar.start_ns, bar.end_ns) for bar in series]
    assert spans == [
        (ns("2024-03-08T14:30:00Z"), ns("2024-03-08T21:00:00Z")),
        (ns("2024-03-11T13:30:00Z"), ns("2024-03-11T20:00:00Z")),
        (ns("2024-11-29T14:30:00Z"), ns("2024-11-29T18:00:00Z")),
    ]


@pytest.mark.parametrize(
    "stamps",
    [
        pytest.param(("2024-03-08", "2024-03-11", "2024-03-12"), id="dates"),
        pytest.param(
            ("2024-03-08T00:00:00Z", "2024-03-11T00:00:00Z", "2024-03-12T00:00:00Z"),
            id="midnight-utc",
        ),
        pytest.param(
            (
                "2024-03-08 00:00:00-05:00",
                "2024-03-11 00:00:00-04:00",
                "2024-03-12 00:00:00-04:00",
            ),
            id="midnight-new-york",
        ),
    ],
)
def test_a_daily_stamp_means_the_date_of_its_own_clock(
    tmp_path: Path, stamps: tuple[str, ...]
) -> None:
    series = read_text(tmp_path, "TQQQ.1d.csv", csv_text(stamps))

    assert list(series.ends) == [
        ns("2024-03-08T21:00:00Z"),
        ns("2024-03-11T20:00:00Z"),
        ns("2024-03-12T20:00:00Z"),
    ]


def test_parquet_dates_and_new_york_midnights_mean_the_same_sessions(tmp_path: Path) -> None:
    days = [date(2024, 3, 8), date(2024, 3, 11), date(2024, 3, 12)]
    dates = frame().with_columns(pl.Series("ts", days))
    zoned = dates.with_columns(
        pl.col("ts").cast(pl.Datetime("us")).dt.replace_time_zone("America/New_York")
    )

    first = read_frame(tmp_path, "TQQQ.1d.parquet", dates)
    second = read_frame(tmp_path, "SQQQ.1d.parquet", zoned)

    assert list(first.ends) == list(second.ends)
    assert first.ends[0] == ns("2024-03-08T21:00:00Z")


def test_a_weekend_is_no_hole_in_shares_and_a_missing_session_is(tmp_path: Path) -> None:
    text = csv_text(("2024-03-08", "2024-03-11", "2024-03-14"))

    series = read_text(tmp_path, "TQQQ.1d.csv", text)

    assert series.holes == Holes(1, 2, 2, ns("2024-03-11T20:00:00Z"))


def test_an_intraday_bar_is_cut_to_its_session(tmp_path: Path) -> None:
    # Hourly bars on the UTC grid: the first covers 09:30 to 10:00 New York only.
    stamps = ("2024-03-08T14:00:00Z", "2024-03-08T15:00:00Z", "2024-03-08T20:00:00Z")

    series = read_text(tmp_path, "SPY.1h.csv", csv_text(stamps))

    assert list(series.starts) == [ns("2024-03-08T14:30:00Z"), ns(stamps[1]), ns(stamps[2])]
    assert series.ends[0] == ns("2024-03-08T15:00:00Z")
    assert series.holes == Holes(1, 4, 4, ns("2024-03-08T16:00:00Z"))


def test_intraday_bars_may_be_counted_from_the_open(tmp_path: Path) -> None:
    stamps = ("2024-03-08T14:30:00Z", "2024-03-08T15:30:00Z", "2024-03-08T20:30:00Z")

    series = read_text(tmp_path, "SPY.1h.csv", csv_text(stamps))

    assert list(series.starts) == [ns(stamp) for stamp in stamps]
    assert series.ends[-1] == ns("2024-03-08T21:00:00Z")


def test_neither_csv_nor_the_synthetic_market_loads_a_heavy_library(tmp_path: Path) -> None:
    path = tmp_path / "BTC-USD.1h.csv"
    path.write_text(csv_text())
    program = (
        "import sys; from pathlib import Path\n"
        "from smart_leverage.domain.registry import Registry\n"
        "from smart_leverage.market.files import load\n"
        "from smart_leverage.market.recipe import SyntheticMarket\n"
        "from smart_leverage.market.synthetic import generate\n"
        "load([Path(sys.argv[1])], Registry.builtin()); generate(SyntheticMarket(days=1))\n"
        "print(sorted({'numpy', 'polars', 'pandas', 'numba'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


# --- what is refused ----------------------------------------------------------------------------


def replaced(row: int, stamp: str | None = None, prices: str | None = None) -> str:
    stamps, numbers = list(HOURS), list(PRICES)
    stamps[row - 1] = stamp or stamps[row - 1]
    numbers[row - 1] = numbers[row - 1] if prices is None else prices
    return csv_text(tuple(stamps), tuple(numbers))


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        pytest.param(
            csv_text().replace("volume", "vol"),
            None,
            "no column volume among ts, open",
            id="missing-column",
        ),
        pytest.param(
            csv_text().replace("ts,", "when,"), None, "no column ts", id="missing-stamp-column"
        ),
        pytest.param(
            csv_text().replace(HEADER, ""),
            None,
            "no header row; the first one holds values: 2024-03-04T00:00:00Z, 100, 110",
            id="no-header",
        ),
        pytest.param(
            csv_text().replace("low", "close"), None, "no column low", id="a-column-renamed"
        ),
        pytest.param(
            "ts,open,high,low,close,volume,Open\n", None, "open is named twice", id="twin-columns"
        ),
        pytest.param("", None, "the file is empty", id="zero-bytes"),
        pytest.param(HEADER, None, "no rows", id="header-only"),
        pytest.param("\n\n", None, "no header row", id="blank-lines-only"),
        pytest.param(
            '{\n  "Note": "25 calls"\n}\n',
            None,
            'a JSON object, not bars: { "Note": "25 calls" }; read what it says',
            id="error-message",
        ),
        pytest.param(
            "\n<!doctype html><title>404</title>",
            None,
            "a web page, not bars: <!doctype html><title>404</title>; fetch it again",
            id="error-page",
        ),
        pytest.param("[[1, 2]]", None, "holds JSON, not CSV: [[1, 2]]; name it .json", id="json"),
        pytest.param(
            "19980102,0.86,0.0089,1\n",
            None,
            "the first row holds 4 values, and a bar has 6: 19980102",
            id="factor-file",
        ),
        pytest.param(
            "19980102 00:00,136300,162500,135000,162500,6315000\n",
            None,
            "those of a LEAN data folder: stamps in New York time without a zone, prices",
            id="lean-rows",
        ),
        pytest.param(
            csv_text(HOURS[::-1]),
            2,
            "newest first throughout; turn the rows round",
            id="newest-first",
        ),
        pytest.param(
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            None,
            "Git LFS pointer, not the data; run git lfs pull",
            id="git-lfs-pointer",
        ),
        pytest.param(replaced(2, prices="1,2,3"), 2, "4 fields, the header 6", id="short-row"),
        pytest.param(replaced(3, prices="x,1,1,1,1"), 3, "open 'x' is not a number", id="letters"),
        pytest.param(
            replaced(3, prices="1_0,1,1,1,1"), 3, "'1_0' is not a number", id="underscore"
        ),
        pytest.param(
            replaced(3, prices="١,1,1,1,1"), 3, "is not a number", id="digits-of-another-script"
        ),
        pytest.param(replaced(2, prices="1,1,,1,1"), 2, "low is missing", id="empty-price"),
        pytest.param(replaced(2, prices="1,1,1,nan,1"), 2, "close is nan", id="nan-price"),
        pytest.param(replaced(2, prices="1,inf,1,1,1"), 2, "high is inf", id="infinite-price"),
        pytest.param(replaced(1, prices="0,1,0,1,1"), 1, "open is 0.0", id="zero-price"),
        pytest.param(
            replaced(1, prices="1,1,-1,1,1"), 1, "low is -1.0; a price is positive", id="negative"
        ),
        pytest.param(replaced(3, prices="5,4,6,5,1"), 3, "high 4.0 is below low 6.0", id="crossed"),
        pytest.param(
            replaced(3, prices="7,6,4,5,1"),
            3,
            "open 7.0 lies outside low 4.0 to high 6.0",
            id="open",
        ),
        pytest.param(
            replaced(2, prices="5,6,4,3,1"), 2, "close 3.0 lies outside low 4.0", id="close"
        ),
        pytest.param(replaced(2, prices="5,6,4,5,-1"), 2, "volume is -1.0", id="negative-volume"),
        pytest.param(replaced(2, prices="5,6,4,5,nan"), 2, "volume is nan", id="nan-volume"),
        pytest.param(replaced(2, "yesterday"), 2, "'yesterday' is not a stamp", id="no-stamp"),
        pytest.param(replaced(2, "2024-13-04T00:00:00Z"), 2, "is not a stamp", id="month-13"),
        pytest.param(replaced(2, " "), 2, "the stamp is missing", id="empty-stamp"),
        pytest.param(replaced(2, "17"), 2, "no unit makes it a count", id="small-number"),
        pytest.param(
            replaced(3, HOURS[1]), 3, "2024-03-04 01:00:00Z is there twice", id="duplicate"
        ),
        pytest.param(
            replaced(3, "2024-03-03T23:00:00Z"),
            3,
            "comes after 2024-03-04 01:00:00Z: out of order; sort the rows",
            id="out-of-order",
        ),
        pytest.param(
            replaced(2, "2024-03-04T01:30:00Z"),
            2,
            "01:30:00Z is not on the step of 1h",
            id="overlap",
        ),
        pytest.param(
            replaced(2, "2024-03-04T01:00:00.5Z"), 2, "is not on the step", id="half-a-second-late"
        ),
        pytest.param(
            replaced(2, "2024-03-04T01:00:00"), 2, "without a zone", id="zone-forgotten-once"
        ),
        pytest.param(
            replaced(3, "2024-03-04T07:00:00+05:00"),
            3,
            "at +05:00, the rows before are at +00:00: mixed time zones",
            id="mixed-zones",
        ),
        pytest.param(
            csv_text(
                ("2024-03-03T23:00:00-01:00", "2024-03-04T01:00:00Z", "2024-03-04T03:00:00+01:00")
            ),
            3,
            "mixed time zones",
            id="three-zones",
        ),
        pytest.param(
            replaced(2, "2024-03-04"), 2, "mixes dates and times", id="a-date-among-times"
        ),
        pytest.param(
            csv_text(tuple(stamp.removesuffix("Z") for stamp in HOURS)),
            1,
            "names no time zone; write it like 2024-03-08T14:30:00Z, or declare",
            id="naive",
        ),
        pytest.param(
            csv_text(("2024-03-04", "2024-03-05", "2024-03-06")),
            1,
            "a date, and bars of 1h need a time of day",
            id="dates-in-an-hourly-file",
        ),
        pytest.param(
            replaced(3, "2124-03-04T00:00:00Z"), 3, "is in the future", id="bar-from-the-future"
        ),
        pytest.param(
            replaced(3, "9999-03-04T00:00:00Z"), 3, "is not of this age", id="beyond-nanoseconds"
        ),
        pytest.param('a,"b\n', None, "the text is not CSV", id="broken-quotes"),
    ],
)
def test_a_faulty_csv_is_refused_with_file_row_and_fault(
    tmp_path: Path, text: str, row: int | None, words: str
) -> None:
    with pytest.raises(BadData) as caught:
        read_text(tmp_path, "BTC-USD.1h.csv", text)

    assert caught.value.file == tmp_path / "BTC-USD.1h.csv"
    assert caught.value.row == row
    assert words in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("table", "row", "words"),
    [
        pytest.param(frame().drop("close"), None, "no column close", id="missing-column"),
        pytest.param(frame().clear(), None, "no rows", id="zero-rows"),
        pytest.param(frame(close=[105.0, None, 101.0]), 2, "close is missing", id="null-price"),
        pytest.param(frame(close=[1.0, 2.0, float("nan")]), 1, "close 1.0 lies", id="first-fault"),
        pytest.param(frame(close=[105.0, 110.0, float("nan")]), 3, "close is nan", id="nan-price"),
        pytest.param(frame(close=["a", "b", "c"]), None, "close holds String", id="text-prices"),
        pytest.param(frame(ts=list(HOURS)), None, "ts holds String", id="text-stamps"),
        pytest.param(
            frame().with_columns(ts=pl.when(pl.col("close") != 110.0).then(pl.col("ts"))),
            2,
            "ts is missing",
            id="null-stamp",
        ),
        pytest.param(
            frame().with_columns(pl.col("ts").dt.replace_time_zone(None)),
            1,
            "name no time zone; store them with time zone UTC",
            id="naive",
        ),
        pytest.param(frame().reverse(), 2, "out of order", id="newest-first"),
    ],
)
def test_a_faulty_parquet_is_refused_with_file_row_and_fault(
    tmp_path: Path, table: pl.DataFrame, row: int | None, words: str
) -> None:
    with pytest.raises(BadData) as caught:
        read_frame(tmp_path, "BTC-USD.1h.parquet", table)

    assert caught.value.file == tmp_path / "BTC-USD.1h.parquet"
    assert caught.value.row == row
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(lambda raw: b"", "empty", id="zero-bytes"),
        pytest.param(lambda raw: raw[: len(raw) // 2], "cut off", id="cut-off"),
        pytest.param(lambda raw: b"hello, world", "not Parquet", id="something-else"),
        pytest.param(lambda raw: b"PAR1PAR1", "damaged", id="magic-words-only"),
        pytest.param(
            lambda raw: raw[:-300] + bytes(280) + raw[-20:], "damaged", id="footer-overwritten"
        ),
        pytest.param(
            lambda raw: b"version https://git-lfs.github.com/spec/v1\n", "LFS", id="git-lfs-pointer"
        ),
    ],
)
def test_a_damaged_parquet_is_refused_by_name(
    tmp_path: Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    path = tmp_path / "BTC-USD.1h.parquet"
    frame().write_parquet(path)
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(BadData, match=words) as caught:
        read(path)

    assert caught.value.file == path


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "BTC-USD.1h.csv"
    path.write_bytes(b"ts,open\xff")

    with pytest.raises(BadData, match="byte 7 is not UTF-8"):
        read(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("BTC-USD.csv", "which instrument and step", id="no-step"),
        pytest.param("BTC-USD.7h.csv", "step '7h' is not a step", id="step-divides-no-day"),
        pytest.param("BTC-USD.1w.csv", "step '1w' is not a step", id="unknown-unit"),
        pytest.param("BTC-USD.0h.csv", "step '0h' is not a step", id="step-of-nothing"),
        pytest.param("BTC-USD.1h.xlsx", "kind .xlsx cannot be read", id="unknown-kind"),
        pytest.param("NOSUCH-USD.1h.csv", "'NOSUCH-USD' is unknown", id="unknown-symbol"),
        pytest.param(
            "BTC-USDT.1h.csv",
            "prices in USDT count as US dollars only where an alias USDT=USD says so",
            id="tether-without-alias",
        ),
    ],
)
def test_a_name_that_does_not_identify_the_file_is_refused(
    tmp_path: Path, name: str, words: str
) -> None:
    with pytest.raises(BadData) as caught:
        read_text(tmp_path, name, csv_text())

    assert caught.value.file == tmp_path / name
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"BTC-USD\.1h\.csv: there is no such file"):
        read(tmp_path / "BTC-USD.1h.csv")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "BTC-USD.1h.csv").mkdir()

    with pytest.raises(BadData, match="cannot be read"):
        read(tmp_path / "BTC-USD.1h.csv")


def test_two_files_of_one_instrument_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "BTC-USD.1h.csv", tmp_path / "BTC-USDT.1h.csv"]
    for path in paths:
        path.write_text(csv_text())

    with pytest.raises(BadData, match=r"BTC-USDT.*was read already from .*BTC-USD\.1h"):
        load(paths, Registry.builtin(), reading=Reading(quote_alias={"USDT": "USD"}))


def test_the_asset_class_decides_between_a_fund_and_a_coin(tmp_path: Path) -> None:
    path = tmp_path / "ETH.1d.csv"
    path.write_text(csv_text(("2024-08-01", "2024-08-02", "2024-08-05")))
    listed = load([BarFile(path, asset_class=AssetClass.US_EQUITY)], Registry.builtin())

    assert listed[0].key == "us_equity:ETH"
    with pytest.raises(BadData, match="ambiguous"):
        load([path], Registry.builtin())


@pytest.mark.parametrize(
    ("stamps", "row", "words"),
    [
        pytest.param(
            ("2024-03-08", "2024-03-09", "2024-03-11"),
            2,
            "2024-03-09 is not a session of the exchange",
            id="saturday",
        ),
        pytest.param(
            ("2024-03-27", "2024-03-28", "2024-03-29"), 3, "2024-03-29 is not a", id="good-friday"
        ),
        pytest.param(
            ("2024-03-08T05:00:00Z", "2024-03-11T04:00:00Z", "2024-03-12T04:00:00Z"),
            1,
            "2024-03-08 05:00:00 has a time of day",
            id="new-york-midnight-written-in-utc",
        ),
        pytest.param(
            ("2024-03-11", "2024-03-08", "2024-03-12"), 2, "out of order", id="out-of-order"
        ),
        pytest.param(("2024-03-08", "2024-03-08", "2024-03-12"), 2, "there twice", id="duplicate"),
        pytest.param(
            ("1962-01-02", "1962-01-03", "1962-01-04"), 1, "no session table", id="before-the-table"
        ),
    ],
)
def test_a_faulty_daily_file_of_shares_is_refused(
    tmp_path: Path, stamps: tuple[str, ...], row: int, words: str
) -> None:
    with pytest.raises(BadData) as caught:
        read_text(tmp_path, "TQQQ.1d.csv", csv_text(stamps))

    assert (caught.value.file, caught.value.row) == (tmp_path / "TQQQ.1d.csv", row)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("stamps", "row", "words"),
    [
        pytest.param(
            ("2024-03-08T13:30:00Z", "2024-03-08T14:30:00Z", "2024-03-08T15:30:00Z"),
            1,
            "lies outside the trading session",
            id="before-the-open",
        ),
        pytest.param(
            ("2024-03-08T19:00:00Z", "2024-03-08T20:00:00Z", "2024-03-08T21:00:00Z"),
            3,
            "lies outside the trading session",
            id="after-the-close",
        ),
        pytest.param(
            ("2024-03-08T15:00:00Z", "2024-03-09T15:00:00Z", "2024-03-11T15:00:00Z"),
            2,
            "lies outside the trading session",
            id="saturday",
        ),
        pytest.param(
            ("2024-03-08T15:00:00Z", "2024-03-08T16:20:00Z", "2024-03-08T17:00:00Z"),
            2,
            "not on the step of 1h",
            id="off-both-grids",
        ),
        pytest.param(
            ("2024-03-08T15:00:00Z", "2024-03-08T15:30:00Z", "2024-03-08T17:00:00Z"),
            2,
            "begins before the one in the row before has ended",
            id="grids-mixed",
        ),
    ],
)
def test_a_faulty_intraday_file_of_shares_is_refused(
    tmp_path: Path, stamps: tuple[str, ...], row: int, words: str
) -> None:
    with pytest.raises(BadData) as caught:
        read_text(tmp_path, "SPY.1h.csv", csv_text(stamps))

    assert caught.value.row == row
    assert words in str(caught.value)


def test_rows_outside_the_session_are_dropped_and_counted_once_declared(tmp_path: Path) -> None:
    stamps = ("2024-03-08T14:00:00Z", "2024-03-08T22:00:00Z", "2024-03-11T15:00:00Z")

    series = read_text(tmp_path, "SPY.1h.csv", csv_text(stamps), drops_outside=True)

    assert list(series.starts) == [ns("2024-03-08T14:30:00Z"), ns("2024-03-11T15:00:00Z")]
    assert list(series.closes) == [105.0, 101.0]
    assert series.source.rows_dropped == 1


def test_a_future_row_is_named_by_its_place_in_the_file_after_drops(tmp_path: Path) -> None:
    stamps = ("2024-03-08T14:00:00Z", "2024-03-08T22:00:00Z", "2024-03-11T15:00:00Z")
    now_ns = ns("2024-03-11T15:30:00Z")

    with pytest.raises(BadData, match="in the future") as caught:
        read_text(tmp_path, "SPY.1h.csv", csv_text(stamps), drops_outside=True, now_ns=now_ns)

    assert caught.value.row == 3


def test_a_file_wholly_outside_the_sessions_is_refused_even_then(tmp_path: Path) -> None:
    text = csv_text(tuple(stamp.replace("03-04", "03-09") for stamp in HOURS))

    with pytest.raises(BadData, match="every row lies outside"):
        read_text(tmp_path, "SPY.1h.csv", text, drops_outside=True)


def test_days_of_another_zone_are_refused_for_coins(tmp_path: Path) -> None:
    stamps = tuple(f"2024-03-0{day} 00:00:00+03:00" for day in (4, 5, 6))

    with pytest.raises(BadData) as caught:
        read_text(tmp_path, "BTC-USD.1d.csv", csv_text(stamps))

    assert caught.value.row == 1
    assert caught.value.fault == (
        "the day begins at 2024-03-03 21:00:00Z, and days of coins are UTC days"
    )


@pytest.mark.parametrize("step", ["1m", "5m", "30m"])
def test_a_step_finer_than_the_rows_is_refused(tmp_path: Path, step: str) -> None:
    with pytest.raises(BadData, match=f"no two rows are {step} apart; the closest are 1h"):
        read_text(tmp_path, f"BTC-USD.{step}.csv", csv_text())


def test_a_bar_that_is_still_forming_is_from_the_future(tmp_path: Path) -> None:
    now_ns = ns("2024-03-04T02:30:00Z")

    with pytest.raises(BadData, match="2024-03-04 03:00:00Z, which is in the future") as caught:
        read_text(tmp_path, "BTC-USD.1h.csv", csv_text(), now_ns=now_ns)

    assert caught.value.row == 3
    assert len(read_text(tmp_path, "BTC-USD.1h.csv", csv_text(), now_ns=now_ns + HOUR_NS)) == 3


@pytest.mark.parametrize(
    ("text", "step_ns"),
    [
        ("1m", MINUTE_NS),
        ("15m", 15 * MINUTE_NS),
        ("1h", HOUR_NS),
        ("1d", DAY_NS),
        ("90s", 90 * 10**9),
    ],
)
def test_parse_step(text: str, step_ns: int) -> None:
    assert parse_step(text) == step_ns


# --- real files, where there are any ------------------------------------------------------------


def real_files() -> list[Path]:
    """Return what this machine has of real prices that the registry knows."""
    known = Registry.builtin()
    alias = {"USDT": "USD"}
    found = []
    for path in sorted([*DATA.glob("crypto/*.parquet"), *DATA.glob("etf/**/*.parquet")]):
        try:
            known.resolve(path.name.split(".")[0], quote_alias=alias)
        except BadData:
            continue
        found.append(path)
    return found


def generated_file(folder: Path) -> Path:
    """Write two years of hours with one hole, so that this test runs everywhere."""
    start = datetime(2022, 1, 1, tzinfo=UTC)
    hours = [hour for hour in range(17_520) if not 5_000 <= hour < 5_033]
    count = len(hours)
    table = pl.DataFrame(
        {
            "ts": [start + timedelta(hours=hour) for hour in hours],
            "open": [100.0 + hour % 7 for hour in hours],
            "high": [107.0] * count,
            "low": [99.0] * count,
            "close": [100.0 + (hour + 1) % 7 for hour in hours],
            "volume": [1.0] * count,
        }
    )
    path = folder / "BTC-USDT.1h.parquet"
    table.write_parquet(path)
    return path


@pytest.mark.parametrize(
    "path", [None, *real_files()], ids=lambda path: path.name if path else "generated"
)
def test_a_long_file_loads_and_its_bars_rise_without_overlap(
    path: Path | None, tmp_path: Path
) -> None:
    file = path or generated_file(tmp_path)

    series = read(file, quote_alias={"USDT": "USD"}, drops_outside=True)

    rows = pl.read_parquet(file)
    # The hourly SPY has 47 rows after the close of a short day, the one-minute files at most one.
    assert series.source.rows_dropped <= 47
    assert len(series) == len(rows) - series.source.rows_dropped
    if series.source.rows_dropped == 0:
        assert list(series.closes) == rows["close"].to_list()
    assert all(start < end for start, end in zip(series.starts, series.ends, strict=True))
    assert all(end <= start for end, start in zip(series.ends, series.starts[1:], strict=False))
    if path is None:
        assert series.holes.bars_missing == series.holes.longest == 33


@pytest.mark.parametrize(
    "path",
    [None, *sorted(DATA.glob("etf/*.1d.parquet"))],
    ids=lambda p: p.name if p else "generated",
)
def test_no_daily_bar_of_a_share_is_known_before_its_session_has_closed(
    path: Path | None, tmp_path: Path
) -> None:
    if path is None:
        days = [date(2024, 7, 1), date(2024, 7, 2), date(2024, 7, 3), date(2024, 7, 5)]
        start = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
        table = frame().vstack(frame()[:1]).with_columns(pl.Series("ts", start))
        path = tmp_path / "SPY.1d.parquet"
        table.write_parquet(path)

    series = read(path)

    dates = pl.read_parquet(path)["ts"].dt.date().to_list()
    sessions = Sessions.xnys()
    for day, bar in zip(dates, series, strict=True):
        session = sessions.session_on(day)
        assert session is not None
        assert (bar.start_ns, bar.end_ns) == (session.open_ns, session.close_ns)
        # At any earlier hour of that UTC day the row is not known.
        assert bar.end_ns >= ns(f"{day}T16:00:00Z")
