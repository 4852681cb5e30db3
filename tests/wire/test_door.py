"""The door of the pages against browsers that were led astray, and programs that are none."""

import concurrent.futures
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.wire.browsing import Browser, hidden
from tests.wire.desk_server import KEYS, Desk, desk
from tests.wire.raw import Raw

from smart_leverage.domain.bots import Scope
from smart_leverage.runtime.people import links, password, sessions, visits

CSRF = "csrf"
PASSWORD = "correct horse battery"
ALL = (Scope.ADMIN,)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("door")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Desk]:
    with desk(folder) as running:
        yield running


@pytest.fixture
def browser(served: Desk) -> Browser:
    return Browser(served.url)


@pytest.fixture
def unguessed(tmp_path: Path) -> Iterator[Desk]:
    """A desk of its own: the refusals of others would make its own slow, and its own theirs."""
    with desk(tmp_path) as running:
        yield running


def link(folder: Path, *scopes: Scope, name: str = "anna") -> str:
    made = links.make(folder, name, scopes or ALL, time.time_ns())
    return f"/sign-in?link={made}"


@pytest.fixture
def inside(folder: Path, browser: Browser) -> Browser:
    assert browser.enter(link(folder)).status == 303
    return browser


def csrf(browser: Browser) -> str:
    return sessions.csrf_of(browser.cookie.partition("=")[2])


# -- every reply ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/sign-in", 200, id="sign-in"),
        pytest.param("/", 303, id="a-stranger-is-sent-to-the-door"),
        pytest.param("/static/steering.css", 200, id="a-file"),
        pytest.param("/static/nothing.css", 404, id="no-file"),
        pytest.param("/static/../door.py", 303, id="dots"),
        pytest.param("/static/%2e%2e/door.py", 303, id="encoded-dots"),
        pytest.param("/static/..%2f..%2fdoor.py", 303, id="encoded-slashes"),
    ],
)
def test_every_reply_tells_the_browser_what_it_may_not_do(
    browser: Browser, path: str, status: int
) -> None:
    answer = browser.get(path)
    assert answer.status == status
    policy = answer.headers["content-security-policy"]
    for part in (
        "default-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
    ):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers
    is_file = path == "/static/steering.css"
    assert answer.headers["cache-control"] == ("no-cache" if is_file else "no-store")


def test_pages_hold_no_script_and_no_style_of_their_own(browser: Browser, folder: Path) -> None:
    for path in ("/sign-in", link(folder)):
        text = browser.get(path).body.decode()
        assert "<style" not in text
        assert " style=" not in text
        assert "<script>" not in text


def test_a_file_that_the_browser_has_is_not_sent_again(browser: Browser) -> None:
    first = browser.get("/static/steering.css")
    assert first.headers["content-type"].startswith("text/css")
    again = browser.get("/static/steering.css", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert browser.get("/static/steering.css", If_None_Match='"other"').status == 200


# -- which name, which site -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "", "[::2]"]
)
def test_another_name_gets_nothing(browser: Browser, host: str) -> None:
    answer = browser.get("/sign-in", Host=host)
    assert answer.status in (400, 421)
    assert b"Password" not in answer.body


