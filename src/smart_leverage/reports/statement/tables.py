"""The tables of a period: what stood at its end, what was held back, and what protected it."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from smart_leverage.books.exact import ratio
from smart_leverage.books.postings import USD
from smart_leverage.domain.limits import told
from smart_leverage.domain.orders import Side
from smart_leverage.domain.records import (
    AssetLocked,
    BreakerMoved,
    Decided,
    ExposureMoved,
    FlowSeen,
    LimitChanged,
    Marked,
    Noted,
    Resumed,
    StateChanged,
    TierGranted,
    Unprotected,
)
from smart_leverage.domain.sentences import BREAKERS, TIERS, money, percent, plain, price, short
from smart_leverage.domain.stamps import span
from smart_leverage.reports.arithmetic import symbol_of
from smart_leverage.reports.citing import cited, clipped, events, signed, signed_money
from smart_leverage.reports.html.parts import Head, Table, left_out
from smart_leverage.reports.statement.close import Position
from smart_leverage.reports.statement.part import Part
from smart_leverage.reports.trading import refused

ROWS_MAX = 40
"""So many rows of a kind are shown; the table says what it leaves out."""

MOVERS = 5
"""So many instruments that made, and that lost, the most."""


def tables_of(part: Part) -> dict[str, list[Table]]:
    """Return the tables by section, in the order in which a statement shows them."""
    return {
        "standing": [positions(part), movers(part), due(part)],
        "exposure": [exposure(part), binding(part)],
        "judgement": [tiers(part), limited(part), breakers(part), locks(part)],
        "orders": [verdicts(part), reasons(part), fills(part)],
        "record": [unprotected(part), changes(part), flows(part), notes(part)],
    }


# -- where the account stands ----------------------------------------------------------------------


def positions(part: Part) -> Table:
    """Return what was held at the end, with the stop that protected it."""
    held = part.after.positions
    equity = part.closing_equity or part.opening_equity
    rows = [tuple(_position(part, each, equity)) for each in held[:ROWS_MAX]]
    return Table(
        caption="Positions at the end, with their stops",
        heads=[
            Head("instrument"),
            Head("quantity", is_number=True),
            Head("entry", is_number=True),
            Head("price", is_number=True),
            Head("from"),
            Head("value", is_number=True),
            Head("of equity", is_number=True),
            Head("not realised", is_number=True),
            Head("stop", is_number=True),
            Head("below the price", is_number=True),
        ],
        rows=rows,
        source=f"the books after event {part.after.seq:,}; prices as named beside them",
        empty="nothing was held",
        more=left_out(len(rows), len(held), "the others by `export`"),
    )


def _position(part: Part, each: Position, equity: Decimal) -> Iterator[str]:
    yield clipped(symbol_of(each.key), 24)
    yield plain(each.qty)
    yield price(each.entry_price)
    if each.seen is None or each.value is None:
        yield from ("not known", "no price was seen", "not known", "", "")
    else:
        yield price(each.seen.price)
        yield f"{each.seen.source}, {part.zone.text(each.seen.at_ns)}"
        yield money(each.value)
        yield percent(ratio(each.value, equity)) if equity > 0 else "not known"
        yield signed_money(each.value - each.qty * each.entry_price)
    if each.stop is None:
        since = each.bare_since_ns
        yield "none" if since is None else f"none for {span(max(part.end_ns - since, 0))}"
        yield ""
    else:
        yield price(each.stop)
        is_seen = each.seen is not None and each.seen.price > 0
        yield percent(1 - ratio(each.stop, each.seen.price)) if is_seen and each.seen else ""


def movers(part: Part) -> Table:
    """Return which instruments made and lost the most."""
    known = sorted(
        ((made, key) for key, made in part.moved.items() if made), key=lambda each: -each[0]
    )
    gains = [each for each in known if each[0] > 0][:MOVERS]
    losses = [each for each in known if each[0] < 0][-MOVERS:]
    shown = [*gains, *losses]
    unknown = sum(made is None for made in part.moved.values())
    rows = [
        (
            clipped(symbol_of(key), 24),
            signed_money(made),
            signed(float(ratio(made, part.opening_equity))) if part.opening_equity > 0 else "",
        )
        for made, key in shown
    ]
    note = "value at the end, less at the start, less what was put in; prices as above"
    return Table(
        caption="Largest movers",
        heads=[
            Head("instrument"),
            Head("made", is_number=True),
            Head("of equity at the open", is_number=True),
        ],
        rows=rows,
        source=cited([each.seq for each in part.executions], "execution")
        + ", and the prices above",
        note=f"{note}; {unknown} without a price left out" if unknown else note,
        empty="nothing that was held moved",
        more=left_out(len(rows), len(known), "the largest gains and losses are shown"),
    )


def due(part: Part) -> Table:
    """Return what was under way or still to come at the end."""
    rows = [(each.what, clipped(each.text, 240)) for each in part.after.due[:ROWS_MAX]]
    return Table(
        caption="Under way and due",
        heads=[Head("what"), Head("when, and what is known", wraps=True)],
        rows=rows,
        source=f"the state of the account after event {part.after.seq:,}",
        empty="nothing is due: no plan, no pending limit, no lock",
        more=left_out(len(rows), len(part.after.due), "the first ones are shown"),
    )


# -- exposure --------------------------------------------------------------------------------------


def exposure(part: Part) -> Table:
    """Return each group beside its cap: over time, at worst, and at the end."""
    rows = []
    for group in part.groups:
        if group.mean is None:
            continue
        worst = max(group.exposures)
        place = group.exposures.index(worst)
        has_cap = bool(group.caps)
        rows.append(
            (
                group.name,
                percent(group.mean),
                percent(worst),
                part.zone.text(group.times[place]),
                percent(group.caps[place]) if has_cap else "not known",
                "not known" if group.near is None else percent(group.near),
                "not known" if group.above is None else percent(group.above),
                percent(group.exposures[-1]),
                percent(group.caps[-1]) if has_cap else "not known",
            )
        )
    return Table(
        caption="Exposure and caps, of equity",
        heads=[
            Head("group"),
            Head("mean over time", is_number=True),
            Head("at worst", is_number=True),
            Head("when"),
            Head("cap then", is_number=True),
            Head("time at 90 % of it", is_number=True),
            Head("time above it", is_number=True),
            Head("at the end", is_number=True),
            Head("cap at the end", is_number=True),
        ],
        rows=rows,
        source=part.source(Marked, "mark"),
        empty="not known: no time passed between two marks",
        note="a cap bounds orders; prices can move what is held above it",
    )


def binding(part: Part) -> Table:
    """Return which named cap was the smallest, and for how long, by sleeve."""
    before: dict[str, ExposureMoved] = {}
    for each in part.story.exposures:
        if each.at_ns < part.start_ns:
            before[each.sleeve] = each
    moves = [*before.values(), *part.records(ExposureMoved)]
    held: Counter[tuple[str, str]] = Counter()
    last: dict[str, ExposureMoved] = {}
    for name in dict.fromkeys(each.sleeve for each in moves):
        own = [each for each in moves if each.sleeve == name]
        ends = [*(each.at_ns for each in own[1:]), part.end_ns]
        for each, end_ns in zip(own, ends, strict=True):
            held[name, each.binding] += max(end_ns - max(each.at_ns, part.start_ns), 0)
        last[name] = own[-1]
    total = max(part.end_ns - part.start_ns, 1)
    rows = [
        (
            clipped(name, 24),
            clipped(cap, 24),
            percent(lasted / total),
            percent(last[name].after) if last[name].binding == cap else "",
        )
        for (name, cap), lasted in sorted(held.items(), key=lambda pair: (pair[0][0], -pair[1]))
    ]
    return Table(
        caption="Which named cap was the smallest",
        heads=[
            Head("sleeve"),
            Head("cap"),
            Head("of the time", is_number=True),
            Head("exposure in force at the end", is_number=True),
        ],
        rows=rows,
        source=part.source(ExposureMoved, "move of exposure", "moves of exposure"),
        empty="the tier's caps alone: this policy earns no exposure beside them",
    )


# -- judgement -------------------------------------------------------------------------------------


def tiers(part: Part) -> Table:
    """Return every change of tier with its evidence."""
    found = list(zip(part.records(TierGranted), part.places(TierGranted), strict=True))
    rows = [
        (
            part.zone.text(each.at_ns),
            f"{TIERS.get(each.before, each.before)} → {TIERS.get(each.after, each.after)}",
            TIERS.get(each.earned, each.earned),
            f"{each.wins} of {each.closed}" if each.closed else "no record",
            percent(Decimal(each.win_rate)) if each.win_rate else "no record",
            percent(Decimal(each.month_return), 2) if each.month_return else "not known",
            clipped(each.why, 80),
            f"event {seq:,}",
        )
        for each, seq in found[-ROWS_MAX:]
    ]
    return Table(
        caption="Changes of tier, with their evidence",
        heads=[
            Head("when"),
            Head("tier"),
            Head("earned"),
            Head("won", is_number=True),
            Head("win rate", is_number=True),
            Head("month", is_number=True),
            Head("why", wraps=True),
            Head("source"),
        ],
        rows=rows,
        empty=f"no change: {TIERS.get(part.after.tier, part.after.tier)} all the time",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


def limited(part: Part) -> Table:
    """Return how far the account was from its loss limits at the end."""
    rows = []
    for each in part.after.losses:
        limit = "none" if each.limit is None else percent(-each.limit)
        used = "not known"
        if each.change is not None and each.limit:
            used = percent(ratio(max(-each.change, Decimal(0)), each.limit), 0)
        change = "not known" if each.change is None else signed(float(each.change))
        rows.append((each.name, change, limit, used if each.limit else "", _word(each.is_tripped)))
    return Table(
        caption="Loss limits at the end",
        heads=[
            Head("of"),
            Head("so far", is_number=True),
            Head("limit", is_number=True),
            Head("used", is_number=True),
            Head("breaker"),
        ],
        rows=rows,
        source=f"baselines and the last mark before event {part.after.seq + 1:,}",
        empty="not known: the account was never valued",
    )


def _word(is_tripped: bool) -> str:
    return "■ TRIPPED" if is_tripped else "● not tripped"


def breakers(part: Part) -> Table:
    """Return trips, resets, changes of the trading state, and who resumed."""
    rows: list[tuple[int, tuple[str, ...]]] = []
    for each, seq in zip(part.records(BreakerMoved), part.places(BreakerMoved), strict=True):
        word = "■ tripped" if each.is_tripped else "● cleared"
        name = BREAKERS[each.breaker].word if each.breaker in BREAKERS else each.breaker
        told_ = f"{percent(-each.value, 2)} of {percent(-each.limit, 2)}"
        rows.append((seq, (part.zone.text(each.at_ns), clipped(name, 40), word, told_, each.why)))
    for state, seq in zip(part.records(StateChanged), part.places(StateChanged), strict=True):
        change = f"{state.before} → {state.after}"
        by = f"{state.why} (by {state.who})"
        rows.append((seq, (part.zone.text(state.at_ns), "trading state", change, "", by)))
    for resume, seq in zip(part.records(Resumed), part.places(Resumed), strict=True):
        by = f"{resume.reason} (by {resume.who})"
        equity = f"from {money(resume.equity)} on"
        rows.append((seq, (part.zone.text(resume.at_ns), "resumed", "● resumed", equity, by)))
    rows.sort()
    shown = rows[-ROWS_MAX:]
    return Table(
        caption="Breakers and trading states",
        heads=[
            Head("when"),
            Head("what"),
            Head("change"),
            Head("value and limit"),
            Head("why", wraps=True),
            Head("source"),
        ],
        rows=[(*(clipped(cell, 160) for cell in cells), f"event {seq:,}") for seq, cells in shown],
        empty=f"no breaker moved, and the account was {part.after.state} all the time",
        more=left_out(len(shown), len(rows), "the latest ones are shown"),
    )


def locks(part: Part) -> Table:
    """Return the instruments that were locked for having lost their day's share."""
    found = list(zip(part.records(AssetLocked), part.places(AssetLocked), strict=True))
    rows = [
        (
            part.zone.text(each.at_ns),
            clipped(symbol_of(each.key), 24),
            f"{percent(-each.loss, 2)} of {percent(-each.limit, 2)}",
            "all coins together" if each.is_by_sleeve else "its own loss",
            part.zone.text(each.until_ns),
            f"event {seq:,}",
        )
        for each, seq in found[-ROWS_MAX:]
    ]
    return Table(
        caption="Locks",
        heads=[
            Head("when"),
            Head("instrument"),
            Head("lost, and limit"),
            Head("by"),
            Head("until"),
            Head("source"),
        ],
        rows=rows,
        empty="nothing was locked",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


# -- orders ----------------------------------------------------------------------------------------


def verdicts(part: Part) -> Table:
    """Return how many decisions ended how, by who asked."""
    counts: Counter[tuple[str, str]] = Counter()
    values: dict[tuple[str, str], Decimal] = {}
    for each in part.records(Decided):
        who = "the house" if each.source == "house" else each.bot
        name = (who, each.verdict)
        counts[name] += 1
        values[name] = values.get(name, Decimal(0)) + refused(each)
    ranked = counts.most_common()
    rows = [
        (clipped(who, 24), verdict, f"{count:,}", money(values[who, verdict], 0))
        for (who, verdict), count in ranked[:ROWS_MAX]
    ]
    return Table(
        caption="Decisions by verdict",
        heads=[
            Head("asked by"),
            Head("verdict"),
            Head("decisions", is_number=True),
            Head("value not given", is_number=True),
        ],
        rows=rows,
        source=part.source(Decided, "decision"),
        empty="nothing was asked",
        more=left_out(len(rows), len(ranked), "the most frequent ones are shown"),
    )


def reasons(part: Part) -> Table:
    """Return what bound cut and denied orders, and why the broker rejected others."""
    counts: Counter[tuple[str, str]] = Counter()
    for each in part.records(Decided):
        if each.verdict in ("cut", "denied", "observed", "warned"):
            counts[each.verdict, short(each.reason)] += 1
    for move in part.rejected:
        counts["rejected by the broker", move.reason or "no reason given"] += 1
    ranked = counts.most_common()
    rows = [
        (verdict, clipped(reason, 80), f"{count:,}")
        for (verdict, reason), count in ranked[:ROWS_MAX]
    ]
    return Table(
        caption="What was held back, by reason",
        heads=[Head("verdict"), Head("reason", wraps=True), Head("orders", is_number=True)],
        rows=rows,
        source=part.source(Decided, "decision"),
        empty="nothing was cut, denied or rejected",
        more=left_out(len(rows), len(ranked), "the most frequent ones are shown"),
    )


def fills(part: Part) -> Table:
    """Return what was bought and sold, by instrument."""
    sums: dict[str, list[Decimal]] = {}
    for fill, _, _, _ in part.executions:
        name = symbol_of(fill.key)
        line = sums.setdefault(name, [Decimal(0)] * 5)
        is_buy = fill.side is Side.BUY
        line[0 if is_buy else 2] += fill.qty
        line[1 if is_buy else 3] += fill.qty * fill.price
        line[4] += fill.fee if fill.fee_asset == USD else fill.fee * fill.price
    ranked = sorted(sums.items(), key=lambda pair: -(pair[1][1] + pair[1][3]))
    rows = [
        (
            clipped(name, 24),
            plain(line[0]),
            money(line[1]),
            plain(line[2]),
            money(line[3]),
            money(line[4]),
        )
        for name, line in ranked[:ROWS_MAX]
    ]
    return Table(
        caption="Fills by instrument",
        heads=[
            Head("instrument"),
            Head("bought", is_number=True),
            Head("for", is_number=True),
            Head("sold", is_number=True),
            Head("for", is_number=True),
            Head("fees", is_number=True),
        ],
        rows=rows,
        source=cited([each.seq for each in part.executions], "execution"),
        empty="nothing was filled",
        more=left_out(len(rows), len(ranked), "the largest by value are shown"),
    )


# -- the rest of the record ------------------------------------------------------------------------


def unprotected(part: Part) -> Table:
    """Return how long positions were without a live stop."""
    spans: dict[str, list[int]] = {}
    for each in part.records(Unprotected):
        spans.setdefault(each.key, []).append(each.at_ns - each.since_ns)
    rows = [
        (clipped(symbol_of(key), 24), f"{len(each):,}", span(max(each)), span(sum(each)))
        for key, each in sorted(spans.items())[:ROWS_MAX]
    ]
    return Table(
        caption="Positions without a live stop",
        heads=[
            Head("instrument"),
            Head("times", is_number=True),
            Head("longest", is_number=True),
            Head("in all", is_number=True),
        ],
        rows=rows,
        source=part.source(Unprotected, "span"),
        empty="no span without a stop ended in this period",
        more=left_out(len(rows), len(spans), "the first ones by name"),
    )


def changes(part: Part) -> Table:
    """Return the limits that somebody changed."""
    found = list(zip(part.records(LimitChanged), part.places(LimitChanged), strict=True))
    rows = [
        (
            part.zone.text(each.at_ns),
            clipped(told(each), 160),
            clipped(each.who, 40),
            clipped(each.reason, 120),
            f"event {seq:,}",
        )
        for each, seq in found[-ROWS_MAX:]
        if each.before
    ]
    return Table(
        caption="Changed limits",
        heads=[
            Head("when"),
            Head("what", wraps=True),
            Head("who"),
            Head("reason", wraps=True),
            Head("source"),
        ],
        rows=rows,
        empty="no limit was changed",
    )


def flows(part: Part) -> Table:
    """Return deposits and withdrawals."""
    found = list(zip(part.records(FlowSeen), part.places(FlowSeen), strict=True))
    rows = [
        (
            part.zone.text(each.at_ns),
            signed_money(each.amount),
            clipped(each.source, 40),
            f"event {seq:,}",
        )
        for each, seq in found[-ROWS_MAX:]
    ]
    return Table(
        caption="Deposits and withdrawals",
        heads=[Head("when"), Head("amount", is_number=True), Head("told by"), Head("source")],
        rows=rows,
        empty="no money came or went",
        more=left_out(len(rows), len(found), "the latest ones are shown"),
    )


def notes(part: Part) -> Table:
    """Return how often what was noted, and the last text of each kind."""
    counts: Counter[str] = Counter()
    last: dict[str, tuple[str, int]] = {}
    for each, seq in zip(part.records(Noted), part.places(Noted), strict=True):
        counts[each.code] += 1
        last[each.code] = (each.text, seq)
    ranked = counts.most_common()
    rows = [
        (
            clipped(code, 40),
            f"{count:,}",
            clipped(last[code][0], 160),
            events([last[code][1]]),
        )
        for code, count in ranked[:ROWS_MAX]
    ]
    return Table(
        caption="Notes of the journal",
        heads=[
            Head("code"),
            Head("times", is_number=True),
            Head("the last one", wraps=True),
            Head("source"),
        ],
        rows=rows,
        empty="nothing was noted",
        more=left_out(len(rows), len(ranked), "the most frequent ones are shown"),
    )
