"""What an exchange must be able to do before money is put at risk there, and what else it can.

ccxt says of each exchange which calls it has, and not whether an order can be looked up and
cancelled by the name that we gave it. That is the one thing without which an order whose answer was
lost stays unknown, so it stands here, for exchanges where it was seen to work.
"""

from typing import Any, NamedTuple

from smart_leverage.brokers.base import Capabilities
from smart_leverage.domain.errors import ConfigError


class Ability(NamedTuple):
    """What ccxt does not say of an exchange."""

    has_stops: bool = False
    """Whether a stop rests there as an order like others, under its name, in the same lists."""
    lists_newest: bool = False
    """Whether orders and executions that are asked for without a time are the newest there are."""


BY_NAME = {
    "binance": Ability(has_stops=True, lists_newest=True),
    "binanceus": Ability(has_stops=True, lists_newest=True),
}
"""Exchanges that look an order up, and cancel it, by the name that we gave it."""

NEEDED = {
    "createOrder": "send orders",
    "cancelOrder": "cancel one",
    "fetchOrder": "look one up",
    "fetchOpenOrders": "list those that are open",
    "fetchMyTrades": "list executions with their fees",
    "fetchBalance": "say what is held",
}
"""Calls of ccxt without which an account cannot be governed, and what they are for."""

LISTED = ("fetchOrders", "fetchClosedOrders")
"""One of these, or orders that ended while nobody looked are never seen."""


def check_abilities(exchange: Any) -> Ability:
    """Return what an exchange can do beside what every one must.

    Raises:
        ConfigError: It lacks something that safety needs; says what.
    """
    has, name = exchange.has, str(exchange.id)
    problems = []
    if not has.get("spot"):
        problems.append(f"{name} has no spot market, and nothing else is traded here")
    problems += [
        f"{name} cannot {what} through ccxt ({call})"
        for call, what in NEEDED.items()
        if has.get(call) is not True
    ]
    if not any(has.get(call) in (True, "emulated") for call in LISTED):
        problems.append(f"{name} cannot list orders that ended through ccxt (fetchClosedOrders)")
    if name not in BY_NAME:
        problems.append(
            f"{name} is not known to look orders up by our own ids; without that an order whose "
            f"answer is lost stays unknown. Known to do so: {', '.join(sorted(BY_NAME))}"
        )
    if problems:
        raise ConfigError(problems, "exchange")
    return BY_NAME[name]


def capabilities_of(exchange: Any, ability: Ability) -> Capabilities:
    """Return what the engine may count on."""
    return Capabilities(
        has_coin_stops=False,
        has_fractional_stops=False,
        # Ids are unique among open orders at best: one that has ended may be sent again by mistake.
        rejects_repeated_ids=False,
        fee_from_received=True,
        tells_fees=True,
        lists_lag=True,
        has_shares=False,
        has_groups=False,
        has_trailing_stops=False,
        has_stop_limits=ability.has_stops,
        replaces_at_once=False,
        has_stream=False,
        sells_any_size=False,
        lends=False,
        lists_flows=all(
            exchange.has.get(call) is True for call in ("fetchDeposits", "fetchWithdrawals")
        ),
    )
