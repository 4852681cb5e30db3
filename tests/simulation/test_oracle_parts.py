"""What the oracle reckons by itself, against numbers that can be checked by hand or elsewhere."""

import ast
from decimal import Decimal
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import pytest
from tests.simulation import oracle_caps as caps
from tests.simulation.audit_record import Terms as Instrument
from tests.simulation.oracle_caps import Situation, Sleeve
from tests.simulation.oracle_coins import Coins
from tests.simulation.oracle_episodes import ALL, Episodes, Holding
from tests.simulation.oracle_journal import Journal, Known, Plan
from tests.simulation.oracle_limits import Limits
from tests.simulation.oracle_losses import DAY, HOUR, Losses
from tests.simulation.oracle_posterior import LEARNING, STABLE, Terms, above, breakeven, sums
from tests.simulation.oracle_posterior import Path as Earned
from tests.simulation.oracle_trims import AT_ONCE, Trims

F = Fraction
HERE = Path(__file__).parent
RECKONING = (
    "caps",
    "coins",
    "edge",
    "episodes",
    "limits",
    "losses",
    "posterior",
    "standing",
    "trims",
)
STEADY = Terms(0.99, 0.80, 0.30, 20.0, 40.0, 10.0, 20.0, 0.10, 0.0001)
COIN = "crypto:BTC/USD"


