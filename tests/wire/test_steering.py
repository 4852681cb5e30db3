"""Every action of the desk, end to end against the account itself: what it does and refuses."""

import concurrent.futures
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.wire.browsing import Browser, hidden
from tests.wire.raw import Raw
from tests.wire.serving import Served, gateway
from tests.wire.steering import (
    OLD_NS,
    Person,
    head,
    is_done,
    records_since,
    state_of,
    text_of,
)
from tests.wire.test_desk_process import desk_url, eventually

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.records import (
    Decided,
    EnforcementChanged,
    LimitChanged,
    SeatChanged,
    StateChanged,
)
from smart_leverage.engine.events import Command
from smart_leverage.runtime.control import Request, ask
from smart_leverage.runtime.desk_process import LOG
from smart_leverage.runtime.people import store
from smart_leverage.server.desk.steering import keys

WHO = "anna (desk)"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    with gateway(tmp_path_factory.mktemp("account")) as served:
        yield served, desk_url(served)


@pytest.fixture
def served(running: tuple[Served, str]) -> Iterator[Served]:
    served = running[0]
    yield served
    if state_of(served.folder) != "active":
        eventually(lambda: resumed(served))


def resumed(served: Served) -> bool:
    """Resume; a plan that is still selling has to end first."""
    answer = ask(served.folder, Request(Command.RESUME, "a test", "it is over", served.admin))
    return answer.result == "done"


@pytest.fixture
def folder(served: Served) -> Path:
    return served.folder


@pytest.fixture
def url(running: tuple[Served, str]) -> str:
    return running[1]


@pytest.fixture
def anna(served: Served, url: str) -> Person:
    return Person(url, served.folder)


# -- halt, reduce, resume -------------------------------------------------------------------------


def test_a_halt_is_one_tap_and_stands_in_the_ledger(anna: Person, folder: Path) -> None:
    before = head(folder)
    answer = anna.act("halt", reason="exchange outage")
    assert is_done(answer), text_of(answer)
    assert "the account is HALTED" in text_of(answer)
    assert state_of(folder) == "halted"
    changes = [one for one in records_since(folder, before) if isinstance(one, StateChanged)]
    assert [(one.after, one.who, one.why) for one in changes] == [
        ("halted", WHO, "exchange outage")
    ]
    assert f"exchange outage, by {WHO}" in text_of(answer)


def test_a_halt_needs_no_page_that_is_fresh(anna: Person, folder: Path) -> None:
    assert is_done(anna.act("halt", anna.form("halt", ago_ns=OLD_NS)))
    assert state_of(folder) == "halted"


def test_a_halt_by_a_part_of_a_page_answers_with_a_part(anna: Person) -> None:
    answer = anna.post("/act/halt", anna.form("halt"), HX_Request="true")
    assert answer.status == 200
    assert b"<html" not in answer.body
    assert "● DONE" in text_of(answer)


def test_reduce_and_resume(anna: Person, folder: Path) -> None:
    assert is_done(anna.act("reduce"))
    assert state_of(folder) == "reducing"
    shown = text_of(anna.get("/act/resume"))
    assert "REDUCING" in shown
    assert "Distance to the limits" in shown
    answer = anna.act("resume", word="RESUME", reason="the weekend is over")
    assert is_done(answer), text_of(answer)
    assert state_of(folder) == "active"
    assert "the weekend is over" in text_of(answer)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        pytest.param({"word": "resume", "reason": "x"}, "type RESUME", id="wrong-word"),
        pytest.param({"word": "", "reason": "x"}, "type RESUME", id="no-word"),
        pytest.param({"word": "RESUME", "reason": " "}, "say why", id="no-reason"),
        pytest.param({"word": "RESUME", "reason": "x" * 201}, "201 characters", id="long-reason"),
        pytest.param(
            {"word": "RESUME", "reason": "x", "cause": "0" * 16}, "another cause", id="other-cause"
        ),
    ],
)
def test_a_resume_that_lacks_something_is_shown_again(
    anna: Person, folder: Path, typed: dict[str, str], why: str
) -> None:
    anna.act("halt")
    answer = anna.act("resume", **typed)
    assert answer.status == 422
    assert why in text_of(answer)
    assert state_of(folder) == "halted"


