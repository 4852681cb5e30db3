"""Is this account allowed to be this exposed, and how near is the edge?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.runtime.figures import Exposure, Loss
    from smart_leverage.runtime.remembered import Remembered


WIDE = 90
"""Columns from which bars are drawn."""


@command("smart-leverage status", "smart-leverage status --json --ledger runs/demo")
def status(screen: Screen, ledger: LedgerPath = None) -> None:
    """Show state, tier, exposure and losses, each with its bound.

    Everything is as of the last record of the ledger, or of its emergency journal while the ledger
    cannot be written; the time is shown.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.runtime.remembered import remember

    now = remember(ledger_path(ledger))
    if screen.as_json:
        screen.record(fields(now))
    else:
        screen.say(*lines(now, screen.width))


def fields(now: "Remembered") -> dict[str, Any]:
    """Return how an account stands, as JSON has it."""
    """Return how an account stands, as JSON has it."""
    from smart_leverage.domain.clock import SECOND_NS, SystemClock
    from smart_leverage.runtime.borrowing import margin
    from smart_leverage.runtime.figures import exposures, holdings, losses, record
    from smart_leverage.runtime.plain import Seconds

    state, mark = now.state, now.last_mark
    wins, closed = record(now)
    age_s = None if now.is_simulated else Seconds((SystemClock().now_ns() - now.at_ns) / SECOND_NS)
    return {
        "account": now.account.account,
        "mode": now.account.mode,
        "state": state.trading.name.lower(),
        "state_why": state.trading_why,
        "tier": {"number": int(state.tier), "name": state.tier.name},
        "wins": wins,
        "closed": closed,
        "equity": None if mark is None else mark.equity,
        "cash": state.book.cash,
        "exposure": [{**line._asdict(), "used": line.used} for line in exposures(now)],
        "breakers": [{**line._asdict(), "used": line.used} for line in losses(now)],
        "earned": list(state.earned.values()),
        "locks": _locks(now),
        "margin": None if (borrowed := margin(now)) is None else borrowed._asdict(),
        "plan": state.plan,
        "plan_short": state.short,
        "pending_limits": list(state.limits.pending.values()),
        "positions": holdings(now),
        "orders_under_way": len(state.orders.by_id),
        "as_of_ns": now.at_ns,
        "marked_ns": None if mark is None else mark.at_ns,
        "age_s": age_s,
        "ledger": str(now.path),
        "ledger_seq": now.events,
        "emergency_records": now.noted,
        "phases": now.phases,
    }


def _locks(now: "Remembered") -> list[dict[str, Any]]:
    return [
        {"key": key, "until_ns": until_ns}
        for key, until_ns in sorted(now.state.locks.items())
        if until_ns > now.at_ns
    ]


def lines(now: "Remembered", width: int) -> Iterator[str]:
    """Yield how an account stands, for a screen of so many columns."""
    yield from _head(now)
    yield ""
    yield from _tier(now, width)
    yield from _exposures(now, width)
    yield from _losses(now, width)
    yield from _margin(now)
    yield from _duties(now)


def _head(now: "Remembered") -> Iterator[str]:
    from smart_leverage.domain.clock import SystemClock
    from smart_leverage.domain.sentences import STATES, money
    from smart_leverage.domain.stamps import iso
    from smart_leverage.domain.stamps import span as age

    state, word = now.state, STATES[now.state.trading]
    shape = {0: "●", 1: "▲"}.get(int(state.trading), "■")
    why = f" ({state.trading_why})" if state.trading_why and int(state.trading) else ""
    yield f"{now.account.mode.upper()} {now.account.account}   {shape} {word.word}{why}"
    yield word.line
    ago = f"{age(SystemClock().now_ns() - now.at_ns)} ago"
    when = "a simulated account" if now.is_simulated else ago
    equity = "" if now.last_mark is None else f"equity {money(now.last_mark.equity)}   "
    yield f"{equity}as of {iso(now.at_ns)} ({when}), event {now.events:,}"
    if now.noted:
        count = _count(now.noted, "record")
        yield f"■ ledger in trouble: its emergency journal is counted in here, {count}"


def _tier(now: "Remembered", width: int) -> Iterator[str]:
    from smart_leverage.domain.sentences import TIERS
    from smart_leverage.runtime.figures import from_before, record
    from smart_leverage.runtime.ranks import next_step
    from smart_leverage.runtime.words import rate

    before = from_before(now)
    what = "" if before.what == "trades" else f" {before.what}"
    line = f"tier      {TIERS[now.state.tier.name]}   win rate {rate(*record(now))}"
    line += f", {before.imported}{what} imported" if before.imported else ""
    step = next_step(now)
    if step and len(line) + len(step) + 3 <= width:
        yield f"{line}   {step}"
        return
    yield line
    if step:
        yield f"          {step}"


