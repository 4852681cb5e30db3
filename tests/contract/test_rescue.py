"""Everything is sold at a venue over sockets, whatever goes wrong on the way, and never twice."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contract.alpaca_venue import KEYS, Handler, Venue, alpaca_venue
from tests.contract.forked import Done, told
from tests.contract.test_broker_alpaca import (
    cut_before,
    half,
    lost,
    opened,
    order,
    saying,
)
from tests.contract.test_broker_contract import AAPL, BTC, ETH, MONDAY, in_process

from smart_leverage.brokers.alpaca import AlpacaBroker
from smart_leverage.brokers.budget import Unbounded
from smart_leverage.brokers.sim import Mode, SimBrokerClient, SimConfig, Start
from smart_leverage.domain.clock import DAY_NS, SECOND_NS
from smart_leverage.domain.orders import Approved, OrderType, Side
from smart_leverage.rescue import Outcome, Rescue
from smart_leverage.runtime.latch import HaltFile

D = Decimal
HOLDINGS = (Start(AAPL, D(10), D(190)), Start(ETH, D("1.5"), D(2000)), Start(BTC, D("0.2"), D(5)))


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[SimBrokerClient]:
    config = SimConfig(
        mode=Mode.LIVE, opened_at_ns=MONDAY, partial_probability=0.0, positions=HOLDINGS
    )
    with in_process(config, tmp_path) as desk:
        assert isinstance(desk.venue, SimBrokerClient)
        quote(desk.venue, MONDAY)
        yield desk.venue


def quote(behind: SimBrokerClient, at_ns: int) -> None:
    behind.on_quotes(
        at_ns, [(AAPL, 199.98, 200.02), (BTC, 49_990.0, 50_010.0), (ETH, 2_999.0, 3_001.0)]
    )


@pytest.fixture
def venue(behind: SimBrokerClient) -> Iterator[Venue]:
    with alpaca_venue(behind) as running:
        yield running


@pytest.fixture
def broker(venue: Venue, tmp_path: Path) -> Iterator[AlpacaBroker]:
    with opened(venue, tmp_path, Unbounded()) as one:
        yield one


class Watch:
    """Time that passes when somebody waits; with each second the market moves on."""

    def __init__(self, behind: SimBrokerClient, since_ns: int = MONDAY) -> None:
        self.behind, self.now = behind, since_ns

    def now_ns(self) -> int:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += int(seconds * SECOND_NS)
        quote(self.behind, self.now)


def rescued(broker: Any, watch: Watch, lasts_s: float = 120.0) -> Outcome:
    return Rescue(broker, now_ns=watch.now_ns, pause=watch.pause).run(lasts_s)


def held(behind: SimBrokerClient) -> dict[str, Decimal]:
    return {one.key: one.qty for one in behind.positions() if one.qty}


def sold(behind: SimBrokerClient) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for each in behind.updates(0):
        if each.fill is not None:
            assert each.fill.side is Side.SELL
            sums[each.fill.key] = sums.get(each.fill.key, D(0)) + each.fill.qty
    return sums


EVERYTHING = {AAPL: D(10), ETH: D("1.5"), BTC: D("0.2")}


def test_everything_is_cancelled_and_sold_and_the_broker_takes_no_more(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    behind.submit(Approved(order("a-buy", BTC, limit_price=D(40_000), qty="0.1"), "bot"))
    stop = order(
        "a-stop", AAPL, Side.SELL, "10", type=OrderType.STOP, limit_price=None, stop_price=D(150)
    )
    behind.submit(Approved(stop, "house"))
    outcome = rescued(broker, Watch(behind))
    assert (outcome.is_flat, outcome.is_suspended, outcome.left) == (True, True, {})
    assert held(behind) == {}
    assert sold(behind) == EVERYTHING
    assert venue.is_suspended
    assert {each.status for each in behind.orders() if "sl-rescue" not in str(each)} == {"canceled"}


def test_where_nothing_is_held_nothing_is_sold(
    broker: AlpacaBroker, behind: SimBrokerClient
) -> None:
    watch = Watch(behind)
    rescued(broker, watch)
    before = len(behind.orders())
    broker.suspend(is_suspended=False)
    assert rescued(broker, watch).is_flat
    assert len(behind.orders()) == before


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(("after", lost), id="an-answer-is-lost"),
        pytest.param(("after", half), id="half-an-answer"),
        pytest.param(("after", saying(500, b"oops")), id="500-though-it-is-there"),
        pytest.param(("before", saying(503, b"")), id="503-and-it-is-not-there"),
        pytest.param(("before", cut_before), id="cut-before"),
        pytest.param(("before", saying(403, b'{"code":40310000,"message":"no"}')), id="refused"),
        pytest.param(("before", saying(429, b'{"code":42910000,"message":"slow"}')), id="too-many"),
    ],
)
def test_a_sale_that_goes_wrong_is_made_once_all_the_same(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue, fault: tuple[str, Any]
) -> None:
    when, what = fault
    getattr(venue, when)["POST /v2/orders"] = what
    outcome = rescued(broker, Watch(behind))
    assert outcome.is_flat
    assert sold(behind) == EVERYTHING


def test_a_broker_that_does_not_answer_for_a_while_is_asked_again(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    def away(handler: Handler) -> bool:
        left.pop()
        if left:
            venue.before["GET /v2/positions"] = away
        return bool(saying(503, b"")(handler))

    left = [1, 2, 3]
    venue.before["GET /v2/positions"] = away
    outcome = rescued(broker, Watch(behind))
    assert outcome.is_flat
    assert any("does not answer" in line.what for line in outcome.lines)


def test_where_it_never_answers_nobody_says_that_it_is_flat(
    behind: SimBrokerClient, tmp_path: Path
) -> None:
    with alpaca_venue(behind) as venue:
        broker = opened(venue, tmp_path)
    with broker:
        outcome = rescued(broker, Watch(behind), lasts_s=3.0)
    assert (outcome.is_flat, outcome.is_suspended) == (False, False)
    assert outcome.left == {"?": "the broker does not answer; what is held is not known"}


def test_what_another_program_sells_at_the_same_time_is_not_sold_twice(
    broker: AlpacaBroker, behind: SimBrokerClient
) -> None:
    """Its order holds the shares until it is cancelled; what it sold before is gone."""
    behind.submit(Approved(order("theirs", AAPL, Side.SELL, "4", limit_price=D(900)), "bot"))
    assert rescued(broker, Watch(behind)).is_flat
    assert sold(behind) == EVERYTHING


def test_shares_whose_market_is_closed_are_left_to_their_order(
    broker: AlpacaBroker, behind: SimBrokerClient
) -> None:
    night = MONDAY + DAY_NS // 2
    behind.on_quotes(night, [(BTC, 49_990.0, 50_010.0), (ETH, 2_999.0, 3_001.0)])

    class Night(Watch):
        def pause(self, seconds: float) -> None:
            self.now += int(seconds * SECOND_NS)
            self.behind.on_quotes(self.now, [(BTC, 49_990.0, 50_010.0), (ETH, 2_999.0, 3_001.0)])

    outcome = rescued(broker, Night(behind, night))
    assert not outcome.is_flat
    assert outcome.left == {"AAPL": "10 held: its sale is accepted"}
    assert set(held(behind)) == {AAPL}


def test_a_short_is_not_called_flat_and_keeps_nobody_waiting(
    broker: AlpacaBroker, behind: SimBrokerClient, venue: Venue
) -> None:
    short = b'[{"symbol":"AAPL","qty":"-5","side":"short","avg_entry_price":"190"}]'
    venue.before["GET /v2/positions"] = saying(200, short)
    outcome = rescued(broker, Watch(behind), lasts_s=5.0)
    assert not outcome.is_flat
    assert outcome.left == {
        "AAPL": "-5 held: a short, which is not bought back here: close it by hand"
    }


# -- the command ----------------------------------------------------------------------------------


def keys_in(folder: Path) -> Path:
    file = folder / "alpaca.keys"
    file.write_text(f"{KEYS.key_id}\n{KEYS.secret}\n")
    file.chmod(0o600)
    return file


def command(folder: Path, venue: Venue, *words: str) -> Done:
    url = venue.hosts.trading
    return told(folder, "rescue", "--keys", "alpaca.keys", "--url", url, *words)


def test_the_command_halts_sells_and_writes_down_what_it_did(
    behind: SimBrokerClient, venue: Venue, tmp_path: Path
) -> None:
    keys_in(tmp_path)
    folder = tmp_path / "runs"
    folder.mkdir()
    behind.on_quotes(MONDAY + 1, [(AAPL, 199.98, 200.02)])
    code = (
        "import sys, threading, time\nfrom pathlib import Path\n"
        "from smart_leverage.brokers.sim import SimBrokerClient\n"
        "from tests.contract.test_rescue import quote, MONDAY\n"
        "c = SimBrokerClient(Path(sys.argv[1]))\n"
        "for n in range(600):\n    quote(c, MONDAY + 10**9 * (n + 2)); time.sleep(0.1)\n"
    )
    market = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "s")], cwd=Path(__file__).parents[2]
    )
    try:
        done = command(tmp_path, venue, "--yes", "--json", "--account", "runs", "--for", "60")
    finally:
        market.kill()
        market.wait()
    assert done.code == 0, done.err
    assert done.json["is_flat"] is True
    assert held(behind) == {}
    assert HaltFile(folder).is_set
    kept = json.loads(Path(tmp_path / done.json["file"]).read_text())
    assert [each["what"] for each in kept["lines"]] == [each["what"] for each in done.json["lines"]]
    assert KEYS.secret not in done.out + done.err


def test_it_sells_nothing_unasked(venue: Venue, tmp_path: Path) -> None:
    keys_in(tmp_path)
    done = command(tmp_path, venue)
    assert done.code == 2
    assert "--yes" in done.err
    assert not [asked for asked in venue.asked if asked[0] != "GET"]


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        pytest.param("one line\n", 0o600, "has 1 lines", id="no-secret"),
        pytest.param("a\nb\n", 0o644, "is open to others", id="readable"),
    ],
)
def test_keys_that_are_not_kept_well_are_refused(
    venue: Venue, tmp_path: Path, text: str, mode: int, why: str
) -> None:
    file = keys_in(tmp_path)
    file.write_text(text)
    file.chmod(mode)
    assert stat.S_IMODE(file.stat().st_mode) == mode
    done = command(tmp_path, venue, "--yes")
    assert done.code == 3
    assert why in " ".join(done.err.split())


def test_keys_go_to_no_other_host(venue: Venue, tmp_path: Path) -> None:
    keys_in(tmp_path)
    done = told(
        tmp_path, "rescue", "--keys", "alpaca.keys", "--url", "https://evil.example", "--yes"
    )
    assert done.code != 0
    assert "evil.example" in done.err


def test_the_sheet_names_the_hosts_and_needs_no_keys(tmp_path: Path) -> None:
    done = told(tmp_path, "rescue", "--print", "--mode", "live")
    assert done.code == 0
    assert "https://api.alpaca.markets/v2/positions" in done.out
    assert "smart-leverage rescue --keys FILE --mode live" in done.out
