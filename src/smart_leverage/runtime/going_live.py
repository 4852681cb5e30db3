"""The note that a person went through the checklist: without it no account with real money runs."""

import hashlib
from pathlib import Path

import msgspec

from smart_leverage.domain.errors import ConfigError
from smart_leverage.ledger.files import write_durably

FILE = "go-live.json"


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """Who went through the checklist, when, for which numbers, and what each line said.

    `policy` is the fingerprint of the numbers in force; `paper` is the account that tried them out.
    """

    at_ns: int
    who: str
    policy: str
    paper: str
    lines: tuple[str, ...]


def fingerprint(policy_text: str) -> str:
    """Return what identifies the numbers of a policy, whichever account it is.

    Args:
        policy_text: `key = value` a line, as a ledger keeps it; the account's own section is left
            out, because paper and live differ in it.
    """
    lines = [line for line in policy_text.splitlines() if not line.startswith("account.")]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def clear(folder: Path, cleared: Cleared) -> None:
    """Leave the note in the folder of an account."""
    body = msgspec.json.format(msgspec.json.encode(cleared)) + b"\n"
    write_durably(folder / FILE, body.decode())


def refuse_uncleared(folder: Path, policy_text: str) -> None:
    """See to it that a person has gone through the checklist for these numbers.

    Raises:
        ConfigError: Nobody has, or the numbers are others by now.
    """
    command = f"`smart-leverage go-live --name {folder.name} --paper FOLDER`"
    try:
        cleared = msgspec.json.decode((folder / FILE).read_bytes(), type=Cleared)
    except FileNotFoundError:
        told = f"real money needs a checklist that nobody has gone through; {command}"
        raise ConfigError([told], str(folder)) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError([f"{FILE} cannot be read: {error}; {command}"], str(folder)) from None
    if cleared.policy != fingerprint(policy_text):
        told = f"the numbers of the policy are others than those of the checklist; {command}"
        raise ConfigError([told], str(folder))
