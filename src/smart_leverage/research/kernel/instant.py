"""One instant of one account, in the order of events of the package's docstring."""

from typing import Any

from smart_leverage.domain.clock import MINUTE_NS
from smart_leverage.fills.costs import costs_of
from smart_leverage.fills.market import (
    Bar,
    Fill,
    Outcome,
    Side,
    limit_fill_at_open,
    limit_fill_in_bar,
    market_fill,
)
from smart_leverage.fills.stops import stop_fill_in_bar, stop_limit_fill_in_bar
from smart_leverage.policy.intraday import Phase, phase_of
from smart_leverage.policy.params import Policy
from smart_leverage.research.kernel.books import (
    ACTIVE,
    AGED,
    CANCELLED,
    HALTED,
    UNCONFIRMED,
    UNFIT,
    Books,
    Tape,
    cash_of,
    fill_buy,
    fill_sale,
    price_on_step,
    touch,
)
from smart_leverage.research.kernel.buying import is_sated, propose_purchase, propose_sale
from smart_leverage.research.kernel.earning import (
    caps_held,
    caps_now,
    fold,
    judge_exposure,
    remember,
)
from smart_leverage.research.kernel.groups import NONE
from smart_leverage.research.kernel.judging import (
    is_tier_due,
    judge_assets,
    judge_losses,
    judge_tier,
    lift_halt,
    mark,
    roll,
)
from smart_leverage.research.kernel.market import Market
from smart_leverage.research.kernel.plans import NEVER, heed_close, shrink
from smart_leverage.research.kernel.setup import Setup
from smart_leverage.research.kernel.stops import protect, settle, watch
from smart_leverage.research.kernel.worst import (
    Bounds,
    Valuation,
    holds,
    holds_for,
    value,
    worst_of,
)

YES = 1


# --- what is known of prices ---------------------------------------------------------------------


def know_opens(books: Books, cells: Any) -> None:
    """Take the prices as they were once the opens of an instant were printed."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        position, cell = books.positions[asset], cells[asset]
        position.mark, position.vol = cell.mark_open, cell.vol_open
        position.doubt, position.is_fresh = cell.doubt_open, cell.fresh_open
        position.print = cell.doubt_open if cell.doubt_open > 0.0 else cell.mark_open


def know_close(position: Any, cell: Any) -> None:
    """Take a price as it is once the closes are known."""
    position.mark, position.vol = cell.mark_close, cell.vol_close
    position.doubt, position.is_fresh = cell.doubt_close, cell.fresh_close
    position.print = cell.doubt_close if cell.doubt_close > 0.0 else cell.mark_close


def know_closes(books: Books, cells: Any) -> None:
    """Take the prices as they are once the closes are known."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        know_close(books.positions[asset], cells[asset])


def print_closes(books: Books, cells: Any) -> None:
    """Let the venue's last prices be the closes."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        if cells[asset].closes != 0:
            books.positions[asset].print = cells[asset].close


# --- the venue -----------------------------------------------------------------------------------


def meet_stop(position: Any, fact: Any, cell: Any, row: Any, setup: Setup) -> Fill:
    """Return what becomes of a live stop while a bar passes."""
    costs = costs_of(fact.is_coin != 0, setup.costs)
    half, slippage = costs.half_spread, costs.slippage
    bar = Bar(open=cell.first, high=cell.high, low=cell.low)
    if position.stop_since > cell.start:  # of a bar that began earlier, only the close comes after
        bar = Bar(open=cell.close, high=cell.close, low=cell.close)
    if position.is_triggered != 0:
        return limit_fill_in_bar(Side.SELL, bar, position.stop_limit, half, slippage)
    if fact.is_coin != 0:
        limit = position.stop_limit
        return stop_limit_fill_in_bar(Side.SELL, bar, position.stop_level, limit, half, slippage)
    return stop_fill_in_bar(Side.SELL, bar, position.stop_level, half, slippage)


def execute_stop(
    books: Books, row: Any, facts: Any, setup: Setup, tape: Tape, asset: int, fill: Fill
) -> None:
    """Fill a live stop."""
    position, fact = books.positions[asset], facts[asset]
    price = price_on_step(fact, fill.price, False)
    if fact.is_coin != 0:
        price = max(price, position.stop_limit)
    units = min(position.stop_left, position.qty)
    position.has_stop = position.is_triggered = 0
    touch(books, asset)
    if units > 0:
        fill_sale(books, facts, setup, tape, row.at, asset, units, price, fill.is_maker, 1)


def meet_bars(books: Books, row: Any, cells: Any, facts: Any, setup: Setup, tape: Tape) -> None:
    """Let live stops meet the bars that end now."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        position, cell = books.positions[asset], cells[asset]
        if position.has_stop == 0 or cell.closes == 0:
            continue
        if cell.low > position.stop_level and position.is_triggered == 0:
            continue  # most bars stay above the stop, whatever part of them is met
        from_at = row.at - 1 if position.stop_since > cell.start else cell.start
        if position.stop_until <= from_at or position.stop_since > row.at:
            continue
        fill = meet_stop(position, facts[asset], cell, row, setup)
        if fill.outcome == Outcome.FILLED:
            execute_stop(books, row, facts, setup, tape, asset, fill)
        elif fill.outcome == Outcome.RESTING:
            position.is_triggered = 1


