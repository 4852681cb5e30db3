"""The real broker over its own protocol: one request at a time leaves, and none is repeated."""

from smart_leverage.brokers.alpaca.client import AlpacaBroker
from smart_leverage.brokers.alpaca.hosts import Hosts
from smart_leverage.brokers.alpaca.line import Keys

__all__ = ["AlpacaBroker", "Hosts", "Keys"]
