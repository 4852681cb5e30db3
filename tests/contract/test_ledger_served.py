"""What a ledger on a server promises beyond any ledger, and what it says of a server that fails."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from tests.postgres import Server, drop_schema, fresh_database, server

from smart_leverage.domain.errors import LedgerCorrupt, LedgerError, LedgerNewer
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Order, Side
from smart_leverage.domain.records import FlowSeen, Intended, Noted
from smart_leverage.ledger.base import Durability, Entry
from smart_leverage.ledger.chain import GENESIS, draft, link
from smart_leverage.ledger.connections import open_at_rest
from smart_leverage.ledger.files import MIRROR, WITNESS, beside, witnessed
from smart_leverage.ledger.home import note_home, open_served
from smart_leverage.ledger.journal import chained
from smart_leverage.ledger.mirror import Mirror
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.connections import ServerDatabase, check_server, connect
from smart_leverage.ledger.postgres.ledger import PostgresLedger, ServerBounds
from smart_leverage.ledger.postgres.promise import Reign, place_of
from smart_leverage.ledger.postgres.reader import ServerReader, open_reader
from smart_leverage.ledger.postgres.tables import OWN
from smart_leverage.ledger.seals import read_seals
from smart_leverage.ledger.verify import backup, verify
from smart_leverage.ledger.watch import Watch

pytestmark = pytest.mark.needs("postgres")

NOTE = Noted(at_ns=1, code="c", text="t")
PASSWORD = "right-for-a-test"


@pytest.fixture
def address(postgres_account: Address) -> Address:
    return postgres_account


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@contextmanager
def owner_of(address: Address) -> "Iterator[psycopg.Connection[Any]]":
    """Connect past all safeguards, as the owner of the database can."""
    with psycopg.connect(address.url, autocommit=True) as line:
        yield line


def in_schema(address: Address, statement: str) -> Any:
    return SQL(statement.replace("{}", "{0}")).format(Identifier(address.schema))


# --- never two writers ----------------------------------------------------------------------------


def test_a_writer_of_an_older_epoch_commits_nothing(address: Address) -> None:
    with PostgresLedger(address) as ledger:
        ledger.commit([NOTE])
        with owner_of(address) as line:
            line.execute(in_schema(address, "UPDATE {}.writer SET epoch = epoch + 1"))
        with pytest.raises(LedgerError, match="a writer of epoch 2 took over; this one is 1"):
            ledger.commit([NOTE])
        assert ledger.is_broken
        with pytest.raises(LedgerError, match="broken and must be opened again"):
            ledger.assure()
    with PostgresLedger(address) as again:
        assert (again.head.seq, again.epoch) == (1, 3)


def test_another_session_than_that_of_the_lock_commits_nothing(address: Address) -> None:
    """As behind a pooler that gives the next transaction to whatever session is free."""
    with PostgresLedger(address) as ledger:
        ledger.commit([NOTE])
        with closing(connect(address, is_writer=True)) as other:
            ledger._database.connection, own = other, ledger._database.connection
            with pytest.raises(LedgerError, match="another session answers than the one that"):
                ledger.commit([NOTE])
            own.close()
    with PostgresLedger(address) as again:
        assert again.head.seq == 1


def test_a_pooler_is_refused_before_anything_is_locked_in_a_session_of_it(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells a number of its own, where a server tells that of the process which answers."""
    with monkeypatch.context() as patch:
        patch.setattr(psycopg.ConnectionInfo, "backend_pid", property(lambda info: 1))
        with pytest.raises(LedgerError, match=r"this is a pooler.*needs the server itself"):
            PostgresLedger(address)
    with PostgresLedger(address) as ledger:
        assert ledger.epoch == 1


def test_a_session_that_is_cut_is_noticed_although_nothing_is_written(address: Address) -> None:
    with PostgresLedger(address, bounds=ServerBounds(look_every_s=0.05)) as ledger:
        ledger.assure()
        with owner_of(address) as line:
            line.execute("SELECT pg_terminate_backend(%s)", (ledger._session,))
        while not ledger.is_broken:
            pass
        with pytest.raises(LedgerError, match="the server does not answer"):
            ledger.append([NOTE])


