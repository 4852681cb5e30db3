"""Identifiers and dice that depend on a seed and a counter only, so that a rerun repeats them."""

from hashlib import blake2b
from uuid import UUID


def venue_id(seed: int, kind: str, number: int) -> str:
    """Return the identifier of the `number`-th thing of a kind, in the form of a UUID."""
    digest = blake2b(f"{seed}:{kind}:{number}".encode(), digest_size=16).digest()
    return str(UUID(bytes=digest, version=5))


def die(seed: int, kind: str, number: int) -> float:
    """Return the `number`-th throw of a kind, uniform in [0, 1)."""
    digest = blake2b(f"{seed}:{kind}:{number}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53
