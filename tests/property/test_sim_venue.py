"""Whatever is asked of a simulated venue in whatever order: its books agree, and reruns repeat."""

import sqlite3
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import HOUR_NS, SECOND_NS
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    FINAL_STATUSES,
    Approved,
    Order,
    OrderClass,
    OrderType,
    Side,
    TimeInForce,
    TradeUpdate,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.fills.costs import STOCK_FEES_2026, CostModel

D = Decimal
AAPL, BTC = Key("us_equity:AAPL"), Key("crypto:BTC/USD")
KEYS = (AAPL, BTC)
CASH, HELD = D(50_000), {AAPL: D(40), BTC: D("0.5")}
MONDAY = 1785765600 * SECOND_NS
COSTS = CostModel(stock_fees=STOCK_FEES_2026)

SUCCESSORS = {
    "": {"new", "accepted", "replaced", "canceled"},
    "accepted": {"new", "canceled", "expired", "rejected"},
    "new": {"partially_filled", "filled", "canceled", "expired", "replaced", "rejected"},
    "partially_filled": {"partially_filled", "filled", "canceled", "expired", "replaced"},
}
"""By the venue's states; what the stream has not mentioned may be an exit that is held."""

Call = tuple[Any, ...]

prices = st.sampled_from([90, 95, 97, 98, 99, 100, 101, 102, 103, 105, 110])
"""Per cent of where each symbol began: near enough to each other that orders meet."""


@st.composite
def orders(draw: st.DrawFn) -> Call:
    """Return an order that the venue mostly takes: of a fitting type, prices on fitting sides."""
    key, side = draw(st.sampled_from(KEYS)), draw(st.sampled_from(list(Side)))
    is_coin, up = key == BTC, 1 if side is Side.BUY else -1
    kinds = [OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, OrderType.STOP_LIMIT]
    more = [OrderType.STOP, OrderType.TRAILING_STOP]
    kind = draw(st.sampled_from(kinds if is_coin else [*kinds, *more]))
    words: dict[str, Any] = {
        "key": key,
        "side": side,
        "qty": draw(st.sampled_from(COINS if is_coin else SHARES)),
        "type": kind,
        "time_in_force": draw(st.sampled_from(LASTS if is_coin else [TimeInForce.DAY, *LASTS])),
    }
    near = draw(st.sampled_from([1, 2, 3, 5]))
    if kind is OrderType.LIMIT:
        words["limit_price"] = 100 - up * draw(st.sampled_from([near, near, -1]))
    elif kind is OrderType.TRAILING_STOP:
        words |= draw(st.sampled_from([{"trail_price": near}, {"trail_percent": D(near) / 2}]))
    elif kind is not OrderType.MARKET:
        words["stop_price"] = 100 + up * near
        if kind is OrderType.STOP_LIMIT:
            words["limit_price"] = 100 + up * draw(st.sampled_from([near, near + 1]))
    if not is_coin and draw(st.integers(0, 3)) == 0:
        words |= draw(exits(up))
    return ("submit", words)


def exits(up: int) -> st.SearchStrategy[dict[str, Any]]:
    target, stop = {"take_profit": 100 + up * 4}, {"stop_loss": 100 - up * 6}
    limited = {"stop_loss": 100 - up * 6, "stop_loss_limit": 100 - up * 7}
    alone = {"take_profit": 100 - up * 3, "stop_loss": 100 + up * 3, "limit_price": None}
    return st.sampled_from(
        [
            {"order_class": OrderClass.BRACKET, **target, **stop},
            {"order_class": OrderClass.BRACKET, **target, **limited},
            {"order_class": OrderClass.OTO, **target},
            {"order_class": OrderClass.OTO, **stop},
            {"order_class": OrderClass.OCO, "type": OrderType.LIMIT, "stop_price": None, **alone},
        ]
    )


SHARES, COINS = ["1", "3", "10", "25", "40", "80"], ["0.1", "0.25", "0.3", "0.123456789"]
LASTS = [TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC]
places = st.integers(0, 12)
steps = st.integers(0, 3)
calls = st.one_of(
    orders(),
    orders(),
    orders(),
    st.tuples(st.just("cancel"), places),
    st.tuples(st.just("replace"), places, prices, st.sampled_from([None, None, "5", "20"])),
    *[st.tuples(st.just("market"), st.sampled_from(KEYS), steps, prices, prices, prices)] * 6,
    st.tuples(st.just("deposit"), st.sampled_from(["100", "-5000", "-90000", "0.01"])),
    st.tuples(st.just("advance"), st.integers(0, 10)),
)
days = st.lists(calls, min_size=20, max_size=60)
configs = st.builds(
    lambda mode, seed, lends, shorts: SimConfig(
        mode=mode,
        seed=seed,
        multiplier=lends,
        is_short_allowed=shorts,
        cash=CASH,
        opened_at_ns=MONDAY,
        partial_probability=0.6,
        positions=tuple(Start(key, qty, D(base(key))) for key, qty in HELD.items()),
    ),
    st.sampled_from(list(Mode)),
    st.integers(0, 3),
    st.sampled_from([1, 4]),
    st.booleans(),
)


