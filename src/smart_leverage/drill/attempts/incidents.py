"""What really happened to automated accounts, each again; figures are those of the incident."""

from decimal import Decimal

from smart_leverage.domain.sentences import percent
from smart_leverage.drill.attempt import BTC, COINS, SHARES, Ground, attempt
from smart_leverage.drill.client import Client, until

OVER = {
    "crypto:BTC/USD": 0.30,
    "crypto:ETH/USD": 0.25,
    "crypto:SOL/USD": 0.18,
    "crypto:LINK/USD": 0.095,
}
"""82.5 % of equity in coins."""

CROWD = {"crypto:BTC/USD": 0.10, "crypto:ETH/USD": 0.09, "crypto:LTC/USD": 0.074}
"""26.4 % of equity in coins, which nine orders saw at the same time."""

THEN = Decimal("0.712")
"""What coins came to after eight of the nine orders, under a cap of 40 % that was written down."""

SELLS_WITHIN_S = 30.0
HOUSE = "house"


@attempt(holds=OVER, is_alone=True)
def incident_buys_at_82_percent(ground: Ground) -> None:
    """Go on buying coins although they are 82.5 % of equity already."""
    for turn in range(3):
        for key in COINS:
            ground.buy(key, ground.worth(key, 0.05 / (turn + 1)))
    for key in COINS[:3]:
        ground.signal(ground.bot(), key.partition(":")[2], f"over-{ground.chance.getrandbits(32)}")
    ground.must_have_bought_nothing(ground.began, "at 82.5 % in coins", "crypto:")


@attempt(holds=OVER, is_alone=True)
def incident_nothing_was_sold(ground: Ground) -> None:
    """Stand far above the cap, as for sixteen minutes then, and see whether somebody sells."""
    if ground.stage.settings.account.adopted_consent == "asked":
        ground.note("what was adopted is sold after a person's consent: account.adopted_consent")
        return

    def is_selling() -> bool:
        sold = [one for one in ground.stage.seen().orders if not one.is_buy and one.filled > 0]
        return any(one.bot == HOUSE for one in sold)

    ground.must(until(is_selling, SELLS_WITHIN_S), f"nothing was sold in {SELLS_WITHIN_S:.0f} s")


@attempt(holds=CROWD)
def incident_nine_orders_one_snapshot(ground: Ground) -> None:
    """Send nine coin orders at once, each of which fits what was held before all of them."""
    sizes = {key: ground.worth(key, 0.077) for key in (*COINS, "crypto:LTC/USD")}
    ground.at_once(*(lambda key=key: ground.buy(key, sizes[key]) for key in sizes))
    highest = ground.stage.settled().highest.get("crypto", Decimal(0))
    ground.must(highest < THEN, f"coins came to {percent(highest)} of equity, as they did then")


@attempt()
def incident_a_second_instance(ground: Ground) -> None:
    """Let two instances buy shares to 277 % of equity, then both sell the same ones."""
    one, other = ground.bot(), ground.bot("instance")

    def spree(bot: Client) -> None:
        for _ in range(3):
            for key in SHARES:
                ground.buy(key, ground.worth(key, 0.09), bot)

    ground.at_once(lambda: spree(one), lambda: spree(other))
    held = ground.stage.settled().held

    def sell(bot: Client) -> None:
        for key in SHARES:
            bot.order(symbol=key.partition(":")[2], side="sell", qty=f"{held.get(key, 5)}")

    ground.at_once(lambda: sell(one), lambda: sell(other))
    highest = ground.stage.settled().highest.get("gross", Decimal(0))
    ground.must(highest < Decimal("2.77"), f"positions came to {percent(highest, 0)} of equity")


@attempt()
def incident_one_sells_one_buys(ground: Ground) -> None:
    """Let one instance buy coins back as soon as the other one has sold them, round after round."""
    buyer, seller = ground.bot("buyer"), ground.bot("seller-of-all")
    for _ in range(4):
        for key in COINS[:4]:
            ground.buy(key, ground.worth(key, 0.08), buyer)
        for key, qty in ground.stage.settled().held.items():
            seller.order(symbol=key.partition(":")[2], side="sell", qty=f"{qty}")
        seller("DELETE", "/v2/positions", is_aside=True)
    seen = ground.stage.settled()
    sold = [one for one in seen.of_bots if not one.is_buy and one.bot == "seller-of-all"]
    ground.must(not sold, "an instance sold what another one held")
    highest = seen.highest.get("crypto", Decimal(0))
    ground.must(highest < THEN, f"coins came to {percent(highest)} of equity, as they did then")


@attempt()
def incident_fills_were_lost(ground: Ground) -> None:
    """Trade a little of everything, and compare what the account tells with the broker's books."""
    bot = ground.bot()
    for key in (*COINS[:3], *SHARES[:3]):
        ground.buy(key, ground.worth(key, 0.01))
    ground.stage.settled()
    bot("DELETE", f"/v2/positions/{BTC.partition(':')[2].replace('/', '')}", is_aside=True)
    held = ground.stage.settled().held
    told = {one["symbol"]: Decimal(one["qty"]) for one in bot.get("/v2/positions")}
    real = {key.partition(":")[2].replace("/", ""): qty for key, qty in held.items()}
    apart = [name for name in real if abs(told.get(name, 0) - real[name]) > real[name] / 10_000]
    ground.must(not apart, f"the account tells another quantity than the broker of {apart}")
    filled = [one for one in ground.stage.seen().of_bots if one.filled == one.qty]
    listed = bot.get("/v2/orders?status=all&limit=500")
    known = [one for one in listed if one["status"] == "filled"]
    ground.must(len(known) >= len(filled), "orders that were filled are told as if they were not")
