"""The replay of an order log: its prices, its variants, what is counted, and what is forced."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.presets import CLASSIC_SETTINGS

from smart_leverage.brokers.sim import Mode, SimBroker, SimConfig, Start
from smart_leverage.domain.clock import MINUTE_NS, SECOND_NS, ManualClock
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Approved, Order, OrderType, Role, Side, TimeInForce
from smart_leverage.domain.records import Noted, TierGranted, decode
from smart_leverage.domain.registry import Registry
from smart_leverage.engine.engine import Engine
from smart_leverage.engine.events import Opened, Prices
from smart_leverage.engine.proof import ExactCaps
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.policy.tier import Tier
from smart_leverage.runtime.recovery import recover
from smart_leverage.runtime.replay import replay
from smart_leverage.runtime.replay_case import MIRROR, VARIANTS, Account, offers_of
from smart_leverage.runtime.replay_log import (
    Execution,
    OrderLog,
    Trail,
    read_log,
    round_trips,
    sold_first,
)
from smart_leverage.runtime.replay_meter import Breach, Meter
from smart_leverage.runtime.replay_record import FORCED, RECORD_KEY, forced_record
from smart_leverage.runtime.replay_told import LOGGED, Replayed
from smart_leverage.runtime.trader import Trader
from smart_leverage.wiring import Beginning, engine_config, opening

D = Decimal
BTC, ETH, SOL = (Key(f"crypto:{each}/USD") for each in ("BTC", "ETH", "SOL"))
AAPL, MSFT, ZZZZ = (Key(f"us_equity:{each}") for each in ("AAPL", "MSFT", "ZZZZ"))
START = 1_709_650_800_000_000_000  # 2024-03-05T15:00:00Z, a Tuesday in session
SETTINGS = CLASSIC_SETTINGS
CONFIG = engine_config(SETTINGS)
SCRIPT = Path(__file__).parents[2] / "scripts/replay_orders.py"

HEADER = "submitted_at,symbol,side,qty,asset_class,filled_at,filled_qty,filled_avg_price\n"
ROWS = """\
2024-03-05T15:00:00Z,AAPL,buy,40,us_equity,2024-03-05T15:00:01Z,40,200
2024-03-05T15:00:10Z,BTCUSD,buy,0.1,crypto,2024-03-05T15:00:11Z,0.1,50000
2024-03-05T15:00:12Z,ETHUSD,buy,4,crypto,2024-03-05T15:00:13Z,4,2500
2024-03-05T15:00:14Z,SOLUSD,buy,50,crypto,2024-03-05T15:00:15Z,50,100
2024-03-05T15:00:16Z,NOPEUSD,buy,7,crypto,,,
2024-03-05T15:00:18Z,FOOUSD,buy,100,crypto,2024-03-05T15:00:19Z,100,10
2024-03-05T15:00:20Z,ZZZZ,buy,100,us_equity,2024-03-05T15:00:21Z,100,10
2024-03-05T15:01:00Z,AAPL,sell,40,us_equity,2024-03-05T15:01:01Z,40,201
2024-03-05T15:01:10Z,MSFT,sell,10,us_equity,2024-03-05T15:01:11Z,10,400
2024-03-05T15:01:30Z,MSFT,buy,10,us_equity,2024-03-05T15:01:31Z,10,401
2024-03-05T15:01:40Z,MSFT,buy,500,us_equity,,,
2024-03-05T15:01:50Z,BTCUSD,sell,0.09,crypto,2024-03-05T15:01:51Z,0.09,50100
"""


def opener(
    at_ns: int, cash: Decimal, holdings: tuple[Start, ...], registry: Registry, keys: Sequence[Key]
) -> Opened:
    return opening(SETTINGS, at_ns, Beginning(cash, holdings), registry, keys)


ACCOUNT = Account(equity=D(100_000), coins=D(26_300), config=CONFIG, opener=opener)


def written(folder: Path, rows: str = ROWS, header: str = HEADER) -> Path:
    path = folder / "orders.csv"
    path.write_text(header + rows, encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> OrderLog:
    return read_log(written(tmp_path), Registry.builtin())


# -- the log --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_ns", "price"),
    [
        pytest.param(5, "100", id="before-the-first-fill-the-first"),
        pytest.param(10, "100", id="at-the-fill-itself"),
        pytest.param(19, "100", id="until-the-next-one"),
        pytest.param(20, "101", id="the-newest-of-one-instant"),
        pytest.param(99, "101", id="after-the-last-the-last"),
    ],
)
def test_the_price_is_the_last_fill_at_or_before(at_ns: int, price: str) -> None:
    trail = Trail([Execution(20, D(1), D(101)), Execution(10, D(1), D(100))])
    assert trail.at(at_ns) == D(price)


def test_pairs_find_their_key_and_unknown_symbols_get_the_strictest_reading(log: OrderLog) -> None:
    assert list(log.trails) == [AAPL, BTC, ETH, SOL, Key("crypto:FOO/USD"), ZZZZ, MSFT]
    assert log.registry[Key("crypto:FOO/USD")].is_crypto
    assert log.registry[ZZZZ].factor == 3
    assert ZZZZ not in Registry.builtin()


def test_a_symbol_without_any_fill_is_listed_and_not_offered(log: OrderLog) -> None:
    assert log.unpriced == {"NOPEUSD": 1}
    assert len(log.offered) == len(log.orders) - 1


def test_rows_are_taken_in_order_of_time(tmp_path: Path, log: OrderLog) -> None:
    rows = "".join(reversed(ROWS.splitlines(keepends=True)))
    other = read_log(written(tmp_path, rows), Registry.builtin())
    assert [each.at_ns for each in other.orders] == [each.at_ns for each in log.orders]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param("2024-03-05T15:00:00,A,buy,1,us_equity,,,", "no zone", id="no-zone"),
        pytest.param("2024-03-05T15:00:00Z,A,hold,1,us_equity,,,", "hold", id="no-side"),
        pytest.param("2024-03-05T15:00:00Z,A,buy,-1,us_equity,,,", "not a positive", id="negative"),
        pytest.param("2024-03-05T15:00:00Z,A,buy,NaN,us_equity,,,", "not a positive", id="nan"),
        pytest.param("2024-03-05T15:00:00Z,A,buy,1,option,,,", "option", id="unknown-class"),
        pytest.param("2024-03-05T15:00:00Z,A,buy,x,us_equity,,,", "unreadable", id="no-number"),
    ],
)
def test_a_bad_row_is_refused_by_its_number(tmp_path: Path, row: str, fault: str) -> None:
    with pytest.raises(BadData, match=fault) as refused:
        read_log(written(tmp_path, ROWS + row + "\n"), Registry.builtin())
    assert refused.value.row == len(ROWS.splitlines()) + 1


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="filled_at"):
        read_log(written(tmp_path, "", "submitted_at,symbol\n"), Registry.builtin())


def test_a_log_without_any_price_cannot_be_replayed(tmp_path: Path) -> None:
    rows = "2024-03-05T15:00:00Z,AAPL,buy,1,us_equity,,,\n"
    log = read_log(written(tmp_path, rows), Registry.builtin())
    with pytest.raises(BadData, match="no order with a price"):
        replay(log, VARIANTS["b"], ACCOUNT)


def test_round_trips_of_the_fills_with_and_without_what_was_sold_first(log: OrderLog) -> None:
    trips = round_trips(log)
    assert [(each.key, each.net) for each in trips.trades] == [
        (AAPL, D(40)),
        (MSFT, D(-10)),
        (BTC, D(9)),
    ]
    assert (trips.wins, trips.realised) == (2, D(39))
    assert sold_first(log) == ("MSFT",)
    rest = round_trips(log, sold_first(log))
    assert (len(rest.trades), rest.win_rate, rest.realised) == (2, D(1), D(49))
    # Left open: 0.01 BTC at +1, and ETH, SOL, FOO and ZZZZ at what was paid.
    assert (rest.open_value, rest.open_profit) == (D(501 + 10_000 + 5_000 + 1_000 + 1_000), D(1))


# -- the variants ---------------------------------------------------------------------------------


def test_without_a_policy_every_order_goes_out_and_the_logs_refusals_are_repeated(
    log: OrderLog,
) -> None:
    run = replay(log, VARIANTS["a"], ACCOUNT)
    assert (run.offered, run.sent, run.filled) == (11, 11, 10)
    assert run.refused == {LOGGED: 1}
    assert run.peaks["crypto"].share > D("0.42")  # 26.3 % and another 16 %, beyond any cap
    assert run.shorts == 1  # nobody kept the bot from selling what the account does not hold
    assert {each.group for each in run.breaches} >= {"crypto", ETH}
    assert not run.is_sound


def test_a_forced_record_gives_the_room_of_its_tier_and_no_more(log: OrderLog) -> None:
    run = replay(log, VARIANTS["b"], ACCOUNT)
    assert run.tiers == ("stable",)
    # AAPL, BTC, SOL, FOO, ZZZZ and ten MSFT are bought, AAPL and BTC sold again.
    assert (run.offered, run.approved, run.sent, run.filled) == (11, 8, 8, 8)
    # ETH and 500 MSFT are too large for one symbol; what is not there cannot be sold.
    assert run.denied == {"cap_symbol": 2, "not_held": 1}
    assert run.peaks["crypto"].cap == D("0.4")
    assert run.peaks["leveraged"].share > run.peaks["crypto"].share  # ZZZZ counts as leveraged
    assert run.is_sound


def test_without_a_record_what_is_over_the_cap_is_trimmed_and_not_added_to(log: OrderLog) -> None:
    run = replay(log, VARIANTS["c"], ACCOUNT)
    peak = run.peaks["crypto"]
    assert (peak.share, peak.cap, peak.added) == (D("0.263000"), D("0.25"), None)
    assert run.house["trim"].fills == 3
    assert D(1_700) < run.house["trim"].notional < D(1_900)  # from 26.3 % to 98 % of the cap
    assert run.denied["cap_crypto"] == 4
    assert run.is_sound


def test_the_mirror_sends_the_same_with_the_other_side_a_little_later(log: OrderLog) -> None:
    offers = offers_of(log, is_doubled=True)
    own = [each for each in offers if each.bot != MIRROR]
    mirrored = [each for each in offers if each.bot == MIRROR]
    assert [each.at_ns for each in offers] == sorted(each.at_ns for each in offers)
    for one, other in zip(own, mirrored, strict=True):
        assert (other.at_ns - one.at_ns, other.key, other.qty) == (20 * SECOND_NS, one.key, one.qty)
        assert other.side is not one.side
    run = replay(log, VARIANTS["d"], ACCOUNT)
    assert run.offered == 2 * len(own)
    assert run.is_sound


def test_every_offered_order_gets_one_answer(log: OrderLog) -> None:
    for variant in list(VARIANTS.values())[1:]:
        run = replay(log, variant, ACCOUNT)
        assert run.approved + run.cut + sum(run.denied.values()) == run.offered


def test_a_bot_that_agreed_takes_less_when_less_fits(log: OrderLog) -> None:
    run = replay(log, VARIANTS["b"], ACCOUNT._replace(may_shrink=True))
    assert run.cut == 2  # ETH and the large order in MSFT, each down to the cap of one symbol
    assert run.denied == {"not_held": 1}


def test_the_same_log_gives_the_same_answer_twice(log: OrderLog) -> None:
    assert replay(log, VARIANTS["d"], ACCOUNT) == replay(log, VARIANTS["d"], ACCOUNT)


@pytest.mark.parametrize(
    "broken",
    [
        {"breaches": (Breach(0, "sent", BTC, "crypto", D(1), D(0)),)},
        *({name: 1} for name in ("flips", "shorts", "turns", "swings", "differences")),
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_one_broken_promise_is_enough(log: OrderLog, broken: dict[str, Any]) -> None:
    run: Replayed = replay(log, VARIANTS["b"], ACCOUNT)
    assert run.is_sound
    assert not run._replace(**broken).is_sound


# -- the forced record ----------------------------------------------------------------------------


@pytest.fixture
def ledger() -> Iterator[SqliteLedger]:
    with SqliteLedger.in_memory() as opened:
        yield opened


def begun(ledger: SqliteLedger, keep: Callable[[object], bool]) -> Trader:
    """Open an account, write those records of a forced past that are kept, and show a price."""
    registry = Registry.builtin()
    venue, clock = SimBroker(registry, config=SimConfig()), ManualClock(START)
    trader = recover(CONFIG, ledger, venue, clock)
    trader.offer(opener(START, D(100_000), (), registry, [AAPL, RECORD_KEY]))
    trader.flush()
    ledger.commit([record for record in forced_record(START) if keep(record)])
    trader = recover(CONFIG, ledger, venue, clock)
    trader.offer(Prices(at_ns=START + MINUTE_NS, prints=((AAPL, D(200)),)))
    trader.flush()
    return trader


def test_the_engines_own_judgement_leaves_a_forced_record_alone(ledger: SqliteLedger) -> None:
    engine: Engine = begun(ledger, lambda record: True).engine
    record = engine.state.book.record.capping
    assert (record.wins, record.closed) == (20, 40)
    assert engine.state.tier is Tier.STABLE
    assert engine.state.book.cash == D(100_000)  # invented trades leave no money behind
    assert engine.is_ready


def test_the_journal_says_that_the_record_is_forced(ledger: SqliteLedger) -> None:
    begun(ledger, lambda record: True)
    records = [decode(entry.payload) for entry in ledger.read()]
    notes = [each.text for each in records if isinstance(each, Noted) and "forced" in each.code]
    (granted,) = [each for each in records if isinstance(each, TierGranted)]
    assert notes == [f"{FORCED}: 40 invented round trips of {RECORD_KEY}, half of them won"]
    assert granted.why == FORCED


def test_a_tier_without_trades_behind_it_is_taken_back_at_the_first_price(
    ledger: SqliteLedger,
) -> None:
    trader = begun(ledger, lambda record: isinstance(record, TierGranted))
    assert trader.engine.state.tier is Tier.LEARNING


# -- the meter ------------------------------------------------------------------------------------

CAPS = ExactCaps(
    crypto=D("0.25"), leveraged=D("0.35"), gross=D(1), symbol=D("0.10"), symbol_broad=D("0.50")
)


class Hand:
    """A venue that is traded by hand, with a meter beside it."""

    def __init__(self) -> None:
        registry = Registry.builtin()
        config = SimConfig(
            mode=Mode.LIVE, is_short_allowed=True, partial_probability=0.0, opened_at_ns=START
        )
        self.venue = SimBroker(registry, config=config)
        self.meter = Meter(self.venue, registry, lambda: CAPS)
        self.now_ns = START
        self.sent = 0
        self.quote()

    def quote(self) -> None:
        self.now_ns += SECOND_NS
        self.venue.on_quote(self.now_ns, AAPL, 200.0, 200.0)
        self.meter.look(self.now_ns)

    def submit(self, side: Side, qty: int, role: Role = Role.BOT, limit: str = "") -> None:
        self.sent += 1
        order = Order(
            client_order_id=f"hand-{self.sent}",
            bot="hand",
            role=role,
            key=AAPL,
            side=side,
            qty=D(qty),
            type=OrderType.LIMIT if limit else OrderType.MARKET,
            limit_price=D(limit) if limit else None,
            time_in_force=TimeInForce.DAY,
        )
        self.venue.submit(Approved(order, ""))

    def trade(self, *orders: tuple[Side, int, Role]) -> Meter:
        for side, qty, role in orders:
            self.submit(side, qty, role)
            self.quote()
        return self.meter


def test_exposure_is_measured_against_its_cap_and_an_increase_beyond_it_is_a_breach() -> None:
    meter = Hand().trade((Side.BUY, 40, Role.BOT), (Side.BUY, 20, Role.BOT))
    peak = meter.peaks[AAPL]
    assert (peak.share, peak.cap, peak.added) == (D("0.12"), D("0.10"), D("0.12"))
    assert [(each.when, each.group, each.share) for each in meter.breaches] == [
        ("filled", AAPL, D("0.12"))
    ]


def test_what_was_sent_and_may_still_fill_is_judged_at_its_limit() -> None:
    hand = Hand()
    hand.trade((Side.BUY, 40, Role.BOT))
    hand.submit(Side.BUY, 10, limit="190")
    hand.meter.sent(hand.now_ns, AAPL)
    assert hand.meter.breaches == []
    hand.submit(Side.BUY, 10, limit="190")
    hand.meter.sent(hand.now_ns, AAPL)
    assert [(each.when, each.group) for each in hand.meter.breaches] == [("sent", AAPL)]


def test_a_decrease_is_never_a_breach() -> None:
    hand = Hand()
    hand.trade((Side.BUY, 80, Role.BOT))
    before = len(hand.meter.breaches)
    hand.trade((Side.SELL, 10, Role.BOT))
    assert len(hand.meter.breaches) == before == 1


def test_a_position_that_turns_from_long_to_short_is_a_flip_also_through_zero() -> None:
    hand = Hand()
    hand.trade((Side.BUY, 10, Role.BOT), (Side.SELL, 10, Role.BOT))
    assert (hand.meter.flips, hand.meter.shorts) == (0, 0)
    hand.trade((Side.SELL, 5, Role.BOT))
    assert (hand.meter.flips, hand.meter.shorts) == (1, 1)
    hand.trade((Side.BUY, 5, Role.BOT), (Side.BUY, 5, Role.BOT))
    assert (hand.meter.flips, hand.meter.shorts) == (2, 1)


def test_only_a_house_sale_after_a_purchase_after_a_house_sale_is_a_swing() -> None:
    hand = Hand()
    hand.trade((Side.BUY, 40, Role.BOT), (Side.SELL, 10, Role.TRIM), (Side.SELL, 5, Role.TRIM))
    assert hand.meter.swings == 0
    hand.trade((Side.BUY, 10, Role.BOT))
    assert hand.meter.swings == 0
    hand.trade((Side.SELL, 10, Role.TRIM))
    assert (hand.meter.swings, hand.meter.turns) == (1, 0)
    house = hand.meter.house["trim"]
    assert (house.fills, house.notional) == (3, D(5_000))


def test_a_house_that_buys_after_it_sold_has_turned() -> None:
    meter = Hand().trade(
        (Side.BUY, 40, Role.BOT), (Side.SELL, 10, Role.TRIM), (Side.BUY, 10, Role.TRIM)
    )
    assert meter.turns == 1


# -- the program ----------------------------------------------------------------------------------


def ran(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_program_prints_every_variant_for_people(tmp_path: Path) -> None:
    done = ran(str(written(tmp_path)))
    assert done.returncode == 0, done.stderr
    for name in VARIANTS:
        assert f"variant {name}: " in done.stdout
    assert done.stdout.count("every promise held: yes") == 3
    assert "no price, not offered: NOPEUSD 1" in done.stdout
    assert "sold before any purchase: MSFT" in done.stdout


def test_the_program_prints_one_variant_for_programs(tmp_path: Path) -> None:
    done = ran(str(written(tmp_path)), "--variant", "b", "--json", "--equity", "100000")
    facts = json.loads(done.stdout)
    assert list(facts["variants"]) == ["b"]
    assert facts["variants"]["b"]["approved"] == 8
    assert facts["variants"]["b"]["is_sound"] is True
    assert facts["round_trips"]["bought_first"]["realised"] == "49.00"


def test_the_program_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    done = ran(str(written(tmp_path, "nonsense\n")))
    assert done.returncode == 2
    assert "row 1" in done.stderr
