"""What has to pass: where everything is refused, nothing is proved by a refusal."""

from smart_leverage.drill.attempt import BTC, SHARES, Ground, attempt


@attempt()
def ordinary_orders(ground: Ground) -> None:
    """Buy a little and sell it again, as any bot does; it has to pass."""
    bot = ground.bot()
    for key in (BTC, SHARES[0]):
        ground.must(ground.buy(key, ground.worth(key, 0.01)).is_taken, f"no order in {key} passes")
    held = ground.stage.settled().held
    ground.must(len(held) == 2, "what was ordered was not filled")
    for key in held:
        symbol = key.partition(":")[2].replace("/", "")
        ground.must(bot("DELETE", f"/v2/positions/{symbol}").is_taken, f"{symbol} cannot be sold")
    ground.must(not ground.stage.settled().held, "what was sold is still there")
