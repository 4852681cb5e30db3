"""An account at a broker that is not embedded: real processes, real sockets, its own protocol.

The broker is another account of ours that forwards everything: it speaks the protocol, keeps its
own books and knows nothing of who governs the account on the other side.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import CryptoHistoricalDataClient
from alpaca.data.requests import CryptoLatestQuoteRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, OrderType, QueryOrderStatus, TimeInForce
from alpaca.trading.requests import GetOrdersRequest, MarketOrderRequest
from tests.wire.serving import PROGRAM, Served, gateway
from tests.wire.test_alpaca_py import eventually

from smart_leverage.brokers.alpaca.keys import keys_from
from smart_leverage.runtime.desk_process import url_of
from smart_leverage.settings import load
from smart_leverage.wiring.at_alpaca import alpaca

BTC, ETH, SOL = "BTC/USD", "ETH/USD", "SOL/USD"
FORWARDS = '[account]\nenforcement = "observe"\n'


class Place(NamedTuple):
    """Two accounts: the broker's, and the one that is governed."""

    broker: Served
    folder: Path

    @property
    def theirs(self) -> TradingClient:
        """The account at the broker, as its owner sees it there."""
        return TradingClient(*self.broker.keys["bot"], url_override=self.broker.url)

    def settings(self, mode: str = "paper", more: str = "") -> str:
        (self.folder / "broker.keys").touch(mode=0o600)
        (self.folder / "broker.keys").write_text("\n".join(self.broker.keys["bot"]))
        data = eventually(lambda: url_of(self.broker.folder))
        return (
            f'[account]\nmode = "{mode}"\n{more}\n[broker]\nkeys_file = "broker.keys"\n'
            f'url = "{self.broker.url}"\ndata_url = "{data}"\n'
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with gateway(tmp_path_factory.mktemp("broker"), settings=FORWARDS) as broker:
        yield Place(broker, tmp_path_factory.mktemp("governed"))


def buy(client: TradingClient, symbol: str, **more: Any) -> Any:
    terms = {"side": OrderSide.BUY, "time_in_force": TimeInForce.GTC}
    return client.submit_order(MarketOrderRequest(symbol=symbol, **terms, **more))


def held(client: TradingClient) -> dict[str, Decimal]:
    return {one.symbol: Decimal(one.qty) for one in client.get_all_positions()}


def told(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def status(served: Served) -> dict[str, Any]:
    said = told(served.folder.parent.parent, "status", "--ledger", str(served.folder), "--json")
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def books(served: Served) -> dict[str, Decimal]:
    from smart_leverage.ledger.reader import Reader

    with Reader.open(served.folder / "ledger.sqlite") as reader:
        return {
            one.key.partition(":")[2].replace("/", ""): one.qty
            for one in reader.positions()
            if one.qty and not one.bot
        }


def notes(served: Served) -> list[str]:
    from smart_leverage.ledger.reader import Reader

    with Reader.open(served.folder / "ledger.sqlite") as reader:
        return [json.loads(entry.payload).get("code", "") for entry in reader.entries()]


def test_the_threads_that_hear_and_ask_are_watched(place: Place) -> None:
    file = place.folder / "config.toml"
    file.write_text(place.settings().replace('"broker.keys"', f'"{place.folder / "broker.keys"}"'))
    with alpaca(place.folder, load(file, {}).settings, lambda line: None) as venue:
        venue.broker.updates(0)
        assert sorted(one.name for one in venue.threads()) == ["broker-stream", "quotes"]
    assert list(venue.threads()) == []


def test_an_account_with_a_past_is_adopted_governed_killed_and_rescued(place: Place) -> None:
    """One life of one account; each step begins where the one before ended."""
    theirs = place.theirs
    buy(theirs, BTC, qty="0.02")
    eventually(lambda: held(theirs))

    with gateway(place.folder, settings=place.settings()) as governed:
        # What was there already belongs to the house, and is protected at the broker.
        assert books(governed) == held(theirs)
        assert status(governed)["mode"] == "paper"
        stop = eventually(lambda: theirs.get_orders())[0]
        assert (stop.side, stop.order_type) == (OrderSide.SELL, OrderType.STOP_LIMIT)

        # What fits goes through, and both sides agree on it to the last unit.
        bot = TradingClient(*governed.keys["bot"], url_override=governed.url)
        buy(bot, ETH, notional="3000")
        eventually(lambda: held(bot))
        eventually(lambda: books(governed) == held(theirs))
        assert len(held(theirs)) == 2

        # What does not fit never reaches the broker.
        with pytest.raises(APIError, match="symbol cap"):
            buy(bot, SOL, notional="50000")
        every = GetOrdersRequest(status=QueryOrderStatus.ALL)
        assert {one.symbol for one in theirs.get_orders(every)} == {BTC, ETH}

        # What its owner does on the broker's own page is booked, told, and counted.
        buy(theirs, SOL, notional="2000")
        eventually(lambda: "SOLUSD" in books(governed), 15.0)
        eventually(lambda: books(governed) == held(theirs))
        assert "order.external" in notes(governed)
        assert "reconcile.difference" not in notes(governed)
        assert status(governed)["state"] == "active"

        # Prices come through for whoever has a token here; the keys of the broker stay there.
        data = CryptoHistoricalDataClient(
            *governed.keys["bot"], url_override=eventually(lambda: url_of(governed.folder))
        )
        assert data.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols=BTC))[BTC]

        keys = governed.keys["bot"]
        os.kill(governed.process.pid, signal.SIGKILL)

    before = held(theirs)
    with gateway(place.folder, settings=place.settings()) as again:
        bot = TradingClient(*keys, url_override=again.url)
        eventually(lambda: books(again) == held(theirs))
        assert held(theirs) == before
        buy(bot, ETH, notional="500")
        eventually(lambda: books(again)["ETHUSD"] > before["ETHUSD"])

        done = told(
            place.folder, "rescue", "--mode", "paper", "--keys", "broker.keys", "--url",
            place.broker.url, "--account", "runs/live", "--yes", "--for", "60",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert held(theirs) == {}
        eventually(lambda: books(again) == {}, 20.0)
        assert "reconcile.difference" not in notes(again)
        assert status(again)["state"] == "halted"


def test_it_stays_in_its_mode(place: Place) -> None:
    (place.folder / "live.toml").write_text(place.settings("live"))
    done = told(place.folder, "run", "--name", "live", "--config", "live.toml", "--for", "1")
    assert done.returncode == 3
    assert "is a paper account, and stays one" in " ".join(done.stderr.split())


def test_real_money_begins_by_only_watching(place: Place, tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text(place._replace(folder=tmp_path).settings("live"))
    said = told(tmp_path, "config", "show", "--config", "real.toml", "--origin")
    shown = {line.split()[0]: line for line in said.stdout.splitlines()}
    for key, value in (("enforcement", "observe"), ("adopted_consent", "asked")):
        assert f'"{value}"' in shown[f"account.{key}"]
        assert "mode live" in shown[f"account.{key}"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("--strategy", "overbuyer"), "bots trade through the gateway", id="strategy"),
        pytest.param(("--cash", "5000"), "bots trade through the gateway", id="cash"),
    ],
)
def test_what_belongs_to_the_embedded_market_is_refused(
    place: Place, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    (tmp_path / "p.toml").write_text(place._replace(folder=tmp_path).settings())
    done = told(tmp_path, "run", "--name", "x", "--config", "p.toml", *words)
    assert done.returncode == 2
    assert why in " ".join(done.stderr.split())


def test_keys_that_the_broker_does_not_take_are_told_and_not_shown(
    place: Place, tmp_path: Path
) -> None:
    here = place._replace(folder=tmp_path)
    (tmp_path / "p.toml").write_text(here.settings())
    (tmp_path / "broker.keys").write_text("PKWRONG\nnot-the-secret\n")
    assert keys_from(tmp_path / "broker.keys", {}).key_id == "PKWRONG"
    done = told(tmp_path, "run", "--name", "x", "--config", "p.toml", "--for", "5")
    assert done.returncode != 0
    assert "not authorized" in " ".join(done.stderr.split())
    assert "not-the-secret" not in done.stdout + done.stderr


def test_real_money_waits_for_the_checklist(place: Place, tmp_path: Path) -> None:
    """The paper account beside it was halted and rescued, but neither resumed nor long enough.

    The rescue has also had the broker refuse every order.
    """
    here = place._replace(folder=tmp_path)
    (tmp_path / "real.toml").write_text(here.settings("live"))
    done = told(tmp_path, "run", "--name", "real", "--config", "real.toml", "--for", "5")
    assert done.returncode == 3
    assert "real money needs a checklist" in " ".join(done.stderr.split())

    paper = str(place.folder / "runs" / "live")
    done = told(
        tmp_path, "go-live", "--name", "real", "--config", "real.toml", "--paper", paper, "--json"
    )
    assert done.returncode == 6
    found = {one["check"]: one["level"] for one in json.loads(done.stdout)["checks"]}
    wrong = {name for name, level in found.items() if level == "wrong"}
    assert wrong == {"broker", "paper time", "resume", "told"}
    shown = {"mode", "keys", "holdings", "enforcement", "admin token", "paper policy"}
    assert {name for name, level in found.items() if level == "fine"} >= shown


def test_the_doctor_asks_the_broker(place: Place) -> None:
    (place.folder / "smart-leverage.toml").write_text(place.settings())
    done = told(place.folder, "doctor", "--ledger", "runs/live", "--json")
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["keys"]["found"] == f"taken by {place.broker.url}, paper"
    assert found["holdings"]["level"] == "fine"
    assert "venue" not in found
