"""Which instruments there are: every spelling leads to one key, in one fixed order."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from smart_leverage.domain.classify import (
    PAIR,
    SYMBOL,
    classify,
    coin,
    equity,
    stock,
    unknown_coin,
    unknown_equity,
)
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import AssetClass, Instrument, Key, key_of
from smart_leverage.domain.naming import looks_crypto, looks_leveraged

__all__ = [
    "Registry",
    "classify",
    "looks_crypto",
    "looks_leveraged",
    "stock",
    "unknown_coin",
    "unknown_equity",
]

_FUND_PRICE = Decimal(50)
"""Nominal: funds are split and merged often, and only the rates of cheap shares depend on it."""

_CRYPTO_FUND_RATE_FACTOR = Decimal(2)
"""What a broker asks for funds of coins is not published; more than for a plain share, surely."""


class Registry(Mapping[Key, Instrument]):
    """An immutable set of instruments, iterated in the order that settles ties: by key."""

    __slots__ = ("_by_key", "_codes", "_ranks", "_spellings")

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        """Keep the instruments.

        Raises:
            BadData: Two have one key, or a record contradicts itself.
        """
        self._by_key: dict[Key, Instrument] = {}
        self._spellings: dict[str, list[Key]] = {}
        # Sorted, so that the order depends on what is listed and never on when it was.
        for instrument in sorted(instruments, key=lambda each: each.key):
            _check(instrument)
            if instrument.key in self._by_key:
                raise BadData(f"{instrument.key} is listed twice")
            self._by_key[instrument.key] = instrument
            for spelling in _spellings(instrument):
                self._spellings.setdefault(spelling, []).append(instrument.key)
        self._ranks = {key: rank for rank, key in enumerate(self._by_key)}
        self._codes = frozenset(
            code
            for each in self._by_key.values()
            if each.asset_class is AssetClass.CRYPTO
            for code in each.symbol.split("/")
        )

    @classmethod
    def builtin(cls) -> "Registry":
        """Return the registry of the packaged tables; read once per process."""
        return _builtin()

    def __getitem__(self, key: Key) -> Instrument:
        return self._by_key[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    def rank(self, key: Key) -> int:
        """Return the place of a key in the registry's order; the smaller one goes first."""
        return self._ranks[key]

    def with_instrument(self, instrument: Instrument) -> "Registry":
        """Return a registry that has this instrument too, or has its newer version.

        Raises:
            BadData: Another record of the same or a later version is listed under the key.
        """
        return self.with_instruments([instrument])

    def with_instruments(self, instruments: Iterable[Instrument]) -> "Registry":
        """Return a registry that has all of these too; see `with_instrument`."""
        merged = dict(self._by_key)
        for new in instruments:
            old = merged.get(new.key)
            if old is not None and old != new and new.version <= old.version:
                raise BadData(
                    f"{new.key} version {new.version} differs from the listed version",
                    fix=f"a changed instrument is version {old.version + 1} or later",
                )
            merged[new.key] = new
        return Registry(merged.values())

    def resolve(
        self,
        spelling: str,
        asset_class: AssetClass | None = None,
        *,
        quote_alias: Mapping[str, str] | None = None,
    ) -> Instrument:
        """Return the one instrument that a spelling means.

        Args:
            spelling: `TQQQ`; a pair as `BTC/USD`, `BTC-USD` or `BTCUSD`; upper case.
            asset_class: Needed where a fund bears a currency's letters, such as `BTC` or `USD`.
            quote_alias: Quotes to be read as another for this call, `{"USDT": "USD"}`: prices in
                one of them then speak for the pair in the other. Nothing is aliased unasked.

        Raises:
            BadData: No instrument is meant, or more than one; the nearest ones are named.
        """
        spelled = spelling
        if quote_alias and asset_class is not AssetClass.US_EQUITY:
            spelled = _aliased(spelling, quote_alias)
        found = self._spellings.get(spelled, [])
        if asset_class is not None:
            found = [key for key in found if self._by_key[key].asset_class is asset_class]
        is_currency = asset_class is None and spelled in self._codes
        if len(found) == 1 and not is_currency:
            return self._by_key[found[0]]
        shown = ascii(spelling[:32])
        if found:
            meant = ", ".join([*found, *self._pairs_of(spelled)])
            raise BadData(
                f"symbol {shown} is ambiguous" + (", a currency bears it too" * is_currency),
                fix=f"name the asset class or the pair in full: {meant}",
            )
        raise BadData(f"symbol {shown} is unknown", fix=self._nearest(spelled[:32], asset_class))

    def _pairs_of(self, code: str) -> list[Key]:
        """Return the pairs that a bare currency code may have been short for."""
        return [key for key in self._by_key if key.startswith(f"crypto:{code}/")]

    def _nearest(self, spelling: str, asset_class: AssetClass | None) -> str:
        code = spelling.upper()
        close = get_close_matches(code, self._spellings, n=6, cutoff=0.5)
        keys = self._pairs_of(code)
        keys += [key for match in close for key in self._spellings[match]]
        if asset_class is not None:
            keys = [key for key in keys if self._by_key[key].asset_class is asset_class]
        if not keys:
            return "no known symbol is near; add the instrument to the registry first"
        return "nearest known: " + ", ".join(list(dict.fromkeys(keys))[:3])