@pytest.mark.needs("postgres-programs")
def test_a_server_that_hangs_is_given_up_after_a_while(own: Server) -> None:
    """Its process holds the connection open and says nothing, as one whose disk does not answer."""
    address = Address(fresh_database(own.address()), "main")
    with PostgresLedger(address, bounds=ServerBounds(answer_wait_s=0.5)) as ledger:
        ledger.commit([NOTE])
        session = ledger._session
        os.kill(session, signal.SIGSTOP)
        try:
            began_s = time.monotonic()
            with pytest.raises(LedgerError, match="the server does not answer"):
                ledger.append([NOTE]).wait(10)
            assert time.monotonic() - began_s < 5
        finally:
            os.kill(session, signal.SIGCONT)
    with PostgresLedger(address) as again:
        assert again.head.seq in (1, 2)  # It was sent, so the server may have done it later.


def test_accounts_of_one_database_know_nothing_of_each_other(postgres: str) -> None:
    names = ["main", "Main", "a/b"]
    ledgers = [PostgresLedger(Address(postgres, name)) for name in names]
    for number, ledger in enumerate(ledgers, 1):
        ledger.commit([Noted(at_ns=1, code=names[number - 1], text="")] * number)
    for number, ledger in enumerate(ledgers, 1):
        with ledger.reader() as reader:
            assert [row.code for row in reader.notes()] == [names[number - 1]] * number
        ledger.close()


# --- what is kept ---------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["UPDATE {}.journal SET key = 'x'", "DELETE FROM {}.journal"])
def test_the_server_itself_refuses_to_change_the_journal(address: Address, statement: str) -> None:
    with PostgresLedger(address) as ledger:
        ledger.commit([NOTE])
    with owner_of(address) as line:
        for each in (statement, "TRUNCATE {}.journal"):
            with pytest.raises(psycopg.errors.RaiseException, match="the journal is append-only"):
                line.execute(in_schema(address, each))


def test_a_reader_cannot_write_and_nothing_is_prepared_on_the_server(address: Address) -> None:
    with PostgresLedger(address) as ledger:
        for _ in range(20):
            ledger.commit([NOTE])
        with closing(open_reader(address)) as reading:
            for _ in range(20):
                reading.execute(OWN["last_seq"])
            with pytest.raises(LedgerError, match="takes no writes"):
                reading.execute("UPDATE writer SET epoch = ?", (7,))
            for database in (reading, ledger._database):
                count = database.execute("SELECT count(*) FROM pg_prepared_statements")
                assert count.fetchone() == (0,)


@pytest.mark.parametrize(
    ("durability", "setting"), [(Durability.FULL, "on"), (Durability.NONE, "off")]
)
def test_a_commit_waits_for_the_disk_of_the_server_whatever_its_default_is(
    postgres: str, durability: Durability, setting: str
) -> None:
    address = Address(postgres, "main")
    name = psycopg.conninfo.conninfo_to_dict(address.url)["dbname"]
    with owner_of(address) as line:
        for default in ("off", "on"):
            line.execute(
                SQL("ALTER DATABASE {} SET synchronous_commit = {}").format(
                    Identifier(str(name)), Identifier(default)
                )
            )
            with PostgresLedger(address, durability=durability) as ledger:
                shown = ledger._database.execute("SHOW synchronous_commit")
                assert shown.fetchone() == (setting,)


def test_texts_that_a_server_cannot_keep_come_back_as_they_were_and_in_their_order(
    address: Address,
) -> None:
    texts = [
        "",
        "\x00",
        "\x00\x00",
        "\x00a",
        "\x01",
        "\x01\x01",
        "\x01\x02",
        "\x02",
        "é\x00'\";--",
        "𐍈",
    ]
    with PostgresLedger(address) as ledger:
        for text in reversed(texts):
            order = Order(
                client_order_id=f"o{text}", bot=text, key=Key(f"us_equity:{text}"),
                side=Side.BUY, qty=Decimal(1),
            )  # fmt: skip
            ledger.commit(
                [Intended(at_ns=1, order=order, decision_id="d", reserve_price=Decimal(1))]
            )
        with ledger.reader() as reader:
            for text in texts:
                found = reader.order(f"o{text}")
                assert found is not None
                assert found.bot == text
                assert [row.client_order_id for row in reader.orders(bot=text)] == [f"o{text}"]
                assert len(reader.entries_about(f"o{text}")) == 1
            listed = ledger._database.execute("SELECT bot FROM orders ORDER BY bot")
            assert [bot for (bot,) in listed] == sorted(texts)