def test_a_resume_from_a_page_that_is_old_is_refused(anna: Person, folder: Path) -> None:
    anna.act("halt")
    old = anna.form("resume", ago_ns=OLD_NS)
    answer = anna.act("resume", old, word="RESUME", reason="x")
    assert answer.status == 409
    assert "20 minutes old" in text_of(answer)
    assert state_of(folder) == "halted"


def test_who_signed_in_long_ago_signs_in_again_to_resume(
    served: Served, url: str, folder: Path
) -> None:
    anna = Person(url, folder, ago_ns=20 * MINUTE_NS)
    anna.act("halt")
    assert "Sign in again" in text_of(anna.get("/act/resume"))
    key = {"csrf": anna.csrf, "key": keys.issue(anna.csrf, "resume")}
    answer = anna.act("resume", key, word="RESUME", reason="x")
    assert answer.status == 403
    assert "sign in again" in text_of(answer)
    # The account asks for it as well, whoever speaks to its socket with that cookie.
    said = ask(folder, Request(Command.RESUME, "anna", "x", anna.token))
    assert said.result == "refused"
    assert state_of(folder) == "halted"


def test_a_double_click_is_one_act(anna: Person, folder: Path) -> None:
    fields, before = anna.form("reduce"), head(folder)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: anna.act("reduce", dict(fields)), range(4)))
    assert all(map(is_done, answers))
    assert len({text_of(each) for each in answers}) == 1
    changes = [one for one in records_since(folder, before) if isinstance(one, StateChanged)]
    assert len(changes) == 1
    anna.act("resume", word="RESUME", reason="x")
    assert is_done(anna.act("reduce", dict(fields)))  # the same form, much later: the old answer
    assert state_of(folder) == "active"


# -- who may --------------------------------------------------------------------------------------

ACTIONS = {
    "halt": Scope.HALT,
    "reduce": Scope.HALT,
    "resume": Scope.ADMIN,
    "order": Scope.REDUCE,
    "rebalance": Scope.TRADE,
    "close": Scope.TRADE,
    "flatten": Scope.TRADE,
    "consent": Scope.TRADE,
    "tier": Scope.HALT,
    "limit": Scope.HALT,
    "enforce": Scope.ADMIN,
    "bot-add": Scope.ADMIN,
    "bot-revoke": Scope.HALT,
    "notify-test": Scope.HALT,
}
COVERS: dict[Scope, set[Scope]] = {
    Scope.SCRAPE: set(),
    Scope.READ: set(),
    Scope.REDUCE: {Scope.REDUCE},
    Scope.HALT: {Scope.HALT},
    Scope.TRADE: {Scope.REDUCE, Scope.HALT, Scope.TRADE},
    Scope.ADMIN: set(Scope),
}


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_action_has_its_scope(served: Served, url: str, name: str, scope: Scope) -> None:
    person, before = Person(url, served.folder, scope), head(served.folder)
    is_allowed = ACTIONS[name] in COVERS[scope]
    shown = person.get(f"/act/{name}")
    assert shown.status == (200 if is_allowed else 403)
    if not is_allowed:
        key = {"csrf": person.csrf, "key": keys.issue(person.csrf, name)}
        assert person.post(f"/act/{name}", key).status == 403
        assert not [
            one for one in records_since(served.folder, before) if isinstance(one, StateChanged)
        ]


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_no_action_without_the_proof_of_a_page(
    anna: Person, url: str, folder: Path, name: str
) -> None:
    ben, before = Person(url, folder, name="ben"), head(folder)
    fields = anna.form(name)
    assert anna.post(f"/act/{name}", fields | {"csrf": ""}).status == 403
    assert anna.post(f"/act/{name}", fields | {"csrf": ben.csrf}).status == 403
    assert anna.post(f"/act/{name}", fields | {"key": ""}).status == 403
    assert anna.post(f"/act/{name}", fields | {"key": ben.form(name)["key"]}).status == 403
    other = "reduce" if name != "reduce" else "halt"
    assert anna.post(f"/act/{name}", fields | {"key": anna.form(other)["key"]}).status == 403
    foreign = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
    assert anna.post(f"/act/{name}", fields, **foreign).status == 403
    assert Browser(url).post(f"/act/{name}", fields).status == 401
    assert anna.get(f"/act/{name}?word=RESUME&reason=x").status == 200  # looking does nothing
    acts = (StateChanged, LimitChanged, SeatChanged, EnforcementChanged, Decided)
    assert not [one for one in records_since(folder, before) if isinstance(one, acts)]


