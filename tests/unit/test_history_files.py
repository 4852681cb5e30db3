"""Files of history that cannot be used say so: file, row, value, and what would be right."""

import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.registry import Registry
from smart_leverage.history.base import Asked, Read
from smart_leverage.history.reading import read_file, read_files
from smart_leverage.runtime.importing import TWICE, UNBOUGHT, gather

D = Decimal
NOW = 1_710_000_000_000_000_000  # 2024-03-09T16:00:00Z

FILL: dict[str, Any] = {
    "id": "20240305150000000::a",
    "activity_type": "FILL",
    "transaction_time": "2024-03-05T15:00:00Z",
    "side": "buy",
    "qty": "2",
    "price": "100",
    "symbol": "SPY",
    "order_id": "o1",
}
TRADE: dict[str, Any] = {
    "trade_id": 1,
    "pair": "BTC/USD",
    "amount": 0.1,
    "open_rate": 50000.0,
    "close_rate": 51000.0,
    "is_open": False,
    "open_timestamp": 1_709_251_200_000,
    "close_timestamp": 1_709_254_800_000,
}
HISTORY: dict[str, Any] = {"timestamp": [1709510400, 1709596800], "equity": [1000.0, 1100.0]}
HEADER = "time,symbol,side,qty,price\n"
TRIPS = "symbol,qty,opened_at,open_price,closed_at,close_price"
ROW = "2024-03-05T15:00:00Z,SPY,buy,2,100\n"


def asked(**more: Any) -> Asked:
    return Asked(Registry.builtin(), NOW, **more)


def written(folder: Path, content: Any, name: str = "history") -> Path:
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, content: Any, **more: Any) -> Read:
    return read_file(written(folder, content), asked(**more))


def packed(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, json.dumps([TRADE]))
    return buffer.getvalue()


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


