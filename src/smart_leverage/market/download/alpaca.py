"""Bars and quotes of Alpaca: shares with a choice of feed, and coins, which need no keys."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Self, TypeVar

import msgspec

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, SECOND_NS
from smart_leverage.domain.errors import BadData, ConfigError, SourceDown
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.market_rows import QuoteRow
from smart_leverage.domain.redaction import redactor
from smart_leverage.domain.risk_days import RiskCalendar
from smart_leverage.market.download.line import Line, host_of, moment
from smart_leverage.market.download.rows import RAW, BarRow, BarSpan, Wanted
from smart_leverage.market.opening import parse_step

OWN = "https://data.alpaca.markets"
FEEDS = ("sip", "iex", "otc", "boats")
ADJUSTMENTS = (RAW, "split", "dividend", "all")
PAGE = 10_000
PAGES_MAX = 10_000
SETTLED_S = 16 * 60
"""Plans without live data refuse the last quarter of an hour."""

_SHARES, _COINS = "/v2/stocks", "/v1beta3/crypto/us"
_STEP = re.compile(r"([0-9]+)([mhd])")
_UNITS = {"m": "Min", "h": "Hour", "d": "Day"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.date().toordinal()


class _Bar(msgspec.Struct):
    t: datetime
    o: float
    h: float
    l: float  # noqa: E741 - its name there
    c: float
    v: float


class _Quote(msgspec.Struct):
    t: str  # to the nanosecond, which a datetime does not hold
    bp: float
    bs: float
    ap: float
    as_: float = msgspec.field(name="as")


class _Page(msgspec.Struct):
    next_page_token: str | None = None


class _BarPage(_Page):
    bars: dict[str, list[_Bar]] | None = None


class _QuotePage(_Page):
    quotes: dict[str, list[_Quote]] | None = None


P = TypeVar("P", bound=_Page)


class _Alpaca:
    """Alpaca's server of market data, which answers page by page."""

    def __init__(
        self,
        asset_class: AssetClass,
        *,
        url: str = "",
        keys: tuple[str, str] | None = None,
        feed: str = FEEDS[0],
        line: Line | None = None,
    ) -> None:
        """Remember whom to ask; nothing is sent yet.

        Args:
            asset_class: Of all that will be asked for.
            url: Another address than Alpaca's own: a server on this machine.
            keys: Key id and secret; shares need them.
            feed: Whose trades or quotes, of shares.
            line: Another one than that to `url`.

        Raises:
            ConfigError: The address, the feed, or keys that are missing.
        """
        is_share = asset_class is AssetClass.US_EQUITY
        if feed not in FEEDS:
            raise ConfigError([f"feed = {feed!r}: one of {', '.join(FEEDS)}"], "alpaca")
        if is_share and keys is None:
            raise ConfigError(["shares need a key id and a secret"], "alpaca")
        heads = {}
        if keys is not None:
            redactor.hide(keys[1])
            heads = {"APCA-API-KEY-ID": keys[0], "APCA-API-SECRET-KEY": keys[1]}
        self._is_share, self._feed = is_share, feed
        self._line = line or Line(host_of(url, OWN), heads)
        self._days = RiskCalendar("America/New_York")

    @property
    def name(self) -> str:
        """Feeds of shares are different prices, so each has a folder."""
        return f"alpaca-{self._feed}" if self._is_share else "alpaca"

    @property
    def settled_s(self) -> int:
        """How long the past is left alone."""
        return SETTLED_S

    def close(self) -> None:
        """Let go of connections."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pages(self, name: str, more: dict[str, str], page_of: type[P]) -> Iterator[P]:
        path = f"{_SHARES if self._is_share else _COINS}/{name}"
        params = {"limit": str(PAGE), "sort": "asc", **more}
        if self._is_share:
            params["feed"] = self._feed
        given: set[str] = set()
        for _ in range(PAGES_MAX):
            body = self._line.ask(path, params)
            try:
                page = msgspec.json.decode(body, type=page_of)
            except (msgspec.DecodeError, ValueError) as error:
                raise _unreadable(error) from None
            yield page
            token = page.next_page_token
            if not token:
                return
            if token in given:
                break
            given.add(token)
            params["page_token"] = token
        raise SourceDown("pages without end: the server gives the same page again")


class AlpacaBars(_Alpaca):
    """Asks for bars; see `RowSource`."""

    def fetch(self, wanted: Wanted, span: BarSpan) -> Iterator[Sequence[BarRow]]:
        """Yield pages of bars; see `RowSource`."""
        params = {
            "symbols": wanted.symbol,
            "timeframe": timeframe(wanted.step, is_share=self._is_share),
            "start": moment(span.from_ns),
            "end": moment(span.until_ns - 1_000),
        }
        if self._is_share:
            params["adjustment"] = wanted.adjustment
        elif wanted.adjustment != RAW:
            raise BadData("coins have no splits and dividends", fix=f"ask for {RAW}")
        for page in self._pages("bars", params, _BarPage):
            yield [self._row(bar, wanted.step) for bar in (page.bars or {}).get(wanted.symbol, [])]

    def _row(self, bar: _Bar, step: str) -> BarRow:
        since = bar.t.astimezone(UTC) - _EPOCH
        at_ns = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
        if self._is_share and step == "1d":
            # A day begins at midnight of New York there, and the date of its session here.
            day = date.fromisoformat(self._days.day_of(at_ns))
            at_ns = (day.toordinal() - _EPOCH_DAY) * DAY_NS
        return BarRow(at_ns, bar.o, bar.h, bar.l, bar.c, bar.v)


class AlpacaQuotes(_Alpaca):
    """Asks for quotes; see `RowSource`."""

    def fetch(self, wanted: Wanted, span: BarSpan) -> Iterator[Sequence[QuoteRow]]:
        """Yield pages of quotes; see `RowSource`."""
        if wanted.adjustment != RAW:
            raise BadData("quotes are kept as they stood", fix=f"ask for {RAW}")
        # Both ends are included there, and the last nanosecond before the end has to come.
        params = {
            "symbols": wanted.symbol,
            "start": moment(span.from_ns),
            "end": moment(span.until_ns),
        }
        for page in self._pages("quotes", params, _QuotePage):
            try:
                rows = [_quote(one) for one in (page.quotes or {}).get(wanted.symbol, [])]
            except ValueError as error:
                raise _unreadable(error) from None
            yield rows


def _quote(given: _Quote) -> QuoteRow:
    return QuoteRow(_instant_ns(given.t), given.bp, given.bs, given.ap, given.as_)


def _instant_ns(text: str) -> int:
    """Return an instant such as 2024-01-31T14:30:00.123456789Z."""
    second, fraction = text[:19], text[19:-1]
    digits = fraction[1:]
    is_fraction = fraction[:1] == "." and digits.isdecimal() and len(digits) <= 9
    if not text.isascii() or text[-1:] != "Z" or (fraction and not is_fraction):
        raise ValueError(f"{text[:40]!a} is no instant")
    return _second_ns(second) + int(digits.ljust(9, "0"))


@lru_cache(maxsize=16)  # many quotes share a second
def _second_ns(text: str) -> int:
    since = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_NS


def _unreadable(error: Exception) -> SourceDown:
    return SourceDown(f"the answer cannot be read: {error}")


def timeframe(step: str, *, is_share: bool) -> str:
    """Return a step as Alpaca spells it: "15m" is "15Min".

    Raises:
        BadData: It is not offered, or its bars of shares would lie on no fixed grid.
    """
    step_ns, match = parse_step(step), _STEP.fullmatch(step)
    number = int(match[1]) if match else 0
    most = {"m": 59, "h": 23, "d": 1}[match[2]] if match else 0
    if match is None or number > most:
        raise BadData(f"Alpaca has no bars of {step}", fix="1m to 59m, 1h to 23h, or 1d")
    if is_share and HOUR_NS < step_ns < DAY_NS:
        raise BadData(f"bars of {step} of shares move with daylight saving", fix="ask for 1h or 1d")
    return f"{number}{_UNITS[match[2]]}"
