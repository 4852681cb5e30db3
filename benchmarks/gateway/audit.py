"""An auditor on the broker's side: what the venue's own file says, against caps and told answers.

    python benchmarks/gateway/audit.py FOLDER PRICES.csv TOLD...

It uses the standard library only and shares no code with what it judges. FOLDER holds the venue's
`broker.sqlite` and the account's `ledger.sqlite`, PRICES.csv the market (`at_ns,key,price`), and
each TOLD is what `load.py` notes of its orders. Exit code 1: something is broken.

At every acceptance and fill of a purchase the worst case has to be inside every cap it counts in:
all that is held and all that open purchases may still buy, at the dearer of price and limit, over
cash and holdings at the price. The engine judged a little earlier, maybe at other prices than the
venue had by then: a worst case counts as broken when it holds at no price of the two seconds
around; what holds only at one of those is counted as `over_by_drift`.

Nothing may be sold that is not held. Of the orders: whoever was told 200 has exactly one intent,
which is at the venue or was ended by a record; whoever was told anything final else has none
there; no order of a bot is at the venue that nobody asked for.
"""

import csv
import json
import sqlite3
import sys
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, NamedTuple

ZERO = Decimal(0)
AROUND_NS = 2 * 10**9
NEAR_NS = 3 * 10**9
"""Around a change of the tier so much longer the better one of both is granted."""

CAPS = {
    "EMERGENCY": ("0.20", "0.28"),
    "LEARNING": ("0.25", "0.35"),
    "STABLE": ("0.40", "0.60"),
    "PROFITABLE": ("0.60", "0.80"),
}
GROSS, SYMBOL, SYMBOL_BROAD = "1", "0.10", "0.50"
LEVERED = {"us_equity:TQQQ", "us_equity:SQQQ"}
BROAD = {"us_equity:SPY", "us_equity:QQQ"}
DEAD = ("canceled", "expired", "rejected", "replaced")


class Prices:
    """The market as it was shown."""

    def __init__(self, path: Path) -> None:
        self._rows: dict[str, tuple[list[int], list[Decimal]]] = {}
        with path.open(encoding="ascii", newline="") as text:
            for at_ns, key, price in csv.reader(text):
                times, prices = self._rows.setdefault(key, ([], []))
                times.append(int(at_ns))
                prices.append(Decimal(price))

    def at(self, key: str, at_ns: int) -> Decimal:
        """Return the price next to an instant."""
        times, prices = self._rows[key]
        place = bisect_left(times, at_ns)
        near = [each for each in (place - 1, place) if 0 <= each < len(times)]
        return prices[min(near, key=lambda each: abs(times[each] - at_ns))]

    def around(self, at_ns: int) -> list[int]:
        """Return the instants at which the engine may have judged."""
        times = next(iter(self._rows.values()))[0]
        return times[bisect_left(times, at_ns - AROUND_NS) : bisect_left(times, at_ns + AROUND_NS)]


class Order:
    """An order at the venue."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.name, self.bot, self.key, side, qty, limit = row
        self.is_buy = side == "buy"
        self.left = Decimal(qty)
        self.limit = ZERO if limit is None else Decimal(limit)


class Stock:
    """One instrument: what is held, and what open purchases may add at which limits."""

    def __init__(self) -> None:
        self.held = self.coming = ZERO
        self.limits: Counter[Decimal] = Counter()

    def worst(self, price: Decimal) -> Decimal:
        return (self.held + self.coming) * max(price, max(self.limits, default=ZERO))


class Said(NamedTuple):
    """One line of the venue's log; a fill with quantity, price, fee and the asset of the fee."""

    at_ns: int
    kind: str
    name: str
    fill: tuple[Decimal, Decimal, Decimal, str] | None


