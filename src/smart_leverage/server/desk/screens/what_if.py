"""What the policy would allow at other figures, by the rules that trade; nothing is changed."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.evidence import SLEEVES
from smart_leverage.domain.limits import fraction_of
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.limits import laid_over
from smart_leverage.policy.earning import named_caps
from smart_leverage.policy.exposure import exposure_decision
from smart_leverage.policy.params import Policy
from smart_leverage.policy.tier import Tier, select_tier, tier_caps
from smart_leverage.server.desk.screens.standing import Standing

FIELDS = ("fall", "month", "tier")
_MOST = {"fall": 1.0, "month": 10.0}


class Allowed(NamedTuple):
    """The most that one sleeve may hold, and each cap by name; None is not in force."""

    sleeve: str
    exposure: float
    binding: str
    caps: dict[str, float | None]


class WhatIf(NamedTuple):
    """The form as it was filled in, and what follows."""

    fields: dict[str, str]
    tiers: list[str]
    tier: str
    """The tier that would hold."""
    allowed: list[Allowed]
    trips: list[str]
    """What would be tripped, in words."""
    trouble: str


def what_if(standing: Standing, asked: Mapping[str, str]) -> WhatIf:
    """Return what would be allowed at a fall from the peak, a month and an earned tier.

    Args:
        standing: The account; its limits in force and its evidence count.
        asked: `fall` and `month` as people write them, 5 % or 0.05; `tier` by its name. Without
            any of them nothing is computed.
    """
    fields = {name: asked.get(name, "").strip() for name in FIELDS}
    tiers = [tier.name for tier in Tier if tier is not Tier.EMERGENCY]
    nothing = WhatIf(fields, tiers, "", [], [], "")
    if not any(fields.values()):
        return nothing
    try:
        fall, month = (_fraction(fields, name) for name in ("fall", "month"))
    except ValueError as error:
        return nothing._replace(trouble=str(error))
    if fields["tier"] and fields["tier"] not in tiers:
        return nothing._replace(trouble=f"{fields['tier']!r} is no tier")
    policy = laid_over(EngineConfig(), standing.state.limits.in_force).policy
    earned = Tier[fields["tier"]] if fields["tier"] else standing.state.tier
    if select_tier(math.nan, month, policy.thresholds) is Tier.EMERGENCY:
        earned = Tier.EMERGENCY
    return WhatIf(
        fields=fields,
        tiers=tiers,
        tier=earned.name,
        allowed=[_allowed(standing, policy, earned, fall, name) for name in SLEEVES],
        trips=_trips(policy, fall, month),
        trouble="",
    )


def _fraction(fields: Mapping[str, str], name: str) -> float:
    """Return a fraction of a field, 0 where it is empty.

    Raises:
        ValueError: It is no number, or beyond what an account can do.
    """
    text = fields[name]
    if not text:
        return 0.0
    try:
        value = float(Decimal(fraction_of(text)))
    except ArithmeticError:
        raise ValueError(f"{name}: {text[:24]!r} is no number; write 5 % or 0.05") from None
    least = 0.0 if name == "fall" else -1.0
    if not least <= value <= _MOST[name]:
        raise ValueError(f"{name}: {text[:24]!r} is beyond what an account can do")
    return value


def _allowed(standing: Standing, policy: Policy, tier: Tier, fall: float, sleeve: str) -> Allowed:
    cap = getattr(tier_caps(tier, policy.tiers), sleeve)
    caps = named_caps(
        hard=cap,
        earned=cap if policy.record.is_earned else math.inf,
        equity=1.0 - fall,
        peak=1.0,
        sleeve=standing.state.evidence_at(standing.now.at_ns, sleeve),
        at=policy.exposure,
    )
    decided = exposure_decision(caps)
    named = zip(caps._fields, caps, strict=True)
    return Allowed(
        sleeve=sleeve,
        exposure=decided.exposure,
        binding=decided.binding.name.lower(),
        caps={name: None if math.isinf(value) else value for name, value in named},
    )


def _trips(policy: Policy, fall: float, month: float) -> list[str]:
    limits, found = policy.limits, list[str]()
    if -month > limits.loss_limit_monthly:
        found.append("the loss limit of the month: everything is sold, a person resumes")
    if policy.rolling.is_rolling and fall > policy.rolling.drawdown_limit:
        found.append("the limit of the drawdown: everything is sold, a person resumes")
    return found
