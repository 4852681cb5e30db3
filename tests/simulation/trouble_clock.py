"""Troubles of the clock: it jumps while an account runs or rests; days are not all 24 hours."""

from array import array
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.contract.desk_in_trouble import BTC, Desk, Market, recorded
from tests.simulation.desk import at
from tests.simulation.trouble_story import Story, agree, sound

from smart_leverage.domain.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.orders import Role, Side
from smart_leverage.domain.records import BaselineSet, BreakerMoved, Decided, Noted
from smart_leverage.domain.stamps import iso
from smart_leverage.market.bars import BarSeries, Source

NEW_YORK = ZoneInfo("America/New_York")
ETH, SOL = Key("crypto:ETH/USD"), Key("crypto:SOL/USD")
PRICES = {BTC: 50_000.0, ETH: 2_500.0, SOL: 100.0}
WANTED = {BTC: "4000", ETH: "9700", SOL: "9700"}
START_NS = at("2024-03-05T15:00")
FALL = 0.8
"""ETH and SOL are worth so much less from one bar to the next: more than a day may lose."""


def back(folder: Path, story: Story) -> None:
    """The wall clock of a running account goes back an hour, and comes back."""
    _jump(folder, story, -HOUR_NS)


def forward(folder: Path, story: Story) -> None:
    """The wall clock of a running account goes forward a day, and comes back."""
    _jump(folder, story, DAY_NS)


def restart(folder: Path, story: Story) -> None:
    """An account is started by a wall clock that is a day ahead; its broker tells the time."""
    desk = _holding(folder, fall_min=5, has_clock=True)
    desk.run(10)
    trip = _trips(desk)[-1]
    story.did(f"An account tripped its day at {iso(trip.at_ns)}: {trip.value:.2%} were lost.")
    try:
        desk.stop()
        desk.time.offset_ns = DAY_NS
        desk.start()
        story.did(
            "The process ends. Another begins by a wall clock that is a day ahead; the broker's "
            "own clock is right. (The embedded market has none: a start there believes the wall.)"
        )
        days = len(_days(desk))
        desk.run(0.5)
        _told(story, desk, "clock.jumped")
        desk.run(1)
        _denied(story, desk, "breaker_day")
        _exits(story, desk)
        _same_day(story, desk, days)
        _right_again(story, desk, days)
    finally:
        desk.stop()


def short_day(folder: Path, story: Story) -> None:
    """In New York clocks go from 02:00 to 03:00, so that a day has 23 hours."""
    _odd_day(folder, story, date(2025, 3, 9), 23, ("2025-03-09T06:50", "2025-03-09T07:00"))


def long_day(folder: Path, story: Story) -> None:
    """In New York clocks go from 02:00 back to 01:00, so that a day has 25 hours."""
    _odd_day(folder, story, date(2025, 11, 2), 25, ("2025-11-02T05:30", "2025-11-02T06:30"))


# -- what is done ------------------------------------------------------------------------------


def _jump(folder: Path, story: Story, by_ns: int) -> None:
    """Let the clock be wrong while an account runs, and let it trip meanwhile."""
    desk = _holding(folder, fall_min=20)
    try:
        days = len(_days(desk))
        desk.time.offset_ns = by_ns
        wall, true = iso(desk.time.now_ns()), iso(desk.time.true_ns)
        story.did(f"At {true} the clock of a running account's machine shows {wall}.")
        desk.run(1)
        _told(story, desk, "clock.jumped")
        _denied(story, desk, "clock")
        _exits(story, desk)
        story.did("ETH and SOL, two of the three coins that it holds, fall by a fifth.")
        _run_until(desk, START_NS + 25 * MINUTE_NS)
        trip = _trips(desk)[-1]
        lost = f"tripped at {iso(trip.at_ns)}, {trip.value:.2%} lost, {trip.limit:.0%} allowed"
        story.saw("the loss limit of the day", lost, trip.is_tripped)
        _same_day(story, desk, days)
        _denied(story, desk, "breaker_day")
        _exits(story, desk)
        story.saw(
            "the time of the account",
            f"{iso(desk.clock.now_ns())}, and {iso(desk.time.true_ns)} it is",
            desk.clock.now_ns() == desk.time.true_ns,
        )
        _right_again(story, desk, days)
    finally:
        desk.stop()