def base(key: Key) -> int:
    return 200 if key == AAPL else 50_000


def act(broker: SimBroker, number: int, call: Call) -> None:
    """Make one call; a refusal is an answer like any other."""
    kind, *words = call
    names = [each.order.client_order_id for each in broker.orders()]
    with suppress(Refused):
        if kind == "submit":
            broker.submit(Approved(order_of(f"o{number}", **words[0]), "test"))
        elif kind == "cancel" and names:
            broker.cancel(names[-1 - words[0] % len(names)])
        elif kind == "replace" and names:
            change(broker, names[-1 - words[0] % len(names)], words[1], words[2])
        elif kind == "market":
            move(broker, *words)
        elif kind == "deposit":
            broker.deposit(broker.now_ns, D(words[0]), f"f{number}")
        elif kind == "advance":
            broker.advance(broker.now_ns + words[0] * HOUR_NS)


def order_of(name: str, key: Key, side: Side, qty: str, **more: Any) -> Order:
    scale = D(base(key)) / 100
    exact: dict[str, Any] = {
        word: D(value) * scale if isinstance(value, int) else value for word, value in more.items()
    }
    return Order(client_order_id=name, bot="bot", key=key, side=side, qty=D(qty), **exact)


def change(broker: SimBroker, name: str, price: int, qty: str | None) -> None:
    order = broker.order(name)
    assert order is not None
    exact = D(price) * D(base(order.order.key)) / 100
    whole = None if qty is None else D(qty)
    if order.order.type is OrderType.STOP:
        broker.replace(name, stop_price=exact, qty=whole)
    elif order.order.trails:
        broker.replace(name, trail=D(abs(price - 100) or 1) / 2, qty=whole)
    else:
        broker.replace(name, limit_price=exact, qty=whole)


def move(broker: SimBroker, key: Key, step: int, *levels: int) -> None:
    """Move a symbol by a bar that is over and the open of the next, or by a quote."""
    first, middle, last = (level * base(key) / 100 for level in levels)
    start, end = broker.now_ns, broker.now_ns + (step + 1) * HOUR_NS // 4
    if broker.config.mode is Mode.LIVE:
        broker.on_quote(end, key, min(first, middle), min(first, middle) * 1.0005)
        return
    low, high = min(first, middle, last), max(first, middle, last)
    broker.close_bars(end, [(key, Bar(start, end, first, high, low, last, 0.0))])
    broker.print_opens(end, [(key, last)])
    broker.fill_opens(end)


def opened(config: SimConfig, path: Path | None = None) -> SimBroker:
    broker = SimBroker(Registry.builtin(), COSTS, config, path)
    for key in KEYS:
        if config.mode is Mode.LIVE:
            broker.on_quote(MONDAY, key, float(base(key)), float(base(key)))
        else:
            broker.print_opens(MONDAY, [(key, float(base(key)))])
            broker.fill_opens(MONDAY)
    return broker


# -- reruns ---------------------------------------------------------------------------------------


def rows(path: Path) -> list[list[Any]]:
    tables = ("meta", "events", "orders", "fills", "changes", "positions", "lines")
    with closing(sqlite3.connect(path)) as db:
        return [db.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in tables]


@given(configs, days, st.sets(st.integers(0, 40), max_size=3))
@settings(max_examples=20)
def test_the_same_calls_leave_the_same_rows_also_over_restarts(
    config: SimConfig, day: list[Call], restarts: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("one", "two", "three")]
        for path in paths:
            broker = opened(config, path)
            for number, call in enumerate(day):
                if path.name == "three" and number in restarts:
                    broker.close()
                    broker = SimBroker(Registry.builtin(), COSTS, config, path)
                act(broker, number, call)
            seen = view(broker)
            broker.close()
        one, two, three = map(rows, paths)
        assert one == two
        assert one == three
    with opened(config) as memory:
        for number, call in enumerate(day):
            act(memory, number, call)
        assert view(memory) == seen


def view(broker: SimBroker) -> list[Any]:
    asked: list[Callable[[], Any]] = [
        broker.account,
        lambda: list(broker.positions()),
        lambda: list(broker.orders()),
        lambda: list(broker.orders(is_open=True)),
        lambda: list(broker.updates(0)),
        lambda: list(broker.activities()),
        lambda: list(broker.changes()),
    ]
    return [ask() for ask in asked]


# -- books ----------------------------------------------------------------------------------------


@given(configs, days)
@settings(max_examples=150)
def test_cash_positions_fills_and_entries_always_agree(config: SimConfig, day: list[Call]) -> None:
    with opened(config) as broker:
        trails: dict[str, Decimal] = {}
        for number, call in enumerate(day):
            act(broker, number, call)
            check_balances(broker)
            check_trails(broker, trails)
        check_stream(broker.updates(0))
        check_orders(broker)


