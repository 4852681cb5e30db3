"""Between an account and its broker everything goes wrong: in the end both agree, within the caps.

All faults of a line are there: requests that never arrive, answers that get lost or are cut, a
proxy that answers in the broker's place, too many requests, streams that end, and an outage.
"""

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import GetOrdersRequest, MarketOrderRequest
from requests import RequestException
from tests.wire.rough_line import Rough, rough_line
from tests.wire.serving import Served, gateway
from tests.wire.test_alpaca_py import eventually
from tests.wire.test_at_a_broker import FORWARDS, Place, books, held, notes

from smart_leverage.brokers.sim import SimBrokerClient
from smart_leverage.domain.errors import Refused
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import FillRevised, Intended, Marked, decode
from smart_leverage.ledger.reader import Reader
from smart_leverage.runtime.venue_process import SOCKET

COINS = ("BTC/USD", "ETH/USD", "SOL/USD")
LASTS_S = 25.0
AT_MOST_S = 100.0
"""How long it goes on where the machine is slow and too little went wrong so far."""
LEAST = 12
CAP, CENT = Decimal("0.25"), Decimal("0.01")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gateway(tmp_path_factory.mktemp("broker"), settings=FORWARDS) as running:
        yield running


def trade(bot: TradingClient, line: Rough, broker: Served, seed: int = 3) -> int:
    """Buy and sell at random for a while, with an outage in the middle; return what was asked.

    It goes on until each fault of the line was there. In the last third the venue takes an
    execution back and corrects another, on a line that is rough.
    """
    chance, asked, until = random.Random(seed), 0, time.monotonic() + LASTS_S
    outage = until - LASTS_S / 2
    revised_s = until - LASTS_S / 3
    longest_s = until - LASTS_S + AT_MOST_S
    while time.monotonic() < (until if enough(line) else longest_s):
        if time.monotonic() > revised_s:
            revise(broker, chance)
            revised_s = longest_s
        line.is_down = outage < time.monotonic() < outage + 3.0
        if chance.random() < 0.06:
            line.cut_streams()
        symbol, side = chance.choice(COINS), chance.choice((OrderSide.BUY, OrderSide.SELL))
        terms = {"symbol": symbol, "side": side, "time_in_force": TimeInForce.GTC}
        try:
            bot.submit_order(MarketOrderRequest(notional=chance.randint(50, 2_500), **terms))
            asked += 1
        except (APIError, RequestException):
            pass  # denied, or nothing of it is held
        time.sleep(0.2)
    line.is_down = False
    return asked


def enough(line: Rough) -> bool:
    kinds = {name.partition(" ")[2] for name in line.happened}
    return sum(line.happened.values()) >= LEAST and kinds == set(Rough.FAULTS)


def revise(broker: Served, chance: random.Random) -> int:
    """Have the venue take an execution back and correct another; return how many it was."""
    done = 0
    with SimBrokerClient(broker.folder / SOCKET) as venue:
        told = venue.updates(0)
        gone = {each.revises for each in told if each.revises}
        fills = [each.fill for each in told if each.fill is not None]
        fills = [each for each in fills if each.execution_id not in gone]
        held = {each.key: each.qty for each in venue.positions()}
        for fill in chance.sample(fills, len(fills)):
            if done == 2:
                break
            came = fill.qty if fill.fee_asset == "USD" else fill.qty - fill.fee
            if fill.side is Side.BUY and held.get(fill.key, Decimal(0)) < came:
                continue  # what was sold since stays
            with suppress(Refused):
                if done:
                    price = (fill.price * Decimal("0.99")).quantize(Decimal("0.01"))
                    venue.correct(time.time_ns(), fill.execution_id, price=price)
                else:
                    venue.bust(time.time_ns(), fill.execution_id)
                done += 1
                held = {each.key: each.qty for each in venue.positions()}
    return done


def records(served: Served) -> list[object]:
    with Reader.open(served.folder / "ledger.sqlite") as reader:
        return [decode(entry.payload) for entry in reader.entries()]


def cash(served: Served) -> Decimal:
    """Return the cash by the books of an account."""
    with Reader.open(served.folder / "ledger.sqlite") as reader:
        return sum((one.amount for one in reader.cash()), Decimal(0))


def test_in_the_end_both_agree_and_nothing_was_doubled(broker: Served, tmp_path: Path) -> None:
    with rough_line(broker.url) as line:
        place = Place(broker._replace(url=line.url), tmp_path)
        theirs = TradingClient(*broker.keys["bot"], url_override=broker.url)
        with gateway(tmp_path, settings=place.settings() + '[logs]\nlevel = "debug"\n') as governed:
            bot = TradingClient(*governed.keys["bot"], url_override=governed.url)
            line.is_rough = True
            asked = trade(bot, line, broker)
            line.is_rough = False

            def agree() -> bool:
                return books(governed) == held(theirs)

            def heard(served: Served) -> list[FillRevised]:
                return [one for one in records(served) if isinstance(one, FillRevised)]

            eventually(agree, 90.0)
            before = len(heard(broker))
            done = revise(broker, random.Random(1))  # and once more while nothing goes wrong
            assert done == 2

            # The broker is an account as well, and hears of it a moment after its venue did.
            eventually(lambda: len(heard(broker)) == before + done, 30.0)
            eventually(lambda: len(heard(governed)) == len(heard(broker)), 30.0)
            # What came back of a fee in coins is seen when the lists are compared, twice a minute.
            eventually(agree, 90.0)
            # The wire tells cash in whole cents, so parts of one are told by nobody.
            eventually(lambda: abs(cash(governed) - cash(broker)) < CENT, 60.0)
            assert any(one.after is None for one in heard(governed))
            assert any(one.after is not None for one in heard(governed))
        # It goes on protecting until it ends, so what it meant is read when it has ended.
        ours = [one for one in records(governed) if isinstance(one, Intended)]
        told = set(notes(governed))
        assert asked >= 6
        assert enough(line), line.happened

    every = GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500)
    sent = [one.client_order_id for one in theirs.get_orders(every)]
    assert len(sent) == len(set(sent))
    assert set(sent) <= {one.order.client_order_id for one in ours}
    assert "order.external" not in told
    marks = [one for one in records(broker) if isinstance(one, Marked) and one.equity > 0]
    assert max(one.crypto / one.equity for one in marks) < CAP * Decimal("1.05")