def test_an_id_is_given_once(address: Address) -> None:
    order = Order(
        client_order_id="a-1", bot="a", key=Key("us_equity:SPY"), side=Side.BUY, qty=Decimal(1)
    )
    intent = Intended(at_ns=1, order=order, decision_id="d", reserve_price=Decimal(1))
    with PostgresLedger(address) as ledger:
        ledger.commit([intent])
        with pytest.raises(LedgerError, match=r'duplicate key value .* "orders_pkey"'):
            ledger.commit([intent])
    with PostgresLedger(address) as again:
        assert again.head.seq == 1


def test_a_sum_too_wide_to_be_exact_is_not_rounded(address: Address) -> None:
    with PostgresLedger(address) as ledger:
        ledger.commit([FlowSeen(at_ns=1, amount=Decimal("1E+90"), source="")])
        with pytest.raises(LedgerError, match="Inexact"):
            ledger.commit([FlowSeen(at_ns=1, amount=Decimal("1E-90"), source="")])
    with PostgresLedger(address) as again:
        assert again.head.seq == 1


# --- what is proved -------------------------------------------------------------------------------


def written(address: Address, path: Path, count: int = 5) -> None:
    with open_served(address, path, is_new=True) as ledger:
        note_home(path, address)
        for number in range(count):
            ledger.commit([Noted(at_ns=number, code="c", text=f"{number}")])


def unguarded(address: Address, *statements: str) -> None:
    with owner_of(address) as line:
        line.execute(in_schema(address, "ALTER TABLE {}.journal DISABLE TRIGGER ALL"))
        for each in statements:
            line.execute(in_schema(address, each))
        line.execute(in_schema(address, "ALTER TABLE {}.journal ENABLE TRIGGER ALL"))


def test_a_sound_ledger_is_proved_and_backed_up_to_a_file(address: Address, path: Path) -> None:
    written(address, path)
    assert verify(path).summary == "5 events, chain sound, projections equal"
    copy = path.with_name("copy.sqlite")
    assert backup(path, copy).is_sound
    assert verify(copy).head == witnessed(path)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        pytest.param(
            "UPDATE {}.journal SET payload = replace(payload, '\"2\"', '\"9\"') WHERE seq = 3",
            "event 3 does not have the hash of its content",
            id="payload",
        ),
        pytest.param("DELETE FROM {}.journal WHERE seq = 3", "event 3 is missing", id="missing"),
        pytest.param(
            "DELETE FROM {}.journal WHERE seq = 5",
            "the journal ends at event 4, but event 5 was acknowledged",
            id="end",
        ),
        pytest.param(
            "UPDATE {}.notes SET text = 'x' WHERE seq = 3",
            "table notes, row 3: text is 'x', the journal says '2'",
            id="table",
        ),
    ],
)
def test_what_was_changed_past_the_guards_is_found(
    address: Address, path: Path, statement: str, says: str
) -> None:
    written(address, path)
    unguarded(address, statement)
    verdict = verify(path)
    assert not verdict.is_sound
    assert says in verdict.summary


