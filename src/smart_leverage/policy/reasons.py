"""Why an order was cut or denied: one stable code per bound."""

from enum import IntEnum


class Reason(IntEnum):
    """The bound that bit first; the sentence for each code lives in `domain.sentences`.

    The numbers are names and no order: which bound is looked at first is written in `decide`.
    """

    NONE = 0
    BAD_INPUT = 1
    FROZEN = 2
    HALTED = 3
    REDUCING = 4
    BREAKER_DAY = 5
    BREAKER_MONTH = 6
    NO_EQUITY = 7
    NO_PRICE = 8
    ASSET_LOCKED = 9
    DELEVERAGING = 10
    MARKET_CLOSED = 11
    OPPOSITE_BOT = 12
    SIZE = 13
    CAP_CRYPTO = 14
    CAP_LEVERAGED = 15
    CAP_GROSS = 16
    CAP_SYMBOL = 17
    CAP_BOT = 18
    BUYING_POWER = 19
    MINIMUM = 20
    NOT_HELD = 21
    SHORT = 22
    STOPPED_FIRST = 23
    STOP_HIT = 24
    FLATTEN = 25
    NOT_READY = 26
    CLOCK = 27
    BREAKER_DRAWDOWN = 28
    INTRADAY = 29
    STREAM = 30
    UNUSUAL = 31


class TradingState(IntEnum):
    """What an account may do; each state allows less than the one before."""

    ACTIVE = 0
    REDUCING = 1
    HALTED = 2
    FROZEN = 3
