"""Kinds of bar files beside CSV and Parquet, and what a user may declare of them."""

import io
import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from smart_leverage.domain.clock import HOUR_NS, MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.files import BarFile, Reading, load

START_S = 1_709_510_400
"""2024-03-04 00:00 UTC."""

PRICES = ((100.0, 110.0, 90.0, 105.0, 7.0), (105.0, 120.0, 100.0, 110.0, 0.0))
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "import-prices.md"
BITFINEX = ("ts", "open", "close", "high", "low", "volume")


def read(file: Path | BarFile) -> BarSeries:
    return load([file], Registry.builtin(), reading=Reading(quote_alias={"USDT": "USD"}))[0]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(step_s: int = 3600) -> list[list[float]]:
    return [[(START_S + n * step_s) * 1000, *prices] for n, prices in enumerate(PRICES)]


def klines(unit: int = 1000, step_s: int = 900, *, end_unit: int = 1000) -> str:
    """Return rows of an exchange's kline file; the end of a bar is its last unit of time."""
    lines = []
    for number, prices in enumerate(PRICES):
        start = START_S + number * step_s
        fields = [start * unit, *prices, (start + step_s) * end_unit - 1, 9.5, 3, 1.0, 2.0, 0]
        lines.append(",".join(map(str, fields)))
    return "\n".join(lines) + "\n"


def kline_answer() -> str:
    """Return klines as an exchange answers: stamps and counts as numbers, prices as text."""
    table = [line.split(",") for line in klines(step_s=3600).split()]
    return json.dumps(
        [[int(row[0]), *row[1:6], int(row[6]), row[7], int(row[8]), *row[9:]] for row in table]
    )


def frame() -> pl.DataFrame:
    start = datetime(2024, 3, 4, tzinfo=UTC)
    opens, highs, lows, closes, volumes = zip(*PRICES, strict=True)
    return pl.DataFrame(
        {
            "date": [start, start + timedelta(hours=1)],
            "open": opens,
            "high": highs,
            "low": lows,
            "close": closes,
            "volume": volumes,
        }
    )


def feather(table: pl.DataFrame) -> bytes:
    sink = io.BytesIO()
    table.write_ipc(sink, compression="lz4")
    return sink.getvalue()


def columns(series: BarSeries) -> list[tuple[float, ...]]:
    return [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in series]


def refusal(file: Path | BarFile) -> BadData:
    with pytest.raises(BadData) as caught:
        read(file)
    assert caught.value.file == (file.path if isinstance(file, BarFile) else file)
    return caught.value


