"""What a strategy written in Python asks about its account, whatever engine runs it."""

from case import Case
from governing import books_of, bought, close_bar, sold

STRATEGY = (
    "tiers",
    "sizing",
    "caps",
    "proof of caps in the worst case",
    "loss limits of day, month and coin",
    "halt for the month",
    "stops, watched at closes",
)
"""What all strategies in Python express through our rules."""

LEFT_OUT = (
    "sales in stages until a cap holds again",
    "stops that fill inside a bar, as our kernel fills them",
    "second proof at the open",
    "fees taken in coins",
)


class Follower:
    """The books of one account; engines report fills, and are told what to do at an opening."""

    def __init__(self, case: Case) -> None:
        self._bars, self._signals, self._facts = case.in_lists()
        self._policy, self._terms = case.policy, case.terms
        self._books = books_of(len(case.names), case.cash)
        self._closed = -1

    def filled(self, asset: int, units: float, price: float, fee: float) -> None:
        """Take note of a fill; negative units are a sale."""
        if units > 0.0:
            vol = self._bars.volatility[max(self._closed, 0)][asset]
            bought(self._books, asset, units, price, fee, vol, self._policy)
        elif self._books.held[asset] > 0.0:
            sold(self._books, asset, price, fee)

    def close(self, t: int, cash: float) -> list[tuple[int, float, float]]:
        """Take bar t in; return coin, units (negative for a sale) and limit of every order now."""
        books = self._books
        self._closed = t
        close_bar(books, self._policy, self._terms, self._facts, cash, self._bars, self._signals, t)
        orders = []
        for asset, units in enumerate(books.bids):
            if books.selling[asset]:
                orders.append((asset, -books.held[asset], 0.0))
            elif units > 0.0:
                orders.append((asset, units, books.limits[asset]))
            books.bids[asset] = 0.0
        return orders
