"""Whatever account, asset and wish: no cap is broken, no more given than asked, exits are free."""

import math
from fractions import Fraction
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from smart_leverage.policy.breakers import BreakerState
from smart_leverage.policy.decide import UNLIMITED, Account, Asset, Decision, Proposal, decide
from smart_leverage.policy.params import CLASSIC, Policy
from smart_leverage.policy.reasons import Reason, TradingState
from smart_leverage.policy.tier import TOLERANCE, Tier

COUNTS_MAX = 2**53 - 1
PROMISED = 1 + Fraction(TOLERANCE) + Fraction(1, 10**14)
"""The tolerance of the rules, and the rounding of the doubles they compute with."""

CAPS = {
    Tier.EMERGENCY: ("0.20", "0.28"),
    Tier.LEARNING: ("0.25", "0.35"),
    Tier.STABLE: ("0.40", "0.60"),
    Tier.PROFITABLE: ("0.60", "0.80"),
}
"""The caps on crypto and on all that is leveraged, written down a second time."""

# --- worlds --------------------------------------------------------------------------------------

any_float = st.floats(allow_nan=True, allow_infinity=True)
any_count = st.integers(-COUNTS_MAX, COUNTS_MAX)
not_numbers = st.sampled_from([math.nan, math.inf, -math.inf])
tiers = st.sampled_from(list(Tier))
shares = st.just(0.0) | st.floats(0.0, 0.3) | st.floats(0.0, 1.2)

wild_breakers = st.builds(BreakerState, st.booleans(), st.booleans(), st.booleans())
wild_accounts = st.builds(
    Account,
    state=st.sampled_from(list(TradingState)),
    breakers=wild_breakers,
    tier=tiers,
    equity=any_float,
    crypto_worst=any_float,
    leveraged_worst=any_float,
    gross_worst=any_float,
    power=any_float,
)
wild_assets = st.builds(
    Asset,
    lot_value=any_float,
    lot_cost=any_float,
    is_crypto=st.booleans(),
    is_leveraged=st.booleans(),
    is_broad=st.booleans(),
    is_fresh=st.booleans(),
    is_tradable=st.booleans(),
    is_locked=st.booleans(),
    is_deleveraging=st.booleans(),
    worst=any_float,
    lots_held=any_count,
    lots_selling=any_count,
    lots_step=any_count,
    lots_min=any_count,
)
wild_proposals = st.builds(
    Proposal,
    is_buy=st.booleans(),
    lots=any_count,
    confidence=any_float,
    volatility_ratio=any_float,
    bot_room=any_float,
)


@st.composite
def accounts(draw: Any) -> Account:
    """An account that may buy, its sums in the order in which they contain each other."""
    equity = draw(st.floats(1_000.0, 1e6))
    crypto, leveraged, gross = sorted(draw(shares) * equity for _ in range(3))
    return Account(
        state=TradingState.ACTIVE,
        breakers=BreakerState(is_day_tripped=False, is_month_tripped=False, is_emergency=False),
        tier=draw(tiers),
        equity=equity,
        crypto_worst=crypto,
        leveraged_worst=leveraged,
        gross_worst=gross,
        power=equity * draw(st.floats(0.0, 2.0)),
    )


@st.composite
def assets(draw: Any) -> Asset:
    """An asset that can be bought now."""
    lot_value = draw(st.floats(0.005, 500.0))
    is_crypto = draw(st.booleans())
    return Asset(
        lot_value=lot_value,
        lot_cost=lot_value * draw(st.floats(0.99, 1.01)),
        is_crypto=is_crypto,
        is_leveraged=is_crypto or draw(st.booleans()),
        is_broad=draw(st.booleans()),
        is_fresh=True,
        is_tradable=True,
        is_locked=False,
        is_deleveraging=False,
        worst=draw(st.just(0.0) | st.floats(0.0, 1e5)),
        lots_held=draw(st.integers(0, 10**9)),
        lots_selling=draw(st.integers(0, 10**9)),
        lots_step=draw(st.sampled_from([1, 1, 10, 100])),
        lots_min=draw(st.sampled_from([0, 1, 1, 25])),
    )


