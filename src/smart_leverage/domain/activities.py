"""What a broker lists of an account beside orders and fills: money that moves, fees, splits."""

from decimal import Decimal

from msgspec import Struct

from smart_leverage.domain.instruments import Key

REORGANISED = {
    "NC": "change of symbol",
    "SPIN": "spin-off",
    "MA": "merger",
    "REORG": "reorganisation",
    "REO": "reorganisation",
}
"""Activities that move units of securities without a trade, by the broker's word for them."""


class Activity(Struct, frozen=True, kw_only=True):
    """A row of the account's activities that is not a trade.

    `type` is CFEE (a coin fee, `qty` negative where it was taken in coins), FEE (regulatory, in
    cash), CSD (deposit), CSW (withdrawal) or SPLIT (`qty` is what it added to the holding, negative
    where it took units away); XFEE is a fee in a coin that was neither bought nor paid with, COINS
    are coins that somebody brought or took; those of `REORGANISED` move units. `net_amount` is what
    happened to the cash; rows of one `group` belong together.
    """

    number: int
    activity_id: str
    at_ns: int
    type: str
    net_amount: Decimal
    key: Key | None = None
    qty: Decimal | None = None
    price: Decimal | None = None
    reference: str = ""
    group: str = ""
