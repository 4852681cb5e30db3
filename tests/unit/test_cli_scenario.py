"""The arithmetic of the target, for the account of the design and its numbers."""

from pathlib import Path

import pytest

from smart_leverage.cli.scenario import Scenario, scenario
from smart_leverage.domain.errors import LedgerError

EQUITY = 96014.32


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scenario:
    monkeypatch.chdir(tmp_path)
    return scenario(equity=EQUITY, monthly=0.05, volatility=0.7, ledger=None, config=None)


def test_five_per_cent_in_money_days_and_years(told: Scenario) -> None:
    assert told.money == pytest.approx(4800.716)
    assert told.yearly == pytest.approx(0.79586, abs=1e-5)
    assert [round(day.simple, 7) for day in told.days] == [0.0022727, 0.0023810, 0.0016427]
    assert [round(day.compound, 7) for day in told.days] == [0.0022202, 0.0023260, 0.0016042]


def test_the_three_scenarios_need_what_no_cap_delivers(told: Scenario) -> None:
    assert [sleeve.cap for sleeve in told.sleeves] == [0.25, 0.40, 0.60]
    assert [round(sleeve.monthly, 5) for sleeve in told.sleeves] == [0.2, 0.125, 0.08333]
    assert [round(sleeve.yearly, 2) for sleeve in told.sleeves] == [7.92, 3.11, 1.61]
    assert [round(sleeve.sharpe, 2) for sleeve in told.sleeves] == [3.43, 2.14, 1.43]
    volatilities = [round(sleeve.account_volatility, 4) for sleeve in told.sleeves]
    assert volatilities == [0.175, 0.28, 0.42]


def test_the_win_rate_of_the_design_holds_for_one_way_of_trading_only(told: Scenario) -> None:
    needed = [round(line.needed, 3) for line in told.win_rates]
    assert needed == [0.55, 0.625, 0.75, 0.5, 0.417, 0.592]
    assert {line.whose for line in told.win_rates} == {""}


def test_limits_and_target_meet(told: Scenario) -> None:
    assert told.limits.days_to_month == 3
    assert told.limits.two_months == pytest.approx(0.1536)
    assert told.record is None


def test_without_equity_and_ledger_there_is_no_scenario() -> None:
    with pytest.raises(LedgerError, match="--equity"):
        scenario(equity=None, monthly=0.05, volatility=0.7, ledger=None, config=None)
