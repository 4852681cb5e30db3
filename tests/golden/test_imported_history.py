"""What histories add up to, computed by hand: every figure stands beside how it comes about."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.books.past import Past
from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.registry import Registry
from smart_leverage.history.base import Asked
from smart_leverage.history.reading import read_file
from smart_leverage.runtime.importing import Gathered, gather, worth_of

D = Decimal
NOW = 1_800_000_000_000_000_000


def counted(folder: Path, name: str, content: Any, **asked: Any) -> Gathered:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return gather([read_file(path, Asked(Registry.builtin(), NOW, **asked))])


def fill(name: str, at: str, side: str, qty: str, price: str, symbol: str, order: str) -> Any:
    return {
        "id": name,
        "activity_type": "FILL",
        "transaction_time": at,
        "type": "fill",
        "side": side,
        "qty": qty,
        "price": price,
        "symbol": symbol,
        "order_id": order,
        "leaves_qty": "0",
        "order_status": "filled",
    }


ACTIVITIES = [
    fill("1::a", "2024-03-05T15:00:00Z", "buy", "4", "100", "AAPL", "o1"),
    fill("2::b", "2024-03-05T15:00:01Z", "buy", "6", "101", "AAPL", "o1"),
    fill("3::c", "2024-03-06T15:00:00Z", "sell", "5", "110", "AAPL", "o2"),
    fill("4::d", "2024-03-07T15:00:00Z", "sell", "2", "96", "AAPL", "o3"),
    fill("5::e", "2024-03-07T15:00:02Z", "sell", "3", "95", "AAPL", "o3"),
    {
        "id": "6::f",
        "activity_type": "FEE",
        "date": "2024-03-07",
        "net_amount": "-0.95",
        "symbol": "AAPL",
        "status": "executed",
    },
    fill("7::g", "2024-03-08T12:00:00Z", "buy", "1", "2000", "ETH/USD", "o4"),
    {
        "id": "8::h",
        "activity_type": "CFEE",
        "date": "2024-03-09",
        "net_amount": "0",
        "symbol": "ETHUSD",
        "qty": "-0.0025",
        "price": "2000",
        "status": "executed",
    },
    fill("9::i", "2024-03-10T12:00:00Z", "sell", "0.9975", "2100", "ETH/USD", "o5"),
    fill("10::j", "2024-03-11T15:00:00Z", "sell_short", "10", "50", "TQQQ", "o6"),
    fill("11::k", "2024-03-11T16:00:00Z", "buy", "10", "50.0005", "TQQQ", "o7"),
    fill("12::l", "2024-03-12T15:00:00Z", "buy", "3", "400", "MSFT", "o8"),
    {"id": "13::m", "activity_type": "CSD", "date": "2024-03-01", "net_amount": "5000"},
    {"id": "14::n", "activity_type": "DIV", "date": "2024-03-01", "net_amount": "3.10"},
    {"id": "15::o", "activity_type": "FEE", "date": "2024-03-07", "net_amount": "-0.02"},
]


def test_activities_of_alpaca(tmp_path: Path) -> None:
    """Five closing orders, of which one is no win and no loss.

    o2  5 AAPL at 110 = 550, bought as 4 at 100 and 1 at 101 = 501: +49, no fee on 6 March    won
    o3  2 at 96 and 3 at 95 = 477, bought as 5 at 101 = 505: -28, fee of its day 0.95: -28.95  lost
    o5  0.9975 ETH at 2100 = 2094.75, bought at 2000 = 1995: +99.75, fee 0.0025 x 2000 = 5:
        +94.75, the fee of 9 March being that of 8 March, since nothing was bought on the 9th  won
    o7  covers 10 TQQQ at 50.0005, sold at 50: -0.005, less than a tick of 0.01 on 10    neither
    """
    found = counted(tmp_path, "activities.json", ACTIVITIES)
    sums = found.sums
    assert (sums.trips, sums.wins, sums.losses, sums.scratches) == (4, 2, 1, 1)
    assert sums.win_rate == pytest.approx(D(2) / 3)
    assert sums.gross == 49 - 28 + D("99.75") - D("0.005")
    assert sums.fees == D("0.95") + 5
    assert sums.net == D("114.795")
    assert found.first_ns == 1_709_650_800_000_000_000  # 2024-03-05T15:00:00Z
    assert found.last_ns == 1_710_255_600_000_000_000  # 2024-03-12T15:00:00Z
    (left,) = found.left_open
    assert left.key == "us_equity:MSFT"
    assert [left.qty, left.cost_basis] == [D(3), D(1200)]
    assert found.left_out == {
        "CSD, deposit": 1,
        "DIV, no trade": 1,
        "fees of no named instrument": 1,
    }
    assert found.cash_fees == D("0.02")


def test_trades_of_freqtrade(tmp_path: Path) -> None:
    """Fees are a rate on what each end is worth; the file's own profits say the same.

    1  0.1 BTC from 50000 to 51000: +100, fees 0.001 x (5000 + 5100) = 10.10: +89.90           won
    2  2 ETH from 3000 to 2900: -200, fees 0.001 x (6000 + 5800) = 11.80: -211.80              lost
    3  short 100 SOL from 100 to 90: +1000, fees 0.001 x (10000 + 9000) = 19, funding +2: +983 won
    4  in two purchases and two sales: 1 BTC at 40000, 1 at 42000, sold 1 at 43000 and 1 at
       41000. First in, first out these are two trades: 43000 - 40000 = +3000, fees 40 + 43 = 83:
       +2917 won, and 41000 - 42000 = -1000, fees 42 + 41 = 83: -1083                          lost
    5  open: not counted
    """
    trades = [
        trade(1, "BTC/USDT", 0.1, 50000.0, 51000.0, 1_709_251_200_000, profit_abs=89.9),
        trade(2, "ETH/USDT", 2.0, 3000.0, 2900.0, 1_709_337_600_000, profit_abs=-211.8),
        trade(
            3, "SOL/USDT:USDT", 100.0, 100.0, 90.0, 1_709_424_000_000, is_short=True,
            funding_fees=2.0, profit_abs=983.0,
        ),
        trade(
            4, "BTC/USDT", 2.0, 41000.0, 42000.0, 1_709_510_400_000,
            orders=[
                order("a", True, 1.0, 40000.0, 1_709_510_400_000),
                order("b", True, 1.0, 42000.0, 1_709_514_000_000),
                order("c", False, 1.0, 43000.0, 1_709_517_600_000),
                order("d", False, 1.0, 41000.0, 1_709_521_200_000),
                {"order_id": "e", "ft_is_entry": False, "amount": 9, "filled": 0},
            ],
        ),
        trade(5, "ETH/USDT", 1.0, 3000.0, None, 1_709_596_800_000, is_open=True),
    ]  # fmt: skip
    found = counted(tmp_path, "trades.json", {"trades": trades}, quotes={"USDT": "USD"})
    sums = found.sums
    assert (sums.trips, sums.wins, sums.losses, sums.scratches) == (5, 3, 2, 0)
    assert sums.win_rate == D("0.6")
    assert sums.gross == 100 - 200 + 1000 + 3000 - 1000
    assert sums.fees == D("10.1") + D("11.8") + 19 - 2 + 83 + 83
    assert sums.net == D("89.9") - D("211.8") + 983 + 2917 - 1083
    assert found.left_out == {"trades still open": 1}
    assert (found.doubts, found.left_open) == ((), ())


def trade(
    number: int, pair: str, amount: float, opened: float, closed: float | None, at_ms: int,
    **more: Any,
) -> Any:  # fmt: skip
    return {
        "trade_id": number, "pair": pair, "amount": amount, "open_rate": opened,
        "close_rate": closed, "fee_open": 0.001, "fee_close": 0.001, "is_open": False,
        "is_short": False, "open_timestamp": at_ms, "close_timestamp": at_ms + 3_600_000, **more,
    }  # fmt: skip


def order(name: str, is_entry: bool, qty: float, price: float, at_ms: int) -> Any:
    return {
        "order_id": name, "ft_is_entry": is_entry, "filled": qty, "amount": qty,
        "average": price, "safe_price": price, "order_filled_timestamp": at_ms,
    }  # fmt: skip


def test_a_backtest_of_freqtrade_says_that_it_is_one(tmp_path: Path) -> None:
    tree = {
        "strategy": {
            "Grid": {
                "stake_currency": "USDT",
                "starting_balance": 1000,
                "trades": [
                    trade(1, "BTC/USDT", 0.01, 50000.0, 51000.0, 1_709_251_200_000)
                    | {"trade_id": None}
                ],
            }
        }
    }
    path = tmp_path / "backtest.json"
    path.write_text(json.dumps(tree))
    read = read_file(path, Asked(Registry.builtin(), NOW, quotes={"USDT": "USD"}))
    assert read.form == "freqtrade backtest"
    assert read.start == 1000
    assert read.is_simulated
    # 0.01 BTC from 50000 to 51000: +10, fees 0.001 x (500 + 510) = 1.01
    assert gather([read]).sums.net == D("8.99")


EXECUTIONS = """\
time,symbol,side,qty,price,fee,id
2024-03-05T15:00:00Z,SPY,buy,10,500,1,a
2024-03-05T16:00:00Z,SPY,sell,10,501,1,b
2024-03-05T17:00:00-05:00,BTC/USD,buy,0.5,60000,0,c
2024-03-06T00:00:00Z,BTC/USD,sell,0.5,59000,30,d
"""

TRIPS = """\
symbol,direction,qty,opened_at,open_price,closed_at,close_price,fee
SPY,long,10,2024-03-05T15:00:00Z,500,2024-03-05T16:00:00Z,501,2
BTC/USD,long,0.5,2024-03-05T22:00:00Z,60000,2024-03-06T00:00:00Z,59000,30
"""


@pytest.mark.parametrize("table", [EXECUTIONS, TRIPS], ids=["executions", "round-trips"])
def test_a_table_in_either_form(tmp_path: Path, table: str) -> None:
    """SPY: 10 x 1 = +10, fees 2: +8. BTC: 0.5 x -1000 = -500, fee 30: -530."""
    sums = counted(tmp_path, "trades.csv", table).sums
    assert (sums.trips, sums.wins, sums.losses) == (2, 1, 1)
    assert [sums.gross, sums.fees, sums.net] == [D(-490), D(32), D(-522)]


def episodes(found: Gathered) -> list[tuple[str, Any, Any]]:
    """Return instrument, hours and outcome of what a past was from flat to flat."""
    past = Past()
    past.take(found.deals)
    return [
        (each.key.partition(":")[2], each.lasted_ns / HOUR_NS, each.outcome)
        for each in past.episodes
    ]


def test_episodes_of_activities(tmp_path: Path) -> None:
    """What was sold in slices is one episode; MSFT is still open and none.

    AAPL  paid 4 x 100 + 6 x 101 = 1006; got 550 + 192 + 285 = 1027, fee 0.95: +20.05 of 1006
    ETH   paid 2000; 0.9975 at 2100 = 2094.75, the fee in coin being gone: +94.75 of 2000
    TQQQ  sold short for 500, covered for 500.005: -0.005 of 500, neither won nor lost
    """
    assert episodes(counted(tmp_path, "activities.json", ACTIVITIES)) == [
        ("AAPL", pytest.approx(48 + 2 / 3600), pytest.approx(20.05 / 1006)),
        ("ETH/USD", 48.0, pytest.approx(94.75 / 2000)),
        ("TQQQ", 1.0, pytest.approx(-0.005 / 500)),
    ]


def test_episodes_of_freqtrade(tmp_path: Path) -> None:
    """One for each trade, however often it bought and sold.

    1  +89.90 of 5000 and its fee of 5        3  short: +983 of 10000 less its fee of 10
    2  -211.80 of 6000 and its fee of 6       4  +2917 - 1083 of 40000 + 40 + 42000 + 42
    """
    trades = [
        trade(1, "BTC/USDT", 0.1, 50000.0, 51000.0, 1_709_251_200_000),
        trade(2, "ETH/USDT", 2.0, 3000.0, 2900.0, 1_709_337_600_000),
        trade(
            3, "SOL/USDT:USDT", 100.0, 100.0, 90.0, 1_709_424_000_000, is_short=True,
            funding_fees=2.0,
        ),
        trade(
            4, "BTC/USDT", 2.0, 41000.0, 42000.0, 1_709_510_400_000,
            orders=[
                order("a", True, 1.0, 40000.0, 1_709_510_400_000),
                order("b", True, 1.0, 42000.0, 1_709_514_000_000),
                order("c", False, 1.0, 43000.0, 1_709_517_600_000),
                order("d", False, 1.0, 41000.0, 1_709_521_200_000),
            ],
        ),
    ]  # fmt: skip
    found = counted(tmp_path, "trades.json", {"trades": trades}, quotes={"USDT": "USD"})
    assert episodes(found) == [
        ("BTC/USD", 1.0, pytest.approx(89.9 / 5005)),
        ("ETH/USD", 1.0, pytest.approx(-211.8 / 6006)),
        ("SOL/USD", 1.0, pytest.approx(983 / 9990)),
        ("BTC/USD", 3.0, pytest.approx(1834 / 82082)),
    ]


@pytest.mark.parametrize(
    ("table", "fees"), [(EXECUTIONS, (1, 0)), (TRIPS, (0, 0))], ids=["executions", "round-trips"]
)
def test_episodes_of_a_table(tmp_path: Path, table: str, fees: tuple[int, int]) -> None:
    """+8 of 5000 and the fee of the purchase, -530 of 30000: a round trip pays at its end."""
    assert episodes(counted(tmp_path, "trades.csv", table)) == [
        ("SPY", 1.0, pytest.approx(8 / (5000 + fees[0]))),
        ("BTC/USD", 2.0, pytest.approx(-530 / (30000 + fees[1]))),
    ]


def test_finished_trades_are_an_episode_each_beside_and_behind_one_another(tmp_path: Path) -> None:
    """Two ran at once, and a third began at the instant at which the first was over."""
    table = """\
