"""A signed proposal changes limits by the rules of limits, and leaves its signature."""

from typing import Any

import msgspec
import pytest
from msgspec import structs
from tests.simulation.desk import Desk

from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.phases import SIGNED, PhaseResult
from smart_leverage.domain.proposals import LIFE_NS, NAME, Change, Proposal, encoded, sealed
from smart_leverage.domain.records import LimitChanged, Noted
from smart_leverage.engine.events import Command, Commanded, Outcome
from smart_leverage.engine.limiting import REFUSED as LIMIT_REFUSED
from smart_leverage.engine.reviewing import REFUSED, hash_in_force
from smart_leverage.runtime.control import Request
from smart_leverage.runtime.operator import problems_of
from smart_leverage.wiring.limits import contradicted

SYMBOL = "limits.symbol_cap"


def change(after: str, name: str = SYMBOL, before: str = "0.1") -> Change:
    return Change(name=name, before=before, after=after, rule="asset locks", evidence="2 locks")


def proposal(desk: Desk, *changes: Change, **other: Any) -> Proposal:
    """Return what a review of this account, made now, would have proposed."""
    usual = Proposal(
        account="desk",
        seq=len(desk.records),
        head="",
        until_ns=desk.now_ns,
        expires_ns=desk.now_ns + LIFE_NS,
        limits=hash_in_force(desk.state.limits),
        review="0" * 64,
        changes=changes,
    )
    return sealed(structs.replace(usual, **other))


def sign(
    desk: Desk, given: Proposal | str, *, is_admin: bool = False, reason: str = "read it"
) -> Outcome:
    text = given if isinstance(given, str) else encoded(given)
    return desk.feed(
        Commanded(
            at_ns=desk.now_ns, command=Command.REVIEW, who="ann", reason=reason,
            changes=((NAME, text),), is_admin=is_admin,
        )
    )  # fmt: skip


def refusal(outcome: Outcome) -> str:
    """Return why nothing was changed; it fails when something was."""
    [note] = outcome.records
    assert isinstance(note, Noted)
    assert note.code in (REFUSED, LIMIT_REFUSED)
    return note.text


def test_what_is_tighter_is_in_force_at_once_and_names_who_signed_what() -> None:
    desk = Desk()
    given = proposal(desk, change("0.08"))
    changed, signature = sign(desk, given).records
    assert isinstance(changed, LimitChanged)
    assert (changed.after, changed.effective_ns, changed.who) == ("0.08", desk.now_ns, "ann")
    assert changed.reason == f"read it (proposal {given.id})"
    assert isinstance(signature, Noted)
    assert signature.code == SIGNED
    assert signature.text.startswith(f"proposal {given.seal} of ")
    assert f"limits {given.limits[:12]}, changes {SYMBOL}, signed by ann: read it" in signature.text
    desk.restart()
    assert desk.state.limits.in_force[SYMBOL] == "0.08"


def test_what_is_looser_needs_the_token_and_waits_a_day() -> None:
    desk = Desk()
    desk.limit(f"{SYMBOL}=0.08")
    desk.reconcile()
    given = proposal(desk, change("0.1", before="0.08"))
    assert "needs the admin token" in refusal(sign(desk, given))
    changed = sign(desk, given, is_admin=True).records[0]
    assert isinstance(changed, LimitChanged)
    assert changed.effective_ns == desk.now_ns + DAY_NS
    desk.wait(86_399)
    desk.prices()
    assert desk.state.limits.in_force[SYMBOL] == "0.08"
    desk.wait(1)
    desk.prices()
    assert desk.state.limits.in_force[SYMBOL] == "0.1"


def test_what_is_looser_is_refused_in_need_and_nothing_of_the_rest_is_done() -> None:
    desk = Desk()
    desk.limit(f"{SYMBOL}=0.08")
    desk.reconcile()
    desk.order(Command.HALT)
    both = (change("0.1", before="0.08"), change("0.9", "limits.gross_cap", "1.0"))
    assert "the account is halted" in refusal(sign(desk, proposal(desk, *both), is_admin=True))
    assert desk.state.limits.in_force["limits.gross_cap"] == "1.0"