# -- limits, tier, ladder -------------------------------------------------------------------------


def test_a_limit_is_tightened_with_one_tap_and_loosened_with_more(
    anna: Person, folder: Path
) -> None:
    name, before = "limits.symbol_cap_broad", head(folder)
    tighter = anna.act("limit", limit=name, value="40 %")
    assert is_done(tighter), text_of(tighter)
    assert "50 % → 40 %, in force now" in text_of(tighter)
    looser = {"limit": name, "value": "0.45"}
    answer = anna.act("limit", **looser)
    assert (answer.status, "type the end" in text_of(answer)) == (422, True)
    suffix = text_of(anna.get("/act/limit")).partition("(…")[2][:4]
    answer = anna.act("limit", **looser, suffix=suffix)
    assert (answer.status, "say why" in text_of(answer)) == (422, True)
    answer = anna.act("limit", **looser, suffix=suffix, reason="it was too tight")
    assert is_done(answer), text_of(answer)
    assert "40 % → 45 %, from " in text_of(answer)
    changed = [one for one in records_since(folder, before) if isinstance(one, LimitChanged)]
    assert [(one.who, one.is_looser) for one in changed] == [(WHO, False), (WHO, True)]
    day_ns = 24 * 60 * MINUTE_NS
    assert [one.effective_ns - one.at_ns for one in changed] == [0, day_ns]


@pytest.mark.parametrize(
    ("limit", "value", "why"),
    [
        ("limits.nothing", "1 %", "limits.nothing is no limit"),
        ("", "1 %", "nothing is no limit"),
        ("limits.gross_cap", "much", "much is no value"),
        ("limits.gross_cap", "", "nothing is no value"),
        ("limits.gross_cap", "nan", "nan is no value"),
        ("limits.gross_cap", "x %", "is no value"),
    ],
)
def test_what_is_no_limit_is_said(anna: Person, limit: str, value: str, why: str) -> None:
    answer = anna.act("limit", limit=limit, value=value)
    assert answer.status == 422
    assert why in text_of(answer)


def test_what_the_settings_contradict_is_refused_in_their_words(anna: Person, folder: Path) -> None:
    answer = anna.act("limit", limit="limits.loss_limit_monthly", value="0.1 %")
    assert answer.status == 409
    assert "loss_limit" in text_of(answer)
    assert "■ REFUSED" in text_of(answer)


def test_a_difference_is_shown_before_and_nothing_is_done(anna: Person, folder: Path) -> None:
    before = head(folder)
    fields = anna.form("limit")
    answer = anna.post(
        "/act/limit", fields | {"limit": "limits.gross_cap", "value": "90 %", "step": "preview"}
    )
    assert "100 % → 90 %" in text_of(answer)
    assert "in force at once" in text_of(answer)
    assert not [one for one in records_since(folder, before) if isinstance(one, LimitChanged)]