purchases = st.builds(
    Proposal,
    is_buy=st.just(True),
    lots=st.just(0) | st.integers(1, 10**4) | st.integers(10**4, 10**9),
    confidence=st.floats(0.0, 1.0),
    volatility_ratio=st.floats(0.5, 2.0) | st.floats(0.01, 100.0),
    bot_room=st.just(UNLIMITED) | st.floats(0.0, 1e5),
)


@st.composite
def spoiled_accounts(draw: Any) -> Account:
    """An account that may buy, with some figures replaced by anything."""
    fields = ["equity", "crypto_worst", "leveraged_worst", "gross_worst", "power"]
    account: Account = draw(accounts())
    return account._replace(**draw(st.dictionaries(st.sampled_from(fields), any_float)))


@st.composite
def spoiled_assets(draw: Any) -> Asset:
    """An asset that can be bought, with some figures replaced by anything."""
    figures = st.dictionaries(st.sampled_from(["lot_value", "lot_cost", "worst"]), any_float)
    names = ["lots_held", "lots_selling", "lots_step", "lots_min"]
    counted = st.dictionaries(st.sampled_from(names), any_count)
    asset: Asset = draw(assets())
    return asset._replace(**draw(figures), **draw(counted))


@st.composite
def spoiled_purchases(draw: Any) -> Proposal:
    """A purchase with some figures replaced by anything."""
    names = ["confidence", "volatility_ratio", "bot_room"]
    figures = st.dictionaries(st.sampled_from(names), any_float)
    asked = draw(st.just({}) | st.fixed_dictionaries({"lots": any_count}))
    proposal: Proposal = draw(purchases)
    return proposal._replace(**draw(figures), **asked)


LOOKING = CLASSIC._replace(exposure=CLASSIC.exposure._replace(is_look_through=True))
"""Under which a fund counts with its daily multiple."""

factors = st.sampled_from([1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5]) | st.floats(-5.0, 5.0)


def lots(account: Account, asset: Asset, proposal: Proposal, policy: Policy = CLASSIC) -> int:
    return decide(account, asset, proposal, policy).lots


# --- a sale --------------------------------------------------------------------------------------


@given(wild_accounts, wild_assets, wild_proposals)
def test_what_is_held_can_be_sold_whatever_else_is_wrong(
    account: Account, asset: Asset, proposal: Proposal
) -> None:
    assume(account.state is not TradingState.FROZEN)
    free = max(asset.lots_held - max(asset.lots_selling, 0), 0)
    wanted = proposal.lots if proposal.lots > 0 else free
    assert lots(account, asset, proposal._replace(is_buy=False)) == min(wanted, free)


@given(wild_accounts, wild_assets, wild_proposals)
def test_no_sale_is_larger_than_what_is_held_and_not_being_sold(
    account: Account, asset: Asset, proposal: Proposal
) -> None:
    sold = lots(account, asset, proposal._replace(is_buy=False))
    assert 0 <= sold <= max(asset.lots_held, 0)
    assert sold == 0 or sold <= asset.lots_held - asset.lots_selling or asset.lots_selling < 0


@given(wild_accounts, wild_assets, wild_proposals)
def test_a_frozen_account_does_nothing(account: Account, asset: Asset, proposal: Proposal) -> None:
    decision = decide(account._replace(state=TradingState.FROZEN), asset, proposal, CLASSIC)
    assert decision == Decision(lots=0, reason=Reason.FROZEN, bound=0.0, would_be=0.0, size=0.0)


# --- a purchase ----------------------------------------------------------------------------------


@given(spoiled_accounts(), spoiled_assets(), spoiled_purchases())
def test_a_purchase_out_of_garbage_is_a_count_in_whole_steps_or_none(
    account: Account, asset: Asset, proposal: Proposal
) -> None:
    bought = lots(account, asset, proposal)
    assert 0 <= bought <= COUNTS_MAX
    if bought > 0:
        assert bought % asset.lots_step == 0
        assert bought >= asset.lots_min
        assert proposal.lots >= 0
        assert proposal.lots == 0 or bought <= proposal.lots


