"""Fees, holdings and what the simulated account can buy."""

from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any

import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BrokerDown, ConfigError, NotSent, Refused
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    Approved,
    BrokerOrder,
    Order,
    OrderType,
    Side,
    TimeInForce,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.fills.costs import STOCK_FEES_2026, CostModel, FeeSchedule
from smart_leverage.policy.margin import RuleSet

D = Decimal
AAPL, SPY, BTC = Key("us_equity:AAPL"), Key("us_equity:SPY"), Key("crypto:BTC/USD")
SHIB = Key("crypto:SHIB/USD")
BUY, SELL = Side.BUY, Side.SELL
LIMIT, GTC = OrderType.LIMIT, TimeInForce.GTC


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND_NS


MONDAY = at("2026-08-03T14:00+00:00")


def venue(at_ns: int = MONDAY, **config: Any) -> SimBroker:
    """Return a venue on quotes that has seen one of each symbol, and holds some of two."""
    words: dict[str, Any] = {
        "positions": (Start(AAPL, D(10), D(200)), Start(BTC, D(1), D(50_000))),
        "partial_probability": 0.0,
        "mode": Mode.LIVE,
        "opened_at_ns": at_ns,
    } | config
    broker = SimBroker(Registry.builtin(), config=SimConfig(**words))
    for key, price in ((AAPL, 200.0), (SPY, 500.0), (BTC, 50_000.0)):
        broker.on_quote(at_ns, key, price, price)
    return broker


def order_of(name: str, side: Side, qty: str = "10", key: Key = AAPL, **more: Any) -> Order:
    words: dict[str, Any] = {
        word: D(value) if word.endswith(("price", "profit", "loss", "limit")) else value
        for word, value in ({"time_in_force": GTC} | more).items()
    }
    return Order(client_order_id=name, bot="bot", key=key, side=side, qty=D(qty), **words)


def send(broker: SimBroker, *words: Any, **more: Any) -> BrokerOrder:
    return broker.submit(Approved(order_of(*words, **more), "test"))


def traded(broker: SimBroker, side: Side, qty: str, key: Key, price: float) -> None:
    """Send a market order and let it meet a quote without a spread."""
    send(broker, f"{len(broker.orders())}", side, qty, key)
    broker.on_quote(broker.now_ns + 1, key, price, price)


# -- fees -----------------------------------------------------------------------------------------


def test_a_taker_pays_25_basis_points_of_what_it_receives() -> None:
    with venue(positions=(), cash=D(60_000)) as broker:
        traded(broker, BUY, "1", BTC, 50_000.0)
        assert broker.positions()[0].qty == D("0.9975")
        assert broker.account().cash == 10_000
        order = broker.order("0")
        assert order is not None
        assert order.filled_qty == 1  # gross
        traded(broker, SELL, "0.9975", BTC, 50_000.0)
        assert broker.account().cash == 10_000 + D("49875") * D("0.9975")
        assert not broker.positions()
        assert [(row.type, row.qty, row.net_amount, row.price) for row in broker.activities()] == [
            ("CFEE", D("-0.0025"), D(0), D(50_000)),
            ("CFEE", None, D("-124.6875"), D(50_000)),
        ]
        fills = [each.fill for each in broker.updates(0) if each.fill]
        assert [row.reference for row in broker.activities()] == [
            fill.execution_id for fill in fills
        ]


def test_the_smallest_fee_is_rounded_against_us() -> None:
    with venue(positions=()) as broker:
        traded(broker, BUY, "0.000200001", BTC, 50_000.0)
        assert broker.positions()[0].qty == D("0.000200001") - D("0.000000501")


def test_fees_fall_with_the_volume_of_thirty_days() -> None:
    with venue(cash=D(10) ** 6, positions=(), fee_tiers=FeeSchedule()) as broker:
        rates = []
        for _ in range(3):
            traded(broker, BUY, "1.5", BTC, 50_000.0)
            fill = broker.updates(0)[-1].fill
            assert fill is not None
            rates.append(fill.fee / fill.qty)
        assert rates == [D("0.0025"), D("0.0025"), D("0.0022")]
        broker.advance(MONDAY + 31 * 86_400 * SECOND_NS)
        traded(broker, BUY, "1.5", BTC, 50_000.0)
        fill = broker.updates(0)[-1].fill
        assert fill is not None
        assert fill.fee / fill.qty == D("0.0025")


