"""What an engine is told once: the policy and the bounds of its own duties."""

import math
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.engine.ladder import LadderConfig
from smart_leverage.policy.margin import MarginTerms
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.tier import Tier


class EngineConfig(NamedTuple):
    """Everything the engine needs beyond events; fractions are of the price or of equity."""

    policy: Policy = CLASSIC
    ladder: LadderConfig = LadderConfig()
    risk_timezone: str = "America/New_York"
    tier_ceiling: Tier = Tier.PROFITABLE
    collar: Decimal = Decimal("0.005")
    """A buy is sent with a limit this far above the price, so that its worst case is known."""
    cost_rate: Decimal = Decimal("0.003")
    """Fees a buy may cost at most, as a fraction of its notional; taken off equity in the proof."""
    entry_life_s: float = 300.0
    """A buy that rests longer than this while its class trades is cancelled."""
    mark_every_s: float = 60.0
    """How often the valuation is journalled; breakers judge every price all the same."""
    remember_every_s: float = 21_600.0
    """How often prices and what they were learned to move are journalled; a restart forgets what
    came after."""
    may_resend: bool = True
    """Whether the broker rejects repeated ids, so that an order may be sent again under its own."""
    absent_after_s: float = 120.0
    """After this long a request that the broker does not list can no longer arrive."""
    unknown_max: int = 3
    """With so many purchases of unknown outcome no other one leaves, whatever room is left."""
    order_times_max: Decimal = Decimal(5)
    """A bot's order of so many times its usual one is taken for a mistake."""
    stalled_after_s: float = 600.0
    """An order that neither trades nor ends for longer than this is reported."""
    loosen_after_hours: int = 24
    """A limit that is loosened comes into force only after so long."""
    ramp_start: Decimal = Decimal(1)
    """Caps of increases begin at this part of themselves, at the opening and after a step up."""
    ramp_days: int = 30
    """After so many risk days in no need they are whole."""
    fees_come_later: bool = False
    """Whether executions come without their fees, which the broker takes and tells of by itself."""
    sale_has_minimum: bool = False
    """Whether the broker takes no sale under a lot, or of less value than `notional_min`."""
    lists_lag: bool = False
    """Whether the broker's lists may show an execution later than its stream."""
    margin: MarginTerms = MarginTerms()
    """What the broker lends, where the intraday plan borrows at all."""
    power_age_max_s: float = math.inf
    """An older figure of the broker lends nothing; without an end where none is asked for."""
    adopted_consent: bool = True
    """Whether adopted positions may be sold by the house without asking their owner first."""
    protect_within_s: float = 60.0
    """A position may be without a live stop for this long before that is reported as a breach."""
