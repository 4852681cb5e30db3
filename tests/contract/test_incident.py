"""A real account's order log, offered to the governor: what ran away then is held now."""

import csv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from tests.presets import CLASSIC_SETTINGS

from smart_leverage.brokers.sim import Start
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.domain.stamps import read_stamp
from smart_leverage.engine.events import Opened
from smart_leverage.history.base import Asked
from smart_leverage.history.reading import read_file
from smart_leverage.runtime.counterfactual import compare
from smart_leverage.runtime.importing import UNBOUGHT, gather
from smart_leverage.runtime.replay import replay
from smart_leverage.runtime.replay_case import VARIANTS, Account
from smart_leverage.runtime.replay_log import (
    OrderLog,
    log_of,
    read_log,
    round_trips,
    sold_first,
)
from smart_leverage.runtime.replay_told import Replayed
from smart_leverage.wiring import Beginning, engine_config, opening

pytestmark = pytest.mark.needs("market-data")

D = Decimal
INCIDENTS = Path(__file__).parents[3] / "shared/data/incidents"
SETTINGS = CLASSIC_SETTINGS


def opener(
    at_ns: int, cash: Decimal, holdings: tuple[Start, ...], registry: Registry, keys: Sequence[Key]
) -> Opened:
    return opening(SETTINGS, at_ns, Beginning(cash, holdings), registry, keys)


ACCOUNT = Account(D("91087.52"), D(24_013), engine_config(SETTINGS), opener)


@pytest.fixture(scope="module")
def log() -> OrderLog:
    return read_log(INCIDENTS / "2025-06-02-orders.csv", Registry.builtin())


def over_cap() -> list[tuple[int, Decimal]]:
    """Return what the process itself saw above its cap: time and fraction of equity."""
    with (INCIDENTS / "2025-06-02-observations.csv").open(encoding="utf-8") as text:
        rows = [row for row in csv.DictReader(text) if row["kind"] == "over_cap"]
    return [(read_stamp(row["at"]).ns, D(row["value"]) / 100) for row in rows]


def holds(run: Replayed) -> None:
    """Assert what must hold of every governed replay."""
    assert run.breaches == ()
    assert (run.flips, run.shorts) == (0, 0)
    assert (run.turns, run.swings) == (0, 0)
    assert run.differences == 0
    for peak in run.peaks.values():
        assert peak.added is None or peak.added <= peak.added_cap
    assert run.approved + run.cut + sum(run.denied.values()) == run.offered


def test_without_a_policy_the_account_runs_past_every_cap(log: OrderLog) -> None:
    run = replay(log, VARIANTS["a"], ACCOUNT)
    assert run.peaks["crypto"].share > D("0.70")
    assert run.peaks["gross"].share > 1
    assert run.breaches


def test_the_first_wave_alone_carries_the_coins_over_seventy_percent(log: OrderLog) -> None:
    ended_ns = read_stamp("2025-06-02T20:10:00Z").ns
    wave = [each for each in log.orders if each.at_ns < ended_ns]
    run = replay(log_of(wave, Registry.builtin()), VARIANTS["a"], ACCOUNT)
    coins = [each.fill for each in wave if each.fill and each.asset_class.value == "crypto"]
    bought = sum(fill.qty * fill.price for fill in coins)
    share = run.peaks["crypto"].share
    assert share == pytest.approx((ACCOUNT.coins + bought) / ACCOUNT.equity, abs=D("0.005"))
    # The process saw more, because another one bought on the same account at the same time.
    assert D("0.70") < share < max(seen for at_ns, seen in over_cap() if at_ns < ended_ns)


def test_with_a_stable_record_some_of_it_passes_and_no_cap_is_broken(log: OrderLog) -> None:
    run = replay(log, VARIANTS["b"], ACCOUNT)
    assert run.tiers == ("stable",)
    assert run.approved > 0
    assert sum(run.denied.values()) > 0
    assert run.filled == run.sent == run.approved
    assert run.peaks["crypto"].added is not None
    assert run.peaks["crypto"].added > D("0.35")  # the room was used, and not only kept free
    holds(run)


