"""Exposure between two valuations: fills since then count, buys under way are held back."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.test_cli_status import BTC, mark, opened

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    Fill,
    Order,
    OrderState,
    OrderType,
    Role,
    Side,
    TimeInForce,
)
from smart_leverage.domain.records import (
    BaselineSet,
    Filled,
    InstrumentListed,
    Intended,
    Noted,
    OrderMoved,
    StateChanged,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.runtime.coin_losses import coin_losses, sleeve_loss
from smart_leverage.runtime.figures import exposures, reservations, room
from smart_leverage.runtime.remembered import remember
from smart_leverage.settings import Settings

D = Decimal
TQQQ = Key("us_equity:TQQQ")
NEXT_DAY = BaselineSet(
    at_ns=1, period="day", label="1970-01-01", equity=D(10_000), holdings={BTC: D(5_000)}
)
CAP = Settings().tiers.learning.crypto_cap


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        ledger.commit(opened())
        yield ledger


def order(name: str, side: Side, qty: str, key: Key = BTC) -> Order:
    return Order(
        client_order_id=name, bot="bot", key=key, side=side, qty=D(qty), type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC, limit_price=D(49_000), role=Role.BOT,
    )  # fmt: skip


def intended(name: str, side: Side, qty: str) -> list[Intended | OrderMoved]:
    move = OrderMoved(
        at_ns=2, client_order_id=name, state=OrderState.OPEN, status="new", filled_qty=D(0),
        broker_order_id=f"b-{name}",
    )  # fmt: skip
    return [
        Intended(at_ns=1, order=order(name, side, qty), decision_id="", reserve_price=D(49_000)),
        move,
    ]


def filled(name: str, side: Side, qty: str, price: str, execution: str) -> Filled:
    return Filled(
        at_ns=3,
        fill=Fill(
            execution_id=execution, client_order_id=name, key=BTC, side=side,
            qty=D(qty), price=D(price), fee=D(0), fee_asset="USD", at_ns=3,
        ),
    )  # fmt: skip


def test_a_resting_buy_is_held_back_from_the_room(tmp_path: Path, ledger: SqliteLedger) -> None:
    ledger.commit(intended("one", Side.BUY, "0.02"))
    now = remember(tmp_path / "ledger.sqlite")
    crypto, _, gross = exposures(now)
    assert (crypto.value, crypto.reserved, gross.reserved) == (D(5000), D(980), D(980))
    assert gross.left == D(10_000) - D(5000) - D(980)


def test_a_fill_counts_before_the_next_valuation(tmp_path: Path, ledger: SqliteLedger) -> None:
    ledger.commit(intended("one", Side.SELL, "0.04"))
    fill = filled("one", Side.SELL, "0.04", "49000", "x1")
    ledger.commit([fill])
    now = remember(tmp_path / "ledger.sqlite")
    crypto, leveraged, gross = exposures(now)
    assert now.moved == (D(-1960), D(-1960), D(-1960))
    assert crypto.value == leveraged.value == gross.value == D(5000) - D(1960)
    # The same number as the policy's own: nothing is left of what was sold.
    assert reservations(now).gross == 0


@pytest.mark.parametrize(("look_through", "times"), [("on", 3), ("off", 1)])
def test_a_fund_counts_with_its_multiple_before_the_next_valuation_too(
    tmp_path: Path, look_through: str, times: int
) -> None:
    policy = Settings.model_validate({"exposure": {"look_through": look_through}}).policy_text()
    listed = InstrumentListed(at_ns=1, instrument=Registry.builtin()[TQQQ])
    resting, bought = order("one", Side.BUY, "2", TQQQ), order("two", Side.BUY, "4", TQQQ)
    fill = Fill(
        execution_id="x1", client_order_id="two", key=TQQQ, side=Side.BUY,
        qty=D(4), price=D(50), fee=D(0), fee_asset="USD", at_ns=3,
    )  # fmt: skip
    with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        ledger.commit([*opened(policy), listed])
        for each in (resting, bought):
            ledger.commit([Intended(at_ns=1, order=each, decision_id="", reserve_price=D(50))])
        ledger.commit([Filled(at_ns=3, fill=fill)])
    crypto, leveraged, gross = exposures(remember(tmp_path / "ledger.sqlite"))
    assert (crypto.value, crypto.reserved) == (D(5000), D(0))
    assert (leveraged.value, leveraged.reserved) == (D(5000) + 200 * times, D(100) * times)
    assert (gross.value, gross.reserved) == (D(5200), D(100))


def test_there_is_no_room_while_nothing_may_be_added(tmp_path: Path, ledger: SqliteLedger) -> None:
    path = tmp_path / "ledger.sqlite"
    before = room(remember(path))
    assert before is not None
    # Half in a coin is over the learning tier's cap, so only cash in other things is left.
    assert before == (D(5000), D(0), D(0))
    ledger.commit([StateChanged(at_ns=5, before="active", after="halted", why="x", who="x")])
    assert room(remember(path)) == (D(0), D(0), D(0))
    assert CAP < 0.5
    ledger.commit([Noted(at_ns=6, code="a.test", text="nothing")])
    assert room(remember(path)) == (D(0), D(0), D(0))


def test_a_coin_is_judged_by_the_last_price_that_is_known(
    tmp_path: Path, ledger: SqliteLedger
) -> None:
    """Half of it is sold ten per cent lower: what is left is worth that less as well."""
    ledger.commit([NEXT_DAY, *intended("one", Side.SELL, "0.05")])
    ledger.commit([filled("one", Side.SELL, "0.05", "45000", "x1")])
    now = remember(tmp_path / "ledger.sqlite")
    (coin,) = coin_losses(now)
    assert coin.loss.amount == D(-500)
    assert coin.loss.change == D("-0.05")
    assert coin.loss.used == D("2.5")
    assert coin.priced_ns == 3


def test_all_coins_together_are_judged_under_rolling_limits(tmp_path: Path) -> None:
    policy = Settings.model_validate({"breakers": {"rolling": "on"}}).policy_text()
    with SqliteLedger(tmp_path / "ledger.sqlite") as ledger:
        ledger.commit([*opened(policy), NEXT_DAY, mark(1, D(9_900))])
    line = sleeve_loss(remember(tmp_path / "ledger.sqlite"))
    assert line is not None
    assert (line.amount, line.change) == (D(-100), D("-0.01"))
    assert line.used == D("0.5")
