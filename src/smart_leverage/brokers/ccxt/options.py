"""Which exchange, which of its currencies is our money, which pairs are looked at, and the keys."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from smart_leverage.domain.errors import ConfigError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CODE = re.compile(r"[A-Z0-9]{2,12}")
_PAIR = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{2,12}")


class ExchangeOptions(Struct, frozen=True, kw_only=True):
    """One account at one exchange.

    Attributes:
        exchange: As ccxt calls it, "binanceus".
        quote: The currency that counts as account currency, one to one: USD, or a coin that is
            worth a dollar, such as USDT.
        pairs: What is traded here, in the exchange's spelling ("BTC/USDT"). Executions by somebody
            else are looked for in these, and wherever something is held or was ordered from here.
        is_sandbox: Whether it is the exchange's place for trying things out, with play money.
        url: A server on this machine that plays the exchange; empty for the exchange itself.
    """

    exchange: str
    quote: str = "USD"
    pairs: tuple[str, ...] = ()
    is_sandbox: bool = False
    url: str = ""


class Keys(NamedTuple):
    """What the exchange knows an account by; some want a password as well."""

    key_id: str
    secret: str
    password: str = ""

    def __repr__(self) -> str:
        return "Keys(…)"


def check_options(options: ExchangeOptions) -> None:
    """Refuse options that contradict themselves.

    Raises:
        ConfigError: Lists every problem.
    """
    problems = []
    if not _CODE.fullmatch(options.quote):
        problems.append(f"quote = {options.quote!r}: a currency, as USD or USDT")
    problems += [
        f"pairs: {pair!r}: a coin in {options.quote}, as BTC/{options.quote}"
        for pair in options.pairs
        if not _PAIR.fullmatch(pair) or pair.rpartition("/")[2] != options.quote
    ]
    parts = urlsplit(options.url)
    is_here = parts.hostname in LOOPBACK and parts.scheme == "http" and parts.path in ("", "/")
    if options.url and not (is_here and not parts.username and not parts.query):
        problems.append(f"url = {options.url!r}: a server on this machine, http://127.0.0.1:8080")
    if problems:
        raise ConfigError(problems, "exchange")
