"""What others write is shown as they wrote it, and never run."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Account, Opened, Watch, running
from tests.wire.raw import Raw

from smart_leverage.engine.events import Command
from smart_leverage.runtime.control import Request, ask
from smart_leverage.runtime.tokens import new_token

SCRIPT = "<script>window.owned=1</script>"
IMAGE = '"><img src=x onerror="window.owned=2">'
TEMPLATE = "{{ 7 * 191 }}<svg/onload=window.owned=3>"
PAGES = ("/", "/orders", "/performance", "/limits", "/bots", "/system", "/help")
HOSTILE = (SCRIPT, IMAGE, TEMPLATE)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running(tmp_path_factory.mktemp("account")) as found:
        yield found


def looked_at(account: Account, opened: Opened, watch: Watch) -> str:
    """Open every page and return all that they show; nothing may have run."""
    page, shown = opened("/"), ""
    for path in PAGES:
        page.goto(account.url + path)
        page.wait_for_timeout(300)
        assert page.evaluate("window.owned") is None
        assert page.locator("main img, main script, svg[onload], [onerror]").count() == 0
        shown += page.locator("body").inner_text()
    assert "1337" not in shown
    assert watch.messages == []
    return shown


def test_reasons_and_names_of_people_are_text(
    account: Account, opened: Opened, watch: Watch
) -> None:
    admin, folder = account.served.admin, account.served.folder
    for reason in HOSTILE:
        for command in (Command.HALT, Command.RESUME):
            answer = ask(folder, Request(command, reason[:60], reason, admin))
            assert answer.result == "done", answer
    limit = {"limits.symbol_cap": "0.09"}
    assert ask(folder, Request(Command.LIMITS, IMAGE, SCRIPT, admin, limit)).result == "done"
    shown = looked_at(account, opened, watch)
    for reason in HOSTILE:
        assert reason in shown


def test_names_of_bots_are_text_or_refused(account: Account, opened: Opened, watch: Watch) -> None:
    for name in HOSTILE:
        token = new_token()
        changes = {
            "bot": name,
            "token_id": token.token_id,
            "secret_sha256": token.secret_sha256,
            "scopes": "trade",
        }
        request = Request(Command.SEAT, name[:60], name, account.served.admin, changes)
        if ask(account.served.folder, request).result == "done":
            bot = Raw(account.served.url, (token.token_id, token.secret))
            order = {"symbol": "BTC/USD", "side": "buy", "type": "market", "time_in_force": "gtc"}
            assert bot("POST", "/v2/orders", {**order, "qty": "5"}).status == 403
    looked_at(account, opened, watch)


def test_symbols_and_signals_are_text_or_refused(
    account: Account, opened: Opened, watch: Watch
) -> None:
    bot = account.bot("grid")
    for text in HOSTILE:
        order = {"symbol": text, "side": "buy", "type": "market", "time_in_force": "gtc"}
        named = {**order, "symbol": "BTC/USD", "client_order_id": text[:48], "qty": "5"}
        assert bot("POST", "/v2/orders", {**order, "qty": "1"}).status == 422
        assert bot("POST", "/v2/orders", named).status in (403, 422)
        signal = {"id": text, "symbol": "BTC/USD", "side": "buy", "source": text, "at": text}
        assert bot("POST", "/sl/v1/signals", signal).status in (400, 422, 403, 404)
    looked_at(account, opened, watch)


def test_questions_in_an_address_are_text_or_refused(account: Account, opened: Opened) -> None:
    page = opened("/")
    for text in HOSTILE:
        page.goto(f"{account.url}/orders?symbol={text.replace('{', '%7B')}&bot={SCRIPT}")
        expect(page.locator("#filter-symbol")).to_have_value(text)
        assert page.evaluate("window.owned") is None
        reply = page.goto(f"{account.url}/orders?verdict={SCRIPT}")
        assert reply is not None
        assert reply.status == 422
        assert page.evaluate("window.owned") is None
        missing = page.goto(f"{account.url}/decisions/{SCRIPT.replace('/', '%2F')}")
        assert missing is not None
        assert missing.status == 404
        assert page.evaluate("window.owned") is None


def test_what_a_stream_brings_is_text_too(account: Account, opened: Opened) -> None:
    page = opened("/system")
    for path in ("/frame?page=system", "/frame?page=now"):
        told = page.request.get(account.url + path).json()
        assert told
        for each in told:
            assert not re.search(r"<script|<img|<svg/", each["text"]), each["name"]