def _exposures(now: "Remembered", width: int) -> Iterator[str]:
    from smart_leverage.runtime.figures import exposures

    cells = 20 if width >= WIDE else 0
    for place, line in enumerate(exposures(now)):
        yield f"{'exposure' if not place else '':<9} {_exposure(line, cells)}"


def _exposure(line: "Exposure", cells: int) -> str:
    from smart_leverage.domain.sentences import money, percent
    from smart_leverage.runtime.words import NEAR_CAP, gauge, sign

    name = f"{line.group:<9} {money(line.value, 0):>9}"
    if line.fraction is None:
        return f"{name}   no equity to carry it"
    share = percent(line.fraction).removesuffix(" %")
    if line.cap is None or line.used is None or line.left is None:
        return f"{name}  {share:>6} %"
    cap = percent(line.cap)
    bar = f"  {gauge(line.used, cells)}" if cells else ""
    return (
        f"{name}  {share:>6} of {cap:>7}{bar}  {sign(line.used, NEAR_CAP):<6}  "
        f"{money(line.left, 0):>9} left"
    )


def _losses(now: "Remembered", width: int) -> Iterator[str]:
    from smart_leverage.runtime.figures import losses

    for place, line in enumerate(losses(now)):
        yield f"{'losses' if not place else '':<9} {_loss(line, is_wide=width >= WIDE)}"


def _loss(line: "Loss", *, is_wide: bool) -> str:
    from smart_leverage.domain.sentences import money, percent
    from smart_leverage.runtime.words import HIT, NEAR_LIMIT, sign

    if line.change is None or line.amount is None:
        return f"{line.name:<9} not known: no opening equity yet"
    plus = "+" if line.change > 0 else ""
    change = f"{plus}{percent(line.change, 2)}"
    start = f"{line.name:<9} {plus + money(line.amount, 0):>9}  {change:>8}"
    if line.limit is None or line.used is None or line.left is None:
        return start
    mark = HIT if line.is_tripped else sign(line.used, NEAR_LIMIT)
    share = "TRIPPED" if line.is_tripped else f"{percent(line.used, 0)} used"
    used = f"  {share:>10}" if is_wide else ""
    limit = percent(-line.limit)
    return f"{start} of {limit:>6}{used}  {mark:<6}  {money(line.left, 0):>9} left"


def _margin(now: "Remembered") -> Iterator[str]:
    """Yield how far a margin call is, where anything is borrowed."""
    from smart_leverage.runtime.borrowing import margin

    found = margin(now)
    if found is not None:
        yield f"margin    {found.sign} {found.told}"


def _duties(now: "Remembered") -> Iterator[str]:
    """Yield what is under way or overdue: plan, locks, positions without a stop, orders."""
    from smart_leverage.domain.limits import told
    from smart_leverage.domain.phases import told as phase_told
    from smart_leverage.domain.sentences import PLAN_STATUS, group_told, percent, plan_told
    from smart_leverage.domain.stamps import iso
    from smart_leverage.domain.stamps import span as age

    state = now.state
    if state.short is not None:
        short = state.short
        yield (
            f"▲ short   {short.plan_id}: {group_told(short.group)} "
            f"{PLAN_STATUS.get(short.status, short.status)}, {iso(short.at_ns)}: {short.why}"
        )
    if state.plan is not None:
        plan = state.plan
        yield (
            f"plan      {plan.plan_id}: {group_told(plan.kind)} down from "
            f"{percent(plan.start)}, stage {plan.stage}, due {iso(plan.deadline_ns)}"
            + (f", {plan_told('late', plan.kind)}" if plan.is_late else "")
            + (f" ({plan.why})" if plan.why else "")
        )
    for change in state.limits.pending.values():
        yield f"pending   {told(change)}"
    for lock in _locks(now):
        yield f"locked    {lock['key']} until {iso(lock['until_ns'])}"
    for key, since_ns in sorted(state.bare_since.items()):
        yield f"▲ no stop {key} for {age(now.at_ns - since_ns)}"
    held, under_way = len(state.held()), len(state.orders.by_id)
    for place, phase in enumerate(now.phases):
        mark = "▲ " if phase.is_due else ""
        yield f"{f'{mark}phases' if mark or not place else '':<9} {phase_told(phase)}"
    yield f"holding   {_count(held, 'position')}, {_count(under_way, 'order')} under way"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