WRONG: dict[str, tuple[Any, str]] = {
    # tables
    "a-row-too-short": (
        HEADER + ROW + "2024-03-05T16:00:00Z,SPY,sell,2\n",
        "history, row 2: the row has 4 columns and the header 5",
    ),
    "a-row-too-long": (HEADER + ROW.replace("100", "1,00"), "row 1: the row has 6 columns"),
    "no-header": (ROW + ROW, "the columns are 2024-03-05t15:00:00z"),
    "a-column-twice": ("time,symbol,side,qty,price,qty\n1,2,3,4,5,6\n", "qty stands twice"),
    "header-only": (HEADER, "the file has no rows"),
    "an-empty-value": (HEADER + ROW.replace("100", ""), "row 1: price is empty; fill it in"),
    "a-comma-in-thousands": (
        HEADER + ROW.replace(",100", ',"1,100"'),
        "row 1: price is '1,100', not a number; write 1100",
    ),
    "a-negative-quantity": (HEADER + ROW.replace(",2,", ",-2,"), "row 1: qty is '-2'; above zero"),
    "not-a-number": (HEADER + ROW.replace(",2,", ",nan,"), "row 1: qty is 'nan', not a number"),
    "a-side-of-its-own": (HEADER + ROW.replace("buy", "long"), "row 1: side is 'long'; one of buy"),
    "no-zone": (HEADER + ROW.replace("Z", ""), "without a time zone; for UTC 2024-03-05T15:00:00Z"),
    "a-date-alone": (HEADER + ROW.replace("T15:00:00Z", ""), "'2024-03-05', without a time zone"),
    "no-time": (
        HEADER + ROW.replace("2024-03-05T15:00:00Z", "noon"),
        "time: 'noon' is not a stamp",
    ),
    "the-future": (
        HEADER + ROW.replace("2024-03-05", "2024-03-10"),
        "row 1: 2024-03-10 15:00:00Z lies in the future; it is 2024-03-09 16:00:00Z now",
    ),
    "the-same-row-twice": (HEADER + ROW + ROW, "row 2: id row "),
    "an-id-twice": (
        f"{HEADER[:-1]},id\n{ROW[:-1]},x\n{ROW[:-1].replace('SPY', 'QQQ')},x\n",
        "row 2: id x stands in row 1 already; take one of them out",
    ),
    "an-empty-id": (f"{HEADER[:-1]},id\n{ROW[:-1]},\n", "row 1: id is empty"),
    "an-unknown-symbol": (
        HEADER + ROW.replace("SPY", "SPYY"),
        "row 1: symbol 'SPYY' is unknown; nearest known: us_equity:SPY",
    ),
    "a-fund-or-a-coin": (HEADER + ROW.replace("SPY", "BTC"), "row 1: symbol 'BTC' is ambiguous"),
    "another-currency": (
        HEADER + ROW.replace("SPY", "ETH/BTC"),
        "row 1: symbol 'ETH/BTC' is quoted in BTC, and the account counts dollars",
    ),
    "a-fee-in-another-coin": (
        f"{HEADER[:-1]},fee,fee_asset\n{ROW[:-1]},1,BNB\n",
        "row 1: fee_asset is BNB; USD or USD",
    ),
    "an-order-of-two-sides": (
        f"{HEADER[:-1]},order\n{ROW[:-1]},o\n{ROW[:-1].replace('buy', 'sell')},o\n",
        "row 2: order o is sell us_equity:SPY here and buy us_equity:SPY in row 1",
    ),
    "closed-before-it-opened": (
        f"{TRIPS}\nSPY,1,2024-03-05T15:00:00Z,1,2024-03-04T15:00:00Z,2\n",
        "row 1: closed_at is before opened_at",
    ),
    # activities
    "no-price": ([without(FILL, "price")], "history, row 1: price is empty"),
    "an-activity-twice": ([FILL, FILL], "row 2: id 20240305150000000::a stands in row 1 already"),
    "a-slice-is-missing": (
        [FILL | {"cum_qty": "5", "leaves_qty": "0"}],
        "row 1: order o1 had filled 5 by then, and its rows add up to 2; a row is missing",
    ),
    "a-correction": (
        [FILL, {"id": "1", "activity_type": "FEE", "status": "correct"}],
        "row 2: status is 'correct', which does not say what it corrects",
    ),
    "a-fee-that-gives-coins": (
        [
            {
                "id": "1",
                "activity_type": "CFEE",
                "symbol": "ETHUSD",
                "qty": "1",
                "date": "2024-03-05",
            }
        ],
        "row 1: qty is 1; coins are taken by a fee",
    ),
    "a-split-of-nothing": (
        [{"id": "1", "activity_type": "SPLIT", "symbol": "SPY", "qty": "0", "date": "2024-03-05"}],
        "row 1: qty is 0",
    ),
    # freqtrade
    "no-rate": ([TRADE | {"close_rate": None}], "row 1: close_rate is empty"),
    "a-trade-twice": ([TRADE, TRADE], "row 2: the trade is row 1 once more"),
    "no-exit": (
        [
            TRADE
            | {
                "orders": [
                    {
                        "ft_is_entry": True,
                        "filled": 1,
                        "average": 9.0,
                        "order_filled_timestamp": 1_709_251_200_000,
                    }
                ]
            }
        ],
        "row 1: the trade is closed and has no filled exit",
    ),
    "two-strategies": (
        {"strategy": {"A": {"trades": []}, "B": {"trades": []}}},
        "the file holds 2 strategies; --strategy, one of A, B",
    ),
    "no-strategy": ({"strategy": {}}, "strategy holds nothing"),
    "two-results": (packed("a.json", "b.json"), "the archive holds these results: a.json, b.json"),
    # portfolio history
    "lists-of-two-lengths": (
        HISTORY | {"equity": [1000.0]},
        "history: equity has 1 points and timestamp 2",
    ),
    "flows-of-another-length": (HISTORY | {"cashflow": {"CSD": [1]}}, "cashflow.CSD has 1 points"),
    "time-stands-still": (
        HISTORY | {"timestamp": [1709510400, 1709510400]},
        "row 2: timestamp 1709510400 does not come after 1709510400",
    ),
    "a-point-in-the-future": (
        HISTORY | {"timestamp": [1709510400, 1720000000]},
        "row 2: 2024-07-03",
    ),
    "a-word-for-equity": (HISTORY | {"equity": [1000.0, "lots"]}, "row 2: equity is 'lots'"),
    "no-value-at-all": (HISTORY | {"equity": [None, None]}, "no point has a value"),
    # anything
    "empty": ("", "the file is empty"),
    "empty-list": ([], "the list is empty"),
    "cut-off": ('[{"id": ', "the text is not JSON, or was cut off"),
    "not-a-number-in-json": ("[NaN]", "NaN is not a number"),
    "a-name-twice": ('{"a": 1, "a": 2}', "a stands twice in one object"),
    "something-else": ({"hello": 1}, "the file is of no known form; known are Alpaca"),
    "not-utf-8": (b"\xff\xfe\x00a", "the text is not CSV"),
    "a-broken-archive": (b"PK\x03\x04nothing", "the archive cannot be read"),
}


