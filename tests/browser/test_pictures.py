"""The pictures of the documentation are made of a real account, so that they cannot age."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import SETTINGS, Account, Opened, eventually, running

from smart_leverage.engine.events import Command
from smart_leverage.runtime.control import Request, ask
from smart_leverage.runtime.remembered import Remembered, remember

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "desk"
DESKTOP = {"width": 1440, "height": 1180}
PHONE = {"width": 390, "height": 1500}
LARGEST = 250_000
"""No picture is larger, in bytes."""

Take = Callable[[str], None]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running(tmp_path_factory.mktemp("account"), SETTINGS) as found:
        yield found


@pytest.fixture
def take(opened: Opened) -> Take:
    """Take the picture of the first page in both sizes, light and dark."""

    def shoot(name: str) -> None:
        for size, viewport in (("desktop", DESKTOP), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                page = opened("/", viewport=viewport, color_scheme=scheme)
                page.wait_for_selector("canvas")
                page.wait_for_timeout(400)
                keep(page, f"{name}-{size}-{scheme}")

    return shoot


def keep(page: Page, name: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.evaluate("() => document.getElementById('toasts').replaceChildren()")
    picture = page.screenshot(path=FOLDER / f"{name}.png")
    assert len(picture) < LARGEST


def now(account: Account) -> Remembered:
    return remember(account.ledger)


def test_a_calm_day(account: Account, opened: Opened, take: Take) -> None:
    for bot, symbol, qty in (
        ("grid", "BTC/USD", "0.08"),
        ("trend", "ETH/USD", "2"),
        ("trend", "SOL/USD", "30"),
    ):
        assert account.buy(bot, symbol, qty=qty).status == 200
        time.sleep(3)
    assert account.buy("grid", "BTC/USD", qty="2").status == 403
    assert account.buy("trend", "ETH/USD", qty="40").status == 403
    resting = account.buy("grid", "LINK/USD", type="limit", limit_price="5", qty="100")
    assert resting.status == 200, resting.json
    eventually(lambda: len(now(account).state.held()) == 3)
    time.sleep(15)  # a curve needs its points
    take("calm")
    page = opened("/orders", viewport=DESKTOP, color_scheme="light")
    page.locator("table.decisions tr", has_text="denied").first.get_by_role("link").click()
    expect(page.locator("#dialog")).to_be_visible()
    keep(page, "explained-desktop-light")


def test_a_day_over_the_cap(account: Account, take: Take) -> None:
    """Somebody tightens the cap below what is held: the account comes down by a plan."""
    changes = {"tiers.emergency.crypto_cap": "0.08", "tiers.learning.crypto_cap": "0.1"}
    request = Request(Command.LIMITS, "anna", "a wild week ahead", account.served.admin, changes)
    answer = ask(account.served.folder, request)
    assert answer.result == "done", answer.lines
    eventually(lambda: now(account).state.plan is not None)
    time.sleep(3)
    take("over-cap")


def test_a_halted_account(account: Account, take: Take) -> None:
    request = Request(Command.HALT, "anna", "exchange outage", account.served.admin)
    assert ask(account.served.folder, request).result == "done"
    time.sleep(3)
    take("halted")