def expire(books: Books, row: Any) -> None:
    """End orders whose time is up."""
    account = books.account
    if account.until > row.at:
        return
    account.until = NEVER
    for place in range(account.orders):
        order = books.orders[place]
        if order.until <= row.at:
            order.is_leaving = CANCELLED
        else:
            account.until = min(account.until, order.until)
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.has_stop == 0:
            continue
        if position.stop_until <= row.at:
            position.has_stop = position.is_triggered = 0
            position.is_bare = 1
            touch(books, asset)
        else:
            account.until = min(account.until, position.stop_until)


def fill_opens(books: Books, row: Any, cells: Any, facts: Any, setup: Setup, tape: Tape) -> None:
    """Trade what meets the opens that were just printed."""
    account = books.account
    for rank in range(books.account.active):
        asset = books.active[rank]
        cell, fact, position = cells[asset], facts[asset], books.positions[asset]
        if cell.opens == 0 or not (
            position.is_triggered != 0 or position.buys > 0 or position.selling > 0
        ):
            continue
        costs = costs_of(fact.is_coin != 0, setup.costs)
        half, slippage = costs.half_spread, costs.slippage
        if position.has_stop != 0 and position.is_triggered != 0:
            limit = position.stop_limit
            fill = limit_fill_at_open(Side.SELL, cell.print, limit, half, slippage)
            if fill.outcome == Outcome.FILLED:
                execute_stop(books, row, facts, setup, tape, asset, fill)
        for place in range(account.orders):
            order = books.orders[place]
            if order.asset != asset or order.is_late != 0 or order.is_leaving != 0:
                continue
            if order.is_buy != 0:
                fill = limit_fill_at_open(Side.BUY, cell.print, order.limit, half, slippage)
                if fill.outcome == Outcome.FILLED:
                    price = min(price_on_step(fact, fill.price, True), order.limit)
                    fill_buy(books, facts, setup, tape, row.at, order, price)
                order.is_leaving = CANCELLED
            else:
                fill = market_fill(Side.SELL, cell.print, half, slippage)
                price = price_on_step(fact, fill.price, False)
                order.is_leaving = CANCELLED
                units = min(order.qty, position.qty)
                if units > 0:
                    is_house = order.is_house
                    fill_sale(
                        books, facts, setup, tape, row.at, asset, units, price, False, is_house
                    )


# --- the engine ----------------------------------------------------------------------------------


def cancel_aged(books: Books, row: Any, facts: Any, setup: Setup) -> None:
    """Cancel purchases that have rested for too long while their class traded."""
    life = setup.entry_life_s / 60.0
    for place in range(books.account.orders):
        order = books.orders[place]
        if order.is_buy != 0:
            span = row.at - order.at
            if facts[order.asset].is_coin == 0:
                span = row.traded - order.traded
            if span // MINUTE_NS > life:
                order.is_leaving = AGED


def reprove(books: Books, row: Any, facts: Any, setup: Setup, caps: Bounds, policy: Policy) -> None:
    """Cancel purchases under way that aged or no longer fit, the newest first."""
    account = books.account
    is_any = False
    for place in range(account.orders):
        order = books.orders[place]
        is_any = is_any or (order.is_buy != 0 and order.is_leaving == 0)
    if not is_any:
        return
    cancel_aged(books, row, facts, setup)
    worst = worst_of(books, facts, setup, policy)
    if holds(books, facts, worst, caps, policy.groups):
        return
    for back in range(account.orders):
        order = books.orders[account.orders - 1 - back]
        if order.is_buy == 0 or order.is_leaving != 0:
            continue
        if not holds_for(books, facts, worst, caps, policy.groups, order.asset):
            order.is_leaving = UNFIT
            worst = worst_of(books, facts, setup, policy)


