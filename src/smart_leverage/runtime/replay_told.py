"""What a replay tells: each step to whoever watches, and at its end what came of it."""

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.brokers.sim import SimBroker
from smart_leverage.domain.records import Decided
from smart_leverage.runtime.replay_case import Offer, Variant
from smart_leverage.runtime.replay_meter import Breach, House, Meter, Peak

LOGGED = "rejected in the log"
"""Where nobody governs, the venue repeats its own refusals: it knew what the log does not show."""


NO_SHORT = "covers a short that was denied"
"""An account under our rule has no short, so what would cover one is not offered to it."""


class Replayed(NamedTuple):
    """What came of a replay; tiers are empty where nobody governs."""

    variant: str
    offered: int
    approved: int
    cut: int
    denied: dict[str, int]
    sent: int
    refused: dict[str, int]
    filled: int
    house: dict[str, House]
    peaks: dict[str, Peak]
    breaches: tuple[Breach, ...]
    flips: int
    shorts: int
    turns: int
    swings: int
    differences: int
    equity_first: Decimal
    equity_last: Decimal
    tiers: tuple[str, ...]
    state: str

    @property
    def is_sound(self) -> bool:
        """Whether every promise held: caps at increases, no flip, no swing, books that agree."""
        wrong = (self.breaches, self.flips, self.shorts, self.turns, self.swings, self.differences)
        return not any(wrong)


class Watch:
    """Hears what a replay does, step by step; this one does not listen."""

    def looked(self, at_ns: int, venue: SimBroker) -> None:
        """Hear that everything of an instant is done."""

    def offered(self, offer: Offer, price: Decimal, decided: Decided | None, refusal: str) -> None:
        """Hear of one order: how it was decided, or with which words nobody took it."""


SILENT = Watch()


def plain(reason: str) -> str:
    """Return a refusal without its figures, so that equal ones can be counted together."""
    return reason.split(" (")[0].split(" [")[0]


def summary(
    variant: Variant, venue: SimBroker, meter: Meter, *, offered: int, refused: Counter[str],
    equity_first: Decimal, approved: int = 0, cut: int = 0, denied: Counter[str] | None = None,
    differences: int = 0, tiers: tuple[str, ...] = (), state: str = "",
) -> Replayed:  # fmt: skip
    """Return what came of a replay, its venue's lists and its meter read now."""
    own = [one for one in venue.orders() if not one.order.role.is_house]
    return Replayed(
        variant=variant.name,
        offered=offered,
        approved=approved,
        cut=cut,
        denied=dict(denied or {}),
        sent=len(own) + refused.total(),
        refused=dict(refused),
        filled=sum(one.filled_qty > 0 for one in own),
        house=meter.house,
        peaks=meter.peaks,
        breaches=tuple(meter.breaches),
        flips=meter.flips,
        shorts=meter.shorts,
        turns=meter.turns,
        swings=meter.swings,
        differences=differences,
        equity_first=equity_first,
        equity_last=venue.account().equity,
        tiers=tiers,
        state=state,
    )
