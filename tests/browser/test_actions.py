"""Every action as a person has it: by mouse, by keyboard, on a phone, and without a script."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import Account, Opened, eventually
from tests.browser.test_access import violations

from smart_leverage.engine.events import Command
from smart_leverage.ledger.reader import Reader
from smart_leverage.runtime.control import Request, ask

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
FORMS = (
    *("halt", "reduce", "resume", "order", "rebalance", "close", "flatten", "consent"),
    *("tier", "limit", "enforce", "bot-add", "bot-revoke", "notify-test"),
)


@pytest.fixture(autouse=True)
def calm(account: Account) -> Iterator[None]:
    """Leave the account active for the next test."""
    yield

    def is_active() -> bool:
        request = Request(Command.RESUME, "a test", "it is over", account.served.admin)
        return ask(account.served.folder, request).state == "active"

    if state_of(account) != "active":
        eventually(is_active)


def state_of(account: Account) -> str:
    request = Request(Command.LIMITS, "a test", "to look", "", {})
    return ask(account.served.folder, request).state


@contextmanager
def entered(
    browser: Browser, account: Account, scope: str = "admin", **options: Any
) -> Iterator[Page]:
    """Sign in by a link of one's own, in a browser of one's own."""
    with closing(browser.new_context(**options)) as context:
        page = context.new_page()
        page.goto(account.link(scope))
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(account.url + "/")
        yield page


# -- by mouse -------------------------------------------------------------------------------------


def test_a_halt_is_one_tap_and_the_answer_is_the_ledgers(opened: Opened, account: Account) -> None:
    page = opened("/")
    page.get_by_role("button", name="Halt", exact=True).click()
    answer = page.locator("#dialog")
    expect(answer).to_contain_text("● DONE")
    expect(answer).to_contain_text("active → halted, by hand at the desk, by anna (desk)")
    assert state_of(account) == "halted"
    expect(page.locator("body")).to_contain_text("HALTED")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog[open]")).to_have_count(0)


def test_a_resume_wants_its_word_and_its_reason(opened: Opened, account: Account) -> None:
    ask(account.served.folder, Request(Command.HALT, "a test", "an outage"))
    page = opened("/")
    page.get_by_role("link", name="Resume…").click()
    form = page.locator("#dialog")
    expect(form).to_contain_text("Cause: an outage")
    expect(form).to_contain_text("Distance to the limits")
    form.get_by_label("Type RESUME").fill("resume")
    form.get_by_label("Reason").fill("the outage is over")
    form.get_by_role("button", name="Resume").click()
    expect(form.get_by_role("alert")).to_contain_text("type RESUME as it stands here")
    assert state_of(account) == "halted"
    assert form.get_by_label("Reason").input_value() == "the outage is over"
    form.get_by_label("Type RESUME").fill("RESUME")
    form.get_by_role("button", name="Resume").click()
    expect(form).to_contain_text("● DONE")
    assert state_of(account) == "active"


def test_an_order_is_previewed_and_then_sent(opened: Opened, account: Account) -> None:
    page = opened("/")
    page.get_by_role("link", name="Order…").click()
    form = page.locator("#dialog")
    form.get_by_label("Instrument").fill("BTC/USD")
    form.get_by_label("Quantity").fill("100")
    form.get_by_role("button", name="Preview").click()
    expect(form.get_by_label("Preview")).to_contain_text("denied")
    form.get_by_label("Quantity").fill("0.01")
    form.get_by_role("button", name="Send this order").click()
    expect(form.get_by_role("alert")).to_contain_text("preview of exactly this order")
    form.get_by_role("button", name="Preview").click()
    expect(form.get_by_label("Preview")).to_contain_text("approved")
    form.get_by_role("button", name="Send this order").click()
    expect(form).to_contain_text("● DONE")
    expect(form).to_contain_text("person.anna buy BTC/USD approved")


def test_a_key_is_shown_once_and_taken_back(opened: Opened, account: Account) -> None:
    page = opened("/")
    page.get_by_role("link", name="More…").click()
    page.locator("#dialog").get_by_role("link", name="Give a bot a key").click()
    form = page.locator("#dialog")
    form.get_by_label("Name of the bot").fill("late")
    form.get_by_label("Reason").fill("a trial")
    form.get_by_role("button", name="Give the key").click()
    expect(form).to_contain_text("Shown once")
    key_id = form.locator("dd code").first.inner_text()
    assert key_id.startswith("SLK")
    page.goto(f"{account.url}/act/bot-revoke?which={key_id}")
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("main")).to_contain_text("● DONE")


def test_a_limit_is_tightened_and_a_looser_one_asks_for_more(
    opened: Opened, account: Account
) -> None:
    page = opened("/")
    page.goto(f"{account.url}/act/limit?limit=limits.symbol_cap_broad")
    page.get_by_label("New value").fill("40 %")
    page.get_by_role("button", name="Show the difference").click()
    expect(page.locator("main")).to_contain_text("50 % → 40 %. That is in force at once.")
    page.get_by_role("button", name="Change it").click()
    expect(page.locator("main")).to_contain_text("in force now, by anna (desk)")
    page.goto(f"{account.url}/act/limit?limit=limits.symbol_cap_broad&value=50%25")
    expect(page.locator("main")).to_contain_text("That is looser")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("alert")).to_contain_text("type the end of the account's name")


def test_flatten_shows_what_it_sells(opened: Opened, account: Account) -> None:
    assert account.buy("grid", "ETH/USD", qty="0.5").status == 200
    with Reader.open(account.ledger) as reader:  # a purchase that was taken is not yet filled
        eventually(lambda: any(fill.key == "crypto:ETH/USD" for fill in reader.fills()))
    page = opened("/")
    page.goto(f"{account.url}/act/flatten")
    expect(page.get_by_role("table")).to_contain_text("ETH/USD")
    page.get_by_label("Type FLATTEN").fill("flatten")
    page.get_by_role("button", name="Sell everything").click()
    expect(page.get_by_role("alert")).to_contain_text("type FLATTEN")
    assert state_of(account) == "active"
    page.get_by_label("Type FLATTEN").fill("FLATTEN")
    page.get_by_role("button", name="Sell everything").click()
    expect(page.locator("main")).to_contain_text("everything started")
    assert state_of(account) == "halted"


# -- by keyboard ----------------------------------------------------------------------------------


def test_the_keyboard_leads_to_the_halt_and_back(opened: Opened, account: Account) -> None:
    page = opened("/")
    page.keyboard.press("h")
    button = page.locator("#dialog").get_by_role("button", name="Halt now")
    expect(button).to_be_focused()
    assert state_of(account) == "active"  # no single key orders anything
    page.keyboard.press("Escape")
    expect(page.locator("#dialog[open]")).to_have_count(0)
    expect(page.locator("#act-halt-open")).to_be_focused()
    page.keyboard.press("h")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_contain_text("● DONE")
    assert state_of(account) == "halted"
    expect(page.locator("#dialog").get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog[open]")).to_have_count(0)


def test_the_focus_stays_inside_a_dialog(opened: Opened) -> None:
    page = opened("/")
    page.keyboard.press("h")
    expect(page.locator("#dialog").get_by_role("button", name="Halt now")).to_be_focused()
    for _ in range(8):
        page.keyboard.press("Tab")
        is_inside = page.evaluate(
            "() => document.activeElement === document.body"
            " || document.getElementById('dialog').contains(document.activeElement)"
        )
        assert is_inside


def test_typing_an_h_into_a_field_opens_nothing(opened: Opened) -> None:
    page = opened("/orders")
    field = page.locator("#filter-symbol")
    field.fill("")
    field.press("h")
    assert field.input_value() == "h"
    expect(page.locator("#dialog[open]")).to_have_count(0)


# -- phones, no script, screen readers ------------------------------------------------------------


def test_on_a_phone_the_halt_is_held_for_a_second(opened: Opened, account: Account) -> None:
    page = opened("/", **PHONE)
    button = page.locator("button.act-halt")
    button.tap()
    expect(button).to_contain_text("hold for 1 s")
    assert state_of(account) == "active"
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.wait_for_timeout(1_200)
    page.mouse.up()
    expect(page.locator("#dialog")).to_contain_text("● DONE")
    assert state_of(account) == "halted"


def test_without_a_script_every_action_is_a_form(browser: Browser, account: Account) -> None:
    with entered(browser, account, java_script_enabled=False) as page:
        page.get_by_role("button", name="Halt", exact=True).click()
        expect(page.locator("main")).to_contain_text("● DONE")
        assert state_of(account) == "halted"
        page.reload()  # an answer that is loaded anew does nothing once more
        expect(page.locator("main")).to_contain_text("● DONE")
        page.goto(f"{account.url}/act/resume")
        page.get_by_label("Type RESUME").fill("RESUME")
        page.get_by_label("Reason").fill("no script here")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("main")).to_contain_text("no script here, by anna (desk)")
        assert state_of(account) == "active"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", FORMS)
def test_axe_finds_nothing_in_a_form(
    opened: Opened, account: Account, name: str, scheme: str
) -> None:
    page = opened("/", color_scheme=scheme)
    page.goto(f"{account.url}/act/{name}")
    assert violations(page) == []


def test_axe_finds_nothing_at_the_door_and_in_a_dialog(
    browser: Browser, opened: Opened, account: Account
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{account.url}/sign-in")
    assert violations(page) == []
    context.close()
    page = opened("/")
    page.get_by_role("link", name="Order…").click()
    expect(page.locator("#dialog[open]")).to_be_visible()
    assert violations(page) == []


def test_who_only_looks_has_no_buttons_and_is_told_why(browser: Browser, account: Account) -> None:
    with entered(browser, account, "read") as page:
        expect(page.get_by_role("button", name="Halt", exact=True)).to_have_count(0)
        expect(page.locator(".controls")).to_contain_text("actions need the scope halt")


def test_signing_out_ends_it(browser: Browser, account: Account) -> None:
    with entered(browser, account) as page:
        page.get_by_role("link", name="More…").click()
        page.get_by_role("button", name="Sign out anna").click()
        page.wait_for_url(f"{account.url}/sign-in")
        page.goto(account.url + "/")
        expect(page).to_have_url(f"{account.url}/sign-in?next=%2F")
