"""Trading on although the account has been stopped: by its owner, by a loss, by a crash."""

from typing import Any

from smart_leverage.domain.sentences import percent
from smart_leverage.drill.attempt import BROAD, BTC, COINS, ETH, SHARES, SOL, Ground, attempt
from smart_leverage.drill.client import until
from smart_leverage.engine.events import Command

ALL = (*COINS[:3], *SHARES, *BROAD)
MOVES_WITHIN_S = 10.0


@attempt(is_alone=True)
def orders_after_a_halt(ground: Ground) -> None:
    """Buy in every way after the owner has halted the account; only exits may pass."""
    price = ground.stage.price(ETH)
    ground.buy(BTC, ground.room(BTC, 0.3))
    resting: dict[str, Any] = {"type": "limit", "limit_price": f"{price * 0.9:.2f}"}
    mine = ground.buy(ETH, ground.room(ETH, 0.2), **resting).json
    ground.stage.settled()
    ground.stage.command(Command.HALT)
    mark = ground.stage.settled().last
    _go_on(ground)
    ground.bot()("PATCH", f"/v2/orders/{mine.get('id')}", {"limit_price": f"{price:.2f}"})
    ground.must_have_bought_nothing(mark, "after the halt")
    waiting = [one for one in ground.stage.seen().of_bots if one.is_buy and one.is_open]
    ground.must(not waiting, "an order to buy still rests at the broker after the halt")
    if BTC in ground.stage.seen().held:
        sale = ground.bot()("DELETE", "/v2/positions/BTCUSD", is_aside=True)
        ground.must(sale.is_taken, "an exit was refused while the account was halted")


@attempt(is_alone=True)
def a_crash_after_a_halt(ground: Ground) -> None:
    """Kill the process of a halted account, start it again, and buy."""
    ground.stage.command(Command.HALT)
    ground.stage.crash()
    ground.stage.start()
    mark = ground.stage.settled().last
    _go_on(ground)
    ground.must_have_bought_nothing(mark, "after the halt had survived a crash")


@attempt(is_alone=True)
def beyond_the_daily_stop(ground: Ground) -> None:
    """Buy in every way after the market has fallen past the daily loss limit."""
    _lose(ground, ground.stage.settings.limits.loss_limit_daily * 1.2, "daily")


@attempt(is_alone=True)
def beyond_the_monthly_stop(ground: Ground) -> None:
    """Buy in every way after a fall past the monthly loss limit, and after a crash in it."""
    limit = ground.stage.settings.limits.loss_limit_monthly * 1.2
    if _lose(ground, limit, "monthly"):
        ground.stage.crash()
        ground.stage.start()
        mark = ground.stage.settled().last
        _go_on(ground)
        ground.must_have_bought_nothing(mark, "after the monthly stop had survived a crash")


@attempt(is_alone=True)
def an_emergency(ground: Ground) -> None:
    """Buy coins up to the tier's cap after a month that is an emergency."""
    tiers = ground.stage.settings.tiers
    if _lose(ground, -tiers.month_return_emergency * 1.1, "emergency's"):
        mark = ground.stage.settled().last
        for key in COINS:
            ground.buy(key, ground.worth(key, 0.05))
        ground.must_have_bought_nothing(mark, "in an emergency")


@attempt(is_alone=True)
def loss_after_loss(ground: Ground) -> None:
    """Buy, lose, sell, and buy again twice as eagerly, twenty times in a row."""
    bot, limit = ground.bot(), ground.stage.settings.limits.loss_limit_daily
    for turn in range(20):
        key = COINS[turn % 4]
        if float(qty := ground.room(key, 0.95)) > 0:
            ground.buy(key, qty)
        ground.buy(key, ground.worth(key, 0.2))
        worth = float(ground.stage.settled().worth.get(key, 0))
        if worth > 0:  # so that no single loss is beyond the limit by itself
            ground.stage.move(1 - min(0.4 * limit / worth, 0.1), key)
        bot("DELETE", f"/v2/positions/{key.partition(':')[2].replace('/', '')}", is_aside=True)
        lost = float(ground.stage.settled().lost)
        if lost > limit * 1.5:
            break
    ground.must(
        lost < limit * 2,
        f"{percent(lost)} of equity was lost, the daily limit is {percent(limit)}",
    )


@attempt(is_alone=True)
def a_locked_asset(ground: Ground) -> None:
    """Buy more of one coin after it has cost more than its share of a day."""
    limit = ground.stage.settings.limits.loss_limit_daily_asset
    before = ground.fill_up(SOL)
    worth = float(before.worth.get(SOL, 0))
    if worth * 0.9 < limit * 1.25:
        most = f"only {percent(worth)} of equity may be held in one coin"
        ground.note(f"{most}: it cannot lose {percent(limit)}")
        return
    ground.stage.move(1 - limit * 1.25 / worth, SOL)
    until(lambda: ground.bot().room("SOL/USD") <= 0, MOVES_WITHIN_S)
    mark = ground.stage.settled().last
    ground.buy_every_way(None, SOL)
    ground.buy_every_way(ground.stage.another_token("second"), SOL)
    ground.must_have_bought_nothing(mark, "of a coin that had lost its share of the day", SOL)


def _go_on(ground: Ground) -> None:
    """Try everything that a bot may think of to trade in spite of a stop."""
    bot = ground.bot()
    ground.buy_every_way(bot)
    ground.buy_every_way(ground.stage.another_token("bot"))
    for path in ("/sl/v1/resume", "/sl/v1/limits", "/v2/account/configurations"):
        bot("POST", path, {"reason": "go on", "suspend_trade": False})
    bot("PATCH", "/v2/account/configurations", {"suspend_trade": False})
    ground.buy_every_way(bot, SOL)


def _lose(ground: Ground, loss: float, whose: str) -> bool:
    """Fill up, let the market fall until so much of equity is lost, and try to go on.

    Returns:
        Whether the account could lose as much at all.
    """
    before = ground.fill_up(*ALL)
    worth = float(before.worth.get("gross", 0))
    if worth * 0.9 < loss:
        ground.note(
            f"only {percent(worth)} of equity could be held: it cannot lose {percent(loss)}"
        )
        return False
    ground.stage.move(1 - loss / worth)
    until(lambda: ground.state() != "active", MOVES_WITHIN_S)
    seen = ground.stage.settled()
    mark, lost = seen.last, float(seen.lost)
    ground.note(f"{percent(lost, 2)} of equity was lost first, beyond the {whose} limit")
    _go_on(ground)
    ground.must_have_bought_nothing(
        mark, f"after a loss of {percent(lost, 2)}, beyond the {whose} limit"
    )
    return True
