"""Links, passwords, sessions and acts of the people of an account, on file."""

import sqlite3
import stat
import threading
from pathlib import Path

import msgspec
import pytest

from smart_leverage.domain.bots import Scope, Seat, digest
from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS
from smart_leverage.domain.errors import ConfigError
from smart_leverage.runtime.people import acts, links, password, sessions, store, visits
from smart_leverage.runtime.people.seats import WithPeople, is_admin_session, is_person
from smart_leverage.runtime.people.visits import Visit

NOW = 1_800_000_000 * 10**9
ADMIN = (Scope.ADMIN,)
LONG = "correct horse battery"


# -- the file -------------------------------------------------------------------------------------


def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    sessions.begin(tmp_path, "anna", ADMIN, "link", NOW)
    assert stat.S_IMODE((tmp_path / store.FILE).stat().st_mode) == 0o600


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    token = sessions.begin(tmp_path, "anna", ADMIN, "link", NOW)
    (tmp_path / store.FILE).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        sessions.find(tmp_path, token, NOW)
    assert not is_admin_session(tmp_path, token, NOW)


def test_a_password_that_others_may_read_is_refused(tmp_path: Path) -> None:
    password.keep(tmp_path, "anna", LONG)
    (tmp_path / password.FILE).chmod(0o604)
    with pytest.raises(ConfigError, match="chmod 600"):
        password.owner_of(tmp_path, LONG)


def test_a_link_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / store.FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="no plain file"):
        sessions.begin(tmp_path, "anna", ADMIN, "link", NOW)
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_without_a_file_nobody_is_there_and_none_is_made(tmp_path: Path) -> None:
    assert sessions.find(tmp_path, "SLPX.secret", NOW) is None
    assert sessions.opened(tmp_path, NOW) == []
    assert visits.last(tmp_path, 5) == []
    assert acts.outcome(tmp_path, "key", "SLPX") is None
    assert not (tmp_path / store.FILE).exists()


# -- sessions -------------------------------------------------------------------------------------


def test_a_secret_is_kept_as_a_hash_only(tmp_path: Path) -> None:
    token = sessions.begin(tmp_path, "anna", ADMIN, "link", NOW)
    link = links.make(tmp_path, "ben", ADMIN, NOW)
    content = (tmp_path / store.FILE).read_bytes()
    for text in (token, link):
        name, _, secret = text.partition(".")
        assert secret.encode() not in content
        assert sessions.csrf_of(token).encode() not in content
        assert digest(secret).encode() in content
        assert name.encode() in content


@pytest.mark.parametrize(
    ("scopes", "seen_ns", "now_ns", "is_open"),
    [
        pytest.param(ADMIN, 0, 30 * MINUTE_NS - 1, True, id="just-before-it-idled"),
        pytest.param(ADMIN, 0, 30 * MINUTE_NS, False, id="idled"),
        pytest.param(ADMIN, 11 * HOUR_NS, 11 * HOUR_NS + 1, True, id="kept-open"),
        pytest.param(ADMIN, 12 * HOUR_NS - 1, 12 * HOUR_NS, False, id="half-a-day-is-all"),
        pytest.param((Scope.READ,), 0, 11 * HOUR_NS, True, id="looking-does-not-idle"),
        pytest.param((Scope.READ,), 0, 12 * HOUR_NS, False, id="looking-ends-as-well"),
        pytest.param((Scope.HALT,), 0, 31 * MINUTE_NS, False, id="halting-idles"),
        pytest.param(ADMIN, 0, -1, False, id="not-yet-begun"),
    ],
)
def test_how_long_a_session_lasts(
    tmp_path: Path, scopes: tuple[Scope, ...], seen_ns: int, now_ns: int, is_open: bool
) -> None:
    token = sessions.begin(tmp_path, "anna", scopes, "link", NOW)
    session = sessions.by_id(tmp_path, token.partition(".")[0])
    assert session is not None
    if seen_ns:
        sessions.touch(tmp_path, session, NOW + seen_ns)
    assert (sessions.find(tmp_path, token, NOW + now_ns) is not None) == is_open


@pytest.mark.parametrize("token", ["", ".", "SLPX", "SLPX.", ".secret", "SLPX.secret", "\0.\0"])
def test_what_is_no_cookie_of_ours_opens_nothing(tmp_path: Path, token: str) -> None:
    sessions.begin(tmp_path, "anna", ADMIN, "link", NOW)
    assert sessions.find(tmp_path, token, NOW) is None


def test_a_wrong_secret_opens_nothing(tmp_path: Path) -> None:
    token = sessions.begin(tmp_path, "anna", ADMIN, "link", NOW)
    other = sessions.begin(tmp_path, "ben", ADMIN, "link", NOW)
    mixed = f"{token.partition('.')[0]}.{other.partition('.')[2]}"
    assert sessions.find(tmp_path, mixed, NOW) is None
    assert sessions.find(tmp_path, token[:-1], NOW) is None


