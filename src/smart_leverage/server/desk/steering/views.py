"""What the forms show of an account: picked out of its standing, which never leaves its thread."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.domain.clock import DAY_NS
from smart_leverage.domain.enforcement import MEANING, Enforcement
from smart_leverage.domain.enforcement import told as rollout_told
from smart_leverage.domain.limits import LIMITS, shown, told
from smart_leverage.domain.records import decode
from smart_leverage.domain.sentences import plain
from smart_leverage.ledger.read_only import opened
from smart_leverage.policy.tier import Tier
from smart_leverage.runtime.evidence import KINDS, evidence
from smart_leverage.runtime.evidence import Line as EvidenceLine
from smart_leverage.runtime.ranks import title
from smart_leverage.runtime.seated import Seated
from smart_leverage.server.desk.screens.gauges import Gauge
from smart_leverage.server.desk.screens.reading import ReadingRoom
from smart_leverage.server.desk.screens.standing import Standing

SUFFIX = 4
"""So many characters at the end of the account's name are typed to loosen a limit."""


class Now(NamedTuple):
    """State and name of an account, as far as the forms need them."""

    account: str
    mode: str
    word: str
    allows: str
    why: str
    tripped: str
    """What would refuse a resume, as far as the ledger knows; empty for nothing."""

    @property
    def suffix(self) -> str:
        """The end of the account's name."""
        return self.account[-SUFFIX:]


class Entry(NamedTuple):
    """An order that would be cancelled."""

    symbol: str
    qty: str
    bot: str


class LimitLine(NamedTuple):
    """One limit: in force, and what is pending."""

    name: str
    value: str
    text: str
    pending: str


class TierView(NamedTuple):
    """The tier in force, what it stands on, and where it may rise to."""

    tier: str
    ceiling: str
    why: str
    win_rate: str
    next_step: str
    caps: tuple[tuple[str, Decimal | None, Decimal | None], ...]
    above: str
    """The tier above the ceiling; empty where there is none."""
    held: str
    """The ceiling that holds the tier where it is; a bad month alone holds it below learning."""


class EnforcementView(NamedTuple):
    """The step in force, all of them, and what the rule did or would have done lately."""

    step: str
    steps: tuple[tuple[str, str, bool], ...]
    pending: str
    is_consented: bool
    lines: tuple[EvidenceLine, ...]


class Views:
    """Asks the reading room; without an account everything is unknown and nothing is invented."""

    def __init__(self, room: ReadingRoom) -> None:
        """Ask this room."""
        self._room = room

    async def now(self) -> Now | None:
        """Return how the account stands."""
        return await self._room.ask(_now)

    async def entries(self) -> list[Entry]:
        """Return the entries that a halt would cancel."""
        return await self._room.ask(_entries)

    async def distances(self) -> list[Gauge]:
        """Return how far each loss limit is."""
        return await self._room.ask(lambda standing: [] if standing is None else standing.distances)

    async def limits(self) -> list[LimitLine]:
        """Return the limits."""
        return await self._room.ask(_limits)

    async def in_force(self) -> Mapping[str, str]:
        """Return the limits in force by name."""
        return await self._room.ask(
            lambda standing: {} if standing is None else dict(standing.state.limits.in_force)
        )

    async def tier(self) -> TierView | None:
        """Return the tier and its ceiling."""
        return await self._room.ask(_tier)

    async def bots(self) -> list[Seated]:
        """Return the keys that are in force."""
        return await self._room.ask(
            lambda standing: (
                [] if standing is None else [each for each in standing.bots if not each.is_revoked]
            )
        )

    async def symbols(self) -> list[str]:
        """Return what can be ordered."""
        return await self._room.ask(_symbols)

    async def enforcement(self, days: int = 7) -> EnforcementView | None:
        """Return the ladder, and what the last days have brought or would have."""
        return await self._room.ask(lambda standing: _enforcement(standing, days))


def _now(standing: Standing | None) -> Now | None:
    if standing is None:
        return None
    tripped = [line.name for line in standing.losses.values() if line.is_tripped]
    return Now(
        account=standing.now.account.account,
        mode=standing.mode,
        word=standing.word,
        allows=standing.allows,
        why=standing.why,
        tripped=", ".join(tripped),
    )


def _entries(standing: Standing | None) -> list[Entry]:
    if standing is None:
        return []
    return [
        Entry(one.order.key.partition(":")[2], plain(one.order.qty), one.order.bot)
        for one in standing.state.orders.buys()
    ]


def _limits(standing: Standing | None) -> list[LimitLine]:
    if standing is None:
        return []
    limits = standing.state.limits
    return [
        LimitLine(
            name=name,
            value=limits.in_force[name],
            text=shown(name, limits.in_force[name]),
            pending=told(limits.pending[name]) if name in limits.pending else "",
        )
        for name in LIMITS
        if name in limits.in_force
    ]


def _tier(standing: Standing | None) -> TierView | None:
    if standing is None:
        return None
    ceiling = Tier[standing.state.limits.in_force["tiers.ceiling"].upper()]
    above = "" if ceiling is Tier.PROFITABLE else Tier(ceiling + 1).name.lower()
    return TierView(
        tier=standing.tier,
        ceiling=title(ceiling.name),
        why=standing.tier_why,
        win_rate=standing.win_rate,
        next_step=standing.next_step,
        caps=tuple((title(one.tier.name), one.crypto_cap, one.total_cap) for one in standing.ranks),
        above=above,
        held=Tier(max(standing.state.tier, Tier.LEARNING)).name.lower(),
    )


def _symbols(standing: Standing | None) -> list[str]:
    if standing is None:
        return []
    return sorted(key.partition(":")[2] for key in standing.state.instruments)


def _enforcement(standing: Standing | None, days: int) -> EnforcementView | None:
    if standing is None:
        return None
    rollout, since_ns = standing.state.rollout, standing.clock_ns - days * DAY_NS
    with opened(standing.now.path) as reader:
        found = (each for each in reader.entries() if each.kind in KINDS)
        records = (decode(each.payload) for each in found if each.at_ns >= since_ns)
        lines = tuple(evidence(records, since_ns))
    return EnforcementView(
        step=rollout.step.word,
        steps=tuple((step.word, MEANING[step], step is rollout.step) for step in Enforcement),
        pending="" if rollout.pending is None else rollout_told(rollout.pending),
        is_consented=rollout.is_consented,
        lines=lines,
    )
