"""What a case of `limits eval` can say: every field with its meaning, and a complete example."""

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple


class Kind(Enum):
    """What a field holds; the text says what is accepted."""

    MONEY = "an amount of account currency, zero or more; null where it is not known"
    FRACTION = "a fraction from 0 to 1; null where it is not known"
    RATIO = "a ratio above 0, where 1 is normal; null where it is not known"
    FACTOR = "a number such as 2, -3 or 1; null where it is not known"
    LOTS = "whole lots, zero or more"
    FLAG = "true or false"
    STATE = "one of active, reducing, halted, frozen"
    TIER = "one of emergency, learning, stable, profitable"
    SIDE = "buy or sell"


class Field(NamedTuple):
    """A field of a section; `default` is taken where the case does not say."""

    kind: Kind
    meaning: str
    default: Any = None
    is_required: bool = True


def _optional(kind: Kind, default: Any, meaning: str) -> Field:
    return Field(kind, meaning, default, is_required=False)


SECTIONS: Mapping[str, Mapping[str, Field]] = {
    "account": {
        "state": Field(Kind.STATE, "the trading state"),
        "tier": Field(Kind.TIER, "the tier in force"),
        "equity": Field(Kind.MONEY, "what the account is worth"),
        "crypto_worst": Field(Kind.MONEY, "crypto exposure if all that is under way fills"),
        "leveraged_worst": Field(Kind.MONEY, "the same for crypto and leveraged funds together"),
        "gross_worst": Field(Kind.MONEY, "the same for all positions"),
        "power": Field(Kind.MONEY, "what can be paid with"),
        "is_day_tripped": _optional(Kind.FLAG, False, "the day's loss limit is tripped"),
        "is_month_tripped": _optional(Kind.FLAG, False, "the month's loss limit is tripped"),
    },
    "asset": {
        "lot_value": Field(Kind.MONEY, "what one lot adds to the worst case"),
        "lot_cost": _optional(Kind.MONEY, "lot_value", "what one lot takes from power, with fees"),
        "is_crypto": Field(Kind.FLAG, "counts under the crypto cap"),
        "is_leveraged": Field(Kind.FLAG, "counts under the leveraged cap; crypto always does"),
        "is_broad": _optional(Kind.FLAG, False, "a broad unlevered fund"),
        "is_fresh": _optional(Kind.FLAG, True, "its price is fresh"),
        "is_tradable": _optional(Kind.FLAG, True, "its market is open"),
        "is_locked": _optional(Kind.FLAG, False, "closed for the day after its loss"),
        "is_deleveraging": _optional(Kind.FLAG, False, "a plan is selling its group"),
        "worst": Field(Kind.MONEY, "exposure in this asset if all that is under way fills"),
        "lots_held": _optional(Kind.LOTS, 0, "what is held"),
        "lots_selling": _optional(Kind.LOTS, 0, "what is being sold already"),
        "lots_step": _optional(Kind.LOTS, 1, "orders come in multiples of this"),
        "lots_min": _optional(Kind.LOTS, 1, "the smallest order"),
        "factor": _optional(Kind.FACTOR, 1.0, "daily multiple of a fund, signed; 1 for the rest"),
    },
    "proposal": {
        "side": Field(Kind.SIDE, "what is wanted"),
        "lots": Field(Kind.LOTS, "how much; 0 lets the policy size a buy, or sells all"),
        "confidence": _optional(Kind.FRACTION, 2 / 3, "claimed chance of being right"),
        "volatility_ratio": _optional(Kind.RATIO, 1.0, "realised over reference volatility"),
        "bot_room": _optional(Kind.MONEY, math.inf, "money left under the bot's share"),
    },
}
"""Everything that a case can say, beside `policy`, which has the form of the configuration."""

POLICY = "policy"

EXAMPLE: Mapping[str, Any] = {
    "account": {
        "state": "active",
        "tier": "learning",
        "equity": 96014.32,
        "crypto_worst": 21853.45,
        "leveraged_worst": 21853.45,
        "gross_worst": 25500.00,
        "power": 60000.00,
        "is_day_tripped": False,
        "is_month_tripped": False,
    },
    "asset": {
        "lot_value": 0.01,
        "lot_cost": 0.01003,
        "is_crypto": True,
        "is_leveraged": True,
        "is_broad": False,
        "is_fresh": True,
        "is_tradable": True,
        "is_locked": False,
        "is_deleveraging": False,
        "worst": 1200.00,
        "lots_held": 120000,
        "lots_selling": 0,
        "lots_step": 1,
        "lots_min": 100,
        "factor": 1.0,
    },
    "proposal": {
        "side": "buy",
        "lots": 400000,
        "confidence": 0.66,
        "volatility_ratio": 1.0,
        "bot_room": None,
    },
    "policy": {
        "tiers": {"learning": {"crypto_cap": 0.25, "total_cap": 0.35}},
        "limits": {"symbol_cap": 0.10},
    },
}
"""A complete case: $4,000 of a coin (a lot is a cent) in the account of the design."""