def test_the_oldest_session_ends_where_there_are_too_many(tmp_path: Path) -> None:
    tokens = [
        sessions.begin(tmp_path, "anna", ADMIN, "link", NOW + number)
        for number in range(sessions.SESSIONS_MAX + 2)
    ]
    now_ns = NOW + sessions.SESSIONS_MAX + 2
    found = [sessions.find(tmp_path, token, now_ns) is not None for token in tokens]
    assert found == [False, False, *[True] * sessions.SESSIONS_MAX]


def test_sessions_are_ended_by_id_and_by_person(tmp_path: Path) -> None:
    one, two, three = (
        sessions.begin(tmp_path, name, ADMIN, "link", NOW) for name in ("anna", "anna", "ben")
    )
    assert sessions.end(tmp_path, one.partition(".")[0], NOW) == 1
    assert sessions.find(tmp_path, one, NOW) is None
    assert sessions.end(tmp_path, "anna", NOW) == 1
    assert sessions.end(tmp_path, "nobody", NOW) == 0
    assert [each.name for each in sessions.opened(tmp_path, NOW)] == ["ben"]
    assert sessions.find(tmp_path, three, NOW) is not None
    assert sessions.find(tmp_path, two, NOW) is None


def test_who_is_an_admin_just_now(tmp_path: Path) -> None:
    admin = sessions.begin(tmp_path, "anna", ADMIN, "link", NOW)
    trader = sessions.begin(tmp_path, "ben", (Scope.TRADE,), "link", NOW)
    fresh_ns = sessions.FRESH_NS
    assert is_admin_session(tmp_path, admin, NOW + fresh_ns)
    assert not is_admin_session(tmp_path, admin, NOW + fresh_ns + 1)
    assert not is_admin_session(tmp_path, trader, NOW)
    assert not is_admin_session(tmp_path, "", NOW)
    sessions.end(tmp_path, "anna", NOW)
    assert not is_admin_session(tmp_path, admin, NOW)


@pytest.mark.parametrize("name", ["anna", "a.b-c_D", "x" * 24])
def test_what_may_be_a_name(name: str) -> None:
    assert sessions.is_name(name)


@pytest.mark.parametrize("name", ["", " anna", "an na", "ännä", "a\n", "-a", "x" * 25, "a(b)"])
def test_what_is_no_name(name: str) -> None:
    assert not sessions.is_name(name)


# -- people at the gateway ------------------------------------------------------------------------


def test_a_session_is_a_seat_while_it_is_open(tmp_path: Path) -> None:
    bot = Seat(bot="grid", token_id="SLKX", secret_sha256="0" * 64, scopes=(Scope.TRADE,))
    token = sessions.begin(tmp_path, "anna", (Scope.TRADE,), "link", NOW)
    name, _, secret = token.partition(".")
    now_ns = [NOW]
    seats = WithPeople(tmp_path, lambda: {"SLKX": bot}, lambda: now_ns[0])
    assert seats["SLKX"] is bot
    person = seats[name]
    assert is_person(person)
    assert not is_person(bot)
    assert (person.bot, person.secret_sha256) == ("person.anna", digest(secret))
    assert seats.get("SLPNOBODY") is None
    now_ns[0] = NOW + sessions.IDLE_NS
    assert seats.get(name) is None
    assert list(seats) == ["SLKX"]
    assert len(seats) == 1


def test_a_file_that_cannot_be_read_knows_nobody(tmp_path: Path) -> None:
    name = sessions.begin(tmp_path, "anna", ADMIN, "link", NOW).partition(".")[0]
    (tmp_path / store.FILE).write_bytes(b"not a database, and long enough to be looked at" * 9)
    assert WithPeople(tmp_path, dict, lambda: NOW).get(name) is None


# -- links ----------------------------------------------------------------------------------------


def test_a_link_opens_one_session_with_its_scopes(tmp_path: Path) -> None:
    link = links.make(tmp_path, "anna", (Scope.HALT, Scope.READ), NOW)
    entered = links.redeem(tmp_path, link, NOW + links.LASTS_NS - 1)
    assert entered is not None
    session = sessions.find(tmp_path, entered.token, NOW + links.LASTS_NS)
    assert session is not None
    assert (session.name, session.scopes, session.way) == (
        "anna",
        (Scope.HALT, Scope.READ),
        "link",
    )
    assert links.redeem(tmp_path, link, NOW) is None


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda link: link[:-1], id="wrong-secret"),
        pytest.param(lambda link: "SLONOBODY." + link.partition(".")[2], id="unknown"),
        pytest.param(lambda link: "", id="empty"),
        pytest.param(lambda link: link.partition(".")[0], id="no-secret"),
    ],
)
def test_what_is_no_link_opens_nothing_and_uses_none_up(tmp_path: Path, change) -> None:
    link = links.make(tmp_path, "anna", ADMIN, NOW)
    assert links.redeem(tmp_path, change(link), NOW) is None
    assert links.redeem(tmp_path, link, NOW) is not None


