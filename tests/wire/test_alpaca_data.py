"""The official data clients, unmodified, against the desk over sockets."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.data.requests import (
    CryptoBarsRequest,
    CryptoLatestBarRequest,
    CryptoLatestOrderbookRequest,
    CryptoLatestQuoteRequest,
    CryptoLatestTradeRequest,
    CryptoQuoteRequest,
    CryptoSnapshotRequest,
    CryptoTradesRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
from tests.wire.desk_server import BTC, ETH, KEYS, SPY, TQQQ, Desk, desk

from smart_leverage.domain.calendars import Sessions

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture(scope="module")
def shares(served: Desk) -> StockHistoricalDataClient:
    return StockHistoricalDataClient(*KEYS, url_override=served.url)


@pytest.fixture(scope="module")
def coins(served: Desk) -> CryptoHistoricalDataClient:
    return CryptoHistoricalDataClient(url_override=served.url)


@pytest.fixture(scope="module")
def began(served: Desk) -> datetime:
    return datetime.combine(served.first_day, datetime.min.time(), UTC)


@pytest.fixture(scope="module")
def session(served: Desk) -> tuple[datetime, datetime]:
    """The last session that is over."""
    now = datetime.now(UTC)
    found = [
        each
        for each in Sessions.xnys().between(served.first_day, now.date())
        if at(each.close_ns) < now
    ]
    return at(found[-1].open_ns), at(found[-1].close_ns)


def at(instant_ns: int) -> datetime:
    return datetime.fromtimestamp(instant_ns / 1e9, UTC)


# -- coins, without keys --------------------------------------------------------------------------


def test_minute_bars_of_coins_are_those_of_the_market(
    served: Desk, coins: CryptoHistoricalDataClient, began: datetime
) -> None:
    asked = CryptoBarsRequest(
        symbol_or_symbols=[BTC, ETH],
        timeframe=TimeFrame.Minute,
        start=began,
        end=began + timedelta(minutes=99),
    )
    found: Any = coins.get_crypto_bars(asked)
    for symbol in (BTC, ETH):
        bars = list(served.of(symbol).bars(0, 100))
        assert [(bar.open, bar.high, bar.low, bar.close) for bar in found[symbol]] == [
            (bar.open, bar.high, bar.low, bar.close) for bar in bars
        ]
        assert [bar.timestamp for bar in found[symbol]] == [at(bar.start_ns) for bar in bars]
        assert [bar.volume for bar in found[symbol]] == [bar.volume for bar in bars]
        assert {bar.trade_count for bar in found[symbol]} == {60}
        assert all(bar.low <= bar.vwap <= bar.high for bar in found[symbol])


def test_more_rows_than_a_page_holds_arrive_whole_and_in_order(
    coins: CryptoHistoricalDataClient, began: datetime
) -> None:
    """Two coins, four days of minutes: 11,520 rows and the pages turn inside of a symbol."""
    asked = CryptoBarsRequest(
        symbol_or_symbols=[ETH, BTC],
        timeframe=TimeFrame.Minute,
        start=began,
        end=began + timedelta(days=4) - SECOND,
    )
    found: Any = coins.get_crypto_bars(asked)
    every = [began + timedelta(minutes=count) for count in range(4 * 1440)]
    for symbol in (BTC, ETH):
        assert [bar.timestamp for bar in found[symbol]] == every


def test_a_limit_is_that_of_all_symbols_together(
    coins: CryptoHistoricalDataClient, began: datetime
) -> None:
    asked = CryptoBarsRequest(
        symbol_or_symbols=[BTC, ETH],
        timeframe=TimeFrame.Hour,
        start=began,
        end=began + timedelta(hours=4),
        limit=7,
    )
    found: Any = coins.get_crypto_bars(asked)
    assert [len(found[symbol]) for symbol in (BTC, ETH)] == [5, 2]


def test_bars_come_the_latest_first_when_asked(
    coins: CryptoHistoricalDataClient, began: datetime
) -> None:
    asked = CryptoBarsRequest(
        symbol_or_symbols=BTC, timeframe=TimeFrame.Day, start=began, sort=Sort.DESC
    )
    days = [bar.timestamp for bar in coins.get_crypto_bars(asked)[BTC]]
    assert days == [began + timedelta(days=count) for count in (3, 2, 1, 0)]


def test_the_latest_of_a_coin_is_of_this_second(coins: CryptoHistoricalDataClient) -> None:
    quote = coins.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols=BTC))[BTC]
    trade = coins.get_crypto_latest_trade(CryptoLatestTradeRequest(symbol_or_symbols=BTC))[BTC]
    bar = coins.get_crypto_latest_bar(CryptoLatestBarRequest(symbol_or_symbols=BTC))[BTC]
    book = coins.get_crypto_latest_orderbook(CryptoLatestOrderbookRequest(symbol_or_symbols=BTC))
    now = datetime.now(UTC)
    for row in (quote, trade, book[BTC]):
        assert now - timedelta(seconds=5) < row.timestamp <= now
    assert bar.timestamp + timedelta(minutes=1) <= now < bar.timestamp + timedelta(minutes=3)
    assert quote.bid_price < quote.ask_price
    assert book[BTC].bids[0].price < book[BTC].asks[0].price


def test_quotes_and_trades_of_a_minute_are_one_each_second(
    served: Desk, coins: CryptoHistoricalDataClient, began: datetime
) -> None:
    span = {"symbol_or_symbols": BTC, "start": began, "end": began + 59 * SECOND}
    quotes = coins.get_crypto_quotes(CryptoQuoteRequest(**span))[BTC]
    trades = coins.get_crypto_trades(CryptoTradesRequest(**span))[BTC]
    bar = served.of(BTC)[0]
    assert [row.timestamp for row in quotes] == [began + count * SECOND for count in range(60)]
    assert [row.timestamp for row in trades] == [row.timestamp for row in quotes]
    assert sum(row.size for row in trades) == pytest.approx(bar.volume)
    assert max(row.price for row in trades) == pytest.approx(bar.high)
    assert min(row.price for row in trades) == pytest.approx(bar.low)
    assert len({row.id for row in trades}) == 60


def test_a_snapshot_grows_with_the_day(coins: CryptoHistoricalDataClient) -> None:
    found = coins.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols=[BTC, ETH]))
    assert set(found) == {BTC, ETH}
    one = found[BTC]
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert one.daily_bar.timestamp in (midnight, midnight - timedelta(days=1))
    assert one.previous_daily_bar.timestamp == one.daily_bar.timestamp - timedelta(days=1)
    assert one.daily_bar.close == one.minute_bar.close == one.latest_trade.price
    assert one.daily_bar.low <= one.latest_trade.price <= one.daily_bar.high


def test_a_coin_without_its_slash_is_refused(coins: CryptoHistoricalDataClient) -> None:
    with pytest.raises(APIError) as refused:
        coins.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols="BTCUSD"))
    assert (refused.value.code, "BTCUSD" in refused.value.message) == (40010001, True)


# -- shares ---------------------------------------------------------------------------------------


def test_daily_bars_of_shares_are_stamped_at_midnight_in_new_york(
    shares: StockHistoricalDataClient, began: datetime, session: tuple[datetime, datetime]
) -> None:
    asked = StockBarsRequest(symbol_or_symbols=[SPY, "NVDA"], timeframe=TimeFrame.Day, start=began)
    found: Any = shares.get_stock_bars(asked)
    assert set(found.data) == {SPY}  # what is not known here is left out
    last = found[SPY][-1]
    assert last.timestamp.hour in (4, 5)
    assert last.timestamp.date() == session[0].date()
    assert last.volume == int(last.volume)


def test_hours_of_shares_begin_before_the_session_and_end_with_it(
    shares: StockHistoricalDataClient, session: tuple[datetime, datetime]
) -> None:
    opened, closed = session
    asked = StockBarsRequest(
        symbol_or_symbols=TQQQ,
        timeframe=TimeFrame(2, TimeFrameUnit.Hour),
        start=opened - 12 * HOUR,
        end=closed + 12 * HOUR,
    )
    found: Any = shares.get_stock_bars(asked)
    first, last = found[TQQQ][0].timestamp, found[TQQQ][-1].timestamp
    assert first == opened.replace(minute=0) - HOUR
    assert first < opened < first + 2 * HOUR
    assert last < closed <= last + 2 * HOUR


def test_shares_are_silent_outside_their_sessions(
    shares: StockHistoricalDataClient, session: tuple[datetime, datetime]
) -> None:
    opened, _ = session
    span = {"symbol_or_symbols": SPY, "end": opened + SECOND, "start": opened - 4 * HOUR}
    quotes = shares.get_stock_quotes(StockQuotesRequest(**span))[SPY]
    trades = shares.get_stock_trades(StockTradesRequest(**span))[SPY]
    assert [row.timestamp for row in quotes] == [opened, opened + SECOND]
    assert [row.timestamp for row in trades] == [opened, opened + SECOND]
    assert trades[0].exchange is not None


def test_the_latest_of_a_share_is_of_its_last_session(
    shares: StockHistoricalDataClient, session: tuple[datetime, datetime]
) -> None:
    quote = shares.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=SPY))[SPY]
    trade = shares.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=SPY))[SPY]
    bar = shares.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=SPY))[SPY]
    now = datetime.now(UTC)
    is_open = Sessions.xnys().is_open(int(now.timestamp()) * 1_000_000_000)
    for row in (quote, trade):
        assert row.timestamp > now - timedelta(seconds=5) or not is_open
        assert session[1] - SECOND <= row.timestamp <= now
    assert bar.timestamp <= trade.timestamp


def test_snapshots_of_shares_stand_at_the_top(shares: StockHistoricalDataClient) -> None:
    found = shares.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=[SPY, TQQQ, "NVDA"]))
    assert set(found) == {SPY, TQQQ}
    one = found[SPY]
    assert one.previous_daily_bar.timestamp < one.daily_bar.timestamp
    assert one.latest_quote.bid_price < one.latest_trade.price < one.latest_quote.ask_price


def test_shares_need_keys(served: Desk) -> None:
    stranger = StockHistoricalDataClient("SLKNOBODY", "nothing", url_override=served.url)
    with pytest.raises(APIError) as refused:
        stranger.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=SPY))
    assert refused.value.status_code == 401


# -- streams --------------------------------------------------------------------------------------


def collected(stream: Any, enough: int, within_s: float = 15.0) -> list[Any]:
    """Run a stream on a thread of its own until its handler has so many rows."""
    rows: list[Any] = []
    done = threading.Event()

    async def hear(row: Any) -> None:
        rows.append(row)
        if len(rows) >= enough:
            done.set()

    for subscribe in (stream.subscribe_quotes, stream.subscribe_trades):
        subscribe(hear, BTC if isinstance(stream, CryptoDataStream) else SPY)
    if isinstance(stream, CryptoDataStream):
        stream.subscribe_orderbooks(hear, "*")
    thread = threading.Thread(target=stream.run)
    thread.start()
    done.wait(within_s)
    stream.stop()
    thread.join(15.0)
    assert not thread.is_alive()
    return rows


def test_a_stream_of_coins_tells_every_second(served: Desk) -> None:
    stream = CryptoDataStream(*KEYS, url_override=f"{served.ws}/v1beta3/crypto/us")
    rows = collected(stream, 21)
    kinds = {type(row).__name__ for row in rows}
    assert kinds == {"Quote", "Trade", "Orderbook"}
    quotes = [row for row in rows if type(row).__name__ == "Quote"]
    assert {row.symbol for row in quotes} == {BTC}
    stamps = [row.timestamp for row in quotes]
    assert stamps == sorted(set(stamps))
    assert all(stamp <= datetime.now(UTC) for stamp in stamps)
    assert all(row.reset for row in rows if type(row).__name__ == "Orderbook")


def test_a_stream_of_shares_is_silent_while_their_exchange_is_closed(served: Desk) -> None:
    stream = StockDataStream(*KEYS, url_override=f"{served.ws}/v2/iex")
    is_open = Sessions.xnys().is_open(int(datetime.now(UTC).timestamp()) * 1_000_000_000)
    rows = collected(stream, 4, within_s=15.0 if is_open else 3.0)
    assert bool(rows) == is_open