# --- what is accepted ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("BTC_USDT-1h.feather", feather(frame()), id="feather"),
        pytest.param("BTC_USDT-1h.json", json.dumps(rows()), id="json"),
        pytest.param("BTCUSDT-1h.json", kline_answer(), id="json-of-klines-with-prices-as-text"),
        pytest.param("BTCUSDT-1h.csv", klines(step_s=3600), id="klines"),
        pytest.param("BTCUSDT.1h.csv", klines(1, 3600), id="klines-in-seconds-ending-in-ms"),
        pytest.param(
            "BTC-USDT.1h.csv", klines(10**6, 3600, end_unit=10**6), id="klines-in-microseconds"
        ),
    ],
)
def test_files_as_exchanges_and_bots_write_them_are_read_as_they_stand(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    series = read(write(tmp_path / name, content))

    assert (series.key, series.step_ns, series.source.quoted_in) == (
        "crypto:BTC/USD",
        HOUR_NS,
        "USDT",
    )
    assert list(series.starts) == [START_S * 10**9, (START_S + 3600) * 10**9]
    assert columns(series) == list(PRICES)


def test_another_order_of_a_list_is_read_once_it_is_declared(tmp_path: Path) -> None:
    turned = [
        [at, open_, close, high, low, volume] for at, open_, high, low, close, volume in rows()
    ]
    path = write(tmp_path / "candles.json", json.dumps(turned))

    series = read(BarFile(path, symbol="BTC-USD", step="1h", columns=BITFINEX))

    assert columns(series) == list(PRICES)


def test_declared_names_stand_above_a_header_that_is_wrong(tmp_path: Path) -> None:
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n2024-03-08,8.5,105,110,90,100,7\n"
    path = write(tmp_path / "SMH.1d.csv", text)
    names = ("date", "adjusted", "close", "high", "low", "open", "volume")

    assert columns(read(BarFile(path, columns=names))) == [PRICES[0]]


def test_declared_names_serve_a_csv_without_a_header_and_a_feather_file(tmp_path: Path) -> None:
    text = write(tmp_path / "BTC-USD.1h.csv", f"7,{START_S},100,90,110,105\n")
    names = ("volume", "ts", "open", "low", "high", "close")
    table = write(tmp_path / "ETH-USD.1h.feather", feather(frame().rename({"date": "begin"})))
    standard = ("ts", "open", "high", "low", "close", "volume")

    assert columns(read(BarFile(text, columns=names))) == [PRICES[0]]
    assert columns(read(BarFile(table, columns=standard))) == list(PRICES)


def test_a_symbol_of_shares_may_have_a_step_behind_a_hyphen(tmp_path: Path) -> None:
    path = write(tmp_path / "SPY-1d.csv", "ts,open,high,low,close,volume\n2024-03-08,1,1,1,1,1\n")

    assert read(path).key == "us_equity:SPY"


def test_lists_and_klines_load_no_heavy_library(tmp_path: Path) -> None:
    write(tmp_path / "BTC-USD.1h.json", json.dumps(rows()))
    write(tmp_path / "ETH-USD.15m.csv", klines())
    program = (
        "import sys; from pathlib import Path\n"
        "from smart_leverage.domain.registry import Registry\n"
        "from smart_leverage.market.files import load\n"
        "load([Path(each) for each in sys.argv[1:]], Registry.builtin())\n"
        "print(sorted({'numpy', 'polars', 'pandas', 'numba'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


# --- what is refused ----------------------------------------------------------------------------


def test_an_undeclared_order_is_refused_by_what_the_columns_hold(tmp_path: Path) -> None:
    turned = [
        [at, open_, close, high, low, volume] for at, open_, high, low, close, volume in rows()
    ]
    path = write(tmp_path / "BTC-USD.1h.json", json.dumps(turned))

    said = refusal(path)

    assert said.row == 1
    assert said.fault == (
        "high 105.0 is below low 110.0 (2 of 2 rows contradict themselves; the highest price of "
        "every row stands under low)"
    )
    assert said.fix == "check which column is which; their order can be declared"


def test_one_row_that_contradicts_itself_does_not_accuse_the_header(tmp_path: Path) -> None:
    faulty = rows()
    faulty[1][2] = 99.0
    path = write(tmp_path / "BTC-USD.1h.json", json.dumps(faulty))

    said = refusal(path)

    assert (said.fault, said.row) == ("high 99.0 is below low 100.0", 2)
    assert said.fix == "drop the row, or fetch it again"


@pytest.mark.parametrize(
    ("content", "row", "words"),
    [
        pytest.param("[[1709510400000, 1", None, "not JSON, or was cut off", id="cut-off"),
        pytest.param("[]", None, "the file has no rows", id="no-rows"),
        pytest.param('{"code": -1121}', None, 'object, not bars: {"code": -1121}', id="message"),
        pytest.param('[{"open": 1}]', None, "is not a list of rows; write [[", id="objects"),
        pytest.param("[1, 2]", None, "is not a list of rows", id="numbers"),
        pytest.param("[[1709510400000, 1, 1]]", 1, "has 3 fields, not 6", id="short-rows"),
        pytest.param(
            "[[1709510400000,1,1,1,1,1],[1709514000000,1]]", 2, "has 2 fields", id="short-row"
        ),
        pytest.param("[[1709510400000,1,1,1,null,1]]", 1, "close is missing", id="null"),
        pytest.param("[[1709510400000,1,1,1,true,1]]", 1, "'True' is not a number", id="truth"),
        pytest.param("[[1709510400000,1,1,1,[],1]]", 1, "'[]' is not a number", id="list"),
        pytest.param("[[17,1,1,1,1,1]]", 1, "no unit makes it a count", id="no-stamp"),
        pytest.param("[[null,1,1,1,1,1]]", 1, "the stamp is missing", id="no-stamp-at-all"),
        pytest.param("[" * 100_000, None, "is not a list of rows", id="depth"),
        pytest.param("{\x1b[2J", None, "not bars: {?[2J; read", id="letters-that-steer-a-terminal"),
        pytest.param(b"[[\xff]]", None, "not JSON", id="no-text"),
    ],
)
def test_a_faulty_json_is_refused_with_row_and_fault(
    tmp_path: Path, content: str | bytes, row: int | None, words: str
) -> None:
    said = refusal(write(tmp_path / "BTC-USD.1h.json", content))

    assert said.row == row
    assert words in str(said)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", "the file is empty", id="zero-bytes"),
        pytest.param(
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
            "Git LFS pointer, not the data; run git lfs pull",
            id="git-lfs-pointer",
        ),
        pytest.param(feather(frame().clear()), "the file has no rows", id="zero-rows"),
        pytest.param(feather(frame())[:-40], "not Feather, or was cut off", id="cut-off"),
        pytest.param(b"FEA1 and so on FEA1", "not Feather", id="version-1"),
        pytest.param(b"ARROW1\0\0ARROW1", "the Feather file is damaged", id="marks-only"),
        pytest.param(feather(frame().drop("low")), "no column low among date", id="no-low"),
    ],
)
def test_a_faulty_feather_is_refused_by_what_it_is(
    tmp_path: Path, content: bytes, words: str
) -> None:
    assert words in str(refusal(write(tmp_path / "BTC_USDT-1h.feather", content)))


