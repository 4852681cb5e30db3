"""The bots of an account: what each key allows, what its bot holds and how it has traded."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.bots import Seat
from smart_leverage.domain.instruments import Key
from smart_leverage.engine.state import State


class Seated(NamedTuple):
    """One key of a bot, beside what its bot made of all its keys."""

    bot: str
    key_id: str
    scopes: list[str]
    share: Decimal | None
    may_shrink: bool
    symbols: list[Key]
    expires_ns: int
    is_revoked: bool
    is_suspended: bool
    instruments_held: int
    trades_closed: int
    win_rate: Decimal | None
    net: Decimal

    @property
    def word(self) -> str:
        """What stands in its place in a table."""
        if self.is_revoked:
            return "revoked"
        return "suspended" if self.is_suspended else "in force"


def seated(state: State) -> list[Seated]:
    """Return every key that was ever given, oldest first."""
    return [_seated(state, seat) for seat in state.seats.values()]


def _seated(state: State, seat: Seat) -> Seated:
    book, record = state.book, state.book.bot_record(seat.bot).capping
    return Seated(
        bot=seat.bot,
        key_id=seat.token_id,
        scopes=[scope.value for scope in seat.scopes],
        share=seat.share,
        may_shrink=seat.may_shrink,
        symbols=list(seat.symbols),
        expires_ns=seat.expires_ns,
        is_revoked=seat.is_revoked,
        is_suspended=seat.is_suspended,
        instruments_held=sum(1 for key in book.keys if book.bot_qty(seat.bot, key) > 0),
        trades_closed=record.closed,
        win_rate=record.win_rate,
        net=record.net,
    )
