"""Whatever happened to an account, a review proposes what may be signed, and proposes it once."""

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_review_rules import CONFIGURED, NOW, OPENED, facts, standing, trades

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.limits import LIMITS, is_looser
from smart_leverage.domain.proposals import Change
from smart_leverage.policy.tier import Tier
from smart_leverage.research.review.facts import Event, Facts
from smart_leverage.research.review.rules import propose
from smart_leverage.wiring.limits import contradicted

NEEDS = ("the loss limit of the day is tripped", "the account is reducing", "the account is halted")

happened = st.lists(st.integers(0, 30), max_size=3).map(
    lambda days: tuple(Event(NOW - day * DAY_NS, 9, "x") for day in sorted(days, reverse=True))
)
tightened = st.fixed_dictionaries(
    {},
    optional={
        "limits.symbol_cap": st.sampled_from(("0.01", "0.05", "0.08")),
        "tiers.ceiling": st.sampled_from(("learning", "stable")),
        "tiers.learning.crypto_cap": st.sampled_from(("0.2", "0.22")),
        "tiers.stable.crypto_cap": st.sampled_from(("0.26", "0.32")),
        "tiers.win_rate_stable": st.sampled_from(("0.5", "0.55")),
    },
)
tiers = st.sampled_from(Tier)
changed = st.dictionaries(st.sampled_from(sorted(LIMITS)), st.integers(0, 60), max_size=3).map(
    lambda days: (
        dict.fromkeys(LIMITS, OPENED) | {name: NOW - day * DAY_NS for name, day in days.items()}
    )
)


@st.composite
def accounts(draw: st.DrawFn) -> Facts:
    given = standing(
        draw(tightened), tier=draw(tiers), need=draw(st.sampled_from(("", "", "", *NEEDS)))
    )
    wins = draw(st.integers(0, 30))
    return facts(
        given,
        changed_ns=draw(changed),
        day_trips=draw(happened),
        hard_trips=draw(happened),
        locks=draw(happened),
        mishaps=draw(happened),
        capped=draw(happened),
        best=max(given.tier, draw(tiers)),
        earned=draw(tiers),
        proven=draw(tiers),
        won=trades(wins, draw(st.integers(1, 40))),
    )


def changes(given: Facts) -> list[Change]:
    return [each for one in propose(given, contradicted) for each in one.changes]


@given(accounts(), st.sampled_from(NEEDS))
def test_nothing_is_loosened_while_anything_is_tripped_reduced_or_halted(
    account: Facts, need: str
) -> None:
    in_need = account._replace(standing=account.standing._replace(need=need))
    assert not any(each.is_looser for each in changes(in_need))


@given(
    st.sampled_from(("limits.symbol_cap=0.08", "tiers.stable.crypto_cap=0.32")),
    st.sampled_from(NEEDS),
)
def test_of_two_accounts_that_differ_in_need_alone_only_the_other_is_loosened(
    tight: str, need: str
) -> None:
    name, _, text = tight.partition("=")
    quiet = facts(standing({name: text}), capped=(Event(NOW, 9, "cap_symbol"),))
    assert [each.is_looser for each in changes(quiet)] == [True]
    assert changes(quiet._replace(standing=quiet.standing._replace(need=need))) == []


@given(accounts())
def test_a_proposal_only_tightens_or_only_loosens_and_stays_inside_the_configuration(
    account: Facts,
) -> None:
    found = changes(account)
    assert len({each.is_looser for each in found}) <= 1
    assert len({each.name for each in found}) == len(found)
    assert all(each.before == account.standing.in_force[each.name] for each in found)
    assert all(each.before != each.after for each in found)
    assert not any(
        is_looser(each.name, CONFIGURED[each.name], each.after) for each in found if each.is_looser
    )


@given(accounts())
def test_what_is_proposed_can_be_in_force(account: Facts) -> None:
    if contradicted(account.standing.in_force):
        return
    after = dict(account.standing.in_force) | {one.name: one.after for one in changes(account)}
    assert contradicted(after) == []


@given(accounts())
def test_once_it_is_signed_the_same_evidence_proposes_nothing_more(account: Facts) -> None:
    found = changes(account)
    after = dict(account.standing.in_force) | {one.name: one.after for one in found}
    signed = account._replace(
        standing=account.standing._replace(in_force=after),
        changed_ns=dict(account.changed_ns) | {one.name: NOW for one in found},
    )
    if found:
        assert changes(signed) == []
