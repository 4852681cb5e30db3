"""`feasibility` as users start it: records, trades, assumptions, tables, pictures, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.contract.forked import told as run

from smart_leverage.cli.feasibility_sources import of_files
from smart_leverage.cli.importing import asked_of

INCIDENTS = Path(__file__).parents[3] / "shared/data/incidents"
TRADES = """opened_at,closed_at,symbol,asset_class,qty,open_price,close_price,fee
2024-01-03T15:00:00Z,2024-01-05T15:00:00Z,SPY,us_equity,10,100,103,1
2024-01-10T15:00:00Z,2024-01-12T15:00:00Z,SPY,us_equity,10,100,98,1
2024-02-03T15:00:00Z,2024-03-05T15:00:00Z,SPY,us_equity,10,100,104,1
2024-03-10T15:00:00Z,2024-05-12T15:00:00Z,SPY,us_equity,10,100,99,1
"""


def _table(path: Path, sharpe: float, count: int) -> Path:
    """Write weekdays whose Sharpe ratio is exactly this one."""
    noise = np.random.default_rng(5).standard_normal(count)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    values = 0.2 * (sharpe / 252 + noise / 252**0.5)
    days = np.busday_offset("2020-01-01", np.arange(count), roll="forward")
    rows = [f"{day},{value:.8f}" for day, value in zip(days, values, strict=True)]
    path.write_text("\n".join(("date,return", *rows)))
    return path


def test_a_record_gets_a_verdict_its_reason_and_what_it_would_need(tmp_path: Path) -> None:
    _table(tmp_path / "returns.csv", 0.0, 300)
    done = run(tmp_path, "feasibility", "returns.csv", "--histories", "200", "--tried", "9")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "5.0% a month with less than 8.0% drawdown: not attainable"
    assert "in 100 for a year" in lines[1]
    assert "you would need a Sharpe ratio of 4.3" in lines[1]
    assert "the best of all rules makes both in only" in lines[2]
    assert "after 9 trials" in done.out
    for rule in ("constant", "surplus", "classic", "steady", "best of all rules"):
        assert any(line.startswith(rule) for line in lines)
    assert "drawing histories  100 %" in done.err


def test_a_record_as_json_holds_every_end(tmp_path: Path) -> None:
    _table(tmp_path / "returns.csv", 2.5, 300)
    done = run(tmp_path, "feasibility", "returns.csv", "--histories", "100", "--json")
    answer = done.json["answer"]
    assert done.json["verdict"] == "undecided"
    assert done.json["days"] == 300
    low, value, high = (float(end) for end in answer["sharpe"])
    assert low < value < high
    assert value == pytest.approx(2.5, abs=0.01)
    best, bound = ([float(each) for each in answer[name]] for name in ("best", "bound"))
    assert best == sorted(best)
    assert all(one <= most for one, most in zip(best, bound, strict=True))
    assert float(answer["deciding"]["days"]) > 300
    assert "days of record would decide it, there are 300" in done.json["reason"]


def test_fewer_than_sixty_days_get_no_verdict_and_what_can_be_said(tmp_path: Path) -> None:
    _table(tmp_path / "short.csv", 3.0, 59)
    done = run(tmp_path, "feasibility", "short.csv")
    assert done.code == 0, done.err
    assert "no verdict, 59 days of record, and fewer than 60 say nothing" in done.out
    assert "what can be said: you would need a Sharpe ratio of 4.3" in done.out
    assert run(tmp_path, "feasibility", "short.csv", "--json").json["verdict"] is None


def test_trades_of_a_file_are_counted_first_in_first_out(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(TRADES)
    done = run(tmp_path, "feasibility", "trades.csv", "--json")
    assert done.json["verdict"] is None
    assert "--equity MONEY" in done.json["reason"]
    trades = done.json["trades"]
    assert (trades["wins"], trades["losses"]) == (2, 2)
    assert float(trades["payoff"]) == pytest.approx((29 + 39) / (21 + 11))
    assert float(trades["cost"]) == pytest.approx(1 / 16)


def test_trades_with_the_equity_they_are_a_part_of_get_a_verdict(tmp_path: Path) -> None:
    (tmp_path / "trades.csv").write_text(TRADES)
    words = ("feasibility", "trades.csv", "--equity", "1000", "--histories", "200")
    done = run(tmp_path, *words, "--trades", "20", "--risk", "0.01")
    assert done.code == 0, done.err
    assert "drawdown: " in done.out
    assert "no verdict" not in done.out
    # (1 + 0.05/(20·0.01))/(1 + 68/32)
    assert "the target takes a win rate of 40.0 %" in done.out
    assert "note: days are what closed trades earned; open losses are not seen" in done.out


def test_the_equity_of_a_portfolio_history_is_a_record(tmp_path: Path) -> None:
    start, days = 1_704_200_400, 70
    noise = np.random.default_rng(2).normal(0.0, 0.01, days)
    equity = (1000.0 * np.cumprod(1.0 + noise)).round(2)
    equity[40:] += 500.0
    history = {
        "timestamp": [start + 86_400 * day for day in range(days)],
        "equity": equity.tolist(),
        "cashflow": {"CSD": [500.0 if day == 40 else 0.0 for day in range(days)]},
    }
    (tmp_path / "history.json").write_text(json.dumps(history))
    asked = asked_of(None, None, "", counts_unknown=False)
    dated = of_files([tmp_path / "history.json"], asked, None).dated
    assert dated is not None
    assert len(dated.values) == days - 1
    assert dated.values[:39] == pytest.approx(noise[1:40], abs=1e-4)
    assert abs(dated.values[39]) < 0.05  # a deposit of half of the account is no return


def test_a_sharpe_ratio_that_is_assumed_is_the_published_row(tmp_path: Path) -> None:
    done = run(tmp_path, "feasibility", "--sharpe", "2")
    assert "in 100 for a year; you would need a Sharpe ratio of 4.3" in done.out
    told = run(tmp_path, "feasibility", "--sharpe", "2", "--volatility", "0.2", "--json").json
    value = {name: float(number) for name, number in told["value"].items()}
    assert value["month"] == pytest.approx(0.38, abs=0.005)
    assert value["below_12"] == pytest.approx(0.12, abs=0.02)
    assert value["joint_12"] == pytest.approx(0.058, abs=0.015)
    assert float(told["best_rule"]) == pytest.approx(0.15, abs=0.015)
    assert float(told["bound"]) == pytest.approx(0.75, abs=0.005)


def test_the_design_s_own_target_with_its_own_win_rate(tmp_path: Path) -> None:
    """5 % a month under 8 %, 55 % won: a hundred trades that each risk a two-hundredth of equity.

    The needed rate is (1 + 0.05/(100·0.005))/(1 + 1) = 0.55, so the mean month just makes it; half
    of the months do not, and the drawdown is kept in fewer than half of the years.
    """
    words = ("feasibility", "--win-rate", "0.55", "--payoff", "1", "--trades", "100")
    done = run(tmp_path, *words, "--risk", "0.005")
    assert "no simple rule makes it every second year, the best of all rules does" in done.out
    assert (
        "with these trades: 30 in 100 for a year; you would need a Sharpe ratio of 4.3"
        in (done.out.splitlines()[1])
    )
    assert "for the target 55.0 % simple, 55.0 % compounding" in done.out
    assert "46.1% reach the target, which takes 56 wins" in done.out
    few = run(tmp_path, *words[:-1], "20", "--risk", "0.01", "--json").json
    assert float(few["needed"]["win_rate"]) == pytest.approx(0.625)
    assert few["verdict"] == "not attainable"


@pytest.mark.needs("market-data")
def test_the_incident_s_fills_are_no_record_of_a_strategy(tmp_path: Path) -> None:
    """86 fills of one day: 2 of them close what the log bought, 1 of 2 won, so nothing is said."""
    words = ("feasibility", str(INCIDENTS / "2025-06-02-orders.csv"), "--equity", "91087.52")
    done = run(tmp_path, *words)
    assert done.code == 0, done.err
    assert "no verdict, 1 day of record, and fewer than 60 say nothing about a year" in done.out
    assert "what can be said: you would need a Sharpe ratio of 4.3" in done.out
    assert "trades: 1 of 2 won, 50.0 %" in done.out
    assert "86 fills were read, they close 2 trades" in done.out


def test_a_picture_shows_the_rules_by_sharpe_ratio(tmp_path: Path) -> None:
    words = ("feasibility", "--sharpe", "3", "--monthly", "0.03", "--picture", "joint.svg")
    done = run(tmp_path, *words, "-q", "--json")
    assert done.code == 0, done.err
    assert done.json["picture"] == "joint.svg"
    picture = (tmp_path / "joint.svg").read_text()
    assert picture.count("<path") >= 7
    assert "best of all rules" in picture
    assert "3.0% a month for a year with less than 8.0% drawdown" in picture


def test_a_table_names_its_error(tmp_path: Path) -> None:
    needed = run(tmp_path, "feasibility", "--table", "needed")
    assert needed.code == 0, needed.err
    assert "4.33" in needed.out
    assert "no Monte Carlo error" in needed.out
    verdicts = run(tmp_path, "feasibility", "--table", "verdicts", "--json")
    assert len(verdicts.json["found"]["rows"]) == 3


def test_a_table_can_be_made_of_a_record_s_own_days(tmp_path: Path) -> None:
    _table(tmp_path / "returns.csv", 1.0, 300)
    done = run(tmp_path, "feasibility", "returns.csv", "--table", "worlds", "-q")
    assert done.code == 0, done.err
    assert [line.split("  ")[0] for line in done.out.splitlines()[3:7]] == [
        f"your days {sharpe}" for sharpe in (0, 1, 2, 3)
    ]
    _table(tmp_path / "short.csv", 1.0, 59)
    refused = run(tmp_path, "feasibility", "short.csv", "--table", "chances")
    assert refused.code == 1
    assert "59 days are fewer than 60" in refused.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param((), "and nothing was", id="nothing"),
        pytest.param(("r.csv", "--sharpe", "2"), "not FILE and --sharpe", id="two-sources"),
        pytest.param(("--sharpe", "2", "--drawdown", "8"), "as a fraction, not 8", id="per-cent"),
        pytest.param(("--win-rate", "55"), "between 0 and 1 is needed", id="win-rate"),
        pytest.param(("--table", "p4"), "there are chances, needed, budget", id="table"),
        pytest.param(("r.csv", "--table", "needed"), "not FILE and --table", id="no-record-in-it"),
        pytest.param(("--table", "history"), "files with daily bars", id="history-of-nothing"),
        pytest.param(("--sharpe", "2", "--picture", "x.png"), "joint.svg", id="picture"),
        pytest.param(("r.csv", "r.csv"), "name it alone", id="returns-twice"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path: Path, words, says) -> None:
    _table(tmp_path / "r.csv", 1.0, 10)
    done = run(tmp_path, "feasibility", *words)
    assert done.code == 2
    assert says in " ".join(done.err.replace("│", " ").split())


def test_a_file_of_no_known_form_is_refused_with_what_would_be_right(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    done = run(tmp_path, "feasibility", "odd.csv")
    assert done.code == 1
    assert "odd.csv: the columns are a, b; needed are" in done.err
