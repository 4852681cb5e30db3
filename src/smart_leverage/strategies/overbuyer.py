"""A bot that buys leverage whatever it holds: the program that the demo restrains."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

from msgspec import Struct

from smart_leverage.domain.bars import Bar
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Side
from smart_leverage.strategies.base import AccountView

_CENT = Decimal("0.01")


class OverbuyerConfig(Struct, frozen=True, kw_only=True):
    """How greedy it is.

    Attributes:
        seed: Of its whims.
        every_s: Seconds between two orders.
        share_min: Smallest order, fraction of equity.
        share_max: Largest order, fraction of equity.
        dip: Fall below the best close seen lately that it takes for a bargain, fraction.
        dip_times: How many times larger it buys then.
        dip_fade: Share of the way by which that best close comes down at every bar, fraction.
    """

    seed: int = 1
    every_s: int = 900
    share_min: float = 0.03
    share_max: float = 0.09
    dip: float = 0.01
    dip_times: float = 2.0
    dip_fade: float = 0.01


class Overbuyer:
    """Buys the deepest faller among its targets, again and again, and never sells.

    It looks at its equity to size an order and at nothing else: not at what it holds, not at its
    cash, not at refusals.
    """

    name = "overbuyer"

    def __init__(self, targets: Sequence[Key], config: OverbuyerConfig | None = None) -> None:
        """Take the coins and leveraged funds that it is to buy."""
        self._config = config or OverbuyerConfig()
        self._targets = frozenset(targets)
        self._chance = Random(self._config.seed)  # noqa: S311 - a whim, not a secret
        self._best: dict[Key, float] = {}
        self._due_ns = 0

    def on_bars(
        self, at_ns: int, closes: Sequence[tuple[Key, Bar]], account: AccountView
    ) -> Sequence[OrderWish]:
        """Return one buy when it is time for one and a target has traded; see `Bot`."""
        falls = [(self._fall(key, bar.close), key) for key, bar in closes if key in self._targets]
        if at_ns < self._due_ns or not falls or account.equity <= 0:
            return ()
        self._due_ns = at_ns + self._config.every_s * SECOND_NS
        fall, key = self._pick(falls)
        is_dip = fall >= self._config.dip
        reason = f"buys the dip of {fall:.1%}" if is_dip else "adds"
        return (
            OrderWish(
                at_ns=at_ns,
                key=key,
                side=Side.BUY,
                source=self.name,
                id=f"{self.name}:{key}:{at_ns}",
                notional=self._notional(account.equity, is_dip=is_dip),
                reason=reason,
            ),
        )

    def _fall(self, key: Key, close: float) -> float:
        """Return how far a close lies below the best one lately, and remember that one."""
        best = self._best.get(key, close)
        best = max(close, best - (best - close) * self._config.dip_fade)
        self._best[key] = best
        return 1.0 - close / best

    def _pick(self, falls: list[tuple[float, Key]]) -> tuple[float, Key]:
        """Take the deepest faller two times in three, any target otherwise."""
        if self._chance.random() < 2.0 / 3.0:
            return max(falls, key=lambda each: each[0])
        return falls[self._chance.randrange(len(falls))]

    def _notional(self, equity: Decimal, *, is_dip: bool) -> Decimal:
        config = self._config
        share = config.share_min + (config.share_max - config.share_min) * self._chance.random()
        if is_dip:
            share *= config.dip_times
        return max(_CENT, (equity * Decimal(f"{share:.6f}")).quantize(_CENT))
