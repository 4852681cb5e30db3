"""Which parts are joined how: settings become a policy, parts become a governed account."""

from smart_leverage.runtime.proposing import Traders
from smart_leverage.wiring.accounts import Running, in_real_time, order_at_rest, over_bars
from smart_leverage.wiring.policy import engine_config, policy_of
from smart_leverage.wiring.venues import Beginning, embedded, opening

__all__ = [
    "Beginning",
    "Running",
    "Traders",
    "embedded",
    "engine_config",
    "in_real_time",
    "opening",
    "order_at_rest",
    "over_bars",
    "policy_of",
]