def test_a_link_that_is_too_old_opens_nothing(tmp_path: Path) -> None:
    link = links.make(tmp_path, "anna", ADMIN, NOW)
    assert links.redeem(tmp_path, link, NOW + links.LASTS_NS) is None


def test_only_so_many_links_wait(tmp_path: Path) -> None:
    made = [links.make(tmp_path, "anna", ADMIN, NOW) for _ in range(links.LINKS_MAX + 1)]
    assert links.redeem(tmp_path, made[0], NOW) is None
    assert links.redeem(tmp_path, made[1], NOW) is not None


# -- the password ---------------------------------------------------------------------------------


def test_a_password_is_kept_slow_to_guess_and_for_its_owner_alone(tmp_path: Path) -> None:
    assert not password.has_one(tmp_path)
    assert password.owner_of(tmp_path, LONG) is None
    password.keep(tmp_path, "anna", LONG)
    path = tmp_path / password.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = msgspec.json.decode(path.read_bytes())
    assert kept["argon2id"].startswith("$argon2id$v=19$m=65536,")
    assert LONG not in path.read_text()
    assert password.owner_of(tmp_path, LONG) == "anna"
    for wrong in ("", LONG[:-1], LONG.upper(), LONG + "x" * 1_000):
        assert password.owner_of(tmp_path, wrong) is None


def test_another_password_takes_the_place_of_the_first(tmp_path: Path) -> None:
    password.keep(tmp_path, "anna", LONG)
    password.keep(tmp_path, "ben", LONG + "!")
    assert password.owner_of(tmp_path, LONG) is None
    assert password.owner_of(tmp_path, LONG + "!") == "ben"


@pytest.mark.parametrize("text", ["", "short", "x" * 11, "x" * 257])
def test_a_password_that_will_not_do_is_not_kept(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=f"has {len(text)} characters"):
        password.keep(tmp_path, "anna", text)
    assert not password.has_one(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"name": "a"}'])
def test_a_damaged_password_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / password.FILE
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="smart-leverage desk password"):
        password.owner_of(tmp_path, LONG)


def test_a_hash_that_is_none_belongs_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / password.FILE
    path.write_text('{"name": "anna", "argon2id": "nothing"}')
    path.chmod(0o600)
    assert password.owner_of(tmp_path, LONG) is None


# -- acts and visits ------------------------------------------------------------------------------


def test_a_key_is_taken_once_however_many_come_with_it(tmp_path: Path) -> None:
    taken: list[bool] = []
    gate = threading.Barrier(8)

    def come() -> None:
        gate.wait()
        taken.append(acts.begin(tmp_path, "key", "SLPX", NOW))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 7 + [True]


def test_what_came_of_an_act_is_told_to_its_session(tmp_path: Path) -> None:
    assert acts.begin(tmp_path, "key", "SLPX", NOW)
    assert acts.outcome(tmp_path, "key", "SLPX") is None
    acts.finish(tmp_path, "key", "done")
    assert acts.outcome(tmp_path, "key", "SLPX") == "done"
    assert acts.outcome(tmp_path, "key", "SLPY") is None
    assert not acts.begin(tmp_path, "key", "SLPX", NOW + HOUR_NS)
    assert acts.begin(tmp_path, "other", "SLPX", NOW + 2 * DAY_NS)
    assert acts.outcome(tmp_path, "key", "SLPX") is None


def test_the_last_visits_are_kept_and_no_more(tmp_path: Path) -> None:
    with store.writing(tmp_path) as people:
        people.executemany(
            "INSERT INTO visits (at_ns, what, name, source) VALUES (?, 'x', '', '')",
            [(NOW + number,) for number in range(visits.KEPT)],
        )
    visits.note(tmp_path, Visit(NOW * 2, "signed in by link", "anna", "127.0.0.1"))
    found = visits.last(tmp_path, visits.KEPT + 10)
    assert len(found) == visits.KEPT
    assert found[0] == Visit(NOW * 2, "signed in by link", "anna", "127.0.0.1")
    assert found[-1].at_ns == NOW + 1


def test_a_transaction_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    def break_off() -> None:
        with store.writing(tmp_path) as people:
            people.execute("INSERT INTO visits (at_ns, what, name, source) VALUES (1, '', '', '')")
            people.execute("INSERT INTO nothing VALUES (1)")

    with pytest.raises(sqlite3.OperationalError):
        break_off()
    assert visits.last(tmp_path, 1) == []
