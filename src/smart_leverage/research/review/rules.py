"""The rules by which a review proposes other limits: few, stated, and slow to loosen.

A rule that tightens counts only what happened after the limits that it would change were last
changed, by anybody and in either direction. So the same evidence proposes once, and a person's own
change is left to show what it does. What loosens waits until no limit was changed for thirty days.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from smart_leverage.domain.limits import canonical, is_looser, shown
from smart_leverage.domain.proposals import Change
from smart_leverage.domain.sentences import percent
from smart_leverage.domain.stamps import second
from smart_leverage.policy.tier import Tier
from smart_leverage.reports.citing import counted, events
from smart_leverage.research.review.facts import LOOK_DAYS, Event, Facts
from smart_leverage.research.review.looking import rate_of

Check = Callable[[Mapping[str, str]], Sequence[str]]
"""Says what is wrong with the values of all limits together."""

TRIPS = 2
"""Days with a trip, or locks, from which a cap is too large for what it holds."""

LESS, MORE = Decimal("0.8"), Decimal("1.25")
"""A step down and a step back up, of a cap."""

STEP = Decimal("0.01")
"""Caps are proposed in whole per cent."""

THRESHOLD_STEP, THRESHOLD_MOST = Decimal("0.05"), Decimal("0.75")

UNUSED = 0.9
"""Below this part of itself a cap has not bound."""

TIER_CAPS = tuple(
    f"tiers.{tier.name.lower()}.{cap}" for tier in Tier for cap in ("crypto_cap", "total_cap")
)
CEILING, SYMBOL = "tiers.ceiling", "limits.symbol_cap"


class Finding(NamedTuple):
    """What one rule saw, and what it proposes; most days that is nothing."""

    rule: str
    says: str
    changes: tuple[Change, ...] = ()


def propose(facts: Facts, check: Check) -> list[Finding]:
    """Return what every rule says; changes that limits would contradict are left out.

    Args:
        facts: Counted from the journal.
        check: Asked with all limits as they would be.
    """
    after = dict(facts.standing.in_force)
    rules = (_day_trips, _hard_trips, _locks, _below_threshold, _cap_unused)
    found = [_checked(rule(facts), after, check) for rule in rules]
    is_tighter = any(each.changes for each in found)
    found.append(_checked(_give_back(facts, is_tighter=is_tighter), after, check))
    return found


def _checked(finding: Finding, after: dict[str, str], check: Check) -> Finding:
    """Let a finding stand if the limits can be that way, and count its changes in."""
    if not finding.changes:
        return finding
    tried = after | {each.name: each.after for each in finding.changes}
    if wrong := check(tried):
        return Finding(finding.rule, f"{finding.says}; not proposed: {wrong[0]}")
    after.update(tried)
    return finding


# -- tighter --------------------------------------------------------------------------------------


def _day_trips(facts: Facts) -> Finding:
    """Two days at the loss limit in thirty: the tier's caps go down by a fifth."""
    rule = "day trips"
    since = max(facts.changed_ns[name] for name in TIER_CAPS)
    trips = [each for each in facts.day_trips if each.at_ns > since]
    says = _counted(trips, "day with a trip", "days with a trip", since)
    if len(trips) < TRIPS:
        return Finding(rule, says)
    return Finding(rule, says, tuple(_smaller_caps(facts, rule, says)))


def _smaller_caps(facts: Facts, rule: str, says: str) -> Iterator[Change]:
    """Yield the caps of the tier in force a fifth lower; no worse tier keeps more than that."""
    limits = facts.standing.in_force
    for cap in ("crypto_cap", "total_cap"):
        least = _floor(Decimal(limits[_cap(facts.standing.tier, cap)]) * LESS)
        for tier in Tier:
            name = _cap(tier, cap)
            if tier <= facts.standing.tier and Decimal(limits[name]) > least >= STEP:
                yield _change(facts, name, str(least), rule, says)


def _hard_trips(facts: Facts) -> Finding:
    """A month or drawdown trip: the ceiling goes below the best tier that led to it."""
    rule = "month and drawdown trips"
    since = facts.changed_ns[CEILING]
    trips = [each for each in facts.hard_trips if each.at_ns > since]
    says = _counted(trips, "trip", "trips", since)
    lower = max(Tier.LEARNING, Tier(max(facts.best - 1, 0)))
    if not trips or lower >= Tier[facts.standing.in_force[CEILING].upper()]:
        return Finding(rule, says)
    says = f"{says}; the best tier granted was {facts.best.name.lower()}"
    return Finding(rule, says, (_change(facts, CEILING, lower.name.lower(), rule, says),))


def _locks(facts: Facts) -> Finding:
    """Two locked assets in thirty days: one instrument may be a fifth less of equity."""
    rule = "asset locks"
    since = facts.changed_ns[SYMBOL]
    locks = [each for each in facts.locks if each.at_ns > since]
    says = _counted(locks, "lock", "locks", since)
    less = _floor(Decimal(facts.standing.in_force[SYMBOL]) * LESS)
    if len(locks) < TRIPS or less < STEP:
        return Finding(rule, says)
    return Finding(rule, says, (_change(facts, SYMBOL, str(less), rule, says),))