def check_balances(broker: SimBroker) -> None:
    """Add everything up twice: from the entries, and from fills and flows alone."""
    balance: dict[str, Decimal] = defaultdict(Decimal)
    for number, change in enumerate(broker.changes(), 1):
        balance[change.asset] += change.amount
        assert (change.number, change.balance) == (number, balance[change.asset])

    cash, units = CASH, defaultdict(Decimal, HELD)
    for update in broker.updates(0):
        if (fill := update.fill) is not None:
            sign = 1 if fill.side is Side.BUY else -1
            cash -= sign * fill.qty * fill.price + (fill.fee if fill.fee_asset == "USD" else 0)
            units[fill.key] += sign * fill.qty - (0 if fill.fee_asset == "USD" else fill.fee)
    cash += sum(each.net_amount for each in broker.activities() if each.type in ("CSD", "CSW"))

    account, positions = broker.account(), broker.positions()
    assert account.cash == balance["USD"] == cash
    held = {key: qty for key, qty in units.items() if qty}
    assert {each.key: each.qty for each in positions} == held
    assert {key: qty for key, qty in balance.items() if qty and key != "USD"} == held
    assert account.equity == cash + sum(each.qty * each.price for each in positions)
    assert min(account.buying_power, account.non_marginable_buying_power) >= 0
    for each in positions:
        assert 0 <= each.qty_available / each.qty <= 1
        assert each.qty > 0 or (broker.config.is_short_allowed and each.key == AAPL)


def check_trails(broker: SimBroker, before: dict[str, Decimal]) -> None:
    """No stop that trails ever moves away from the market, and none lies beyond its best price."""
    for each in broker.orders():
        order, stop, up = each.order, each.order.stop_price, each.order.side is Side.SELL
        if not order.trails:
            assert each.hwm is None
            continue
        assert stop is not None
        assert each.hwm is not None
        assert stop < each.hwm if up else stop > each.hwm
        known = before.setdefault(order.client_order_id, stop)
        assert known <= stop if up else known >= stop
        before[order.client_order_id] = stop


def check_stream(updates: Sequence[TradeUpdate]) -> None:
    assert [each.sequence for each in updates] == list(range(1, len(updates) + 1))
    assert [each.at_ns for each in updates] == sorted(each.at_ns for each in updates)
    seen: dict[str, str] = {}
    for update in updates:
        name, status = update.broker_order.broker_order_id, update.broker_order.status
        before = seen.get(name, "")
        if update.event == "restated":
            assert status == (before or "held")
        else:
            assert status in SUCCESSORS[before], (before, status)
            assert update.event in {status, "fill", "partial_fill"}
        if status != "held":
            seen[name] = status


def check_orders(broker: SimBroker) -> None:
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for update in broker.updates(0):
        if (fill := update.fill) is not None:
            order = update.broker_order.order
            filled[order.client_order_id] += fill.qty
            if order.limit_price is not None:
                is_buy = fill.side is Side.BUY
                bounds = sorted((fill.price, order.limit_price))
                assert bounds[1 if is_buy else 0] == order.limit_price
            if order.trails and filled[order.client_order_id] == fill.qty:
                assert order.stop_price is not None
                is_worse = fill.price >= order.stop_price
                assert is_worse if fill.side is Side.BUY else fill.price <= order.stop_price
            if broker.config.mode is Mode.BAR and update.event == "partial_fill":
                assert "nothing is left" in reason_of(broker, order)
    for one in broker.orders():
        assert one.filled_qty == filled[one.order.client_order_id] <= one.order.qty
        assert (one.status == "filled") == (one.filled_qty == one.order.qty)
    is_open = [each for each in broker.orders() if each.status not in FINAL_STATUSES]
    assert sorted(each.broker_order_id for each in is_open) == sorted(
        each.broker_order_id for each in broker.orders(is_open=True)
    )


def reason_of(broker: SimBroker, order: Order) -> str:
    """Return why an order ended, as the stream told it last."""
    name = order.client_order_id
    told = [each for each in broker.updates(0) if each.broker_order.order.client_order_id == name]
    return told[-1].reason


# -- refusals -------------------------------------------------------------------------------------


@given(configs, days, orders())
@settings(max_examples=60)
def test_what_is_refused_or_taken_back_changes_nothing(
    config: SimConfig, day: list[Call], last: Call
) -> None:
    with opened(config) as broker:
        for number, call in enumerate(day):
            act(broker, number, call)
        before = view(broker)
        with suppress(Refused):
            broker.submit(Approved(order_of("last", **last[1]), "test"))
        after = view(broker)
        if broker.order("last") is None:
            assert after == before
        else:
            assert after[4][: len(before[4])] == before[4]
            broker.cancel("last")
            after = view(broker)
            assert after[:2] == before[:2]  # the account and what is held
            assert after[3] == before[3]  # and what is open
