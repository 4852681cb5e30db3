"""What the broker answers is read, or it is no answer: never an error of ours."""

from typing import Any

import pytest

from smart_leverage.brokers.alpaca.reading import broker_order
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.registry import Registry

LISTED = Registry.builtin()
LEG = {
    "id": "b-2", "client_order_id": "sl-two", "symbol": "BTCUSD", "asset_class": "crypto",
    "side": "sell", "type": "limit", "time_in_force": "gtc", "qty": "1", "limit_price": "70000",
    "status": "held",
}  # fmt: skip
ROW = LEG | {"id": "b-1", "client_order_id": "sl-one", "side": "buy", "order_class": "bracket"}


def test_an_order_brings_its_legs() -> None:
    read = broker_order(ROW | {"legs": [LEG]}, LISTED, {})
    assert [leg.broker_order_id for leg in read.legs] == ["b-2"]


@pytest.mark.parametrize("legs", [None, [], (), ""], ids=repr)
def test_an_order_without_legs_has_none(legs: Any) -> None:
    assert broker_order(ROW | {"legs": legs}, LISTED, {}).legs == ()
    assert broker_order(ROW, LISTED, {}).legs == ()


@pytest.mark.parametrize(
    "legs",
    ["buy", 5, True, {"id": "b-2"}, ["buy", LEG], [LEG, 5], [[LEG]], [None]],
    ids=[
        "a-word",
        "a-number",
        "yes",
        "one-order",
        "a-word-in-it",
        "a-number-in-it",
        "a-list-in-it",
        "nothing-in-it",
    ],
)
def test_legs_that_are_no_orders_are_refused(legs: Any) -> None:
    with pytest.raises(BadData):
        broker_order(ROW | {"legs": legs}, LISTED, {})
