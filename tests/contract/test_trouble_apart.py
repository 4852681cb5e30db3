"""A disk that fails while others decide on: what was not kept neither leaves nor is told of."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from tests.contract.desk_in_trouble import BROKEN, BTC, FULL, SERIES, Desk, Market, recorded

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import Approved, BrokerOrder, OrderState, Side, TradeUpdate
from smart_leverage.domain.records import Decided, Record
from smart_leverage.engine.events import Event, Wished
from smart_leverage.policy.reasons import TradingState
from smart_leverage.runtime.carrying import Lanes
from smart_leverage.runtime.driven import Driven
from smart_leverage.runtime.office import Office, Wish
from smart_leverage.runtime.shelf import Shelf

TURNS, EACH = 6, 4
PATIENCE_S = 20.0


class Apart(Desk):
    """The desk with threads that wait for the broker, and an office that tells what was decided."""

    def __init__(self, folder: Path) -> None:
        self.mail: list[tuple[str, str]] = []
        self.delivered: list[tuple[str, str]] = []
        self.settled: dict[str, int] = {}
        self._turn = threading.RLock()
        self.office = Office(lambda: None, Shelf())
        self.office.add_teller(self)
        self.carrier = Lanes(self.office, rising=2, falling=2)
        super().__init__(folder, Market(tuple(SERIES)))
        self._one_at_a_time()
        self.run(1)

    def _one_at_a_time(self) -> None:
        """Let the venue, which is in this process, be asked by one thread at a time."""
        venue, turn = self.venue, self._turn
        submit, updates, cancel, quote, meet = (
            venue.submit, venue.updates, venue.cancel, venue.on_quotes, venue.meet_newcomers,
        )  # fmt: skip

        def submitted(approved: Approved) -> BrokerOrder:
            with turn:
                return submit(approved)

        def updated(after: int, limit: int | None = None) -> Sequence[TradeUpdate]:
            with turn:
                return updates(after, limit)

        def cancelled(client_order_id: str) -> None:
            with turn:
                cancel(client_order_id)

        def quoted(at_ns: int, quotes: Sequence[tuple[Key, float, float]]) -> None:
            with turn:
                quote(at_ns, quotes)

        venue.submit, venue.updates = submitted, updated  # type: ignore[method-assign]

        def met(at_ns: int) -> None:
            with turn:
                meet(at_ns)

        venue.cancel, venue.on_quotes = cancelled, quoted  # type: ignore[method-assign]
        venue.meet_newcomers = met  # type: ignore[method-assign]

    def see(self, record: Record) -> None:
        assert self.office is not None
        self.office.shelf.hear(record)

    def tell_early(self) -> None:
        """Nothing that this desk tells may be told before it is durable."""

    def parcel(self) -> Callable[[], None] | None:
        mail, self.mail = self.mail, []
        return lambda: self.delivered.extend(mail)

    def want(self, name: str, side: Side, notional: str) -> None:
        def stamp(at_ns: int) -> Event:
            wish = OrderWish(
                at_ns=at_ns, key=BTC, side=side, source="bot", id=name, notional=Decimal(notional)
            )
            return Wished(at_ns=at_ns, wish=wish, bot="bot")

        def settle(trader: Driven, decided: list[Decided] | None) -> None:
            self.settled[name] = self.settled.get(name, 0) + 1
            own = next((one for one in decided or () if one.request == name), None)
            if own is not None:
                self.mail.append((name, own.verdict))

        assert self.office is not None
        self.office.want(Wish(stamp, settle))

    def crowd(self) -> None:
        """Hand in more at every turn, without waiting for what was handed in before."""
        for turn in range(TURNS):
            for number in range(EACH):
                is_large = number == EACH - 1
                self.want(f"{turn}-{number}", Side.BUY, "900000" if is_large else "200")
            self.driver.attend()

    def rest(self) -> None:
        """Attend until nothing is under way any more."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.run(0.5)
            orders = self.state.orders.by_id.values()
            if self.office_is_idle and not any(
                one.state in (OrderState.INTENT, OrderState.UNKNOWN) for one in orders
            ):
                break
            time.sleep(0.005)
        self.keeper.flush()
        self.keeper.reconcile()
        self.keeper.flush()

    @property
    def office_is_idle(self) -> bool:
        assert self.office is not None
        return self.office.is_idle


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Apart]:
    made = Apart(tmp_path)
    yield made
    assert isinstance(made.carrier, Lanes)
    made.carrier.close()
    made.stop()


def kept(desk: Desk) -> set[tuple[str, str]]:
    """Return what the ledger holds of the decisions on wishes."""
    return {(one.request, one.verdict) for one in recorded(desk.path, Decided)}


def test_without_trouble_everybody_hears_what_the_ledger_holds(desk: Apart) -> None:
    desk.crowd()
    desk.rest()
    assert len(desk.delivered) == TURNS * EACH
    assert {verdict for _, verdict in desk.delivered} == {"approved", "denied"}
    assert set(desk.delivered) <= kept(desk)
    assert set(desk.settled.values()) == {1}
    desk.agrees()


@pytest.mark.parametrize("after", range(6))
@pytest.mark.parametrize("error", [FULL, BROKEN])
def test_what_was_decided_behind_a_commit_that_fails_never_leaves(
    desk: Apart, after: int, error: str
) -> None:
    """Some commits succeed first; then the disk refuses, with more than one of them under way."""
    commits = desk.keeper.ledger.counts.commits
    stop = threading.Event()

    def refuse_later() -> None:
        while not stop.is_set() and desk.keeper.ledger.counts.commits < commits + after:
            time.sleep(0.0002)
        desk.disk.refuse(error)

    watch = threading.Thread(target=refuse_later)
    watch.start()
    desk.crowd()
    stop.set()
    watch.join()
    desk.want("last", Side.BUY, "200")
    desk.rest()
    assert desk.state.trading <= TradingState.HALTED
    assert {sent.written for sent in desk.venue.sent} <= {"ledger", "emergency"}
    assert set(desk.settled) >= {f"{turn}-{number}" for turn in range(TURNS) for number in range(4)}
    names = [each.order.client_order_id for each in desk.venue.orders()]
    assert len(names) == len(set(names))
    desk.disk.mend()
    desk.pass_time(31.0)
    desk.rest()
    assert {name for name, verdict in desk.delivered if verdict == "approved"} <= {
        name for name, _ in kept(desk)
    }
    desk.agrees()
