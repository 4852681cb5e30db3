"""Questions to a ledger on a server, in transactions that cannot write."""

from typing import Self

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.connections import ServerDatabase, connect
from smart_leverage.ledger.postgres.tables import OWN, check, exists
from smart_leverage.ledger.reader import Reader


def open_reader(address: Address) -> ServerDatabase:
    """Open a connection that can only read, and check that it reads a ledger.

    Raises:
        LedgerError: There is no ledger, or a newer or a damaged one, or no server.
    """
    database = ServerDatabase(connect(address, is_writer=False), address)
    try:
        if not exists(database):
            raise LedgerError(
                f"{address.told}: no ledger here; `smart-leverage run` makes one, and "
                "`smart-leverage ledger migrate --to` moves one there"
            )
        check(database)
    except BaseException:
        database.close()
        raise
    return database


class ServerReader(Reader):
    """A `Reader` of a ledger on a server; it may go through a pooler."""

    def __init__(self, database: ServerDatabase) -> None:
        super().__init__(database)
        self._database = database

    @classmethod
    def at(cls, address: Address) -> Self:
        """Open the ledger at an address.

        Raises:
            LedgerError: There is no ledger, or a newer or a damaged one, or no server.
        """
        return cls(open_reader(address))

    def data_version(self) -> int:
        """Return the number of the last link: nothing else is ever committed."""
        ((seq,),) = self._database.execute(OWN["last_seq"]).fetchall()
        return int(seq)

    def identity(self) -> int:
        """Return a number that another ledger at the same address would not have."""
        ((oid,),) = self._database.execute(
            "SELECT oid::bigint FROM pg_namespace WHERE nspname = ?", (self._database.schema,)
        ).fetchall()
        return int(oid)