class Auditor:
    """Replays the venue's log; `broken` says in words what was not kept."""

    def __init__(self, folder: Path, prices: Prices) -> None:
        self._db = _opened(folder / "broker.sqlite")
        self._journal = Journal(folder / "ledger.sqlite")
        self._prices = prices
        self.broken: list[str] = []
        self.counts: Counter[str] = Counter()
        self.highest = {"crypto": ZERO, "leveraged": ZERO, "gross": ZERO, "symbol": ZERO}
        self._stocks: dict[str, Stock] = {}
        self._cash = ZERO
        self._open: set[str] = set()
        columns = "client_order_id, bot, key, side, qty, limit_price"
        rows = self._db.execute(f"SELECT {columns} FROM orders")
        self._orders = {row[0]: Order(row) for row in rows}

    def run(self, told: list[Path]) -> None:
        """Audit exposure at every instant, then compare with what the clients were told."""
        opened = self._db.execute("SELECT payload FROM events WHERE kind = 'opened'").fetchone()
        self._cash = Decimal(json.loads(opened[0])["cash"])
        with localcontext(prec=80):
            for said in _log(self._db):
                self._take(said)
            self._settle()
        self._compare(told)

    # -- exposure ---------------------------------------------------------------------------------

    def _take(self, said: Said) -> None:
        order = self._orders.get(said.name)
        if order is None:
            return
        stock = self._stocks.setdefault(order.key, Stock())
        self.counts["instants"] += 1
        if said.fill is not None:
            self._fill(order, stock, said.fill)
        elif said.kind in DEAD:
            self._end(order, stock)
        elif order.name not in self._open:
            self._open.add(order.name)
            if order.is_buy:
                stock.coming += order.left
                stock.limits[order.limit] += 1
        is_risen = said.kind not in DEAD and order.is_buy
        if stock.held < 0:
            self.broken.append(f"{order.key} is short by {-stock.held} after {order.name}")
        self._check(order.key, said, is_risen=is_risen)

    def _fill(
        self, order: Order, stock: Stock, fill: tuple[Decimal, Decimal, Decimal, str]
    ) -> None:
        qty, price, fee, fee_asset = fill
        sign = 1 if order.is_buy else -1
        self._cash -= sign * qty * price + (fee if fee_asset == "USD" else ZERO)
        stock.held += sign * qty - (ZERO if fee_asset == "USD" else fee)
        stock.coming -= qty if order.is_buy else ZERO
        order.left -= qty
        self.counts["fills"] += 1
        if not order.left:
            self._end(order, stock)

    def _end(self, order: Order, stock: Stock) -> None:
        if order.name not in self._open:
            return
        self._open.discard(order.name)
        if order.is_buy:
            stock.coming -= order.left
            stock.limits[order.limit] -= 1
            if not stock.limits[order.limit]:
                del stock.limits[order.limit]

    def _check(self, key: str, said: Said, *, is_risen: bool) -> None:
        shares = self._shares(key, said.at_ns)
        for group, share in shares.items():
            self.highest[group] = max(self.highest[group], share)
        caps = self._caps(key, said.at_ns)
        if not is_risen or not _over(shares, caps):
            return
        around = (self._shares(key, at_ns) for at_ns in self._prices.around(said.at_ns))
        if any(not _over(each, caps) for each in around):
            self.counts["over_by_drift"] += 1
            return
        told = ", ".join(f"{group} {shares[group]:.6f}" for group in _over(shares, caps))
        self.broken.append(f"{said.kind} of {said.name} ({key}): {told} of equity")

    def _shares(self, key: str, at_ns: int) -> dict[str, Decimal]:
        """Return the worst case of each group in which a key counts, as a fraction of equity."""
        sums = dict.fromkeys(self.highest, ZERO)
        equity = self._cash
        for each, stock in self._stocks.items():
            price = self._prices.at(each, at_ns)
            equity += stock.held * price
            worst = stock.worst(price)
            sums["gross"] += worst
            sums["symbol"] += worst if each == key else ZERO
            sums["crypto"] += worst if _is_coin(each) else ZERO
            sums["leveraged"] += worst if _is_coin(each) or each in LEVERED else ZERO
        is_in = {"crypto": _is_coin(key), "leveraged": _is_coin(key) or key in LEVERED}
        return {name: worst / equity for name, worst in sums.items() if is_in.get(name, True)}

    def _caps(self, key: str, at_ns: int) -> dict[str, Decimal]:
        tiers = self._journal.tiers(at_ns)
        crypto, leveraged = max(CAPS[tier] for tier in tiers)
        symbol = SYMBOL_BROAD if key in BROAD else SYMBOL
        caps = {"crypto": crypto, "leveraged": leveraged, "gross": GROSS, "symbol": symbol}
        return {name: Decimal(cap) for name, cap in caps.items()}

    def _settle(self) -> None:
        """Compare with what the venue says itself is held now."""
        held = {key: stock.held for key, stock in self._stocks.items() if stock.held}
        rows = self._db.execute("SELECT key, qty FROM positions")
        said = {key: Decimal(qty) for key, qty in rows}
        if held != said:
            self.broken.append(f"held {held}, the venue says {said}")

    # -- orders -----------------------------------------------------------------------------------

    def _compare(self, told: list[Path]) -> None:
        answers = dict[str, tuple[int, str]]()
        for path in told:
            for line in path.read_text(encoding="ascii").splitlines():
                name, _, _, _, status, wire_id = json.loads(line)
                if name in answers:
                    self.broken.append(f"{name} was noted twice")
                answers[name] = (status, wire_id)
                self.counts[f"told_{status}"] += 1
        ids = Counter(wire_id for status, wire_id in answers.values() if status == 200)
        self.broken += [f"{count} orders were told the id {one}" for one, count in ids.items()
                        if count > 1 or not one]  # fmt: skip
        there = self._sent()
        for request, (status, _) in answers.items():
            self._judge(request, status, there.pop(request, []))
        self.broken += [f"{names} at the venue: nobody asked" for names in there.values()]

    def _sent(self) -> dict[str, list[str]]:
        """Return the venue's orders of bots by the name under which a bot asked."""
        found: dict[str, list[str]] = {}
        for name, order in self._orders.items():
            if order.bot != "house":
                self.counts["orders_at_venue"] += 1
                found.setdefault(self._journal.request_of.get(name, name), []).append(name)
        return found

    def _judge(self, request: str, status: int, there: list[str]) -> None:
        intents = self._journal.intents.get(request, [])
        if len(there) > 1 or len(intents) > 1:
            self.broken.append(f"{request} was doubled: {intents}, at the venue {there}")
        if status == 200 and not there:
            if not intents:
                self.broken.append(f"{request} was lost: told 200, and no intent")
            elif self._journal.state_of.get(intents[0]) not in ("canceled", "absent"):
                self.broken.append(f"{request} was lost: {intents[0]} is nowhere")
            self.counts["ended_unsent"] += 1
        if status in (403, 422) and there:
            self.broken.append(f"{request} was told {status}, but {there} is at the venue")


