"""Where the ledger of an account is opened: in a file of its folder, or on a server."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from smart_leverage.domain.errors import (
    ConfigError,
    LedgerCorrupt,
    LedgerError,
    LedgerLocked,
    LedgerNewer,
)
from smart_leverage.ledger.files import beside, is_missing
from smart_leverage.ledger.home import SERVER, home_of, note_home, open_served, refuse_lacking
from smart_leverage.ledger.space import takes
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.ledger.writing import WritingLedger
from smart_leverage.settings import Settings

if TYPE_CHECKING:
    from smart_leverage.ledger.postgres.address import Address
    from smart_leverage.ledger.postgres.knocking import Knocker
    from smart_leverage.ledger.postgres.promise import Reign

RECONNECT_S = 120.0
"""How long a running account without a refuge waits for its server; meanwhile nothing is sent."""
RECONNECT_EVERY_S = 0.5

_FINAL = (LedgerCorrupt, LedgerNewer, LedgerLocked)


def address_in(settings: Settings, path: Path) -> "Address | None":
    """Return where the settings have the ledger of a path; None for its file."""
    section = settings.ledger
    if not section.url:
        return None
    from smart_leverage.ledger.postgres.address import Address

    name = section.account or path.absolute().parent.name
    return Address(section.url, name)


def ledger_for(settings: Settings, path: Path, *, reign: "Reign | None" = None) -> WritingLedger:
    """Open the ledger of an account for writing: where it is, else where the settings want it.

    Args:
        settings: Say where a new one goes.
        path: Of the ledger.
        reign: How the account is run on a server; None when its ledger is only written to.

    Raises:
        ConfigError: It is elsewhere than the settings say.
        LedgerError: The server has another account of that name, or it cannot be opened.
    """
    wanted, there = address_in(settings, path), home_of(path)
    if there is not None:
        if wanted is not None and wanted != there:
            raise _contradicted(
                f"means {wanted.told}, but the ledger of {path.parent} is {there.told}; change the "
                "setting, or move the ledger: `smart-leverage ledger migrate`"
            )
        return open_served(there, path, reign=reign)
    if wanted is None:
        return SqliteLedger(path)
    if not is_missing(path):
        raise _contradicted(
            f"means {wanted.told}, but the ledger of this account is the file {path}; "
            f"`smart-leverage ledger migrate --ledger {path.parent} --to {wanted.url}` moves it"
        )
    ledger = open_served(wanted, path, reign=reign, is_new=True)
    try:
        note_home(path, wanted)
    except BaseException:
        ledger.close()
        raise
    return ledger


def _contradicted(what: str) -> ConfigError:
    return ConfigError([f"ledger.url: {what}"])


class Opener:
    """Opens the ledger of a running account, again and again.

    Whoever finds that somebody else wrote in between ends: what it had in hand is no longer its
    own.
    """

    def __init__(
        self,
        settings: Settings,
        warn: Callable[[str], None],
        *,
        wait_s: float = RECONNECT_S,
    ) -> None:
        self._settings = settings
        self._warn = warn
        self._wait_s = wait_s
        self._epoch = 0
        self._knocker: Knocker | None = None

    def __call__(self, path: Path) -> WritingLedger:
        """Open the ledger of a path; see `ledger_for`.

        Raises:
            LedgerLocked: Somebody else writes it, or did in between.
            LedgerError: It cannot be opened.
        """
        ledger = ledger_for(self._settings, path, reign=self._reign(path))
        is_again = self._epoch > 0 and beside(path, SERVER).exists()
        if is_again and ledger.epoch != self._epoch + 1 and not ledger.was_ours:
            ledger.close()
            raise LedgerLocked(
                f"{path}: somebody else wrote this ledger while its server was out of reach"
            )
        self._epoch = ledger.epoch
        return ledger

    def answers(self, path: Path) -> bool:
        """Tell, without waiting for a server, whether the ledger may take records again."""
        address = home_of(path)
        if address is None:
            return takes(path)
        if self._knocker is None:
            from smart_leverage.ledger.postgres.knocking import Knocker

            self._knocker = Knocker(address)
        return self._knocker.answers()

    def patiently(self, path: Path) -> WritingLedger:
        """Open the ledger of an account without a refuge: nothing is sent before that.

        Raises:
            LedgerLocked: Somebody else writes it, or did in between.
            LedgerError: It cannot be opened, after all waiting.
        """
        until_s = time.monotonic() + self._wait_s
        is_told = False
        while True:
            try:
                return self(path)
            except _FINAL:
                raise
            except LedgerError as error:
                if time.monotonic() >= until_s:
                    raise
                if not is_told:
                    self._warn(
                        f"■ {error}. The account is halted and nothing is sent; what rests at the "
                        f"broker stays there. The server is tried for {self._wait_s:g} s"
                    )
                    is_told = True
            time.sleep(RECONNECT_EVERY_S)

    def _reign(self, path: Path) -> "Reign | None":
        if address_in(self._settings, path) is None and home_of(path) is None:
            return None
        refuse_lacking()
        from smart_leverage.ledger.postgres.promise import Reign

        return Reign(self._settings.ledger.refuge_s, self._warn)