def _spellings(instrument: Instrument) -> list[str]:
    if instrument.asset_class is AssetClass.US_EQUITY:
        return [instrument.symbol]
    base, quote = instrument.symbol.split("/")
    return [f"{base}/{quote}", f"{base}-{quote}", f"{base}{quote}"]


def _aliased(spelling: str, quote_alias: Mapping[str, str]) -> str:
    for alias, quote in quote_alias.items():
        base = spelling.removesuffix(alias)
        if base != spelling and base:
            # One separator at most: BTC//USDT stays as wrong as it is without an alias.
            return f"{base[:-1] if base[-1] in '/-' else base}/{quote}"
    return spelling


def _check(instrument: Instrument) -> None:
    """Refuse a record that would let exposure be counted wrongly."""
    one = instrument
    pattern = PAIR if one.asset_class is AssetClass.CRYPTO else SYMBOL
    positive = (one.tick, one.lot, one.size_step, one.reference_price)
    facts = {
        "symbol": pattern.fullmatch(one.symbol) is not None,
        "key": one.key == key_of(one.asset_class, one.symbol),
        "tick, lot, size_step or reference_price": all(_is_positive(each) for each in positive),
        "factor": one.factor.is_finite(),
        "is_crypto": one.is_crypto or one.asset_class is not AssetClass.CRYPTO,
        "maintenance rate": all(
            _is_positive(each) for each in (one.maintenance_rate_long, one.maintenance_rate_short)
        ),
    }
    wrong = [name for name, is_right in facts.items() if not is_right]
    if wrong:
        raise BadData(f"instrument {one.key!a}: wrong {', '.join(wrong)}")
    if one.lot.normalize().as_tuple().digits != (1,) or one.size_step % one.lot != 0:
        raise BadData(
            f"instrument {one.key}: lot {one.lot}, size_step {one.size_step}",
            fix="a lot is a power of ten and a step is whole lots",
        )


def _is_positive(value: Decimal) -> bool:
    return value.is_finite() and value > 0


@cache
def _builtin() -> Registry:
    return Registry([*_coins(), *_stocks(), *_funds()])


def _rows(name: str) -> list[dict[str, str]]:
    text = files("smart_leverage.domain").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _coins() -> Iterator[Instrument]:
    for row in _rows("coins.csv"):
        yield coin(
            f"{row['base']}/USD",
            name=f"{row['name']} / US Dollar",
            kind="coin",
            reference_price=Decimal(row["reference_price"]),
            tick=Decimal(row["price_increment"]),
            increment=Decimal(row["min_trade_increment"]),
            notional_min=Decimal(row["notional_min"]),
        )


def _stocks() -> Iterator[Instrument]:
    for row in _rows("stocks.csv"):
        yield equity(
            row["symbol"],
            name=row["name"],
            kind=row["kind"],
            underlying=row["underlying"],
            factor=Decimal(1),
            price=Decimal(row["reference_price"]),
            is_proxy=row["proxy"] == "yes",
        )


def _funds() -> Iterator[Instrument]:
    for row in _rows("funds.csv"):
        factor = Decimal(row["factor"])
        is_crypto = row["crypto"] == "yes"
        rate_factor = max(abs(factor), _CRYPTO_FUND_RATE_FACTOR) if is_crypto else factor
        yield equity(
            row["symbol"],
            name=f"{row['symbol']}, {factor:+}x {row['underlying']} a day",
            kind=row["kind"],
            underlying=row["underlying"],
            factor=factor,
            price=_FUND_PRICE,
            rate_factor=rate_factor,
            fractionable=row["kind"] != "etn",
            is_crypto=is_crypto,
            is_proxy=row["crypto"] == "proxy",
        )
