"""The same orders with and without the governor: what is compared, and that it adds up."""

import json
from array import array
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.presets import CLASSIC_SETTINGS

from smart_leverage.brokers.sim import Change, Start
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Opened
from smart_leverage.history.base import Asked
from smart_leverage.history.reading import read_file
from smart_leverage.market.bars import BarSeries, Source
from smart_leverage.runtime.counterfactual import Compared, compare, drawdown
from smart_leverage.runtime.replay_case import Account, offers_of, step_of
from smart_leverage.runtime.replay_history import log_of_history, with_bars
from smart_leverage.runtime.replay_log import OrderLog
from smart_leverage.runtime.replay_meter import Standing
from smart_leverage.settings import LimitsSection
from smart_leverage.wiring import Beginning, engine_config, opening

D = Decimal
NOW = 1_800_000_000_000_000_000
SETTINGS = CLASSIC_SETTINGS
BTC, SPY = Key("crypto:BTC/USD"), Key("us_equity:SPY")

HEADER = "time,symbol,side,qty,price,id,order\n"
ROWS = """\
2024-03-05T15:00:00Z,SPY,buy,6,500,a,one
2024-03-05T15:00:30Z,SPY,buy,4,501,b,one
2024-03-05T15:10:00Z,BTC/USD,buy,0.1,50000,c,two
2024-03-05T15:20:00Z,BTC/USD,buy,0.1,50500,d,three
2024-03-05T16:00:00Z,BTC/USD,sell,0.2,51000,e,four
2024-03-05T16:30:00Z,SPY,sell,10,498,f,five
"""


def opener(
    at_ns: int, cash: Decimal, holdings: tuple[Start, ...], registry: Registry, keys: Sequence[Key]
) -> Opened:
    return opening(SETTINGS, at_ns, Beginning(cash, holdings), registry, keys)


def account(equity: int, holdings: Mapping[Key, Decimal] | None = None, **more: Any) -> Account:
    return Account(
        equity=D(equity), coins=D(0), config=engine_config(SETTINGS), opener=opener,
        sells_held=True, holdings=holdings or {}, **more,
    )  # fmt: skip


def log(folder: Path, rows: str = ROWS) -> OrderLog:
    path = folder / "trades.csv"
    path.write_text(HEADER + rows)
    registry = Registry.builtin()
    return log_of_history([read_file(path, Asked(registry, NOW))], registry)


def adds_up(compared: Compared) -> None:
    for course in (compared.alone, compared.governed):
        assert sum((each.profit for each in course.gains), D(0)) == course.change
        assert course.equity[-1][1] == course.replayed.equity_last


def test_the_slices_of_an_order_are_one_order_at_its_first_fill(tmp_path: Path) -> None:
    first, *rest = log(tmp_path).orders
    assert (first.symbol, first.side, first.qty) == ("SPY", Side.BUY, D(10))
    assert first.fill is not None
    assert first.fill.price == D("500.4")  # (6 x 500 + 4 x 501) / 10
    assert first.at_ns < first.fill.at_ns
    assert len(rest) == 4


def test_inside_every_cap_nothing_is_changed(tmp_path: Path) -> None:
    compared = compare(log(tmp_path), account(1_000_000))
    assert {line.verdict for line in compared.lines} == {"approved"}
    assert compared.governed.change == compared.alone.change
    assert compared.governed.drawdown == compared.alone.drawdown
    adds_up(compared)


def test_over_a_cap_it_is_denied_and_the_difference_adds_up(tmp_path: Path) -> None:
    """10 % of 60,000 is 6,000: the first coin fits, the second does not; both are sold as one."""
    compared = compare(log(tmp_path), account(60_000))
    verdicts = [(line.verdict, line.reason) for line in compared.lines]
    assert verdicts[1:3] == [("approved", "none"), ("denied", "cap_symbol")]
    denied, sale = compared.lines[2], compared.lines[3]
    assert denied.bound == D("0.1")
    assert denied.would_be > D("0.1")
    assert denied.asked_money == 5050
    assert denied.given_money == 0
    assert sale.verdict == "approved"
    assert sale.offer.qty == D("0.2")
    assert 0 < sale.given < D("0.1")  # what is held, less the fee in coin
    held = compared.governed.replayed.peaks[BTC].share
    assert held < D("0.1") < compared.alone.replayed.peaks[BTC].share
    adds_up(compared)