def _right_again(story: Story, desk: Desk, days: int) -> None:
    desk.time.offset_ns = 0
    story.did("The clock of the machine is right again.")
    desk.run(3)
    _told(story, desk, "clock.settled")
    _denied(story, desk, "breaker_day")
    _same_day(story, desk, days)
    agree(story, desk)
    sound(story, desk.path)


def _holding(folder: Path, *, fall_min: int, has_clock: bool = False) -> Desk:
    """Return an account with three coins, of which two fall further than a day may lose."""
    desk = Desk(folder, _market(START_NS, 2, 60, 10.0, START_NS + fall_min * MINUTE_NS))
    desk.venue.has_clock = has_clock
    _buy(desk)
    return desk


def _odd_day(folder: Path, story: Story, day: date, hours: int, around: tuple[str, str]) -> None:
    """Live through a day on which clocks change, with a trip at noon."""
    opens, ends, noon = _local(day), _local(day + timedelta(days=1)), _local(day, 12)
    desk = Desk(folder, _market(_local(day - timedelta(days=1), 12), 3, 600, 120.0, noon))
    try:
        _buy(desk, 60)
        story.did(f"Risk days are New York's. An account lives through {day} and trips at noon.")
        _around_the_change(story, desk, day, around)
        _run_until(desk, noon + 20 * MINUTE_NS)
        for before_ns in (ends - 6 * HOUR_NS, ends - HOUR_NS):
            _run_until(desk, before_ns)
            story.did(f"At {_in_both(before_ns)} the bot wants to buy for 500.")
            _denied(story, desk, "breaker_day", 15)
        _run_until(desk, ends + 20 * MINUTE_NS)
        _day_told(story, desk, day, hours, (opens, ends))
        story.did(f"At {_in_both(desk.time.true_ns)} the bot wants to buy for 500.")
        verdict = _asked(desk, Side.BUY, 15)
        story.saw("the buy", _words(verdict), verdict.verdict == "approved")
        agree(story, desk)
        sound(story, desk.path)
    finally:
        desk.stop()


def _buy(desk: Desk, minutes: float = 4) -> None:
    for key, notional in WANTED.items():
        desk.bot.wants(Side.BUY, notional=notional, key=key)
    desk.run(minutes)
    assert set(dict(desk.state.held())) == set(WANTED)


def _asked(desk: Desk, side: Side, minutes: float = 1.5) -> Decided:
    """Let the bot want something and return the answer."""
    desk.heard.clear()
    if side is Side.BUY:
        desk.bot.wants(Side.BUY, notional="500")
    else:
        desk.bot.wants(Side.SELL, qty="0.01")
    desk.run(minutes)
    return next(e for e in desk.heard if isinstance(e, Decided) and e.bot == "bot")


def _run_until(desk: Desk, at_ns: int) -> None:
    desk.run((at_ns - desk.time.true_ns) / MINUTE_NS)


def _market(start_ns: int, days: int, bar_s: int, step_s: float, fall_ns: int) -> Market:
    step_ns = bar_s * SECOND_NS
    starts = array("q", range(start_ns, start_ns + days * DAY_NS, step_ns))
    ends = array("q", (each + step_ns for each in starts))
    source = Source("two coins of three fall", "")
    series = []
    for key, price in PRICES.items():
        low = price if key == BTC else price * FALL
        prices = array("d", (low if each >= fall_ns else price for each in starts))
        volumes = array("d", (1.0 for _ in starts))
        columns = (starts, ends, prices, prices, prices, prices, volumes)
        series.append(BarSeries(key, step_ns, *columns, source))
    return Market(series, step_s)


def _local(day: date, hour: int = 0) -> int:
    """Return the instant at which it is so late in New York, by the zone itself."""
    local = datetime(day.year, day.month, day.day, hour, tzinfo=NEW_YORK)
    return int(local.timestamp()) * SECOND_NS


