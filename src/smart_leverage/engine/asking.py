"""What is wanted, by whom, and how the answer is written down."""

from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.opportunity import WishTerms
from smart_leverage.domain.orders import OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Decided
from smart_leverage.engine.core import Core
from smart_leverage.engine.earning import breakeven
from smart_leverage.engine.exposure import Worst
from smart_leverage.engine.lending import margin_account, rate_of
from smart_leverage.policy.decide import Account
from smart_leverage.policy.intraday import is_lent_on, power_lent
from smart_leverage.policy.reasons import Reason
from smart_leverage.policy.tier import Caps

ZERO = Decimal(0)
UNBOUND = Decimal("Infinity")

GROUPS = {
    Reason.CAP_CRYPTO: "crypto",
    Reason.CAP_LEVERAGED: "leveraged",
    Reason.CAP_GROSS: "gross",
    Reason.CAP_SYMBOL: "symbol",
}
"""The capped groups, by the reason that names them."""


class Ask(NamedTuple):
    """What is wanted, whoever wants it; `qty` None lets the policy size or sells all there is."""

    bot: str
    source: str
    key: Key
    side: Side
    qty: Decimal | None
    notional: Decimal | None
    confidence: float
    volatility_ratio: float
    may_shrink: bool
    role: Role
    request: str = ""
    body: str = ""
    terms: WishTerms | None = None
    """What else a bot wants of its order; None is an order at once, at the market."""

    @property
    def is_resting(self) -> bool:
        """Whether the order is to wait for its price."""
        terms = self.terms
        if terms is None or terms.type is OrderType.MARKET:
            return False
        return terms.time_in_force is not TimeInForce.IOC


def asked_lots(instrument: Instrument, ask: Ask, price: Decimal) -> int:
    """Return the lots asked for: 0 leaves the size to the policy, −1 is less than one lot."""
    if ask.qty is None and ask.notional is None:
        return 0
    if ask.qty is not None:
        lots = instrument.lots(ask.qty)
    else:
        assert ask.notional is not None  # noqa: S101 (a wish names one of the two)
        lots = instrument.lots(ask.notional / price) if price > 0 else 0
    return lots if lots > 0 else -1


def account_of(core: Core, worst: Worst, instrument: Instrument | None = None) -> Account:
    """Return the account as the policy sees it; it pays with cash that is not reserved.

    What is borrowed for the day depends on the instrument that is bought.
    """
    state = core.state
    return Account(
        state=state.trading,
        breakers=state.breakers,
        tier=state.tier,
        equity=float(worst.equity),
        crypto_worst=float(worst.crypto),
        leveraged_worst=float(worst.leveraged),
        gross_worst=float(worst.gross),
        power=_power(core, worst, instrument),
        exposure=Caps(
            crypto=float(state.exposure.get("crypto", UNBOUND)),
            leveraged=float(state.exposure.get("leveraged", UNBOUND)),
        ),
        breakeven=breakeven(core) if core.config.policy.edge.is_edge_sized else 0.5,
        phase=core.phase,
    )


def _power(core: Core, worst: Worst, instrument: Instrument | None) -> float:
    """Return what may be spent: own cash, or what margin carries of a security by day."""
    cash = float(max(core.state.book.cash - worst.reserved, ZERO))
    if instrument is None or instrument.is_coin:
        return cash
    return power_of(core, worst, cash, rate_of(instrument))


def power_of(core: Core, worst: Worst, cash: float, rate: float) -> float:
    """Return what may be spent on a security of a maintenance rate, at least the own cash."""
    if not is_lent_on(core.phase, False):
        return cash
    if core.now_ns - core.power_ns > core.config.power_age_max_s * SECOND_NS:
        return cash  # the broker has not said for long what it lends
    account = margin_account(core.state, worst, core.withheld)
    return power_lent(cash, account, rate, core.config.margin)


def journal(
    core: Core, ask: Ask, *, asked: Decimal, allowed: Decimal, given: Decimal, price: Decimal,
    reason: Reason, unit: str, bound: Decimal, would_be: Decimal, figures: dict[str, str],
    is_enforced: bool = True,
) -> Decided:  # fmt: skip
    """Write a decision down with every figure that its explanation needs, and return it.

    With `is_enforced` false it is what would have been decided, and `given` what was done.
    """
    verdict = _verdict(reason, asked, given)
    if not is_enforced:
        verdict = core.state.rollout.step.verdict
    decided = Decided(
        at_ns=core.now_ns,
        decision_id=f"d{core.state.decisions + 1}",
        bot=ask.bot,
        source=ask.source,
        key=ask.key,
        side=ask.side,
        asked=asked,
        allowed=max(allowed, ZERO),
        given=given,
        price=price,
        verdict=verdict,
        reason=reason.name.lower(),
        unit=unit,
        bound=bound,
        would_be=would_be,
        figures=figures,
        request=ask.request,
        body=ask.body,
    )
    if not core.is_trial:
        core.record(decided)
    core.out.decisions.append(decided)
    return decided


def _verdict(reason: Reason, asked: Decimal, given: Decimal) -> str:
    """Return the word for an answer; "held" means that the position is at its size already."""
    if reason is Reason.SIZE:
        return "held"
    if given <= ZERO:
        return "denied"
    return "cut" if given < asked else "approved"


def is_answered(core: Core, ask: Ask) -> bool:
    """Tell whether a request was granted under this name; another one under it is refused."""
    if not ask.request:
        return False
    known = core.state.requests.get((ask.bot, ask.request))
    if known is None:
        if not core.state.requests_before.has(ask.bot, ask.request):
            return False
        refuse(core, ask, {"request": f"{ask.request} was given to an order long ago"})
    elif known[0] != ask.body:
        refuse(core, ask, {"request": f"{ask.request} was {known[0]} in {known[1]}"})
    return True


def refuse(core: Core, ask: Ask, figures: dict[str, str]) -> None:
    """Journal that something cannot be decided at all, and why."""
    journal(
        core, ask, asked=ask.qty or ZERO, allowed=ZERO, given=ZERO, price=ZERO,
        reason=Reason.BAD_INPUT, unit="count", bound=ZERO, would_be=ZERO,
        figures=figures,
    )  # fmt: skip


_IN_MONEY = frozenset(
    {Reason.SIZE, Reason.CAP_BOT, Reason.BUYING_POWER, Reason.MINIMUM, Reason.UNUSUAL}
)


def unit_of(reason: Reason) -> str:
    """Return what a bound is counted in."""
    if reason in GROUPS:
        return "fraction"
    if reason in _IN_MONEY:
        return "money"
    return "count"
