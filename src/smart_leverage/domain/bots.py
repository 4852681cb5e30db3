"""Who may speak to a gateway: each token is the seat of a bot, with what it may do there."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache

from msgspec import Struct

from smart_leverage.domain.instruments import Key


class Scope(StrEnum):
    """What a token may do: scrape, look, lower what its bot holds, trade, halt, or rule all."""

    SCRAPE = "scrape"
    """Read the metrics and nothing else: for a monitoring system, which needs no more."""
    READ = "read"
    REDUCE = "reduce"
    TRADE = "trade"
    HALT = "halt"
    ADMIN = "admin"


_LOOK = frozenset({Scope.SCRAPE, Scope.READ})

_IMPLIED: Mapping[Scope, frozenset[Scope]] = {
    Scope.SCRAPE: frozenset({Scope.SCRAPE}),
    Scope.READ: _LOOK,
    Scope.REDUCE: _LOOK | {Scope.REDUCE},
    Scope.TRADE: _LOOK | {Scope.REDUCE, Scope.TRADE, Scope.HALT},
    Scope.HALT: _LOOK | {Scope.HALT},
    Scope.ADMIN: frozenset(Scope),
}


class Seat(Struct, frozen=True, kw_only=True):
    """One token of a bot; of its secret only the hash is known.

    `share` is the part of each cap that the bot may use, None for all of it. With `may_shrink` an
    order over a cap is cut to what fits instead of denied. With `symbols` the bot adds to those
    instruments only. `expires_ns` is UTC, 0 for never.
    """

    bot: str
    token_id: str
    secret_sha256: str
    scopes: tuple[Scope, ...]
    share: Decimal | None = None
    may_shrink: bool = False
    symbols: tuple[Key, ...] = ()
    expires_ns: int = 0
    is_revoked: bool = False
    is_suspended: bool = False
    """Whether the bot itself asked that nothing be added for it any more; an admin lifts that."""

    def may(self, scope: Scope) -> bool:
        """Tell whether one of the scopes covers this one: trade includes reduce and halt."""
        return scope in covered(self.scopes)

    def is_live(self, now_ns: int) -> bool:
        """Tell whether the token still opens anything."""
        return not self.is_revoked and (not self.expires_ns or now_ns < self.expires_ns)


@cache
def covered(scopes: tuple[Scope, ...]) -> frozenset[Scope]:
    """Return the scopes that some scopes include: trade includes reduce and halt, all read."""
    return frozenset().union(*(_IMPLIED[own] for own in scopes))


def is_suspended(seats: Mapping[str, Seat], bot: str) -> bool:
    """Tell whether a bot has asked that nothing be added for it, and no admin has let go of it.

    An admin lets go by revoking the keys under which it asked and giving it another one.
    """
    own = (seat for seat in seats.values() if seat.bot == bot and not seat.is_revoked)
    return any(seat.is_suspended for seat in own)


def widest_share(seats: Sequence[Seat]) -> Decimal | None:
    """Return the largest part of each cap that some tokens of one bot grant, None for all of it."""
    shares = [seat.share for seat in seats]
    known = [share for share in shares if share is not None]
    return max(known) if shares and len(known) == len(shares) else None


def is_wider(seat: Seat, known: Sequence[Seat]) -> bool:
    """Tell whether a token lets its bot add more, or to more, than some others together do."""
    share = widest_share(known)
    if share is not None and not (seat.share is not None and seat.share <= share):
        return True
    if not all(one.symbols for one in known):
        return False
    return not (seat.symbols and {*seat.symbols} <= {key for one in known for key in one.symbols})


NOBODY = Seat(bot="", token_id="", secret_sha256="0" * 64, scopes=())
"""Whom an unknown token is compared with, so that the time it takes tells nothing."""


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def authentic(seats: Mapping[str, Seat], key_id: str, secret: str, now_ns: int) -> Seat | None:
    """Return the seat of a token, or None for one that is unknown, wrong, revoked or expired."""
    seat = seats.get(key_id, NOBODY)
    is_right = hmac.compare_digest(seat.secret_sha256, digest(secret))
    return seat if is_right and seat is not NOBODY and seat.is_live(now_ns) else None