def test_shares_cost_nothing_on_paper() -> None:
    with venue() as broker:
        traded(broker, SELL, "10", AAPL, 200.0)
        assert broker.account().cash == 102_000
        assert not broker.activities()


def test_regulatory_fees_are_taken_in_cash_when_the_costs_say_so() -> None:
    """1,000 shares at 200: SEC 4.12, TAF 0.20 (0.195 rounded up), CAT 0.01 each way."""
    config = SimConfig(
        mode=Mode.LIVE, opened_at_ns=MONDAY, cash=D(300_000), partial_probability=0.0
    )
    costs = CostModel(stock_fees=STOCK_FEES_2026)
    with SimBroker(Registry.builtin(), costs, config) as broker:
        broker.on_quote(MONDAY, AAPL, 200.0, 200.0)
        traded(broker, BUY, "1000", AAPL, 200.0)
        assert broker.account().cash == 100_000 - D("0.01")
        traded(broker, SELL, "1000", AAPL, 200.0)
        assert broker.account().cash == 300_000 - D("0.01") - D("4.33")
        assert [(row.type, row.net_amount) for row in broker.activities()] == [
            ("FEE", D("-0.01")),
            ("FEE", D("-4.33")),
        ]


# -- holdings -------------------------------------------------------------------------------------


def test_the_average_entry_is_that_of_what_was_opened() -> None:
    with venue(positions=(), is_short_allowed=True) as broker:

        def entry() -> tuple[Decimal, Decimal]:
            (position,) = broker.positions()
            return position.qty, position.avg_entry_price

        traded(broker, BUY, "10", AAPL, 200.0)
        traded(broker, BUY, "20", AAPL, 230.0)
        assert entry() == (D(30), D(220))
        traded(broker, SELL, "15", AAPL, 300.0)
        assert entry() == (D(15), D(220))
        traded(broker, SELL, "15", AAPL, 300.0)
        traded(broker, SELL, "4", AAPL, 310.0)
        assert entry() == (D(-4), D(310))


def test_a_sum_of_more_digits_than_usual_is_booked_in_full() -> None:
    qty, price = D("123456.123456789"), 12345.678901235
    with venue(positions=(), cash=D(10) ** 10, coin_order_notional_max=D(10) ** 10) as broker:
        broker.on_quote(MONDAY, SHIB, price, price)
        traded(broker, BUY, str(qty), SHIB, price)
        with localcontext(prec=60):
            assert broker.account().cash == D(10) ** 10 - qty * D(repr(price))


def test_an_average_does_not_depend_on_the_callers_arithmetic() -> None:
    averages = []
    for digits in (28, 5):
        with venue(positions=()) as broker, localcontext() as context:
            broker.on_quote(MONDAY, SHIB, 0.0123456, 0.0123456)
            context.prec = digits
            traded(broker, BUY, "1234.5", SHIB, 0.0123456)
            traded(broker, BUY, "9876.5", SHIB, 0.0654321)
            averages.append(broker.positions()[0].avg_entry_price)
    assert averages[0] == averages[1]


# -- buying power ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "multiplier", "power"),
    [
        pytest.param({}, 4, 400_000, id="four-times"),
        pytest.param({"multiplier": 2}, 2, 200_000, id="two-times"),
        pytest.param({"multiplier": 1}, 1, 100_000, id="cash"),
        pytest.param({"rule_set": RuleSet.CASH}, 1, 100_000, id="cash-rules"),
        pytest.param({"rule_set": RuleSet.LEGACY_PDT}, 2, 200_000, id="not-a-day-trader"),
        pytest.param({"cash": D("1999.99")}, 1, D("1999.99"), id="below-the-margin-minimum"),
        pytest.param({"cash": D(2000)}, 4, 8000, id="at-it"),
    ],
)
def test_what_a_fresh_account_is_lent(config: dict[str, Any], multiplier: int, power: int) -> None:
    """Source of the first row: a paper account of 2026-09-15, 100,000 in cash."""
    with venue(**{"positions": ()} | config) as broker:
        account = broker.account()
        assert (account.multiplier, account.buying_power) == (multiplier, D(power))
        assert account.non_marginable_buying_power == account.cash
        assert (account.initial_margin, account.maintenance_margin) == (D(0), D(0))


