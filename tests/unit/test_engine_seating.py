"""Tokens of bots: an admin gives them with a reason, anybody takes them back at once."""

from decimal import Decimal

import pytest
from tests.simulation.desk import BTC, KO, SPY, Desk

from smart_leverage.domain.bots import Scope, Seat
from smart_leverage.domain.records import Noted, SeatChanged
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Command, Commanded
from smart_leverage.engine.seating import REFUSED, told

GIVEN = {"bot": "ann", "token_id": "PK1", "secret_sha256": "a" * 64, "scopes": "trade"}


def ask(desk: Desk, given: dict[str, str], reason: str = "to trade", *, is_admin: bool) -> str:
    """Ask for a change of seats; return why it was refused, empty if it was not."""
    outcome = desk.feed(
        Commanded(
            at_ns=desk.now_ns, command=Command.SEAT, who="bob", reason=reason,
            changes=tuple(given.items()), is_admin=is_admin,
        )
    )  # fmt: skip
    notes = [one for one in outcome.records if isinstance(one, Noted)]
    assert all(one.code == REFUSED for one in notes)
    return "; ".join(one.text for one in notes)


def test_a_seat_is_given_with_everything_it_may_do_and_is_remembered() -> None:
    desk = Desk()
    more = {"share": "0.25", "may_shrink": "true", "symbols": f"{BTC},{KO}", "expires_ns": "9"}
    assert ask(desk, GIVEN | more | {"scopes": "read,halt"}, is_admin=True) == ""
    seat = Engine(desk.config, desk.records).state.seats["PK1"]
    assert seat == Seat(
        bot="ann", token_id="PK1", secret_sha256="a" * 64, scopes=(Scope.READ, Scope.HALT),
        share=Decimal("0.25"), may_shrink=True, symbols=(BTC, KO), expires_ns=9,
    )  # fmt: skip
    assert told(seat) == (
        "token PK1 of ann: read, halt, at most 25.0 % of each cap, orders over a cap are cut, "
        "adds to BTC/USD, KO only"
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"bot": "house"}, "cannot be the name", id="the-house"),
        pytest.param({"bot": "external"}, "cannot be the name", id="external"),
        pytest.param({"bot": "signal"}, "cannot be the name", id="signals"),
        pytest.param({"bot": "a b"}, "cannot be the name", id="a-space"),
        pytest.param({"bot": ""}, "cannot be the name", id="no-name"),
        pytest.param({"share": "0"}, "a share is above 0", id="no-share"),
        pytest.param({"share": "1.01"}, "a share is above 0", id="more-than-all"),
        pytest.param({"share": "NaN"}, "a share is above 0", id="no-number"),
        pytest.param({"share": "much"}, "not a seat", id="no-number-at-all"),
        pytest.param({"scopes": "rule"}, "not a seat", id="unknown-scope"),
        pytest.param({"symbols": "us_equity:NO"}, "is not listed", id="unknown-symbol"),
        pytest.param({"expires_ns": "soon"}, "not a seat", id="no-time"),
    ],
)
def test_what_is_no_seat_changes_nothing(given: dict[str, str], why: str) -> None:
    desk = Desk()
    assert why in ask(desk, GIVEN | given, is_admin=True)
    assert not desk.state.seats


def test_a_seat_needs_the_admin_and_a_reason_and_is_given_once() -> None:
    desk = Desk()
    assert "admin token" in ask(desk, GIVEN, is_admin=False)
    assert "needs a reason" in ask(desk, GIVEN, " ", is_admin=True)
    assert ask(desk, GIVEN, is_admin=True) == ""
    assert "is there already" in ask(desk, GIVEN | {"bot": "eve"}, is_admin=True)
    assert desk.state.seats["PK1"].bot == "ann"


@pytest.mark.parametrize("name", ["PK1", "ann"])
def test_anybody_revokes_a_token_or_all_of_a_bot_without_a_reason(name: str) -> None:
    desk = Desk()
    ask(desk, GIVEN, is_admin=True)
    ask(desk, GIVEN | {"token_id": "PK2", "bot": "eve"}, is_admin=True)
    seats = desk.state.seats
    assert ask(desk, {"revoke": name}, "", is_admin=False) == ""
    assert desk.state.seats["PK1"].is_revoked
    assert not desk.state.seats["PK2"].is_revoked
    assert not seats["PK1"].is_revoked, "what another thread reads is never changed"
    assert "is in force" in ask(desk, {"revoke": name}, is_admin=True)


