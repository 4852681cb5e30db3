"""Prices that no market made: refused with row and ratio, or told when declared true."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.registry import Registry
from smart_leverage.market.bars import BarSeries, summary
from smart_leverage.market.files import Reading, load

Row = tuple[float, float, float, float]

DAYS = ("2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07", "2024-03-08", "2024-03-11")
START = datetime(2024, 3, 4, tzinfo=UTC)
TRUST = ", or declare that the jumps of the file are true"


def flat(price: float) -> Row:
    return (price, price, price, price)


def read(
    path: Path, rows: Sequence[Row], stamps: Sequence[str], volume: float = 1.0, **options: object
) -> BarSeries:
    lines = [
        f"{stamp},{','.join(map(str, row))},{volume}"
        for stamp, row in zip(stamps, rows, strict=False)
    ]
    path.write_text("\n".join(["ts,open,high,low,close,volume", *lines]) + "\n")
    return load([path], Registry.builtin(), reading=Reading(**options))[0]  # type: ignore[arg-type]


def shares(folder: Path, rows: Sequence[Row], **options: object) -> BarSeries:
    return read(folder / "SPXL.1d.csv", rows, DAYS, **options)  # type: ignore[arg-type]


def coins(folder: Path, rows: Sequence[Row], *, hole: int = 0, **options: object) -> BarSeries:
    """Read hourly bars, the last of them behind a hole of so many hours."""
    hours = [*range(len(rows) - 1), len(rows) - 1 + hole]
    stamps = [(START + timedelta(hours=hour)).isoformat() for hour in hours]
    return read(folder / "BTC-USD.1h.csv", rows, stamps, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prices", "words", "cure"),
    [
        pytest.param(
            (240.2, 240.2, 60.9, 61.0),
            "a split 4:1",
            "divide the prices before this row by 4",
            id="four-for-one",
        ),
        pytest.param(
            (90.0, 90.0, 44.1, 44.0),
            "a split 2:1",
            "divide the prices before this row by 2",
            id="two-for-one-and-a-fall",
        ),
        pytest.param(
            (645.6, 645.6, 92.7, 93.0),
            "a split 7:1",
            "divide the prices before this row by 7",
            id="seven-for-one",
        ),
        pytest.param(
            (2.1, 2.1, 21.5, 22.0),
            "a reverse split 1:10",
            "multiply the prices before this row by 10",
            id="one-for-ten",
        ),
        pytest.param(
            (2.0, 2.0, 10.3, 10.0),
            "a reverse split 1:5",
            "multiply the prices before this row by 5",
            id="one-for-five",
        ),
    ],
)
def test_a_share_that_opens_at_the_ratio_of_a_split_is_refused(
    tmp_path: Path, prices: tuple[float, ...], words: str, cure: str
) -> None:
    with pytest.raises(BadData) as caught:
        shares(tmp_path, [flat(price) for price in prices])

    said = caught.value
    assert (said.file, said.row) == (tmp_path / "SPXL.1d.csv", 3)
    assert said.fault == (
        f"opens at {prices[2]!r} after a close of {prices[1]!r}, which looks like {words} that is "
        "not in the prices before"
    )
    assert said.fix == f"fetch prices adjusted for splits, or {cure}{TRUST}"


@pytest.mark.parametrize(
    ("open_", "told"),
    [
        pytest.param(52.7, True, id="a-crash-to-0.527-is-no-split"),
        pytest.param(66.7, True, id="three-for-two-cannot-be-told-from-a-crash"),
        pytest.param(162.3, True, id="a-rescue"),
        pytest.param(75.0, False, id="a-bad-day"),
        pytest.param(135.0, False, id="a-good-day"),
    ],
)
def test_a_wide_gap_that_shares_really_make_is_read_and_told(
    tmp_path: Path, open_: float, told: bool
) -> None:
    series = shares(tmp_path, [flat(100.0), flat(open_), flat(open_)])

    wanted = (f"row 2: opens at {open_!r} after a close of 100.0",) if told else ()
    assert series.source.doubts == wanted
    assert list(series.opens) == [100.0, open_, open_]


def test_a_coin_halves_without_being_split(tmp_path: Path) -> None:
    series = coins(tmp_path, [flat(321.0), flat(160.5), flat(160.0)], hole=3)

    assert series.source.doubts == ()


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(flat(1.0), id="the-whole-bar"),
        pytest.param((100.0, 100.0, 1.0, 1.0), id="its-close-only"),
        pytest.param(flat(48.0), id="half"),
        pytest.param((100.0, 9_900.0, 100.0, 9_900.0), id="a-hundred-times-up"),
    ],
)
@pytest.mark.parametrize("kind", [shares, coins])
def test_a_price_far_away_and_back_is_refused_as_a_false_tick(
    tmp_path: Path, kind, bad: Row
) -> None:
    with pytest.raises(BadData) as caught:
        kind(tmp_path, [flat(101.0), bad, flat(100.0), flat(101.0)])

    assert caught.value.row == 2
    assert caught.value.fault.endswith(
        f"is {bad[3]!r}, between 101.0 before and 100.0 after: a false price"
    )
    assert caught.value.fix == "drop the row" + TRUST


def test_a_true_collapse_that_trades_all_the_way_is_read(tmp_path: Path) -> None:
    # The hours of 2022-05-12 in LUNA: to a third, back to the triple, to a third again.
    closes = [0.30, 0.103, 0.345, 0.129, 0.05]
    rows = [
        (before, max(before, close), min(before, close), close)
        for before, close in zip([0.31, *closes], closes, strict=False)
    ]

    assert list(coins(tmp_path, rows).closes) == closes


def test_a_wick_of_half_the_price_is_read_and_told(tmp_path: Path) -> None:
    # LINK traded at 0.0001 on 2020-03-12; the print was real and a stop would have been hit.
    rows = [flat(3.1), (3.0634, 3.1, 0.0001, 2.4693), (2.47, 6.0, 2.4, 2.5)]

    assert coins(tmp_path, rows).source.doubts == (
        "row 2: the low 0.0001 is less than half of open 3.0634 and close 2.4693",
        "row 3: the high 6.0 is over twice open 2.47 and close 2.5",
    )


def test_another_asset_under_the_ticker_is_refused_where_it_begins(tmp_path: Path) -> None:
    with pytest.raises(BadData) as caught:
        coins(tmp_path, [flat(0.0001), flat(0.00005), flat(1.0)], hole=437)

    assert caught.value.row == 3
    assert caught.value.fault == (
        "opens at 1.0 after a close of 5e-05, 20,000 times higher, behind a hole that begins at "
        "2024-03-04 02:00:00Z: another asset, unit or adjustment begins here"
    )
    assert caught.value.fix == "keep the rows of one side" + TRUST


def test_a_change_of_unit_without_a_hole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"100 times lower: another asset, unit or adjustment"):
        coins(tmp_path, [flat(100.0), flat(1.0), flat(1.0)])


@pytest.mark.parametrize("kind", [shares, coins])
@pytest.mark.parametrize("prices", [(5e-324, 1e308, 1e308), (1e308, 5e-324, 1e308)])
def test_the_widest_jump_that_a_number_can_hold_is_refused(
    tmp_path: Path, kind, prices: tuple[float, ...]
) -> None:
    with pytest.raises(BadData, match=r"another asset|a false price") as caught:
        kind(tmp_path, [flat(price) for price in prices])

    assert caught.value.row == 2


def test_jumps_declared_true_are_read_and_every_one_is_told(tmp_path: Path) -> None:
    prices = [100.0, 50.0, 51.0, 5.1, 51.0, 51.0]

    series = shares(tmp_path, [flat(price) for price in prices], trusts_jumps=True)

    assert list(series.closes) == prices
    told = series.source.doubts
    assert told[0].startswith("row 2: opens at 50.0 after a close of 100.0, which looks like a sp")
    assert told[1].startswith("row 4: the close at 2024-03-07 14:30:00Z is 5.1, between 51.0")
    assert all(each.endswith("; declared true") for each in told[:2])
    assert told[2:] == (
        "row 2: opens at 50.0 after a close of 100.0",
        "row 4: opens at 5.1 after a close of 51.0",
        "row 5: opens at 51.0 after a close of 5.1",
    )
    assert summary(series).doubts == told


def test_the_row_of_a_jump_is_that_of_the_file_when_rows_were_dropped(tmp_path: Path) -> None:
    stamps = (
        "2024-03-08T13:00:00Z",
        "2024-03-08T15:00:00Z",
        "2024-03-08T22:00:00Z",
        "2024-03-11T14:00:00Z",
        "2024-03-11T15:00:00Z",
    )
    rows = [flat(1.0), flat(90.0), flat(900.0), flat(30.0), flat(30.0)]

    with pytest.raises(BadData, match="a split 3:1") as caught:
        read(tmp_path / "SPY.1h.csv", rows, stamps, drops_outside=True)

    assert caught.value.row == 4


def test_many_odd_rows_are_told_shortly(tmp_path: Path) -> None:
    rows = [(10.0, 30.0, 10.0, 10.0)] * 7

    told = coins(tmp_path, rows).source.doubts

    assert len(told) == 6
    assert told[-1] == "and 2 rows of this kind more"


def test_shares_that_hardly_trade_are_told(tmp_path: Path) -> None:
    rows = [flat(10.0)] * 6

    assert shares(tmp_path, rows, volume=0.0).source.doubts == ("6 of 6 rows have no volume",)
    assert coins(tmp_path, rows, volume=0.0).source.doubts == ()
