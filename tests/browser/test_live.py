"""What happens is on the page within a second, through bursts, restarts and hidden tabs."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import (
    SETTINGS,
    Account,
    Opened,
    Watch,
    eventually,
    is_live,
    running,
)

from smart_leverage.domain.orders import Role
from smart_leverage.ledger.reader import Reader
from smart_leverage.runtime.desk_process import PID

NS_PER_MS = 1_000_000
FREEZE_MS_MAX = 1_000
"""The longest that a page may not react for, on a machine that is busy with the orders too."""

BURST = 1_000
UNBOUND = "[server]\nrequests_per_s = 100000.0\nrequests_burst = 100000.0\nsimilar_max = 100000\n"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running(tmp_path_factory.mktemp("account"), SETTINGS + UNBOUND) as found:
        yield found


def fills(account: Account) -> int:
    with Reader.open(account.ledger) as reader:
        return len(list(reader.fills()))


# When a part of the page changes so that it holds a text, the time is noted where it happens.
NOTE = """(text) => {
  window.wanted = text;
  window.noted = 0;
  window.look ??= document.addEventListener("desk:event", () => {
    const shown = document.getElementById("panel-positions").textContent;
    if (!window.noted && shown.includes(window.wanted)) window.noted = Date.now();
  }) ?? true;
}"""


def test_a_fill_is_on_the_page_within_a_second(account: Account, opened: Opened) -> None:
    page, waits = opened("/"), []
    for round_, symbol in enumerate(("ETH/USD", "SOL/USD", "DOGE/USD")):
        page.evaluate(NOTE, symbol)
        reply = account.buy(f"quick{round_}", symbol, notional="500")
        assert reply.status == 200, reply.json
        page.wait_for_function("() => window.noted > 0", timeout=20_000)
        with Reader.open(account.ledger) as reader:
            fill = next(reader.fills(key=f"crypto:{symbol}"))
        waits.append(page.evaluate("() => window.noted") - fill.at_ns / NS_PER_MS)
    print(f"\nfrom a fill to the page: {', '.join(f'{each:.0f} ms' for each in waits)}")
    assert max(waits) < 1_000


def test_a_denial_is_told_by_a_toast_that_can_be_dismissed(
    account: Account, opened: Opened
) -> None:
    page = opened("/orders")
    assert account.buy("greedy", "BTC/USD", qty="5").status == 403
    toast = page.locator(".toast", has_text="greedy buy BTC/USD denied")
    expect(toast.first).to_be_visible()
    toast.first.get_by_role("button", name="Dismiss").click()


def test_a_hidden_page_hangs_up_and_hears_all_when_it_is_shown(
    account: Account, opened: Opened
) -> None:
    page = opened("/")
    hide(page, is_hidden=True)
    before = fills(account)
    assert account.buy("hidden", "BTC/USD", notional="300").status == 200
    eventually(lambda: fills(account) > before)
    page.wait_for_timeout(1_000)
    assert "BTC/USD" not in page.locator("#panel-positions").inner_text()
    hide(page, is_hidden=False)
    expect(page.locator("#panel-positions")).to_contain_text("BTC/USD")


def hide(page: Page, *, is_hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )


def test_one_tab_too_many_is_told_so_and_polls(
    account: Account, browser: Browser, session: Any
) -> None:
    context = browser.new_context(storage_state=session)
    pages = []
    for _ in range(5):
        pages.append(context.new_page())
        pages[-1].goto(account.url + "/help")
        is_live(pages[-1])
    last = context.new_page()
    last.goto(account.url + "/system")
    last.wait_for_selector("#wire[data-wire=poll]", timeout=30_000)
    expect(last.locator("#stream-said")).to_contain_text("too many pages are open")
    pages[0].close()
    context.close()


# Every frame that comes late is noted: what is frozen draws none.
WATCH_FRAMES = """() => {
  window.longest = 0;
  let before = performance.now();
  setInterval(() => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - before);
    before = now;
  }, 20);
}"""


def test_a_thousand_orders_do_not_freeze_a_page(account: Account, opened: Opened) -> None:
    page = opened("/")
    bot = account.bot("burst")
    page.evaluate(WATCH_FRAMES)
    page.evaluate(
        "() => { window.events = 0; "
        "document.addEventListener('desk:event', () => { window.events += 1; }); }"
    )
    body = {"symbol": "BTC/USD", "side": "buy", "type": "limit", "time_in_force": "gtc"}
    began = time.monotonic()

    def ask(number: int) -> int:
        qty = "9" if number % 2 else "0.0005"  # every other one is denied
        return bot("POST", "/v2/orders", {**body, "qty": qty, "limit_price": "1000"}).status

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(ask, range(BURST)))
    took = time.monotonic() - began
    assert {200, 403} >= set(statuses)
    with Reader.open(account.ledger) as reader:
        last = reader.decisions(limit=1)[0].decision_id
    expect(page.locator(f"a[href='/decisions/{last}']")).to_be_visible()
    longest, events = page.evaluate("() => [window.longest, window.events]")
    page.get_by_role("link", name="Orders", exact=True).click()
    expect(page.locator("#panel-open")).to_be_visible()
    with Reader.open(account.ledger) as reader:
        resting = sum(order.role is not Role.STOP for order in reader.open_orders())
    expect(page.locator("#panel-open")).to_contain_text(f"{resting}, stops of the house left out")
    print(
        f"\n{BURST} orders in {took:.1f} s, {events} events to the page, "
        f"longest pause {longest:.0f} ms"
    )
    assert longest < FREEZE_MS_MAX
    assert events < 4 * 10 * (took + 5)


def test_the_desk_writes_nothing_into_the_folder_of_the_account(
    account: Account, opened: Opened
) -> None:
    """The ledger is opened for reading: its file and its log are as the account left them."""
    opened("/")
    process = Path("/proc", (account.served.folder / PID).read_text().strip())
    modes = []
    for each in (process / "fd").iterdir():
        if each.resolve() == account.ledger.resolve():
            said = (process / "fdinfo" / each.name).read_text()
            flags = next(line for line in said.splitlines() if line.startswith("flags"))
            modes.append(int(flags.split()[1], 8) & os.O_ACCMODE)
    assert set(modes) == {os.O_RDONLY}


def test_a_page_comes_back_after_its_desk_was_killed(
    account: Account, opened: Opened, watch: Watch
) -> None:
    page = opened("/")
    os.kill(int((account.served.folder / PID).read_text()), signal.SIGKILL)
    page.wait_for_selector("#wire[data-wire=cut]", timeout=30_000)
    expect(page.locator("#wire")).to_have_text("CONNECTION LOST: numbers are old")
    # The account goes on meanwhile, and nobody is there to tell the page.
    before = fills(account)
    assert account.buy("meanwhile", "LINK/USD", notional="400").status == 200
    eventually(lambda: fills(account) > before)
    began = time.monotonic()
    is_live(page)
    expect(page.locator("#panel-positions")).to_contain_text("LINK/USD", timeout=20_000)
    print(f"\nback after the desk was killed: {time.monotonic() - began:.1f} s")
    assert all("net::ERR_" in message for message in watch.messages), watch.messages