symbol,qty,opened_at,open_price,closed_at,close_price,id
SPY,10,2024-03-05T15:00:00Z,500,2024-03-05T17:00:00Z,510,one
SPY,10,2024-03-05T16:00:00Z,505,2024-03-05T18:00:00Z,500,two
SPY,5,2024-03-05T17:00:00Z,510,2024-03-05T19:00:00Z,510,three
"""
    assert episodes(counted(tmp_path, "trades.csv", table)) == [
        ("SPY", 2.0, pytest.approx(100 / 5000)),
        ("SPY", 2.0, pytest.approx(-50 / 5050)),
        ("SPY", 2.0, 0.0),
    ]


def test_executions_that_turn_a_position_around_end_one_episode_and_begin_another(
    tmp_path: Path,
) -> None:
    """10 bought at 100; 15 sold short at 110, of which 10 close: +100 of 1000; 5 covered at 99."""
    table = """\
time,symbol,side,qty,price,id
2024-03-05T15:00:00Z,SPY,buy,10,100,a
2024-03-05T16:00:00Z,SPY,sell_short,15,110,b
2024-03-05T18:00:00Z,SPY,buy_to_cover,5,99,c
"""
    assert episodes(counted(tmp_path, "trades.csv", table)) == [
        ("SPY", 1.0, pytest.approx(100 / 1000)),
        ("SPY", 2.0, pytest.approx(55 / 550)),
    ]


def test_a_portfolio_history_without_its_deposits(tmp_path: Path) -> None:
    """1000 to 1100 is +10 %; 500 come in, 1600 to 1440 is -10 %, to 1512 +5 %.

    1.10 x 0.90 x 1.05 = 1.0395; the best was 1.10, the deepest 0.99: 10 % below it.
    """
    history = {
        "timestamp": [1709510400, 1709596800, 1709683200, 1709769600, 1709856000, 1709942400],
        "equity": [0, 1000.0, 1100.0, 1600.0, 1440.0, 1512.0],
        "cashflow": {"CSD": [0, 1000, 0, 500, 0, 0]},
        "timeframe": "1D",
    }
    found = counted(tmp_path, "history.json", history)
    worth = found.worth
    assert worth is not None
    assert worth.points == 5
    assert [worth.first, worth.last, worth.flows] == [D(1000), D(1512), D(500)]
    assert worth.change == D("0.0395")
    assert worth.drawdown == pytest.approx(D("0.1"))
    assert found.left_out == {"points before the first money": 1}


def test_a_history_that_lost_everything_fell_by_all_of_it_and_has_no_change() -> None:
    worth = worth_of({1: D(100), 2: D(0), 3: D(50)}, {})
    assert worth is not None
    assert worth.change is None
    assert worth.drawdown == 1
