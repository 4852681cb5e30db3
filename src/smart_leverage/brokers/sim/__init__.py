"""A simulated venue with Alpaca's order rules: in memory, in a file, or as its own process."""

from smart_leverage.brokers.sim.client import SimBrokerClient
from smart_leverage.brokers.sim.config import Mode, SimConfig, Start
from smart_leverage.brokers.sim.purse import Change
from smart_leverage.brokers.sim.server import Server
from smart_leverage.brokers.sim.venue import SimBroker
from smart_leverage.domain.activities import Activity

__all__ = [
    "Activity",
    "Change",
    "Mode",
    "Server",
    "SimBroker",
    "SimBrokerClient",
    "SimConfig",
    "Start",
]
