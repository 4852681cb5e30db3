"""The page about venues: its table says what the brokers say of themselves."""

import re
from pathlib import Path

import pytest
from tests.contract.ccxt_venue import KEYS
from tests.docs.pages import blocks_of, printed

from smart_leverage.brokers.alpaca.client import CAPABILITIES as ALPACA
from smart_leverage.brokers.base import Capabilities
from smart_leverage.brokers.ccxt import CcxtBroker, ExchangeOptions
from smart_leverage.brokers.ccxt.abilities import BY_NAME
from smart_leverage.brokers.sim.venue import CAPABILITIES as SIMULATED
from smart_leverage.domain.registry import Registry

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "concepts" / "venues.md").read_text()
FLAG = re.compile(r"^\| `(\w+)` \| ([^|]+) \| (yes|no) \| (yes|no) \| (yes|no) \|([^|]*)\|$", re.M)
EXCHANGE = re.compile(r"^\| `(\w+)` \| ([^|]+) \| (yes|no) \|$", re.M)


@pytest.mark.parametrize("exchange", sorted(BY_NAME))
def test_the_table_says_what_each_broker_says_of_itself(exchange: str, tmp_path: Path) -> None:
    options = ExchangeOptions(exchange=exchange)
    with CcxtBroker(options, KEYS, Registry.builtin(), tmp_path) as broker:
        brokers = (SIMULATED, ALPACA, broker.capabilities)
    said = {flag: words for flag, _, *words, _ in FLAG.findall(PAGE)}
    true = {
        flag: ["yes" if getattr(one, flag) else "no" for one in brokers]
        for flag in Capabilities.__struct_fields__
    }
    assert said == true


def test_whatever_a_venue_lacks_has_a_sentence() -> None:
    rows = FLAG.findall(PAGE)
    assert len(rows) == len(Capabilities.__struct_fields__)
    for flag, meaning, *words, what in rows:
        assert meaning.strip(), flag
        lacks = ("yes" if flag == "lists_lag" else "no") in words
        assert what.strip() or not lacks, flag


def test_the_exchanges_that_are_known_stand_on_the_page() -> None:
    said = {name: stops == "yes" for name, _, stops in EXCHANGE.findall(PAGE)}
    assert said == {name: ability.has_stops for name, ability in BY_NAME.items()}


def test_the_example_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = DOCS / "how-to" / "trade-at-an-exchange.md"
    monkeypatch.chdir(tmp_path)
    assert printed(page) == [block.shown for block in blocks_of(page.read_text())]
