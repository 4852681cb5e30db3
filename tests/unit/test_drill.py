"""The drill's catalogue and its judge: what it refuses, what it finds, and what it says of it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig
from smart_leverage.cli.entry import enter
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BrokerDown, ConfigError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, Order, Role, Side, TimeInForce
from smart_leverage.domain.registry import Registry
from smart_leverage.drill.accounts import Accounts
from smart_leverage.drill.attempt import BTC, Refusal
from smart_leverage.drill.attempts import CATALOGUE, CONTROL
from smart_leverage.drill.client import Client
from smart_leverage.drill.market import WANTED, StagedMarket
from smart_leverage.drill.running import Result, Score, Verdict, configured
from smart_leverage.drill.scene import PRICES, Scene, begin_of, keep, kept, scene_of
from smart_leverage.drill.stage import Stage, bare_environment
from smart_leverage.drill.telling import Told, fields, ladder_lines, passes, why
from smart_leverage.drill.telling import keep as keep_found
from smart_leverage.drill.venue import FILE, Caps, Seen, see
from smart_leverage.settings import Settings, load

D = Decimal
AAPL = "us_equity:AAPL"
TQQQ = "us_equity:TQQQ"
BEGIN = begin_of(date(2026, 11, 28))
CAPS = Caps.of(Settings())


# -- where it goes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "::",
        "192.168.1.4",
        "10.0.0.1",
        "169.254.169.254",
        "8.8.8.8",
        "api.alpaca.markets",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "2130706433",
        "127.1",
        "",
    ],
)
def test_any_address_but_loopback_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="stays on this machine"):
        configured(Settings(), host=host or "0.0.0.0")
    with pytest.raises(ConfigError, match="stays on this machine"):
        Client(f"http://{host}:1" if host else "http://", None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST"])
def test_loopback_is_taken(host: str) -> None:
    assert configured(Settings(), host=host).server.host == host
    Client(f"http://[{host}]:1" if ":" in host else f"http://{host}:1", None).close()


def test_a_configuration_that_listens_for_others_is_refused_until_told_otherwise() -> None:
    open_to_all = load(None, {"SMART_LEVERAGE_SERVER__HOST": "0.0.0.0"}).settings
    with pytest.raises(ConfigError, match=r"server\.host '0\.0\.0\.0'"):
        configured(open_to_all)
    assert configured(open_to_all, host="127.0.0.1").server.host == "127.0.0.1"


def test_the_rules_are_the_users_and_everything_real_is_left_out() -> None:
    own = load(
        None,
        {
            "SMART_LEVERAGE_ACCOUNT__MODE": "live",
            "SMART_LEVERAGE_ACCOUNT__NAME": "savings",
            "SMART_LEVERAGE_BROKER__KEYS_FILE": "/vault/keys",
            "SMART_LEVERAGE_LEDGER__URL": "postgresql://me@db.example/ledger",
            "SMART_LEVERAGE_SERVER__CERTIFICATE": "/vault/cert",
            "SMART_LEVERAGE_SERVER__KEY": "/vault/key",
            "SMART_LEVERAGE_LIMITS__SYMBOL_CAP": "0.07",
            "SMART_LEVERAGE_POLICY__PRESET": "classic",
        },
    ).settings
    drilled = configured(own)
    text = drilled.model_dump_json()
    assert drilled.account.mode == "sim"
    for real in ("vault", "savings", "db.example"):
        assert real not in text
    assert drilled.account.enforcement == "observe"  # with which real money begins
    assert configured(own, step="all").account.enforcement == "all"
    for section in ("policy", "tiers", "sizing", "limits", "stops", "breakers", "edge", "ramp"):
        assert getattr(drilled, section) == getattr(own, section)
    assert drilled.limits.symbol_cap == 0.07


def test_no_process_of_a_drill_is_handed_keys_or_settings_of_the_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("APCA_API_SECRET_KEY", "SMART_LEVERAGE_ACCOUNT__MODE", "OTHER"):
        monkeypatch.setenv(name, "real")
    assert [name for name, text in bare_environment().items() if text == "real"] == ["OTHER"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param(["--host", "10.0.0.1"], 3, "stays on this machine", id="host"),
        pytest.param(["--only", "two-bots-rac"], 2, "did you mean two-bots-race?", id="near"),
        pytest.param(["--only", "xyz"], 2, "--list names them", id="unknown"),
        pytest.param(["--out", "."], 2, "--out", id="a-folder-that-is-there"),
        pytest.param(["--out", "x" * 90], 2, "at most 78 characters", id="a-long-path"),
        pytest.param(["--as", "none"], 2, "--as", id="no-step"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_starts(
    words: list[str],
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert enter(["drill", *words]) == code
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_catalogue_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert enter(["drill", "--list", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == [one.name for one in CATALOGUE]


# -- the catalogue ---------------------------------------------------------------------------------


def test_every_attempt_has_a_name_of_its_own_and_one_sentence() -> None:
    names = [one.name for one in (CONTROL, *CATALOGUE)]
    assert len(set(names)) == len(names)
    for one in CATALOGUE:
        assert one.name == one.name.lower().replace("_", "-")
        assert 20 < len(one.what) < 100
        assert sum(one.holds.values()) < 1


# -- the accounts ----------------------------------------------------------------------------------


class Stages:
    """Makes stages on which nothing runs, and notes what begins and ends."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.begun, self.ended = folder, list[str](), list[str]()
        self.fails = False

    def prepare(self, holds: Mapping[str, float]) -> AbstractContextManager[Stage]:
        return self._stage(",".join(holds) or "plain")

    @contextmanager
    def _stage(self, name: str) -> Iterator[Stage]:
        if self.fails:
            raise BrokerDown("it did not start")
        self.begun.append(name)
        yield Stage(self.folder, Settings(), scene_of(D(100_000), {}, PRICES, BEGIN))
        self.ended.append(name)


