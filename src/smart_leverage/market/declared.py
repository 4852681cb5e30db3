"""What a user may say of bar files that the files do not say themselves."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from smart_leverage.domain.instruments import AssetClass


class BarFile(Struct, frozen=True):
    """A file that does not say what it holds; None leaves that part to name and header.

    `columns` names the columns in the order of the file, for one without a header row or with a
    wrong one; names that are not needed may be any word.
    """

    path: Path
    symbol: str | None = None
    step: str | None = None
    asset_class: AssetClass | None = None
    columns: tuple[str, ...] | None = None


class Reading(Struct, frozen=True, kw_only=True):
    """How files are to be understood; every departure from what stands there is stated here.

    Attributes:
        quote_alias: Quotes accepted as another, {"USDT": "USD"}; recorded in each series' source.
        is_naive_utc: Take stamps without a zone as UTC; otherwise they are refused.
        drops_outside: Leave out intraday rows of shares outside the regular sessions; otherwise
            they are refused. Recorded in each series' source.
        trusts_jumps: Take prices as true that look like an unadjusted split, a false tick or
            another asset; otherwise they are refused. Recorded in each series' source.
        now_ns: Bars that end later are refused; None asks the machine's clock.
    """

    quote_alias: Mapping[str, str] = {}
    is_naive_utc: bool = False
    drops_outside: bool = False
    trusts_jumps: bool = False
    now_ns: int | None = None
