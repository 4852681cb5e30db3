"""What single coins, and all of them together, have lost today against their own limits."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.books.baselines import Period
from smart_leverage.domain.instruments import Key
from smart_leverage.runtime.figures import ZERO, Loss, share
from smart_leverage.runtime.remembered import Remembered, number


class CoinLoss(NamedTuple):
    """The loss of one coin today, at the last price that the ledger knows of it."""

    key: Key
    loss: Loss
    priced_ns: int


def coin_losses(now: Remembered) -> list[CoinLoss]:
    """Return today's change of each coin that was held or traded, the worst first.

    A coin without a known price is left out: nobody knows what it lost.
    """
    state, opening = now.state, now.state.opening(Period.DAY)
    limit = number(now.numbers, "limits.loss_limit_daily_asset")
    if not opening.is_finite() or opening <= 0:
        return []
    found = []
    for key in _coins(now):
        known = now.prices.get(key)
        if known is None:
            continue
        amount = -state.asset_day.loss(key, state.book.qty(key) * known.price)
        is_locked = state.locks.get(key, 0) > now.at_ns
        line = _loss(str(key), amount, opening, limit, is_tripped=is_locked)
        found.append(CoinLoss(key, line, known.at_ns))
    return sorted(found, key=_change)


def sleeve_loss(now: Remembered) -> Loss | None:
    """Return today's change of all coins together, as they were valued last.

    None where the policy does not judge it, or nothing is known yet.
    """
    mark, state, opening = now.last_mark, now.state, now.state.opening(Period.DAY)
    if mark is None or not opening.is_finite() or opening <= 0:
        return None
    if now.numbers.get("breakers", {}).get("rolling") != "on":
        return None
    invested = sum((state.asset_day.loss(key, ZERO) for key in _coins(now)), ZERO)
    amount = mark.crypto + now.moved.crypto - invested
    limit = number(now.numbers, "breakers.loss_limit_sleeve")
    return _loss("coins", amount, opening, limit, is_tripped=False)


def _coins(now: Remembered) -> list[Key]:
    instruments = now.state.instruments
    return [key for key in now.state.asset_day.touched() if instruments[key].is_crypto]


def _loss(
    name: str, amount: Decimal, opening: Decimal, limit: Decimal | None, *, is_tripped: bool
) -> Loss:
    left = None if limit is None else max(limit * opening + amount, ZERO)
    return Loss(name, share(amount, opening), amount, limit, left, is_tripped)


def _change(one: CoinLoss) -> Decimal:
    return one.loss.change or ZERO
