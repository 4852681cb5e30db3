"""Every panel shows what the ledger and the gateway say, to the digit."""

import json
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Account, Opened, Watch, eventually

from smart_leverage.domain.sentences import money, percent, plain, price
from smart_leverage.ledger.reader import Reader
from smart_leverage.runtime.remembered import remember

D = Decimal
PAGES = ("/", "/orders", "/performance", "/limits", "/bots", "/system", "/help")


@pytest.fixture(scope="module", autouse=True)
def traded(account: Account) -> None:
    """Two bots have bought, one was refused, and one order rests."""
    assert account.buy("grid", "BTC/USD", qty="0.05").status == 200
    assert account.buy("trend", "ETH/USD", qty="1").status == 200
    assert account.buy("grid", "BTC/USD", qty="3").status == 403
    resting = account.buy("trend", "SOL/USD", type="limit", limit_price="50", qty="4")
    assert resting.status == 200
    with Reader.open(account.ledger) as reader:
        eventually(lambda: len(list(reader.fills())) >= 2)


def text(page: Page, selector: str) -> str:
    return " ".join(page.locator(selector).inner_text().split())


def status(account: Account) -> dict[str, Any]:
    found = json.loads(account.said("status", "--json"))
    assert isinstance(found, dict)
    return found


def test_the_ribbon_says_state_tier_and_equity(account: Account, opened: Opened) -> None:
    page = opened("/")
    told = status(account)
    ribbon = page.locator("#ribbon")
    expect(ribbon).to_contain_text("ACTIVE")
    expect(ribbon).to_contain_text("orders inside the caps pass")
    expect(ribbon).to_contain_text("1 LEARNING")
    expect(page.locator(".mode")).to_have_text("SIM")
    equity = eventually(lambda: _same(page, account))
    assert equity == status(account)["equity"] or told["equity"]


def _same(page: Page, account: Account) -> str | None:
    """Return the equity once page and ledger agree: the account is valued each second."""
    told = str(status(account)["equity"])
    return told if money(D(told)) in text(page, "#ribbon") else None


def test_exposure_is_that_of_status_with_what_rests_held_back(
    account: Account, opened: Opened
) -> None:
    page = opened("/")

    def agrees() -> bool:
        lines = {line["group"]: line for line in status(account)["exposure"]}
        crypto, shown = lines["crypto"], text(page, "#panel-exposure")
        assert D(crypto["reserved"]) == 200
        parts = (
            f"{percent(D(crypto['fraction']))} of {percent(D(crypto['cap']))}",
            f"{money(D(crypto['left']), 0)} left",
            f"{money(D(crypto['value']), 0)} held, $200 in open buys",
        )
        return all(part in shown for part in parts)

    assert eventually(agrees)


def test_distances_are_those_of_status_nearest_first(account: Account, opened: Opened) -> None:
    page = opened("/")

    def agrees() -> bool:
        shown, lines = text(page, "#panel-breakers"), status(account)["breakers"]
        limited = [line for line in lines if line["limit"]]
        ordered = sorted(limited, key=lambda line: -D(line["used"]))
        places = [shown.find(f"{percent(D(line['change']), 2)} of") for line in ordered]
        return -1 not in places and places == sorted(places)

    assert eventually(agrees)
    names = page.locator("#panel-breakers .gauge-name").all_inner_texts()
    assert {"Day", "Month", "Drawdown"} < set(names)
    (coin,) = (name for name in names if name.endswith("/USD today"))
    assert coin.removesuffix(" today") in ("BTC/USD", "ETH/USD")


def test_positions_are_those_of_the_gateway(account: Account, opened: Opened) -> None:
    page = opened("/")
    for bot, symbol in (("grid", "BTC/USD"), ("trend", "ETH/USD")):
        held = account.bot(bot)("GET", "/v2/positions").json
        assert len(held) == 1
        row = page.locator("#panel-positions tbody tr", has_text=symbol)
        expect(row).to_contain_text(plain(D(held[0]["qty"])))
        expect(row).to_contain_text(bot)
    now = remember(account.ledger)
    for key, stop in now.state.stop_prices.items():
        row = page.locator("#panel-positions tbody tr", has_text=key.partition(":")[2])
        expect(row).to_contain_text(price(stop))


