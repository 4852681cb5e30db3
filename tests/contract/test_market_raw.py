"""Bar files as people find them: each is read with these figures or refused with these words.

The files are kept beside the repository, not in it; `tests/unit/test_market_kinds.py` and
`test_market_jumps.py` imitate each trap with rows of their own. `python -m
tests.contract.test_market_raw` prints what happens to every file.
"""

import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.registry import Registry, unknown_coin
from smart_leverage.market.bars import Summary, summary
from smart_leverage.market.files import BarFile, Reading, load

RAW = Path(__file__).parents[2] / ".." / "shared" / "data" / "raw"
KNOWN = Registry.builtin().with_instruments(
    [unknown_coin("UNITTEST/BTC", Decimal("0.002")), unknown_coin("RENDER/USD", Decimal(5))]
)
BITFINEX = ("ts", "open", "close", "high", "low", "volume")
SMH = ("date", "adjusted", "close", "high", "low", "open", "volume")
CHUNKS = {hour: f"bitfinex-2018-01-16/18-01-16_{hour:02d}-00-00.json" for hour in range(0, 24, 2)}
CHUNK_ENDS = {hour: f"2018-01-16 {hour + 2:02d}:00:00Z" for hour in range(0, 22, 2)} | {
    22: "2018-01-17 00:00:00Z"
}
BITFINEX_FAULT = "(120 of 120 rows contradict themselves; the highest price of every row stands"
UTC = {"is_naive_utc": True}
NAMELESS = "the name does not say which instrument and step; name it like BTC-USDT.1h.parquet"


class Read(NamedTuple):
    """Figures of a file that is read; times are UTC, `last` the end of the last bar."""

    rows: int
    first: str
    last: str
    holes: int = 0
    missing: int = 0
    dropped: int = 0
    doubts: tuple[str, ...] = ()


class Refused(NamedTuple):
    """Row and words of a refusal; the code is always that of bad data."""

    row: int | None
    words: str


class Case(NamedTuple):
    """A file, what a user says of it, what he did to it after a refusal, and what comes of it."""

    name: str
    wanted: Read | Refused
    said: Mapping[str, Any] = {}
    reading: Mapping[str, Any] = {}
    mended: str = ""


