"""The feed: one line of instants, closes before opens, nothing early and nothing lost."""

from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.errors import BadData
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.registry import Registry
from smart_leverage.market import feed
from smart_leverage.market.bars import Bar, BarSeries, Source, step_text
from smart_leverage.market.feed import instants
from smart_leverage.market.files import Reading, load

BTC, ETH, TQQQ = Key("crypto:BTC/USD"), Key("crypto:ETH/USD"), Key("us_equity:TQQQ")
DATA = Path(__file__).parents[2] / ".." / "shared" / "data"


def series(key: Key, spans: list[tuple[int, int]], step_ns: int = HOUR_NS) -> BarSeries:
    """Make bars whose open tells their number and whose close tells it plus a half."""
    count = len(spans)
    return BarSeries(
        key=key,
        step_ns=step_ns,
        starts=array("q", [start * HOUR_NS for start, _ in spans]),
        ends=array("q", [end * HOUR_NS for _, end in spans]),
        opens=array("d", [number + 1.0 for number in range(count)]),
        highs=array("d", [count + 9.0] * count),
        lows=array("d", [0.5] * count),
        closes=array("d", [number + 1.5 for number in range(count)]),
        volumes=array("d", [1.0] * count),
        source=Source("made by hand", ""),
    )


def hours(first: int, last: int) -> list[tuple[int, int]]:
    return [(hour, hour + 1) for hour in range(first, last)]


def told(
    *joined: BarSeries,
) -> list[tuple[float, list[tuple[Key, float]], list[tuple[Key, float]]]]:
    return [
        (each.at_ns / HOUR_NS, [(key, bar.close) for key, bar in each.closes], each.opens)
        for each in instants(joined)
    ]


def test_a_bar_opens_at_its_start_and_is_known_at_its_end() -> None:
    assert told(series(BTC, [(0, 1), (1, 2)])) == [
        (0, [], [(BTC, 1.0)]),
        (1, [(BTC, 1.5)], [(BTC, 2.0)]),
        (2, [(BTC, 2.5)], []),
    ]


def test_series_keep_their_order_inside_an_instant() -> None:
    joined = told(series(BTC, hours(0, 2)), series(ETH, hours(0, 2)))

    assert joined[1] == (1, [(BTC, 1.5), (ETH, 1.5)], [(BTC, 2.0), (ETH, 2.0)])


def test_a_daily_share_speaks_at_open_and_close_among_hourly_coins() -> None:
    joined = told(series(BTC, hours(13, 23)), series(TQQQ, [(14, 21)], DAY_NS))

    opens = [(at, opened) for at, _, opened in joined if any(key == TQQQ for key, _ in opened)]
    closes = [(at, closed) for at, closed, _ in joined if any(key == TQQQ for key, _ in closed)]
    assert opens == [(14, [(BTC, 2.0), (TQQQ, 1.0)])]
    assert closes == [(21, [(BTC, 8.5), (TQQQ, 1.5)])]


def test_a_dead_asset_says_nothing_more() -> None:
    joined = told(series(BTC, hours(0, 5)), series(ETH, hours(0, 2)))

    assert [at for at, closed, _ in joined if (ETH, 2.5) in closed] == [2]
    assert [key for at, closed, opened in joined if at > 2 for key, _ in closed + opened] == [
        BTC
    ] * 5


def test_a_hole_is_an_instant_without_opens_and_later_one_without_closes() -> None:
    assert told(series(BTC, [(0, 1), (5, 6)])) == [
        (0, [], [(BTC, 1.0)]),
        (1, [(BTC, 1.5)], []),
        (5, [], [(BTC, 2.0)]),
        (6, [(BTC, 2.5)], []),
    ]


def test_an_asset_that_is_listed_later_begins_when_it_begins() -> None:
    joined = told(series(BTC, hours(0, 3)), series(ETH, hours(2, 3)))

    assert joined[2] == (2, [(BTC, 2.5)], [(BTC, 3.0), (ETH, 1.0)])


def test_nothing_at_all_gives_no_instants() -> None:
    assert told() == []
    assert told(series(BTC, [])) == []


def test_two_series_of_one_key_are_refused() -> None:
    with pytest.raises(BadData, match=r"crypto:BTC/USD has bars already"):
        told(series(BTC, hours(0, 1)), series(BTC, hours(0, 1)))


@pytest.mark.parametrize("stride", [1, 2, 3, 7])
def test_the_stretch_held_in_memory_changes_nothing(
    stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = (
        series(BTC, [*hours(0, 20), *hours(30, 40)]),
        series(ETH, hours(5, 15)),
        series(TQQQ, [(14, 21), (38, 45), (62, 69)], DAY_NS),
    )
    whole = told(*joined)
    monkeypatch.setattr(feed, "_STRIDE", stride)

    assert told(*joined) == whole
    assert [at for at, _, _ in whole] == sorted({at for at, _, _ in whole})


def test_a_series_gives_its_bars_by_index_by_stretch_and_in_full() -> None:
    three = series(BTC, hours(0, 3))

    assert three[1] == Bar(HOUR_NS, 2 * HOUR_NS, 2.0, 12.0, 0.5, 2.5, 1.0)
    assert list(three.bars(1, 3)) == [three[1], three[2]] == list(three)[1:]
    assert len(three) == 3


@pytest.mark.parametrize(
    ("step_ns", "text"),
    [(DAY_NS, "1d"), (4 * HOUR_NS, "4h"), (HOUR_NS // 12, "5m"), (90 * 10**9, "90s")],
)
def test_step_text(step_ns: int, text: str) -> None:
    assert step_text(step_ns) == text


REAL = [
    *sorted(DATA.glob("crypto/*-USDT.1h.parquet")),
    *(path for symbol in ("SQQQ", "TQQQ") for path in DATA.glob(f"etf/{symbol}.1d.parquet")),
]


@pytest.mark.parametrize(
    "real", [(), *([tuple(REAL)] if REAL else [])], ids=["made", "real"][: 1 + bool(REAL)]
)
def test_every_bar_is_handed_out_once_as_open_and_once_as_close(real: tuple[Path, ...]) -> None:
    joined = [series(BTC, hours(0, 2_000)), series(TQQQ, [(14, 21), (38, 45)], DAY_NS)]
    if real:
        joined = load(real, Registry.builtin(), reading=Reading(quote_alias={"USDT": "USD"}))
    bars = sum(len(each) for each in joined)

    moments, opens, closes = [], 0, 0
    last_close: dict[Key, int] = {}
    for instant in instants(joined):
        moments.append(instant.at_ns)
        opens += len(instant.opens)
        closes += len(instant.closes)
        for key, bar in instant.closes:
            assert bar.end_ns == instant.at_ns
            assert bar.start_ns >= last_close.get(key, 0)
            last_close[key] = bar.end_ns

    assert (opens, closes) == (bars, bars)
    assert all(before < after for before, after in pairwise(moments))
    assert last_close == {each.key: each.ends[-1] for each in joined}
