"""Measures a replay at the venue, apart from the engine: exposure, signs and swings."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from smart_leverage.brokers.sim import Change, SimBroker
from smart_leverage.domain.instruments import Instrument, Key
from smart_leverage.domain.orders import PositionSnapshot, Role, Side
from smart_leverage.engine.proof import ExactCaps

ZERO = Decimal(0)
ONE = Decimal(1)
SHARE = Decimal("0.000001")


class Peak(NamedTuple):
    """The largest exposure of one group, as a fraction of equity, and the cap in force then.

    `added` is the largest one that an increase left behind, with the cap of that moment; None when
    nothing was ever added.
    """

    group: str
    share: Decimal
    cap: Decimal
    at_ns: int
    added: Decimal | None = None
    added_cap: Decimal = ZERO


class Breach(NamedTuple):
    """An increase that stood above a cap, when it was sent or when it had filled."""

    at_ns: int
    when: str
    key: Key
    group: str
    share: Decimal
    cap: Decimal


class House(NamedTuple):
    """What the house sold for one of its duties; notional in account currency."""

    fills: int = 0
    notional: Decimal = ZERO


class Standing:
    """Whether an account stands as it stood at the last look: holdings, their prices, and cash.

    Most instants of a replay of years bring no price and no fill; what is the same as before need
    not be valued again.
    """

    def __init__(self, venue: SimBroker) -> None:
        self._venue = venue
        self._change = 0
        self._held: Sequence[PositionSnapshot] | None = None

    def news(self) -> Sequence[Change] | None:
        """Return every movement of cash and units since, None where prices did not move either."""
        changes, held = self._venue.changes(self._change), self._venue.positions()
        if not changes and held == self._held:
            return None
        self._held = held
        self._change = changes[-1].number if changes else self._change
        return changes


class Meter:
    """Looks at the venue's own lists after every step; shares nothing with what it judges."""

    def __init__(
        self,
        venue: SimBroker,
        instruments: Mapping[Key, Instrument],
        caps: Callable[[], ExactCaps],
        *,
        is_look_through: bool = False,
    ) -> None:
        self.peaks: dict[str, Peak] = {}
        self.breaches: list[Breach] = []
        self.house: dict[str, House] = {}
        self.flips = 0
        self.shorts = 0
        self.turns = 0
        self.swings = 0
        self._venue = venue
        self._instruments = instruments
        self._caps = caps
        self._is_look_through = is_look_through
        self._update = 0
        self._standing = Standing(venue)
        self._signs: dict[Key, int] = {}
        self._was_house: dict[Key, list[bool]] = {}
        self._house_sides: dict[Key, Side] = {}

    def look(self, at_ns: int) -> None:
        """Take in what the venue did since the last look, and value what it left."""
        changes = self._standing.news()
        if changes is None:
            return
        added = self._follow_units(changes)
        self._follow_fills()
        caps, shares = self._caps(), self._shares()
        for group, share in shares.items():
            self._raise(group, share, self._cap(group, caps), at_ns)
        for key in added:
            for group in self._groups(key):
                share, cap = shares.get(group, ZERO), self._cap(group, caps)
                self._note_added(group, share, cap)
                self._judge(at_ns, "filled", key, group, share, cap)

    def sent(self, at_ns: int, key: Key) -> None:
        """Judge the worst case after an increase was sent: all that is held and open, together."""
        caps, shares = self._caps(), self._shares(is_worst=True)
        for group in self._groups(key):
            share = shares.get(group, ZERO)
            self._judge(at_ns, "sent", key, group, share, self._cap(group, caps))

    # -- exposure ---------------------------------------------------------------------------------

    def _shares(self, *, is_worst: bool = False) -> dict[str, Decimal]:
        """Return the exposure of every group as a fraction of equity."""
        amounts = {each.key: abs(each.qty) * each.price for each in self._venue.positions()}
        if is_worst:
            for one in self._venue.orders(is_open=True):
                order, limit = one.order, one.order.limit_price
                if order.side is Side.BUY and limit is not None:
                    left = (order.qty - one.filled_qty) * limit
                    amounts[order.key] = amounts.get(order.key, ZERO) + left
        equity = self._venue.account().equity
        totals: dict[str, Decimal] = {"crypto": ZERO, "leveraged": ZERO, "gross": ZERO}
        for key, amount in amounts.items():
            for group in self._groups(key):
                counted = amount * self._times(key, group)
                totals[group] = totals.get(group, ZERO) + counted
        return {group: total / equity for group, total in totals.items()}

    def _times(self, key: Key, group: str) -> Decimal:
        """Return how often an instrument counts in a group: with its multiple, or once."""
        if not self._is_look_through or group not in ("crypto", "leveraged"):
            return ONE
        return max(abs(self._instruments[key].factor), ONE)

    def _groups(self, key: Key) -> list[str]:
        instrument = self._instruments[key]
        found = ["crypto"] if instrument.is_crypto else []
        found += ["leveraged"] if instrument.is_leveraged else []
        return [*found, "gross", key]

    def _cap(self, group: str, caps: ExactCaps) -> Decimal:
        instrument = self._instruments.get(Key(group))
        if instrument is not None:
            return caps.of_symbol(instrument)
        cap: Decimal = getattr(caps, group)
        return cap

    def _raise(self, group: str, share: Decimal, cap: Decimal, at_ns: int) -> None:
        peak = self.peaks.get(group)
        share = share.quantize(SHARE)
        if peak is None:
            self.peaks[group] = Peak(group, share, cap, at_ns)
        elif share > peak.share:
            self.peaks[group] = peak._replace(share=share, cap=cap, at_ns=at_ns)

    def _note_added(self, group: str, share: Decimal, cap: Decimal) -> None:
        peak = self.peaks.get(group)
        share = share.quantize(SHARE)
        if peak is not None and (peak.added is None or share > peak.added):
            self.peaks[group] = peak._replace(added=share, added_cap=cap)

    def _judge(
        self, at_ns: int, when: str, key: Key, group: str, share: Decimal, cap: Decimal
    ) -> None:
        if share > cap:
            self.breaches.append(Breach(at_ns, when, key, group, share.quantize(SHARE), cap))

    # -- signs and swings -------------------------------------------------------------------------

    def _follow_units(self, changes: Sequence[Change]) -> list[Key]:
        """Follow every movement of units: signs, and which instruments were added to."""
        added: dict[Key, None] = {}
        for change in changes:
            key = Key(change.asset)
            if key not in self._instruments:
                continue  # cash
            sign = (change.balance > 0) - (change.balance < 0)
            before = self._signs.get(key, 0)
            if sign:
                self.flips += sign == -before
                self.shorts += sign < 0 and before >= 0
                self._signs[key] = sign
            if change.cause == "fill" and abs(change.balance) > abs(change.balance - change.amount):
                added[key] = None
        return list(added)

    def _follow_fills(self) -> None:
        for update in self._venue.updates(self._update):
            self._update = update.sequence
            fill, role = update.fill, update.broker_order.order.role
            if fill is None:
                continue
            if role.is_house:
                self._count_house(role, fill.key, fill.side, fill.qty * fill.price)
            if role.is_house or fill.side is Side.BUY:
                self._swing(fill.key, is_house=role.is_house)

    def _count_house(self, role: Role, key: Key, side: Side, notional: Decimal) -> None:
        before = self.house.get(role.value, House())
        self.house[role.value] = House(before.fills + 1, before.notional + notional)
        self.turns += self._house_sides.get(key, side) is not side
        self._house_sides[key] = side

    def _swing(self, key: Key, *, is_house: bool) -> None:
        """Count house sales that follow a purchase that followed a house sale: there and back."""
        seen = self._was_house.setdefault(key, [])
        if not seen and not is_house:
            return
        if not seen or seen[-1] is not is_house:
            seen.append(is_house)
            self.swings += is_house and len(seen) > 1