class Journal:
    """What the account wrote down: names, ends and tiers; nothing of its arithmetic is used."""

    def __init__(self, path: Path) -> None:
        self.intents: dict[str, list[str]] = {}
        self.request_of: dict[str, str] = {}
        self.state_of: dict[str, str] = {}
        self._tiers = [(0, "LEARNING")]
        self._asked: dict[str, str] = {}
        take: dict[str, Callable[[dict[str, Any]], None]] = {
            "decision": self._decided,
            "order.intended": self._intended,
            "order.moved": self._moved,
            "tier": lambda one: self._tiers.append((one["at_ns"], one["after"])),
            "limit": _limits_moved,
        }
        with closing(_opened(path)) as db:
            for kind, payload in db.execute("SELECT kind, payload FROM journal ORDER BY seq"):
                if kind in take:
                    take[kind](json.loads(payload))

    def tiers(self, at_ns: int) -> set[str]:
        """Return the tiers that may have been in force where somebody judged."""
        ends = [at_ns for at_ns, _ in self._tiers[1:]] + [1 << 63]
        spans = zip(self._tiers, ends, strict=True)
        return {tier for (since, tier), end in spans if since - NEAR_NS <= at_ns <= end + NEAR_NS}

    def _decided(self, one: dict[str, Any]) -> None:
        if one.get("request"):
            self._asked[one["decision_id"]] = one["request"]

    def _intended(self, one: dict[str, Any]) -> None:
        request, name = self._asked.get(one["decision_id"]), one["order"]["client_order_id"]
        if request is not None:
            self.request_of[name] = request
            self.intents.setdefault(request, []).append(name)

    def _moved(self, one: dict[str, Any]) -> None:
        self.state_of[one["client_order_id"]] = one["state"]


def _limits_moved(one: dict[str, Any]) -> None:
    raise SystemExit("a limit was changed in this run; this auditor knows fixed caps only")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def _is_coin(key: str) -> bool:
    return key.startswith("crypto:")


def _over(shares: dict[str, Decimal], caps: dict[str, Decimal]) -> list[str]:
    return [group for group, share in shares.items() if share > caps[group]]


def _log(db: sqlite3.Connection) -> Iterator[Said]:
    rows = db.execute(
        "SELECT e.at_ns, substr(e.kind, 8), e.client_order_id, f.qty, f.price, f.fee, f.fee_asset"
        " FROM events e LEFT JOIN fills f ON f.execution_id = e.payload ->> '$.fill.execution_id'"
        " WHERE e.update_sequence IS NOT NULL ORDER BY e.sequence"
    )
    for at_ns, kind, name, qty, price, fee, fee_asset in rows:
        fill = None if qty is None else (Decimal(qty), Decimal(price), Decimal(fee), fee_asset)
        yield Said(at_ns, kind, name, fill)


def main(folder: str, prices: str, *told: str) -> int:
    """Audit a run and print what came of it; the last line is one JSON object."""
    auditor = Auditor(Path(folder), Prices(Path(prices)))
    auditor.run([Path(each) for each in told])
    for line in auditor.broken[:20]:
        print(f"broken: {line}")
    shares = {f"highest_{name}": f"{share:.6f}" for name, share in auditor.highest.items()}
    print(json.dumps({"broken": len(auditor.broken), **auditor.counts, **shares}))
    return 1 if auditor.broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