def judge(books: Books, market: Market, t: int, setup: Setup, tape: Tape, policy: Policy) -> None:
    """Take the closes in: losses, tier, plan, mark, stops, and purchases under way."""
    account, row, facts = books.account, market.instants[t], market.facts
    valuation = value(books, facts, policy)
    caps = caps_now(account, policy)
    judge_losses(books, row, facts, market.sessions, valuation, caps, policy)
    judge_assets(books, row, facts, tape, policy)
    fold(books, policy)
    judge_tier(books, valuation.equity, policy, setup)
    judge_exposure(books, market, t, valuation.equity, policy)
    caps = caps_now(account, policy)
    held = caps_held(account, caps, policy)
    if account.phase != Phase.OFF:
        heed_close(books, row, facts, market.sessions, valuation, held, policy)
    shrink(books, row, facts, market.sessions, tape, valuation, held, policy)
    mark(account, valuation, caps.crypto)
    remember(books, row.at, valuation.equity)
    write_mark(account, row, tape, valuation, caps)
    protect_bare(books, row, facts, policy)
    watch(books, row, facts, tape, policy.stops, 0)
    reprove(books, row, facts, setup, caps, policy)
    settle(books, row, facts, policy.stops)


def protect_bare(books: Books, row: Any, facts: Any, policy: Policy) -> None:
    """Give a stop to what has none; what is being sold gets one once the sale has left."""
    for rank in range(books.account.active):
        asset = books.active[rank]
        position = books.positions[asset]
        if position.is_bare != 0 and position.is_moved == 0:
            protect(books, row, facts, policy.stops, asset)


def write_mark(account: Any, row: Any, tape: Tape, valuation: Valuation, caps: Bounds) -> None:
    """Write a mark down."""
    place = tape.counts[0]
    tape.counts[0] = place + 1
    if place < len(tape.curve):
        line = tape.curve[place]
        line.at, line.equity, line.cash = row.at, valuation.equity, cash_of(account)
        line.crypto, line.leveraged = valuation.crypto, valuation.leveraged
        line.gross = valuation.gross
        line.cap_crypto, line.cap_leveraged = caps.crypto, caps.leveraged
        line.tier, line.state = account.tier, account.state


def refuse_unconfirmed(books: Books, row: Any, cells: Any) -> None:
    """Give up where a price would be believed only because something is held.

    Once a day the engine asks the broker what its positions are worth. A lone jump of an earlier
    instant that nothing has confirmed is confirmed by that.
    """
    books.account.compared_on = row.day
    for rank in range(books.account.active):
        asset = books.active[rank]
        cell = cells[asset]
        if books.positions[asset].qty > 0 and cell.doubt_close > 0.0 and cell.closes == 0:
            books.account.fault = UNCONFIRMED


def propose(
    books: Books,
    row: Any,
    cells: Any,
    facts: Any,
    signals: Any,
    first: int,
    last: int,
    setup: Setup,
    tape: Tape,
    policy: Policy,
) -> bool:
    """Decide the signals of this instant one after the other; tell whether any was sent."""
    fold(books, policy)
    caps = caps_now(books.account, policy)
    worst = worst_of(books, facts, setup, policy)
    is_any_sent, is_old, is_taped = False, False, len(tape.decisions) > 0
    for place in range(first, last):
        signal = signals[place]
        if signal.is_buy != 0 and not is_taped:  # a denial without consequences is not even noted
            asset, confidence, ratio = signal.asset, signal.confidence, signal.ratio
            is_known = signal.is_calibrated != 0
            if is_sated(books, row, facts, worst, policy, asset, confidence, ratio, is_known):
                continue
        know_close(books.positions[signal.asset], cells[signal.asset])
        if signal.is_buy != 0:
            if is_old:
                worst, is_old = worst_of(books, facts, setup, policy), False
            is_sent = propose_purchase(
                books,
                row,
                facts,
                setup,
                tape,
                worst,
                caps,
                policy,
                signal.asset,
                signal.confidence,
                signal.ratio,
                signal.is_calibrated != 0,
            )
        else:
            is_sent = propose_sale(books, row, facts, tape, signal.asset)
        if is_sent:
            is_any_sent = is_old = True
            settle(books, row, facts, policy.stops)
    return is_any_sent


