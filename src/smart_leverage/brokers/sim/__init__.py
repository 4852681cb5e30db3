"""A simulated venue with Alpaca's order rules, in memory, in a file, or as a process of its own."""

from smart_leverage.brokers.sim.config import Mode, SimConfig, Start
from smart_leverage.brokers.sim.venue import SimBroker

__all__ = ["Mode", "SimBroker", "SimConfig", "Start"]
