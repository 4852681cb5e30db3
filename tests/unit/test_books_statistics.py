"""Win rate, payoff and expectancy over the last closed trades."""

from decimal import Decimal

import pytest

from smart_leverage.books.exact import ratio
from smart_leverage.books.statistics import Statistics, TrackRecord, Window, rate_interval
from smart_leverage.books.trades import Outcome
from smart_leverage.policy.tier import win_rate_of

D = Decimal


def window(*nets: str, size: int = 100) -> Window:
    """Return a window over trades by net profit; `0` is a scratch."""
    filled = Window(size)
    for number, net in enumerate(nets):
        put(filled, number, net)
    return filled


def put(into: Window, at_ns: int, net: str) -> None:
    amount = D(net)
    outcome = Outcome.WON if amount > 0 else Outcome.LOST if amount else Outcome.SCRATCH
    into.put((at_ns, "e"), amount, outcome)


def test_an_empty_window_has_no_rate_and_no_means() -> None:
    nothing = Window().statistics
    assert nothing == Statistics()
    assert nothing.closed == 0
    assert nothing.win_rate is None
    assert nothing.mean_win is None
    assert nothing.mean_loss is None
    assert nothing.payoff_ratio is None
    assert nothing.profit_factor is None
    assert nothing.expectancy is None


def test_the_ratios_of_a_short_record() -> None:
    statistics = window("30", "-10", "10", "-14", "0").statistics
    assert (statistics.wins, statistics.losses, statistics.scratches) == (2, 2, 1)
    assert statistics.win_rate == D("0.5")
    assert statistics.mean_win == D(20)
    assert statistics.mean_loss == D(12)
    assert statistics.payoff_ratio == ratio(D(5), D(3))
    assert statistics.profit_factor == ratio(D(5), D(3))  # 40 / 24
    assert statistics.expectancy == D("3.2")  # 16 over five trades
    assert statistics.net == D(16)


def test_without_a_loss_there_is_no_payoff_ratio() -> None:
    statistics = window("3", "4").statistics
    assert statistics.win_rate == 1
    assert statistics.payoff_ratio is None
    assert statistics.profit_factor is None
    assert statistics.mean_loss is None


def test_the_oldest_trade_leaves_when_the_window_is_full() -> None:
    statistics = window("-7", "1", "2", "3", size=3).statistics
    assert (statistics.wins, statistics.losses, statistics.gain) == (3, 0, D(6))


def test_a_scratch_takes_no_place_so_scratches_cannot_push_losses_out() -> None:
    statistics = window("-7", "1", "0", "0", "0", "0", size=2).statistics
    assert (statistics.wins, statistics.losses, statistics.scratches) == (1, 1, 4)


def test_scratches_older_than_the_oldest_counted_trade_are_left_out() -> None:
    statistics = window("0", "0", "1", "0", "2", size=2).statistics
    assert (statistics.wins, statistics.scratches) == (2, 1)


def test_a_revised_trade_keeps_its_place() -> None:
    filled = window("1", "2", "3", size=3)
    put(filled, 1, "-5")
    assert filled.statistics.losses == 1
    put(filled, 3, "4")
    put(filled, 4, "4")
    assert filled.statistics == window("3", "4", "4").statistics


def test_a_revision_out_of_sight_changes_nothing() -> None:
    filled = window("1", "2", "3", size=2)
    before = filled.statistics
    put(filled, 0, "-9")
    assert filled.statistics == before


def test_a_revision_to_a_scratch_brings_an_older_trade_back() -> None:
    filled = window("-1", "2", "3", size=2)
    put(filled, 2, "0")
    assert (filled.statistics.wins, filled.statistics.losses) == (1, 1)
    assert filled.statistics.scratches == 1


def test_a_late_trade_is_counted_in_its_place() -> None:
    filled = window(size=2)
    for at_ns, net in ((10, "1"), (30, "2"), (20, "-3")):
        put(filled, at_ns, net)
    assert (filled.statistics.wins, filled.statistics.losses) == (1, 1)
    assert filled.statistics.gain == D(2)


def test_trades_older_than_a_full_window_change_nothing_until_one_of_it_is_gone() -> None:
    late = window("1", "-1", "1", size=2)
    put(late, -5, "-7")
    put(late, -9, "9")
    put(late, -7, "0")
    assert late.statistics == window("-1", "1", size=2).statistics
    for at_ns in (2, 1, 0):
        late.remove((at_ns, "e"))
    assert late.statistics == window("9", "0", "-7", size=2).statistics


def test_an_undone_trade_is_forgotten() -> None:
    filled = window("-1", "2", "3", size=2)
    filled.remove((2, "e"))
    filled.remove((99, "never there"))
    assert (filled.statistics.wins, filled.statistics.losses) == (1, 1)


@pytest.mark.parametrize(
    ("with_forced", "without_forced", "counts"),
    [
        pytest.param((6, 4), (5, 3), (6, 4), id="forced-closings-lose"),
        pytest.param((8, 4), (2, 2), (2, 2), id="forced-closings-win"),
        pytest.param((8, 4), (0, 0), (0, 0), id="only-forced-closings-are-no-record"),
        pytest.param((10, 10), (5, 5), (5, 5), id="on-a-tie-the-fewer"),
        pytest.param((0, 0), (0, 0), (0, 0), id="nothing"),
    ],
)
def test_caps_go_by_the_lower_rate(
    with_forced: tuple[int, int], without_forced: tuple[int, int], counts: tuple[int, int]
) -> None:
    record = TrackRecord(
        *(Statistics(wins=won, losses=lost) for won, lost in (with_forced, without_forced))
    )
    assert (record.capping.wins, record.capping.losses) == counts


def test_the_counts_are_what_the_tier_rule_asks_for() -> None:
    statistics = window(*["1"] * 9, *["-1"] * 11, "0").statistics
    assert win_rate_of(statistics.wins, statistics.closed, 20) == 0.45


@pytest.mark.parametrize(
    ("wins", "closed", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_the_interval_of_a_rate_is_wilsons(wins: int, closed: int, low: float, high: float) -> None:
    """The first two, and the last, are those of Newcombe 1998, table I, method 3."""
    found = rate_interval(wins, closed)
    assert found == pytest.approx((low, high), abs=5e-5)
