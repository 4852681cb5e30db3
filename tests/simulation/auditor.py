"""An independent auditor of a governed account.

It reads the venue's own file and the prices, replays what happened in order, keeps its own cash,
positions, worst case, lots, openings and tier, and says where a rule was broken. It shares no code
with what it judges and reads nothing that the judged program wrote about itself.

    python tests/simulation/auditor.py BROKER.sqlite BARFILE... [--instruments FILE.json]
                                       [--resumes-monthly]

Give every bar file that the run had. A month trip lasts until a person lifts it, which the venue
cannot know: `--resumes-monthly` says that somebody did whenever a new month began.

At an instant T, in this order: resting orders meet the bars that end; the closes become known and
are judged; orders leave; the bars that start print their opens; orders are cancelled; the opens
fill. The file says when something happened but not in which of these steps; `_step_of` finds it.

A1 worst case after the send, and after the fill, of a buy: inside every cap it counts in, as often
   as its terms say
A2 no buy is sent, and none fills, while a loss limit is tripped or the asset is locked; where
   windows roll also those of 24 hours and 30 days, the drawdown, and all coins together
A3 nothing is sold that is not held; no position is ever short
A4 a position is covered by resting sells before a whole bar has passed without
A5 what is over its band comes back inside the cap in two hours of trading, three openings at least
A6 cash and units follow exactly from fills, fees and flows
A7 a buy has a limit and lives for one opening
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from pathlib import Path

if __package__ in (None, ""):  # started as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.simulation.audit_account import CASH, Account
from tests.simulation.audit_band import Bands
from tests.simulation.audit_market import (
    MINUTE,
    Closing,
    Moment,
    Series,
    moments,
    read_file,
    when,
)
from tests.simulation.audit_record import HOUSE, TIER_NAMES, F, Judge, Record, Terms
from tests.simulation.audit_report import Report
from tests.simulation.audit_venue import Fill, Order, Said, Venue

D = Decimal
ZERO = D(0)
EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
COVER_SLACK = D(1)
"""Money: a venue takes no stop for less than a lot, and a lot is worth about a cent."""

CLOSES, OPENS = 1, 2
"""The steps of an instant after which something is known."""

# What the auditor takes for granted of symbols when it is told nothing else.
LEVERED = frozenset(
    [
        "TQQQ",
        "SQQQ",
        "QLD",
        "QID",
        "UPRO",
        "SPXU",
        "SPXL",
        "SPXS",
        "SSO",
        "SDS",
        "UDOW",
        "SDOW",
        "DDM",
        "DXD",
        "TNA",
        "TZA",
        "URTY",
        "SRTY",
        "UWM",
        "TWM",
        "SOXL",
        "SOXS",
        "TECL",
        "TECS",
        "FAS",
        "FAZ",
        "LABU",
        "LABD",
        "TMF",
        "TMV",
        "UBT",
        "TBT",
        "NUGT",
        "DUST",
        "JNUG",
        "JDST",
        "UVXY",
        "UVIX",
        "YINN",
        "YANG",
        "ERX",
        "ERY",
        "GUSH",
        "DRIP",
        "AGQ",
        "ZSL",
        "UGL",
        "GLL",
        "BOIL",
        "KOLD",
        "UCO",
        "SCO",
        "NVDL",
        "TSLL",
        "CONL",
        "MSTU",
        "MSTX",
    ]
)
COIN_FUNDS = frozenset(
    ["BITO", "BITX", "BITU", "IBIT", "FBTC", "GBTC", "ARKB", "BITB", "ETHA", "FETH", "ETHE", "ETHU"]
)
BROAD = frozenset(["SPY", "IVV", "VOO", "VTI", "VT", "QQQ", "DIA", "IWM"])


class Auditor:
    """Replays one account; `run` returns the report."""

    def __init__(
        self,
        venue: Venue,
        terms: Mapping[str, Terms],
        *,
        resumes: Iterable[int] = (),
        resumes_monthly: bool = False,
        is_rolling: bool = False,
    ) -> None:
        self._venue = venue
        self._resumes = sorted(resumes)
        self._resumes_monthly = resumes_monthly
        self._halted_in = ""
        self._at = self._step = 0
        self.report = Report()
        self.record = Record()
        self.judge = Judge(self.record, is_rolling=is_rolling)
        cash, held = venue.opening()
        self._account = Account(cash, dict(terms))
        self._bands = Bands(self._account, self.report)
        self._bare: dict[str, int] = {}
        self._told_bare: set[str] = set()
        self._booked: dict[str, dict[tuple[str, str], Decimal]] = {}
        self._filled: dict[str, Decimal] = {}
        for key, qty, price in held:
            self._account.hold(key, qty)
            self._account.see(key, float(price))
            self.record.open(key, HOUSE, qty, price, ZERO)

    def run(self, series: Sequence[Series]) -> Report:
        """Replay everything up to the venue's last moment."""
        until, log = self._venue.until(), self._venue.log()
        with localcontext(EXACT):
            said = next(log, None)
            for moment in moments(series):
                if moment.at > until:
                    break
                if not self._at:
                    self._open(moment.at)
                while said is not None and said.at < moment.at:  # between bars, at known prices
                    said = self._instant(Moment(said.at, [], []), said, log)
                said = self._instant(moment, said, log)
                self.report.counts["instants"] += 1
                self.report.counts["bars"] += len(moment.closes)
            self._settle()
        return self.report

    def _open(self, at: int) -> None:
        """Begin the account with its market."""
        self._at = at
        self.judge.roll(at, self._account.equity(), self._account.coins())
        for key in self._account.held:
            self._cover(key)

    def _instant(self, moment: Moment, said: Said | None, log: Iterator[Said]) -> Said | None:
        """Take everything that was said at an instant; return what is said next."""
        self._at, self._step = max(self._at, moment.at), 0
        if self._at >= self.judge.day_end:
            self.judge.roll(self._at, self._account.equity(), self._account.coins())
        opening = dict(moment.opens)
        while said is not None and said.at == moment.at:
            step = self._step_of(said, opening)
            while self._step < step:
                self._advance(moment)
            self._take(said)
            said = next(log, None)
        while self._step < OPENS:
            self._advance(moment)
        self._bands.look(self._at, self.judge.tier, moment, is_close=False)
        return said

    def _step_of(self, said: Said, opening: Mapping[str, float]) -> int:
        """Return the step of the instant to which a line of the log belongs.

        Fills against a bar's range come before anything a client does. What is sent or cancelled by
        request comes when the closes are known, or later. Takers fill at the open that is printed
        now, except a stop that this bar has reached for the first time.
        """
        order = self._venue.orders.get(said.name)
        if said.fill is not None and order is not None:
            is_in_bar = said.fill.is_maker or (order.has_stop and not order.is_triggered)
            is_at_open = order.key in opening and not is_in_bar
            return OPENS if is_at_open else self._step
        is_sent = order is not None and said.is_alive and not self._account.is_open(order)
        is_asked = said.kind == "refused" or (said.kind, said.text) == ("canceled", "by request")
        return max(self._step, CLOSES) if is_sent or is_asked else self._step

    def _advance(self, moment: Moment) -> None:
        self._step += 1
        if self._step == CLOSES and moment.closes:
            for closing in moment.closes:
                self._meet(closing)
                self._account.see(closing.key, closing.close)
            self._mark()
            self._bands.look(self._at, self.judge.tier, moment, is_close=True)
        elif self._step == OPENS:
            for key, price in moment.opens:
                self._account.see(key, price)
                for order in self._account.orders.get(key, {}).values():
                    order.meets = order.meets or self._at

    def _meet(self, closing: Closing) -> None:
        """Note which stops this bar reached, and who spent all of it without one."""
        key = closing.key
        for order in self._account.orders.get(key, {}).values():
            if order.has_stop and not order.is_buy:
                low = closing.low if order.sent <= closing.start else closing.close
                order.is_triggered = order.is_triggered or low <= order.stop
        since = self._bare.get(key)
        if since is not None and since < closing.start and key not in self._told_bare:
            self._told_bare.add(key)
            held = self._account.held[key]
            self._broken("A4", f"{key}: {held} held and nothing rests since {when(since)}")

    def _mark(self) -> None:
        account = self._account
        equity = account.equity(account.judged)
        self.judge.mark(self._at, equity, account.coins())
        self._operate(equity)

    def _operate(self, equity: Decimal) -> None:
        """Let the person resume who is said to have done so."""
        while self._resumes and self._resumes[0] <= self._at:
            self._resumes.pop(0)
            self.judge.resume(self._at, equity)
        is_tripped = self.judge.is_month_tripped or self.judge.is_drawdown_tripped
        if not (self._resumes_monthly and is_tripped):
            self._halted_in = ""
        elif not self._halted_in:
            self._halted_in = "" if self._account.held else self.judge.month
        elif self.judge.month != self._halted_in:
            self._halted_in = ""
            self.judge.resume(self._at, equity)

    # -- what the venue says --------------------------------------------------------------------

    def _take(self, said: Said) -> None:
        order = self._venue.orders.get(said.name)
        if said.kind == "activity":
            self._flow(json.loads(said.text))
        elif said.kind == "refused":
            self._refused(json.loads(said.text))
        elif order is None:
            return
        elif said.fill is not None:
            self._fill(order, said.fill)
        elif said.is_alive and not self._account.is_open(order):
            self._send(order)
        elif said.is_end:
            self._account.end(order)
            self._cover(order.key)

    def _flow(self, activity: Mapping[str, str]) -> None:
        if activity["type"] in ("CSD", "CSW"):
            amount = D(activity["net_amount"])
            self._account.cash += amount
            self.judge.flow(amount)
            self.report.counts["flows"] += 1
            self._booked[activity["reference"]] = {(CASH, "flow"): amount}

    def _refused(self, refusal: Mapping[str, str]) -> None:
        """Hold a sale that the venue had to stop against the account as if it had been taken."""
        message = refusal["message"]
        is_oversold = "insufficient qty" in message or "not allowed to short" in message
        is_oversold |= message.startswith("insufficient balance for") and "for USD" not in message
        if refusal["request"] == "submit" and is_oversold:
            self._broken("A3", f"the venue had to refuse a sale: {message}")

    def _send(self, order: Order) -> None:
        self._account.add(order)
        if not order.is_buy:
            self.report.counts["sells"] += 1
            self._check_sells(order.key)
            self._cover(order.key)
            return
        self.report.counts["buys"] += 1
        if order.limit is None:
            self._broken("A7", f"{order} has no limit")
        self._check_allowed(order, "sent")
        self._check_caps(order, "send", self.report.worst_at_send)

    def _fill(self, order: Order, fill: Fill) -> None:
        self.report.counts["fills"] += 1
        self._filled[order.name] = self._filled.get(order.name, ZERO) + fill.qty
        self._booked[fill.execution] = self._account.trade(order, fill)
        self._note(order, fill)
        if order.is_buy:
            self._check_allowed(order, "filled")
            self._check_caps(order, "fill", self.report.worst_at_fill)
            if order.meets != self._at:
                first = f"its opening of {when(order.meets)}" if order.meets else "any opening"
                self._broken("A7", f"{order} fills apart from {first}")
        elif self._account.held.get(order.key, ZERO) < 0:
            self._broken("A3", f"{order} leaves {self._account.held[order.key]}")
        self._check_sells(order.key)
        self._cover(order.key)

    def _note(self, order: Order, fill: Fill) -> None:
        """Keep the lots, and what a coin cost today."""
        key, terms = order.key, self._account.terms[order.key]
        fee = fill.fee_cash + fill.fee_units * fill.price
        if order.is_buy:
            self.record.open(key, order.bot, fill.qty - fill.fee_units, fill.price, fee)
        else:
            tick = terms.tick_at(fill.price, is_share=key.startswith("us_equity:"))
            rank = (self._at, fill.execution)
            self.record.close(key, order.bot, fill.qty, fill.price, fee, tick, order.name, rank)
        if terms.is_crypto:
            paid = fill.qty * fill.price if order.is_buy else -fill.qty * fill.price
            self.judge.traded(key, paid + fill.fee_cash)

    # -- what has to hold -----------------------------------------------------------------------

    def _broken(self, rule: str, text: str) -> None:
        self.report.broken(rule, self._at, text)

    def _check_allowed(self, order: Order, what: str) -> None:
        why = self.judge.tripped
        if not why and self.judge.is_locked(order.key, self._at):
            why = f"{order.key} is locked"
        if why:
            self._broken("A2", f"{order} is {what} while {why}")

    def _check_caps(self, order: Order, moment: str, highest: dict[str, float]) -> None:
        """Compare every worst case with its cap; nothing is granted, not the last digit."""
        account, tier = self._account, self.judge.tier
        equity = account.equity()
        for group, worst in account.worst(order.key).items():
            most = F(equity) * account.cap(group, order.key, tier)
            ratio = float(F(worst) / most) if most > 0 else float("inf")
            highest[group] = max(highest[group], ratio)
            if not F(worst) <= most:
                self._broken(
                    "A1",
                    f"{group} at the {moment} of {order}: worst case {worst:.6f} over "
                    f"{float(most):.6f}, equity {equity:.2f}, {TIER_NAMES[tier]}",
                )

    def _check_sells(self, key: str) -> None:
        selling, held = self._account.selling(key), self._account.held.get(key, ZERO)
        if selling > max(held, ZERO):
            self._broken("A3", f"{key}: {selling} is being sold, {held} is held")

    def _cover(self, key: str) -> None:
        """Note since when a position is not covered by resting sells."""
        open_qty = self._account.held.get(key, ZERO) - self._account.selling(key)
        if key.startswith("us_equity:"):
            is_bare = open_qty >= 1  # a venue's stop covers whole shares only
        else:
            is_bare = open_qty > 0 and open_qty * self._account.last(key) >= COVER_SLACK
        if is_bare:
            self._bare.setdefault(key, self._at)
        elif key in self._bare:
            lasted = self._at - self._bare.pop(key)
            self._told_bare.discard(key)
            if lasted:
                self.report.unprotected_count += 1
                longest = max(self.report.unprotected_longest_min, lasted / MINUTE)
                self.report.unprotected_longest_min = longest

    # -- the end --------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Compare with what the venue wrote into its own books."""
        balances = self._add_up()
        for reference, left in self._booked.items():
            if left:
                self._broken("A6", f"{reference}: {left} was never booked")
        ours = {**self._account.held, CASH: self._account.cash}
        theirs = {key: qty for key, qty in balances.items() if qty or key == CASH}
        if ours != theirs or self._account.held != self._venue.positions():
            self._broken("A6", f"held {ours}, the venue says {theirs}")
        for name, qty in self._venue.filled():
            if self._filled.get(name, ZERO) != qty:
                self._broken("A6", f"{name}: {qty} filled, executions say otherwise")
        report = self.report
        report.counts["trades"] = self.record.closed
        report.counts["trips"] = len(self.judge.trips)
        report.counts["tiers"] = len(self.judge.moves)
        report.equity_last = self._account.equity()
        report.tier_last = TIER_NAMES[self.judge.tier]

    def _add_up(self) -> dict[str, Decimal]:
        """Add the venue's entries up, each against the fill or flow that it stands for."""
        balances = {CASH: ZERO}
        for at, asset, amount, balance, cause, reference in self._venue.changes():
            balances[asset] = balances.get(asset, ZERO) + amount
            if balances[asset] != balance:
                text = f"{asset}: {balances[asset]} adds up, {balance} is written"
                self.report.broken("A6", at, text)
            if cause == "opening":
                continue
            expected = self._booked.get(reference, {}).pop((asset, cause), None)
            if expected != amount:
                text = f"{asset} {cause} {reference}: {amount}, not {expected}"
                self.report.broken("A6", at, text)
        return balances