def test_a_suspended_bot_adds_nothing_and_sells_all() -> None:
    desk = Desk()
    ask(desk, GIVEN, is_admin=True)
    desk.hold(KO, "10", bot="ann")
    ask(desk, {"suspend": "ann"}, is_admin=False)
    assert desk.buy(KO, "1", bot="ann").reason == "reducing"
    assert desk.buy(KO, "1", bot="eve").verdict == "approved"
    count = len(desk.of(SeatChanged))
    ask(desk, {"suspend": "ann"}, is_admin=False)
    assert len(desk.of(SeatChanged)) == count
    assert desk.engine.holding("ann", KO) is not None


def test_an_admin_lets_go_of_a_suspended_bot_with_a_new_key() -> None:
    desk = Desk()
    ask(desk, GIVEN, is_admin=True)
    ask(desk, {"suspend": "ann"}, is_admin=False)
    ask(desk, GIVEN | {"token_id": "PK9"}, is_admin=True)
    assert desk.buy(KO, "1", bot="ann").reason == "reducing", "the key under which it asked lives"
    ask(desk, {"revoke": GIVEN["token_id"]}, is_admin=True)
    assert desk.buy(KO, "1", bot="ann").verdict == "approved"


# -- in need --------------------------------------------------------------------------------------


def tripped(*before: dict[str, str]) -> Desk:
    """An account with seats, on a day that then trips."""
    desk = Desk(holdings={SPY: "100"}, cash=50_000)
    for number, given in enumerate(before):
        assert ask(desk, GIVEN | {"token_id": f"PK{number}"} | given, is_admin=True) == ""
    desk.prices({SPY: "465"})
    assert desk.state.breakers.is_day_tripped
    return desk


NARROW = {"share": "0.25", "symbols": f"{BTC},{KO}"}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(NARROW | {"share": "0.26"}, id="a-larger-share"),
        pytest.param(NARROW | {"share": ""}, id="no-share"),
        pytest.param(NARROW | {"symbols": f"{BTC},{SPY}"}, id="another-instrument"),
        pytest.param(NARROW | {"symbols": ""}, id="every-instrument"),
    ],
)
def test_nothing_is_widened_for_a_bot_while_a_limit_is_tripped(given: dict[str, str]) -> None:
    desk = tripped(NARROW)
    why = ask(desk, GIVEN | {"token_id": "NEW"} | given, is_admin=True)
    assert "ann could add more than before, and the loss limit of the day is tripped" in why
    assert "NEW" not in desk.state.seats


def test_a_bot_that_could_not_add_cannot_while_a_limit_is_tripped() -> None:
    desk = tripped({"scopes": "reduce"})
    assert "tripped" in ask(desk, GIVEN | {"token_id": "NEW"}, is_admin=True)


def test_taking_a_narrow_token_back_first_is_no_way_around() -> None:
    desk = tripped(NARROW, NARROW | {"share": "0.5"})
    wide, narrow = ({"token_id": "NEW", "share": share} for share in ("0.5", "0.25"))
    for name in ("PK1", "ann"):
        assert ask(desk, {"revoke": name}, is_admin=False) == ""
        assert "tripped" in ask(desk, GIVEN | NARROW | wide, is_admin=True)
    assert ask(desk, GIVEN | NARROW | narrow, is_admin=True) == ""


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(NARROW, id="the-same-again-for-keys-that-leaked"),
        pytest.param(NARROW | {"share": "0.1"}, id="a-smaller-share"),
        pytest.param(NARROW | {"symbols": BTC}, id="fewer-instruments"),
        pytest.param({"scopes": "reduce"}, id="one-that-only-sells"),
        pytest.param({"bot": "eve"}, id="a-bot-that-is-new"),
    ],
)
def test_what_widens_nothing_is_given_while_a_limit_is_tripped(given: dict[str, str]) -> None:
    desk = tripped(NARROW)
    assert ask(desk, GIVEN | {"token_id": "NEW"} | given, is_admin=True) == ""
    assert ask(desk, {"revoke": "NEW"}, is_admin=False) == ""


def test_on_a_calm_day_an_admin_widens() -> None:
    desk = Desk()
    assert ask(desk, GIVEN | NARROW, is_admin=True) == ""
    assert ask(desk, GIVEN | {"token_id": "NEW"}, is_admin=True) == ""