@pytest.mark.parametrize("name", [*RECKONING, "journal", "steady"])
def test_what_reckons_shares_no_code_with_what_it_judges(name: str) -> None:
    tree = ast.parse((HERE / f"oracle_{name}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not str(node.module).startswith("smart_leverage")
        elif isinstance(node, ast.Import):
            assert not any(each.name.startswith("smart_leverage") for each in node.names)


# -- the record -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 5), (13, 9), (40, 61), (110, 30)])
@pytest.mark.parametrize("threshold", [0.2, 0.45, 0.6, 0.9])
def test_whole_counts_agree_with_sums_of_binomials(a: int, b: int, threshold: float) -> None:
    """P(p > x) of a beta density is that of fewer than `a` successes in a + b − 1 trials at x."""
    x, n = F(threshold), a + b - 1
    exact = sum((comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a)), F(0))
    assert above(float(a), float(b), threshold) == pytest.approx(float(exact), abs=1e-12)


def test_both_sides_of_a_density_with_poles_are_one() -> None:
    assert above(0.3, 0.2, 0.7) + above(0.2, 0.3, 0.3) == pytest.approx(1.0, abs=1e-12)


def test_break_even_of_many_small_wins_and_few_large_losses() -> None:
    record = sums([0.004] * 80 + [-0.02] * 20, 1.0)
    assert breakeven(record, STEADY) == pytest.approx(0.02 / 0.024)  # as they were: 83 %
    drawn = breakeven(sums([0.02] * 3, 1.0), STEADY)
    assert drawn == pytest.approx(0.5)  # no loss yet: of one size


def test_a_record_rises_once_it_is_long_and_sure() -> None:
    record = Earned(STEADY)
    for number in range(40):
        record.take(0.01 if number % 4 else -0.01)
        if record.of.wins + record.of.losses < 20:
            assert record.tier == LEARNING
    assert record.tier == STABLE
    assert record.with_losers(0) == STABLE
    assert record.with_losers(40) == LEARNING


# -- episodes -------------------------------------------------------------------------------------


def test_what_an_order_closes_beyond_its_own_falls_on_all_in_whole_lots() -> None:
    holding = Holding(F(1))
    for number, (bot, qty) in enumerate((("a", 5), ("b", 3), ("house", 2))):
        holding.take(number, f"e{number}", bot, F(qty))
    moves = holding.take(9, "e9", "house", F(-5))
    assert moves == {"a": -2, "b": -1, "house": -2}


def test_what_comes_late_is_shared_out_in_the_order_of_its_time() -> None:
    holding = Holding(F(1))
    holding.take(1, "e1", "a", F(4))
    holding.take(3, "e3", "house", F(-4))
    assert holding.take(2, "e2", "b", F(4)) == {"a": 2, "b": 2}


def _fill(
    at_ns: int, side: str, price: str, bot: str = "a", role: str = "bot"
) -> tuple[dict[str, Any], str, str]:
    fill: dict[str, Any] = {
        "at_ns": at_ns,
        "execution_id": f"e{at_ns}",
        "key": COIN,
        "side": side,
        "qty": "1",
    }
    fill |= {"price": price, "fee": "0", "fee_asset": "USD"}
    return ({"at_ns": at_ns, "fill": fill}, bot, role)


def test_an_open_loser_counts_once_it_is_older_than_usual() -> None:
    episodes = Episodes()
    episodes.listed({"key": COIN, "lot": "0.1"})
    for each in (_fill(10, "buy", "100"), _fill(20, "sell", "110", role="stop")):
        episodes.filled(*each)
    (closed,) = episodes.closed
    assert closed.outcome == pytest.approx(0.1)
    assert closed.is_forced
    episodes.filled(*_fill(100, "buy", "100"))
    for at_ns, worth, losers in ((109, "90", 0), (111, "90", 1), (111, "101", 0)):
        episodes.day({"at_ns": at_ns, "holdings": {COIN: worth}})
        assert episodes.losers.get(ALL, 0) == losers


# -- losses ---------------------------------------------------------------------------------------


def test_windows_reach_back_over_midnight_and_flows_are_no_losses() -> None:
    losses = Losses()
    losses.begin("day", "2024-02-27", F(100))
    losses.mark(0, F(100))
    losses.mark(20 * HOUR, F(98))
    losses.begin("day", "2024-02-28", F(98))
    lost = losses.at(23 * HOUR, F(97))
    assert (lost.day, lost.day_rolling) == (1 - F(97, 98), F(3, 100))
    losses.flow(F(98))
    assert losses.at(23 * HOUR, F(194)) == lost
    assert losses.peak(1, F(194)) == 194
    assert losses.peak(2, F(194)) == 200
    losses.resume(24 * HOUR, F(150))
    assert losses.at(24 * HOUR + DAY, F(150)).drawdown == 0


def test_a_coin_is_locked_until_midnight_in_new_york() -> None:
    coins = Coins({})
    at_ns = 1_709_096_400 * 10**9  # 2024-02-28 05:00 UTC, midnight in New York
    until = coins.lock({"key": COIN, "at_ns": at_ns - 1})
    assert until == at_ns
    assert coins.is_locked(COIN, at_ns - 1)
    assert not coins.is_locked(COIN, at_ns)


# -- caps -----------------------------------------------------------------------------------------


def _situation(*, is_tripped: bool = False, **known: str) -> Situation:
    limits = Limits(lambda rule, text: None)
    limits.open("\n".join(f"exposure.{name}_cap = 'on'" for name in NAMES))
    sleeve = Sleeve.read(known)
    return Situation(caps.everything(limits), 3, 3, is_tripped, {"crypto": sleeve})


NAMES = ("drawdown", "tail", "kelly", "volatility")


def test_the_caps_of_the_preset_by_hand() -> None:
    at = _situation(
        es_per_unit="0.1", volatility="0.5", volatility_target="0.2", mean_low="0.3",
        kelly_best="0.4",
    )  # fmt: skip
    found = caps.raw(at, "crypto", F(95), F(100))
    assert found["hard"] == F(6, 10)
    assert found["drawdown"] == 4 * (1 - F(93, 95))
    assert found["tail"] == F(15, 100)
    assert found["kelly"] == F(1, 2) * F(4, 10) * F(3, 10) / F(25, 100)
    assert found["volatility"] == F(1, 5)
    assert found["evidence"] is None
    assert caps.smallest(at, "crypto", F(95), F(100)) == F(8, 100)


def test_what_is_not_known_is_not_in_force_and_kelly_leaves_a_little() -> None:
    found = caps.raw(_situation(), "crypto", F(100), F(100))
    assert [found[name] for name in ("tail", "kelly", "volatility")] == [None] * 3
    found = caps.raw(_situation(mean_low="-0.1", kelly_best="1.0"), "crypto", F(1), F(1))
    assert found["kelly"] == F(5, 100)


@pytest.mark.parametrize(
    ("allowed", "is_tripped", "wanted"),
    [
        pytest.param(F(19, 100), False, F(19, 100), id="a-fall-at-once"),
        pytest.param(F(19, 100), True, F(19, 100), id="a-fall-while-tripped"),
        pytest.param(F(22, 100), False, F(20, 100), id="a-rise-inside-its-band"),
        pytest.param(F(23, 100), False, F(23, 100), id="a-rise-beyond-it"),
        pytest.param(F(23, 100), True, F(20, 100), id="no-rise-while-tripped"),
    ],
)
def test_what_is_in_force(allowed: Fraction, is_tripped: bool, wanted: Fraction) -> None:
    assert caps.in_force(F(20, 100), allowed, _situation(is_tripped=is_tripped)) == wanted


# -- what counts more than once -------------------------------------------------------------------

FUND, SHARE = "us_equity:SQQQ", "us_equity:KO"


class Held:
    """A journal of an account that holds a threefold fund on a fall, and a plain share."""

    def __init__(self, *, is_looked_through: bool) -> None:
        self.broken: list[str] = []
        self.journal = Journal(lambda rule, text: self.broken.append(rule))
        self.journal.factors = {FUND: Decimal(-3), SHARE: Decimal(1)}
        self.journal.limits.in_force["exposure.look_through"] = F(is_looked_through)
        self.journal.held = {FUND: Decimal(10), SHARE: Decimal(10)}
        self.values = {FUND: Decimal(100), SHARE: Decimal(300)}
        terms = {FUND: Instrument(False, True, False), SHARE: Instrument(False, False, False)}
        self.trims = Trims(self.journal, terms, lambda rule, text: self.broken.append(rule))

    def keep(self, cap: Fraction) -> list[str]:
        """Judge what is kept of an equity of 1,000 where every group has this cap."""
        self.broken.clear()
        self.trims.check_kept(self.values, F(1000), lambda group: cap if group != "gross" else F(1))
        return self.broken

    def sell(self, qty: str, role: str) -> None:
        order = {"client_order_id": role, "bot": "house", "key": FUND, "side": "sell", "qty": qty}
        self.journal.orders[role] = Known({**order, "role": role})


@pytest.mark.parametrize(
    ("group", "key", "weight"),
    [
        pytest.param("leveraged", FUND, 3, id="a-fund-on-a-fall-counts-thrice"),
        pytest.param("gross", FUND, 1, id="money-is-money"),
        pytest.param("symbol", FUND, 1, id="one-symbol-is-money"),
        pytest.param("leveraged", SHARE, 1, id="what-is-plain-counts-once"),
    ],
)
def test_a_fund_counts_with_its_multiple_where_that_is_on(
    group: str, key: str, weight: int
) -> None:
    assert Held(is_looked_through=True).journal.weight(group, key) == weight
    assert Held(is_looked_through=False).journal.weight(group, key) == 1


def test_half_a_multiple_is_no_discount() -> None:
    held = Held(is_looked_through=True)
    held.journal.factors[FUND] = Decimal("-0.5")
    assert held.journal.weight("leveraged", FUND) == 1


def test_a_mark_that_counts_money_is_seen() -> None:
    held = Held(is_looked_through=True)
    told = {"crypto": "0", "leveraged": "300", "gross": "400"}
    held.trims.check_mark(told, held.values)
    assert not held.broken
    held.trims.check_mark({**told, "leveraged": "100"}, held.values)
    assert held.broken == ["INV-12"]


def test_what_is_kept_beyond_the_band_is_seen_until_it_is_being_sold() -> None:
    held = Held(is_looked_through=True)
    assert held.keep(F(29, 100)) == []  # 30 % of 29 % is inside a band of 5 %
    assert held.keep(F(28, 100)) == ["INV-20"]
    held.sell("1", "stop")
    assert held.keep(F(28, 100)) == ["INV-20"]  # a stop sells nothing yet
    held.sell("1", "trim")
    assert held.keep(F(28, 100)) == []
    assert Held(is_looked_through=False).keep(F(28, 100)) == []


def test_a_plan_that_sells_at_once_goes_inside_the_cap() -> None:
    held = Held(is_looked_through=True)
    held.journal.plans["p1"] = Plan("started", "leveraged", 1, 0, 1)
    assert held.keep(F(20, 100)) == []  # it has its own steps
    held.journal.plans["p1"] = Plan("stage", "leveraged", AT_ONCE, 0, 1)
    assert held.keep(F(29, 100)) == ["INV-20"]
    held.sell("1", "trim")
    assert held.keep(F(29, 100)) == []