def _below_threshold(facts: Facts) -> Finding:
    """A tier was granted whose win rate the record is proven not to have: the threshold rises."""
    rule, told, changes = "record below a threshold", [], []
    for name, tier in (
        ("tiers.win_rate_stable", Tier.STABLE),
        ("tiers.win_rate_profitable", Tier.PROFITABLE),
    ):
        text, since = facts.standing.in_force[name], facts.changed_ns[name]
        won = tuple(is_won for at_ns, is_won in facts.won if at_ns > since)
        answer = rate_of(won, float(text))
        says = (
            f"{counted(len(won), 'trade')} since {second(since)}, {answer.wins} won: evidence of a "
            f"rate below {shown(name, text)} {answer.counter:.3g}, 20 decides"
        )
        told.append(says)
        higher = min(Decimal(text) + THRESHOLD_STEP, THRESHOLD_MOST)
        if answer.answer is False and facts.best >= tier and higher > Decimal(text):
            granted = f"{says}; {tier.name.lower()} was granted all the same"
            changes.append(_change(facts, name, str(higher), rule, granted))
    return Finding(rule, "; ".join(told), tuple(changes))


# -- as it is -------------------------------------------------------------------------------------


def _cap_unused(facts: Facts) -> Finding:
    """A cap that did not bind in thirty days needs no change, in neither direction."""
    rule = "cap that does not bind"
    if facts.cap_use_most is None:
        return Finding(rule, "nothing was valued")
    most = f"the crypto cap was used to {percent(facts.cap_use_most, 0)} at most"
    if facts.capped or facts.cap_use_most >= UNUSED:
        return Finding(rule, f"{most}, {counted(len(facts.capped), 'order')} met a cap: it binds")
    return Finding(rule, f"{most} and no order met a cap: it needs no change")


# -- looser ---------------------------------------------------------------------------------------


def _give_back(facts: Facts, *, is_tighter: bool) -> Finding:
    """One step back toward what is configured, when all is quiet and the record supports it."""
    rule = "give back"
    if why := _unquiet(facts, is_tighter=is_tighter):
        return Finding(rule, f"nothing is loosened: {why}")
    changes = _steps_back(facts, rule)
    if changes:
        return Finding(rule, changes[0].evidence, changes)
    return Finding(rule, "nothing tighter than configured was in the way of a proven record")


def _unquiet(facts: Facts, *, is_tighter: bool) -> str:
    """Return what stands against loosening anything, empty where nothing does."""
    if is_tighter:
        return "something is to be tightened"
    if facts.standing.need:
        return facts.standing.need
    if facts.opened_ns > facts.from_ns:
        return f"the account is younger than {LOOK_DAYS} days"
    happened = (*facts.day_trips, *facts.hard_trips, *facts.locks, *facts.mishaps)
    if happened:
        where = events([each.seq for each in happened])
        return f"{len(happened)} trips, locks, gaps or late plans in {LOOK_DAYS} days, {where}"
    if max(facts.changed_ns.values()) > facts.from_ns:
        return f"a limit was changed within {LOOK_DAYS} days"
    if facts.proven < Tier.STABLE:
        return f"the record proves {facts.proven.name.lower()}, no more"
    return ""


def _steps_back(facts: Facts, rule: str) -> tuple[Change, ...]:
    """Return the first limit, or pair of caps, that may go a step back; one group at a time."""
    tier = facts.standing.tier
    ceiling = Tier[facts.standing.in_force[CEILING].upper()]
    groups: list[tuple[bool, list[tuple[str, str]]]] = [
        (
            facts.earned > ceiling and facts.proven > ceiling,
            [(CEILING, Tier(min(ceiling + 1, Tier.PROFITABLE)).name.lower())],
        ),
        (
            bool(facts.capped) and facts.proven >= tier,
            [_more(facts, _cap(tier, cap)) for cap in ("crypto_cap", "total_cap")],
        ),
        (bool(facts.capped) and facts.proven >= tier, [_more(facts, SYMBOL)]),
    ]
    for is_earned, steps in groups:
        mine = [step for step in steps if is_earned and _is_due(facts, *step)]
        if mine:
            says = _why_back(facts)
            return tuple(_change(facts, name, text, rule, says) for name, text in mine)
    return ()


def _more(facts: Facts, name: str) -> tuple[str, str]:
    limits = facts.standing
    more = _floor(Decimal(limits.in_force[name]) * MORE)
    return name, str(min(more, Decimal(limits.configured[name])))


def _is_due(facts: Facts, name: str, text: str) -> bool:
    """Tell whether a step makes a limit looser, and no looser than it is configured."""
    before, configured = facts.standing.in_force[name], facts.standing.configured[name]
    after = canonical(name, text)
    return (
        after is not None
        and is_looser(name, before, after)
        and not is_looser(name, configured, after)
    )


def _why_back(facts: Facts) -> str:
    return (
        f"{LOOK_DAYS} days without a trip, lock, gap or late plan; "
        f"{counted(len(facts.won), 'trade')} prove {facts.proven.name.lower()}; "
        f"{counted(len(facts.capped), 'order')} met a cap, {facts.earned.name.lower()} was earned "
        "last"
    )


# -- words ----------------------------------------------------------------------------------------


def _change(facts: Facts, name: str, text: str, rule: str, evidence: str) -> Change:
    after = canonical(name, text)
    assert after is not None, f"{name} = {text} is a value that it can have"  # noqa: S101
    before = facts.standing.in_force[name]
    return Change(name=name, before=before, after=after, rule=rule, evidence=evidence)


def _cap(tier: Tier, cap: str) -> str:
    return f"tiers.{tier.name.lower()}.{cap}"


def _floor(number: Decimal) -> Decimal:
    return number.quantize(STEP, ROUND_FLOOR)


def _counted(found: Sequence[Event], one: str, many: str, since_ns: int) -> str:
    """Return how often something happened in the window since a limit was last changed."""
    where = f", {events([each.seq for each in found])}" if found else ""
    return (
        f"{counted(len(found), one, many)} in {LOOK_DAYS} days since the last change "
        f"{second(since_ns)}{where}"
    )
