"""What `status` shows when an account is in trouble: state, plan, locks, bare positions, losses."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.cli.entry import enter
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import (
    AccountOpened,
    Adopted,
    AssetLocked,
    BaselineSet,
    BreakerMoved,
    ExposureMoved,
    FlowSeen,
    InstrumentListed,
    LimitChanged,
    Marked,
    PlanMoved,
    Record,
    StateChanged,
    TierGranted,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.emergency import BLOCK, EmergencyJournal
from smart_leverage.ledger.files import EMERGENCY, beside
from smart_leverage.ledger.refuge import Refuge
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.settings import Settings, load

BTC = Key("crypto:BTC/USD")
MINUTE = 60_000_000_000
D = Decimal


def opened(policy: str | None = None) -> list[Record]:
    """Return the beginning of an account: $10,000, half of it in a coin, no stop on it."""
    settings = Settings()
    return [
        AccountOpened(
            at_ns=0,
            account="troubled",
            mode="paper",
            cash=D(5000),
            risk_timezone="America/New_York",
            preset="classic",
            policy=settings.policy_text() if policy is None else policy,
            policy_hash=settings.policy_hash(),
            enforcement="all",
            version="0",
        ),
        InstrumentListed(at_ns=0, instrument=Registry.builtin()[BTC]),
        Adopted(at_ns=0, key=BTC, qty=D("0.1"), price=D(50_000), bot="house"),
        mark(0, D(10_000)),
        BaselineSet(at_ns=0, period="day", label="1969-12-31", equity=D(10_000)),
        BaselineSet(at_ns=0, period="month", label="1969-12", equity=D(10_000)),
    ]


def mark(at_ns: int, equity: Decimal) -> Marked:
    crypto = equity - 5000
    return Marked(
        at_ns=at_ns,
        equity=equity,
        cash=D(5000),
        crypto=crypto,
        leveraged=crypto,
        gross=crypto,
        crypto_cap=D("0.25"),
        leveraged_cap=D("0.35"),
    )


Show = Callable[..., str]


@pytest.fixture
def show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Show:
    """Write records to a ledger and return what a command says of it."""
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "ledger.sqlite"

    def show_of(*records: Record, command: str = "status", policy: str | None = None) -> str:
        with SqliteLedger(path) as ledger:
            ledger.commit([*opened(policy), *records])
        code = enter([*command.split(), "--ledger", str(path)])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return show_of


def fields(show: Show, *records: Record) -> Any:
    return json.loads(show(*records, command="status --json"))


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("active", "● ACTIVE\norders inside the caps pass"),
        ("reducing", "▲ REDUCING (because)\nonly orders that lower exposure pass; stops stay"),
        ("halted", "■ HALTED (because)\nnothing that adds exposure passes;"),
        ("frozen", "■ FROZEN (because)\nonly cancels pass"),
    ],
)
def test_each_state_is_a_sign_a_word_and_what_it_still_allows(
    show: Show, state: str, line: str
) -> None:
    out = show(StateChanged(at_ns=1, before="active", after=state, why="because", who="me"))
    assert out.startswith(f"PAPER troubled   {line}")


def test_a_cap_that_is_exceeded_is_hit(show: Show) -> None:
    out = show()
    assert "crypto       $5,000    50.0 of  25.0 %  ████████████████████  ■ HIT" in out
    assert "gross        $5,000    50.0 of 100.0 %  ██████████░░░░░░░░░░  ● OK" in out


def test_losses_are_measured_from_their_openings(show: Show) -> None:
    told = fields(show, mark(MINUTE, D(10_100)), mark(2 * MINUTE, D(9_800)))
    day, month, one_day, days_30, drawdown = told["breakers"]
    assert (one_day["change"], days_30["change"]) == (day["change"], month["change"])
    assert (day["change"], day["amount"], day["left"]) == ("-0.02000000", "-200", "100.00")
    assert (month["used"], month["left"]) == ("0.25000000", "600.00")
    assert Decimal(drawdown["change"]) == D("-0.02970297")  # from the peak of 10,100
    assert told["age_s"] > 0


def test_a_withdrawal_is_not_a_loss(show: Show) -> None:
    told = fields(show, FlowSeen(at_ns=1, amount=D(-2000), source="bank"), mark(2, D(8000)))
    assert [D(line["change"]) for line in told["breakers"]] == [0] * 5


def test_a_gain_has_its_sign(show: Show) -> None:
    assert "day           +$123   +1.23 % of −3.0 %" in show(mark(MINUTE, D(10_123)))


def test_a_tripped_limit_says_so(show: Show) -> None:
    tripped = BreakerMoved(
        at_ns=1, breaker="day", is_tripped=True, value=D("0.031"), limit=D("0.03"), why="loss"
    )
    out = show(mark(1, D(9_690)), tripped)
    assert "TRIPPED  ■ HIT" in out
    assert "$0 left" in out


def test_what_is_under_way_or_missing_is_named(show: Show) -> None:
    out = show(
        PlanMoved(
            at_ns=MINUTE,
            plan_id="p1",
            status="started",
            group="crypto",
            stage=0,
            ceiling=D("0.4"),
            exposure=D("0.5"),
            deadline_ns=31 * MINUTE,
        ),
        AssetLocked(
            at_ns=2 * MINUTE, key=BTC, loss=D("0.021"), limit=D("0.02"), until_ns=60 * MINUTE
        ),
    )
    assert "plan      p1: crypto down from 50.0 %, stage 0, due 1970-01-01 00:31:00Z" in out
    assert "locked    crypto:BTC/USD until 1970-01-01 01:00:00Z" in out
    assert "▲ no stop crypto:BTC/USD for 2 min" in out
    assert "1 position, 0 orders under way" in out


def planned(plan_id: str, status: str, at_ns: int, why: str) -> PlanMoved:
    return PlanMoved(
        at_ns=at_ns, plan_id=plan_id, status=status, group="crypto", stage=3, ceiling=D("0.245"),
        exposure=D("0.3"), deadline_ns=at_ns + 30 * MINUTE, why=why,
    )  # fmt: skip


LEFT = "5.0 % of equity above the cap of 25.0 % for crypto; not sold: BTC/USD (refused)"
CONTINUED = (
    planned("p1", "started", MINUTE, "crypto over its cap"),
    planned("p1", "partial", 31 * MINUTE, LEFT),
    planned("p2", "started", 31 * MINUTE, "continues p1, which ended in part"),
)


def test_a_plan_that_fell_short_is_told_with_what_it_left(show: Show) -> None:
    out = show(*CONTINUED)
    assert f"▲ short   p1: crypto ended in part, 1970-01-01 00:31:00Z: {LEFT}" in out
    assert "due 1970-01-01 01:01:00Z (continues p1, which ended in part)" in out


def test_json_has_the_running_plan_and_what_the_one_before_left(show: Show) -> None:
    told = json.loads(show(*CONTINUED, command="status --json"))
    assert (told["plan"]["plan_id"], told["plan_short"]["why"]) == ("p2", LEFT)


def test_what_was_left_is_forgotten_once_a_plan_is_reached(show: Show) -> None:
    assert "short" not in show(*CONTINUED, planned("p2", "reached", 40 * MINUTE, ""))


def limit(name: str, before: str, after: str, hours: int = 0) -> LimitChanged:
    return LimitChanged(
        at_ns=MINUTE, name=name, before=before, after=after, is_looser=hours > 0,
        effective_ns=MINUTE + hours * 60 * MINUTE, who="ann", reason="so",
    )  # fmt: skip


PENDING = limit("limits.loss_limit_daily", "0.03", "0.04", hours=24)


def test_limits_in_force_are_those_of_the_journal_and_what_is_pending_is_named(show: Show) -> None:
    out = show(limit("limits.gross_cap", "1.0", "0.8"), PENDING)
    assert "gross        $5,000    50.0 of  80.0 %" in out
    assert "of −3.0 %" in out
    assert "pending   limits.loss_limit_daily 3 % → 4 %, from 1970-01-0" in out


def test_what_is_pending_stands_in_json_with_its_time(show: Show) -> None:
    (pending,) = fields(show, PENDING)["pending_limits"]
    assert (pending["name"], pending["after"]) == ("limits.loss_limit_daily", "0.04")
    assert pending["effective"] == "1970-01-02T00:01:00Z"


def test_limits_show_what_is_in_force_beside_what_is_configured(show: Show) -> None:
    out = show(limit("limits.gross_cap", "1.0", "0.8"), PENDING, command="limits show")
    (line,) = (each for each in out.splitlines() if each.startswith("limits.gross_cap"))
    assert line.split()[1:5] == ["80", "%", "100", "%"]
    assert "          ann: so" in out


def test_a_lock_that_is_over_is_not_shown(show: Show) -> None:
    lock = AssetLocked(at_ns=1, key=BTC, loss=D("0.021"), limit=D("0.02"), until_ns=MINUTE)
    assert "locked" not in show(lock, mark(2 * MINUTE, D(10_000)))


def test_a_policy_that_cannot_be_read_leaves_only_its_numbers_out(show: Show) -> None:
    out = show(policy="= not toml")
    assert "exposure  crypto" in out
    assert "to STABLE" not in out
    assert "of −3.0 %" not in out


def test_a_change_of_tier_shows_its_evidence(show: Show) -> None:
    out = show(
        TierGranted(
            at_ns=MINUTE,
            before="LEARNING",
            after="EMERGENCY",
            earned="EMERGENCY",
            wins=9,
            closed=21,
            win_rate="0.428571",
            month_return="-0.052000",
            why="fall",
        ),
        command="tier",
    )
    assert out.startswith("0 EMERGENCY since 1970-01-01 00:01:00Z\n")
    assert "to LEARNING: month no worse than −5.0 %" in out
    assert "LEARNING → EMERGENCY  fall: win rate 42.9 % (9 of 21), month −5.20 %" in out


def test_what_waits_in_the_emergency_journal_is_counted_in(
    show: Show, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ledger.sqlite"
    show()
    refuge = Refuge(path, MINUTE, "disk full")
    refuge.commit([FlowSeen(at_ns=MINUTE, amount=D(-500), source="bank")])
    refuge.close()
    assert enter(["status", "--ledger", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("PAPER troubled   ■ HALTED (the ledger cannot be written: disk full)\n")
    assert "■ ledger in trouble: its emergency journal is counted in here, 2 records" in out
    assert enter(["status", "--json", "--ledger", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["emergency_records"], told["cash"]) == (2, "4500")
    SqliteLedger(path).close()
    assert enter(["status", "--json", "--ledger", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["emergency_records"], told["cash"]) == (0, "4500")


def test_verify_tells_what_waits_in_the_emergency_journal(
    show: Show, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ledger.sqlite"
    show()
    Refuge(path, MINUTE, "disk full").close()
    with EmergencyJournal(path) as journal:
        journal.append("torn", b"")
    content = bytearray(beside(path, EMERGENCY).read_bytes())
    content[BLOCK] ^= 1
    beside(path, EMERGENCY).write_bytes(content)
    assert enter(["ledger", "verify", str(path)]) == 0
    out = capsys.readouterr().out
    assert "▲ emergency journal: 1 record, to be taken over" in out
    assert "▲ torn blocks of the emergency journal: 1" in out
    assert enter(["ledger", "verify", "--json", str(path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["emergency_records"], told["emergency_torn"]) == (1, [1])


# --- earned exposure -----------------------------------------------------------------------------


def earned() -> ExposureMoved:
    caps = {"hard": "0.25", "drawdown": "0.2", "tail": "", "kelly": "", "volatility": ""}
    return ExposureMoved(
        at_ns=MINUTE,
        sleeve="crypto",
        before=D("0.25"),
        after=D("0.2"),
        binding="drawdown",
        caps=caps | {"evidence": "0.25"},
    )


def steady_text() -> str:
    return load(None, {"SMART_LEVERAGE_POLICY__PRESET": "steady"}).settings.policy_text()


def test_tier_says_what_is_earned_beside_it_and_which_cap_binds(show: Show) -> None:
    text = show(earned(), command="tier", policy=steady_text())
    assert "crypto        at most 20.0 % since 1970-01-01 00:01:00Z: drawdown binds of" in text
    assert "hard 25.0 %" in text
    assert "tail" not in text


def test_tier_says_how_sure_the_record_has_to_be(show: Show) -> None:
    text = show(earned(), command="tier", policy=steady_text())
    assert "to STABLE: 80 % sure of winning 50 %, now 50 %, 0 of 20 trades" in text


def test_status_tells_it_to_programs(show: Show) -> None:
    told = json.loads(show(earned(), command="status --json", policy=steady_text()))
    assert told["earned"][0]["binding"] == "drawdown"
    assert told["earned"][0]["caps"]["drawdown"] == "0.2"
