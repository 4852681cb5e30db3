"""What instruments cost now: asked of Alpaca again and again, and remembered in between."""

from smart_leverage.market.latest.asking import AlpacaQuotes
from smart_leverage.market.latest.quoting import LatestQuotes

__all__ = ["AlpacaQuotes", "LatestQuotes"]
