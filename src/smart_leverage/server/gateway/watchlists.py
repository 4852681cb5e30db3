"""Lists of symbols that a bot keeps; they decide nothing."""

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from smart_leverage.domain.errors import LedgerError
from smart_leverage.domain.instruments import Key
from smart_leverage.ledger.files import put_in_place, sync_folder, write_durably
from smart_leverage.runtime.shelf import wire_id
from smart_leverage.server.gateway.instruments import Listing
from smart_leverage.server.http import Call, Reply, reply
from smart_leverage.wire.assets import asset_json
from smart_leverage.wire.encoding import when
from smart_leverage.wire.errors import WireError, invalid, not_found, unprocessable

LISTS_MAX = 100
SYMBOLS_MAX = 500

Watchlist = dict[str, Any]


class Watchlists:
    """The routes of watchlists; they are kept in a file of their own."""

    def __init__(self, path: Path, listing: Listing, now_ns: Callable[[], int]) -> None:
        """Take up what the file holds."""
        self._path = path
        self._listing = listing
        self._now_ns = now_ns
        self._of: dict[str, dict[str, Watchlist]] = _read(path)

    async def list(self, call: Call) -> Reply:
        """List the bot's watchlists, without their assets."""
        lists = self._of.get(call.bot, {}).values()
        return reply([self._shown(call.bot, one, is_whole=False) for one in lists])

    async def create(self, call: Call) -> Reply:
        """Make a watchlist."""
        name, symbols = self._content(call)
        if name is None:
            raise unprocessable("watchlist name is required")
        own = self._of.setdefault(call.bot, {})
        if any(one["name"] == name for one in own.values()):
            raise unprocessable("watchlist name must be unique")
        if len(own) >= LISTS_MAX:
            raise unprocessable(f"at most {LISTS_MAX} watchlists")
        now_ns = self._now_ns()
        made: Watchlist = {"id": str(uuid.uuid4()), "name": name, "keys": list(symbols or ())}
        made |= {"created": now_ns, "updated": now_ns}
        own[made["id"]] = made
        return self._kept(call.bot, made)

    async def get(self, call: Call) -> Reply:
        """Return one watchlist."""
        return reply(self._shown(call.bot, self._found(call)))

    async def update(self, call: Call) -> Reply:
        """Rename a watchlist, or change all its symbols."""
        found = self._found(call)
        name, symbols = self._content(call)
        found["name"] = name or found["name"]
        found["keys"] = found["keys"] if symbols is None else list(symbols)
        return self._kept(call.bot, found)

    async def add(self, call: Call) -> Reply:
        """Add one symbol."""
        found = self._found(call)
        symbol = call.content.get("symbol")
        if not isinstance(symbol, str):
            raise invalid("symbol is required")
        key = self._listing.key(symbol)
        if key not in found["keys"]:
            if len(found["keys"]) >= SYMBOLS_MAX:
                raise unprocessable(f"at most {SYMBOLS_MAX} symbols")
            found["keys"].append(key)
        return self._kept(call.bot, found)

    async def remove(self, call: Call) -> Reply:
        """Take one symbol off."""
        found = self._found(call)
        key = self._listing.key_in_path(call.values["symbol"])
        if key not in found["keys"]:
            raise not_found(f"{call.values['symbol'][:32]} is not on that list")
        found["keys"].remove(key)
        return self._kept(call.bot, found)

    async def delete(self, call: Call) -> Reply:
        """Delete a watchlist."""
        found = self._found(call)
        del self._of[call.bot][found["id"]]
        self._write()
        return Reply(204)

    def _content(self, call: Call) -> tuple[str | None, Sequence[Key] | None]:
        name, symbols = call.content.get("name"), call.content.get("symbols")
        if name is not None and not (isinstance(name, str) and 0 < len(name) <= 64):
            raise invalid("name must be 1 to 64 characters")
        if symbols is None:
            return name, None
        if not isinstance(symbols, list) or not all(isinstance(each, str) for each in symbols):
            raise invalid("symbols must be a list of symbols")
        return name, list(dict.fromkeys(self._listing.key(each) for each in symbols))

    def _found(self, call: Call) -> Watchlist:
        own = self._of.get(call.bot, {})
        wanted = call.values.get("id")
        name = call.query.text("name") if wanted is None else None
        for one in own.values():
            if one["id"] == wanted or (wanted is None and one["name"] == name):
                return one
        raise not_found("watchlist not found")

    def _kept(self, bot: str, changed: Watchlist) -> Reply:
        changed["updated"] = self._now_ns()
        self._write()
        return reply(self._shown(bot, changed))

    def _write(self) -> None:
        new = self._path.with_suffix(".new")
        try:
            write_durably(new, json.dumps(self._of))
            put_in_place(new, self._path)
            sync_folder(new.parent)
        except (LedgerError, OSError) as error:
            raise WireError(500, 50010000, "the list could not be kept") from error

    def _shown(self, bot: str, one: Watchlist, *, is_whole: bool = True) -> dict[str, Any]:
        shown = {
            "id": one["id"],
            "account_id": wire_id(f"account/{bot}"),
            "created_at": when(one["created"]),
            "updated_at": when(one["updated"]),
            "name": one["name"],
        }
        if is_whole:
            shown["assets"] = [asset_json(self._listing[Key(key)]) for key in one["keys"]]
        return shown


def _read(path: Path) -> dict[str, dict[str, Watchlist]]:
    """Return what a file holds; lists decide nothing, so an unreadable one begins anew."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
