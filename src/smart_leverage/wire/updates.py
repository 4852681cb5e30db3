"""The stream of trade updates: what a client says on it, and what it is told."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from smart_leverage.wire.encoding import encode, text, when
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.reading import parse

FRAME_MAX = 8_192
"""Longest frame that a client may send, in bytes."""

KEY_MAX = 256
TRADE_UPDATES = "trade_updates"

_NOTHING: Mapping[str, Any] = {}


class Execution(NamedTuple):
    """What a fill adds to a message; `position_qty` is what the bot holds after it.

    `previous` is the execution that a message takes back or corrects, empty for a new one.
    """

    id: str
    price: Decimal
    qty: Decimal
    position_qty: Decimal
    previous: str = ""


def said(words: str | None, packed: bytes | None) -> Mapping[str, Any]:
    """Return what a client said, in a text frame or in a binary one of JSON or msgpack.

    Whoever says it may be a stranger yet: what is not legible, too long or too deep is nothing.
    """
    frame = (packed or b"") if words is None else words.encode(errors="replace")
    if len(frame) > FRAME_MAX:
        return _NOTHING
    if words is None and not frame.lstrip().startswith(b"{"):
        return _unpacked(frame)
    try:
        return parse(frame)
    except WireError:
        return _NOTHING


def credentials(heard: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return key id and secret of a message that authenticates, in either of its two forms.

    None for a message that wants something else.
    """
    if heard.get("action") not in ("authenticate", "auth"):
        return None
    data = heard.get("data")
    if isinstance(data, Mapping):
        return _key(data.get("key_id")), _key(data.get("secret_key"))
    return _key(heard.get("key")), _key(heard.get("secret"))


def streams(heard: Mapping[str, Any]) -> list[str] | None:
    """Return which of our streams a message wants from now on; None for one about something else.

    Each such message takes the place of the one before; streams that there are not are left out.
    """
    if heard.get("action") != "listen":
        return None
    data = heard.get("data")
    wanted = data.get("streams") if isinstance(data, Mapping) else None
    return [TRADE_UPDATES] if isinstance(wanted, list) and TRADE_UPDATES in wanted else []


def action_of(heard: Mapping[str, Any]) -> str:
    """Return what a message wants, in a length that can be said back."""
    action = heard.get("action")
    return action[:32] if isinstance(action, str) else ""


def authorization(status: str, action: str) -> dict[str, Any]:
    """Return the answer to credentials, or to whoever wants something without any."""
    return {"stream": "authorization", "data": {"status": status, "action": action}}


def listening(wanted: list[str]) -> dict[str, Any]:
    """Return the answer to a message that chose streams."""
    return {"stream": "listening", "data": {"streams": wanted}}


def trade_update(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message of the stream, around what has happened to an order."""
    return {"stream": TRADE_UPDATES, "data": data}


def update_json(
    *, event: str, event_id: str, at_ns: int, order: Mapping[str, Any], fill: Execution | None
) -> dict[str, Any]:
    """Return what has happened to an order, which is shown as it is afterwards."""
    update: dict[str, Any] = {
        "event": event,
        "event_id": event_id,
        "at": when(at_ns),
        "timestamp": when(at_ns),
        "order": order,
    }
    if fill is not None:
        update |= {
            "execution_id": fill.id,
            "price": text(fill.price),
            "qty": text(fill.qty),
            "position_qty": text(fill.position_qty),
        }
        if fill.previous:
            update["previous_execution_id"] = fill.previous
    return update


def framed(message: Mapping[str, Any], *, is_packed: bool) -> bytes:
    """Return the content of a binary frame: JSON as the venue sends it, or msgpack."""
    return msgspec.msgpack.encode(message) if is_packed else encode(message)


def _unpacked(frame: bytes) -> Mapping[str, Any]:
    try:
        content = msgspec.msgpack.decode(frame)
    # Beside its own errors the decoder lets those of Python through: of texts, and of its depth.
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _NOTHING
    return content if isinstance(content, dict) else _NOTHING


def _key(value: object) -> str:
    return value[:KEY_MAX] if type(value) is str else ""
