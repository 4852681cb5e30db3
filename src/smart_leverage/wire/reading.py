"""Bytes of a request become names and texts, within bounds; what is not plain is refused."""

import json
from decimal import Decimal
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from smart_leverage.domain.stamps import read_stamp
from smart_leverage.wire.errors import WireError, bad_json, invalid, too_large
from smart_leverage.wire.numbers import Number, number

BODY_MAX = 65_536
DEPTH_MAX = 16
KEYS_MAX = 64
TEXT_MAX = 1_024
QUERY_MAX = 8_192

LISTS = frozenset({"activity_types", "asset_class", "attributes", "symbols"})
"""Parameters that are lists: clients write them with commas, or name them once for each entry."""


def parse(body: bytes) -> dict[str, object]:
    """Return the JSON object of a body; number tokens stay text and never become floats.

    Raises:
        WireError: 400, it is no JSON object; 422, it goes beyond a bound or names something twice;
            413, it is longer than any request.
    """
    if len(body) > BODY_MAX:
        raise too_large()
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise bad_json("the body is not UTF-8") from None
    _check_depth(body)
    try:
        content = _DECODER.decode(text)
    except WireError:
        raise
    except (ValueError, RecursionError):
        raise bad_json("the body is no JSON") from None
    if not isinstance(content, dict):
        raise bad_json("the body is no JSON object")
    _check_texts(content)
    return content


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise invalid("a name comes twice in one object")
    if len(content) > KEYS_MAX:
        raise invalid(f"an object has more than {KEYS_MAX} names")
    return content


def _constant(name: str) -> NoReturn:
    raise bad_json(f"{name} is no number")


_DECODER = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=_constant, object_pairs_hook=_object
)


def _check_depth(body: bytes) -> None:
    """Refuse deep nesting before a parser descends; brackets inside of texts count as well."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return
    depth = 0
    for byte in body:
        if byte in b"[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise invalid(f"more than {DEPTH_MAX} levels")
        elif byte in b"]}":
            depth -= 1


def _check_texts(content: object) -> None:
    """Refuse what is too long or cannot be printed, however deep it lies."""
    if isinstance(content, str):
        _check_text(content)
    elif isinstance(content, dict):
        for name, value in content.items():
            _check_text(name)
            _check_texts(value)
    elif isinstance(content, list):
        if len(content) > KEYS_MAX:
            raise invalid(f"a list has more than {KEYS_MAX} entries")
        for value in content:
            _check_texts(value)


def _check_text(text: str) -> None:
    if len(text) > TEXT_MAX:
        raise invalid(f"a text has more than {TEXT_MAX} characters")
    if not text.isprintable():  # so are lone surrogates
        raise invalid("a text holds a character that cannot be printed")


class Query:
    """The parameters of an address; each has one value, and none is left unread."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def only(self, *names: str) -> "Query":
        """Return itself if it has no other names; else refuse, so that no wish is overlooked."""
        for name in self._values:
            if name not in names:
                raise invalid(f"unknown parameter {name[:64]}")
        return self

    def text(self, name: str) -> str | None:
        """Return a value, None where it is missing or empty."""
        return self._values.get(name) or None

    def word(self, name: str, words: tuple[str, ...], default: str) -> str:
        """Return one of some words, in small letters."""
        value = (self._values.get(name) or default).lower()
        if value not in words:
            raise invalid(f"{name} must be one of {', '.join(words)}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false, however the letters are cased."""
        value = (self._values.get(name) or "").lower()
        if value not in ("", "true", "false"):
            raise invalid(f"{name} must be true or false")
        return value == "true" if value else default

    def count(self, name: str, default: int, least: int, most: int) -> int:
        """Return a whole number between two bounds; beyond the upper one it is the bound."""
        value = self._values.get(name)
        if not value:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 9):
            raise invalid(f"{name} must be a whole number")
        if int(value) < least:
            raise invalid(f"{name} must be at least {least}")
        return min(int(value), most)

    def amount(self, name: str) -> Decimal | None:
        """Return an exact number, zero or more; None where it is missing."""
        value = self.text(name)
        return None if value is None else number(value, name)

    def moment(self, name: str) -> int | None:
        """Return an instant, UTC; a date or a time without a zone is taken as UTC."""
        value = self.text(name)
        if value is None:
            return None
        try:
            # A plus that was not escaped has become a space.
            return read_stamp(value.replace(" ", "+")).ns
        except ValueError as error:
            raise invalid(f"{name}: {error}") from None

    def words(self, name: str) -> tuple[str, ...]:
        """Return the parts of a list with commas; empty where it is missing."""
        value = self._values.get(name) or ""
        return tuple(part for part in value.split(",") if part)


def params(query: bytes) -> Query:
    """Return the parameters of an address; a list that comes in pieces is put together.

    Raises:
        WireError: They go beyond a bound, cannot be read, or one that is no list comes twice.
    """
    if len(query) > QUERY_MAX:
        raise invalid("the address is too long")
    values: dict[str, str] = {}
    for part in query.split(b"&"):
        if not part:
            continue
        name, _, value = (_unquoted(each) for each in part.partition(b"="))
        if name in values and name in LISTS:
            values[name] += f",{value}"
            continue
        if name in values:
            raise invalid(f"the parameter {name[:64]} comes twice")
        if len(values) >= KEYS_MAX:
            raise invalid("too many parameters")
        values[name] = value
    return Query(values)


def _unquoted(part: bytes) -> str:
    try:
        text = unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("the address is not UTF-8") from None
    if not text.isprintable():
        raise invalid("the address holds a character that cannot be printed")
    return text