def test_months_are_sealed_beside_the_path_and_one_told_anew_is_named(
    address: Address, path: Path
) -> None:
    month_ns = 31 * 24 * 3_600 * 10**9
    with open_served(address, path, is_new=True) as ledger:
        note_home(path, address)
        for number in range(4):
            ledger.commit([Noted(at_ns=number * month_ns, code="c", text=f"{number}")])
    assert [(seal.month, seal.head.seq) for seal in read_seals(path)] == [
        ("1970-01", 1), ("1970-02", 2), ("1970-03", 3),
    ]  # fmt: skip
    other = Address(address.url, f"{address.account} again")
    try:
        with PostgresLedger(other) as again:  # A chain that is sound by itself.
            for number in range(4):
                again.commit([Noted(at_ns=number * month_ns, code="c", text="another")])
        note_home(path, other)
        beside(path, WITNESS).unlink()
        assert "month 1970-01, events 1 to 1, is not what was sealed" in verify(path).summary
        with pytest.raises(LedgerCorrupt, match="month 1970-01, events 1 to 1, is not what was s"):
            PostgresLedger(other, path)
    finally:
        drop_schema(address.url, other.schema)


def test_a_database_from_before_what_was_acknowledged_is_refused(
    address: Address, path: Path
) -> None:
    written(address, path)
    unguarded(address, "DELETE FROM {}.journal WHERE seq > 3")
    with pytest.raises(LedgerCorrupt, match="ends at event 3, but event 5 was acknowledged"):
        PostgresLedger(address, path)
    with owner_of(address) as line:
        line.execute(in_schema(address, "DROP SCHEMA {} CASCADE"))
    with pytest.raises(LedgerCorrupt, match="no ledger, but event 5 of it was acknowledged"):
        PostgresLedger(address, path)
    beside(path, WITNESS).unlink()  # On purpose, as the sentence says.
    PostgresLedger(address, path).close()


# --- what is refused, and how ---------------------------------------------------------------------


def test_a_newer_ledger_is_refused(address: Address) -> None:
    PostgresLedger(address).close()
    with owner_of(address) as line:
        line.execute(in_schema(address, "UPDATE {}.ledger_schema SET version = 99"))
    for act in (PostgresLedger, ServerReader.at):
        with pytest.raises(LedgerNewer, match="tables of version 99, this program knows 1; update"):
            act(address)


def test_the_tables_of_somebody_else_are_left_alone(address: Address) -> None:
    with owner_of(address) as line:
        line.execute(in_schema(address, "CREATE SCHEMA {}"))
        line.execute(in_schema(address, "CREATE TABLE {}.orders (id int)"))
    with pytest.raises(LedgerError, match=f"the schema {address.schema} is there and is not a"):
        PostgresLedger(address)
    with owner_of(address) as line:
        assert line.execute(in_schema(address, "SELECT count(*) FROM {}.orders")).fetchone() == (0,)


def test_a_ledger_that_holds_something_is_not_begun_anew(address: Address, path: Path) -> None:
    written(address, path)
    with pytest.raises(LedgerError, match="a ledger of that name with 5 events, which this folder"):
        open_served(address, path.with_name("elsewhere.sqlite"), is_new=True)


def test_there_is_nothing_to_read_before_a_ledger_was_begun(address: Address) -> None:
    with pytest.raises(LedgerError, match="no ledger here; `smart-leverage run` makes one"):
        ServerReader.at(address)


@pytest.mark.parametrize("version", [140_012, 90_624])
def test_a_server_that_is_too_old_is_named(version: int) -> None:
    number = f"{version // 10_000}.{version % 10_000}"
    with pytest.raises(LedgerError, match=f"is PostgreSQL {number}, this needs 15 or newer"):
        check_server(version, {}.get, Address("postgresql://db/a", "main"))