def test_a_fund_that_is_looked_through_is_measured_as_its_cap_counts_it(tmp_path: Path) -> None:
    """20 of 100 in a fund of three times are 60 % of equity alone, and denied under 35 %."""
    rows = (
        "2024-03-05T15:00:00Z,TQQQ,buy,400,50,a,one\n2024-03-05T15:30:00Z,TQQQ,sell,400,50,b,two\n"
    )
    wide = LimitsSection(symbol_cap=0.5)
    through = CLASSIC_SETTINGS.exposure.model_copy(update={"look_through": "on"})
    settings = CLASSIC_SETTINGS.model_copy(update={"exposure": through, "limits": wide})
    looking = account(100_000)._replace(config=engine_config(settings))
    compared = compare(log(tmp_path, rows), looking)
    most = max(compared.alone.shares, key=lambda each: each.leveraged)
    assert (most.crypto, most.leveraged, most.gross) == (D(0), D("0.6"), D("0.2"))
    assert compared.alone.replayed.peaks["leveraged"].share == D("0.6")
    denied = compared.lines[0]
    assert (denied.verdict, denied.reason) == ("denied", "cap_leveraged")
    plain = compare(log(tmp_path, rows), account(100_000))
    assert max(each.leveraged for each in plain.alone.shares) == D("0.2")


def test_a_bot_that_may_shrink_gets_what_fits(tmp_path: Path) -> None:
    compared = compare(log(tmp_path), account(60_000, may_shrink=True))
    (cut,) = [line for line in compared.lines if line.verdict == "cut"]
    assert 0 < cut.given < cut.offer.qty
    (count,) = [one for one in compared.counts if one.verdict == "cut"]
    assert (count.asked, count.given) == (cut.asked_money, cut.given_money)
    adds_up(compared)


def test_what_is_held_above_a_cap_is_sold_by_the_house(tmp_path: Path) -> None:
    """30,000 of 60,000 in one coin at first, where a tenth is allowed."""
    compared = compare(log(tmp_path), account(60_000, {BTC: D("0.6")}))
    sold = compared.governed.replayed.house
    assert sum(each.notional for each in sold.values()) > 20_000
    (coin,) = [each for each in compared.governed.gains if each.key == BTC]
    assert coin.first == 30_000
    assert coin.received >= sum(each.notional for each in sold.values())
    adds_up(compared)


def test_a_forced_record_says_so_and_allows_more(tmp_path: Path) -> None:
    compared = compare(log(tmp_path), account(60_000), is_forced=True)
    assert compared.governed.replayed.tiers[0] == "stable"


def test_bars_are_prices_between_the_fills(tmp_path: Path) -> None:
    """The coin falls to 40,000 between purchase and sale; only the bars know."""
    known = log(tmp_path)
    start = 1_709_650_800_000_000_000  # 15:00
    starts = [start + place * 15 * MINUTE_NS for place in range(-8, 6)]
    closes = [50_000.0] * 10 + [40_000.0] + [51_000.0] * 3
    bars = BarSeries(
        key=BTC,
        step_ns=15 * MINUTE_NS,
        starts=array("q", starts),
        ends=array("q", [each + 15 * MINUTE_NS for each in starts]),
        opens=array("d", closes),
        highs=array("d", closes),
        lows=array("d", closes),
        closes=array("d", closes),
        volumes=array("d", closes),
        source=Source("BTC.csv", "0" * 64),
    )
    fuller = with_bars(known, [bars])
    assert fuller.trails[BTC].at(start + 44 * MINUTE_NS) == 40_000
    assert known.trails[BTC].at(start + 44 * MINUTE_NS) == 50_500
    flat, fallen = compare(known, account(60_000)), compare(fuller, account(60_000))
    assert fallen.alone.drawdown > flat.alone.drawdown
    adds_up(fallen)
    with pytest.raises(BadData, match="us_equity:QQQ is not in the history"):
        with_bars(known, [structs.replace(bars, key=Key("us_equity:QQQ"))])


