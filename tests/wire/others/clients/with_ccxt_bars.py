"""Our source of bars over ccxt, unmodified: bars of a server that speaks as one exchange does."""

import sys
from typing import Any

from seen import Seen

from smart_leverage.market.download.exchanges import ExchangeBars
from smart_leverage.market.download.rows import BarSpan, Wanted

url, first_ns, last_ns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
HOURS: Any = Wanted("crypto", "BTC/USD", "1h")  # type: ignore[arg-type]
span = BarSpan(first_ns, last_ns)
pauses: list[float] = []
seen = Seen()
source = ExchangeBars("bitstamp", url=url, sleep=pauses.append)


def fetched(wanted: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for page in source.fetch(wanted, span) for row in page]


seen.step("name", lambda: source.name)
seen.step("bars", lambda: fetched(HOURS))
seen.step("pauses", lambda: pauses)
seen.step("unknown", lambda: fetched(HOURS._replace(symbol="XYZ/USD")))
seen.step("step", lambda: fetched(HOURS._replace(step="7m")))
seen.step("adjusted", lambda: fetched(HOURS._replace(adjustment="all")))
seen.step("no exchange", lambda: ExchangeBars("nowhere"))
seen.step("elsewhere", lambda: ExchangeBars("bitstamp", url="https://example.org"))
source.close()
seen.tell()
