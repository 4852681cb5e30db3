"""Mistakes planted on purpose, one guard switched off at a time: the auditor has to see each.

    python -m tests.simulation.planted [SEEDS]

prints a table: the mistake, the first world in which it showed, and the first violation there.
"""

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.simulation.audit_report import Report
from tests.simulation.mistakes_look_through import (
    counts_open_orders_once,
    trims_by_market_value,
)
from tests.simulation.mistakes_steady import forgets_the_sleeve, judges_no_window
from tests.simulation.worlds import WORLDS, World, audited

import smart_leverage.engine.buying as buying
import smart_leverage.engine.engine as engine_module
import smart_leverage.engine.exposure as exposure
import smart_leverage.engine.judging as judging
import smart_leverage.engine.measuring as measuring
import smart_leverage.engine.shrinking as shrinking
from smart_leverage.books.baselines import Baselines, Period
from smart_leverage.engine.asking import account_of
from smart_leverage.engine.core import Core
from smart_leverage.engine.judging import judge_losses
from smart_leverage.engine.proof import over_cap, prove
from smart_leverage.engine.tracked_orders import TrackedOrders
from smart_leverage.policy.breakers import loss_since
from smart_leverage.policy.decide import decide
from smart_leverage.policy.params import Policy
from smart_leverage.policy.steady_breakers import judge_breakers
from smart_leverage.policy.tier import Tier, select_tier

Patch = pytest.MonkeyPatch
FAR = 100.0


class Mistake(NamedTuple):
    """A guard that is off, the kinds of worlds in which that should show, and as which rule."""

    name: str
    plant: Callable[[Patch], None]
    kinds: tuple[str, ...]
    rule: str
    harm: str
    """What it would cost whoever owns the account."""


# -- caps -----------------------------------------------------------------------------------------


def _cap_off(name: str) -> Callable[[Patch], None]:
    """Lift one cap in the policy's decision, in the proof of an order and in the re-proof."""

    def plant(patch: Patch) -> None:
        def lifted(caps: Any) -> Any:
            also = {"symbol_broad": Decimal(100)} if name == "symbol" else {}
            return caps._replace(**{name: Decimal(100)}, **also)

        def decide_more(account: Any, asset: Any, proposal: Any, policy: Policy) -> Any:
            return decide(account, asset, proposal, _lifted_policy(policy, name))

        def prove_more(
            instrument: Any, qty: Any, unit: Any, loss: Any, worst: Any, caps: Any, bounds: Any
        ) -> Any:
            return prove(instrument, qty, unit, loss, worst, lifted(caps), bounds)

        def over_more(instrument: Any, worst: Any, caps: Any) -> Any:
            return over_cap(instrument, worst, lifted(caps))

        patch.setattr(buying, "decide", decide_more)
        patch.setattr(buying, "prove", prove_more)
        patch.setattr(engine_module, "over_cap", over_more)

    return plant


def _lifted_policy(policy: Policy, name: str) -> Policy:
    if name in ("crypto", "leveraged"):
        tiers = policy.tiers
        return policy._replace(tiers=type(tiers)(*(caps._replace(**{name: FAR}) for caps in tiers)))
    also = {"symbol_broad": FAR} if name == "symbol" else {}
    return policy._replace(groups=policy.groups._replace(**{name: FAR}, **also))


def _gross_off(patch: Patch) -> None:
    """Lift the gross cap and what stands behind it: an account that pays in cash has less."""
    _cap_off("gross")(patch)
    account = account_of

    def rich(core: Core, worst: Any, instrument: Any) -> Any:
        return account(core, worst, instrument)._replace(power=FAR * float(worst.equity))

    patch.setattr(buying, "account_of", rich)


# -- losses ---------------------------------------------------------------------------------------


def _breaker_off(flag: str) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        def blind(*arguments: Any) -> Any:
            return judge_breakers(*arguments)._replace(**{flag: False})

        patch.setattr(judging, "judge_breakers", blind)

    return plant


def _day_forgiven(patch: Patch) -> None:
    """Clear a day trip as soon as the loss is inside the limit again."""

    def forgiving(core: Core, equity: Decimal) -> None:
        judge_losses(core, equity)
        loss = loss_since(float(core.state.opening(Period.DAY)), float(equity))
        limit = core.config.policy.limits.loss_limit_daily
        if core.state.breakers.is_day_tripped and loss <= limit:
            judging._clear_day(core)

    patch.setattr(engine_module, "judge_losses", forgiving)


def _lock_off(patch: Patch) -> None:
    patch.setattr(judging, "is_asset_locked", lambda loss, opening, limits: False)


def _emergency_off(patch: Patch) -> None:
    patch.setattr(judging, "select_tier", lambda *given: max(select_tier(*given), Tier.LEARNING))


def _rise_at_once(patch: Patch) -> None:
    patch.setattr(judging, "granted_tier", lambda tier, earned, *rest: earned)


def _flow_is_gain(patch: Patch) -> None:
    """Leave the openings as they are when money comes or goes."""

    def flow(self: Baselines, amount: Decimal) -> None:
        if self._last is not None:
            self._last += amount

    patch.setattr(Baselines, "flow", flow)


# -- orders ---------------------------------------------------------------------------------------


def _reservation_off(patch: Patch) -> None:
    patch.setattr(exposure, "_buys_by_key", lambda state, without: {})


def _reproof_off(patch: Patch) -> None:
    patch.setattr(engine_module.Engine, "_reprove", lambda self: None)


def _band_off(patch: Patch) -> None:
    for module in (measuring, shrinking):
        patch.setattr(module, "is_over_band", lambda exposure, cap, at: False)


