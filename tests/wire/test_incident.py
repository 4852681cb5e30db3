"""A runaway account again, over the wire: two bots at once, judged by the venue's own file.

What is compressed: half an hour of orders is sent as fast as the wire allows, in the log's order,
with its prices and its times; only the waiting between two instants of the log is left out.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.presets import CLASSIC_SETTINGS
from tests.wire.replaying import Told, replayed
from tests.wire.venue_side import Reading, Seen

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, Order, Role, Side, TimeInForce
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.events import Opened
from smart_leverage.runtime.replay_case import VARIANTS, Account
from smart_leverage.runtime.replay_log import OrderLog, read_log
from smart_leverage.wiring import Beginning, engine_config, opening

D = Decimal
INCIDENTS = Path(__file__).parents[3] / "shared/data/incidents"
LOGGED = {"price_still_max_s": 1e9, "order_times_max": 1e6}  # as a replay has them
SETTINGS = CLASSIC_SETTINGS.model_copy(
    update={"execution": CLASSIC_SETTINGS.execution.model_copy(update=LOGGED)}
)
CAPS = {"b": ("0.40", "0.60"), "d": ("0.25", "0.35")}
"""Of the tier with which each variant begins: on coins, and on all that is leveraged."""


def opener(
    at_ns: int, cash: Decimal, holdings: tuple[Start, ...], registry: Registry, keys: Sequence[Key]
) -> Opened:
    return opening(SETTINGS, at_ns, Beginning(cash, holdings), registry, keys)


ACCOUNT = Account(D("91087.52"), D(24_013), engine_config(SETTINGS), opener)

COINS = ("BTC 50000", "ETH 2500", "SOL 100", "DOT 4", "LINK 14", "AVAX 20", "UNI 6", "AAVE 250")
WORTH = 5_100
"""What each order in coins is worth: eight of them, sent against one snapshot, pass every cap."""


def wave(minute: int, side: str) -> list[str]:
    """Return one order in each coin, two seconds apart, as rows of a log."""
    rows = []
    for place, coin in enumerate(COINS):
        code, price = coin.split()
        at = f"2024-03-05T20:{minute:02d}:{2 * place:02d}"
        qty = f"{WORTH / float(price):.9f}"
        rows.append(f"{at}.000Z,{code}USD,{side},{qty},crypto,{at}.900Z,{qty},{price}")
    return rows


def own_log() -> list[str]:
    """Return the shape of the incident without its figures: shares first, then coins in waves."""
    shares = [
        f"2024-03-05T19:5{minute}:00Z,{symbol},{side},{qty},us_equity,"
        f"2024-03-05T19:5{minute}:02Z,{qty},{price}"
        for minute, symbol, side, qty, price in (
            (1, "SPY", "buy", 80, 500),
            (2, "MSFT", "buy", 70, 400),
            (3, "SPY", "sell", 80, 501),
            (4, "MSFT", "sell", 70, 401),
        )
    ]
    sides = ("buy", "buy", "sell", "buy", "sell", "buy")
    return [*shares, *(row for place, side in enumerate(sides) for row in wave(place + 5, side))]


@pytest.fixture(
    scope="module",
    params=["of-our-own", pytest.param("incident", marks=pytest.mark.needs("market-data"))],
)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OrderLog:
    if request.param == "incident":
        return read_log(INCIDENTS / "2025-06-02-orders.csv", Registry.builtin())
    path = tmp_path_factory.mktemp("log") / "orders.csv"
    head = "submitted_at,symbol,side,qty,asset_class,filled_at,filled_qty,filled_avg_price"
    path.write_text("\n".join([head, *own_log()]) + "\n")
    return read_log(path, Registry.builtin())


class Run(NamedTuple):
    told: Told
    seen: Seen


@pytest.fixture(scope="module", params=["b", "d"])
def run(
    request: pytest.FixtureRequest, log: OrderLog, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    folder = tmp_path_factory.mktemp(request.param)
    told = replayed(folder, log, VARIANTS[request.param], ACCOUNT, SETTINGS)
    crypto, leveraged = map(D, CAPS[request.param])
    reading = Reading(told.price, lambda key: caps_of(log.registry, key, crypto, leveraged))
    return Run(told, reading.read(told.file))


def caps_of(
    registry: Registry, key: str, crypto: Decimal, leveraged: Decimal
) -> dict[str, Decimal]:
    """Return the groups in which a key counts, each with its cap."""
    instrument = registry[Key(key)]
    caps = {"gross": D(1), key: D("0.50") if instrument.is_broad else D("0.10")}
    caps |= {"crypto": crypto} if instrument.is_crypto else {}
    return caps | ({"leveraged": leveraged} if instrument.is_leveraged else {})


def test_no_increase_stands_above_a_cap(run: Run) -> None:
    assert run.seen.over == []
    assert run.seen.highest["gross"] > D("0.3")  # the room was used, and not only kept free


def test_nothing_is_ever_held_short_although_the_venue_would_allow_it(run: Run) -> None:
    assert run.seen.shorts == []


def test_nothing_swings(run: Run) -> None:
    assert (run.seen.turns, run.seen.swings) == (0, 0)


def test_some_of_it_passes_some_does_not_and_the_venue_has_what_was_told(run: Run) -> None:
    approved = {name: told["approved"] for name, told in run.told.bots.items()}
    denied = sum(told.total() for told in run.told.bots.values()) - sum(approved.values())
    assert all(count > 0 for count in approved.values())
    assert denied > 0
    at_venue = {name: count for name, count in run.seen.orders.items() if name != "house"}
    assert at_venue == approved


# -- the reading finds what it is there for --------------------------------------------------------

AAPL = Key("us_equity:AAPL")
OPENED = 1_709_650_800_000_000_000  # 2024-03-05T15:00:00Z, a Tuesday in session


def by_hand(file: Path, *orders: tuple[Side, int, Role]) -> Seen:
    """Trade on a venue without any engine, a share for 200 each, and read its file."""
    registry = Registry.builtin()
    config = SimConfig(
        mode=Mode.LIVE, is_short_allowed=True, partial_probability=0.0, opened_at_ns=OPENED
    )
    with SimBroker(registry, config=config, path=file) as venue:
        for number, (side, qty, role) in enumerate(orders, 1):
            venue.on_quote(OPENED + number * 10**9, AAPL, 200.0, 200.0)
            order = Order(
                client_order_id=f"hand-{number}",
                bot="house" if role.is_house else "hand",
                role=role,
                key=AAPL,
                side=side,
                qty=D(qty),
                time_in_force=TimeInForce.DAY,
            )
            venue.submit(Approved(order, ""))
        venue.on_quote(OPENED + 60 * 10**9, AAPL, 200.0, 200.0)
    caps = {AAPL: D("0.10"), "gross": D(1)}
    return Reading(lambda key, at_ns: D(200), lambda key: caps).read(file)


def test_a_purchase_beyond_a_cap_is_found_when_it_is_sent_and_when_it_fills(tmp_path: Path) -> None:
    inside = by_hand(tmp_path / "inside", (Side.BUY, 45, Role.BOT))
    assert inside.over == []
    beyond = by_hand(tmp_path / "beyond", (Side.BUY, 45, Role.BOT), (Side.BUY, 10, Role.BOT))
    assert [what.split(" of ")[0] for what in beyond.over] == ["new", "fill"]


def test_a_short_sale_is_found(tmp_path: Path) -> None:
    orders = [(Side.BUY, 5, Role.BOT), (Side.SELL, 5, Role.BOT)]
    assert by_hand(tmp_path / "flat", *orders).shorts == []
    assert len(by_hand(tmp_path / "short", *orders, (Side.SELL, 3, Role.BOT)).shorts) == 1


def test_a_swing_and_a_turn_of_the_house_are_found(tmp_path: Path) -> None:
    there = [(Side.BUY, 40, Role.BOT), (Side.SELL, 10, Role.TRIM)]
    back = [(Side.BUY, 10, Role.BOT), (Side.SELL, 10, Role.TRIM)]
    assert by_hand(tmp_path / "there", *there).swings == 0
    seen = by_hand(tmp_path / "back", *there, *back)
    assert (seen.turns, seen.swings) == (0, 1)
    turned = by_hand(tmp_path / "turned", *there, (Side.BUY, 10, Role.TRIM))
    assert turned.turns == 1
