"""Coins on any exchange that the ccxt library knows, if it can be asked what safety needs.

The library is imported when the first adapter is made, and needs the extra `ccxt`.
"""

from smart_leverage.brokers.ccxt.client import CcxtBroker
from smart_leverage.brokers.ccxt.options import ExchangeOptions, Keys

__all__ = ["CcxtBroker", "ExchangeOptions", "Keys"]
