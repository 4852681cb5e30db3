"""The desk alone, in a process of its own, over a market that began some days ago."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from smart_leverage.domain.bots import Scope, Seat, digest
from smart_leverage.domain.instruments import AssetClass, Key, key_of
from smart_leverage.domain.records import SeatChanged
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.market.bars import BarSeries
from smart_leverage.market.kept import keep_market, kept_market
from smart_leverage.market.synthetic import generate

KEYS = ("SLKREADER", "a secret")
BTC, ETH, SPY, TQQQ = "BTC/USD", "ETH/USD", "SPY", "TQQQ"


class Desk(NamedTuple):
    """Where it is, what market it shows, and the ledger that says who may come in."""

    url: str
    process: "subprocess.Popen[str]"
    series: dict[Key, BarSeries]
    ledger: SqliteLedger
    first_day: date

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1)

    def of(self, symbol: str) -> BarSeries:
        kind = AssetClass.CRYPTO if "/" in symbol else AssetClass.US_EQUITY
        return self.series[key_of(kind, symbol)]


def seat(keys: tuple[str, str], *, is_revoked: bool = False) -> SeatChanged:
    key_id, secret = keys
    given = Seat(
        bot="reader",
        token_id=key_id,
        secret_sha256=digest(secret),
        scopes=(Scope.READ,),
        is_revoked=is_revoked,
    )
    return SeatChanged(at_ns=1, seat=given, who="a test", reason="a test")


@contextmanager
def desk(folder: Path, *options: str) -> Iterator[Desk]:
    """Serve a market that has run for four days and goes on."""
    first_day = datetime.now(UTC).date() - timedelta(days=4)
    keep_market(folder, 3, first_day)
    series = {each.key: each for each in generate(kept_market(folder))}
    with SqliteLedger(folder / "ledger.sqlite") as ledger:
        ledger.commit([seat(KEYS)])
        process = subprocess.Popen(
            [sys.executable, "-m", "smart_leverage.server.desk", str(folder), *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            word, _, url = process.stdout.readline().strip().partition(" ")
            assert word == "ready"
            yield Desk(url, process, series, ledger, first_day)
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGTERM)
            with process:
                pass
