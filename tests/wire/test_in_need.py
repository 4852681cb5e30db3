"""While a breaker is tripped nothing is loosened over the wire, whichever way it is asked for."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.wire.raw import Raw
from tests.wire.serving import Served, gateway
from tests.wire.test_alpaca_py import eventually
from tests.wire.test_evasion import denied

from smart_leverage.engine.events import Command
from smart_leverage.runtime.control import Answer, Request, ask
from smart_leverage.runtime.tokens import new_token

SETTINGS = "[limits]\nloss_limit_daily = 0.0001\n"
"""So little that the fee of one purchase trips the day."""

TRIPPED = "the loss limit of the day is tripped"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An account on a day that has tripped, with a bot that has a part of the caps."""
    with gateway(tmp_path_factory.mktemp("account"), settings=SETTINGS) as running:
        running.add_bot("small", share="0.1", symbols="crypto:BTC/USD")
        raw = Raw(running.url, running.keys["bot"])
        eventually(lambda: raw.order(qty=None, notional="9000").status == 200)  # first prices
        eventually(lambda: raw("GET", "/sl/v1/status").json["state"] == "reducing")
        yield running


@pytest.fixture
def raw(served: Served) -> Raw:
    return Raw(served.url, served.keys["bot"])


def order(served: Served, command: Command, changes: dict[str, str], token: str = "") -> Answer:
    return ask(served.folder, Request(command, "ann", "a test", token, changes))


def refused(served: Served, command: Command, changes: dict[str, str]) -> None:
    """Assert that not even the admin is obeyed, and that the reason is told."""
    answer = order(served, command, changes, served.admin)
    assert answer.result == "refused", answer
    assert any(TRIPPED in line for line in answer.lines), answer.lines


def seat(bot: str, **given: str) -> dict[str, str]:
    token = new_token()
    keys = {"token_id": token.token_id, "secret_sha256": token.secret_sha256}
    return {"bot": bot, "scopes": "trade", **keys, **given}


def test_increases_are_denied_and_sales_are_not(raw: Raw) -> None:
    answer = raw.order(qty="0.001")
    assert denied(answer)
    assert answer.json["reason"] == "breaker_day"
    assert raw.order(side="sell", qty="0.001").status == 200


@pytest.mark.parametrize(
    ("name", "looser", "tighter"),
    [
        ("limits.loss_limit_daily", "0.03", "0.00009"),
        ("limits.symbol_cap", "0.2", "0.09"),
        ("limits.gross_cap", "1.5", "0.9"),
        ("tiers.learning.crypto_cap", "0.3", "0.2"),
        ("tiers.ceiling", "profitable", "learning"),
    ],
)
def test_a_limit_is_tightened_at_once_and_not_loosened(
    served: Served, name: str, looser: str, tighter: str
) -> None:
    tight = order(served, Command.LIMITS, {name: tighter})
    assert tight.result == "done", tight
    assert any("in force now" in line for line in tight.lines), tight.lines
    refused(served, Command.LIMITS, {name: looser})
    refused(served, Command.LIMITS, {name: looser, "limits.symbol_cap_broad": "0.4"})


def test_a_bot_gets_no_larger_share_and_nothing_more_to_buy(served: Served) -> None:
    refused(served, Command.SEAT, seat("small", share="0.2", symbols="crypto:BTC/USD"))
    refused(served, Command.SEAT, seat("small", symbols="crypto:BTC/USD"))
    refused(served, Command.SEAT, seat("small", share="0.1", symbols=""))
    narrow = seat("small", share="0.05", symbols="crypto:BTC/USD")
    assert order(served, Command.SEAT, narrow, served.admin).result == "done"
    assert order(served, Command.SEAT, {"revoke": narrow["token_id"]}).result == "done"


def test_less_is_not_enforced(served: Served) -> None:
    refused(served, Command.ENFORCE, {"step": "entries"})


def test_nobody_resumes(served: Served, raw: Raw) -> None:
    answer = order(served, Command.RESUME, {}, served.admin)
    assert answer.result == "refused"
    assert raw("GET", "/sl/v1/status").json["state"] == "reducing"


@pytest.mark.parametrize(
    "change",
    [
        {"max_margin_multiplier": "4"},
        {"no_shorting": False},
        {"disable_overnight_trading": False},
    ],
    ids=lambda change: str(next(iter(change))),
)
def test_a_bot_does_not_loosen_its_configuration(raw: Raw, change: dict[str, Any]) -> None:
    answer = raw("PATCH", "/v2/account/configurations", change)
    assert denied(answer)
    assert re.search("stays .* behind this gateway", answer.json["message"])


def test_a_bot_may_still_suspend_itself_and_then_not_begin_again(served: Served) -> None:
    own = Raw(served.url, served.add_bot("brake"))
    path = "/v2/account/configurations"
    assert own("PATCH", path, {"suspend_trade": True}).json["suspend_trade"] is True
    assert denied(own("PATCH", path, {"suspend_trade": False}))
    assert own("GET", path).json["suspend_trade"] is True
