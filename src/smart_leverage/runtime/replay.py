"""Replays the order log of an account: every order is offered again, in the log's own timing."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from smart_leverage.brokers.sim import SimBroker
from smart_leverage.domain.clock import ManualClock
from smart_leverage.domain.errors import BadData, Refused
from smart_leverage.domain.instruments import AssetClass, Key
from smart_leverage.domain.opportunity import OrderWish
from smart_leverage.domain.orders import (
    HOUSE,
    Approved,
    Order,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from smart_leverage.domain.records import (
    Adopted,
    Decided,
    Intended,
    Noted,
    OrderMoved,
    Record,
    TierGranted,
)
from smart_leverage.engine.events import Command, Commanded, Prices, Rung, Wished
from smart_leverage.engine.proof import ExactCaps, exact_caps
from smart_leverage.ledger.base import Durability, Ledger
from smart_leverage.ledger.bundled import BundledLedger
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.tier import Tier
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.replay_case import (
    BOT,
    Account,
    Offer,
    Variant,
    instants_of,
    offers_of,
    step_of,
    venue_of,
)
from smart_leverage.runtime.replay_log import OrderLog
from smart_leverage.runtime.replay_meter import Meter
from smart_leverage.runtime.replay_record import RECORD_KEY, forced_record
from smart_leverage.runtime.replay_told import (
    LOGGED,
    NO_SHORT,
    SILENT,
    Replayed,
    Watch,
    plain,
    summary,
)
from smart_leverage.runtime.trader import Trader


def replay(
    log: OrderLog,
    variant: Variant,
    account: Account,
    watch: Watch = SILENT,
    path: Path | None = None,
) -> Replayed:
    """Offer every order of a log to a fresh account and say what came of it.

    Args:
        log: With at least one order that has a price.
        variant: The circumstances.
        account: The beginning, and the rules where somebody governs.
        watch: Hears what happens on the way.
        path: Where the ledger is kept; None keeps it in memory.

    Raises:
        BadData: No order of the log has a price.
    """
    offers = offers_of(log, is_doubled=variant.is_doubled)
    if not offers:
        raise BadData("the log holds no order with a price", fix="one order must have filled")
    instants = instants_of(log, offers, step_of(log, offers))
    with venue_of(log, variant, account, instants[0]) as venue:
        if not variant.is_governed:
            return _Ungoverned(log, account, venue, watch).run(variant, offers, instants)
        # It can be made again from the same files, so it need not survive a power loss.
        opened = (
            SqliteLedger.in_memory()
            if path is None
            else SqliteLedger(path, durability=Durability.NONE)
        )
        with BundledLedger(opened) as ledger:
            return _Governed(log, variant, account, venue, watch, ledger).run(offers, instants)


class _Market:
    """Shows the log's prices to a venue, and to whoever else looks."""

    def __init__(self, log: OrderLog, account: Account, venue: SimBroker, watch: Watch) -> None:
        self.log = log
        self.account = account
        self.venue = venue
        self.watch = watch

    def quote(self, at_ns: int) -> tuple[tuple[Key, Decimal], ...]:
        """Let the venue meet the prices of an instant; bid and ask are the log's one price."""
        prints = tuple((key, trail.at(at_ns)) for key, trail in self.log.trails.items())
        quotes = [(key, amount, amount) for key, price in prints for amount in (float(price),)]
        self.venue.on_quotes(at_ns, quotes)
        return prints

    def wanted(self, offer: Offer, held: Decimal) -> Decimal:
        """Return the quantity that is offered: of a sale not more than is held, where asked for."""
        is_less = self.account.sells_held and offer.side is Side.SELL and 0 < held < offer.qty
        return held if is_less else offer.qty

    def caps(self, tier: Tier) -> ExactCaps:
        return exact_caps(tier, self.account.config.policy)

    def meter(self, caps: Callable[[], ExactCaps]) -> Meter:
        """Return what measures the venue, counting as the account's policy counts."""
        is_look_through = self.account.config.policy.exposure.is_look_through
        return Meter(self.venue, self.log.registry, caps, is_look_through=is_look_through)


class _Ungoverned(_Market):
    """The logged bot alone with the venue; caps are those that would have held."""

    def run(self, variant: Variant, offers: Sequence[Offer], instants: Sequence[int]) -> Replayed:
        meter = self.meter(lambda: self.caps(Tier.LEARNING))
        refused: Counter[str] = Counter()
        first, todo = self.venue.account().equity, list(enumerate(offers))
        for at_ns in instants:
            self.quote(at_ns)
            meter.look(at_ns)
            while todo and todo[0][1].at_ns == at_ns:
                number, offer = todo.pop(0)
                refusal = self._send(number, offer)
                refused += Counter([refusal] if refusal else [])
                self.watch.offered(offer, self.log.trails[offer.key].at(at_ns), None, refusal)
            self.watch.looked(at_ns, self.venue)
        return summary(
            variant, self.venue, meter, offered=len(offers), refused=refused, equity_first=first
        )

    def _send(self, number: int, offer: Offer) -> str:
        """Send one order; return the refusal, empty where there is none."""
        if not offer.has_filled:
            return LOGGED
        is_coin = self.log.registry[offer.key].asset_class is AssetClass.CRYPTO
        held = sum((one.qty for one in self.venue.positions() if one.key == offer.key), Decimal(0))
        order = Order(
            client_order_id=f"replay-{number:06d}",
            bot=offer.bot,
            key=offer.key,
            side=offer.side,
            qty=self.wanted(offer, held) if is_coin else offer.qty,
            type=OrderType.MARKET,
            time_in_force=TimeInForce.GTC if is_coin else TimeInForce.DAY,
        )
        try:
            self.venue.submit(Approved(order, ""))
        except Refused as error:
            return plain(error.message)
        return ""


