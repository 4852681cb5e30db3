"""`ledger import` and `counterfactual` as users start them, in an empty folder and beside a run."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.forked import told as run

from smart_leverage.domain.clock import SystemClock
from smart_leverage.domain.records import AccountOpened, PastImported, TierGranted, decode
from smart_leverage.ledger.base import Durability
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify
from smart_leverage.runtime.admin import new_token
from smart_leverage.settings import load

TABLE = """\
time,symbol,side,qty,price,fee,id
2024-03-05T15:00:00Z,SPY,buy,10,500,1,a
2024-03-05T16:00:00Z,SPY,sell,10,501,1,b
2024-03-06T15:00:00Z,BTC/USD,buy,0.1,60000,0,c
2024-03-06T16:00:00Z,BTC/USD,sell,0.1,59000,6,d
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder but for a table."""
    (tmp_path / "old.csv").write_text(TABLE)
    return tmp_path


@pytest.fixture(params=["classic"])
def account(home: Path, request: pytest.FixtureRequest) -> Path:
    """The ledger of an account that was opened now, with its admin token beside the runs."""
    folder = home / "runs" / "main"
    settings = load(None, {"SMART_LEVERAGE_POLICY__PRESET": request.param}).settings
    opened = AccountOpened(
        at_ns=SystemClock().now_ns(),
        account="main",
        mode="sim",
        cash=Decimal(9000),
        risk_timezone="America/New_York",
        preset=request.param,
        policy=settings.policy_text(),
        policy_hash=settings.policy_hash(),
        enforcement="all",
        version="0",
    )
    with SqliteLedger(folder / "ledger.sqlite", durability=Durability.NONE) as store:
        store.commit([opened])
    with new_token(folder) as token:
        (home / "token.txt").write_text(f"{token}\n")
    (home / "runs" / "latest").write_text("main\n")
    return folder / "ledger.sqlite"


def imported(ledger: Path) -> list[PastImported]:
    with SqliteLedger(ledger, durability=Durability.NONE) as store:
        records = [decode(entry.payload) for entry in store.read()]
    return [each for each in records if isinstance(each, PastImported)]


def test_a_check_needs_no_account_and_writes_nothing(home: Path) -> None:
    done = run(home, "ledger", "import", "old.csv", "--check")
    assert done.code == 0, done.err
    assert "▲ only checked: 4 deals would count, nothing was written" in done.out
    assert "days         2024-03-05 to 2024-03-06" in done.out
    assert "round trips  2: 1 won, 1 lost   win rate 50 % (1 of 2" in done.out
    assert "profit       −$98.00: −$90.00 from prices, $8.00 fees" in done.out
    assert sorted(each.name for each in home.iterdir()) == ["old.csv"]


def test_without_an_account_it_says_how_to_get_one(home: Path) -> None:
    done = run(home, "ledger", "import", "old.csv", "--reason", "moved")
    assert done.code == 1
    assert "start one with `smart-leverage demo`" in done.err


def test_a_table_counts_once_and_says_so_everywhere(home: Path, account: Path) -> None:
    words = ("ledger", "import", "old.csv", "--reason", "moved", "--token-file", "token.txt")
    done = run(home, *words)
    assert done.code == 0, done.err
    assert "● 4 deals counted; event 6, durable" in done.out
    assert "the record   win rate 50 % (1 of 2, 9–91 %), 2 of them imported" in done.out
    assert "under `steady` by 2 episodes from flat to flat, 2 of them imported" in done.out
    again = run(home, *words, "--json")
    assert again.code == 0
    assert (again.json["deals"], again.json["known"], again.json["ledger_seq"]) == (0, 4, 6)
    assert (again.json["net"], again.json["win_rate"]) == ("-98.0", "0.5")
    assert again.json["record"] == {
        "wins": 1, "closed": 2, "imported": 2, "episodes": 2, "episodes_imported": 2,
    }  # fmt: skip
    (record,) = imported(account)
    (file,) = record.files
    assert (file.name, file.rows, file.counted, record.deals) == ("old.csv", 4, 4, 4)
    assert verify(account).is_sound
    tier = run(home, "tier")
    assert "imported: 2 of 2 trades are from before our time, decided elsewhere" in tier.out
    assert "old.csv, table of executions, 2024-03-05 to 2024-03-06, 4 deals; by" in tier.out
    assert run(home, "tier", "--json").json["imported"] == 2
    assert "win rate 50 % (1 of 2, 9–91 %), 2 imported" in run(home, "status").out
    for event in ("2", "6"):
        told = run(home, "explain", event)
        assert "none of them was decided here" in told.out
        assert "old.csv  table of executions, 4 rows, 4 counted" in told.out


@pytest.mark.parametrize("account", ["steady"], indirect=True)
def test_under_steady_episodes_are_what_is_told_to_be_imported(home: Path, account: Path) -> None:
    words = ("ledger", "import", "old.csv", "--reason", "moved", "--token-file", "token.txt")
    assert run(home, *words).code == 0
    tier = run(home, "tier")
    assert "imported: 2 of 2 episodes are from before our time, decided elsewhere" in tier.out
    told = run(home, "tier", "--json").json["from_before"]
    assert told == {"imported": 2, "closed": 2, "what": "episodes"}
    assert ", 2 episodes imported" in run(home, "status").out


def test_a_rise_says_how_much_of_its_evidence_was_imported(home: Path, account: Path) -> None:
    granted = TierGranted(
        at_ns=SystemClock().now_ns(),
        before="LEARNING",
        after="STABLE",
        earned="STABLE",
        wins=15,
        closed=30,
        win_rate="0.500000",
        month_return="0.000000",
        why="rise",
        imported=28,
    )
    with SqliteLedger(account, durability=Durability.NONE) as store:
        store.commit([granted])
    assert "rise: win rate 50.0 % (15 of 30, 28 of them imported)" in run(home, "tier").out
    (change,) = run(home, "tier", "--json").json["history"]
    assert (change["seq"], change["imported"]) == (2, 28)


def test_one_bad_file_and_nothing_counts(home: Path, account: Path) -> None:
    before = account.read_bytes()
    (home / "bad.csv").write_text(TABLE.replace("59000", "x"))
    words = ("ledger", "import", "old.csv", "bad.csv", "--reason", "r", "--token-file", "token.txt")
    done = run(home, *words)
    assert done.code == 1
    assert done.err == (
        "bad.csv, row 4: price is 'x', not a number; a plain number, as 1234.5 [data.bad]\n"
    )
    assert account.read_bytes() == before


def test_it_needs_the_token_a_reason_and_an_account_at_rest(home: Path, account: Path) -> None:
    (home / "wrong.txt").write_text("guess\n")
    done = run(home, "ledger", "import", "old.csv", "--reason", "r", "--token-file", "wrong.txt")
    assert done.code == 5
    assert "needs the admin token, since a record can raise the tier" in done.out
    assert run(home, "ledger", "import", "old.csv", "--token-file", "token.txt").code == 2
    assert imported(account) == []
    words = ("ledger", "import", "old.csv", "--reason", "r", "--token-file", "token.txt")
    with SqliteLedger(account, durability=Durability.NONE):
        held = run(home, *words)
    assert held.code == 1
    assert "stop the account, import, and start it again [ledger.locked]" in held.err


def test_a_counterfactual_in_an_empty_folder(home: Path) -> None:
    """SPY is a broad fund: half of the account; BTC is a coin: a tenth of it at most."""
    done = run(home, "counterfactual", "old.csv", "--equity", "12000", "--name", "cf", "--orders")
    assert done.code == 0, done.err
    assert "4 orders, 4 of them with a price" in done.out
    assert "denied   buy   symbol cap [cap_symbol]" in done.out
    assert "10.0 % of equity allowed, this order would make 50." in done.out
    assert "history: 2 own round trips, 1 won, 1 lost, −$98.00 after $8.00 fees" in done.out
    assert (home / "runs" / "cf" / "report.html").exists()
    assert verify(home / "runs" / "cf" / "ledger.sqlite").is_sound
    assert "cap_symbol" in run(home, "explain", "d3", "--ledger", "runs/cf").out
    check = run(home, "report", "--check", "runs/cf/report.html", "--ledger", "runs/cf")
    assert check.code == 0
    assert not (home / "runs" / "latest").exists()  # a halt means the account that it meant before


def test_the_comparison_adds_up_to_the_cent_in_json(home: Path) -> None:
    done = run(home, "counterfactual", "old.csv", "--equity", "12000", "--json")
    assert done.code == 0, done.err
    told = done.json
    for course in (told["without"], told["with"]):
        made = sum(Decimal(each["profit"]) for each in course["gains"])
        assert made == Decimal(course["equity_last"]) - Decimal(course["equity_first"])
    parts = [Decimal(told[name]["equity_last"]) for name in ("with", "without")]
    assert Decimal(told["difference"]["equity"]) == parts[0] - parts[1]
    assert sum(count["orders"] for count in told["counts"]) == told["offered"] == 4
    assert [line["verdict"] for line in told["lines"]] == [
        "approved",
        "approved",
        "denied",
        "denied",
    ]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(("old.csv",), 2, "--equity does, holdings included", id="no-equity"),
        pytest.param(
            ("old.csv", "--equity", "1000", "--policy", "brave"),
            2, "'brave' is neither a preset (steady, classic, fixed, vol-target", id="no-policy",
        ),
        pytest.param(
            ("old.csv", "--equity", "1000", "--hold", "SPY=10"),
            2, "worth 5000.00, more than 1000", id="holds-more-than-it-has",
        ),
        pytest.param(
            ("old.csv", "--equity", "1000", "--hold", "QQQ=1"),
            2, "the history has no price of QQQ", id="no-price",
        ),
        pytest.param(("none.csv", "--equity", "1000"), 1, "none.csv: cannot be read", id="no-file"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_leaves_no_folder(
    home: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    done = run(home, "counterfactual", *words)
    assert done.code == code
    assert says in " ".join(done.err.replace("│", " ").split())
    assert not (home / "runs").exists()


def test_a_policy_of_ones_own_decides(home: Path) -> None:
    (home / "wide.toml").write_text(
        '[policy]\npreset = "classic"\n'
        "[limits]\nsymbol_cap = 0.9\n[tiers.learning]\ncrypto_cap = 0.9\n"
        "total_cap = 0.95\n[tiers.stable]\ncrypto_cap = 0.95\n"
        "total_cap = 0.95\n[tiers.profitable]\ncrypto_cap = 0.95\n"
        "total_cap = 0.95\n"
    )
    words = ("counterfactual", "old.csv", "--equity", "12000", "--json", "--policy", "wide.toml")
    done = run(home, *words)
    assert done.code == 0, done.err
    assert {line["verdict"] for line in done.json["lines"]} == {"approved"}
    assert Decimal(done.json["difference"]["equity"]) == 0
