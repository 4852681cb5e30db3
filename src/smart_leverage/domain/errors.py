"""Every error of the product, arranged by what happens next.

SmartLeverageError
├── ConfigError          the operator corrects a key           exit 3
├── BadData              the input is refused, nothing is kept exit 1
├── SourceDown           a source of prices does not answer; ask later  exit 4
├── BrokerError
│   ├── Refused          the broker said no; final
│   ├── NotSent          provably no byte left; may be sent again
│   ├── OutcomeUnknown   sent or maybe sent; look up, never resend blindly
│   └── BrokerDown       nothing answers; increases stop
├── LedgerError          halt, close, verify, rebuild
│   ├── LedgerNewer      a newer program wrote it; refuse to start
│   ├── LedgerCorrupt    the chain is broken; refuse to start
│   └── LedgerLocked     another process writes; refuse to start
├── WorkersLost          of a sweep; what is finished is kept   exit 1
└── InvariantViolation   our bug: halt, keep the evidence, do not catch
"""

from pathlib import Path


class SmartLeverageError(Exception):
    """Root of the tree; `code` is stable and documented, the sentence may change."""

    code = "error"
    retriable = False


class ConfigError(SmartLeverageError):
    """Something configured is wrong; every problem is listed, each with what would be accepted."""

    code = "config.invalid"

    def __init__(self, problems: list[str], source: str = "configuration") -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        super().__init__(f"{source}\n{lines}\n{count}")
        self.problems = problems
        self.source = source


class BadData(SmartLeverageError):
    """An input cannot be used; says which file and row, what is wrong and what would be right."""

    code = "data.bad"

    def __init__(
        self, fault: str, *, file: Path | str | None = None, row: int | None = None, fix: str = ""
    ) -> None:
        where = "" if file is None else f"{file}"
        if row is not None:
            where += f", row {row}"
        sentence = f"{where}: {fault}" if where else fault
        super().__init__(f"{sentence}; {fix}" if fix else sentence)
        self.fault = fault
        self.file = None if file is None else Path(file)
        self.row = row
        self.fix = fix


class SourceDown(SmartLeverageError):
    """A source of prices does not answer, after all tries; what has arrived is kept."""

    code = "data.source_down"
    retriable = True


class BrokerError(SmartLeverageError):
    """Something between us and the broker."""

    code = "broker.error"


class Refused(BrokerError):
    """The broker said no; the order does not exist there."""

    code = "broker.refused"

    def __init__(self, broker_code: int, message: str, **facts: str) -> None:
        super().__init__(f"{message} [{broker_code}]")
        self.broker_code = broker_code
        self.message = message
        self.facts = facts

    @property
    def is_repeated_id(self) -> bool:
        """Whether the id is taken, which proves that an earlier request of it was accepted."""
        return "client_order_id must be unique" in self.message


class NotSent(BrokerError):
    """No byte of the request left this process."""

    code = "broker.not_sent"
    retriable = True


class OutcomeUnknown(BrokerError):
    """A request left us and no answer came back."""

    code = "broker.outcome_unknown"

    def __init__(self, client_order_id: str, waited_s: float) -> None:
        super().__init__(f"order {client_order_id}: no answer after {waited_s:g} s")
        self.client_order_id = client_order_id
        self.waited_s = waited_s


class BrokerDown(BrokerError):
    """The broker does not answer at all."""

    code = "broker.down"
    retriable = True


class LedgerError(SmartLeverageError):
    """The journal cannot be trusted or written; nothing may be sent until it is opened again."""

    code = "ledger.error"


class LedgerNewer(LedgerError):
    """The ledger was written by a newer version of the program."""

    code = "ledger.newer"


class LedgerCorrupt(LedgerError):
    """The hash chain is broken or a projection disagrees with the journal."""

    code = "ledger.corrupt"


class LedgerLocked(LedgerError):
    """Another process owns this ledger."""

    code = "ledger.locked"


class WorkersLost(SmartLeverageError):
    """Workers of a sweep died again and again over the same work."""

    code = "research.workers_lost"

    def __init__(self, returncode: int | None, part: int) -> None:
        how = "unexpectedly" if returncode is None else f"with code {returncode}"
        where = "at their start" if part < 0 else f"over part {part}"
        super().__init__(
            f"workers ended {how} {where}, again and again; what is finished is kept, "
            "the same command goes on from there"
        )
        self.returncode = returncode
        self.part = part


class InvariantViolation(SmartLeverageError):
    """A statement that must always hold does not: a bug of ours."""

    code = "bug.invariant"
