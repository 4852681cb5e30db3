"""Which addresses may be talked to: https, and public ones only, whatever a name leads to."""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host name, as texts; raises OSError where there are none."""

_NAT64 = ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """A name leads to an address inside this machine or network, or to none; nothing was sent."""


def problem_of(url: str) -> str:
    """Return what is wrong with the address of a service; empty where nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no address; one like https://example.org/hook"
    if parts.scheme != "https":
        return "is not https; one like https://example.org/hook"
    if not parts.hostname or port == 0:
        return "names no host; one like https://example.org/hook"
    if parts.username is not None or parts.password is not None:
        return "holds a name or password; put a secret into its file"
    if any(letter <= " " for letter in url):
        return "holds spaces; one like https://example.org/hook"
    return ""


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name as the system resolves it.

    Raises:
        OSError: It has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the public internet.

    Loopback, private, link-local, shared, reserved and multicast ones are not, nor are those of
    version 6 that carry one of these inside.
    """
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def pinned(
    host: str, port: int, resolver: Resolve = resolve, allows: Callable[[Address], bool] = is_public
) -> str:
    """Resolve a name once and return the address to connect to.

    Every address of the name has to be allowed: one that leads inside is no accident.

    Raises:
        Forbidden: One is not, or there is none.
    """
    try:
        texts = resolver(host, port)
        addresses = [ip_address(text.partition("%")[0]) for text in texts]
    except (OSError, ValueError) as error:
        raise Forbidden(f"{host} has no address that could be found") from error
    if not addresses:
        raise Forbidden(f"{host} has no address that could be found")
    inside = [str(address) for address in addresses if not allows(address)]
    if inside:
        raise Forbidden(f"{host} leads to {inside[0]}, which is no address of the public internet")
    return str(addresses[0])


def _inner(address: Address) -> IPv4Address | None:
    """Return the address of version 4 that one of version 6 carries."""
    if not isinstance(address, IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