def test_what_is_no_bar_file_is_refused_before_its_name_is_asked(tmp_path: Path) -> None:
    assert "Git LFS" in str(
        refusal(write(tmp_path / "any.feather", b"version https://git-lfs.github.com/spec/v1\n"))
    )
    (tmp_path / "chunks").mkdir()
    assert "is a folder" in str(refusal(tmp_path / "chunks"))


def archive(*texts: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        for number, text in enumerate(texts):
            made.writestr(f"part-{number}.csv", text)
    return sink.getvalue()


def packed_badly() -> bytes:
    whole = archive("ts,open,high,low,close,volume\n" * 9)
    begin = whole.index(b"part-0.csv") + len("part-0.csv")
    return whole[:begin] + b"\xff" * 8 + whole[begin + 8 :]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(
            archive("19980102 00:00,136300,162500,135000,162500,6315000\n"),
            "a LEAN data folder: stamps in New York time without a zone, prices of shares times",
            id="lean",
        ),
        pytest.param(archive("ts,open\n"), "in it: part-0.csv; unpack it", id="csv-inside"),
        pytest.param(archive(*["ts\n"] * 4), "part-0.csv, part-1.csv, part-2.csv, ...", id="many"),
        pytest.param(archive(), "in it: nothing", id="nothing"),
        pytest.param(packed_badly(), "the archive is damaged", id="damaged-inside"),
        pytest.param(b"PK\x03\x04 cut", "the archive is damaged", id="damaged"),
    ],
)
def test_an_archive_is_refused_by_what_is_in_it(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in str(refusal(write(tmp_path / "aapl.zip", content)))


def test_klines_read_in_a_finer_step_are_refused(tmp_path: Path) -> None:
    third = klines() + klines().splitlines()[0].replace(f"{START_S}000", f"{START_S + 1800}000")
    path = write(tmp_path / "BTC-USD.5m.csv", third)

    assert "no two rows are 5m apart; the closest are 15m" in str(refusal(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            klines().splitlines()[0].replace(",1709511299999,", ",1709509499999,"),
            "no header row",
            id="end-before-start",
        ),
        pytest.param(
            klines().splitlines()[0].replace(",9.5,", ",?,"), "no header row", id="letters"
        ),
        pytest.param(klines().replace(f"{START_S}", "17", 1), "no header row", id="no-stamp"),
    ],
)
def test_twelve_values_that_are_no_kline_are_not_taken_for_one(
    tmp_path: Path, text: str, words: str
) -> None:
    assert words in str(refusal(write(tmp_path / "BTC-USD.15m.csv", text)))


def test_more_or_fewer_names_than_columns_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "BTC-USD.15m.csv", klines())

    said = refusal(BarFile(path, columns=("ts", "open", "high", "low", "close", "volume")))

    assert said.fault == "6 columns are declared and the file has 12"
    assert "the first row is 1709510400000, 100.0, 110.0" in said.fix


def test_a_declaration_that_leaves_a_column_out_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "BTC-USD.1h.csv", f"{START_S},100,90,110,105,7\n")

    said = refusal(BarFile(path, columns=("ts", "open", "low", "high", "price", "volume")))

    assert said.fault == "there is no column close among ts, open, low, high, price, volume"


def test_the_example_of_the_guide_writes_a_file_that_reads_the_same(tmp_path: Path) -> None:
    turned = [[at, *(row[n] for n in (0, 3, 1, 2, 4))] for at, *row in rows(60)]
    candles = write(tmp_path / "candles.json", json.dumps(turned))
    program = GUIDE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]

    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)

    first = read(BarFile(candles, symbol="BTC-USD", step="1m", columns=BITFINEX))
    again = read(tmp_path / "BTC-USD.1m.csv")
    assert list(again) == list(first)
    assert columns(again) == list(PRICES)


def test_minutes_without_a_trade_stay_holes_in_a_list(tmp_path: Path) -> None:
    table = [*rows(60), [(START_S + 300) * 1000, *PRICES[1]]]
    series = read(write(tmp_path / "BTC_USD-1m.json", json.dumps(table)))

    assert series.step_ns == MINUTE_NS
    assert (series.holes.count, series.holes.bars_missing) == (1, 3)