def test_decisions_are_those_of_orders_and_their_drawer_is_that_of_explain(
    account: Account, opened: Opened
) -> None:
    page = opened("/orders")
    lines = [json.loads(line) for line in account.said("orders", "--json").splitlines()]
    rows = page.locator("table.decisions tbody tr")
    assert rows.count() == len(lines)
    for place, line in enumerate(lines):
        row = rows.nth(place)
        expect(row).to_contain_text(line["id"])
        expect(row).to_contain_text(line["verdict"])
        expect(row).to_contain_text(money(D(line["asked"]) * D(line["price"]), 0))
    denied = next(line for line in lines if line["verdict"] == "denied")
    page.get_by_role("link", name=denied["id"], exact=True).click()
    drawer = page.locator("#dialog")
    expect(drawer).to_be_visible()
    told = account.said("explain", denied["id"])
    shown = drawer.locator("pre").inner_text()
    assert [each.rstrip() for each in shown.strip().splitlines()] == [
        each.rstrip() for each in told.strip().splitlines()
    ]
    page.keyboard.press("Escape")
    expect(drawer).not_to_be_visible()


def test_filters_and_exports_agree_with_the_command(account: Account, opened: Opened) -> None:
    page = opened("/orders")
    page.get_by_label("Verdict").select_option("denied")
    page.get_by_role("button", name="Filter").click()
    rows = page.locator("table.decisions tbody tr")
    told = account.said("orders", "--verdict", "denied", "--json").splitlines()
    assert rows.count() == len(told) == 1
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    exported = download.value.path().read_text().splitlines()
    assert [json.loads(line) for line in exported] == [json.loads(line) for line in told]
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.path().read_text().count("\n") == 2


def test_the_equity_chart_has_the_points_of_the_ledger(account: Account, opened: Opened) -> None:
    page = opened("/performance")
    page.wait_for_selector("[data-chart=equity] canvas")
    answer = page.request.get(f"{account.url}/charts/equity?range=all").json()
    with Reader.open(account.ledger) as reader:
        marks = {round(row.at_ns / 1e9, 3): float(row.equity) for row in reader.marks()}
    assert 2 <= len(answer["times"]) <= 2_000
    for at, equity in zip(answer["times"], answer["series"][0]["values"], strict=True):
        assert marks[round(at, 3)] == pytest.approx(equity)
    page.get_by_role("link", name="Show table").first.click()
    expect(page.locator("#dialog table")).to_be_visible()


def test_bots_limits_and_system_say_what_the_commands_say(account: Account, opened: Opened) -> None:
    page = opened("/bots")
    for line in map(json.loads, account.said("bots", "list", "--json").splitlines()):
        expect(page.locator("main")).to_contain_text(line["key_id"])
    page.goto(account.url + "/limits")
    shown = json.loads(account.said("limits", "show", "--json"))
    caps = page.locator("main table").first
    for name in ("learning", "profitable"):
        row = caps.locator("tr", has_text=name.upper())
        expect(row).to_contain_text(percent(shown["numbers"]["tiers"][name]["crypto_cap"]))
    page.goto(account.url + "/system")
    expect(page.locator("#panel-health")).to_contain_text("● running")
    expect(page.locator("#panel-health")).to_contain_text(shown["policy_hash"])
    with Reader.open(account.ledger) as reader:
        eventually(lambda: f"{reader.head().seq:,}" in text(page, "#panel-health"))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_nobody_else_and_complains_of_nothing(
    account: Account, opened: Opened, watch: Watch, path: str
) -> None:
    page = opened(path)
    page.wait_for_timeout(700)
    assert watch.messages == []
    assert {url for url in watch.requests if not url.startswith(account.url + "/")} == set()


def test_no_page_is_shown_without_a_session(account: Account, opened: Opened) -> None:
    page = opened("/")
    page.context.clear_cookies()
    for path in (*PAGES, "/decisions/d1", "/charts/equity/table"):
        page.goto(account.url + path)
        assert "/sign-in" in page.url
    assert page.request.get(f"{account.url}/frame?page=now", max_redirects=0).status == 303