def closing(books: Books, market: Market, t: int, setup: Setup, tape: Tape, policy: Policy) -> None:
    """Take the bars that end now."""
    account, facts = books.account, market.facts
    row, cells = market.instants[t], market.cells[t]
    first, last = market.first[t], market.first[t + 1]
    meet_bars(books, row, cells, facts, setup, tape)
    print_closes(books, cells)
    expire(books, row)
    settle(books, row, facts, policy.stops)
    know_closes(books, cells)
    judge(books, market, t, setup, tape, policy)
    if account.compared_on != row.day:
        refuse_unconfirmed(books, row, cells)
        protect_bare(books, row, facts, policy)
    if setup.resumes_monthly:
        lift_halt(books, row, facts, policy)
    if first < last:
        propose(books, row, cells, facts, market.signals, first, last, setup, tape, policy)


def opening(
    books: Books, row: Any, cells: Any, facts: Any, setup: Setup, tape: Tape, policy: Policy
) -> None:
    """Take the bars that begin now."""
    expire(books, row)
    know_opens(books, cells)
    caps = caps_now(books.account, policy)
    watch(books, row, facts, tape, policy.stops, YES)
    reprove(books, row, facts, setup, caps, policy)
    settle(books, row, facts, policy.stops)
    fill_opens(books, row, cells, facts, setup, tape)
    settle(books, row, facts, policy.stops)
    for place in range(books.account.orders):
        books.orders[place].is_late = 0


def roll_calmly(books: Books, market: Market, t: int, setup: Setup, policy: Policy) -> bool:
    """Begin a risk day if that changes nothing but what the day is counted from; tell if it was.

    The caller has seen to it that nothing is under way.
    """
    account, row = books.account, market.instants[t]
    is_tripped = account.is_day_tripped + account.is_month_tripped + account.is_emergency
    is_tripped += account.is_drawdown_tripped
    if account.state != ACTIVE or is_tripped != 0 or account.is_rising != 0:
        return False
    roll(books, row, market.instants[t - 1], market.cells[t - 1], policy)
    if row.closes != 0:
        refuse_unconfirmed(books, row, market.cells[t])
    if policy.record.is_earned and is_tier_due(account, policy, setup):
        account.is_stirred = 1
    return True


def stir(books: Books, row: Any, setup: Setup, policy: Policy) -> None:
    """Note whether anything is under way, so that the next instant is gone through step by step."""
    account = books.account
    fold(books, policy)
    if account.orders > 0 or account.plan != NONE:
        account.is_stirred = 1
    if setup.resumes_monthly and account.state == HALTED and row.month != account.halted_in:
        account.is_stirred = 1
    if is_tier_due(account, policy, setup):
        account.is_stirred = 1


def decide_only(
    books: Books, market: Market, t: int, setup: Setup, tape: Tape, policy: Policy
) -> bool:
    """Decide the signals of an instant at which nothing else can happen; tell if any was sent."""
    first, last = market.first[t], market.first[t + 1]
    if first == last:
        return False
    row, cells, facts = market.instants[t], market.cells[t], market.facts
    know_closes(books, cells)
    if not propose(books, row, cells, facts, market.signals, first, last, setup, tape, policy):
        return False
    if row.opens != 0:
        opening(books, row, cells, facts, setup, tape, policy)
    stir(books, row, setup, policy)
    return True


def step(books: Books, market: Market, t: int, setup: Setup, tape: Tape, policy: Policy) -> None:
    """Take an account through one instant."""
    account, row, cells = books.account, market.instants[t], market.cells[t]
    before = market.instants[t - 1] if t > 0 else row
    cells_before = market.cells[t - 1] if t > 0 else market.before
    if policy.intraday.is_on:
        left = (row.closes_at - row.at) / MINUTE_NS
        account.phase = phase_of(left, row.is_session != 0, policy.intraday)
    if row.closes != 0:  # what was stirred is not over before it has been judged
        account.is_stirred = 0
    know_opens(books, cells_before)
    if account.day != row.day:
        roll(books, row, before, cells_before, policy)
    if row.closes != 0:
        closing(books, market, t, setup, tape, policy)
    if row.opens != 0:
        opening(books, row, cells, market.facts, setup, tape, policy)
    stir(books, row, setup, policy)
