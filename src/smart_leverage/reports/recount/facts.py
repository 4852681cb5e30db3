"""What a recount goes by: the few facts of a journal that move a figure, as fractions.

Neither the records, nor the books, nor the story that statements are made of have a part in this:
an auditor who borrows the arithmetic that he audits finds nothing.
"""

from array import array
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec

from smart_leverage.reports.recount.matching import Change

ZERO = Fraction(0)
SUB_DOLLAR_TICK = Fraction(1, 10_000)
"""Step of the price of a share below one dollar."""


class Mark(NamedTuple):
    """A valuation; exposures are money."""

    seq: int
    at_ns: int
    equity: Fraction
    exposures: dict[str, Fraction]


class Flow(NamedTuple):
    """Money that came, or went."""

    seq: int
    amount: Fraction


class Asked(NamedTuple):
    """A decision on what somebody asked for, without the house."""

    seq: int
    verdict: str


class Executed(NamedTuple):
    """A fill of an order that is known, with the price at which its decision was made."""

    seq: int
    is_buy: bool
    qty: Fraction
    price: Fraction
    fee: Fraction
    decided: Fraction | None

    @property
    def slipped(self) -> Fraction | None:
        """What it was worse by than the decision's price; None where that had none."""
        if self.decided is None:
            return None
        worse = self.price - self.decided
        return self.qty * (worse if self.is_buy else -worse)


