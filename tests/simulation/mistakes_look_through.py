"""Mistakes about the multiple with which a fund counts, put into the product on purpose.

Part of `mistakes`: each is played where funds are looked through.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from tests.simulation.mistake import Mistake
from tests.simulation.mistakes_steady import at_a_start
from tests.simulation.regime import CALM, LOOKING

import smart_leverage.engine.core as core_module
import smart_leverage.engine.engine as engine_module
import smart_leverage.engine.shares as shares
import smart_leverage.engine.shrinking as shrinking
import smart_leverage.policy.decide as deciding
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.engine.core import Core
from smart_leverage.engine.exposure import Valuation, Worst, value, worst_case
from smart_leverage.engine.ladder import PriceLadder
from smart_leverage.engine.shares import parts_of
from smart_leverage.engine.state import State
from smart_leverage.policy.decide import Account, Asset, Proposal, size_of, weight_in
from smart_leverage.policy.params import Policy

Patch = pytest.MonkeyPatch
ONE = Decimal(1)
WEIGH = State._weigh


def counts_open_orders_once(planted: Patch) -> None:
    """A fund of three times the market is reserved as one of it."""

    def once(state: State, *given: Any, **named: Any) -> Worst:
        worst = worst_case(state, *given, **named)
        for key, units in worst.units.items():
            bought = max(units - state.book.qty(key), Decimal(0))
            beyond = bought * worst.unit_worst[key] * (worst.weights[key] - ONE)
            is_crypto = state.instruments[key].is_crypto
            worst = worst._replace(
                leveraged=worst.leveraged - beyond, crypto=worst.crypto - beyond * is_crypto
            )
        return worst

    planted.setattr(core_module, "worst_case", once)


def proves_a_new_order_once(planted: Patch) -> None:
    """A purchase of a threefold fund is proved as a third of what it risks."""
    planted.setattr(Worst, "weight_in", lambda worst, group, key: ONE)


def forgets_to_look_through_at_a_start(planted: Patch) -> None:
    """A restart counts every fund once, and three times as much is bought."""

    def forget(core: Core) -> None:
        core.state.weights.update(dict.fromkeys(core.state.weights, ONE))

    at_a_start(planted, forget)


def looks_through_long_funds_only(planted: Patch) -> None:
    """A fund that bets three times against the market counts once."""

    def weigh(state: State, instruments: Iterable[Instrument]) -> None:
        known = list(instruments)
        WEIGH(state, known)
        state.weights.update({one.key: ONE for one in known if one.factor < 0})

    planted.setattr(State, "_weigh", weigh)


def trims_by_market_value(planted: Patch) -> None:
    """A third of what is too much is sold."""
    planted.setattr(shrinking, "LOOKED_THROUGH", ())


def measures_market_value(planted: Patch) -> None:
    """What is over its cap looks inside, and no plan begins."""

    def plain(state: State, ladder: PriceLadder) -> Valuation:
        weights, state.weights = state.weights, dict.fromkeys(state.weights, ONE)
        valuation = value(state, ladder)
        state.weights = weights
        return valuation

    planted.setattr(engine_module, "value", plain)


def sizes_by_market_value(planted: Patch) -> None:
    """Every purchase of a threefold fund is three times too large."""

    def size(account: Account, asset: Asset, proposal: Proposal, policy: Policy) -> float:
        return size_of(account, asset, proposal, policy) * weight_in(asset, policy)

    planted.setattr(deciding, "size_of", size)


def shares_out_market_value(planted: Patch) -> None:
    """A bot's part of a cap is used three times over."""

    def parts(
        core: Core, bot: str, worst: Worst, without: frozenset[str] = frozenset()
    ) -> Mapping[str, tuple[Decimal, Decimal]]:
        plain: dict[Key, Decimal] = defaultdict(lambda: ONE)
        return parts_of(core, bot, worst._replace(weights=plain), without)

    planted.setattr(shares, "parts_of", parts)


LOOKING_THROUGH = (
    Mistake(counts_open_orders_once, {}, ("INV-03",), LOOKING, 6),
    Mistake(proves_a_new_order_once, {}, ("INV-03",), LOOKING),
    Mistake(forgets_to_look_through_at_a_start, {"killed": 0.1}, ("INV-03", "INV-12"), LOOKING, 6),
    Mistake(looks_through_long_funds_only, {}, ("INV-03", "INV-12"), CALM, 20),
    Mistake(trims_by_market_value, {}, ("INV-20",), CALM, 11),
    Mistake(measures_market_value, {}, ("INV-12",), LOOKING),
    Mistake(sizes_by_market_value, {}, ("INV-03",), CALM, 16),
    Mistake(shares_out_market_value, {}, ("INV-03",), LOOKING),
)