def test_who_is_no_admin_tightens_and_does_not_loosen(served: Served, url: str) -> None:
    carl = Person(url, served.folder, Scope.HALT, name="carl")
    assert is_done(carl.act("limit", limit="limits.gross_cap", value="95 %"))
    suffix = text_of(carl.get("/act/limit")).partition("(…")[2][:4]
    answer = carl.act("limit", limit="limits.gross_cap", value="99 %", suffix=suffix, reason="x")
    assert answer.status == 403
    assert "needs the scope admin" in text_of(answer)


def test_a_tier_rise_is_refused_at_once_and_approved_after_the_delay(
    anna: Person, folder: Path
) -> None:
    answer = anna.act("tier", answer="refuse", reason="not yet")
    assert is_done(answer), text_of(answer)
    assert "tiers.ceiling profitable → learning, in force now" in text_of(answer)
    assert "Approve up to STABLE" in text_of(anna.get("/act/tier"))
    assert anna.act("tier", reason="x").status == 422
    answer = anna.act("tier", answer="approve", reason="a good quarter")
    assert is_done(answer), text_of(answer)
    assert "learning → stable, from " in text_of(answer)


def test_the_ladder_goes_down_after_the_delay(anna: Person, folder: Path) -> None:
    assert anna.act("enforce", step="much", reason="x").status == 422
    answer = anna.act("enforce", step="entries", reason="to look again")
    assert is_done(answer), text_of(answer)
    assert "all → entries, from " in text_of(answer)
    answer = anna.act("enforce", step="all", reason="on second thoughts")
    assert "nothing is pending" in text_of(answer)


# -- bots -----------------------------------------------------------------------------------------


def test_a_key_is_shown_once_works_and_is_taken_back(
    anna: Person, served: Served, folder: Path
) -> None:
    fields = anna.form("bot-add") | {"bot": "grid", "scope": "read", "reason": "a trial"}
    answer = anna.post("/act/bot-add", fields)
    assert is_done(answer), text_of(answer)
    words = text_of(answer).split()
    key_id = words[words.index("id") + 1]
    secret = words[words.index("secret") + 1]
    raw = Raw(served.url, (key_id, secret))
    assert raw("GET", "/v2/account").status == 200
    again = anna.post("/act/bot-add", fields)
    shown = anna.follow(again)
    assert secret not in text_of(shown)
    for kept in (folder / store.FILE, folder / LOG):
        assert secret.encode() not in kept.read_bytes()
    assert is_done(anna.act("bot-revoke", which=key_id))
    assert raw("GET", "/v2/account").status == 401
    answer = anna.act("bot-revoke", which="nobody")
    assert (answer.status, "no token and no bot nobody" in text_of(answer)) == (409, True)


@pytest.mark.parametrize(
    ("typed", "status", "why"),
    [
        ({"bot": ""}, 422, "needs a name"),
        ({"scope": "all"}, 422, "all is no scope"),
        ({"share": "1.5"}, 422, "above 0 and at most 1"),
        ({"share": "nan"}, 422, "above 0 and at most 1"),
        ({"share": "half"}, 422, "no fraction"),
        ({"symbols": "NOSUCH"}, 422, "NOSUCH is not known"),
        ({"expires_days": "-1"}, 422, "whole number"),
        ({"reason": ""}, 422, "say why"),
        ({"bot": "house"}, 409, "house cannot be the name of a bot"),
        ({"bot": "<b>x</b>"}, 409, "<b>x</b> cannot be the name of a bot"),
    ],
)
def test_what_is_no_key_is_said(anna: Person, typed: dict[str, str], status: int, why: str) -> None:
    usual = {"bot": "grid2", "scope": "trade", "reason": "x"}
    answer = anna.act("bot-add", **(usual | typed))
    assert answer.status == status
    assert why in text_of(answer)
    assert b"<b>x" not in answer.body


# -- orders ---------------------------------------------------------------------------------------


def preview(person: Person, **terms: str) -> dict[str, str]:
    """Ask for a preview; return the fields of the page that it is on."""
    asked = person.form("order") | terms | {"step": "preview"}
    shown = person.post("/act/order", asked)
    assert shown.status == 200
    return hidden(shown) | terms | {"": text_of(shown)}


