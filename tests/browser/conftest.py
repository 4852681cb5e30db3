"""A browser, and an account with its desk as a user starts them; one of each per file of tests."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from tests.wire.raw import Answer, Raw
from tests.wire.serving import PROGRAM, Served, gateway

CHROMIUM = ("chromium", "chromium-browser")
SETTINGS = "[execution]\nmark_every_s = 1.0\n"
"""So that charts have points before anybody has to wait for minutes."""

WITHIN_S = 60.0
WIDE = {"width": 1440, "height": 900}


class Account(NamedTuple):
    """An account that runs, and the address of its desk."""

    served: Served
    url: str

    @property
    def ledger(self) -> Path:
        return self.served.folder / "ledger.sqlite"

    def bot(self, name: str) -> Raw:
        """Return the line of a bot to the gateway; a new one gets its keys."""
        keys = self.served.keys.get(name) or self.served.add_bot(name)
        return Raw(self.served.url, keys)

    def buy(self, name: str, symbol: str, **order: str) -> Answer:
        """Let a bot buy at the market, or as the order says."""
        body = {"symbol": symbol, "side": "buy", "type": "market", "time_in_force": "gtc", **order}
        return self.bot(name)("POST", "/v2/orders", body)

    def said(self, *words: str) -> str:
        """Run a command of ours on this account and return what it says."""
        done = subprocess.run(
            [PROGRAM, *words, "--ledger", str(self.served.folder)],
            capture_output=True, text=True, check=True, timeout=WITHIN_S,
        )  # fmt: skip
        return done.stdout

    def link(self, scope: str = "admin") -> str:
        """Return a link that signs somebody in once."""
        token = self.served.folder / "token.txt"
        token.write_text(self.served.admin)
        words = ("--name", "anna", "--scope", scope, "--token-file", str(token))
        return self.said("desk", "link", *words).strip()


def eventually(read: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """Return what is read as soon as it is anything."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := read():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


@contextmanager
def running(
    place: Path, settings: str = SETTINGS, *, at: datetime | None = None
) -> Iterator[Account]:
    """Run an account and its desk until the block ends; `at` is what its clock shows."""
    with gateway(place, settings=settings, at=at) as served:
        port = served.folder / "desk.port"
        eventually(lambda: port.exists() and port.read_text().strip())
        yield Account(served, f"http://127.0.0.1:{port.read_text().strip()}")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with running(tmp_path_factory.mktemp("account")) as found:
        yield found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Debian's browser, found on the search path; none is ever fetched."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path is not None, "no chromium on the search path; `make browser` installs Debian's"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path)
        yield started
        started.close()


class Watch:
    """Everything that a page complains about, and every address that it asks."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.requests: list[str] = []

    def on(self, page: Page) -> None:
        """Listen to a page."""
        page.on("console", self._message)
        page.on("pageerror", lambda error: self.messages.append(f"error: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def _message(self, message: ConsoleMessage) -> None:
        self.messages.append(f"{message.type}: {message.text} ({message.location.get('url')})")


@pytest.fixture
def watch() -> Watch:
    return Watch()


Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def session(browser: Browser, account: Account) -> Any:
    """Sign in by a link, as a person does, and return what the browser keeps of it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(account.link())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(account.url + "/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def opened(browser: Browser, account: Account, session: Any, watch: Watch) -> Iterator[Opened]:
    """Open a page of the desk as somebody who has signed in, in a browser of its own."""
    contexts: list[BrowserContext] = []

    def make(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": WIDE, "storage_state": session, **options})
        contexts.append(context)
        page = context.new_page()
        watch.on(page)
        page.goto(account.url + path)
        is_live(page)
        return page

    yield make
    for context in contexts:
        context.close()


def is_live(page: Page) -> None:
    """Wait until the page hears its stream."""
    page.wait_for_selector("#wire[data-wire=live]", timeout=WITHIN_S * 1000)