def test_without_a_record_the_coins_are_brought_inside_and_none_is_added(log: OrderLog) -> None:
    run = replay(log, VARIANTS["c"], ACCOUNT)
    assert run.tiers == ("learning",)
    assert run.house["trim"].fills == 3
    assert run.peaks["crypto"].share < D("0.264")  # what was there, and never more
    assert run.peaks["crypto"].added is None
    holds(run)


@pytest.mark.parametrize("is_forced", [False, True], ids=["no-record", "stable-record"])
def test_a_second_bot_that_wants_the_opposite_makes_nothing_swing(
    log: OrderLog, is_forced: bool
) -> None:
    run = replay(log, VARIANTS["d"]._replace(is_forced=is_forced), ACCOUNT)
    assert run.offered == 2 * len(log.offered)
    holds(run)


def test_the_fills_themselves_say_what_was_won(log: OrderLog) -> None:
    first = sold_first(log)
    assert first == ("META", "MSFT", "NVDA", "V", "XLV")
    trips, rest = round_trips(log), round_trips(log, first)
    assert (trips.fills, len(trips.trades), trips.wins) == (86, 7, 1)
    assert trips.realised == D("-60.829963")
    assert (rest.fills, len(rest.trades), rest.wins) == (76, 2, 1)
    assert rest.realised == D("-1.04")


def test_classic_would_have_let_two_orders_pass_and_the_difference_adds_up(log: OrderLog) -> None:
    """What `classic` would have changed, from the start and at the prices of the replays above.

    Two orders fit: 52 SPY, a broad fund, at 592.339808 = 30,801.67 of 91,083, 33.8 % under a cap of
    50 %, and their sale. Seven purchases of single stocks want a third of equity each, where a
    tenth is allowed; the coins begin at 26.4 % and are brought to 25 %, so none of 72 is added; 22
    sales are of what was then never bought. The house sells 3 times for 1,696.58.
    """
    compared = compare(log, ACCOUNT._replace(sells_held=True))
    counts = {(one.verdict, one.reason, one.side): one.orders for one in compared.counts}
    assert counts == {
        ("approved", "none", "buy"): 1,
        ("approved", "none", "sell"): 1,
        ("denied", "cap_crypto", "buy"): 72,
        ("denied", "cap_symbol", "buy"): 7,
        ("denied", "not_held", "sell"): 22,
    }
    (trim,) = compared.governed.replayed.house.values()
    assert (trim.fills, trim.notional.quantize(D("0.01"))) == (3, D("1696.58"))
    without, with_it = compared.alone, compared.governed
    assert without.replayed.equity_first == with_it.replayed.equity_first == D("91087.52")
    assert without.replayed.equity_last.quantize(D("0.01")) == D("91224.93")
    assert with_it.replayed.equity_last.quantize(D("0.01")) == D("91189.74")
    for course in (without, with_it):
        assert sum(each.profit for each in course.gains) == course.change
    # It cost 35.19 of a rise, and took four fifths of the fall away.
    assert (with_it.change - without.change).quantize(D("0.01")) == D("-35.19")
    assert with_it.drawdown < without.drawdown / 4
    holds(with_it.replayed)


def test_its_own_fills_are_a_history_once_what_was_never_bought_may_count_for_nothing() -> None:
    asked = Asked(Registry.builtin(), read_stamp("2025-06-03T20:00:00Z").ns)
    read = read_file(INCIDENTS / "2025-06-02-orders.csv", asked)
    with pytest.raises(BadData, match=r"row 11: sells 45 META .* and 0 of it was bought"):
        gather([read])
    found = gather([read], leaves_unbought=True)
    # SPY +9.02 and MA -10.06, as the replay counts them without the symbols sold first.
    assert (found.sums.trips, found.sums.wins) == (2, 1)
    assert found.sums.net.quantize(D("0.01")) == D("-1.04")
    assert found.left_out == {"orders that did not fill": 32, UNBOUGHT: 5}


def test_what_has_no_price_is_counted_and_not_offered(log: OrderLog) -> None:
    assert log.unpriced["MATICUSD"] == 9
    assert len(log.offered) + sum(log.unpriced.values()) == len(log.orders) == 118
