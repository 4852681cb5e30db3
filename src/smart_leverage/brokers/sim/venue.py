"""The simulated broker: takes orders as a venue would, and trades them when the market moves."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import msgspec

from smart_leverage.brokers.base import Capabilities
from smart_leverage.brokers.sim.amend import (
    Amendment,
    as_member,
    changed_order,
    check_changeable,
)
from smart_leverage.brokers.sim.book import Line
from smart_leverage.brokers.sim.codes import (
    final_already,
    forbidden,
    inadmissible,
    malformed,
    not_found,
)
from smart_leverage.brokers.sim.config import SimConfig, check_config
from smart_leverage.brokers.sim.exact import (
    EXACT,
    STEP_MIN,
    ZERO,
    average,
    is_amount,
    plain,
    trim,
)
from smart_leverage.brokers.sim.floor import Floor
from smart_leverage.brokers.sim.funds import Funds
from smart_leverage.brokers.sim.gate import Gate, Terms, effective_limit
from smart_leverage.brokers.sim.hours import Hours
from smart_leverage.brokers.sim.ids import venue_id
from smart_leverage.brokers.sim.intake import Intake
from smart_leverage.brokers.sim.opening import opened
from smart_leverage.brokers.sim.purse import Change
from smart_leverage.brokers.sim.revising import check_revision, corrected
from smart_leverage.brokers.sim.shape import shaped
from smart_leverage.brokers.sim.tape import BarLike, Tape
from smart_leverage.brokers.sim.ticket import Ticket
from smart_leverage.brokers.sim.trailing import placed
from smart_leverage.brokers.sim.unit import Refusal
from smart_leverage.domain.activities import Activity
from smart_leverage.domain.errors import (
    BrokerDown,
    NotSent,
    OutcomeUnknown,
    Refused,
    SmartLeverageError,
)
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import (
    AccountSnapshot,
    Approved,
    BrokerOrder,
    Order,
    PositionSnapshot,
    TradeUpdate,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.fills.costs import CostModel

P = ParamSpec("P")
T = TypeVar("T")

CAPABILITIES = Capabilities(
    has_coin_stops=False,
    has_fractional_stops=False,  # they exist, but end with the day
    rejects_repeated_ids=True,
    fee_from_received=True,
)
_NOT_SOUND = "the venue is closed or lost its file; open it again"
_TEXT_MAX = 256
"""So much of a name or a message is kept of a refusal."""

COSTS = CostModel()
CONFIG = SimConfig()


class SimBroker:
    """A venue with one account, exact and deterministic: same calls, same bytes.

    It has no clock: time arrives with the market. At an instant a driver calls `close_bars`, lets
    its client act, then `print_opens`, lets its client cancel, then `fill_opens`; in live mode it
    calls `on_quotes`, and `meet_newcomers` between two of them. Orders never trade inside `submit`.
    Not safe for threads.

    With a path everything that happened is in its own SQLite file (`schema.sql` says how), one
    transaction per call, and a broker opened on the file later continues there.
    """

    def __init__(
        self,
        registry: Registry,
        costs: CostModel = COSTS,
        config: SimConfig = CONFIG,
        path: Path | None = None,
    ) -> None:
        """Set up a new venue, or continue the one in the file.

        Raises:
            ConfigError: The configuration contradicts itself or the one in the file.
            BadData: The file is something else.
            BrokerDown: Another process runs a venue on the file.
        """
        check_config(config)
        self._config = config
        self._account_id = venue_id(config.seed, "account", 0)
        past = opened(registry, costs, config, path, self._account_id)
        self._store, self._unit = past.store, past.unit
        self._book, self._purse, self._counters = past.book, past.purse, past.counters
        self._flows = past.flows
        self._funds = Funds(past.purse, past.book, config.terms())
        self._gate = Gate(past.book, past.purse, self._funds, costs, config)
        self._floor = Floor(past, self._gate, costs, config)
        self._hours = Hours()
        self._intake = Intake(past.book, self._floor, self._hours, past.counters, config)
        self._tape = Tape(past, self._floor, self._hours, costs, config)
        self._is_sound = True
        self._account: AccountSnapshot | None = None
        self._positions: list[PositionSnapshot] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What this venue can do."""
        return CAPABILITIES

    @property
    def config(self) -> SimConfig:
        """What the account was set up with."""
        return self._config

    @property
    def now_ns(self) -> int:
        """The venue's time: that of the last market call."""
        return self._counters.now_ns

    # What a client may ask.

    def submit(self, approved: Approved) -> BrokerOrder:
        """Take an order, or refuse it; it trades when the market moves next, not before.

        Returns:
            The order as answered: `pending_new`, or `accepted` while its session is closed. Its
            next message on the stream is already there.

        Raises:
            Refused: With Alpaca's code, message and facts; the order does not exist.
            NotSent: The venue is closed.
            OutcomeUnknown: Its file failed meanwhile; whoever opens it again can look.
        """
        return self._run("submit", approved.order.client_order_id, self._submit, approved.order)

    def cancel(self, client_order_id: str) -> None:
        """End an order, and with it the group that it belongs to.

        Raises:
            Refused: It is final already or unknown.
        """
        self._run("cancel", client_order_id, self._cancel, client_order_id)

    def replace(
        self,
        client_order_id: str,
        *,
        qty: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        trail: Decimal | None = None,
        new_client_order_id: str | None = None,
    ) -> BrokerOrder:
        """Put a changed order in the place of an open one, judged like a new order.

        A trailing stop keeps the best price that it has seen.

        Args:
            client_order_id: Of the order to be replaced.
            qty: Whole quantity wanted, with what was filled already; None leaves it.
            limit_price: None leaves it.
            stop_price: None leaves it.
            trail: Distance of a trailing stop, in the unit that it has; None leaves it.
            new_client_order_id: None lets the venue make one.

        Returns:
            The new order; its quantity is what is left to trade.

        Raises:
            Refused: The old order stays as it is.
        """
        change = Amendment(qty, limit_price, stop_price, trail)
        return self._run(
            "replace", client_order_id, self._replace, client_order_id, change, new_client_order_id
        )

    def account(self) -> AccountSnapshot:
        """Return the account; buying powers are what open orders leave of them."""
        self._require_sound()
        if self._account is None:
            self._account = self._funds.snapshot(self._account_id, self._counters.now_ns)
        return self._account

    def positions(self) -> Sequence[PositionSnapshot]:
        """Return every holding in the registry's order; short ones are negative."""
        self._require_sound()
        if self._positions is None:
            lines = sorted(
                (self._book.lines[key] for key in self._purse.holdings), key=lambda line: line.rank
            )
            self._positions = [self._position(line) for line in lines]
        return self._positions

    def orders(self, *, is_open: bool | None = None, after_ns: int = 0) -> Sequence[BrokerOrder]:
        """Return orders submitted after a time, oldest first; 0 means all."""
        self._require_sound()
        tickets: Iterable[Ticket] = self._book.open.values() if is_open else self._book.tickets
        return [
            ticket.view()
            for ticket in tickets
            if (ticket.submitted_at_ns > after_ns or after_ns <= 0)
            and (is_open is not False or ticket.is_final)
        ]

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Return one order as it stands, None when there is none of that id."""
        self._require_sound()
        ticket = self._book.by_client_id.get(client_order_id)
        return ticket.view() if ticket else None

    def clock_ns(self) -> int | None:
        """Return None: the venue has no clock, whoever moves its market tells it the time."""
        return None

    def updates(self, after: int, limit: int | None = None) -> Sequence[TradeUpdate]:
        """Return the stream's messages above a sequence; sequences have no gaps."""
        self._require_sound()
        return self._store.updates(after, limit)

    def activities(self, after: int = 0, limit: int | None = None) -> Sequence[Activity]:
        """Return fees, deposits and withdrawals above a number, oldest first."""
        self._require_sound()
        return self._store.activities(after, limit)

    def changes(self, after: int = 0, limit: int | None = None) -> Sequence[Change]:
        """Return every movement of cash and units above a number, oldest first."""
        self._require_sound()
        return self._store.changes(after, limit)

    # What the world does.

    def close_bars(self, at_ns: int, bars: Sequence[tuple[Key, BarLike]]) -> None:
        """Let resting orders meet the bars that end now; then their closes are the last prices.

        A bar that was told before is passed over, so a call may be repeated after a lost answer.
        """
        self._run("", "", self._tape.close_bars, at_ns, bars)

    def print_opens(self, at_ns: int, opens: Sequence[tuple[Key, float]]) -> None:
        """Make the opens of the bars that begin now the last prices; nothing trades yet."""
        self._run("", "", self._tape.print_opens, at_ns, opens)

    def fill_opens(self, at_ns: int) -> None:
        """Trade what is marketable at the opens just printed, at open ± half-spread and slippage.

        Orders sent after the print do not take part. An immediate-or-cancel order that took part
        and did not trade is canceled.
        """
        self._run("", "", self._tape.fill_opens, at_ns)

    def on_quote(self, at_ns: int, key: Key, bid: float, ask: float) -> None:
        """Let the orders of a symbol meet a quote: they trade at its own side, some in parts."""
        self.on_quotes(at_ns, [(key, bid, ask)])

    def on_quotes(self, at_ns: int, quotes: Sequence[tuple[Key, float, float]]) -> None:
        """Let the orders of several symbols meet the quotes of one instant, all or none."""
        self._run("", "", self._tape.on_quotes, at_ns, quotes)

    def meet_newcomers(self, at_ns: int) -> None:
        """Let orders that came after the last quotes meet them, within a second of those."""
        self._run("", "", self._tape.meet_newcomers, at_ns)

    def advance(self, at_ns: int) -> None:
        """Let time pass without a price: orders expire, and sessions begin."""
        self._run("", "", self._tape.pass_time, at_ns)

    def deposit(self, at_ns: int, amount: Decimal, reference: str = "") -> None:
        """Book money that comes, or goes when negative.

        Args:
            at_ns: When.
            amount: Account currency.
            reference: Names the flow; one that was booked before is not booked again.

        Raises:
            Refused: More is withdrawn than is free of orders and loans.
        """
        self._run("deposit", reference, self._deposit, at_ns, amount, reference)

    def split(self, at_ns: int, key: Key, factor: Decimal, reference: str) -> None:
        """Multiply what is held of an instrument and divide its price; its orders end.

        Args:
            at_ns: When.
            key: A share.
            factor: Positive; 2 doubles the units, 0.5 halves them.
            reference: Names the split; one that was made before is not made again.
        """
        self._run("split", reference, self._split, at_ns, key, factor, reference)

    def bust(self, at_ns: int, execution_id: str) -> None:
        """Take an execution of an order that is over back, with its fee; told on the stream.

        Args:
            at_ns: When.
            execution_id: The one that never was; told again it is the same.

        Raises:
            Refused: There is no such execution, its order still works, or its coins were sold
                since; shares that were sold since are short afterwards.
        """
        self._run("bust", execution_id, self._revise, at_ns, execution_id, None, None, is_bust=True)

    def correct(
        self,
        at_ns: int,
        execution_id: str,
        *,
        qty: Decimal | None = None,
        price: Decimal | None = None,
    ) -> None:
        """Let an execution of an order that is over have been another one, its fee as well.

        Args:
            at_ns: When.
            execution_id: The one that was told wrong; corrected once, then its successor can be.
            qty: What it was, at most what was ordered; None leaves it.
            price: None leaves it.

        Raises:
            Refused: As `bust`, or it was corrected or taken back already.
        """
        self._run(
            "correct", execution_id, self._revise, at_ns, execution_id, qty, price, is_bust=False
        )

    def close(self) -> None:
        """Let go of the file; the venue is over until it is opened again."""
        self._is_sound = False
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(
        self, request: str, name: str, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do something that changes the venue and keep it whole, or change nothing."""
        if request and not self._is_sound:
            raise NotSent(_NOT_SOUND)
        self._require_sound()
        self._is_sound = False
        if request not in ("submit", "cancel"):
            self._funds.forget()
        try:
            result = act(*args, **kwargs)
            if request not in ("submit", "cancel"):
                self._funds.forget()
        except SmartLeverageError as problem:
            # A refusal comes before anything changed; had it not, the venue would be reopened.
            if self._unit.is_empty and not self._purse.changes:
                self._is_sound = True
            if isinstance(problem, Refused) and self._is_sound and self._store.is_durable:
                # The answer is certain, also when the file did not take it; the next call is not.
                with suppress(BrokerDown):
                    self._note_refusal(request, name, problem)
            raise
        try:
            self._keep()
        except BrokerDown as problem:
            if request:
                raise OutcomeUnknown(name, 0.0) from problem
            raise
        return result

    def _keep(self) -> None:
        if self._store.is_durable or not self._unit.is_empty or self._purse.changes:
            self._store.keep(self._unit, self._purse, self._counters)
        self._account = self._positions = None
        self._is_sound = True

    def _require_sound(self) -> None:
        if not self._is_sound:
            raise BrokerDown(_NOT_SOUND)

    def _note_refusal(self, request: str, name: str, problem: Refused) -> None:
        self._is_sound = False
        refusal = Refusal(
            at_ns=self._counters.now_ns,
            request=request,
            client_order_id=_legible(name),
            code=problem.broker_code,
            message=_legible(problem.message),
            facts=problem.facts,
        )
        self._unit.refusals.append(refusal)
        self._keep()

    def _submit(self, order: Order) -> BrokerOrder:
        line = self._line(order.key)
        taken = placed(shaped(order, line.instrument), line.instrument, line.price)
        ticket = self._intake.take(taken, line, self._gate.check(taken, line))
        if ticket.status == "accepted":
            self._tape.wait()
        group = self._book.groups.get(ticket.group)
        legs = () if group is None else group.members()
        answer = _answer(ticket)
        exits = tuple(leg.view() for leg in legs if leg is not ticket)
        return msgspec.structs.replace(answer, legs=exits) if exits else answer

    def _cancel(self, client_order_id: str) -> None:
        ticket = self._ticket(client_order_id)
        if ticket.is_final:
            raise final_already(ticket.status)
        self._floor.end(ticket, "canceled", "by request")

    def _replace(self, client_order_id: str, change: Amendment, new_id: str | None) -> BrokerOrder:
        old = self._ticket(client_order_id)
        check_changeable(old, change)
        line = self._line(old.order.key)
        order = changed_order(old, change, new_id or self._intake.leg_id())
        order = placed(shaped(order, line.instrument), line.instrument, old.hwm)
        if old.status == "held":
            if order.client_order_id in self._book.by_client_id:
                raise malformed("client_order_id must be unique")
            terms = Terms(effective_limit(order, line), ZERO)
        else:
            terms = self._gate.check(order, line, replaced=old)
        order = as_member(order, old, self._book.groups.get(old.group))
        return _answer(self._intake.take_over(old, order, line, terms))

    def _deposit(self, at_ns: int, amount: Decimal, reference: str) -> None:
        if (
            not amount.is_finite()
            or not is_amount(amount.copy_abs())
            or EXACT.remainder(amount, STEP_MIN)
        ):
            raise malformed("amount must be a number other than 0, of nine decimals at most")
        if reference and reference in self._flows:
            return
        free = self._funds.free_cash()
        if EXACT.minus(amount) > free:
            asked = f"(requested: {plain(EXACT.minus(amount))}, available: {plain(free)})"
            raise forbidden(f"insufficient balance for USD {asked}", symbol="USD", available=free)
        self._tape.pass_time(at_ns)
        number = self._counters.activities + 1
        name = reference or venue_id(self._config.seed, "flow", number)
        self._flows.add(name)
        self._purse.move_cash(amount, at_ns, "flow", name)
        self._floor.note("CSD" if amount > 0 else "CSW", amount, reference=name)

    def _split(self, at_ns: int, key: Key, factor: Decimal, reference: str) -> None:
        if not (factor.is_finite() and factor > 0):
            raise malformed("factor must be > 0")
        if reference in self._flows:
            return
        line = self._line(key)
        self._tape.pass_time(at_ns)
        self._flows.add(reference)
        for ticket in [each for each in self._book.open.values() if each.order.key == key]:
            self._floor.end(ticket, "canceled", "split")
        line.mark /= float(factor)  # NaN before there is a price
        self._unit.lines.append(line)
        held = self._purse.qty(key)
        units = trim(EXACT.subtract(EXACT.multiply(held, factor), held))
        if not units:
            return
        price = average(self._purse.holdings[key].avg_entry_price, factor)
        self._purse.move_units(key, units, price, at_ns, "split", reference)
        self._purse.holdings[key].avg_entry_price = price
        self._floor.note("SPLIT", ZERO, key=key, qty=units, reference=reference)

    def _revise(
        self,
        at_ns: int,
        execution_id: str,
        qty: Decimal | None,
        price: Decimal | None,
        *,
        is_bust: bool,
    ) -> None:
        before = self._store.fill(execution_id)
        if before is None:
            raise not_found(_legible(execution_id))
        if execution_id in self._flows:
            if is_bust:
                return
            raise inadmissible("the execution was corrected or taken back already")
        ticket, number = self._book.by_client_id[before.client_order_id], self._counters.executions
        name = self._floor.execution_name(number + 1)
        after = None if is_bust else corrected(before, name, qty, price)
        check_revision(ticket, before, after, self._purse.qty(before.key))
        self._counters.executions += after is not None
        self._tape.pass_time(max(at_ns, self._counters.now_ns))
        self._flows.add(execution_id)
        self._purse.revise(before, after, at_ns)
        self._floor.revise(ticket, before, after)

    def _line(self, key: Key) -> Line:
        if key not in self._book.lines.registry:
            raise inadmissible(f'asset "{_legible(key)}" not found')
        return self._book.lines[key]

    def _ticket(self, client_order_id: str) -> Ticket:
        ticket = self._book.by_client_id.get(client_order_id)
        if ticket is None:
            raise not_found(_legible(client_order_id))
        return ticket

    def _position(self, line: Line) -> PositionSnapshot:
        holding = self._purse.holdings[line.key]
        available = line.available_qty(holding.qty)
        return PositionSnapshot(
            key=line.key,
            qty=holding.qty,
            qty_available=available,
            avg_entry_price=holding.avg_entry_price,
            price=line.price or holding.avg_entry_price,
        )


def _legible(text: str) -> str:
    """Return text of any origin in a form that a file takes: bounded, and valid UTF-8."""
    return text[:_TEXT_MAX].encode(errors="replace").decode()


def _answer(ticket: Ticket) -> BrokerOrder:
    """Return what the request is answered with: the venue has it, the exchange not yet."""
    view = ticket.view()
    return msgspec.structs.replace(view, status="pending_new") if view.status == "new" else view
