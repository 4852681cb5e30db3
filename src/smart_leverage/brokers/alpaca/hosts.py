"""Where the broker is: its own hosts over TLS, or a server on this machine that plays it."""

from typing import NamedTuple
from urllib.parse import urlsplit

from smart_leverage.domain.errors import ConfigError

PAPER = "https://paper-api.alpaca.markets"
LIVE = "https://api.alpaca.markets"
OWN = frozenset({"paper-api.alpaca.markets", "api.alpaca.markets"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Hosts(NamedTuple):
    """The addresses of an account: requests without a path, and the stream of trade updates."""

    trading: str
    stream: str


def hosts_of(mode: str, url: str = "") -> Hosts:
    """Return the addresses of an account.

    Args:
        mode: paper or live.
        url: Another address, empty for the broker's own. Keys go out with every request, so it may
            only be one of the broker's hosts over TLS, or a server on this machine.

    Raises:
        ConfigError: The address is neither, or belongs to the other mode.
    """
    own = {"paper": PAPER, "live": LIVE}.get(mode)
    if own is None:
        raise ConfigError([f"mode = {mode!r}: paper or live"], "broker")
    if not url:
        return _at(own)
    parts = urlsplit(url)
    host, where = parts.hostname or "", f"{parts.scheme}://{parts.netloc}"
    if parts.path not in ("", "/", "/v2") or parts.query or parts.username:
        raise ConfigError([f"url = {url!r}: an address without path, name and password"], "broker")
    if host in LOOPBACK and parts.scheme in ("http", "https"):
        return _at(where)
    if host not in OWN or parts.scheme != "https":
        raise ConfigError([f"url = {url!r}: {own}, or a server on this machine"], "broker")
    if where != own:
        raise ConfigError([f"url = {url!r}: not the host of a {mode} account, {own}"], "broker")
    return _at(where)


def _at(trading: str) -> Hosts:
    return Hosts(trading, f"{trading.replace('http', 'ws', 1)}/stream")
