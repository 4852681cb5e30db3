"""What the market does to the book: bars, openings, quotes, and time itself."""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from math import inf
from typing import Protocol

from smart_leverage.brokers.sim.book import Line
from smart_leverage.brokers.sim.config import Mode, SimConfig
from smart_leverage.brokers.sim.exact import EXACT, ONE, ROUNDED, STEP_MIN, trim
from smart_leverage.brokers.sim.floor import Floor
from smart_leverage.brokers.sim.hours import Hours
from smart_leverage.brokers.sim.ids import die
from smart_leverage.brokers.sim.matching import (
    Meeting,
    meet_bar,
    meet_close,
    meet_opening,
    meet_quote,
)
from smart_leverage.brokers.sim.opening import Past
from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.domain.calendars import NEVER_NS
from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.domain.errors import BadData, ConfigError
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import TimeInForce
from smart_leverage.fills.costs import CostModel, Costs, costs_of
from smart_leverage.fills.market import Bar

STANDS_NS = SECOND_NS
"""So long a quote stands for orders that come after it; then they wait for the next one."""


class BarLike(Protocol):
    """Prices of [start, end); `domain.bars.Bar` is one."""

    @property
    def start_ns(self) -> int: ...  # noqa: D102
    @property
    def end_ns(self) -> int: ...  # noqa: D102
    @property
    def open(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def close(self) -> float: ...  # noqa: D102


class Tape:
    """Moves prices and time, and lets orders meet them in the order of the registry."""

    def __init__(
        self,
        past: Past,
        floor: Floor,
        hours: Hours,
        costs: CostModel,
        config: SimConfig,
    ) -> None:
        self._book = past.book
        self._unit = past.unit
        self._counters = past.counters
        self._floor = floor
        self._hours = hours
        self._costs = costs
        self._config = config
        self._is_durable = past.store.is_durable
        self._openings: list[Line] = [line for line in past.book.lines.values() if line.is_opening]
        self._wakes_ns = 0
        self._standing: dict[Line, tuple[int, int]] = {}
        """When each symbol was quoted last, and the number of the last order that came before."""

    def close_bars(self, at_ns: int, bars: Sequence[tuple[Key, BarLike]]) -> None:
        """Let resting orders meet the bars' ranges, then make their closes the last prices."""
        self._require(at_ns, Mode.BAR)
        lines = self._book.lines
        fresh: dict[Line, BarLike] = {}
        woken: list[tuple[Line, BarLike]] = []
        for key, bar in bars:
            line, low, high = lines[key], bar.low, bar.high
            if bar.end_ns != at_ns or line in fresh:
                raise BadData(f"{key} has a bar to {bar.end_ns} ns", fix=f"one to {at_ns}, once")
            if line.closed_ns == at_ns:  # told twice, after an answer was lost
                continue
            if not line.closed_ns <= bar.start_ns < at_ns:
                raise BadData(
                    f"{key} has a bar from {bar.start_ns} ns",
                    fix=f"one that starts at {line.closed_ns} or later, and before it ends",
                )
            fresh[line] = bar
            if line.is_stale:
                line.set_triggers()
            # The one test of an ordinary instant; a NaN fails it and is found out in `_checked`.
            if not (line.low_trigger < low <= bar.close <= high < line.high_trigger) or not (
                low <= bar.open <= high
            ):
                woken.append((line, _checked(bar, key)))
        self._counters.now_ns = at_ns
        for line, bar in sorted(woken, key=_rank) if len(woken) > 1 else woken:
            self._meet_bar(line, bar)
        for line, bar in fresh.items():
            line.mark = bar.close
            line.closed_ns = at_ns
        if self._is_durable:
            self._unit.lines += fresh
        self.pass_time(at_ns)

    def print_opens(self, at_ns: int, opens: Sequence[tuple[Key, float]]) -> None:
        """Make the opens of the bars that begin now the last prices; nothing trades yet."""
        self._require(at_ns, Mode.BAR)
        lines = self._book.lines
        fresh: list[tuple[Line, float]] = []
        for key, price in opens:
            if not 0.0 < price < inf:
                raise BadData(f"{key} opens at {price!r}", fix="a price is positive and finite")
            line = lines[key]
            if at_ns > line.opened_ns:
                fresh.append((line, price))
        self.pass_time(at_ns)
        number = self._counters.tickets
        for line, price in fresh:
            line.mark = price
            line.opened_ns = at_ns
            if line.tickets:
                line.print_number = number
                line.is_opening = True
                self._openings.append(line)
        if self._is_durable:
            self._unit.lines += [line for line, _ in fresh]

    def fill_opens(self, at_ns: int) -> None:
        """Trade what is marketable at the opens just printed; end what was for one opening."""
        self._require(at_ns, Mode.BAR)
        self.pass_time(at_ns)
        openings, self._openings = self._openings, []
        woken = []
        for line in openings:
            line.is_opening = False
            if line.is_stale:
                line.set_triggers()
            if line.takers or line.mark <= line.buy_limit or line.mark >= line.sell_limit:
                woken.append(line)
        for line in sorted(woken, key=lambda each: each.rank):
            self._meet_opening(line)
        if self._is_durable:
            self._unit.lines += openings

    def on_quotes(self, at_ns: int, quotes: Sequence[tuple[Key, float, float]]) -> None:
        """Let orders meet the quotes of an instant; the middle becomes the last price of each."""
        self._require(at_ns, Mode.LIVE)
        for key, bid, ask in quotes:
            if not 0.0 < bid <= ask < inf:
                fix = "0 < bid <= ask, both finite"
                raise BadData(f"{key} is quoted {bid!r} to {ask!r}", fix=fix)
        lines = [self._book.lines[key] for key, _, _ in quotes]
        for line, (_, bid, ask) in zip(lines, quotes, strict=True):
            self._on_quote(at_ns, line, bid, ask)

    def meet_newcomers(self, at_ns: int) -> None:
        """Let orders that came after the last quotes meet them, as far as those still stand."""
        self._require(at_ns, Mode.LIVE)
        self.pass_time(at_ns)
        latest = self._counters.tickets
        for line, (quoted_ns, met) in self._standing.items():
            if met == latest or at_ns - quoted_ns > STANDS_NS:
                continue
            self._standing[line] = quoted_ns, latest
            if self._hours.is_open(line.instrument, at_ns):
                self._meet_quote(line, after=met)

    def _on_quote(self, at_ns: int, line: Line, bid: float, ask: float) -> None:
        self.pass_time(at_ns)
        line.bid, line.ask = bid, ask
        line.mark = (bid + ask) / 2
        if self._is_durable:
            self._unit.lines.append(line)
        if line.is_stale:
            line.set_triggers()
        is_reached = (
            line.takers
            or ask <= line.buy_limit
            or bid >= line.sell_limit
            or bid <= line.sell_stop
            or ask >= line.buy_stop
        )
        if is_reached and self._hours.is_open(line.instrument, at_ns):
            self._meet_quote(line)
        self._standing[line] = at_ns, self._counters.tickets

    def pass_time(self, at_ns: int) -> None:
        """Let time pass: orders expire, and those that waited for a session begin to work."""
        self._require(at_ns)
        self._counters.now_ns = at_ns
        for ticket in self._book.expired(at_ns):
            # What is held for its entry has no end of its own: it goes when its entry goes.
            if not ticket.is_final and ticket.status != "held":
                self._floor.end(ticket, "expired")
        if at_ns >= self._wakes_ns:
            self._wake(at_ns)

    def wait(self) -> None:
        """Note that an order waits for a session."""
        self._wakes_ns = 0

    def _wake(self, at_ns: int) -> None:
        for ticket in self._book.waiting():
            if self._hours.is_open(self._book.lines[ticket.order.key].instrument, at_ns):
                self._floor.activate(ticket)
        is_waiting = bool(self._book.waiting())
        self._wakes_ns = self._hours.next_open_ns(at_ns) if is_waiting else NEVER_NS

    def _require(self, at_ns: int, mode: Mode | None = None) -> None:
        if at_ns < self._counters.now_ns:
            raise BadData(f"time went back from {self._counters.now_ns} to {at_ns} ns")
        if at_ns >= NEVER_NS:
            raise BadData(f"{at_ns} ns is beyond the end of time")
        if mode is not None and mode is not self._config.mode:
            raise ConfigError([f"mode = {self._config.mode}: this call needs {mode}"])

    def _costs_of(self, line: Line) -> Costs:
        return costs_of(line.is_coin, self._costs)

    def _meet_bar(self, line: Line, bar: BarLike) -> None:
        if not self._hours.is_open_during(line.instrument, bar.start_ns, bar.end_ns):
            return
        met: set[int] = set()
        # An entry that trades wakes its exits, so there may be more to meet than at first.
        while woken := [each for each in _working(line) if each.number not in met]:
            for ticket in woken:
                met.add(ticket.number)
                if ticket.is_working:  # or ended meanwhile, with another one of its group
                    self._meet_in_bar(ticket, line, bar)

    def _meet_in_bar(self, ticket: Ticket, line: Line, bar: BarLike) -> None:
        """Show an order the part of a bar that is known to lie in its life."""
        shown, from_ns = Bar(bar.open, bar.high, bar.low), bar.start_ns
        if ticket.active_since_ns > from_ns:
            # Of a bar that began before the order did, only the close is known to come after it.
            shown, from_ns = Bar(bar.close, bar.close, bar.close), bar.end_ns - 1
        if ticket.expires_at_ns <= from_ns:
            return
        costs, is_trailing = self._costs_of(line), ticket.is_trailing
        if is_trailing:
            self._floor.follow(ticket, shown.open)
        self._act(ticket, meet_bar(ticket, shown, costs))
        if is_trailing and ticket.is_working:
            self._floor.follow(ticket, shown.low if ticket.is_buy else shown.high)
            self._act(ticket, meet_close(ticket, bar.close, costs))

    def _meet_opening(self, line: Line) -> None:
        if not self._hours.is_open(line.instrument, self._counters.now_ns):
            return
        costs = self._costs_of(line)
        for ticket in list(line.tickets):
            if ticket.number > line.print_number or not ticket.is_working:
                continue
            self._act(ticket, meet_opening(ticket, line.mark, costs))
            self._end_immediate(ticket)

    def _meet_quote(self, line: Line, after: int = 0) -> None:
        """Let the orders with a number above one meet the quote of their symbol."""
        for ticket in _working(line):
            if ticket.number <= after:
                continue
            if not ticket.is_working:  # ended meanwhile, with another one of its group
                continue
            self._floor.follow(ticket, line.ask if ticket.is_buy else line.bid)
            self._act(ticket, meet_quote(ticket, line.bid, line.ask))
            self._end_immediate(ticket)

    def _act(self, ticket: Ticket, meeting: Meeting) -> None:
        if meeting.is_triggered and ticket.is_waiting_stop:
            self._floor.trigger(ticket)
        if meeting.is_fill:
            self._floor.execute(ticket, meeting, self._quantity(ticket))

    def _end_immediate(self, ticket: Ticket) -> None:
        is_over = ticket.is_working and not ticket.is_waiting_stop
        if is_over and ticket.order.time_in_force is TimeInForce.IOC:
            self._floor.end(ticket, "canceled", "not filled at once")

    def _quantity(self, ticket: Ticket) -> Decimal:
        """Return how much trades now: all of it, or against a quote sometimes a part."""
        whole = ticket.remaining
        config, number = self._config, self._counters.executions + 1
        if config.mode is Mode.BAR:
            return whole
        if die(config.seed, "partial", number) >= config.partial_probability:
            return whole
        step = ONE if whole == whole.to_integral_value() else STEP_MIN
        share = Decimal(die(config.seed, "share", number))
        steps = ROUNDED.divide(ROUNDED.multiply(whole, share), step)
        return trim(EXACT.multiply(steps.to_integral_value(rounding=ROUND_DOWN), step)) or whole


def _checked(bar: BarLike, key: Key) -> BarLike:
    if not 0.0 < bar.low <= bar.close <= bar.high < inf or not bar.low <= bar.open <= bar.high:
        prices = f"{bar.open!r} {bar.high!r} {bar.low!r} {bar.close!r}"
        raise BadData(
            f"{key} has a bar of {prices}", fix="0 < low <= open, close <= high, all finite"
        )
    return bar


def _rank(woken: tuple[Line, BarLike]) -> int:
    return woken[0].rank


def _working(line: Line) -> list[Ticket]:
    """Return the orders of a symbol that can trade now, stops before the others."""
    working = [each for each in line.tickets if each.is_working]
    return sorted(working, key=lambda ticket: not ticket.is_waiting_stop)