class _Governed(_Market):
    """The same orders offered to an engine with its ledger."""

    def __init__(
        self,
        log: OrderLog,
        variant: Variant,
        account: Account,
        venue: SimBroker,
        watch: Watch,
        ledger: Ledger,
    ) -> None:
        super().__init__(log, account, venue, watch)
        self.variant = variant
        self.ledger = ledger
        self.clock = ManualClock(venue.now_ns)
        self.records: list[Record] = []
        self.decisions: list[Decided] = []
        self._halted_in = ""

    def run(self, offers: Sequence[Offer], instants: Sequence[int]) -> Replayed:
        trader = self._opened()
        engine = trader.engine
        meter = self.meter(lambda: self.caps(engine.state.tier))
        first, todo = self.venue.account().equity, list(enumerate(offers))
        for at_ns in instants:
            self.clock.move_to(at_ns)
            prints = self.quote(at_ns)
            trader.drain()
            meter.look(at_ns)
            trader.offer(Prices(at_ns=at_ns, prints=prints, rung=Rung.QUOTE))
            self._resume(trader, at_ns)
            while todo and todo[0][1].at_ns == at_ns:
                self._offer(trader, meter, *todo.pop(0))
            trader.flush()
            self.watch.looked(at_ns, self.venue)
        trader.reconcile()
        trader.flush()
        return self._told(trader, meter, len(offers), first)

    def _opened(self) -> Trader:
        """Open the account, write an invented past where one is wanted, and start from there."""
        at_ns, start = self.clock.now_ns(), self.venue.config
        # A log has prices where something was traded; in between they stand still by themselves.
        # Its orders were meant as they stand: what is asked is what the caps do with them.
        ladder = self.account.config.ladder._replace(still_max_s=math.inf)
        config = self.account.config._replace(ladder=ladder, order_times_max=Decimal("Infinity"))
        keys = [*self.log.trails, *([RECORD_KEY] if self.variant.is_forced else [])]
        keys = list(dict.fromkeys(keys))
        trader = recover(config, self.ledger, self.venue, self.clock, self.records.append)
        trader.offer(
            self.account.opener(at_ns, start.cash, start.positions, self.log.registry, keys)
        )
        trader.flush()
        given = [*self._given(at_ns)]
        if not self.variant.is_forced and not given:
            return trader
        if given:
            self.ledger.commit(given)
        if self.variant.is_forced:
            self.ledger.commit(forced_record(at_ns))
        return recover(config, self.ledger, self.venue, self.clock, self.records.append)

    def _given(self, at_ns: int) -> Iterator[Record]:
        """Yield the records that give the bot what it held at first: all of it is adopted."""
        for key, qty in self.account.holdings.items():
            price = self.log.trails[key].first
            for bot, units in ((HOUSE, -qty), (BOT, qty)):
                yield Adopted(at_ns=at_ns, key=key, qty=units, price=price, bot=bot)

    def _resume(self, trader: Trader, at_ns: int) -> None:
        """Play the person who lifts a halt once a new month has begun, where one is wanted."""
        state = trader.engine.state
        if state.trading is not TradingState.HALTED:
            self._halted_in = ""
            return
        month = state.day_label[:7]
        self._halted_in = self._halted_in or month
        if self.account.resumes_monthly and month != self._halted_in:
            trader.offer(
                Commanded(
                    at_ns=at_ns,
                    command=Command.RESUME,
                    who="operator, simulated",
                    reason="a new month began",
                )
            )

    def _offer(self, trader: Trader, meter: Meter, number: int, offer: Offer) -> None:
        price = self.log.trails[offer.key].at(offer.at_ns)
        held = trader.engine.state.book.bot_qty(offer.bot, offer.key)
        qty = self.wanted(offer, held) - offer.covers
        if qty <= 0:
            self.watch.offered(offer, price, None, NO_SHORT)
            return
        wish = OrderWish(
            at_ns=offer.at_ns,
            key=offer.key,
            side=offer.side,
            source=offer.bot,
            id=f"replay-{number:06d}",
            qty=qty,
        )
        decisions = trader.offer(
            Wished(
                at_ns=offer.at_ns,
                wish=wish,
                bot=offer.bot,
                may_shrink=self.account.may_shrink,
            )
        )
        own = [one for one in decisions if one.source == "order"]
        self.decisions += own
        self.watch.offered(offer, price, own[0] if own else None, "")
        if offer.side is Side.BUY and any(one.given > 0 for one in own):
            meter.sent(offer.at_ns, offer.key)

    def _told(self, trader: Trader, meter: Meter, offered: int, first: Decimal) -> Replayed:
        names = {
            one.order.client_order_id
            for one in self.records
            if isinstance(one, Intended) and not one.order.role.is_house
        }
        moves = [one for one in self.records if isinstance(one, OrderMoved)]
        rejected = [one for one in moves if one.state is OrderState.REJECTED]
        tiers = [one.after for one in self.records if isinstance(one, TierGranted)]
        begun = Tier.STABLE if self.variant.is_forced else Tier.LEARNING
        verdicts = Counter(one.verdict for one in self.decisions)
        return summary(
            self.variant,
            self.venue,
            meter,
            offered=offered,
            refused=Counter(plain(o.reason) for o in rejected if o.client_order_id in names),
            equity_first=first,
            approved=verdicts["approved"],
            cut=verdicts["cut"],
            denied=Counter(one.reason for one in self.decisions if one.verdict == "denied"),
            differences=sum(
                isinstance(one, Noted) and one.code == "reconcile.difference"
                for one in self.records
            ),
            tiers=tuple(name.lower() for name in (begun.name, *tiers)),
            state=trader.engine.state.trading.name.lower(),
        )