def test_a_database_that_lacks_letters_is_refused(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as line:
        name = f"latin_{os.getpid()}"
        line.execute(
            SQL("CREATE DATABASE {} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").format(
                Identifier(name)
            )
        )
        try:
            base, _, query = postgres.partition("?")
            url = f"{base.rpartition('/')[0]}/{name}?{query}"
            with pytest.raises(LedgerError, match="keeps its letters as LATIN1; make another one"):
                PostgresLedger(Address(url, "main"))
        finally:
            line.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("postgresql://t@127.0.0.1:1/a", "the server does not answer", id="refused"),
        pytest.param("postgresql://t@no.such.host.invalid/a", "the name of the server", id="host"),
        pytest.param("postgresql:///a?host=/nowhere", "the server does not answer", id="socket"),
        pytest.param("postgresql://t@h/a?nonsense=1", "not a URL of a server", id="parameter"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named_with_the_reason(url: str, says: str) -> None:
    with pytest.raises(LedgerError, match=says) as caught:
        PostgresLedger(Address(url, "main"))
    assert url in str(caught.value)


def test_a_database_that_is_not_there_is_named(postgres: str) -> None:
    base, _, query = postgres.partition("?")
    with pytest.raises(LedgerError, match="no such database; make it with `createdb"):
        PostgresLedger(Address(f"{base}_not?{query}", "main"))


# --- a server of one's own ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    with server() as one:
        with psycopg.connect(one.address(), autocommit=True) as line:
            line.execute(SQL("CREATE ROLE guarded LOGIN PASSWORD {}").format(PASSWORD))
        yield one


@pytest.mark.needs("postgres-programs")
@pytest.mark.parametrize("given", [None, "wrong-for-a-test"], ids=["none", "wrong"])
def test_a_wrong_password_is_told_without_showing_it(
    own: Server, given: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    if given is not None:
        monkeypatch.setenv("PGPASSWORD", given)
    address = Address(own.tcp_address(user="guarded"), "main")
    with pytest.raises(
        LedgerError, match=r"password or the user; put the password into ~/\.pgp"
    ) as caught:
        PostgresLedger(address)
    assert str(given) not in str(caught.value)


@pytest.mark.needs("postgres-programs")
def test_the_password_comes_from_the_file_that_libpq_knows(
    own: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "pgpass"
    kept.write_text(f"127.0.0.1:{own.port}:*:guarded:{PASSWORD}\n")
    kept.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(kept))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    database = fresh_database(own.address())
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    address = Address(own.tcp_address(str(name), "guarded"), "main")
    with pytest.raises(LedgerError, match=f'GRANT CREATE ON DATABASE "{name}" TO "guarded"'):
        PostgresLedger(address)
    with psycopg.connect(database, autocommit=True) as line:
        line.execute(SQL("GRANT CREATE ON DATABASE {} TO guarded").format(Identifier(str(name))))
    with PostgresLedger(address) as ledger:
        assert ledger.commit([NOTE]).seq == 1
        # The writer's silence is noticed by the server as well, within seconds.
        asked = ledger._database.execute("SHOW tcp_keepalives_idle")
        assert asked.fetchone() == ("5",)


@pytest.mark.needs("postgres-programs")
def test_a_server_that_does_not_sync_is_refused() -> None:
    with server("fsync=off") as careless:
        address = Address(careless.address(), "main")
        with pytest.raises(LedgerError, match="runs with fsync = off and loses what it acknowl"):
            PostgresLedger(address)
        with PostgresLedger(address, durability=Durability.NONE) as ledger:
            assert ledger.commit([NOTE]).seq == 1


def test_what_is_held_sees_one_state(address: Address) -> None:
    with PostgresLedger(address) as ledger:
        ledger.commit([NOTE])
        with closing(open_reader(address)) as reading:
            with reading.held():
                assert last(reading) == 1
                ledger.commit([NOTE])
                assert last(reading) == 1
            assert last(reading) == 2


def last(database: ServerDatabase) -> int:
    ((seq,),) = database.execute(OWN["last_seq"]).fetchall()
    return int(seq)


@pytest.mark.needs("postgres-programs")
def test_a_standby_is_read_and_not_written() -> None:
    with server() as one:
        address = Address(one.address(), "main")
        with PostgresLedger(address) as ledger:
            ledger.commit([NOTE])
        one.stop()
        one.follow_nobody()
        one.start()
        with pytest.raises(LedgerError, match="is a standby and takes no writes; name the primary"):
            PostgresLedger(address)
        with ServerReader.at(address) as reader:
            assert reader.head().seq == 1
            assert [row.code for row in reader.notes()] == ["c"]


@pytest.mark.needs("postgres-programs")
def test_who_follows_a_ledger_goes_on_when_its_server_is_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with server() as one:
        address = Address(one.address(), "main")
        written(address, path)
        watch = Watch(path)
        look = watch.look()
        assert look is not None
        assert [entry.seq for entry in look.reader.entries()] == [1, 2, 3, 4, 5]
        watch.took(look)
        assert watch.look() is None
        one.stop()
        for _ in range(3):  # The second and third are told at once, and do not ask.
            with pytest.raises(LedgerError, match="the server does not answer"):
                watch.look()
        one.start()
        with PostgresLedger(address, path) as ledger:
            ledger.commit([NOTE])
        until = time.monotonic() + 10
        while True:
            with suppress(LedgerError):
                look = watch.look()
                break
            assert time.monotonic() < until
        assert look is not None
        assert not look.is_another
        assert [entry.seq for entry in look.reader.entries(5)] == [6]
        watch.close()


# --- the copy beside the account ------------------------------------------------------------------

REIGN = Reign(600.0)


def copied(path: Path) -> list[Entry]:
    with closing(open_at_rest(beside(path, MIRROR))) as connection:
        return list(chained(connection))


def test_the_copy_follows_every_commit_and_catches_up(address: Address, path: Path) -> None:
    with PostgresLedger(address, path) as ledger:  # only written to: no copy is begun
        ledger.commit([NOTE] * 3)
    assert not beside(path, MIRROR).exists()
    with PostgresLedger(address, path, reign=REIGN) as ledger:
        ledger.commit([NOTE] * 2)
        ledger.commit([NOTE])
        entries = list(ledger.read())
    assert copied(path) == entries
    with PostgresLedger(address, path) as ledger:
        ledger.commit([NOTE])
    assert len(copied(path)) == 6
    with PostgresLedger(address, path, reign=REIGN) as ledger:
        entries = list(ledger.read())
    assert copied(path) == entries


@pytest.mark.parametrize("damage", ["another-ledger", "garbage", "cut", "gone"])
def test_a_copy_that_is_none_is_made_anew(address: Address, path: Path, damage: str) -> None:
    mirror = beside(path, MIRROR)
    with PostgresLedger(address, path, reign=REIGN) as ledger:
        ledger.commit([NOTE] * 3)
    if damage == "another-ledger":
        mirror.unlink()
        with closing(Mirror(path)) as other:
            other.follow([link(GENESIS, 1, draft(Noted(at_ns=1, code="c", text="other")))])
    elif damage == "garbage":
        mirror.write_bytes(b"no database" * 1_000)
    elif damage == "cut":
        mirror.write_bytes(mirror.read_bytes()[:5_000])
    else:
        mirror.unlink()
    with PostgresLedger(address, path, reign=REIGN) as ledger:
        ledger.commit([NOTE])
        entries = list(ledger.read())
    assert copied(path) == entries


def test_without_a_copy_the_ledger_takes_records_and_there_is_no_refuge(
    address: Address, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.joinpath(beside(path, MIRROR).name).mkdir()
    beside(path, MIRROR).joinpath("in the way").touch()
    with PostgresLedger(address, path, reign=REIGN) as ledger:
        assert ledger.commit([NOTE]).seq == 1
    assert "so no refuge" in caplog.text


def test_a_folder_and_its_copy_are_two_places(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    place = place_of(one / "ledger.sqlite")
    assert place_of(one / "ledger.sqlite") == place
    shutil.copytree(one, two)
    assert place_of(two / "ledger.sqlite") != place
    one.rename(tmp_path / "moved")
    assert place_of(tmp_path / "moved" / "ledger.sqlite") == place


def test_an_owner_that_stood_still_for_longer_than_it_promised_sends_nothing(
    address: Address, path: Path
) -> None:
    with PostgresLedger(address, path, reign=REIGN) as ledger:
        assert ledger.lapsed == ""
        seen = ledger._seen_at
        ledger._seen_at = seen._replace(boot_ns=seen.boot_ns - 700 * 10**9)
        assert "more than 600 s ago" in ledger.lapsed
        ledger.commit([NOTE])
        assert ledger.lapsed == ""
