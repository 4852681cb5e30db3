"""Where a ledger is: a URL without a password, a name of its own, and the note beside a path."""

from pathlib import Path

import pytest

from smart_leverage.cli import places
from smart_leverage.domain.errors import ConfigError, LedgerError
from smart_leverage.ledger.home import (
    SERVER,
    forget_home,
    home_of,
    is_nowhere,
    note_home,
    open_ledger,
)
from smart_leverage.ledger.postgres.address import Address, fault_of
from smart_leverage.ledger.reader import Reader
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.verify import verify
from smart_leverage.settings import load

URL = "postgresql://trader@db.example:5433/accounts?sslmode=verify-full"
SECRET = "s3cret-of-a-test"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "postgres://localhost/accounts",
        "postgresql:///accounts?host=/var/run/postgresql",
        "postgresql://one,two/accounts?target_session_attrs=read-write",
        "postgresql://?service=accounts",
        "postgresql://db/accounts?passfile=/run/secrets/pgpass",
    ],
)
def test_what_libpq_understands_without_a_password_is_a_server(url: str) -> None:
    assert fault_of(url) is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param(f"postgresql://u:{SECRET}@db/a", "holds a password", id="password"),
        pytest.param(f"postgresql://db/a?password={SECRET}", "holds a password", id="parameter"),
        pytest.param(f"postgresql://db/a?sslpassword={SECRET}", "holds a password", id="key"),
        pytest.param(f"mysql://u:{SECRET}@db/a", "unknown scheme mysql://", id="scheme"),
        pytest.param("sqlite:///ledger.sqlite", "unknown scheme sqlite://", id="file"),
        pytest.param("db.example/accounts", "no scheme; known is postgresql://", id="no-scheme"),
        pytest.param("postgresql:accounts", "lacks the //", id="no-slashes"),
        pytest.param("postgresql://[::1/a", "is not a URL", id="torn"),
        pytest.param("postgresql://db/a#b", "after #", id="fragment"),
        pytest.param("", "no scheme", id="empty"),
    ],
)
def test_a_url_that_will_not_do_is_refused_and_never_repeated(url: str, says: str) -> None:
    told = fault_of(url) or ""
    assert says in told
    assert SECRET not in told


def test_every_account_has_a_schema_and_a_lock_of_its_own() -> None:
    names = ["main", "Main", "main ", "a/b", "a_b", "a-b", "é", "", "x" * 64, "x" * 65, "sl_main"]
    addresses = [Address(URL, name) for name in names]
    assert addresses[0].schema == "sl_main"
    assert len({each.schema for each in addresses}) == len(names)
    assert len({each.lock for each in addresses}) == len(names)
    assert all(len(each.schema.encode()) <= 63 for each in addresses)
    assert all(-(2**63) <= each.lock < 2**63 for each in addresses)


def test_a_note_beside_a_path_says_where_its_ledger_is(path: Path) -> None:
    assert home_of(path) is None
    assert is_nowhere(path)
    address = Address(URL, "main of é")
    note_home(path, address)
    assert home_of(path) == address
    assert not is_nowhere(path)
    assert places.is_there(path)
    assert places.SERVER == SERVER
    assert path.with_name("ledger.sqlite.server").stat().st_mode & 0o777 == 0o600
    forget_home(path)
    forget_home(path)
    assert home_of(path) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "should hold two lines", id="empty"),
        pytest.param(URL, "should hold two lines", id="one-line"),
        pytest.param("mysql://db/a\nmain\n", "unknown scheme mysql", id="scheme"),
        pytest.param(f"postgresql://u:{SECRET}@db/a\nmain\n", "holds a password", id="password"),
    ],
)
def test_a_note_that_cannot_be_used_is_an_error(path: Path, text: str, says: str) -> None:
    path.with_name("ledger.sqlite.server").write_text(text)
    with pytest.raises(LedgerError, match=says) as caught:
        home_of(path)
    assert SECRET not in str(caught.value)


def test_no_file_is_begun_beside_a_note_of_a_server(path: Path) -> None:
    note_home(path, Address(URL, "main"))
    with pytest.raises(LedgerError, match="the ledger of this path is account main at postgresql"):
        SqliteLedger(path)
    assert not path.exists()


def test_a_missing_driver_is_told_with_what_installs_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_home(path, Address(URL, "main"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for act in (Reader.open, open_ledger, verify):
        with pytest.raises(LedgerError, match=r"needs the extra `postgres`: install smart-leverag"):
            act(path)


# --- the setting ----------------------------------------------------------------------------------


def test_the_setting_takes_a_server_and_a_name(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f'[ledger]\nurl = "{URL}"\naccount = "main"\n')
    settings = load(file, {}).settings
    assert (settings.ledger.url, settings.ledger.account) == (URL, "main")
    plain = load(None, {}).settings
    assert plain.ledger.url == ""
    assert settings.policy_hash() == plain.policy_hash()  # Where it is kept is no policy.


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgresql://u:{SECRET}@db/a", "ledger.url: the URL holds a password"),
        (f"mysql://u:{SECRET}@db/a", "ledger.url: the URL has the unknown scheme mysql://"),
    ],
)
def test_the_setting_refuses_what_is_none_and_never_shows_a_password(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load(None, {"SMART_LEVERAGE_LEDGER__URL": url})
    assert SECRET not in str(caught.value)