def test_an_account_is_played_on_until_it_is_let_go_and_the_next_one_starts_meanwhile(
    tmp_path: Path,
) -> None:
    made = Stages(tmp_path)
    with closing(Accounts(made.prepare)) as accounts:
        assert accounts.same() is None
        first = accounts.another({})
        accounts.expect({BTC: 0.5})
        accounts.expect({})  # one is enough
        assert accounts.same() is first
        second = accounts.another({BTC: 0.5})
        assert accounts.same() is second is not first
        assert made.begun == ["plain", BTC]
        accounts.let_go()
        assert accounts.same() is None
    assert made.ended == ["plain", BTC]


def test_an_account_that_was_expected_in_vain_ends_too(tmp_path: Path) -> None:
    made = Stages(tmp_path)
    with closing(Accounts(made.prepare)) as accounts:
        accounts.expect({})
        accounts.another({BTC: 0.5})
    assert sorted(made.ended) == sorted(made.begun) == sorted(["plain", BTC])


def test_an_account_that_does_not_start_is_told_and_the_next_one_may(tmp_path: Path) -> None:
    made = Stages(tmp_path)
    made.fails = True
    with closing(Accounts(made.prepare)) as accounts:
        with pytest.raises(BrokerDown, match="did not start"):
            accounts.another({})
        made.fails = False
        accounts.another({})
    assert made.ended == ["plain"]


# -- the judge -------------------------------------------------------------------------------------


def traded(
    folder: Path,
    *orders: tuple[Side, str, str],
    prices: dict[str, float] | None = None,
    scene: Scene | None = None,
) -> Seen:
    """Trade on a venue without any engine; then prices may change, and one share more is bought."""
    own = scene or scene_of(D(100_000), {}, PRICES, BEGIN)
    keep(folder, own)
    market = StagedMarket(folder, own.prices, BEGIN)
    config = SimConfig(
        mode=Mode.LIVE,
        cash=own.cash,
        positions=own.holdings,
        is_short_allowed=True,
        partial_probability=0.0,
        opened_at_ns=BEGIN,
    )
    with SimBroker(Registry.builtin(), config=config, path=folder / FILE) as venue:

        def look(at_ns: int) -> None:
            venue.on_quotes(at_ns, [(one.key, one.bid, one.ask) for one in market.at(at_ns)])

        for number, (side, key, qty) in enumerate(orders, 1):
            look(BEGIN + number * SECOND_NS)
            venue.submit(Approved(order(number, side, key, qty), ""))
        look(BEGIN + 100 * SECOND_NS)
        if prices:
            (folder / WANTED).write_text(json.dumps([2, prices]))
            look(BEGIN + 200 * SECOND_NS)
            venue.submit(Approved(order(99, Side.BUY, AAPL, "1"), ""))
            look(BEGIN + 201 * SECOND_NS)
    return see(folder, CAPS)


def order(number: int, side: Side, key: str, qty: str) -> Order:
    return Order(
        client_order_id=f"hand-{number}",
        bot="hand",
        role=Role.BOT,
        key=Key(key),
        side=side,
        qty=D(qty),
        time_in_force=TimeInForce.GTC if key.startswith("crypto") else TimeInForce.DAY,
    )


def test_what_is_inside_is_found_to_be_inside(tmp_path: Path) -> None:
    seen = traded(tmp_path, (Side.BUY, AAPL, "45"), (Side.SELL, AAPL, "45"), (Side.BUY, BTC, "0.1"))
    assert seen.wrongs == []
    assert seen.held == {BTC: D("0.1") * D("0.9975")}
    assert seen.highest[AAPL] == D(45 * 200) / D(100_000)
    assert [(one.state, one.filled) for one in seen.of_bots] == [
        ("filled", D(45)), ("filled", D(45)), ("filled", D("0.1")),
    ]  # fmt: skip


def test_a_purchase_above_a_cap_is_found(tmp_path: Path) -> None:
    (wrong,) = traded(tmp_path, (Side.BUY, AAPL, "45"), (Side.BUY, AAPL, "10")).wrongs
    assert wrong == "hand came to 11.00 % of equity in AAPL, the cap is 10.00 %"


