"""Account, positions, assets, activities, clock: what the official client reads of each."""

import json
import uuid
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from alpaca.trading.models import (
    AccountConfiguration,
    Asset,
    Calendar,
    Clock,
    NonTradeActivity,
    Position,
    TradeAccount,
    TradeActivity,
)
from msgspec import structs

from smart_leverage.domain.calendars import Sessions
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import Side
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.stamps import read_stamp
from smart_leverage.wire.accounts import (
    AccountView,
    PositionView,
    account_json,
    configuration_json,
    position_json,
    position_symbol,
)
from smart_leverage.wire.activities import activity_id, coin_fee_json, fill_json
from smart_leverage.wire.assets import asset_id, asset_json
from smart_leverage.wire.clock import calendar_json, clock_json
from smart_leverage.wire.encoding import encode

KNOWN = Registry.builtin()
BTC, AAPL = KNOWN[Key("crypto:BTC/USD")], KNOWN[Key("us_equity:AAPL")]
TQQQ = KNOWN[Key("us_equity:TQQQ")]
AT_NS = read_stamp("2026-08-03T14:31:02.123456Z").ns

ACCOUNT = AccountView(
    id="5f1c1d0e-2a70-5f7b-9a53-0c9f3b7b1a01",
    number="SL12345678",
    equity=Decimal("100000.005"),
    last_equity=Decimal(99500),
    cash=Decimal("38000.10"),
    market_value=Decimal("61999.905"),
    buying_power=Decimal(12000),
    buying_power_coins=Decimal("3000.5"),
    initial_margin=Decimal("61999.905"),
    maintenance_margin=Decimal(0),
    created_ns=AT_NS,
    is_suspended=False,
)
POSITION = PositionView(
    instrument=BTC,
    qty=Decimal("0.249375"),
    qty_available=Decimal("0.2"),
    entry_price=Decimal("80000.123456789123"),
    cost_basis=Decimal(19950),
    price=Decimal("80200.50"),
    last_price=Decimal(80000),
)


def through(content: object) -> Any:
    return json.loads(encode(content))


def texts_of_money(shown: Mapping[str, Any], names: str) -> None:
    for name in names.split():
        assert isinstance(shown[name], str), name
        Decimal(shown[name])


def test_the_official_client_reads_an_account() -> None:
    shown = through(account_json(ACCOUNT))
    account = TradeAccount(**shown)
    assert (account.account_number, account.status.value) == ("SL12345678", "ACTIVE")
    assert (account.equity, account.buying_power) == ("100000", "12000")
    assert account.non_marginable_buying_power == "3000.5"
    texts_of_money(
        shown,
        "cash equity last_equity portfolio_value long_market_value short_market_value"
        " buying_power regt_buying_power multiplier initial_margin maintenance_margin",
    )


def test_an_account_lends_nothing_and_says_so() -> None:
    shown = through(account_json(ACCOUNT))
    assert (shown["multiplier"], shown["shorting_enabled"]) == ("1", False)
    assert shown["equity"] == shown["portfolio_value"]  # lumibot reads the twin
    assert {"pattern_day_trader", "daytrade_count", "daytrading_buying_power"} & set(shown) == set()
    suspended = structs.replace(ACCOUNT, is_suspended=True)
    assert through(account_json(suspended))["trade_suspended_by_user"] is True


def test_the_official_client_reads_a_configuration() -> None:
    read = AccountConfiguration(**through(configuration_json(is_suspended=True)))
    assert (read.suspend_trade, read.no_shorting, read.max_margin_multiplier) == (True, True, "1")


def test_the_official_client_reads_a_position() -> None:
    shown = through(position_json(POSITION))
    read = Position(**shown)
    assert (read.symbol, read.side.value, read.qty) == ("BTCUSD", "long", "0.249375")
    assert (read.qty_available, read.avg_entry_price) == ("0.2", "80000.123456789")
    assert read.market_value == "20000"  # 0.249375 x 80200.50, to the cent
    assert read.unrealized_pl == "50"
    texts_of_money(shown, "avg_entry_price qty cost_basis market_value current_price")
    assert Decimal(shown["change_today"]) == Decimal("0.00250625")  # a fraction, not per cent


def test_what_depends_on_yesterday_is_null_where_that_is_unknown() -> None:
    shown = through(position_json(structs.replace(POSITION, last_price=None)))
    for name in ("lastday_price", "change_today", "unrealized_intraday_pl"):
        assert shown[name] is None
    assert Position(**shown).current_price == "80200.5"


def test_a_position_that_cost_nothing_has_no_return() -> None:
    shown = through(position_json(structs.replace(POSITION, cost_basis=Decimal(0))))
    assert shown["unrealized_plpc"] is None
    assert Position(**shown).cost_basis == "0"


def test_only_coins_lose_their_slash_on_positions() -> None:
    odd = structs.replace(AAPL, symbol="BF/B")
    assert position_symbol(odd) == "BF/B"
    assert position_symbol(BTC) == "BTCUSD"
    assert through(position_json(structs.replace(POSITION, instrument=odd)))["symbol"] == "BF/B"


