"""What has to pass: where everything is refused, nothing is proved by a refusal."""

from smart_leverage.drill.attempt import BTC, SHARES, Ground, attempt

PART = 0.01
"""Of equity, in each of two instruments; less where so much may not be held."""


@attempt()
def ordinary_orders(ground: Ground) -> None:
    """Buy a little and sell it again, as any bot does; it has to pass."""
    bot = ground.bot()
    for key in (BTC, SHARES[0]):
        most = ground.bot().room(key.partition(":")[2])
        usual = float(ground.stage.seen().opening) * PART / ground.stage.price(key)
        answer = ground.buy(key, f"{min(usual, most / 2):.4f}")
        ground.must(answer.is_taken, f"no order in {key} passes: {answer.json.get('message', '')}")
    held = ground.stage.settled().held
    ground.must(len(held) == 2, "what was ordered was not filled")
    for key in held:
        symbol = key.partition(":")[2].replace("/", "")
        ground.must(bot("DELETE", f"/v2/positions/{symbol}").is_taken, f"{symbol} cannot be sold")
    ground.must(not ground.stage.settled().held, "what was sold is still there")
