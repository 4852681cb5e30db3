"""Seats as another process reads them: at once when committed, and the last known in trouble."""

from pathlib import Path

from smart_leverage.domain.bots import Scope, Seat
from smart_leverage.domain.records import Noted, SeatChanged
from smart_leverage.ledger.seats import SeatsOnFile
from smart_leverage.ledger.sqlite import SqliteLedger


def changed(token_id: str, *, is_revoked: bool = False) -> SeatChanged:
    seat = Seat(
        bot="b",
        token_id=token_id,
        secret_sha256="0" * 64,
        scopes=(Scope.READ,),
        is_revoked=is_revoked,
    )
    return SeatChanged(at_ns=1, seat=seat, who="a test", reason="a test")


def test_what_is_committed_is_seen_by_the_next_question(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    seats = SeatsOnFile(path)
    assert seats() == {}
    with SqliteLedger(path) as ledger:
        assert seats() == {}
        for name in ("one", "two"):
            ledger.commit([changed(name)])
            assert seats()[name].token_id == name
        ledger.commit([changed("one", is_revoked=True)])
        assert [seat.is_revoked for seat in seats().values()] == [True, False]
    assert set(seats()) == {"one", "two"}
    seats.close()


def test_a_long_journal_is_read_by_pages_and_then_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path) as ledger:
        ledger.commit([changed("first")])
        ledger.commit([Noted(at_ns=1, code="x", text=str(number)) for number in range(5_000)])
        ledger.commit([changed("last")])
        seats = SeatsOnFile(path)
        assert set(seats()) == {"first", "last"}
        assert seats() is seats()
        seats.close()


def test_another_ledger_in_its_place_has_its_own_seats(tmp_path: Path) -> None:
    path, other = tmp_path / "ledger.sqlite", tmp_path / "other.sqlite"
    for place, name in ((path, "old"), (other, "new")):
        with SqliteLedger(place) as ledger:
            ledger.commit([changed(name)])
    seats = SeatsOnFile(path)
    assert set(seats()) == {"old"}
    other.replace(path)
    assert set(seats()) == {"new"}
    seats.close()


def test_while_the_ledger_cannot_be_read_the_last_known_seats_stand(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqliteLedger(path) as ledger:
        ledger.commit([changed("one")])
    seats = SeatsOnFile(path)
    assert set(seats()) == {"one"}
    path.rename(tmp_path / "gone")
    assert set(seats()) == {"one"}
    path.write_bytes(b"no ledger" * 1_000)
    assert set(seats()) == {"one"}
    seats.close()