class Facts:
    """Takes the text of a journal, entry by entry, and keeps what moves a figure."""

    def __init__(self) -> None:
        self.seq = 0
        self.times = array("q")
        """The latest time up to each entry, from the first on."""
        self.opened_ns = 0
        self.zone = "UTC"
        self.opening_equity = ZERO
        self.marks: list[Mark] = []
        self.flows: list[Flow] = []
        self.asked: list[Asked] = []
        self.refused_ns: list[int] = []
        """When the broker refused an order."""
        self._executed: list[Executed] = []
        self.changes: dict[str, list[Change]] = {}
        """What moved a holding, by instrument, in the order in which it was written."""
        self._listed: dict[str, Any] = {}
        self._orders: dict[str, Any] = {}
        self._prices: dict[str, Fraction] = {}
        self._seen: set[str] = set()
        self._places: dict[str, tuple[int, str]] = {}
        """Of every execution that counts: its place among all, and the name that it began with."""
        self._gone: set[int] = set()
        self._takers: dict[str, Callable[[dict[str, Any]], None]] = {
            "account.opened": self._open,
            "instrument.listed": self._list,
            "position.adopted": self._adopt,
            "flow": self._flow,
            "split": self._split,
            "income": self._income,
            "mark": self._mark,
            "decision": self._decide,
            "order.intended": self._intend,
            "order.moved": self._move,
            "fill": self._fill,
            "fill.revised": self._revise,
        }

    @property
    def at_ns(self) -> int:
        """How far the journal goes."""
        return self.times[-1] if self.times else 0

    def take(self, seq: int, payload: bytes) -> None:
        """Take in one entry."""
        said = msgspec.json.decode(payload)
        self.seq = seq
        self.times.append(max(self.at_ns, said["at_ns"]))
        taker = self._takers.get(said["kind"])
        if taker is not None:
            taker(said)

    # -- the account ------------------------------------------------------------------------------

    def _open(self, said: dict[str, Any]) -> None:
        if not self.opened_ns:
            self.opened_ns, self.zone = said["at_ns"], said["risk_timezone"]
            self.opening_equity = Fraction(said["cash"])

    def _list(self, said: dict[str, Any]) -> None:
        self._listed[said["instrument"]["key"]] = said["instrument"]

    def _adopt(self, said: dict[str, Any]) -> None:
        qty, price = Fraction(said["qty"]), Fraction(said["price"])
        if not self.marks and not self.flows:
            self.opening_equity += qty * price
        self._change(said["key"], said["at_ns"], qty, price, bot=said["bot"])

    def _split(self, said: dict[str, Any]) -> None:
        self._change(said["key"], said["since_ns"], Fraction(said["qty"]), ZERO, is_split=True)

    def _income(self, said: dict[str, Any]) -> None:
        for bot, qty in sorted(said.get("shares", {}).items()):
            price = Fraction(said["price"])
            self._change(said["key"], said["at_ns"], Fraction(qty), price, bot=bot)

    def _flow(self, said: dict[str, Any]) -> None:
        self.flows.append(Flow(self.seq, Fraction(said["amount"])))

    def _mark(self, said: dict[str, Any]) -> None:
        exposures = {name: Fraction(said[name]) for name in ("crypto", "leveraged", "gross")}
        self.marks.append(Mark(self.seq, said["at_ns"], Fraction(said["equity"]), exposures))

    # -- orders -----------------------------------------------------------------------------------

    def _decide(self, said: dict[str, Any]) -> None:
        self._prices[said["decision_id"]] = Fraction(said["price"])
        if said["source"] != "house":
            self.asked.append(Asked(self.seq, said["verdict"]))

    def _intend(self, said: dict[str, Any]) -> None:
        self._orders[said["order"]["client_order_id"]] = {**said["order"], **said}

    def _move(self, said: dict[str, Any]) -> None:
        if said["state"] == "rejected":
            self.refused_ns.append(said["at_ns"])

    def _fill(self, said: dict[str, Any]) -> None:
        fill = said["fill"]
        order, name = self._orders.get(fill["client_order_id"]), fill["execution_id"]
        if order is None or name in self._seen:
            return
        self._seen.add(name)
        qty, price, fee = (Fraction(fill[each]) for each in ("qty", "price", "fee"))
        is_buy, is_cash = fill["side"] == "buy", fill["fee_asset"] == "USD"
        cost = fee if is_cash else fee * price
        stop = order.get("stop_price")
        decided = self._prices.get(order["decision_id"]) or (Fraction(stop) if stop else None)
        self._places[name] = len(self._executed), name
        self._executed.append(Executed(self.seq, is_buy, qty, price, cost, decided))
        moved = (qty if is_buy else -qty) - (ZERO if is_cash else fee)
        self._change(
            fill["key"], fill["at_ns"], moved, price,
            bot=order["bot"], fee=cost, execution=name, order=fill["client_order_id"],
        )  # fmt: skip

    def _revise(self, said: dict[str, Any]) -> None:
        """Take what an execution moved out, or let it have moved something else."""
        place, first = self._places.pop(said["before"]["execution_id"], (-1, ""))
        if place < 0:
            return
        changes, after = self.changes[said["before"]["key"]], said.get("after")
        at = next(i for i, each in enumerate(changes) if each.execution == first)
        if after is None:
            del changes[at]
            self._gone.add(place)
            return
        self._places[after["execution_id"]] = place, first
        qty, price, fee = (Fraction(after[each]) for each in ("qty", "price", "fee"))
        is_buy, is_cash = after["side"] == "buy", after["fee_asset"] == "USD"
        cost = fee if is_cash else fee * price
        moved = (qty if is_buy else -qty) - (ZERO if is_cash else fee)
        changes[at] = changes[at]._replace(qty=moved, price=price, fee=cost)
        self._executed[place] = self._executed[place]._replace(qty=qty, price=price, fee=cost)

    @property
    def executed(self) -> list[Executed]:
        """What counts by now of all executions, in the order in which they were written."""
        return [each for at, each in enumerate(self._executed) if at not in self._gone]

    def _change(self, key: str, at_ns: int, qty: Fraction, price: Fraction, **more: Any) -> None:
        listed = self._listed[key]
        is_cheap_share = listed["asset_class"] == "us_equity" and price < 1
        tick = SUB_DOLLAR_TICK if is_cheap_share else Fraction(listed["tick"])
        change = Change(at_ns, qty, price, lot=Fraction(listed["lot"]), tick=tick, **more)
        self.changes.setdefault(key, []).append(change._replace(seq=self.seq))
