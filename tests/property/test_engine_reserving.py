"""What purchases reserve is the same, added up as they change or anew from all of them."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Fill, Order, OrderState, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import (
    AccountOpened,
    CancelIntended,
    Filled,
    InstrumentListed,
    Intended,
    OrderMoved,
)
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.exposure import _buys_by_key
from smart_leverage.engine.state import State

D = Decimal
KEYS = (Key("crypto:BTC/USD"), Key("crypto:ETH/USD"))
NOBODY = frozenset({"nobody"})
"""Leaves no order out, but is a reason to count all of them."""

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ("buy", "sell", "wait", "change", "fill", "hold", "cancel", "unknown", "end")
        ),
        st.integers(0, 9),
        st.integers(1, 40),
    ),
    max_size=40,
)


class Account:
    """A state that is told what happens; numbers choose among the orders there are."""

    def __init__(self) -> None:
        self.state = State()
        self.count = 0
        registry = Registry.builtin()
        self.state.apply(
            AccountOpened(
                at_ns=1, account="a", mode="sim", cash=D(1_000_000), risk_timezone="UTC",
                preset="classic", policy="", policy_hash="", enforcement="all", version="1",
            )
        )  # fmt: skip
        for key in KEYS:
            self.state.apply(InstrumentListed(at_ns=1, instrument=registry[key]))

    def do(self, what: str, which: int, amount: int) -> None:
        if what in ("buy", "sell", "wait"):
            side = Side.SELL if what == "sell" else Side.BUY
            self.intend(side, KEYS[which % 2], amount, stop=D(90) if what == "wait" else None)
            return
        names = list(self.state.orders.by_id)
        if not names:
            return
        name = names[which % len(names)]
        one = self.state.orders.by_id[name]
        if what == "change" and self.state.orders.after(one) is None and not one.replaces:
            self.intend(one.order.side, one.order.key, amount, replaces=name)
        elif what == "fill":
            self.fill(name, min(one.remaining, D(amount) / 16))
        elif what == "cancel":
            self.state.apply(CancelIntended(at_ns=1, client_order_id=name, reason="a test"))
        elif what == "hold":
            self.move(name, OrderState.OPEN, status="held")
        elif what in ("unknown", "end"):
            state = OrderState.UNKNOWN if what == "unknown" else OrderState.CANCELED
            self.move(name, state)

    def intend(
        self, side: Side, key: Key, amount: int, replaces: str = "", stop: Decimal | None = None
    ) -> None:
        self.count += 1
        order = Order(
            client_order_id=f"o{self.count}", bot="bot", key=key, side=side,
            qty=D(amount) / 8, type=OrderType.LIMIT, time_in_force=TimeInForce.GTC,
            limit_price=D(100 + amount), stop_price=stop, role=Role.BOT,
        )  # fmt: skip
        self.state.apply(
            Intended(
                at_ns=1, order=order, decision_id="d1", reserve_price=D(100 + amount),
                replaces=replaces,
            )
        )  # fmt: skip
        self.move(f"o{self.count}", OrderState.OPEN)

    def fill(self, name: str, qty: Decimal) -> None:
        order = self.state.orders.by_id[name].order
        if qty <= 0:
            return
        self.count += 1
        fill = Fill(
            execution_id=f"e{self.count}", client_order_id=name, key=order.key, side=order.side,
            qty=qty, price=D(100), fee=D(0), fee_asset="USD", at_ns=1,
        )  # fmt: skip
        self.state.apply(Filled(at_ns=1, fill=fill))

    def move(self, name: str, state: OrderState, status: str = "") -> None:
        self.state.apply(
            OrderMoved(
                at_ns=1, client_order_id=name, state=state, status=status, filled_qty=D(0),
                broker_order_id=f"b{name}",
            )
        )  # fmt: skip


@given(steps)
def test_reservations_are_those_of_all_purchases_together(
    told: list[tuple[str, int, int]],
) -> None:
    account = Account()
    for step in told:
        account.do(*step)
        orders = account.state.orders
        assert _buys_by_key(account.state, frozenset()) == _buys_by_key(account.state, NOBODY)
        unknown = {n for n, one in orders.by_id.items() if one.state is OrderState.UNKNOWN}
        assert orders.unknown == unknown
        for key in KEYS:
            assert orders.buys_of(key) == tuple(one for one in orders.of(key) if one.is_buy)
            assert orders.is_buying(key) == bool(orders.buys_of(key))
            sales = [one for one in orders.of(key) if one.order.side is Side.SELL]
            assert list(orders.sales(key)) == [one for one in sales if not one.is_held]
            assert orders.selling(key) == orders.together(orders.sales(key)) + orders.owed(key)
            assert orders.selling(key, "bot") == orders.selling(key)