# -- assets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("instrument", KNOWN.values(), ids=lambda one: one.key)
def test_the_official_client_reads_every_asset(instrument: Instrument) -> None:
    shown = through(asset_json(instrument))
    read = Asset(**shown)
    assert (read.symbol, read.status.value) == (instrument.symbol, "active")
    assert not read.shortable
    assert not read.easy_to_borrow
    assert str(read.id) == asset_id(instrument.key)
    if instrument.is_leveraged and not instrument.is_crypto:
        assert Decimal(shown["margin_requirement_long"]) > 30


def test_ids_of_assets_are_the_brokers_where_they_are_known_and_all_different() -> None:
    assert asset_id(AAPL.key) == "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415"
    assert asset_id(BTC.key) == "276e2673-764b-4ab6-a611-caf665ca6340"
    assert len({asset_id(key) for key in KNOWN}) == len(KNOWN)
    assert uuid.UUID(asset_id(TQQQ.key)).version == 5


def test_a_coin_says_its_steps_and_a_share_does_not() -> None:
    coin, share = through(asset_json(BTC)), through(asset_json(AAPL))
    texts_of_money(coin, "min_order_size min_trade_increment price_increment")
    assert (coin["exchange"], coin["marginable"]) == ("CRYPTO", False)
    assert "min_order_size" not in share


# -- activities -----------------------------------------------------------------------------------


def fill_row(filled: str) -> dict[str, Any]:
    row = fill_json(
        name="9c0a6d7e-6d35-5d3a-8a39-51f1f0b5c001",
        at_ns=AT_NS,
        symbol="BTC/USD",
        side=Side.BUY,
        qty=Decimal("0.1"),
        price=Decimal("80000.00"),
        order_id="9c0a6d7e-6d35-5d3a-8a39-51f1f0b5c002",
        order_qty=Decimal("0.3"),
        filled_qty=Decimal(filled),
    )
    shown: dict[str, Any] = through(row)
    return shown


def test_the_official_client_reads_executions() -> None:
    row = fill_row("0.2")
    read = TradeActivity(**row, account_id=ACCOUNT.id)
    assert (read.id, read.type.value) == (
        "20260803143102123::9c0a6d7e-6d35-5d3a-8a39-51f1f0b5c001",
        "partial_fill",
    )
    assert (row["leaves_qty"], row["cum_qty"], row["order_status"]) == (
        "0.1",
        "0.2",
        "partially_filled",
    )
    last = fill_row("0.3")
    assert (last["leaves_qty"], last["type"], last["order_status"]) == ("0", "fill", "filled")


def test_the_official_client_reads_fees_taken_in_coins() -> None:
    row = through(
        coin_fee_json(
            name="9c0a6d7e-6d35-5d3a-8a39-51f1f0b5c003",
            at_ns=AT_NS,
            symbol="ETH/USD",
            qty=Decimal("0.000195"),
            price=Decimal(3000),
        )
    )
    assert (row["qty"], row["net_amount"], row["symbol"]) == ("-0.000195", "0", "ETHUSD")
    read = NonTradeActivity(**row, account_id=ACCOUNT.id)
    assert read.activity_type.value == "CFEE"


def test_ids_of_activities_sort_by_time() -> None:
    instants = [AT_NS + step * 10**6 for step in (0, 1, 876, 877, 60_000, 10**9)]
    ids = [activity_id(at_ns, "x") for at_ns in instants]
    assert ids == sorted(ids)
    assert len(ids[0].partition("::")[0]) == 17


# -- clock and calendar ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "is_open", "next_open", "next_close"),
    [
        pytest.param("2026-08-03T14:31:02Z", True, "2026-08-04T09:30:00-04:00",
                     "2026-08-03T16:00:00-04:00", id="in-the-session"),
        pytest.param("2026-08-03T13:29:59Z", False, "2026-08-03T09:30:00-04:00",
                     "2026-08-03T16:00:00-04:00", id="before-it"),
        pytest.param("2026-11-27T18:00:00Z", False, "2026-11-30T09:30:00-05:00",
                     "2026-11-30T16:00:00-05:00", id="after-a-half-day"),
        pytest.param("2026-10-31T12:00:00Z", False, "2026-11-02T09:30:00-05:00",
                     "2026-11-02T16:00:00-05:00", id="across-the-change-of-clocks"),
    ],
)  # fmt: skip
def test_the_clock_speaks_the_time_of_new_york(
    at: str, is_open: bool, next_open: str, next_close: str
) -> None:
    shown = through(clock_json(read_stamp(at).ns, Sessions.xnys()))
    assert (shown["is_open"], shown["next_open"]) == (is_open, next_open)
    assert shown["next_close"] == next_close
    assert read_stamp(shown["timestamp"]).ns == read_stamp(at).ns
    assert Clock(**shown).is_open is is_open


def test_the_calendar_lists_trading_days_and_when_they_settle() -> None:
    days = list(Sessions.xnys().between(date(2026, 11, 25), date(2026, 12, 1)))
    following = {one.date: other.date for one, other in pairwise(days)}
    rows = through(calendar_json(days[:3], following))
    assert [(row["date"], row["open"], row["close"], row["settlement_date"]) for row in rows] == [
        ("2026-11-25", "09:30", "16:00", "2026-11-27"),
        ("2026-11-27", "09:30", "13:00", "2026-11-30"),
        ("2026-11-30", "09:30", "16:00", "2026-12-01"),
    ]
    assert [Calendar(**row).close.hour for row in rows] == [16, 13, 16]
    assert rows[0]["session_close"] == "2000"
    assert "session_close" not in rows[1]  # nobody has published it for a half day
