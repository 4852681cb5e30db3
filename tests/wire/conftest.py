"""One account with its gateway for all tests of a file; each test gets a bot of its own."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from alpaca.trading.client import TradingClient
from tests.wire.serving import Served, gateway


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with gateway(tmp_path_factory.mktemp("account")) as running:
        yield running


_NUMBERS = count(1)


@pytest.fixture
def bot(served: Served) -> Callable[..., TradingClient]:
    """Make the client of a new bot."""

    def made() -> TradingClient:
        key_id, secret = served.add_bot(f"bot{next(_NUMBERS)}")
        return TradingClient(key_id, secret, url_override=served.url)

    return made


@pytest.fixture
def client(bot: Callable[..., TradingClient]) -> TradingClient:
    return bot()