def without_row(row: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: lines[:row] + lines[row + 1 :]


def sorted_once(lines: list[str]) -> list[str]:
    """Drop the row without prices, sort, and keep the first row of each minute."""
    first = {line[:25]: line for line in reversed(without_row(1939)(lines)[1:])}
    return [lines[0], *(first[stamp] for stamp in sorted(first))]


MENDS: dict[str, Callable[[list[str]], list[str]]] = {
    "turned round": lambda lines: [lines[0], *lines[:0:-1]],
    "row 1939 dropped": without_row(1939),
    "row 1939 dropped, sorted, one row a minute": sorted_once,
    "rows to 9665 kept": lambda lines: lines[:9666],
    "rows from 9666 kept": lambda lines: [lines[0], *lines[9666:]],
    "turned round, split 3:1 put in": lambda lines: [lines[0], *map(divided, lines[:0:-1])],
}


def divided(line: str) -> str:
    date, *prices, adjusted, volume, dividend, split = line.split(",")
    if date < "2013-04-02":
        prices = [str(float(price) / 3) for price in prices]
    return ",".join([date, *prices, adjusted, volume, dividend, split])


SHUFFLED = "row 1939 dropped, sorted, one row a minute"
DOGE: dict[str, Any] = {"symbol": "DOGEUSDT", "step": "1h"}
SPXL: dict[str, Any] = {"symbol": "SPXL", "step": "1d"}
MINUTES: dict[str, Any] = {"symbol": "BTC-USD", "step": "1m"}

CASES = [
    Case("DOGEUSDT-1h-offset.csv", Refused(None, NAMELESS)),
    Case(
        "DOGEUSDT-1h-offset.csv",
        Read(6000, "2020-10-23 08:00:00Z", "2021-06-30 08:00:00Z"),
        DOGE,
    ),
    Case("LUNAUSDT-1h.csv", Refused(1, "names no time zone; write it like 2024-03-08T14:30:00Z")),
    Case(
        "LUNAUSDT-1h.csv",
        Refused(
            9666,
            "opens at 1.0 after a close of 5e-05, 20,000 times higher, behind a hole that begins "
            "at 2022-05-13 01:00:00Z: another asset, unit or adjustment begins here; keep the rows "
            "of one side, or declare",
        ),
        reading=UTC,
    ),
    Case(
        "LUNAUSDT-1h.csv",
        Read(
            9665,
            "2021-04-04 21:00:00Z",
            "2022-05-13 01:00:00Z",
            holes=4,
            missing=11,
            doubts=(
                "row 9,663: the low 0.00115 is less than half of open 0.00409 and close 0.0024",
            ),
        ),
        reading=UTC,
        mended="rows to 9665 kept",
    ),
    Case(
        "LUNAUSDT-1h.csv",
        Read(
            13886,
            "2022-05-31 06:00:00Z",
            "2023-12-30 21:00:00Z",
            holes=1,
            missing=1,
            doubts=("row 1: the high 25.0 is over twice open 1.0 and close 8.5558",),
        ),
        reading=UTC,
        mended="rows from 9666 kept",
    ),
    Case("RENDER_USDT-1h.feather", Refused(None, "the file has no rows, only names of columns")),
    Case("SMH-1d-mislabelled.csv", Refused(None, NAMELESS)),
    Case(
        "SMH-1d-mislabelled.csv",
        Refused(
            1,
            "high 49.34375 is below low 50.25 (1,904 of 1,904 rows contradict themselves; the "
            "highest price of every row stands under low); check which column is which",
        ),
        {"symbol": "SMH", "step": "1d"},
    ),
    Case(
        "SMH-1d-mislabelled.csv",
        Read(1904, "2000-06-05 13:30:00Z", "2007-12-31 21:00:00Z"),
        {"symbol": "SMH", "step": "1d", "columns": SMH},
    ),
    Case("SPXL-1d-unadjusted.csv", Refused(None, NAMELESS)),
    Case(
        "SPXL-1d-unadjusted.csv",
        Refused(2, "out of order, newest first throughout; turn the rows round, oldest first"),
        SPXL,
    ),
    Case(
        "SPXL-1d-unadjusted.csv",
        Refused(
            1107,
            "opens at 38.9 after a close of 115.45, which looks like a split 3:1 that is not in "
            "the prices before; fetch prices adjusted for splits, or divide the prices before",
        ),
        SPXL,
        mended="turned round",
    ),
    Case(
        "SPXL-1d-unadjusted.csv",
        Refused(2135, "opens at 32.63 after a close of 129.76, which looks like a split 4:1"),
        SPXL,
        mended="turned round, split 3:1 put in",
    ),
    Case("SPY-1m.csv", Refused(1939, "open is missing; drop the row; nothing is filled in")),
    Case(
        "SPY-1m.csv",
        Refused(2834, "the bar at 2019-12-24 18:00:00Z lies outside the trading session"),
        mended="row 1939 dropped",
    ),
    Case(
        "SPY-1m.csv",
        Refused(7582, "out of order; sort the rows, oldest first"),
        reading={"drops_outside": True},
        mended="row 1939 dropped",
    ),
    Case(
        "SPY-1m.csv",
        Read(
            8359, "2019-12-13 16:00:00Z", "2020-01-16 21:00:00Z", holes=39, missing=341, dropped=1
        ),
        reading={"drops_outside": True},
        mended=SHUFFLED,
    ),
    Case(
        "TQQQ-daily-error.csv",
        Refused(None, 'a JSON object, not bars: { "Note": "Thank you for using Alpha Vantage! Our'),
    ),
    Case(
        "UNITTEST_BTC-1m.json",
        Read(13681, "2017-11-04 23:02:00Z", "2017-11-14 23:00:00Z", holes=538, missing=717),
    ),
    Case("UNITTEST_BTC-8m.feather", Refused(None, "the file is empty; fetch it again")),
    Case(
        "UVXY-1d.csv",
        Read(
            2152,
            "2011-10-04 13:30:00Z",
            "2020-04-23 20:00:00Z",
            doubts=(
                "row 978: opens at 34185.0 after a close of 20955.0",
                "row 2,120: opens at 52.040001 after a close of 33.450001",
                "303 of 2,152 rows have no volume",
            ),
        ),
    ),
    Case("bitfinex-2018-01-16", Refused(None, "is a folder and cannot be read as a file")),
    *(Case(name, Refused(1, BITFINEX_FAULT), MINUTES) for name in CHUNKS.values()),
    *(
        Case(
            name,
            Read(120, f"2018-01-16 {hour:02d}:00:00Z", CHUNK_ENDS[hour]),
            {**MINUTES, "columns": BITFINEX},
        )
        for hour, name in CHUNKS.items()
    ),
    Case("btcusdt-15m-2020.csv", Refused(None, NAMELESS)),
    Case(
        "btcusdt-15m-2020.csv",
        Read(18470, "2020-01-01 00:00:00Z", "2020-07-12 00:15:00Z", holes=5, missing=59),
        {"symbol": "BTCUSDT", "step": "15m"},
    ),
    Case(
        "btcusdt-15m-2020.csv",
        Refused(None, "no two rows are 5m apart; the closest are 15m; declare the step"),
        {"symbol": "BTCUSDT", "step": "5m"},
    ),
    Case(
        "btcusdt-15m-2020.csv",
        Refused(2, "2020-01-01 00:15:00Z is not on the step of 1h"),
        {"symbol": "BTCUSDT", "step": "1h"},
    ),
    Case("btcusdt-15m-500.csv", Refused(None, NAMELESS)),
    Case(
        "btcusdt-15m-500.csv",
        Read(500, "2020-05-20 15:30:00Z", "2020-05-25 20:30:00Z"),
        {"symbol": "BTCUSDT", "step": "15m"},
    ),
    Case("header-only.csv", Refused(None, NAMELESS)),
    Case(
        "header-only.csv",
        Refused(None, "the file has no rows, only names of columns; fetch it again"),
        {"symbol": "SOXL", "step": "1d"},
    ),
    Case("lean/aapl.zip", Refused(None, "prices of shares times 10,000, splits not in them")),
    Case("lean/aapl_factor.csv", Refused(None, NAMELESS)),
    Case(
        "lean/aapl_factor.csv",
        Refused(None, "the first row holds 4 values, and a bar has 6: 19980102, 0.8613657"),
        {"symbol": "AAPL", "step": "1d"},
    ),
    Case("lfs-pointer.feather", Refused(None, "a Git LFS pointer, not the data; run git lfs pull")),
]


def outcome(case: Case, folder: Path) -> Summary | BadData:
    """Return what comes of a file, mended in a copy where the case says so."""
    path = RAW / case.name
    if case.mended:
        lines = path.read_text().splitlines()
        path = folder / path.name
        path.write_text("\n".join(MENDS[case.mended](lines)) + "\n")
    reading = Reading(quote_alias={"USDT": "USD"}, **case.reading)
    try:
        return summary(load([BarFile(path, **case.said)], KNOWN, reading=reading)[0])
    except BadData as error:
        return error


def label(case: Case) -> str:
    """Return the file and what was said of it and done to it, for a person."""
    said = [f"{name} {value}" for name, value in case.said.items() if name != "columns"]
    said += ["columns declared"] * ("columns" in case.said) + list(case.reading)
    return f"{case.name} [{', '.join([*said, *([case.mended] * bool(case.mended))]) or 'as found'}]"


def told(came: Summary | BadData) -> str:
    """Return one line on what came of a file."""
    if isinstance(came, BadData):
        at = "" if came.row is None else f"row {came.row}: "
        return f"refused, {came.code}: {at}{came.fault}" + (f"; {came.fix}" if came.fix else "")
    return (
        f"read as {came.key} {came.step}: {came.rows:,} rows, {came.first} to {came.last}, "
        f"holes {came.holes}, bars missing {came.bars_missing}, rows dropped {came.rows_dropped}"
    ) + "".join(f"; {doubt}" for doubt in came.doubts)


@pytest.mark.needs("market-data")
@pytest.mark.parametrize("case", CASES, ids=label)
def test_a_file_as_found_is_read_with_these_figures_or_refused_with_these_words(
    case: Case, tmp_path: Path
) -> None:
    came = outcome(case, tmp_path)

    if isinstance(case.wanted, Refused):
        assert isinstance(came, BadData), told(came)
        assert (came.code, came.row) == ("data.bad", case.wanted.row)
        assert case.wanted.words in str(came)
        assert came.fix
        assert came.file is not None
        assert came.file.name == Path(case.name).name
    else:
        assert isinstance(came, Summary), told(came)
        assert case.wanted == Read(
            came.rows,
            came.first,
            came.last,
            came.holes,
            came.bars_missing,
            came.rows_dropped,
            came.doubts,
        )


@pytest.mark.needs("market-data")
def test_every_file_kept_as_found_is_judged() -> None:
    kept = {str(path.relative_to(RAW)) for path in RAW.rglob("*") if path.is_file()}

    assert kept == {case.name for case in CASES} - {"bitfinex-2018-01-16"}


def main() -> None:
    """Print what comes of every file, one line each."""
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            print(f"{label(case)}: {told(outcome(case, Path(folder)))}")


if __name__ == "__main__":
    main()