def test_it_is_refused_once_limits_have_changed_or_wait_to() -> None:
    desk = Desk()
    desk.reconcile()
    given = proposal(desk, change("0.08"))
    desk.limit("limits.gross_cap=0.9")
    assert "limits have changed" in refusal(sign(desk, given))
    given = proposal(desk, change("0.08"))
    desk.limit("limits.gross_cap=1.0", is_admin=True)  # only pending
    assert "limits have changed" in refusal(sign(desk, given))
    given = proposal(desk, change("0.08"))
    sign(desk, given)
    assert "limits have changed" in refusal(sign(desk, given))  # by itself


def test_its_evidence_expires() -> None:
    desk = Desk()
    given = proposal(desk, change("0.08"))
    longer = proposal(desk, change("0.08"), expires_ns=desk.now_ns + 100 * LIFE_NS)
    desk.now_ns += LIFE_NS - HOUR_NS
    desk.prices()
    assert given.limits == hash_in_force(desk.state.limits)
    desk.now_ns += HOUR_NS
    assert "has expired" in refusal(sign(desk, given))
    assert "has expired" in refusal(sign(desk, longer))  # whatever it says of itself
    future = proposal(desk, change("0.08"), until_ns=desk.now_ns + 1)
    assert "still to come" in refusal(sign(desk, future))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param(lambda desk: "{}", "not a proposal", id="not-a-proposal"),
        pytest.param(
            lambda desk: encoded(proposal(desk, change("0.08"))).replace("0.08", "0.01"),
            "not as it was sealed",
            id="changed-by-hand",
        ),
        pytest.param(
            lambda desk: encoded(proposal(desk, change("0.08"), account="other")),
            "the account other",
            id="of-another-account",
        ),
        pytest.param(lambda desk: encoded(proposal(desk)), "nothing to sign", id="empty"),
        pytest.param(
            lambda desk: encoded(proposal(desk, change("1", "sizing.base", "0.05"))),
            "no limit",
            id="no-limit",
        ),
        pytest.param(
            lambda desk: encoded(proposal(desk, change("much"))),
            "cannot have this value",
            id="no-value",
        ),
    ],
)
def test_what_is_no_proposal_changes_nothing(given, says) -> None:
    desk = Desk()
    before = dict(desk.state.limits.in_force)
    assert says in refusal(sign(desk, given(desk)))
    assert desk.state.limits.in_force == before


def test_a_command_without_a_proposal_or_a_reason_is_refused() -> None:
    desk = Desk()
    bare = Commanded(at_ns=desk.now_ns, command=Command.REVIEW, who="ann", reason="read it")
    assert "no proposal came" in refusal(desk.feed(bare))
    assert "needs a reason" in refusal(sign(desk, proposal(desk, change("0.08")), reason=" "))


def test_what_limits_would_contradict_is_refused_before_the_engine_is_asked() -> None:
    desk = Desk()
    torn = proposal(desk, change("0.02", "limits.loss_limit_monthly", "0.08"))
    request = Request(Command.REVIEW, "ann", "read it", changes={NAME: encoded(torn)})
    [why] = problems_of(desk.state, request, contradicted)
    assert "loss_limit_daily 0.03 is above loss_limit_monthly 0.02" in why
    fine = structs.replace(request, changes={NAME: encoded(proposal(desk, change("0.08")))})
    assert problems_of(desk.state, fine, contradicted) == []
    assert problems_of(desk.state, structs.replace(request, changes={}), contradicted) == []


def test_phases_are_signed_without_any_change() -> None:
    desk = Desk()
    phase = PhaseResult(
        days=7, due_ns=desk.now_ns - HOUR_NS, result="partly reached", shortfall="return: +0.1 %"
    )
    given = proposal(desk, phases=(phase,))
    first, second = sign(desk, given).records
    assert isinstance(first, Noted)
    assert isinstance(second, Noted)
    assert first.text == (
        f"7 days to 2024-03-05 16:00:00Z: partly reached (return: +0.1 %), proposal {given.id}, "
        "signed by ann: read it"
    )
    assert "changes no limit" in second.text
    assert msgspec.json.decode(encoded(given), type=Proposal) == given
