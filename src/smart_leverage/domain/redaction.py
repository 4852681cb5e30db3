"""What no log, trace or message may hold: secrets by their shape, and those that were seen here."""

import re
from collections.abc import Iterable

STARS = "***"
LEAST = 8
"""Shorter than this a text may be a word of everyday use, and is not looked for."""

KNOWN_MAX = 4_096

_PEM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S
)
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_PEM, STARS),
    (re.compile(r"\$argon2(?:id|i|d)\$[^\s\"'\\]+"), STARS),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {STARS}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,31}://)[^\s/@\"']*@"), rf"\1{STARS}@"),
    (re.compile(r"(?i)(hooks\.slack\.com/services/|discord(?:app)?\.com/api/webhooks/)[^\s\"']+"),
     rf"\1{STARS}"),
    (re.compile(r"\d{6,12}:[A-Za-z0-9_-]{30,}"), STARS),  # of a bot at Telegram
    (re.compile(r"\b[PA]K[A-Z0-9]{16,24}\b"), STARS),  # a key id at Alpaca
)  # fmt: skip

_NAMED = re.compile(
    r"""(?ix)
    (?<![\w.-])  # once from the beginning of a name on, or a long run would be tried at each sign
    (?= [\w.-]{0,128}? (?:secret|passw(?:or)?d|passphrase|api[_-]?key|token|cookie|credential) )
    (?P<name> [\w.-]+ ["']? \s* [:=] \s* )
    (?! unknown[ ]key )  # what is said of a configuration's key is no value of it
    (?P<quote> ["']? ) (?P<value> [^\s"',;&}\])]{4,} )
    """
)
_HARMLESS = re.compile(r"(?i)(?:_id|_ids|_file|_sha256|_hash)[\"']?\s*[:=]\s*$")
"""Names of what stands beside a secret and is none."""

_RUN = re.compile(
    r"(?<![\w/+.-])[A-Za-z0-9_+-][A-Za-z0-9_+/-]{31,}={0,2}(?![\w/+-])"
    r"|(?<![\w+.-])[A-Za-z0-9_-]{32,}(?![\w+-])"  # a part of a path too, as in an address
)
"""A run of letters and digits that is no word, path or hash: those do not mix all three kinds."""


class Redactor:
    """Knows the shapes of secrets, and the ones that it was told; for any thread."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """Begin with what is known already."""
        self._known: tuple[str, ...] = ()
        self._looked_for: re.Pattern[str] | None = None
        for each in known:
            self.hide(each)

    def hide(self, secret: str) -> None:
        """Look for this from now on, also as an address would spell it."""
        secret = secret.strip()
        if len(secret) < LEAST or secret in self._known:
            return
        known = (*self._known, secret)[-KNOWN_MAX:]
        spelled = {each for one in known for each in (one, _in_address(one))}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._looked_for = re.compile("|".join(map(re.escape, longest_first)))
        self._known = known

    def __call__(self, text: str) -> str:
        """Return a text without its secrets; twice is as good as once."""
        if self._looked_for is not None:
            text = self._looked_for.sub(STARS, text)
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return _RUN.sub(_unless_plain, _NAMED.sub(_unless_harmless, text))


def _in_address(text: str) -> str:
    """Return a text as an address spells it."""
    plain = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return "".join(chr(one) if one in plain else f"%{one:02X}" for one in text.encode())


def is_secret_name(name: str) -> bool:
    """Whether what stands under a name is a secret, whatever it looks like."""
    return _NAMED.fullmatch(f"{name}=****") is not None and not _HARMLESS.search(f"{name}=")


def _unless_harmless(found: re.Match[str]) -> str:
    if _HARMLESS.search(found["name"]):
        return found[0]
    return f"{found['name']}{found['quote']}{STARS}"


def _unless_plain(found: re.Match[str]) -> str:
    text = found[0]
    kinds = (str.isupper, str.islower, str.isdigit)
    is_mixed = all(any(is_kind(sign) for sign in text) for is_kind in kinds)
    return STARS if is_mixed and text.count("/") <= 2 else text


redactor = Redactor()
"""The one of this process: whoever loads a secret has it hidden before anything else is done."""
