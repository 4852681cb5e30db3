"""What a fund's name gives away: leverage, inversion, coins."""

import re
import unicodedata

_BOND = re.compile(
    r"\b(ultra[ -]?)?short[ -](term|duration|maturity|treasury bond)\b"
    r"|\bultra[ -]?short[ -](bond|income)\b"
    r"|\bultra[ -]short\b(?=.*\b(bond|income|municipal|muni|obligations?|government)\b)"
)
"""Short in the sense of soon repaid; ProShares writes its UltraShort as one word and alone."""

_HARD = re.compile(
    r"(?<![\w.])[+-]?[1-5](\.\d+)?[x×](?!\w)|\b(ultrapro|ultrashort|leverag\w*|inverse)\b"
)
"""What no plain share has in its name: 3X, -1.5x, UltraPro, Leveraged, Inverse."""

_SOFT = re.compile(r"\b(ultra|bull|bear|daily|short|double|triple)\b")
"""Words of leveraged funds that a company may carry too."""

_COMPANY = re.compile(
    r"\b(inc|incorporated|corp|corporation|company|co|ltd|limited|plc|holdings?"
    r"|common stock|ordinary shares)\b"
)
_FUND = re.compile(
    r"\b(etf|etn|etp|funds?|trust|index|proshares|direxion|graniteshares|microsectors"
    r"|tradr|defiance|axs|t-rex)\b"
)
_CRYPTO = re.compile(
    r"\b(bitcoin|btc|ethereum|ether|eth|solana|xrp|ripple|dogecoin|doge|litecoin|cardano"
    r"|chainlink|hedera|polkadot|altcoins?|crypto\w*|digital assets?)\b"
)


def looks_leveraged(name: str) -> bool:
    """Whether a name is one of a leveraged or inverse fund, or tells nothing.

    Short-term, short-duration and ultra-short bond funds are not meant. Nor is a company that
    carries one such word, a bear or a daily paper, as long as nothing else speaks of a fund.

    Args:
        name: As the broker's asset row states it; empty counts as leveraged.
    """
    plain = _plain(name)
    text = _BOND.sub(" ", plain)
    if not plain or _HARD.search(text):
        return True
    words = set(_SOFT.findall(text))
    is_company = _COMPANY.search(text) is not None and _FUND.search(text) is None
    return len(words) > (1 if is_company else 0)


def looks_crypto(name: str) -> bool:
    """Whether a name speaks of coins; a fund of coins counts like the coins."""
    return _CRYPTO.search(_plain(name)) is not None


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
