"""People at the desk of an account that really runs: signed in, they send forms as a page does."""

import html
import re
import time
from pathlib import Path

from tests.wire.browsing import Browser, hidden
from tests.wire.raw import Answer

from smart_leverage.domain.bots import Scope
from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.domain.records import Record, decode
from smart_leverage.engine.events import Command
from smart_leverage.ledger.reader import Reader
from smart_leverage.runtime.control import Request, ask
from smart_leverage.runtime.people import sessions
from smart_leverage.server.desk.steering import keys

OLD_NS = 20 * MINUTE_NS


class Person(Browser):
    """A signed-in person; each session is one of its own."""

    def __init__(
        self, url: str, folder: Path, *scopes: Scope, name: str = "anna", ago_ns: int = 0
    ) -> None:
        super().__init__(url)
        began_ns = time.time_ns() - ago_ns
        token = sessions.begin(folder, name, scopes or (Scope.ADMIN,), "link", began_ns)
        self.token = token
        self.cookie = f"sl={token}"
        self.csrf = sessions.csrf_of(token)

    def form(self, name: str, ago_ns: int = 0) -> dict[str, str]:
        """Return the hidden fields of a form, as a page that was made so long ago has them."""
        fields = hidden(self.get(f"/act/{name}"))
        if ago_ns:
            fields[keys.KEY] = keys.issue(self.csrf, name, time.time_ns() - ago_ns)
        return fields

    def act(self, name: str, fields: dict[str, str] | None = None, /, **typed: str) -> Answer:
        """Open a form, fill it in, send it, and go where the answer says."""
        return self.follow(self.post(f"/act/{name}", (fields or self.form(name)) | typed))

    def follow(self, answer: Answer) -> Answer:
        return self.get(answer.headers["location"]) if answer.status == 303 else answer


def text_of(answer: Answer) -> str:
    """Return what a page says, without its tags."""
    bare = re.sub(r"<[^>]+>", " ", answer.body.decode())
    return " ".join(html.unescape(bare).split())


def is_done(answer: Answer) -> bool:
    return answer.status == 200 and "● DONE" in text_of(answer)


def state_of(folder: Path) -> str:
    """Return the trading state as the account's own answer has it; nothing changes."""
    request = Request(Command.LIMITS, "a test", "to look", "", {})
    return ask(folder, request).state


def records_since(folder: Path, after: int) -> list[Record]:
    with Reader.open(folder / "ledger.sqlite") as reader:
        return [decode(each.payload) for each in reader.entries(after)]


def head(folder: Path) -> int:
    with Reader.open(folder / "ledger.sqlite") as reader:
        return reader.head().seq
