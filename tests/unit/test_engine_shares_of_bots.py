"""A bot's part of the caps: what it holds and buys, at one price with everybody else."""

from decimal import Decimal

import pytest
from tests.simulation.desk import AAPL, BTC, ETH, KO, SPY, TQQQ, D, Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Role
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.engine.shares import share_of


def seat(desk: Desk, bot: str = "bot", token: str = "PK1", **given: str) -> None:
    words = {"bot": bot, "token_id": token, "secret_sha256": "0" * 64, "scopes": "trade", **given}
    desk.feed(
        Commanded(
            at_ns=desk.now_ns, command=Command.SEAT, who="ann", reason="to trade",
            changes=tuple(words.items()), is_admin=True,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "qty", "share", "reason"),
    [
        pytest.param(KO, "80", "0.05", "none", id="gross-inside"),
        pytest.param(KO, "90", "0.05", "cap_bot", id="gross-over"),
        pytest.param(BTC, "0.048", "0.1", "none", id="coins-inside"),
        pytest.param(BTC, "0.051", "0.1", "cap_bot", id="coins-over"),
        pytest.param(TQQQ, "68", "0.1", "none", id="leveraged-inside"),
        pytest.param(TQQQ, "71", "0.1", "cap_bot", id="leveraged-over"),
    ],
)
def test_a_bot_uses_its_part_of_every_cap(key: Key, qty: str, share: str, reason: str) -> None:
    desk = Desk()
    seat(desk, share=share)
    assert desk.buy(key, qty).reason == reason


def test_what_a_bot_holds_and_buys_counts_and_nothing_of_others() -> None:
    desk = Desk()
    seat(desk, share="0.1")
    desk.hold(KO, "160", bot="other")
    assert desk.buy(AAPL, "24").verdict == "approved"
    assert desk.buy(SPY, "9").verdict == "approved"
    assert desk.buy(AAPL, "5").reason == "cap_bot"
    assert desk.buy(AAPL, "5", bot="other").verdict == "approved"


def test_a_denial_says_what_the_share_leaves() -> None:
    desk = Desk()
    seat(desk, share="0.05")
    decided = desk.buy(KO, "90")
    assert (decided.unit, decided.bound) == ("money", D("5000.00"))
    assert decided.would_be > decided.bound
    assert desk.buy(KO, f"{decided.allowed}").verdict == "approved"


def test_a_change_is_proved_with_the_old_order_left_out() -> None:
    desk = Desk()
    seat(desk, share="0.05")
    desk.buy(KO, "60")
    order = desk.take()
    assert desk.change(order, "80").verdict == "approved"
    assert desk.change(order, "90").verdict == "denied"


def test_more_than_the_share_does_not_leave_after_it_waited() -> None:
    """While the stop of the house was cancelled, the price rose."""
    desk = Desk()
    seat(desk, share="0.05")
    stop = desk.hold(KO, "10")
    assert desk.buy(KO, "72").verdict == "approved"
    desk.print_one(KO, "63")
    desk.end(stop)
    assert [one.role for one in desk.sent] == [Role.STOP]
    assert not desk.engine.waiting


def test_a_suspended_bot_adds_nothing_that_waited() -> None:
    desk = Desk()
    seat(desk)
    stop = desk.hold(KO, "10")
    assert desk.buy(KO, "10").verdict == "approved"
    desk.feed(
        Commanded(
            at_ns=desk.now_ns, command=Command.SEAT, who="bot", reason="enough",
            changes=(("suspend", "bot"),),
        )
    )  # fmt: skip
    desk.end(stop)
    assert [one.role for one in desk.sent] == [Role.STOP]


def test_the_largest_share_of_live_tokens_counts_and_one_without_is_all() -> None:
    desk = Desk()
    for token, share in (("PK1", "0.1"), ("PK2", "0.3")):
        seat(desk, token=token, share=share)
    core = desk.engine._core
    assert share_of(core, "bot") == D("0.3")
    assert share_of(core, "other") is None
    seat(desk, token="PK3")
    assert share_of(core, "bot") is None
    assert share_of(Engine(desk.config, desk.records)._core, "bot") is None


def test_a_token_that_cannot_add_widens_nothing() -> None:
    desk = Desk()
    seat(desk, share="0.05", symbols=KO)
    seat(desk, token="PK2", scopes="read")
    seat(desk, token="PK3", scopes="reduce,halt")
    assert share_of(desk.engine._core, "bot") == D("0.05")
    assert desk.buy(KO, "90").reason == "cap_bot"
    assert desk.buy(AAPL, "1").reason == "cap_bot"


def test_a_token_for_some_instruments_adds_to_those_only_and_sells_all() -> None:
    desk = Desk()
    desk.hold(ETH, "1")
    seat(desk, symbols=f"{KO},{AAPL}")
    assert desk.buy(KO, "1").verdict == "approved"
    assert desk.buy(ETH, "1").reason == "cap_bot"
    assert desk.sell(ETH, "1").verdict == "approved"
    assert desk.state.book.bot_qty("bot", ETH) == Decimal(1)