FOREIGN = [
    pytest.param({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, id="foreign"),
    pytest.param({"Origin": "https://evil.example", "Sec-Fetch-Site": ""}, id="older-browser"),
    pytest.param({"Origin": "null", "Sec-Fetch-Site": ""}, id="null"),
    pytest.param({"Origin": "", "Sec-Fetch-Site": ""}, id="says-nothing"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="same-site"),
    pytest.param({"Sec-Fetch-Site": "none"}, id="typed"),
    pytest.param({"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": ""}, id="other-port"),
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_what_another_site_sends_changes_nothing(
    inside: Browser, folder: Path, headers: dict[str, str]
) -> None:
    fields = f"csrf={csrf(inside)}".encode()
    assert inside("POST", "/sign-out", fields, headers).status == 403
    token = inside.cookie.partition("=")[2]
    assert sessions.find(folder, token, time.time_ns()) is not None


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_site_signs_nobody_in(
    browser: Browser, folder: Path, headers: dict[str, str]
) -> None:
    one_time = link(folder).partition("link=")[2]
    assert browser("POST", "/sign-in", f"link={one_time}".encode(), headers).status == 403
    assert browser.cookie == ""
    assert browser.post("/sign-in", {"link": one_time}).status == 303  # it is not used up


def test_another_site_may_link_to_a_page_and_do_nothing_else_with_it(browser: Browser) -> None:
    far = {"Sec-Fetch-Site": "cross-site"}
    opened = far | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    framed = far | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    fetched = far | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
    assert browser("GET", "/sign-in", headers=opened).status == 200
    assert browser("GET", "/sign-in", headers=framed).status == 403
    assert browser("GET", "/static/steering.css", headers=fetched).status == 403


def test_bots_still_refuse_whatever_comes_from_a_page(served: Desk) -> None:
    raw = Raw(served.url, KEYS)
    path = "/v2/stocks/quotes/latest?symbols=SPY"
    assert raw("GET", path).status == 200
    assert raw("GET", path, headers={"Origin": served.url}).status == 403


def test_a_cookie_opens_nothing_that_is_for_bots(inside: Browser) -> None:
    assert inside.get("/v2/stocks/quotes/latest?symbols=SPY").status == 401


def test_a_token_of_a_bot_opens_no_page(served: Desk) -> None:
    assert Raw(served.url, KEYS)("GET", "/").status == 303


# -- forms ----------------------------------------------------------------------------------------


def test_a_form_needs_the_proof_of_its_own_session(
    inside: Browser, served: Desk, folder: Path
) -> None:
    other = Browser(served.url)
    assert other.enter(link(folder, name="ben")).status == 303
    for proof in ("", csrf(other), csrf(inside)[:-1], "ä"):
        assert inside.post("/sign-out", {CSRF: proof}).status == 403
    stale, before = csrf(inside), inside.cookie
    assert inside.enter(link(folder)).status == 303
    assert inside.cookie != before
    assert inside.post("/sign-out", {CSRF: stale}).status == 403
    assert inside.post("/sign-out", {CSRF: csrf(inside)}).status == 303


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b'{"a": 1}', {"Content-Type": "application/json"}, 400, id="json"),
        pytest.param(b"link=a", {"Content-Type": "text/plain"}, 400, id="text"),
        pytest.param(b"link=a&link=b", {}, 400, id="twice"),
        pytest.param(b"link=%ff", {}, 400, id="no-text"),
        pytest.param(b"&".join(b"f%d=" % n for n in range(100)), {}, 400, id="many-fields"),
        pytest.param(b"link=" + b"a" * 70_000, {}, 413, id="long"),
    ],
)
def test_what_is_no_form_is_refused(
    browser: Browser, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert browser("POST", "/sign-in", body, headers).status == status


def test_nothing_changes_by_looking(browser: Browser, folder: Path) -> None:
    one_time = link(folder)
    for _ in range(3):
        assert browser.get(one_time).status == 200
    assert browser.cookie == ""
    assert browser.enter(one_time).status == 303


# -- signing in and out ---------------------------------------------------------------------------


def test_a_cookie_is_out_of_reach_of_scripts_and_other_sites(
    browser: Browser, folder: Path
) -> None:
    browser.enter(link(folder))
    first, *attributes = browser.set_cookie.split("; ")
    assert first.startswith("sl=SLP")
    assert {*attributes} == {"Path=/", "HttpOnly", "SameSite=Strict"}


def test_a_link_works_once(browser: Browser, served: Desk, folder: Path) -> None:
    one_time = link(folder)
    assert browser.enter(one_time).status == 303
    second = Browser(served.url)
    refused = second.enter(one_time)
    assert (refused.status, second.cookie) == (403, "")
    assert b"was used" in refused.body


def test_of_two_who_use_a_link_at_once_one_gets_in(unguessed: Desk, tmp_path: Path) -> None:
    for _ in range(2):
        fields = hidden(Browser(unguessed.url).get(link(tmp_path)))
        many = [Browser(unguessed.url) for _ in range(4)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda each, own=fields: each.post("/sign-in", own), many))
        assert sorted(each.status for each in answers).count(303) == 1
        assert sum(bool(each.cookie) for each in many) == 1