@given(accounts(), assets(), purchases, st.data())
def test_nothing_adds_exposure_when_account_or_asset_forbids_it(
    account: Account, asset: Asset, proposal: Proposal, data: st.DataObject
) -> None:
    state = data.draw(st.sampled_from([*TradingState]))
    breakers = data.draw(wild_breakers)
    if state is not TradingState.ACTIVE or breakers.is_day_tripped or breakers.is_month_tripped:
        assert lots(account._replace(state=state, breakers=breakers), asset, proposal) == 0
    flag = data.draw(st.sampled_from(["is_fresh", "is_tradable", "is_locked", "is_deleveraging"]))
    other = asset._replace(**{flag: not getattr(asset, flag)})
    assert lots(account, other, proposal) == 0


def assert_within_bounds(
    account: Account, asset: Asset, proposal: Proposal, policy: Policy = CLASSIC, times: float = 1.0
) -> None:
    """Compare what is bought with every cap and with the means, in exact fractions."""
    bought = lots(account, asset, proposal, policy)
    if bought == 0:
        return
    equity, added = Fraction(account.equity), bought * Fraction(asset.lot_value)
    counted = added * Fraction(times)
    crypto, leveraged = (Fraction(cap) for cap in CAPS[account.tier])
    is_half_allowed = asset.is_broad and not asset.is_leveraged
    symbol = Fraction("0.50") if is_half_allowed else Fraction("0.10")
    held = [(Fraction(1), account.gross_worst, added), (symbol, asset.worst, added)]
    if asset.is_leveraged:
        held.append((leveraged, account.leveraged_worst, counted))
    if asset.is_crypto:
        held.append((crypto, account.crypto_worst, counted))
    for cap, worst, more in held:
        assert Fraction(max(worst, 0.0)) + more <= cap * equity * PROMISED
    assert bought * Fraction(asset.lot_cost) <= Fraction(account.power) * PROMISED
    if proposal.bot_room != UNLIMITED:
        assert added <= Fraction(proposal.bot_room) * PROMISED


@given(accounts(), assets(), purchases)
def test_no_purchase_breaks_a_cap_or_spends_what_is_not_there(
    account: Account, asset: Asset, proposal: Proposal
) -> None:
    assert_within_bounds(account, asset, proposal)


@given(accounts(), assets(), purchases, factors)
def test_no_purchase_breaks_a_cap_under_which_a_fund_counts_with_its_multiple(
    account: Account, asset: Asset, proposal: Proposal, factor: float
) -> None:
    times = max(abs(factor), 1.0)
    assert_within_bounds(account, asset._replace(factor=factor), proposal, LOOKING, times)


@given(accounts(), assets(), purchases, factors)
def test_looking_through_never_allows_more(
    account: Account, asset: Asset, proposal: Proposal, factor: float
) -> None:
    fund = asset._replace(factor=factor)
    assert lots(account, fund, proposal, LOOKING) <= lots(account, fund, proposal)


@given(wild_accounts, wild_assets, wild_proposals, any_float)
def test_without_looking_through_the_multiple_changes_nothing(
    account: Account, asset: Asset, proposal: Proposal, factor: float
) -> None:
    other = decide(account, asset._replace(factor=factor), proposal, CLASSIC)
    assert repr(other) == repr(decide(account, asset, proposal, CLASSIC))


@given(accounts(), assets(), purchases, not_numbers)
def test_a_multiple_that_is_no_number_allows_nothing_that_it_counts_for(
    account: Account, asset: Asset, proposal: Proposal, factor: float
) -> None:
    fund = asset._replace(factor=factor)
    assert not asset.is_leveraged or lots(account, fund, proposal, LOOKING) == 0


@given(wild_accounts, wild_assets, wild_proposals, any_float)
def test_garbage_of_a_multiple_is_no_exception_and_blocks_no_sale(
    account: Account, asset: Asset, proposal: Proposal, factor: float
) -> None:
    fund = asset._replace(factor=factor)
    assert lots(account, fund, proposal, LOOKING) >= 0
    sale = proposal._replace(is_buy=False)
    assert decide(account, fund, sale, LOOKING) == decide(account, asset, sale, CLASSIC)


@given(spoiled_accounts(), spoiled_assets(), spoiled_purchases())
def test_no_purchase_out_of_garbage_breaks_a_cap(
    account: Account, asset: Asset, proposal: Proposal
) -> None:
    assert_within_bounds(account, asset, proposal)