def test_margin_of_shares_funds_and_coins() -> None:
    """60,000 at 30 %, 20,000 of a threefold fund at 75 %, 20,000 in coins, no cash."""
    tqqq = Key("us_equity:TQQQ")
    held = (
        Start(AAPL, D(300), D(200)),
        Start(tqqq, D(400), D(50)),
        Start(BTC, D("0.4"), D(50_000)),
    )
    with venue(cash=D(0), positions=held) as broker:
        account = broker.account()
        assert (account.equity, account.maintenance_margin) == (D(100_000), D(33_000))
        assert account.initial_margin == 45_000  # never below maintenance
        broker.on_quote(MONDAY, tqqq, 50.0, 50.0)
        # Coins carry nothing: (80,000 − 33,000) ÷ 0.75 is what more of the fund can be bought.
        with pytest.raises(Refused, match="insufficient buying power") as refusal:
            send(broker, "a", BUY, "1254", tqqq)
        assert refusal.value.facts == {"buying_power": "62666.666667", "cost_basis": "62700"}
        send(broker, "b", BUY, "1253", tqqq)
        with pytest.raises(Refused, match="insufficient balance for USD"):
            send(broker, "c", BUY, "0.001", BTC)


def test_a_sale_frees_nothing_before_it_fills() -> None:
    with venue(cash=D(0), multiplier=1) as broker:
        send(broker, "s", SELL, "10", type=LIMIT, limit_price="199")
        with pytest.raises(Refused, match="insufficient buying power"):
            send(broker, "b", BUY, "1", SPY)
        broker.on_quote(MONDAY, AAPL, 200.0, 200.0)
        send(broker, "b", BUY, "1", SPY)


def test_two_orders_cannot_spend_the_same_cash() -> None:
    with venue(positions=()) as broker:
        send(broker, "a", BUY, "1.2", BTC)
        with pytest.raises(Refused, match=r"requested: 50000, available: 40000"):
            send(broker, "b", BUY, "1", BTC)
        broker.cancel("a")
        send(broker, "b", BUY, "1", BTC)


def test_cash_held_by_orders_or_needed_by_positions_cannot_be_withdrawn() -> None:
    with venue(positions=(), cash=D(10_000), is_short_allowed=True) as broker:
        send(broker, "a", BUY, "10", SPY, type=LIMIT, limit_price="400")
        with pytest.raises(Refused, match="available: 6000"):
            broker.deposit(MONDAY, D(-6001))
        broker.cancel("a")
        traded(broker, SELL, "20", SPY, 500.0)  # the proceeds belong to whoever lent the shares
        with pytest.raises(Refused, match="available: 7000"):
            broker.deposit(broker.now_ns, D(-7001))
        broker.deposit(broker.now_ns, D(-7000))
        assert [(row.type, row.net_amount) for row in broker.activities()] == [("CSW", D(-7000))]


# -- the account itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param({"multiplier": 3}, "multiplier = 3", id="multiplier"),
        pytest.param({"partial_probability": 1.1}, "partial_probability", id="chance"),
        pytest.param({"partial_probability": float("nan")}, "partial_probability", id="nan"),
        pytest.param({"cash": D("NaN")}, "cash = NaN", id="cash"),
        pytest.param({"cash": D(-1)}, "cash = -1", id="debt"),
        pytest.param({"opened_at_ns": -1}, "opened_at_ns = -1", id="before-time"),
        pytest.param({"coin_order_notional_max": D("NaN")}, "coin_order_notional_max", id="most"),
        pytest.param({"positions": (Start(AAPL, D(0), D(1)),)}, "positions", id="nothing-held"),
        pytest.param({"positions": (Start(AAPL, D(1), D("NaN")),)}, "positions", id="nan-price"),
        pytest.param(
            {"positions": (Start(Key("us_equity:NONE"), D(1), D(1)),)}, "registry", id="stranger"
        ),
    ],
)
def test_a_configuration_that_contradicts_itself(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SimBroker(Registry.builtin(), config=SimConfig(**config))


def test_a_closed_venue_takes_nothing_and_says_so() -> None:
    broker = venue()
    broker.close()
    for act in (
        lambda: send(broker, "a", BUY),
        lambda: broker.cancel("a"),
        lambda: broker.replace("a", qty=D(1)),
        lambda: broker.deposit(MONDAY, D(1)),
    ):
        with pytest.raises(NotSent):
            act()
    for ask in (
        broker.account,
        broker.positions,
        broker.orders,
        broker.activities,
        broker.changes,
        lambda: broker.updates(0),
        lambda: broker.order("a"),
        lambda: broker.advance(MONDAY),
    ):
        with pytest.raises(BrokerDown):
            ask()


def test_ids_are_made_from_the_seed() -> None:
    ids = [send(venue(seed=seed), "a", BUY).broker_order_id for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]
