"""A real server for the ledger of an account in trouble; its commits fail when they are told to."""

from pathlib import Path

from tests.contract.desk_in_trouble import Disk

from smart_leverage.domain.errors import LedgerError
from smart_leverage.ledger.home import home_of, note_home
from smart_leverage.ledger.postgres.address import Address
from smart_leverage.ledger.postgres.ledger import PostgresLedger
from smart_leverage.ledger.postgres.promise import Reign
from smart_leverage.ledger.projections import Row

REIGN = Reign(600.0)


class Away(Disk):
    """A server that is away while it refuses: nobody gets in, and the session is lost."""

    def __init__(self, address: Address, reign: Reign = REIGN) -> None:
        super().__init__()
        self.address, self.reign = address, reign

    def open(self, path: Path) -> PostgresLedger:
        if self.is_refusing:
            self.refused += 1
            raise LedgerError(self.error)
        ledger = Lost(self, path)
        if home_of(path) is None:
            note_home(path, self.address)
        return ledger

    def answers(self, path: Path) -> bool:
        return not self.is_refusing


class Lost(PostgresLedger):
    """A ledger whose commit is not acknowledged, though it may be there all the same."""

    def __init__(self, away: Away, path: Path) -> None:
        self._away = away
        super().__init__(away.address, path, reign=away.reign)

    def _make_durable(self, rows: list[Row]) -> None:
        away = self._away
        if not away.is_refusing:
            super()._make_durable(rows)
            return
        away.refused += 1
        if away.is_kept:
            super()._make_durable(rows)
        raise LedgerError(away.error)