def _in_both(at_ns: int) -> str:
    local = datetime.fromtimestamp(at_ns // SECOND_NS, NEW_YORK)
    return f"{iso(at_ns)} ({local:%H:%M %Z})"


# -- what is seen ------------------------------------------------------------------------------


def _days(desk: Desk) -> list[BaselineSet]:
    return [each for each in recorded(desk.path, BaselineSet) if each.period == "day"]


def _trips(desk: Desk) -> list[BreakerMoved]:
    return [each for each in recorded(desk.path, BreakerMoved) if each.breaker == "day"]


def _told(story: Story, desk: Desk, code: str) -> None:
    notes = [each for each in recorded(desk.path, Noted) if each.code.startswith("clock.")]
    last = notes[-1] if notes else None
    told = "nothing" if last is None else f"{last.code}: {last.text}"
    story.saw("noted in the ledger", told, last is not None and last.code == code)


def _denied(story: Story, desk: Desk, reason: str, minutes: float = 1.5) -> None:
    answer = _asked(desk, Side.BUY, minutes)
    story.saw("a buy", _words(answer), (answer.verdict, answer.reason) == ("denied", reason))


def _exits(story: Story, desk: Desk) -> None:
    before = _held(desk)
    answer = _asked(desk, Side.SELL)
    resting = [each.order for each in desk.venue.orders(is_open=True)]
    stops = sum(each.qty for each in resting if (each.key, each.role) == (BTC, Role.STOP))
    story.saw(
        "a sale of 0.01 BTC",
        f"{answer.verdict}; the venue held {before} and holds {_held(desk)}, stops for {stops}",
        before - _held(desk) == Decimal("0.01") and stops == _held(desk),
    )


def _held(desk: Desk) -> Decimal:
    return {each.key: each.qty for each in desk.venue.positions()}.get(BTC, Decimal(0))


def _same_day(story: Story, desk: Desk, days: int) -> None:
    opened, trip = _days(desk), _trips(desk)[-1]
    story.saw(
        "risk day",
        f"{desk.state.day_label}; {len(opened) - days} days opened since; the trip "
        f"{'stays' if trip.is_tripped else 'was cleared'}",
        len(opened) == days and trip.is_tripped and desk.state.breakers.is_day_tripped,
    )


def _words(answer: Decided) -> str:
    why = "" if answer.verdict == "approved" else f", reason {answer.reason}"
    return f"{answer.verdict}{why}"


def _around_the_change(story: Story, desk: Desk, day: date, around: tuple[str, str]) -> None:
    labels = []
    for when_ns in map(at, around):
        _run_until(desk, when_ns)
        desk.stop()
        desk.start()
        desk.run(10)
        labels.append(f"{desk.state.day_label} at {_in_both(when_ns)}")
    opened = sum(each.label == day.isoformat() for each in _days(desk))
    story.saw(
        "risk day, by a process begun then",
        f"{'; '.join(labels)}; opened so far: {opened} time",
        all(each.startswith(day.isoformat()) for each in labels) and opened == 1,
    )


def _day_told(story: Story, desk: Desk, day: date, hours: int, midnights: tuple[int, int]) -> None:
    opened, label = _days(desk), day.isoformat()
    times = [each.at_ns for each in opened if each.label == label]
    later = [each.at_ns for each in opened if each.label > label]
    lasted = (later[0] - times[0]) / HOUR_NS
    story.saw(
        "the day in the ledger",
        f"{iso(times[0])} to {iso(later[0])}, {lasted:g} hours, {len(times)} opening",
        lasted == hours and len(times) == 1 and (times[0], later[0]) == midnights,
    )
    trip, cleared = _trips(desk)[-2:]
    story.saw(
        "the trip in the ledger",
        f"from {_in_both(trip.at_ns)} to {_in_both(cleared.at_ns)}, {trip.value:.2%} lost",
        trip.is_tripped and not cleared.is_tripped and cleared.at_ns == midnights[1],
    )