def test_an_order_by_hand_takes_the_way_of_every_order(
    anna: Person, served: Served, folder: Path
) -> None:
    before = head(folder)
    fields = preview(anna, side="buy", symbol="BTC/USD", qty="0.01")
    assert "Preview: approved" in fields.pop("")
    assert not [one for one in records_since(folder, before) if isinstance(one, Decided)]
    answer = anna.act("order", fields)
    assert is_done(answer), text_of(answer)
    decided = [one for one in records_since(folder, before) if isinstance(one, Decided)]
    assert [(one.bot, one.verdict) for one in decided] == [("person.anna", "approved")]
    assert f"{decided[0].decision_id} person.anna buy BTC/USD approved" in text_of(answer)
    anna.act("order", dict(fields))
    own = [
        one
        for one in records_since(folder, before)
        if isinstance(one, Decided) and one.bot == "person.anna"
    ]
    assert len(own) == 1
    # The bot of the account neither sees nor sells what a person has.
    bot = Raw(served.url, served.keys["bot"])
    assert bot("GET", "/v2/orders?status=all").json == []


def test_an_order_over_the_cap_is_denied_in_the_accounts_own_words(anna: Person) -> None:
    fields = preview(anna, side="buy", symbol="BTC/USD", qty="100")
    shown = fields.pop("")
    assert "Preview: denied" in shown
    assert "symbol cap" in shown
    answer = anna.act("order", fields)
    assert answer.status == 409
    assert "symbol cap" in text_of(answer)
    assert "the largest quantity allowed now is" in text_of(answer)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"qty": "0.02"}, "preview of exactly this order"),
        ({"seen": "0" * 64}, "preview of exactly this order"),
        ({"symbol": "", "qty": "0.01"}, "needs a symbol"),
        ({"notional": "5"}, "only one of them"),
        ({"type": "limit"}, "needs its price"),
    ],
)
def test_only_what_was_seen_is_sent(
    anna: Person, folder: Path, typed: dict[str, str], why: str
) -> None:
    before = head(folder)
    fields = preview(anna, side="buy", symbol="ETH/USD", qty="0.01")
    fields.pop("")
    answer = anna.act("order", fields | typed)
    assert answer.status == 422
    assert why in text_of(answer)
    assert not [one for one in records_since(folder, before) if isinstance(one, Decided)]


def test_who_may_only_reduce_buys_nothing(served: Served, url: str) -> None:
    dora = Person(url, served.folder, Scope.REDUCE, name="dora")
    fields = preview(dora, side="buy", symbol="ETH/USD", qty="0.01")
    fields.pop("")
    answer = dora.act("order", fields)
    assert answer.status == 409
    assert "lacks the scope trade" in text_of(answer)


def test_a_cookie_that_is_over_orders_nothing_at_the_gateway(served: Served, url: str) -> None:
    eve = Person(url, served.folder, Scope.TRADE, name="eve")
    key_id, _, secret = eve.token.partition(".")
    raw = Raw(served.url, (key_id, secret))
    assert raw("GET", "/v2/account").status == 200
    assert eve.post("/sign-out", {"csrf": eve.csrf}).status == 303
    assert raw("GET", "/v2/account").status == 401
    assert Raw(served.url, (key_id, "wrong"))("GET", "/v2/account").status == 401


def test_what_would_be_sold_is_for_people(served: Served) -> None:
    bot = Raw(served.url, served.keys["bot"])
    answer = bot("GET", "/sl/v1/plan")
    assert answer.status == 403
    assert "a bot sees what is its own" in answer.json["message"]


# -- selling --------------------------------------------------------------------------------------


