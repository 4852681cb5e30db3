"""Where a protective stop belongs, and whether the price has gone through it."""

from typing import NamedTuple

from smart_leverage.rule import rule


class Stops(NamedTuple):
    """Distance of protective stops as fractions of the average entry price."""

    volatility_multiple: float = 3.0
    distance_min: float = 0.04
    distance_max: float = 0.15
    limit_gap: float = 0.02
    """How far below its stop a stop-limit may sell; beyond that the engine sells by itself."""


@rule
def stop_distance(volatility_daily: float, at: Stops) -> float:
    """Return the distance of a stop: some daily volatilities, within bounds.

    Args:
        volatility_daily: Standard deviation of daily returns, fraction. NaN or not positive means
            unknown and gives the nearest stop, which is the careful side.
        at: Multiple and bounds.

    Returns:
        Fraction of the entry price in [`distance_min`, `distance_max`].

    Source:
        Decision 0015.
    """
    distance = at.volatility_multiple * volatility_daily
    if not distance > at.distance_min:
        return at.distance_min
    if distance > at.distance_max:
        return at.distance_max
    return distance


@rule
def stop_price(entry_price: float, distance: float) -> float:
    """Return the stop of a long position.

    Args:
        entry_price: Average price paid, account currency; NaN stays NaN.
        distance: Fraction of it.
    """
    return entry_price * (1.0 - distance)


@rule
def stop_limit_price(stop: float, at: Stops) -> float:
    """Return the lowest price at which a stop-limit still sells, account currency.

    Args:
        stop: Price of the stop, account currency; NaN stays NaN.
        at: The gap, a fraction of the stop.
    """
    return stop * (1.0 - at.limit_gap)


@rule
def is_through_stop(price: float, stop: float) -> bool:
    """Tell whether a long position should have been sold.

    Args:
        price: Last price, account currency. NaN: no, an unknown price tells nothing.
        stop: Price of the stop; reaching it is enough. NaN: no.
    """
    return price <= stop
