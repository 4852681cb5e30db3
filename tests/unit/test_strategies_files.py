"""Opportunities from files: faults name file and row, and each is handed out once, in time."""

from datetime import datetime
from pathlib import Path

import pytest

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.strategies.files import FileStrategy, read_opportunities

HEADER = "at,symbol,side,confidence,volatility_ratio,horizon_s\n"
ROWS = (
    "2024-03-08T14:30:00Z,BTC/USD,buy,0.7,1.2,3600\n",
    "2024-03-08T15:30:00Z,TQQQ,sell,0.5,,\n",
)
LINE = '{"at": "2024-03-08T14:30:00Z", "symbol": "BTC/USD", "side": "buy", "confidence": 0.7}'


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def read(folder: Path, text: str, name: str = "signals.csv") -> list[str]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return [each.id for each in read_opportunities(path, Registry.builtin())]


def test_a_csv_row_becomes_an_opportunity_with_defaults_for_what_is_left_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "signals.csv"
    path.write_text(HEADER + "".join(ROWS))

    first, second = read_opportunities(path, Registry.builtin())

    assert (first.key, first.side, first.at_ns) == (
        "crypto:BTC/USD",
        Side.BUY,
        ns("2024-03-08T14:30:00Z"),
    )
    assert (first.confidence, first.volatility_ratio, first.horizon_s) == (0.7, 1.2, 3600)
    assert (second.key, second.side) == ("us_equity:TQQQ", Side.SELL)
    assert (second.volatility_ratio, second.horizon_s, second.source) == (1.0, 86_400, "file")
    assert first.id != second.id


def test_jsonl_and_csv_of_the_same_rows_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "at,symbol,side,confidence\n2024-03-08T14:30:00Z,BTC/USD,buy,0.7\n"
    )
    (tmp_path / "a.jsonl").write_text(LINE + "\n\n")

    one, other = (
        read_opportunities(tmp_path / name, Registry.builtin()) for name in ("a.csv", "a.jsonl")
    )

    assert one == other


def test_a_quote_alias_is_needed_and_used(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(LINE.replace("BTC/USD", "BTC-USDT"))

    with pytest.raises(BadData, match="row 1: symbol 'BTC-USDT' is unknown"):
        read_opportunities(path, Registry.builtin())
    (found,) = read_opportunities(path, Registry.builtin(), quote_alias={"USDT": "USD"})

    assert found.key == "crypto:BTC/USD"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,buy,1.1,,", "<= 1.0", id="confidence-above-one"),
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,buy,-0.1,,", ">= 0.0", id="confidence-negative"),
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,buy,nan,,", "$.confidence", id="confidence-nan"),
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,buy,70%,,", "confidence", id="per-cent"),
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,buy,,,", "confidence", id="no-confidence"),
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,buy,1,0.001,", "0.01", id="ratio-in-other-unit"),
        pytest.param(
            "2024-03-08T14:30:00Z,BTC/USD,buy,1,nan,", "$.volatility_ratio", id="ratio-nan"
        ),
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,buy,1,1,0", ">= 1", id="no-horizon"),
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,hold,1,,", "hold", id="unknown-side"),
        pytest.param("2024-03-08T14:30:00Z,BTCC/USD,buy,1,,", "unknown", id="unknown-symbol"),
        pytest.param("2024-03-08T14:30:00,BTC/USD,buy,1,,", "no time zone", id="naive"),
        pytest.param("2024-03-08,BTC/USD,buy,1,,", "no time zone", id="date-only"),
        pytest.param("soon,BTC/USD,buy,1,,", "'soon' is not a stamp", id="no-stamp"),
        pytest.param("2024-03-08T14:29:00Z,BTC/USD,buy,1,,", "out of order", id="out-of-order"),
        pytest.param("2024-03-08T14:30:00Z,BTC/USD,buy", "3 fields, the header 6", id="short-row"),
    ],
)
def test_a_faulty_row_is_refused_with_file_row_and_fault(
    tmp_path: Path, row: str, words: str
) -> None:
    with pytest.raises(BadData) as caught:
        read(tmp_path, HEADER + ROWS[0] + row + "\n")

    assert (caught.value.file, caught.value.row) == (tmp_path / "signals.csv", 2)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "row", "words"),
    [
        pytest.param("a.txt", HEADER, None, "kind .txt cannot be read", id="unknown-kind"),
        pytest.param("a.csv", "", None, "no rows", id="empty"),
        pytest.param("a.csv", HEADER, None, "no rows", id="header-only"),
        pytest.param("a.csv", 'at,"x\n', None, "not CSV", id="broken-quotes"),
        pytest.param("a.csv", "when,symbol\n1,2\n", 1, "the columns are at, symbol", id="columns"),
        pytest.param("a.jsonl", LINE[:-1], 1, "truncated", id="cut-off-json"),
        pytest.param("a.jsonl", LINE.replace("0.7", '"0.7"'), 1, "float", id="text-for-a-number"),
        pytest.param(
            "a.jsonl", LINE.replace('"side"', '"Side"'), 1, "unknown field", id="unknown-field"
        ),
    ],
)
def test_a_faulty_file_is_refused(
    tmp_path: Path, name: str, text: str, row: int | None, words: str
) -> None:
    with pytest.raises(BadData) as caught:
        read(tmp_path, text, name)

    assert (caught.value.file, caught.value.row) == (tmp_path / name, row)
    assert words in str(caught.value)


def test_an_id_may_stand_once_only(tmp_path: Path) -> None:
    text = "at,symbol,side,confidence,id\n" + "2024-03-08T14:30:00Z,BTC/USD,buy,0.7,a\n" * 2

    with pytest.raises(BadData, match="row 2: id 'a' stands in row 1 already"):
        read(tmp_path, text)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"no\.csv"):
        read_opportunities(tmp_path / "no.csv", Registry.builtin())


def test_each_opportunity_is_handed_out_once_when_its_time_has_come(tmp_path: Path) -> None:
    path = tmp_path / "signals.csv"
    path.write_text(HEADER + "".join(ROWS))
    first, second = read_opportunities(path, Registry.builtin())
    strategy = FileStrategy([second, first])

    said = [
        list(strategy.on_bars(ns(f"2024-03-08T{time}:00Z"), []))
        for time in ("14:29", "14:30", "14:31", "16:00", "17:00")
    ]

    assert said == [[], [first], [], [second], []]