def audit(
    path: Path,
    series: Sequence[Series],
    terms: Mapping[str, Terms] | None = None,
    *,
    resumes: Iterable[int] = (),
    resumes_monthly: bool = False,
    is_rolling: bool = False,
) -> Report:
    """Audit one venue's file against its prices.

    Args:
        path: The venue's SQLite file.
        series: Bars of everything that was traded or held.
        terms: What the instruments are; None goes by the tables in this module.
        resumes: Instants at which a person lifted a month trip.
        resumes_monthly: Whether a person does so when a new month begins after the account is flat.
        is_rolling: Whether windows of 24 hours and 30 days are judged, the drawdown and all coins.
    """
    venue = Venue(path)
    try:
        known = terms or default_terms([each.key for each in series], venue.ticks())
        return Auditor(
            venue, known, resumes=resumes, resumes_monthly=resumes_monthly, is_rolling=is_rolling
        ).run(series)
    finally:
        venue.close()


def default_terms(keys: Iterable[str], ticks: Mapping[str, Decimal]) -> dict[str, Terms]:
    """Return what the auditor knows of symbols by itself."""
    terms = {}
    for key in keys:
        kind, _, symbol = key.partition(":")
        is_crypto = kind == "crypto" or symbol in COIN_FUNDS
        is_leveraged = is_crypto or symbol in LEVERED
        terms[key] = Terms(is_crypto, is_leveraged, symbol in BROAD, ticks.get(key, D("0.01")))
    return terms


def _read_terms(path: Path, ticks: Mapping[str, Decimal]) -> dict[str, Terms]:
    return {
        key: Terms(
            bool(each["is_crypto"]),
            bool(each["is_leveraged"]),
            bool(each["is_broad"]),
            ticks.get(key, D("0.01")),
            D(str(each.get("weight", 1))),
        )
        for key, each in json.loads(path.read_text()).items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Audit a governed account.")
    parser.add_argument("broker", type=Path, help="the venue's SQLite file")
    parser.add_argument("bars", type=Path, nargs="+", help="files like BTC-USDT.1h.parquet")
    parser.add_argument(
        "--instruments", type=Path, help="JSON: key to is_crypto, is_leveraged, is_broad, weight"
    )
    parser.add_argument(
        "--resumes-monthly",
        action="store_true",
        help="a person lifted each month trip when a new month began",
    )
    given = parser.parse_args(arguments)
    terms = None
    if given.instruments:
        venue = Venue(given.broker)
        terms = _read_terms(given.instruments, venue.ticks())
        venue.close()
    series = [read_file(path) for path in given.bars]
    report = audit(given.broker, series, terms, resumes_monthly=given.resumes_monthly)
    print("\n".join(report.lines()))
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
