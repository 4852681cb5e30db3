"""Every command against a real ledger, started as a process of its own."""

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.contract.forked import Done, told

from smart_leverage.brokers.sim import SimBroker, SimConfig, Start
from smart_leverage.domain.clock import ManualClock
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import Noted
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Opened
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.feed import instants
from smart_leverage.market.recipe import SyntheticMarket
from smart_leverage.market.synthetic import generate
from smart_leverage.runtime.bars import BarDriver
from smart_leverage.runtime.trader import Trader
from smart_leverage.settings import Settings
from smart_leverage.strategies.overbuyer import Overbuyer

BTC, ETH = Key("crypto:BTC/USD"), Key("crypto:ETH/USD")


Run = Callable[..., Done]


def trade(ledger: Path) -> None:
    """Let a greedy bot trade two days in an account that begins far over its caps."""
    series = generate(SyntheticMarket(seed=3, first_day=date(2024, 3, 4), days=2))
    registry, settings = Registry.builtin(), Settings()
    first = {each.key: Decimal(repr(each.opens[0])) for each in series}
    held = tuple((key, qty, first[key]) for key, qty in ((BTC, Decimal(1)), (ETH, Decimal(10))))
    cash, opened_ns = Decimal(16_800), min(each.starts[0] for each in series)
    clock = ManualClock(opened_ns)
    broker = SimBroker(
        registry, config=SimConfig(cash=cash, positions=tuple(Start(*each) for each in held))
    )
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        trader = Trader(Engine(EngineConfig()), store, broker, clock)
        trader.offer(
            Opened(
                at_ns=opened_ns,
                account="demo",
                mode="sim",
                cash=cash,
                preset="classic",
                policy_text=settings.policy_text(),
                policy_hash=settings.policy_hash(),
                enforcement="all",
                version="0",
                instruments=tuple(registry[each.key] for each in series),
                holdings=held,
            )
        )
        bot = Overbuyer([each.key for each in series])
        BarDriver(trader, broker, clock, bots=[bot]).run(instants(series))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with one run in it."""
    home = tmp_path_factory.mktemp("home")
    (home / "runs" / "two-days").mkdir(parents=True)
    trade(home / "runs" / "two-days" / "ledger.sqlite")
    (home / "runs" / "latest").write_text("two-days\n")
    return home


@pytest.fixture(scope="module")
def ledger(home: Path) -> Path:
    return home / "runs" / "two-days" / "ledger.sqlite"


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    """Start a command in the working directory, as its users do."""

    def start(*arguments: str, stdin: str = "", at: Path = home, **variables: str) -> Done:
        return told(at, *arguments, stdin=stdin, variables=variables)

    return start


# -- reading --------------------------------------------------------------------------------------


def test_status_says_what_the_ledger_says(run: Run, ledger: Path) -> None:
    told = run("status", "--json").json
    with Reader.open(ledger) as reader:
        mark, head, positions = reader.mark(), reader.head(), reader.positions()
    assert mark is not None
    assert told["ledger_seq"] == head.seq
    assert told["equity"] == f"{mark.equity:f}"
    assert told["as_of"] == "2024-03-06T00:00:00Z"
    assert told["age_s"] is None  # simulated time has no age
    assert {row["key"]: row["qty"] for row in told["positions"]} == {
        row.key: f"{row.qty:f}" for row in positions
    }
    crypto = told["exposure"][0]
    assert (crypto["group"], crypto["value"]) == ("crypto", f"{mark.crypto:f}")
    assert Decimal(crypto["fraction"]) == pytest.approx(mark.crypto / mark.equity)
    assert [line["name"] for line in told["breakers"]] == ["day", "month", "drawdown"]
    assert [line["limit"] for line in told["breakers"]] == ["0.03", "0.08", None]


def test_status_for_people_has_state_tier_caps_and_losses(run: Run) -> None:
    out = run("status").out
    assert "orders inside the caps pass" in out
    assert re.search(r"tier +1 LEARNING +win rate", out)
    assert re.search(r"exposure +crypto +\$[\d,]+ +[\d.]+ of +25.0 %", out)
    assert re.search(r"losses +day +.*of −3.0 %", out)
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_orders_are_filtered_and_counted(run: Run, ledger: Path) -> None:
    with Reader.open(ledger) as reader:
        denied = reader.decisions(verdict="denied", reason="cap_crypto", limit=10_000)
    done = run("orders", "--verdict", "denied", "--reason", "cap_crypto", "--json", "--limit", "5")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [row["id"] for row in told] == [row.decision_id for row in denied[:5]]
    assert {row["verdict"] for row in told} == {"denied"}
    assert all(row["at"].endswith("Z") and row["order"] is None for row in told)
    assert all(isinstance(row["asked"], str) for row in told)


def test_orders_of_one_instrument_answer_to_every_spelling(run: Run) -> None:
    spelled = [run("orders", "--symbol", name).out for name in ("BTC/USD", "btcusd")]
    assert spelled[0] == spelled[1]
    assert "BTC/USD" in spelled[0]
    assert "ETH/USD" not in spelled[0]


def test_orders_show_what_became_of_what_was_given(run: Run, ledger: Path) -> None:
    with Reader.open(ledger) as reader:
        given = [row for row in reader.decisions(limit=10_000) if row.given > 0]
        states = {one.decision_id: one.state for one in reader.orders(limit=10_000)}
    told = {
        row["id"]: row["order"]
        for row in map(json.loads, run("orders", "--json", "--limit", "5000").out.splitlines())
    }
    assert len(given) >= 3
    for row in given:
        assert told[row.decision_id]["state"] == states[row.decision_id].value


def test_open_orders_are_the_stops(run: Run) -> None:
    told = [json.loads(line) for line in run("orders", "--open", "--json").out.splitlines()]
    assert told
    assert {row["role"] for row in told} == {"stop"}
    assert run("orders", "--open", "--bot", "nobody").out == ""


def test_a_decision_is_explained_by_id_by_event_and_by_order(run: Run, ledger: Path) -> None:
    with Reader.open(ledger) as reader:
        decision = next(row for row in reader.decisions(limit=10_000) if row.given > 0)
        order = reader.orders(decision_id=decision.decision_id)[0]
        fill = next(iter(reader.fills()))
        filled = reader.order(fill.client_order_id)
    by_id = run("explain", decision.decision_id).out
    assert decision.decision_id in by_id
    assert order.client_order_id in by_id
    for which in (str(decision.seq), str(order.intended_seq), order.client_order_id):
        assert run("explain", which).out == by_id
    assert filled is not None
    assert run("explain", str(fill.seq), "--json").json["id"] == filled.decision_id


def test_tier_shows_evidence_and_what_comes_next(run: Run) -> None:
    out = run("tier").out
    assert out.startswith("1 LEARNING since 2024-03-04 00:00:00Z\n")
    assert "to STABLE: 45 % and" in out
    assert "← in force" in out
    told = run("tier", "--json").json
    assert [row["crypto_cap"] for row in told["caps"]] == ["0.2", "0.25", "0.4", "0.6"]
    assert told["ceiling"] == "profitable"


def test_limits_are_those_the_account_runs_under(run: Run) -> None:
    told = run("limits", "show", "--json").json
    assert told["policy_hash"] == Settings().policy_hash()
    assert told["tier"] == "LEARNING"
    assert told["numbers"]["limits"]["symbol_cap"] == "0.1"
    assert "← in force" in run("limits", "show").out


def test_limits_of_a_configuration_need_no_ledger(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[limits]\nsymbol_cap = 0.2\n")
    told = run("limits", "show", "--json", "--config", "mine.toml", at=tmp_path).json
    assert told["numbers"]["limits"]["symbol_cap"] == "0.2"
    assert told["source"] == "mine.toml"
    assert told["tier"] is None


def test_target_sets_the_account_beside_the_arithmetic(run: Run) -> None:
    told = run("target", "--equity", "96014.32", "--json").json
    assert told["money"].startswith("4800.71")
    assert told["record"]["closed"] >= 0
    assert "not what can be expected" in told["note"]
    out = run("target").out
    assert "79.586 %" in out
    assert out.rstrip().endswith("nothing here is a forecast.")


# -- asking the policy ----------------------------------------------------------------------------


def test_a_check_says_what_would_fit_and_sends_nothing(run: Run, ledger: Path) -> None:
    before = ledger.read_bytes()
    done = run("limits", "check", "buy", "BTC/USD", "500000", "--json")
    told = done.json
    assert done.code == 5
    assert told["verdict"] == "denied"
    assert told["reason"].startswith("cap_")
    assert Decimal(told["allowed"]) < Decimal(told["asked"])
    assert told["price_age_s"] >= 0
    assert told["price_source"] in ("a decision", "a fill", "the adoption", "the opening of a day")
    assert ledger.read_bytes() == before


def test_what_fits_is_exactly_what_would_be_approved(run: Run) -> None:
    most = run("limits", "check", "buy", "AAPL", "500000", "--json").json["allowed"]
    assert Decimal(most) > 0
    inside = run("limits", "check", "buy", "AAPL", most, "--qty")
    assert (inside.code, inside.out.split(":")[0]) == (0, "would be approved")
    beyond = str(Decimal(most) + Decimal("0.0001"))
    assert run("limits", "check", "buy", "AAPL", beyond, "--qty").code == 5
    shrunk = run("limits", "check", "buy", "AAPL", beyond, "--qty", "--shrink", "--json")
    assert (shrunk.code, shrunk.json["verdict"], shrunk.json["given"]) == (0, "cut", most)


def test_a_sale_of_what_is_held_passes_and_the_price_can_be_named(run: Run) -> None:
    held = run("status", "--json").json["positions"][0]
    symbol, half = held["key"].split(":")[1], str(Decimal(held["qty"]) / 2)[:8]
    told = run("limits", "check", "sell", symbol, half, "--qty", "--price", "2", "--json").json
    assert (told["verdict"], told["price"]) == ("approved", "2")
    assert told["price_source"] == "the command line"
    short = run("limits", "check", "sell", symbol, "1000000", "--qty", "--json")
    assert (short.code, short.json["reason"]) == (5, "not_held")


def test_an_evaluation_is_the_policy_itself(run: Run) -> None:
    example = run("limits", "eval", "--example").out
    told = run("limits", "eval", "-", "--json", stdin=example).json
    # 0.25 × 96,014.32 − 21,853.45 is 2,150.13, in lots of a cent
    assert (told["verdict"], told["lots"], told["reason"]) == ("cut", 215013, "cap_crypto")
    assert told["money"] == "2150.13"
    assert told["assumed"] == {}
    first = next(bound for bound in told["bounds"] if bound["reason"] == told["reason"])
    assert first["lots"] == told["lots"] == min(bound["lots"] for bound in told["bounds"])
    shown = run("limits", "eval", "-", stdin=example).out
    assert "cut: 215,013 lots, $2,150.13   [cap_crypto]" in shown
    assert "← first" in shown


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        pytest.param({"account": {"is_day_tripped": True}}, "denied", "breaker_day", id="tripped"),
        pytest.param({"account": {"state": "halted"}}, "denied", "halted", id="halted"),
        pytest.param({"account": {"equity": None}}, "denied", "no_equity", id="unknown-equity"),
        pytest.param({"asset": {"is_fresh": False}}, "denied", "no_price", id="stale"),
        pytest.param({"proposal": {"lots": 100}}, "approved", "none", id="small"),
        pytest.param({"proposal": {"bot_room": 500}}, "cut", "cap_bot", id="share-of-the-bot"),
        pytest.param(
            {"account": {"state": "halted"}, "proposal": {"side": "sell"}},
            "cut",
            "not_held",
            id="an-exit-is-never-blocked",
        ),
        pytest.param(
            {"policy": {"tiers": {"learning": {"crypto_cap": 0.23, "total_cap": 0.35}}}},
            "cut",
            "cap_crypto",
            id="override",
        ),
    ],
)
def test_an_evaluation_shows_each_bound(
    run: Run, change: dict[str, dict[str, Any]], verdict: str, reason: str
) -> None:
    case = json.loads(run("limits", "eval", "--example").out)
    for section, values in change.items():
        case[section].update(values)
    done = run("limits", "eval", "-", "--json", stdin=json.dumps(case))
    assert done.code == 0
    assert (done.json["verdict"], done.json["reason"]) == (verdict, reason)


# -- the configuration ----------------------------------------------------------------------------


def test_a_configuration_is_checked_and_shown_with_its_sources(run: Run, tmp_path: Path) -> None:
    (tmp_path / "smart-leverage.toml").write_text("[limits]\nsymbol_cap = 0.2\n")
    cap = {"SMART_LEVERAGE_LIMITS__GROSS_CAP": "0.9"}
    checked = run("config", "check", "--json", at=tmp_path, **cap).json
    assert checked["changed"] == ["limits.gross_cap", "limits.symbol_cap"]
    shown = run("config", "show", "--origin", "--json", at=tmp_path, **cap).json
    assert shown["limits.symbol_cap"] == {"value": "0.2", "origin": "smart-leverage.toml"}
    assert shown["limits.gross_cap"] == {"value": "0.9", "origin": "environment"}
    assert shown["limits.loss_limit_daily"]["origin"] == "preset classic"
    assert "symbol_cap" in run("config", "show", at=tmp_path).out


def test_every_problem_of_a_configuration_is_told_with_exit_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        '[limits]\nmounthly_loss = 3\n[tiers.stable]\ncrypto_cap = "40%"\ntotal_cap = 60\n'
    )
    done = run("config", "check", "--config", "bad.toml", at=tmp_path, SMART_LEVERAGE_LIMTS__X="1")
    assert done.code == 3
    assert done.out == ""
    assert "did you mean loss_limit_monthly?" in done.err
    assert "write 0.4" in done.err
    assert "fractions, not per cent: 0.6?" in done.err
    assert "no section 'limts', did you mean limits?" in done.err
    assert done.err.endswith("4 problems [config.invalid]\n")


def test_the_schema_knows_every_section(run: Run) -> None:
    assert set(run("config", "schema").json["properties"]) == set(Settings.model_fields)


# -- ledgers that are not as they should be -------------------------------------------------------


def test_a_sound_ledger_is_proved(run: Run, ledger: Path) -> None:
    done = run("ledger", "verify")
    assert done.code == 0
    assert "chain sound" in done.out
    assert "100 %" in done.err
    quiet = run("ledger", "verify", str(ledger), "--quiet", "--json")
    assert quiet.err == ""
    assert quiet.json["is_sound"] is True


def copied(ledger: Path, to: Path, *statements: str) -> Path:
    """Copy a ledger and change the copy behind its back."""
    with sqlite3.connect(ledger) as source, sqlite3.connect(to) as copy:
        source.backup(copy)
        for statement in statements:
            copy.execute(statement)
    return to


def test_a_changed_record_is_found_with_exit_6(run: Run, ledger: Path, tmp_path: Path) -> None:
    bad = copied(
        ledger,
        tmp_path / "changed.sqlite",
        "DROP TRIGGER journal_is_not_updated",
        "UPDATE journal SET payload = replace(payload, '0', '1') WHERE seq = 30",
    )
    done = run("ledger", "verify", str(bad), "--json")
    assert done.code == 6
    assert done.json["is_sound"] is False
    assert done.json["bad_seq"] == 30
    assert "■" in run("ledger", "verify", str(bad)).out


def test_a_changed_projection_is_found_with_exit_6(run: Run, ledger: Path, tmp_path: Path) -> None:
    bad = copied(ledger, tmp_path / "moved.sqlite", "UPDATE cash SET amount = '1000000'")
    done = run("ledger", "verify", str(bad))
    assert done.code == 6
    assert "1000000" in done.out


def test_a_torn_file_is_an_error_everywhere_and_a_finding_for_verify(
    run: Run, ledger: Path, tmp_path: Path
) -> None:
    whole = copied(ledger, tmp_path / "whole.sqlite").read_bytes()
    torn = tmp_path / "torn.sqlite"
    torn.write_bytes(whole[: len(whole) // 2] + b"\xff" * 4096)
    for command in (["status"], ["orders", "--limit", "100000"], ["tier"]):
        done = run(*command, "--ledger", str(torn))
        assert done.code == 1, command
        assert done.err.endswith("[ledger.corrupt]\n"), done.err
    assert run("ledger", "verify", str(torn)).code == 6


def test_a_ledger_of_a_newer_version_is_refused(run: Run, ledger: Path, tmp_path: Path) -> None:
    newer = copied(ledger, tmp_path / "newer.sqlite", "UPDATE ledger_schema SET version = 99")
    for command in ("status", "tier", "orders"):
        done = run(command, "--ledger", str(newer))
        assert (done.code, done.out) == (1, "")
        assert "update the program [ledger.newer]" in done.err
    verified = run("ledger", "verify", str(newer))
    assert verified.code == 1
    assert verified.err.endswith("[ledger.newer]\n")


def test_what_is_no_ledger_is_told_apart(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but long enough to look at" * 50)
    (tmp_path / "empty.sqlite").write_bytes(b"")
    for name in ("notes.txt", "empty.sqlite"):
        done = run("status", "--ledger", str(tmp_path / name))
        assert (done.code, done.out) == (1, "")
        assert "not a ledger" in done.err


def test_a_ledger_without_an_account_says_so(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "fresh.sqlite"
    with SqliteLedger(path) as fresh:
        fresh.commit([Noted(at_ns=1, code="hello", text="nothing yet")])
    done = run("status", "--ledger", str(path))
    assert done.code == 1
    assert "holds no account yet" in done.err


def test_without_a_run_the_way_out_is_named(run: Run, tmp_path: Path) -> None:
    done = run("status", at=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "smart-leverage demo" in done.err
    assert "--ledger PATH" in done.err
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "latest").write_text("../../etc\n")
    assert "names the run '../../etc'" in run("status", at=tmp_path).err
    assert "--equity" in run("target", at=tmp_path).err
    assert run("target", "--equity", "1000", at=tmp_path).code == 0


# -- questions without an answer -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["explain", "d999999"], "no decision 'd999999'", id="no-decision"),
        pytest.param(["explain", "999999"], "the last one is", id="no-event"),
        pytest.param(["explain", "1"], "of kind 'account.opened'", id="other-event"),
        pytest.param(["orders", "--symbol", "BTC"], "nearest known: crypto:BTC/USD", id="symbol"),
        pytest.param(["limits", "check", "buy", "XYZ", "1"], "unknown", id="unknown-symbol"),
        pytest.param(["limits", "eval", "none.json"], "cannot be read", id="no-file"),
    ],
)
def test_what_cannot_be_answered_is_exit_1_with_its_code(
    run: Run, arguments: list[str], told: str
) -> None:
    done = run(*arguments)
    assert (done.code, done.out) == (1, "")
    assert told in done.err
    assert done.err.endswith("[data.bad]\n")
