"""What an account has earned, and what stops it, reckoned by the oracle from journal and prices.

Every entry is judged by the entries before it. A mark closes the judgement of a price: whatever had
to fall, trip or be locked by then has, and whatever moved is what it has to be.

INV-03 what is in force of a sleeve is the smallest cap at each mark, and every cap as reckoned here
INV-12 a mark is worth what was told of holdings, cash and prices
INV-16 losses beyond a limit trip or lock at once, without a cause nothing does; a trip for good is
       lifted by a person, a lock lasts until midnight
INV-17 nothing rises while anything is tripped, nor beyond its band; a tier one step a day
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tests.simulation import oracle_caps as caps
from tests.simulation.audit_market import when
from tests.simulation.audit_record import TIER_NAMES, Terms
from tests.simulation.oracle_caps import Situation, Sleeve
from tests.simulation.oracle_coins import Coins
from tests.simulation.oracle_edge import Edge
from tests.simulation.oracle_episodes import ALL, Episodes
from tests.simulation.oracle_journal import TIERS, Journal
from tests.simulation.oracle_losses import Losses, Lost
from tests.simulation.oracle_standing import Standings
from tests.simulation.oracle_trims import Trims

F, D = Fraction, Decimal
NEAR = F(1, 10**9)
"""Floats and exact numbers may fall on either side of a limit that is so near."""
ABOUT = F(1, 10**6)
CENT = F(1, 100)
SLEEVES = ("crypto", "leveraged")
FOR_GOOD = ("month", "drawdown")


class Worth(NamedTuple):
    """What the account is worth by what it was told: cash, what is held, and all coins."""

    cash: Decimal
    values: dict[str, Decimal]
    coins: dict[str, Decimal]

    @property
    def equity(self) -> Decimal:
        return sum(self.values.values(), self.cash)


class Steady:
    """Follows one account; `worth` says what it was told until now."""

    def __init__(
        self,
        journal: Journal,
        terms: Mapping[str, Terms],
        worth: Callable[[], Worth],
        broken: Callable[[str, str], None],
    ) -> None:
        self._journal, self._terms, self._worth, self._broken = journal, terms, worth, broken
        self.losses = Losses()
        self.coins = Coins(terms)
        self.episodes = Episodes()
        self.standings = Standings(self.episodes)
        self.edge = Edge(broken)
        self.trims = Trims(journal, terms, broken)
        self.exposed: dict[str, Fraction] = {}
        """What is in force by sleeve beside the tier's cap; none where nothing ever was."""
        self._counted: set[str] = set()
        self._sleeves: dict[str, Sleeve] = {}
        self._expires_ns = self._resumed_ns = self._limits_ns = -1
        self._granted = self._journal.tier
        self._rose_on = ""

    def hear(self, entry: dict[str, Any]) -> None:
        """Judge one entry, which the journal has folded already."""
        judge = getattr(self, "_" + entry["kind"].replace(".", "_"), None)
        if judge is not None:
            judge(entry)

    def cap(self, group: str, tier: int, *, is_broad: bool) -> Fraction:
        """Return the cap in force of a group: that of its tier, or what is earned of it."""
        of_tier = self._journal.limits.cap(group, tier, is_broad=is_broad)
        return min(of_tier, self.exposed.get(group, of_tier))

    def tier_of(self, bot: str) -> int:
        """Return the tier of a bot with a token: the account's, or its own where that is lower."""
        tier = self._journal.tier
        if not self._journal.limits.is_on("record.earned"):
            return tier
        return min(tier, self.standings.tier(bot, self._limits()))

    # -- what happens -----------------------------------------------------------------------------

    def _instrument_listed(self, entry: dict[str, Any]) -> None:
        self.episodes.listed(entry["instrument"])

    def _position_adopted(self, entry: dict[str, Any]) -> None:
        self.episodes.adopted(entry)
        self.coins.adopted(entry)

    def _flow(self, entry: dict[str, Any]) -> None:
        self.losses.flow(F(D(entry["amount"])))

    def _split(self, entry: dict[str, Any]) -> None:
        self.episodes.split(entry)

    def _fill(self, entry: dict[str, Any]) -> None:
        fill = entry["fill"]
        known = self._journal.orders.get(fill["client_order_id"])
        if known is None or fill["execution_id"] in self._counted:
            return
        self._counted.add(fill["execution_id"])
        self.episodes.filled(entry, known.order["bot"], known.order.get("role", "bot"))
        self.coins.filled(fill)

    def _fill_revised(self, entry: dict[str, Any]) -> None:
        before, after = entry["before"], entry.get("after")
        self.episodes.revised(before, after)
        self.standings.begin_anew()
        self.coins.filled(before, -1)
        if after is not None:
            self._counted.add(after["execution_id"])
            self.coins.filled(after)

    def _limit(self, entry: dict[str, Any]) -> None:
        self._limits_ns = entry["at_ns"]

    def _evidence(self, entry: dict[str, Any]) -> None:
        measured, at_ns = entry["measured"], entry["at_ns"]
        if not measured["until_ns"] <= at_ns < measured["expires_ns"]:
            self._broken("INV-04", f"evidence was taken that is of another time than {when(at_ns)}")
        self._expires_ns = measured["expires_ns"]
        self._sleeves = {name: Sleeve.read(each) for name, each in measured["sleeves"].items()}
        self.edge.take(measured)

    def _resumed(self, entry: dict[str, Any]) -> None:
        if not (entry["who"].strip() and entry["reason"].strip()):
            self._broken("INV-16", f"nobody, or for nothing, resumed at {when(entry['at_ns'])}")
        self._resumed_ns = entry["at_ns"]
        self.losses.resume(entry["at_ns"], F(D(entry["equity"])))

    def _baseline(self, entry: dict[str, Any]) -> None:
        period, equity = entry["period"], F(D(entry["equity"]))
        wanted = self._equity() if self.losses.last is None else self.losses.last
        if abs(equity - wanted) > CENT:
            text = f"the {period} {entry['label']} opens at {float(equity)}, not {float(wanted)}"
            self._broken("INV-16", text)
        self.losses.begin(period, entry["label"], equity)
        if period == "day":
            self.coins.begin(entry)
            self.episodes.day(entry)

    # -- losses -----------------------------------------------------------------------------------

    def _equity(self) -> Fraction:
        """Return what the account is worth by what was told; at first, what it began with."""
        if self.losses.last is not None:
            return F(self._worth().equity)
        journal = self._journal
        adopted = (D(each["qty"]) * D(each["price"]) for each in journal.adopted)
        return F(sum(adopted, journal.opening_cash))

    def _limits(self) -> dict[str, Fraction]:
        return caps.everything(self._journal.limits)

    def _over(self, lost: Lost) -> dict[str, tuple[Fraction, Fraction]]:
        """Return by breaker the loss that it is about, and its limit."""
        limits, is_rolling = self._journal.limits, self._journal.limits.is_on("breakers.rolling")
        day, month = [lost.day], [lost.month]
        if is_rolling:
            day, month = [*day, lost.day_rolling], [*month, lost.month_rolling]
        found = {
            "day": (_largest(day), limits["limits.loss_limit_daily"]),
            "month": (_largest(month), limits["limits.loss_limit_monthly"]),
            "emergency": (_largest(month), -limits["tiers.month_return_emergency"]),
        }
        if is_rolling:
            found["drawdown"] = (_largest([lost.drawdown]), limits["breakers.drawdown_limit"])
        return found

    def _breaker(self, entry: dict[str, Any]) -> None:
        name, at_ns = entry["breaker"], entry["at_ns"]
        if not entry.get("is_tripped"):
            if name in FOR_GOOD and self._resumed_ns != at_ns:
                self._broken("INV-16", f"the trip of the {name} was lifted by nobody")
            return
        lost = self.losses.at(at_ns, self._equity())
        loss, limit = self._over(lost).get(name, (F(-1), F(0)))
        if loss <= limit - ABOUT:
            text = f"the {name} trips at a loss of {float(loss):.6f}, the limit is {float(limit)}"
            self._broken("INV-16", text)

    def _check_trips(self, entry: dict[str, Any], equity: Fraction) -> None:
        lost = self.losses.at(entry["at_ns"], equity)
        for name, (loss, limit) in self._over(lost).items():
            is_tripped = name in self._journal.tripped_on
            if loss > limit + NEAR and not is_tripped:
                text = f"a loss of {float(loss):.6f} is over {float(limit)}"
                self._broken("INV-16", f"{text} and the {name} is not tripped")
            if name == "emergency" and is_tripped and loss < limit - NEAR:
                self._broken("INV-16", f"an emergency at a loss of {float(loss):.6f}")

    # -- coins ------------------------------------------------------------------------------------

    def _coin_lines(self) -> tuple[dict[str, Fraction], Fraction, Fraction]:
        """Return what coins have lost today by part of the opening, and both limits."""
        opening, limits = self.losses.opening(), self._journal.limits
        lost = self.coins.lost(self._worth().coins)
        parts = {key: loss / opening for key, loss in lost.items()} if opening > 0 else {}
        return parts, limits["limits.loss_limit_daily_asset"], limits["breakers.loss_limit_sleeve"]

    def _asset_locked(self, entry: dict[str, Any]) -> None:
        until = self.coins.lock(entry)
        if entry["until_ns"] != until:
            text = f"{entry['key']} is locked until {when(entry['until_ns'])}, not {when(until)}"
            self._broken("INV-16", text)
        parts, of_one, of_all = self._coin_lines()
        is_over = parts.get(entry["key"], F(0)) > of_one - ABOUT
        if self._journal.limits.is_on("breakers.rolling"):
            is_over |= sum(parts.values(), F(0)) > of_all - ABOUT
        if not is_over:
            self._broken("INV-16", f"{entry['key']} is locked without a loss")

    def _check_locks(self, at_ns: int) -> None:
        parts, of_one, of_all = self._coin_lines()
        due = {key for key, part in parts.items() if part > of_one + NEAR}
        total = sum(parts.values(), F(0))
        if self._journal.limits.is_on("breakers.rolling") and total > of_all + NEAR:
            due = set(self.coins.names)
        for key in sorted(due):
            if not self.coins.is_locked(key, at_ns):
                text = f"{key} {float(parts.get(key, F(0))):.6f}, all coins {float(total):.6f}"
                self._broken(
                    "INV-16", f"{text} of the day's opening are lost, and it is not locked"
                )

    # -- tiers ------------------------------------------------------------------------------------

    @property
    def _is_tripped(self) -> bool:
        journal = self._journal
        is_any = any(name in journal.tripped_on for name in ("day", *FOR_GOOD))
        return is_any or journal.trading != "active"

    def _most(self) -> int | None:
        """Return the tier that is earned, as far as it is reckoned here."""
        if "emergency" in self._journal.tripped_on:
            return TIERS["EMERGENCY"]
        if not self._journal.limits.is_on("record.earned"):
            return None
        return self.standings.tier(ALL, self._limits())

    def _tier(self, entry: dict[str, Any]) -> None:
        before, after, earned = (TIERS[entry[name]] for name in ("before", "after", "earned"))
        most, ceiling = self._most(), int(self._journal.limits["tiers.ceiling"])
        if most is not None and earned != most:
            self._broken("INV-03", f"{entry['earned']} is earned by record, {TIER_NAMES[most]} is")
        day = self._journal.days[-1] if self._journal.days else ""
        if before != self._granted or after > min(earned, ceiling):
            self._broken("INV-17", f"the tier went from {before} to {after} of {earned}")
        if after > before:
            if self._is_tripped or self._rose_on == day or after != before + 1:
                text = f"from {before} to {after} on {day}, last on {self._rose_on}"
                self._broken("INV-17", f"the tier rose {text}, {self._told_trips()}")
            self._rose_on = day
        self._granted = after

    def _told_trips(self) -> str:
        names = ", ".join(self._journal.tripped_on) or "nothing"
        return f"while {self._journal.trading} and {names} tripped"

    def _check_tier(self) -> None:
        most, ceiling = self._most(), int(self._journal.limits["tiers.ceiling"])
        if most is None:
            return
        day = self._journal.days[-1]
        if self._granted > min(most, ceiling):
            self._broken("INV-03", f"the tier is {self._granted}, earned is {most} of {ceiling}")
        elif self._granted < min(most, ceiling) and not self._is_tripped and self._rose_on != day:
            self._broken("INV-17", f"the tier stays {self._granted}, earned is {most} of {ceiling}")

    # -- exposure ---------------------------------------------------------------------------------

    def _situation(self, at_ns: int) -> Situation:
        journal, is_known = self._journal, at_ns < self._expires_ns
        most = self._most()
        earned = journal.tier if most is None else most
        sleeves = self._sleeves if is_known else {}
        return Situation(self._limits(), journal.tier, earned, self._is_tripped, sleeves)

    def _exposure(self, entry: dict[str, Any]) -> None:
        name, at = entry["sleeve"], self._situation(entry["at_ns"])
        before = self.exposed.get(name, at.tier_cap(at.tier, name))
        if F(D(entry["before"])) != before:
            text = f"{entry['before']} was in force, by the journal {float(before)}"
            self._broken("INV-03", f"{name}: {text}")
        self.exposed[name] = F(D(entry["after"]))
        self._check_move(entry, before, at)

    def _mark(self, entry: dict[str, Any]) -> None:
        at_ns, equity, told = entry["at_ns"], F(D(entry["equity"])), self._equity()
        if abs(equity - told) > CENT:
            self._broken("INV-12", f"a mark says {entry['equity']}, told was {float(told)}")
        if self.losses.last is not None:  # the first one is that of the opening
            self._check_trips(entry, equity)
            self._check_locks(at_ns)
        if self._limits_ns != at_ns:  # what changed just now is judged at the next price
            self._check_tier()
            self._check_exposure(at_ns, equity)
            self._check_held(entry, equity)
        self._check_marked(entry)
        self.losses.mark(at_ns, equity)

    def _check_move(self, entry: dict[str, Any], before: Fraction, at: Situation) -> None:
        """Judge what moved: every cap, which of them binds, and what has to be in force."""
        name, equity = entry["sleeve"], self._equity()
        peak = self.losses.peak(int(at.limits["exposure.peak_days"]), equity)
        found, told = caps.raw(at, name, equity, peak), dict[str, Fraction | None]()
        for each in caps.NAMES:
            text = entry["caps"][each]
            told[each] = F(D(text)) if text else None
            may_be = caps.stepped(each, found[each], at.limits["exposure.steps"])
            if not any(_is_same(told[each], one) for one in may_be):
                shown = [one if one is None else float(one) for one in may_be]
                self._broken("INV-03", f"{each} of {name} is {text or None}, reckoned {shown}")
        binding, allowed = caps.least(told)
        after, wanted = F(D(entry["after"])), caps.in_force(before, allowed, at)
        if after != wanted:
            rule = "INV-17" if after > wanted else "INV-03"
            text = f"{float(before)} → {float(after)}, {float(wanted)} has to be in force"
            self._broken(rule, f"{name} {text}, {self._told_trips()}")
        if binding != entry["binding"]:
            self._broken("INV-03", f"{entry['binding']} binds {name}, reckoned {binding}")

    def _check_exposure(self, at_ns: int, equity: Fraction) -> None:
        """Judge what did not move: nothing is in force above the smallest cap, nor held back."""
        at = self._situation(at_ns)
        if not at.is_any_on and not self.exposed:
            return
        peak = self.losses.peak(int(at.limits["exposure.peak_days"]), equity)
        for name in SLEEVES:
            now, most = self.exposed.get(name), caps.smallest(at, name, equity, peak)
            if now is None or now > most:
                self._broken("INV-03", f"{now and float(now)} of {name} in force, {float(most)} is")
            elif caps.in_force(now, most - 1 / at.limits["exposure.steps"], at) > now:
                self._broken("INV-17", f"{name} stays at {float(now)}, {float(most)} is allowed")

    def _check_marked(self, entry: dict[str, Any]) -> None:
        for name in SLEEVES:
            cap, told = self.cap(name, self._granted, is_broad=False), F(D(entry[f"{name}_cap"]))
            if cap != told:
                text = f"{name} is capped at {float(told)}, in force is {float(cap)}"
                self._broken("INV-03", text)

    def _check_held(self, entry: dict[str, Any], equity: Fraction) -> None:
        """Judge the groups, but for the mark of the opening, before which nothing was told."""
        if self.losses.last is not None:
            values, tier = self._worth().values, self._granted
            self.trims.check_mark(entry, values)
            self.trims.check_kept(values, equity, lambda name: self.cap(name, tier, is_broad=False))

    # -- sizes ------------------------------------------------------------------------------------

    def _decision(self, entry: dict[str, Any]) -> None:
        limits = self._journal.limits
        if entry["source"] != "signal" or entry["side"] != "buy" or not limits.is_on("edge.sized"):
            return
        all_limits = self._limits()
        least = self.standings.breakeven(all_limits)
        terms = self._terms[entry["key"]]
        group = "crypto" if terms.is_crypto else "leveraged" if terms.is_leveraged else "gross"
        self.edge.check(
            entry, least, all_limits, group=group,
            weight=F(self._journal.weight(group, entry["key"])),
            is_known=entry["at_ns"] < self._expires_ns,
        )  # fmt: skip


def _largest(losses: list[Fraction | None]) -> Fraction:
    return max((loss for loss in losses if loss is not None), default=F(-1))


def _is_same(told: Fraction | None, reckoned: Fraction | None) -> bool:
    if told is None or reckoned is None:
        return told is reckoned
    return abs(told - reckoned) <= NEAR
