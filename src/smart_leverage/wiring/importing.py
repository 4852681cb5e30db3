"""History goes into the journal of an account that no process runs: all of it, or nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.clock import SystemClock
from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.records import AccountOpened, decode
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import PastArrived
from smart_leverage.engine.state import State
from smart_leverage.history.base import Read
from smart_leverage.ledger.home import open_ledger
from smart_leverage.runtime.admin import is_admin
from smart_leverage.runtime.control import Answer
from smart_leverage.runtime.importing import Gathered, gather
from smart_leverage.runtime.operator import answer_of


class Wanted(NamedTuple):
    """Who wants the history to count, why, and with which token."""

    who: str
    reason: str
    token: str
    leaves_unbought: bool = False


class Imported(NamedTuple):
    """What the files held, what became of them, and the account afterwards."""

    gathered: Gathered
    answer: Answer
    state: State


def import_at_rest(path: Path, reads: Sequence[Read], wanted: Wanted) -> Imported:
    """Put files into the ledger of an account; they are one commit, or none.

    Positions, cash and baselines stay as they are. The next start judges the tier by the record.

    Raises:
        LedgerLocked: A process runs the account: its engine would not know of what was written.
        LedgerError: The ledger cannot be read or written, or holds no account.
        BadData: See `gather`.
    """
    with open_ledger(path) as ledger:
        engine = Engine(EngineConfig(), (decode(entry.payload) for entry in ledger.read()))
        opened = engine.state.opened
        if opened is None:
            raise LedgerError(f"{path}: holds no account yet; start a run with it first")
        found = _gathered(reads, engine.state, opened, wanted)
        event = PastArrived(
            at_ns=SystemClock().now_ns(),
            who=wanted.who,
            reason=wanted.reason,
            files=found.files,
            deals=found.deals,
            equity={str(at): worth for at, worth in found.equity.items()},
            flows={str(at): amount for at, amount in found.flows.items()},
            left_out=found.left_out,
            is_admin=is_admin(path.parent, wanted.token),
        )
        records = engine.process(event).records
        if records:
            ledger.commit(records)
        return Imported(found, answer_of(engine.state, ledger.head.seq, records), engine.state)


def _gathered(
    reads: Sequence[Read], state: State, opened: AccountOpened, wanted: Wanted
) -> Gathered:
    return gather(
        reads,
        state.book.past,
        opened_ns=opened.at_ns,
        mode=opened.mode,
        leaves_unbought=wanted.leaves_unbought,
    )