def test_a_long_history_is_looked_at_less_often(tmp_path: Path) -> None:
    rows = "2024-03-{:02}T15:00:00Z,SPY,buy,1,500,{},o{}\n"
    for last, step in ((6, MINUTE_NS), (25, 5 * MINUTE_NS)):
        known = log(tmp_path, rows.format(5, "a", 1) + rows.format(last, "b", 2))
        assert step_of(known, offers_of(known, is_doubled=False)) == step
    known = log(tmp_path, rows.format(5, "a", 1) + rows.format(6, "b", 2).replace("2024", "2025"))
    assert step_of(known, offers_of(known, is_doubled=False)) == HOUR_NS
    assert offers_of(known, is_doubled=False)[-1].at_ns - NOW < -DAY_NS


def test_a_split_and_a_history_without_executions_are_refused(tmp_path: Path) -> None:
    registry = Registry.builtin()
    rows: list[dict[str, Any]] = [
        {"id": "1", "activity_type": "SPLIT", "symbol": "SPY", "qty": "10", "date": "2024-03-05"}
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(BadData, match="us_equity:SPY was split in this history"):
        log_of_history([read_file(path, Asked(registry, NOW))], registry)
    rows[0] |= {"activity_type": "CSD", "net_amount": "5"}
    path.write_text(json.dumps(rows))
    with pytest.raises(BadData, match="no execution in these files"):
        log_of_history([read_file(path, Asked(registry, NOW))], registry)


def test_a_drawdown_is_counted_from_the_best_so_far() -> None:
    assert drawdown([D(100), D(120), D(90), D(130), D(117)]) == D("0.25")
    assert drawdown([D(100)]) == 0


def test_what_the_bot_held_at_first_it_may_sell(tmp_path: Path) -> None:
    rows = "2024-03-05T15:00:00Z,SPY,buy,1,500,a,o1\n2024-03-05T15:10:00Z,SPY,sell,9,501,b,o2\n"
    compared = compare(log(tmp_path, rows), account(60_000, {SPY: D(8)}))
    assert [line.verdict for line in compared.lines] == ["approved", "approved"]
    (share,) = compared.governed.gains
    assert (share.key, share.first) == (SPY, D(4000))
    assert compared.governed.change == compared.alone.change
    adds_up(compared)


def test_a_short_is_denied_and_its_cover_opens_nothing(tmp_path: Path) -> None:
    """Ten are sold short and twelve bought: ten of them cover, two are a purchase."""
    rows = (
        "2024-03-05T15:00:00Z,SPY,sell_short,10,500,a,o1\n"
        "2024-03-05T15:10:00Z,SPY,buy,10,490,b,o2\n"
        "2024-03-05T15:20:00Z,SPY,sell_short,10,500,c,o3\n"
        "2024-03-05T15:30:00Z,SPY,buy,12,495,d,o4\n"
    )
    compared = compare(log(tmp_path, rows), account(60_000))
    assert [(line.verdict, line.reason) for line in compared.lines] == [
        ("denied", "not_held"),
        ("skipped", ""),
        ("denied", "not_held"),
        ("approved", "none"),
    ]
    assert compared.lines[3].given == 2
    (left,) = compared.governed.gains
    assert left.last == 2 * D(495)
    adds_up(compared)


def test_instants_without_news_are_worth_what_looking_at_them_would_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = log(tmp_path, ROWS + "2024-03-07T16:30:00Z,BTC/USD,buy,0.05,52000,g,seven\n")
    quick = compare(rows, account(20_000, {BTC: D("0.02")}))
    news, seen = Standing.news, []

    def looks_always(standing: Standing) -> Sequence[Change]:
        found = news(standing)
        seen.append(found is None)
        return found or ()

    monkeypatch.setattr(Standing, "news", looks_always)
    assert compare(rows, account(20_000, {BTC: D("0.02")})) == quick
    assert 0.5 < sum(seen) / len(seen) < 1