@pytest.mark.parametrize(("content", "says"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(BadData) as error:
        read(tmp_path, content)
    assert says in str(error.value)
    assert str(error.value).startswith("history")
    assert error.value.fix


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"nothing\.json: cannot be read: No such file"):
        read_file(tmp_path / "nothing.json", asked())


def test_a_file_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    one, other = written(tmp_path, [FILL], "a.json"), written(tmp_path, [FILL], "b.json")
    with pytest.raises(BadData, match=r"the same file is named twice: .*a\.json, .*b\.json"):
        read_files([one, other], asked())


def test_sales_of_what_was_never_bought_are_refused_unless_they_may_count_for_nothing(
    tmp_path: Path,
) -> None:
    sale = FILL | {"id": "2::b", "side": "sell", "qty": "5", "order_id": "o2"}
    reads = [read(tmp_path, [FILL, sale | {"transaction_time": "2024-03-05T16:00:00Z"}])]
    with pytest.raises(BadData) as error:
        gather(reads)
    assert "history, row 2: sells 5 SPY at 2024-03-05 16:00:00Z, and 2 of it was bought" in str(
        error.value
    )
    assert "--leave-unbought" in error.value.fix
    found = gather(reads, leaves_unbought=True)
    assert found.left_out == {UNBOUGHT: 1}
    assert (found.sums.trips, found.left_open) == (1, ())


def test_two_files_that_overlap_count_what_both_have_once(tmp_path: Path) -> None:
    sale = FILL | {"id": "2::b", "side": "sell", "order_id": "o2"}
    sale["transaction_time"] = "2024-03-05T16:00:00Z"
    first = read_file(written(tmp_path, [FILL], "first.json"), asked())
    second = read_file(written(tmp_path, [FILL, sale], "second.json"), asked())
    for reads in ([first, second], [second, first]):
        found = gather(reads)
        assert (len(found.deals), found.sums.trips) == (2, 1)
        assert found.left_out == {TWICE: 1}


def test_two_files_that_contradict_each_other_are_both_named(tmp_path: Path) -> None:
    first = read_file(written(tmp_path, [FILL], "first.json"), asked())
    second = read_file(written(tmp_path, [FILL | {"price": "101"}], "second.json"), asked())
    with pytest.raises(BadData) as error:
        gather([first, second])
    assert "second.json, row 1" in str(error.value)
    assert "another one in first.json, row 1" in str(error.value)


def test_what_was_only_simulated_is_no_record_of_a_real_account(tmp_path: Path) -> None:
    found = read(tmp_path, {"strategy": {"A": {"trades": [TRADE]}}})
    assert gather([found], mode="sim").sums.trips == 1
    with pytest.raises(BadData, match="is a freqtrade backtest, and the account is live"):
        gather([found], mode="live")


def test_what_happened_after_the_opening_is_left_to_the_ledger(tmp_path: Path) -> None:
    found = gather([read(tmp_path, [TRADE])], opened_ns=1_709_254_800_000_000_000)
    assert (found.sums.trips, len(found.deals)) == (0, 1)
    assert found.left_out == {"after the account was opened: the ledger has it already": 1}


def test_an_unknown_symbol_counts_when_it_is_asked_for(tmp_path: Path) -> None:
    rows = HEADER + ROW.replace("SPY", "ZZZZ") + ROW.replace("SPY", "FOO/USD")
    found = read(tmp_path, rows, counts_unknown=True)
    assert [deal.key for deal in found.deals] == ["us_equity:ZZZZ", "crypto:FOO/USD"]
    assert all(each.is_leveraged for each in found.instruments.values())


def test_columns_and_a_bot_can_be_named(tmp_path: Path) -> None:
    rows = "When,symbol,side,qty,price\n" + ROW
    found = read(tmp_path, rows, columns={"time": "When"}, bot="grid")
    assert found.deals[0].bot == "grid"
    with pytest.raises(BadData, match="there is no column Date; there are When"):
        read(tmp_path, rows, columns={"time": "Date"})


def test_a_profit_that_its_own_prices_contradict_is_told(tmp_path: Path) -> None:
    found = gather([read(tmp_path, [TRADE | {"profit_abs": 250.0}])])
    assert found.doubts == (
        "history, row 1: says a profit of 250.0; prices and fees make 100.0000",
    )


def test_holes_in_a_portfolio_history_are_counted_and_not_filled(tmp_path: Path) -> None:
    found = read(tmp_path, HISTORY | {"equity": [None, 1100.0]})
    assert found.left_out == {"points without a value": 1}
    assert list(found.equity.values()) == [D(1100)]


def test_options_and_what_is_no_trade_are_left_out_by_name(tmp_path: Path) -> None:
    rows = [
        FILL | {"symbol": "SPY240621C00500000"},
        {"id": "2", "activity_type": "DIV", "net_amount": "3"},
        {"id": "3", "activity_type": "CFEE", "status": "canceled"},
    ]
    found = read(tmp_path, rows)
    assert found.left_out == {"option contracts": 1, "DIV, no trade": 1, "CFEE canceled": 1}
    assert found.deals == ()


def test_an_archive_of_freqtrade_is_read_beside_its_configuration(tmp_path: Path) -> None:
    found = read(tmp_path, packed("result.json", "result_config.json", "result.meta"))
    assert len(found.deals) == 2


def test_a_float_has_no_digits_that_it_only_seems_to_have(tmp_path: Path) -> None:
    text = json.dumps([TRADE]).replace("50000.0", "3.2859000000000005e-05")
    found = read(tmp_path, text.replace("51000.0", "4.9705563909774425e-05"))
    assert [deal.price for deal in found.deals] == [
        D("0.000032859"), D("0.000049705563909774"),
    ]  # fmt: skip


def test_less_than_a_lot_too_much_or_too_little_is_dust(tmp_path: Path) -> None:
    for sold in ("0.10000000000001", "0.09999999999999"):
        rows = (
            "time,symbol,side,qty,price\n2024-03-05T15:00:00Z,BTC/USD,buy,0.1,50000\n"
            f"2024-03-05T16:00:00Z,BTC/USD,sell,{sold},51000\n"
        )
        found = gather([read(tmp_path, rows)])
        assert (found.sums.trips, found.sums.wins, found.left_open) == (1, 1, ())
        assert found.left_out == {}