@given(accounts(), assets(), purchases)
def test_a_purchase_is_never_more_than_asked(
    account: Account, asset: Asset, proposal: Proposal
) -> None:
    decision = decide(account, asset, proposal, CLASSIC)
    if proposal.lots > 0:
        assert decision.lots <= proposal.lots
    elif decision.lots > 0:
        resulting = Fraction(asset.worst) + decision.lots * Fraction(asset.lot_value)
        assert resulting <= Fraction(decision.size) * PROMISED


@given(accounts(), assets(), purchases)
def test_no_reason_is_given_when_all_that_was_asked_is_allowed(
    account: Account, asset: Asset, proposal: Proposal
) -> None:
    assume(proposal.lots > 0)
    decision = decide(account, asset, proposal, CLASSIC)
    whole = proposal.lots - proposal.lots % asset.lots_step
    if decision.reason is Reason.NONE:
        assert decision.lots == whole
    elif decision.reason is not Reason.MINIMUM:
        assert decision.lots < proposal.lots
        assert decision.would_be > decision.bound or math.isclose(decision.would_be, decision.bound)


@given(accounts(), assets(), purchases, st.data())
def test_any_figure_that_is_no_number_allows_nothing(
    account: Account, asset: Asset, proposal: Proposal, data: st.DataObject
) -> None:
    counted = ["equity", "gross_worst", "power"]
    counted += ["leveraged_worst"] if asset.is_leveraged else []
    counted += ["crypto_worst"] if asset.is_crypto else []
    field = data.draw(st.sampled_from(counted))
    unknown = data.draw(not_numbers)
    changed: dict[str, Any] = {field: unknown}
    assert lots(account._replace(**changed), asset, proposal) == 0
    changed = {data.draw(st.sampled_from(["lot_value", "lot_cost", "worst"])): unknown}
    assert lots(account, asset._replace(**changed), proposal) == 0
    changed = {data.draw(st.sampled_from(["confidence", "volatility_ratio"])): unknown}
    assert lots(account, asset, proposal._replace(**changed)) == 0
    if unknown != UNLIMITED:
        assert lots(account, asset, proposal._replace(bot_room=unknown)) == 0


# --- more of a good thing never allows less ------------------------------------------------------


@given(accounts(), assets(), purchases, st.data())
def test_less_held_or_more_means_never_allow_less(
    account: Account, asset: Asset, proposal: Proposal, data: st.DataObject
) -> None:
    before = lots(account, asset, proposal)
    smaller = st.floats(0.0, 1.0)
    better = account._replace(
        crypto_worst=account.crypto_worst * data.draw(smaller),
        leveraged_worst=account.leveraged_worst * data.draw(smaller),
        gross_worst=account.gross_worst * data.draw(smaller),
        power=account.power + data.draw(st.floats(0.0, 1e6)),
    )
    emptier = asset._replace(worst=asset.worst * data.draw(smaller))
    freer = proposal._replace(bot_room=proposal.bot_room + data.draw(st.floats(0.0, 1e6)))
    assert lots(better, asset, proposal) >= before
    assert lots(account, emptier, proposal) >= before
    assert lots(account, asset, freer) >= before


@given(accounts(), assets(), purchases, st.floats(1.0, 3.0))
def test_more_equity_never_allows_less(
    account: Account, asset: Asset, proposal: Proposal, times: float
) -> None:
    richer = account._replace(equity=account.equity * times)
    assert lots(richer, asset, proposal) >= lots(account, asset, proposal)


@given(accounts(), assets(), purchases, tiers)
def test_a_better_tier_never_allows_less(
    account: Account, asset: Asset, proposal: Proposal, other: Tier
) -> None:
    low, high = sorted((account.tier, other))
    worse = lots(account._replace(tier=low), asset, proposal)
    assert lots(account._replace(tier=high), asset, proposal) >= worse


@given(accounts(), assets(), purchases, st.integers(1, 10**9), st.integers(1, 10**9))
def test_asking_for_more_never_allows_less(
    account: Account, asset: Asset, proposal: Proposal, a: int, b: int
) -> None:
    low, high = (lots(account, asset, proposal._replace(lots=asked)) for asked in sorted((a, b)))
    assert low <= high