def test_a_password_opens_a_session(browser: Browser, folder: Path) -> None:
    password.keep(folder, "owner", PASSWORD)
    wrong = browser.post("/sign-in", {"password": "something else"})
    assert (wrong.status, browser.cookie) == (403, "")
    right = browser.post("/sign-in", {"password": PASSWORD, "next": "/orders?a=b"})
    assert (right.status, right.headers["location"]) == (303, "/orders?a=b")
    session = sessions.find(folder, browser.cookie.partition("=")[2], time.time_ns())
    assert session is not None
    assert (session.name, session.way, session.may(Scope.ADMIN)) == ("owner", "password", True)


def test_a_cookie_from_before_signing_in_is_worth_nothing_after_it(
    browser: Browser, folder: Path
) -> None:
    browser.cookie = "sl=SLPAAAAAAAAAAAAAAAA.chosen-by-somebody-else"
    browser.enter(link(folder))
    assert "chosen" not in browser.cookie
    first = browser.cookie
    browser.enter(link(folder))
    assert browser.cookie != first
    assert sessions.find(folder, first.partition("=")[2], time.time_ns()) is None


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(
    inside: Browser, served: Desk, folder: Path
) -> None:
    thief = Browser(served.url)
    thief.cookie = inside.cookie
    assert inside.post("/sign-out", {CSRF: csrf(inside)}).status == 303
    assert inside.cookie == ""
    answer = thief.get("/nothing")
    assert (answer.status, answer.headers["location"]) == (303, "/sign-in?next=%2Fnothing")


def test_a_session_that_was_ended_elsewhere_is_over(inside: Browser, folder: Path) -> None:
    token = inside.cookie.partition("=")[2]
    assert inside.get("/nothing").status == 404
    assert sessions.end(folder, token.partition(".")[0], time.time_ns()) == 1
    assert inside.get("/nothing").status == 303


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/orders", "/orders"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: sl=x", "/"),
        ("/sign-in", "/"),
    ],
)
def test_nobody_is_led_elsewhere_by_signing_in(
    browser: Browser, folder: Path, wanted: str, place: str
) -> None:
    one_time = link(folder).partition("link=")[2]
    answer = browser.post("/sign-in", {"link": one_time, "next": wanted})
    assert (answer.status, answer.headers["location"]) == (303, place)


def test_guessing_gets_slower_and_everything_is_noted(unguessed: Desk, tmp_path: Path) -> None:
    browser, folder = Browser(unguessed.url), tmp_path
    password.keep(folder, "owner", PASSWORD)
    times = []
    for number in range(10):
        began = time.monotonic()
        assert browser.post("/sign-in", {"password": f"guess {number}"}).status == 403
        times.append(time.monotonic() - began)
    assert times[-1] > 0.6
    noted = visits.last(folder, 10)
    assert {each.what for each in noted} == {"refused: that is not the password"}
    assert {each.source for each in noted} == {"127.0.0.1"}
    assert browser.enter(link(folder)).status == 303  # whoever belongs here is not held up
    assert visits.last(folder, 1)[0][1:] == ("signed in by link", "anna", "127.0.0.1")


def test_a_page_that_is_fetched_by_script_says_that_nobody_is_signed_in(browser: Browser) -> None:
    answer = browser.get("/", HX_Request="true")
    assert (answer.status, answer.headers["hx-redirect"]) == (401, "/sign-in")
    assert browser.get("/", Accept="text/event-stream").status == 401


def test_text_from_outside_stays_text(browser: Browser) -> None:
    text = browser.get("/sign-in?link=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").body.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text