def test_flatten_shows_what_it_sells_wants_its_word_and_halts(
    anna: Person, served: Served, folder: Path
) -> None:
    bot = Raw(served.url, served.keys["bot"])
    assert bot.order(symbol="ETH/USD", qty="0.5").status == 200
    eventually(lambda: bot("GET", "/v2/positions").json)
    shown = text_of(anna.get("/act/flatten"))
    assert "ETH/USD" in shown
    assert "cost, about" in shown
    answer = anna.act("flatten", word="flatten")
    assert (answer.status, "type FLATTEN" in text_of(answer)) == (422, True)
    assert state_of(folder) == "active"
    before = head(folder)
    answer = anna.act("flatten", word="FLATTEN", reason="closing the account")
    assert is_done(answer), text_of(answer)
    assert state_of(folder) == "halted"
    assert "everything started" in text_of(answer)
    eventually(lambda: not bot("GET", "/v2/positions").json)
    changed = [one for one in records_since(folder, before) if isinstance(one, StateChanged)]
    assert changed[0].who == WHO


def test_rebalance_with_nothing_over_a_cap_says_so(anna: Person) -> None:
    assert "Nothing would be sold now" in text_of(anna.get("/act/rebalance"))
    answer = anna.act("rebalance")
    assert "nothing is above its cap" in text_of(answer)


def test_a_consent_needs_a_reason(anna: Person) -> None:
    assert anna.act("consent", reason="").status == 422
    assert anna.act("consent", reason="agreed").status == 200


def test_a_test_without_channels_says_that_nobody_would_hear(anna: Person) -> None:
    answer = anna.act("notify-test")
    assert (answer.status, "no channel is configured" in text_of(answer)) == (409, True)


# -- what is nobody's business --------------------------------------------------------------------


def test_no_secret_stands_in_a_log_or_on_file(anna: Person, folder: Path) -> None:
    anna.act("halt", reason="to be seen")
    secret = anna.token.partition(".")[2]
    texts = [(folder / LOG).read_bytes(), (folder.parents[1] / "run.log").read_bytes()]
    for name in (store.FILE, f"{store.FILE}-journal", "ledger.sqlite", "ledger.sqlite-wal"):
        if (folder / name).exists():
            texts.append((folder / name).read_bytes())
    assert all(secret.encode() not in text for text in texts)
    assert all(anna.csrf.encode() not in text for text in texts)
    with sqlite3.connect(folder / store.FILE) as people:
        assert people.execute("SELECT count(*) FROM acts").fetchone()[0] > 0


def test_what_came_of_an_act_is_told_to_its_own_session(
    anna: Person, url: str, folder: Path
) -> None:
    answer = anna.post("/act/reduce", anna.form("reduce"))
    place = answer.headers["location"]
    assert is_done(anna.get(place))
    assert Person(url, folder, name="ben").get(place).status == 404


# -- in need --------------------------------------------------------------------------------------


def test_a_tripped_day_is_neither_resumed_nor_loosened(tmp_path: Path) -> None:
    settings = "[limits]\nloss_limit_daily = 0.0001\n"
    with gateway(tmp_path, settings=settings) as served:
        url = desk_url(served)
        bot = Raw(served.url, served.keys["bot"])
        eventually(lambda: bot.order(qty=None, notional="9000").status == 200)
        eventually(lambda: bot("GET", "/sl/v1/status").json["state"] == "reducing")
        anna = Person(url, served.folder)
        eventually(lambda: "Tripped: day" in text_of(anna.get("/act/resume")))
        answer = anna.act("resume", word="RESUME", reason="it is fine")
        assert answer.status == 409
        assert "the loss limit of the day stays tripped until midnight" in text_of(answer)
        suffix = text_of(anna.get("/act/limit")).partition("(…")[2][:4]
        name = "limits.symbol_cap"
        answer = anna.act("limit", limit=name, value="20 %", suffix=suffix, reason="x")
        assert answer.status == 409
        assert "the loss limit of the day is tripped" in text_of(answer)
        answer = anna.act("enforce", step="observe", reason="x")
        assert (answer.status, "is tripped" in text_of(answer)) == (409, True)
        assert is_done(anna.act("limit", limit=name, value="5 %"))  # tighter is never refused
        assert is_done(anna.act("halt"))


