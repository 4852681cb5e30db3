"""Seats of bots: given and widened by an admin with a reason, narrowed and revoked at once."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from msgspec import structs

from smart_leverage.domain.bots import Scope, Seat, is_wider
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import EXTERNAL, HOUSE
from smart_leverage.domain.records import Noted, SeatChanged
from smart_leverage.domain.sentences import percent
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import Commanded
from smart_leverage.engine.limiting import need

REFUSED = "seat.refused"
"""Code of the note with which a seat is refused."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_RESERVED = frozenset({HOUSE, EXTERNAL, "signal"})


def set_seat(core: Core, event: Commanded) -> None:
    """Give a token a seat or, where it has one, revoke it; all of it or nothing."""
    given = dict(event.changes)
    known = core.state.seats.get(given.get("token_id", ""))
    if "revoke" in given:
        _revoke(core, event, given["revoke"])
        return
    if "suspend" in given:
        _suspend(core, event, given["suspend"])
        return
    try:
        seat = _seat(given)
    except (ValueError, KeyError, InvalidOperation) as error:
        _refuse(core, event, f"not a seat: {error}")
        return
    if why := _refusal(core, event, seat, known):
        _refuse(core, event, why)
        return
    _record(core, seat, event)


def _seat(given: Mapping[str, str]) -> Seat:
    """Return the seat that a command describes; what cannot be one raises."""
    share = given.get("share", "")
    return Seat(
        bot=given["bot"],
        token_id=given["token_id"],
        secret_sha256=given["secret_sha256"],
        scopes=tuple(Scope(word) for word in given["scopes"].split(",")),
        share=Decimal(share) if share else None,
        may_shrink=given.get("may_shrink", "") == "true",
        symbols=tuple(Key(key) for key in given.get("symbols", "").split(",") if key),
        expires_ns=int(given.get("expires_ns", "0")),
    )


def _refusal(core: Core, event: Commanded, seat: Seat, known: Seat | None) -> str:
    if not event.is_admin:
        return "a token is given by the admin, with the admin token"
    if not event.reason.strip():
        return "a token needs a reason"
    if known is not None:
        return f"the token {seat.token_id} is there already"
    if not _NAME.fullmatch(seat.bot) or seat.bot in _RESERVED:
        return f"{seat.bot} cannot be the name of a bot"
    if seat.share is not None and not (seat.share.is_finite() and 0 < seat.share <= 1):
        return f"a share is above 0 and at most 1, not {seat.share}"
    for key in seat.symbols:
        if key not in core.state.instruments:
            return f"{key} is not listed for this account"
    return _too_wide(core, seat)


def _too_wide(core: Core, seat: Seat) -> str:
    """Return why a bot may not add more than before now, empty when it would not or may."""
    own = [one for one in core.state.seats.values() if one.bot == seat.bot]
    if not own or not seat.may(Scope.TRADE) or not (why := need(core)):
        return ""  # a new bot is none that is widened, and the account's caps bind it like all
    able = [one for one in own if one.may(Scope.TRADE)]
    live = [one for one in able if one.is_live(core.now_ns)]
    # Where nothing is live any more, all it ever had counts: taking one back is no way around.
    is_wider_now = is_wider(seat, live) if live else any(is_wider(seat, [one]) for one in able)
    return f"{seat.bot} could add more than before, and {why}" if is_wider_now or not able else ""


def _revoke(core: Core, event: Commanded, name: str) -> None:
    """Revoke a token by its id, or all tokens of a bot; nobody waits for that."""
    seats = core.state.seats.values()
    found = [one for one in seats if name in (one.token_id, one.bot) and not one.is_revoked]
    if not found:
        _refuse(core, event, f"no token and no bot {name} is in force")
    for seat in found:
        _record(core, structs.replace(seat, is_revoked=True), event)


def _suspend(core: Core, event: Commanded, bot: str) -> None:
    """Let nothing be added for a bot any more, as it wished itself."""
    for seat in core.state.seats.values():
        if seat.bot == bot and not seat.is_suspended:
            _record(core, structs.replace(seat, is_suspended=True), event)


def _record(core: Core, seat: Seat, event: Commanded) -> None:
    core.record(SeatChanged(at_ns=core.now_ns, seat=seat, who=event.who, reason=event.reason))


def _refuse(core: Core, event: Commanded, why: str) -> None:
    core.record(
        Noted(at_ns=core.now_ns, code=REFUSED, text=f"nothing changed for {event.who}: {why}")
    )


def told(seat: Seat) -> str:
    """Return what a seat is, in one line."""
    if seat.is_revoked:
        return f"token {seat.token_id} of {seat.bot} is revoked"
    parts = [
        f"token {seat.token_id} of {seat.bot}: {', '.join(each.value for each in seat.scopes)}"
    ]
    if seat.share is not None:
        parts.append(f"at most {percent(seat.share)} of each cap")
    if seat.may_shrink:
        parts.append("orders over a cap are cut")
    if seat.symbols:
        parts.append(f"adds to {', '.join(key.partition(':')[2] for key in seat.symbols)} only")
    return ", ".join(parts)