def _stops_off(patch: Patch) -> None:
    patch.setattr(engine_module, "protect", lambda core, key: None)
    patch.setattr(engine_module, "watch", lambda core: None)


def _sells_uncounted(patch: Patch) -> None:
    """Forget what is being sold already, so that the same units are offered twice."""
    patch.setattr(TrackedOrders, "selling", lambda self, key, bot=None: Decimal(0))


MISTAKES = (
    Mistake(
        "cap crypto",
        _cap_off("crypto"),
        ("crowded", "paid-in"),
        "A1",
        "All of the account may be in coins on the night on which they halve.",
    ),
    Mistake(
        "cap leveraged",
        _cap_off("leveraged"),
        ("crowded", "paid-in"),
        "A1",
        "Threefold funds beside coins: a move of a third of the market ends the account.",
    ),
    Mistake(
        "cap gross",
        _gross_off,
        ("shares",),
        "A1",
        "More is bought than there is money for, on credit.",
    ),
    Mistake(
        "cap symbol",
        _cap_off("symbol"),
        ("crowded",),
        "A1",
        "One instrument's bad news is the account's.",
    ),
    Mistake(
        "breaker day",
        _breaker_off("is_day_tripped"),
        ("sinking", "wild"),
        "A2",
        "A day on which everything goes wrong goes on until nothing is left to lose.",
    ),
    Mistake(
        "breaker month",
        _breaker_off("is_month_tripped"),
        ("sinking", "jumping"),
        "A2",
        "Loss follows loss for weeks, and nobody is ever asked.",
    ),
    Mistake(
        "asset lock",
        _lock_off,
        ("jumping", "wild"),
        "A2",
        "A coin that falls is bought again all the way down.",
    ),
    Mistake(
        "reservation of open orders",
        _reservation_off,
        ("crowded",),
        "A1",
        "Ten orders of one second each find the whole cap free, and all ten fill.",
    ),
    Mistake(
        "proof again at the open",
        _reproof_off,
        ("wild", "jumping"),
        "A1",
        "An order of the night fills at an opening for which it is too large.",
    ),
    Mistake(
        "emergency tier",
        _emergency_off,
        ("sinking", "falling"),
        "A1",
        "After a month that lost five percent the account goes on as before.",
    ),
    Mistake(
        "day trip until midnight",
        _day_forgiven,
        ("jumping", "wild"),
        "A2",
        "A day that tripped trades again, and loses its limit twice.",
    ),
    Mistake(
        "deleveraging band",
        _band_off,
        ("heavy", "rising"),
        "A5",
        "What the market has carried over a cap stays there.",
    ),
    Mistake(
        "stop on every position",
        _stops_off,
        ("calm",),
        "A4",
        "A position falls without a floor while nobody looks.",
    ),
    Mistake(
        "sells count what is being sold",
        _sells_uncounted,
        ("crowded", "heavy"),
        "A3",
        "The same units are sold twice, and the account is short.",
    ),
    Mistake(
        "one step of tier a day",
        _rise_at_once,
        ("earning", "rising"),
        "A1",
        "One good morning doubles what may be lost in the afternoon.",
    ),
    Mistake(
        "a deposit is no gain",
        _flow_is_gain,
        ("paid-in",),
        "A2",
        "Money paid in hides the loss of the day, and with it the limit.",
    ),
    Mistake(
        "open orders are looked through",
        counts_open_orders_once,
        ("looked-through",),
        "A1",
        "A fund of three times the market is reserved as one of it.",
    ),
    Mistake(
        "windows are judged",
        judges_no_window,
        ("windowed",),
        "A2",
        "A loss over midnight is two small ones, and neither trips.",
    ),
    Mistake(
        "all coins together lock",
        forgets_the_sleeve,
        ("windowed",),
        "A2",
        "Five coins lose a little each, all at once, and none is locked.",
    ),
    Mistake(
        "trims are looked through",
        trims_by_market_value,
        ("heavy-funds",),
        "A5",
        "A third of what is too much is sold.",
    ),
)


@contextlib.contextmanager
def planted(mistake: Mistake) -> Iterator[None]:
    """Make a mistake for a while."""
    with Patch.context() as patch:
        mistake.plant(patch)
        yield


def seen(world: World, mistake: Mistake | None = None) -> Report:
    """Play a world, with a mistake or without, and return what the auditor says."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if mistake is not None:
            stack.enter_context(planted(mistake))
        return audited(world, Path(folder) / "broker.sqlite")


def first_of(report: Report, rule: str) -> str:
    """Return the first violation of a rule, empty without one."""
    return next((each for each in report.violations if each.startswith(rule)), "")


class Finding(NamedTuple):
    """What came of a mistake: the violation, empty if there was none, and where it showed."""

    violation: str
    kind: str
    seed: int
    worlds: int


def find(mistake: Mistake, seeds: Iterable[int]) -> Finding:
    """Play worlds of every kind in the order of their seeds until the auditor says its rule."""
    kind, seed, number = "", 0, 0
    for number, (seed, kind) in enumerate(((s, k) for s in seeds for k in mistake.kinds), 1):
        found = first_of(seen(WORLDS[kind]._replace(seed=seed), mistake), mistake.rule)
        if found:
            return Finding(found, kind, seed, number)
    return Finding("", kind, seed, number)


def main(arguments: list[str]) -> int:
    seeds = range(1, 1 + (int(arguments[0]) if arguments else 10))
    missed = 0
    for mistake in MISTAKES:
        began = time.monotonic()
        found = find(mistake, seeds)
        spent = time.monotonic() - began
        missed += not found.violation
        where = f"{found.kind} {found.seed}, world {found.worlds}, {spent:.1f} s"
        print(f"{mistake.name:31} {where:34} {found.violation or 'not seen'}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
