"""What the real broker's adapter hears of executions that are taken back or corrected."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.alpaca_venue import KEYS, REGISTRY, Venue, alpaca_venue
from tests.contract.test_broker_alpaca import eventually, executions, opened, sent, told
from tests.contract.test_broker_contract import AAPL, MONDAY, beside

from smart_leverage.brokers.alpaca import AlpacaBroker
from smart_leverage.brokers.sim import Mode, SimBrokerClient, SimConfig, Start
from smart_leverage.domain.clock import HOUR_NS
from smart_leverage.domain.orders import Fill, OrderType, TradeUpdate

D = Decimal


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[SimBrokerClient]:
    config = SimConfig(
        mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.0,
        positions=(Start(AAPL, D(10), D(190)),),
    )  # fmt: skip
    with beside(config, tmp_path) as desk:
        assert isinstance(desk.venue, SimBrokerClient)
        desk.venue.on_quote(MONDAY, AAPL, 199.98, 200.02)
        yield desk.venue


@pytest.fixture
def venue(behind: SimBrokerClient) -> Iterator[Venue]:
    with alpaca_venue(behind) as running:
        yield running


@pytest.fixture
def broker(venue: Venue, tmp_path: Path) -> Iterator[AlpacaBroker]:
    with opened(venue, tmp_path) as one:
        yield one


CLOCK = iter(range(MONDAY + 1, MONDAY + 10**9))


def bought(broker: AlpacaBroker, behind: SimBrokerClient, name: str, ask: float = 200.03) -> Fill:
    """Have a purchase of three filled; return what the venue says it executed."""
    sent(broker, name, type=OrderType.MARKET, qty="3")
    behind.on_quote(next(CLOCK), AAPL, ask - 0.04, ask)
    eventually(lambda: executions(broker, name))
    fills = [each.fill for each in behind.updates(0) if each.fill is not None]
    return next(each for each in reversed(fills) if each.client_order_id == name)


def first(broker: AlpacaBroker, name: str) -> Fill:
    """Return the execution of an order as the adapter told it."""
    return next(each.fill for each in told(broker, name) if each.fill is not None)


def revisions(broker: AlpacaBroker) -> list[TradeUpdate]:
    return [each for each in broker.updates(0) if each.revises]


@pytest.fixture(params=["by-its-id", "by-its-figures"], autouse=True)
def _named(request: pytest.FixtureRequest, venue: Venue) -> None:
    venue.names_previous = request.param == "by-its-id"


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "listed"])
def test_an_execution_that_is_taken_back_is_told_once(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue, is_streamed: bool
) -> None:
    broker.updates(0)
    eventually(lambda: venue.streams)
    fill, other = bought(broker, behind, "a"), bought(broker, behind, "b", 200.05)
    if not is_streamed:
        venue.dropped.add(behind.updates(0)[-1].sequence + 1)
    behind.bust(next(CLOCK), fill.execution_id)
    if not is_streamed:
        venue.streams[-1].close()  # so that the lists are read
    update = eventually(lambda: revisions(broker))[0]
    assert (update.event, update.fill) == ("trade_bust", None)
    assert update.revises == first(broker, "a").execution_id
    assert update.broker_order.filled_qty == 0
    if is_streamed:
        venue.streams[-1].close()
    eventually(lambda: len(venue.streams) == 2)
    assert len(revisions(broker)) == 1
    assert other.qty == executions(broker, "b")[0]


def test_a_correction_says_what_it_is_by_now_and_so_does_the_next(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    broker.updates(0)
    eventually(lambda: venue.streams)
    fill = bought(broker, behind, "a")
    behind.correct(next(CLOCK), fill.execution_id, price=D("199.5"))
    update = eventually(lambda: revisions(broker))[0]
    before = first(broker, "a")
    assert (update.event, update.revises) == ("trade_correct", before.execution_id)
    assert update.fill is not None
    assert (update.fill.qty, update.fill.price, update.fill.at_ns) == (
        D(3), D("199.5"), before.at_ns,
    )  # fmt: skip
    if not venue.names_previous:
        return  # of two that stood there, none is the only one
    again = behind.updates(0)[-1].fill
    assert again is not None
    behind.correct(next(CLOCK), again.execution_id, qty=D(2))
    second = eventually(lambda: revisions(broker)[1:])[0]
    assert second.revises == update.fill.execution_id
    assert second.fill is not None
    assert (second.fill.qty, second.fill.price) == (D(2), D("199.5"))


def test_after_a_restart_an_old_execution_is_found_by_its_order(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue, tmp_path: Path
) -> None:
    bought(broker, behind, "a")
    fill = first(broker, "a")
    later = MONDAY + 5 * HOUR_NS
    with AlpacaBroker(venue.hosts, KEYS, REGISTRY, tmp_path, now_ns=lambda: later) as again:
        again.updates(later)
        eventually(lambda: venue.streams)
        assert executions(again, "a") == []  # it lies too far back to be told
        executed = next(each.fill for each in behind.updates(0) if each.fill is not None)
        behind.bust(later + 1, executed.execution_id)
        update = eventually(lambda: revisions(again))[0]
        assert (update.revises, update.fill) == (fill.execution_id, None)


def test_what_nobody_can_tell_is_told_as_unknown(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    """Two executions of an order are alike, and no id says which of them it is."""
    broker.updates(0)
    eventually(lambda: venue.streams)
    fill = bought(broker, behind, "a")
    behind.correct(next(CLOCK), fill.execution_id, price=D("199.5"))
    eventually(lambda: revisions(broker))
    venue.names_previous = False
    corrected = behind.updates(0)[-1].fill
    assert corrected is not None
    behind.correct(next(CLOCK), corrected.execution_id, price=D(199))
    unknown = eventually(lambda: revisions(broker)[1:])[0]
    assert "?" in unknown.revises
    assert unknown.fill is None