def test_a_fund_counts_as_often_as_it_moves(tmp_path: Path) -> None:
    # Three funds' worth of 9 % each is 27 % of equity, and 81 % of the market it follows.
    shares = [(Side.BUY, TQQQ, "180"), (Side.BUY, "us_equity:UPRO", "110")]
    seen = traded(tmp_path, *shares)
    assert [one for one in seen.over if "leveraged" in one]
    assert seen.highest["leveraged"] > D("0.5")


def test_a_short_sale_is_found(tmp_path: Path) -> None:
    sales = [(Side.BUY, AAPL, "5"), (Side.SELL, AAPL, "5"), (Side.SELL, AAPL, "3")]
    (wrong,) = traded(tmp_path, *sales).wrongs
    assert "held short by 3" in wrong


def test_a_purchase_after_the_daily_loss_is_found(tmp_path: Path) -> None:
    own = scene_of(D(100_000), {"us_equity:SPY": 0.45}, PRICES, BEGIN)
    (tmp_path / "calm").mkdir()
    calm = traded(tmp_path / "calm", prices={"us_equity:SPY": 490.0}, scene=own)
    assert (calm.wrongs, calm.lost) == ([], D("0.009"))
    (tmp_path / "fall").mkdir()
    (wrong,) = traded(tmp_path / "fall", prices={"us_equity:SPY": 450.0}, scene=own).wrongs
    assert wrong == "hand bought AAPL after 4.50 % were lost, the daily limit is 3.00 %"


def test_a_scene_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    scene = scene_of(D(96_014), {BTC: 0.3, AAPL: 0.2}, PRICES, BEGIN)
    keep(tmp_path, scene)
    assert kept(tmp_path) == scene
    worth = sum(one.qty * one.price for one in scene.holdings)
    assert scene.cash + worth == D(96_014)
    assert {str(one.key): one.qty for one in scene.holdings} == {BTC: D("0.48"), AAPL: D(96)}


# -- what is said of it ----------------------------------------------------------------------------


def result(verdict: Verdict, **more: Any) -> Result:
    return Result(CATALOGUE[0], verdict)._replace(account="account-01", **more)


def found(*results: Result, step: str = "all", control: Verdict = Verdict.HARMLESS) -> Told:
    return Told(Path("/tmp/x"), step, 7, None, Result(CONTROL, control), results)


def test_the_score_counts_what_held_and_one_hole_is_enough() -> None:
    good = [result(Verdict.STOPPED), result(Verdict.HARMLESS)]
    assert Score.of(good) == (2, 1, 1, 0, 0)
    assert found(*good).is_clean
    assert not found(*good, result(Verdict.NOT_STOPPED)).is_clean
    assert not found(*good, result(Verdict.NOT_TRIED)).is_clean


def test_where_ordinary_orders_do_not_pass_nothing_is_proved() -> None:
    refused = found(result(Verdict.STOPPED), control=Verdict.NOT_STOPPED)
    assert not passes(refused.control)
    assert not refused.is_clean


def test_a_limit_is_told_with_its_bound_its_value_and_the_way_to_its_decision() -> None:
    shown = Refusal(
        limit="cap_symbol",
        request="POST /v2/orders",
        told="no",
        bound="0.1",
        would_be="0.604",
        unit="fraction",
        decision_id="d7",
    )
    one = result(Verdict.STOPPED, shown=shown, limits=(("cap_symbol", 3), ("invalid", 2)))
    assert why(one) == (
        "symbol cap: 10.0 % of equity allowed, this order would make 60.4 % (×3; also invalid ×2)"
    )
    (told,) = fields(found(one))["attempts"]
    assert told["explain"] == "smart-leverage explain d7 --ledger /tmp/x/account-01"
    assert told["replay"] == "smart-leverage drill --only a-reading-token --seed 7 --as all"
    assert (told["limit"], told["bound"], told["would_be"]) == ("cap_symbol", "0.1", "0.604")


def test_a_lower_step_is_said_aloud() -> None:
    assert ladder_lines(found(result(Verdict.STOPPED))) == []
    lines = ladder_lines(found(result(Verdict.NOT_STOPPED, foreseen=4), step="observe"))
    assert "enforcement stands at observe" in lines[0]
    assert lines[1].startswith("1 attempt met a limit")
    assert "--as all" in lines[1]


def test_the_page_begins_with_what_got_through_and_text_stays_text(tmp_path: Path) -> None:
    hole = result(Verdict.NOT_STOPPED, wrongs=("<b>bought</b> after the halt",))
    keep_found(found(result(Verdict.STOPPED), hole)._replace(home=tmp_path))
    page = (tmp_path / "drill.html").read_text()
    assert "Not everything was stopped" in page
    assert "&lt;b&gt;bought&lt;/b&gt; after the halt" in page
    assert page.index(">not stopped<") < page.index(">stopped<")
    kept_ = json.loads((tmp_path / "drill.json").read_text())
    assert kept_["clean"] is False
    assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == {0o600}