def test_a_rebalance_shows_its_orders_and_wants_a_word_where_it_is_large(tmp_path: Path) -> None:
    # On this step the house sells nothing by itself, so all of it is left to a person.
    settings = '[account]\nenforcement = "entries"\n'
    with gateway(tmp_path, settings=settings) as served:
        anna = Person(desk_url(served), served.folder)
        bot = Raw(served.url, served.keys["bot"])
        for symbol in ("BTC/USD", "ETH/USD"):
            eventually(
                lambda symbol=symbol: (
                    bot.order(symbol=symbol, qty=None, notional="9500").status  # type: ignore[misc]
                    == 200
                )
            )
        eventually(lambda: len(bot("GET", "/v2/positions").json) == 2)
        assert is_done(anna.act("limit", limit="limits.symbol_cap", value="1 %", reason="thin"))
        shown = text_of(anna.get("/act/rebalance"))
        assert "2 orders at the market" in shown
        assert "Type REBALANCE" in shown
        answer = anna.act("rebalance")
        assert (answer.status, "type REBALANCE" in text_of(answer)) == (422, True)
        assert sum(_values(bot)) > 15_000.0
        answer = anna.act("rebalance", word="REBALANCE", reason="before the news")
        assert is_done(answer), text_of(answer)
        eventually(lambda: sum(_values(bot)) < 2_100.0)


def test_one_instrument_is_sold_out_and_the_rest_stays(tmp_path: Path) -> None:
    with gateway(tmp_path) as served:
        anna = Person(desk_url(served), served.folder)
        bot = Raw(served.url, served.keys["bot"])
        for symbol in ("BTC/USD", "ETH/USD"):
            eventually(
                lambda symbol=symbol: (
                    bot.order(symbol=symbol, qty=None, notional="2000").status  # type: ignore[misc]
                    == 200
                )
            )
        eventually(lambda: len(bot("GET", "/v2/positions").json) == 2)
        shown = text_of(anna.get("/act/close?part=ETH/USD"))
        assert "the rest of the account trades on" in shown
        assert "all that counts as crypto" in shown
        answer = anna.act("close")
        assert (answer.status, "choose what is sold out" in text_of(answer)) == (422, True)
        answer = anna.act("close", part="TULIP", reason="a mania")
        assert "'TULIP' is no group and no instrument here" in text_of(answer)
        answer = anna.act("close", part="ETH/USD", reason="bad news")
        assert is_done(answer), text_of(answer)
        eventually(lambda: len(bot("GET", "/v2/positions").json) == 1)
        (left,) = bot("GET", "/v2/positions").json
        assert left["symbol"] == "BTCUSD"
        eventually(lambda: bot.order(symbol="ETH/USD", qty=None, notional="500").status == 200)


def _values(bot: Raw) -> list[float]:
    return [float(one["market_value"]) for one in bot("GET", "/v2/positions").json]


# -- nobody answers -------------------------------------------------------------------------------


def test_while_the_account_hangs_a_halt_is_in_force_all_the_same(tmp_path: Path) -> None:
    with gateway(tmp_path) as served:
        url = desk_url(served)
        anna = Person(url, served.folder)
        forms = {name: anna.form(name) for name in ("halt", "reduce")}
        os.kill(served.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            answer = anna.act("halt", forms["halt"], reason="it hangs")
            assert time.monotonic() - began < 10.0
            assert is_done(answer), text_of(answer)
            assert "the halt file is written" in text_of(answer)
            assert (served.folder / "HALT").read_text().splitlines() == [WHO, "it hangs"]
            answer = anna.act("reduce", forms["reduce"])
            assert answer.status in (200, 202)
            assert "▲ NOT KNOWN YET" in text_of(answer)
        finally:
            os.kill(served.process.pid, signal.SIGCONT)
        eventually(lambda: state_of(served.folder) == "halted")
