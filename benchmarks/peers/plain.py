"""A peer without an engine: the shared policy in a bare loop over bars, to check the others."""

from case import Case
from governing import Books, Signals, Bars, bought, close_bar, books_of, sold

from smart_leverage.fills.market import Outcome, Side, limit_fill_at_open, market_fill


def run(case: Case) -> float:
    """Take an account through a case; return its final equity."""
    bars, signals, facts = case.in_lists()
    terms, policy = case.terms, case.policy
    books, cash = books_of(len(case.names), case.cash), case.cash
    for t in range(len(case.at)):
        for asset, opened in enumerate(bars.opens[t]):
            if books.selling[asset]:
                fill = market_fill(Side.SELL, opened, terms.half_spread, terms.slippage)
                value = books.held[asset] * fill.price
                cash += value * (1.0 - terms.fee)
                sold(books, asset, fill.price, value * terms.fee)
            if books.bids[asset] > 0.0:
                limit = books.limits[asset]
                fill = limit_fill_at_open(Side.BUY, opened, limit, terms.half_spread, terms.slippage)
                if fill.outcome == Outcome.FILLED:
                    value = books.bids[asset] * fill.price
                    cash -= value * (1.0 + terms.fee)
                    vol = bars.volatility[t - 1][asset]
                    bought(books, asset, books.bids[asset], fill.price, value * terms.fee, vol, policy)
                books.bids[asset] = 0.0
        close_bar(books, policy, terms, facts, cash, bars, signals, t)
    last = bars.closes[-1]
    return cash + sum(units * price for units, price in zip(books.held, last, strict=True))


if __name__ == "__main__":
    from measuring import tell

    tell("plain", "numpy", run, (), ())
