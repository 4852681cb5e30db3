"""Words and pictures of an audit, where a case is rare on real files."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from tests.presets import CLASSIC_SETTINGS

from smart_leverage.brokers.sim import Start
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Opened
from smart_leverage.history.base import Asked as Reading
from smart_leverage.history.reading import read_file
from smart_leverage.runtime.audit import words
from smart_leverage.runtime.audit.auditing import Asked, Audit, audit, replayed
from smart_leverage.runtime.audit.axis import axis_of
from smart_leverage.runtime.audit.exposure_pictures import exposure_chart
from smart_leverage.runtime.audit.figures import figures
from smart_leverage.runtime.audit.money_pictures import equity_chart
from smart_leverage.runtime.audit.policy_words import kept_from_selling
from smart_leverage.runtime.audit.unknown import unknown
from smart_leverage.runtime.importing import gather
from smart_leverage.runtime.replay_case import Account
from smart_leverage.runtime.replay_history import log_of_history
from smart_leverage.wiring import Beginning, engine_config, opening

D = Decimal
NOW = 1_800_000_000_000_000_000
SETTINGS = CLASSIC_SETTINGS
HEADER = "time,symbol,side,qty,price,id\n"
ROWS = """\
2024-03-05T15:00:00Z,SPY,buy,6,500,a
2024-03-05T15:10:00Z,BTC/USD,buy,0.2,50000,b
2024-03-05T15:20:00Z,BTC/USD,sell,0.2,51000,c
2024-03-05T15:30:00Z,SPY,sell,6,498,d
"""


def opener(
    at_ns: int, cash: Decimal, holdings: tuple[Start, ...], registry: Registry, keys: Sequence[Key]
) -> Opened:
    return opening(SETTINGS, at_ns, Beginning(cash, holdings), registry, keys)


def audited(folder: Path, rows: str = ROWS, equity: int = 30_000) -> Audit:
    (folder / "a.csv").write_text(HEADER + rows)
    registry = Registry.builtin()
    reads = [read_file(folder / "a.csv", Reading(registry, NOW))]
    account = Account(D(equity), D(0), engine_config(SETTINGS), opener, sells_held=True)
    heard: list[tuple[int, int]] = []
    replay = replayed(
        log_of_history(reads, registry), account, folder / "ledger.sqlite",
        lambda done, total: heard.append((done, total)),
    )  # fmt: skip
    assert [done for done, _ in heard] == [*range(1, heard[-1][1] + 1)]  # and ends with all of them
    question = Asked("classic", "America/New_York", "as told", is_assumed=False)
    return audit(question, gather(reads, leaves_unbought=True), replay)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        pytest.param(0.0, 0.001, "less than once in 200", id="hardly"),
        pytest.param(0.999, 1.0, "more than 199 times in 200", id="nearly-always"),
        pytest.param(0.012, 0.013, "once in 100", id="once"),
        pytest.param(0.35, 0.981, "35 to 98 times in 100", id="range"),
        pytest.param(0.5, 0.5, "50 times in 100", id="known"),
    ],
)
def test_a_probability_is_told_as_people_count(low: float, high: float, said: str) -> None:
    assert words.in_hundred(low, high) == said


def test_a_span_is_told_in_one_unit_that_fits() -> None:
    assert words.lasted(11 * HOUR_NS + 55 * MINUTE_NS) == "11 h 55 min"
    assert words.lasted(259 * DAY_NS + 5 * HOUR_NS) == "259 days"


def test_no_probability_reads_as_certain() -> None:
    assert words.sure(1.0) == "above 99.9 %"
    assert words.sure(0.0) == "below 0.1 %"
    assert words.sure(float("nan")) == "not known"


def test_two_trades_are_judged_by_nobody(tmp_path: Path) -> None:
    of = audited(tmp_path)
    assert words.judged(of) is words.Judged.OPEN
    assert words.skill(of) == "Not told from luck: 2 closed trades in 30 min are too few to say."
    assert words.verdict(of).startswith(
        "The policy would have denied 1 of 2 purchases and kept crypto at 0 % of equity at most "
        "instead of 34 %, where it allows 25 %; "
    )
    assert of.replay is not None
    assert kept_from_selling(of.replay).startswith("1 sale would have been denied (not held)")


def test_one_day_is_one_day(tmp_path: Path) -> None:
    of = audited(tmp_path)
    assert of.target.why == "1 day is too few for a probability; 60 are the least"
    assert of.days.why == "1 day is too few for a Sharpe ratio; 30 are the least"


def test_the_exposure_without_the_policy_is_followed_instant_by_instant(tmp_path: Path) -> None:
    of = audited(tmp_path)
    assert of.replay is not None
    alone = of.replay.compared.alone
    assert len(alone.shares) == len(alone.equity)
    most = max(each.crypto for each in alone.shares)
    assert most == pytest.approx(alone.replayed.peaks["crypto"].share, abs=D("0.002"))
    assert max(each.gross for each in alone.shares) > most  # shares of a fund beside the coin
    chart = exposure_chart(of.replay, axis_of(of))
    assert [panel.title for panel in chart.panels] == ["Crypto", "All positions"]


def test_a_past_that_never_sold_has_no_win_rate_and_says_so(tmp_path: Path) -> None:
    of = audited(tmp_path, ROWS.partition("2024-03-05T15:20")[0])
    assert words.judged(of) is words.Judged.NOTHING
    (rate,) = [each for each in figures(of) if each.code == "win_rate"]
    assert rate.shown == "not known: no trade was closed that was won or lost"
    assert any(line.startswith("How what is still open will end") for line in unknown(of))


def test_a_quiet_end_is_not_drawn(tmp_path: Path) -> None:
    late = "2024-03-06T20:00:00Z,SPY,buy,1,498,e\n2024-03-06T20:01:00Z,SPY,sell,1,498,f\n"
    of = audited(tmp_path, ROWS + late)
    axis = axis_of(of)
    assert axis.is_cut
    assert axis.end_ns < of.span[1] - DAY_NS
    chart = equity_chart(of, axis)
    assert chart is not None
    assert chart.note == "Afterwards nothing moved; that time is not drawn."
    assert all(sum(each.times) * 10**9 <= axis.end_ns for each in chart.panels[0].series)


def test_money_moves_to_the_end_and_all_of_it_is_drawn(tmp_path: Path) -> None:
    axis = axis_of(audited(tmp_path))
    assert not axis.is_cut
    assert axis.note == ""
