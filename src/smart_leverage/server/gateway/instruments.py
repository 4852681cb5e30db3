"""What may be traded, found by any spelling of its symbol; safe in any thread."""

from collections.abc import Mapping

from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.runtime.driven import Driven
from smart_leverage.wire.errors import unprocessable
from smart_leverage.wire.symbols import key_of_symbol


class Instruments:
    """Returns what is listed for the account now; safe in any thread."""

    def __init__(self, trader: Driven) -> None:
        self._trader = trader

    def __call__(self) -> Mapping[Key, Instrument]:
        """Return the instruments by key."""
        return self._trader.engine.state.instruments


class Listing:
    """What may be traded, found by any spelling of its symbol."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments

    def __getitem__(self, key: Key) -> Instrument:
        return self._instruments()[key]

    def key(self, symbol: str) -> Key:
        """Return the key of a symbol in a body.

        Raises:
            WireError: 422, nothing is listed under it.
        """
        key = key_of_symbol(symbol, self._instruments())
        if key is None:
            raise unprocessable(f'asset "{symbol[:32]}" not found')
        return key

    def key_in_path(self, symbol: str) -> Key | None:
        """Return the key of a symbol in an address, None if nothing is listed under it."""
        return key_of_symbol(symbol, self._instruments())
