"""Usable by everybody: screen readers, keyboards, phones, slow machines, and without a script."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Account, Opened, Watch

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
PAGES = ("/", "/orders", "/performance", "/limits", "/bots", "/system", "/help", "/decisions/d1")
WIDTHS = (390, 1024, 1440)
WEIGHT_MAX = 500_000
PAINT_MS_MAX = 1_000
TARGET_PX = 44
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module", autouse=True)
def traded(account: Account) -> None:
    assert account.buy("grid", "BTC/USD", qty="0.05").status == 200
    assert account.buy("grid", "ETH/USD", qty="9").status == 403
    assert account.buy("grid", "ETH/USD", type="limit", limit_price="900", qty="1").status == 200


def violations(page: Page) -> list[str]:
    """Return what axe has against a page; it is put in beside the page's own policy."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", STANDARD
    )
    return [
        f"{one['id']}: {one['help']}: {', '.join(str(n['target']) for n in one['nodes'][:3])}"
        for one in found["violations"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(opened: Opened, path: str, scheme: str) -> None:
    page = opened(path, color_scheme=scheme)
    page.wait_for_timeout(500)
    assert violations(page) == []


def test_axe_finds_nothing_in_the_drawer_and_when_the_connection_is_lost(opened: Opened) -> None:
    page = opened("/")
    page.locator("#panel-decisions .feed a").first.click()
    expect(page.locator("#dialog")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.context.set_offline(True)
    page.wait_for_selector("#wire[data-wire=cut]")
    assert violations(page) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_no_page_scrolls_sideways(opened: Opened, path: str, width: int) -> None:
    page = opened(path, viewport={"width": width, "height": 844})
    page.wait_for_timeout(400)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


MEASURE = """() => {
  const parts = [...performance.getEntriesByType("resource"),
                 ...performance.getEntriesByType("navigation")]
    .filter((each) => !each.name.includes("/events"));
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return [parts.reduce((sum, each) => sum + each.decodedBodySize, 0), paint.startTime];
}"""


def test_a_page_is_light_and_painted_soon(opened: Opened) -> None:
    """The best of five loads counts: what else the machine does is not the page's doing."""
    for path in ("/", "/performance"):
        paints, weight = [], 0
        for _ in range(5):
            page = opened(path)
            page.wait_for_selector("canvas")
            weight, paint = page.evaluate(MEASURE)
            paints.append(paint)
            page.context.close()
        told = ", ".join(f"{paint:.0f}" for paint in paints)
        print(f"\n{path}: {weight / 1000:.0f} kB unpacked, first paint after {told} ms")
        assert 50_000 < weight < WEIGHT_MAX
        assert 0 < min(paints) < PAINT_MS_MAX


def test_a_keyboard_gets_everywhere(account: Account, opened: Opened) -> None:
    page = opened("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for key, path in (("o", "/orders"), ("p", "/performance"), ("l", "/limits"), ("n", "/")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(account.url + path)
    page.keyboard.press("?")
    page.wait_for_url(account.url + "/help")
    page.goto(account.url + "/orders")
    page.keyboard.press("/")
    expect(page.locator("#filter-symbol")).to_be_focused()
    page.keyboard.type("g n?")  # what is typed into a field goes nowhere else
    assert page.url == account.url + "/orders"


def test_the_focus_is_seen_and_comes_back_from_the_drawer(opened: Opened) -> None:
    page = opened("/")
    link = page.locator("#panel-decisions .feed a").first
    link.focus()
    outline = link.evaluate("(each) => getComputedStyle(each).outlineStyle")
    assert outline == "solid"
    link.press("Enter")
    expect(page.locator("#dialog")).to_be_visible()
    inside = "() => document.getElementById('dialog').contains(document.activeElement)"
    assert page.evaluate(inside)
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).not_to_be_visible()
    assert page.evaluate("() => document.activeElement.closest('#panel-decisions') !== null")


def test_only_words_of_the_state_are_announced(opened: Opened) -> None:
    page = opened("/")
    live = page.locator("[aria-live], [role=status], [role=alert]").evaluate_all(
        "(all) => all.map((each) => each.id)"
    )
    assert sorted(live) == ["state-word", "toasts", "wire"]


def test_targets_on_a_phone_are_large_enough(opened: Opened) -> None:
    page = opened("/", viewport={"width": 390, "height": 844}, has_touch=True)
    small = page.locator("nav a, .ranges button, .controls button, .controls a").evaluate_all(
        f"""(all) => all.map((each) => [each.textContent, each.getBoundingClientRect()])
          .filter(([, box]) => box.width && (box.height < {TARGET_PX} || box.width < {TARGET_PX}))
          .map(([text]) => text)"""
    )
    assert small == []


def test_every_page_reads_without_a_script(account: Account, opened: Opened, watch: Watch) -> None:
    page = opened("/")
    plain = page.context.browser
    assert plain is not None
    context = plain.new_context(
        java_script_enabled=False, storage_state=page.context.storage_state()
    )
    silent = context.new_page()
    for path in PAGES:
        silent.goto(account.url + path)
        expect(silent.locator("#ribbon")).to_contain_text("orders inside the caps pass")
        expect(silent.locator("main")).to_contain_text("ledger")
    context.close()


def test_a_theme_and_a_zone_are_chosen_and_kept(opened: Opened) -> None:
    page = opened("/", color_scheme="light")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_label("times").select_option("utc")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.get_by_label("times").input_value() == "utc"
