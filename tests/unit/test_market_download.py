"""Bars are fetched once, kept whole, and what is missing or wrong in them is told."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.bars_server import Server, paged, serving

from smart_leverage.domain.clock import DAY_NS, HOUR_NS
from smart_leverage.domain.errors import BadData, ConfigError, SourceDown
from smart_leverage.domain.instruments import AssetClass
from smart_leverage.domain.registry import Registry
from smart_leverage.market.download.alpaca import AlpacaBars, timeframe
from smart_leverage.market.download.checking import check
from smart_leverage.market.download.fetching import Got, get, merged, periods
from smart_leverage.market.download.findings import Checked
from smart_leverage.market.download.line import Line, host_of, waits_s
from smart_leverage.market.download.repairing import repair
from smart_leverage.market.download.rows import BarRow, BarSpan, Wanted
from smart_leverage.market.download.store import MANIFEST, Series, all_series, series_of
from smart_leverage.market.files import load

COIN, SHARE = AssetClass.CRYPTO, AssetClass.US_EQUITY
HOURS = Wanted(COIN, "BTC/USD", "1h")
PAGE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ns(year: int, month: int, day: int, hour: int = 0) -> int:
    return (datetime(year, month, day, hour, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) * 10**9


NOW = ns(2024, 3, 10, 12)
SPAN = BarSpan(ns(2024, 1, 20), ns(2024, 3, 5))


def bar(at: datetime, price: float = 100.0) -> dict[str, Any]:
    text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"t": text, "o": price, "h": price + 2, "l": price - 2, "c": price + 1, "v": 5.5}


def hours(first: datetime, count: int) -> list[dict[str, Any]]:
    return [bar(first + timedelta(hours=n), 100.0 + n % 7) for n in range(count)]


class Market:
    """What the server has; bars can be taken away and come back."""

    def __init__(self) -> None:
        self.bars = hours(datetime(2024, 1, 1, tzinfo=UTC), 24 * 80)
        self.symbol = "BTC/USD"
        self.fails: list[tuple[int, dict[str, str]]] = []

    def answers(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        if self.fails:
            status, heads = self.fails.pop(0)
            return status, heads, {"message": "not now"}
        return 200, {}, paged(self.symbol, self.bars, query, PAGE)

    def without(self, first: int, count: int) -> list[dict[str, Any]]:
        """Take bars away; return them."""
        gone = self.bars[first : first + count]
        del self.bars[first : first + count]
        return gone


@pytest.fixture
def market() -> Market:
    return Market()


@pytest.fixture
def server(market: Market) -> Iterator[Server]:
    with serving(market.answers) as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def source(server: Server, pauses: list[float]) -> Iterator[AlpacaBars]:
    with AlpacaBars(COIN, line=Line(server.url, sleep=pauses.append)) as asks:
        yield asks


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return series_of(tmp_path, "alpaca", HOURS)


def kinds(found: Checked, *, faults: bool = True) -> set[str]:
    return {one.kind for one in found.findings if one.is_fault is faults}


# -- getting --------------------------------------------------------------------------------------


def test_pages_become_parts_of_a_month_and_the_readers_take_the_folder(
    series: Series, source: AlpacaBars, server: Server
) -> None:
    steps: list[tuple[int, int]] = []
    got = get(series, source, SPAN, NOW, progress=lambda done, of: steps.append((done, of)))
    assert got == Got(kept=0, fetched=3, rows=24 * 45)
    assert [part.rows for part in series.manifest.parts.values()] == [12 * 24, 29 * 24, 4 * 24]
    assert len(server.asked) == 3 + 7 + 1
    assert steps == sorted(steps)
    assert steps[-1] == (24 * 45, 24 * 45)
    (one,) = load([series.path], Registry.builtin())
    assert (len(one), one.starts[0], one.ends[-1]) == (24 * 45, *SPAN)
    assert (one.key, one.holes.count) == ("crypto:BTC/USD", 0)
    assert check(series).findings == ()


def test_what_is_held_is_not_asked_for_again(
    series: Series, source: AlpacaBars, server: Server
) -> None:
    get(series, source, SPAN, NOW)
    before = len(server.asked)
    assert get(series, source, SPAN, NOW) == Got(kept=3, fetched=0, rows=0)
    assert len(server.asked) == before
    wider = BarSpan(ns(2024, 1, 10), ns(2024, 3, 7))
    assert get(series, source, wider, NOW) == Got(kept=1, fetched=2, rows=12 * 24)
    starts = [query["start"][:10] for _, query in server.asked[before:]]
    assert set(starts) == {"2024-01-10", "2024-03-05"}
    assert check(series).is_sound


def test_an_interruption_keeps_what_is_complete(
    series: Series, source: AlpacaBars, server: Server, market: Market, tmp_path: Path
) -> None:
    def stop(path: str, query: dict[str, str]) -> Any:
        if query["start"] >= "2024-02" and query.get("page_token"):
            return 200, {}, b'{"bars": {"BTC/'  # the line went dead in the middle of February
        return market.answers(path, query)

    server.answers = stop
    with pytest.raises(SourceDown, match="cannot be read"):
        get(series, source, SPAN, NOW)
    server.answers = market.answers
    # What a kill leaves: a part that no manifest names, and half a manifest.
    (series.path / "2024-02.0123456789ab.parquet").write_bytes(b"PAR1")
    (series.path / f"{MANIFEST}.new").write_bytes(b"{")
    again = series_of(tmp_path, "alpaca", HOURS)
    assert list(again.manifest.parts) == ["2024-01"]
    assert get(again, source, SPAN, NOW) == Got(kept=1, fetched=2, rows=33 * 24)
    names = {part.file for part in again.manifest.parts.values()}
    assert {file.name for file in again.path.iterdir()} == {*names, MANIFEST, ".lock"}


def test_what_has_not_ended_and_settled_is_not_asked_for(
    series: Series, source: AlpacaBars, server: Server
) -> None:
    now_ns = ns(2024, 2, 1, 12) + 15 * 60 * 10**9  # the bar of 11:00 ended a quarter ago
    get(series, source, BarSpan(ns(2024, 2, 1), 2**63 - 1), now_ns)
    assert series.manifest.parts["2024-02"].last_ns == ns(2024, 2, 1, 10)
    with pytest.raises(BadData, match="nothing of that time has ended"):
        get(series, source, BarSpan(ns(2024, 2, 1, 11), 2**63 - 1), now_ns)


def test_only_one_process_writes(series: Series, source: AlpacaBars, tmp_path: Path) -> None:
    other = series_of(tmp_path, "alpaca", HOURS)
    with other.writing(), pytest.raises(BadData, match="another process writes here"):
        get(series, source, SPAN, NOW)


def test_adjusted_prices_of_another_date_are_fetched_anew(
    server: Server, market: Market, tmp_path: Path
) -> None:
    market.symbol = "TQQQ"
    days = [datetime(2023, 1, 2, 5, tzinfo=UTC) + timedelta(days=n) for n in range(500)]
    market.bars = [bar(day) for day in days if day.weekday() < 5]
    with AlpacaBars(SHARE, url=server.url, keys=("id", "secret")) as source:
        series = series_of(tmp_path, source.name, Wanted(SHARE, "TQQQ", "1d", "all"))
        get(series, source, BarSpan(ns(2023, 1, 1), ns(2024, 2, 1)), NOW)
        assert server.heads[-1]["APCA-API-SECRET-KEY"] == "secret"
        assert server.asked[-1][1]["adjustment"] == "all"
        wider = BarSpan(ns(2023, 6, 1), ns(2024, 3, 1))
        got = get(series, source, wider, NOW + DAY_NS)
        assert (got.kept, got.fetched) == (0, 2)
        assert {part.as_of for part in series.manifest.parts.values()} == {"2024-03-11"}
        # An interruption in between leaves two dates, which nobody reads together.
        held = series.manifest.parts["2024"]
        series.keep("2024", (held.from_ns, held.until_ns), series.rows(held), NOW, "2024-03-12")
        with pytest.raises(BadData, match="adjusted on different dates"):
            load([series.path], Registry.builtin())
        assert "mixed_adjustment" in kinds(check(series))
        with pytest.raises(BadData, match="would not fit"):
            repair(series, source, NOW + DAY_NS)
        get(series, source, wider, NOW + DAY_NS, is_again=True)
        assert "mixed_adjustment" not in kinds(check(series))


def test_days_of_shares_bear_the_date_of_their_session(
    server: Server, market: Market, tmp_path: Path
) -> None:
    market.symbol = "SPY"
    market.bars = [
        bar(datetime(2024, 3, 8, 5, tzinfo=UTC)),  # New York has winter time
        bar(datetime(2024, 3, 11, 4, tzinfo=UTC)),  # and then summer time
    ]
    with AlpacaBars(SHARE, url=server.url, keys=("id", "secret"), feed="iex") as source:
        series = series_of(tmp_path, source.name, Wanted(SHARE, "SPY", "1d"))
        get(series, source, BarSpan(ns(2024, 3, 8), ns(2024, 3, 12)), ns(2024, 3, 13))
    assert series.path == tmp_path / "alpaca-iex" / "SPY" / "1d" / "raw"
    (one,) = load([series.path], Registry.builtin())
    assert [end // DAY_NS for end in one.ends] == [ns(2024, 3, d) // DAY_NS for d in (8, 11)]
    assert one.starts[0] == ns(2024, 3, 8, 14) + HOUR_NS // 2
    assert one.holes.count == 0
    assert kinds(check(series), faults=False) == {"midnight"}


# -- holes and what cannot be ---------------------------------------------------------------------


def test_a_hole_is_told_asked_for_again_and_written_down(
    series: Series, source: AlpacaBars, server: Server, market: Market
) -> None:
    late, dead = market.without(30 * 24, 5), market.without(40 * 24, 3)
    get(series, source, SPAN, NOW)
    found = check(series)
    assert kinds(found) == {"holes"}
    assert [hole.bars for hole in found.holes] == [5, 3]
    (one,) = load([series.path], Registry.builtin())
    assert (len(one), one.holes.bars_missing) == (24 * 45 - 8, 8)
    before = len(server.asked)
    market.bars = sorted([*market.bars, *late], key=lambda each: each["t"])
    done = repair(series, source, NOW)
    assert (done.holes, done.rows, [hole.bars for hole in done.empty]) == (2, 5, [3])
    assert len(server.asked) - before == 2
    assert {query["start"][:13] for _, query in server.asked[before:]} == {
        late[0]["t"][:13],
        dead[0]["t"][:13],
    }
    after = check(series)
    assert after.is_sound
    assert kinds(after, faults=False) == {"holes_empty"}


def test_a_damaged_part_is_refused_told_and_fetched_again(
    series: Series, source: AlpacaBars
) -> None:
    get(series, source, SPAN, NOW)
    file = series.path / series.manifest.parts["2024-02"].file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(BadData, match="its hash differs"):
        load([series.path], Registry.builtin())
    assert "damaged" in kinds(check(series))
    assert repair(series, source, NOW).mended == ("2024-02",)
    assert check(series).is_sound


def row(hour: int, *prices: float, volume: float = 1.0) -> BarRow:
    open_, high, low, close = prices or (100.0, 101.0, 99.0, 100.0)
    return BarRow(SPAN.from_ns + hour * HOUR_NS, open_, high, low, close, volume)


NAN = float("nan")
AWRY = row(1)._replace(at_ns=SPAN.from_ns + 90 * 10**9)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        pytest.param([row(0), row(1), row(1, 5, 6, 4, 5), row(2)], "duplicates", id="twice"),
        pytest.param([row(0), row(2), row(1), row(3)], "disorder", id="out-of-order"),
        pytest.param([row(0), row(1, NAN, 2, 1, 1), row(2)], "missing", id="nan"),
        pytest.param([row(0), row(1, 0.0, 2, 0.0, 1), row(2)], "not_positive", id="zero"),
        pytest.param([row(0), row(1, volume=-1.0), row(2)], "not_positive", id="volume"),
        pytest.param([row(0), row(1, 2, 1, 3, 2), row(2)], "contradiction", id="high-below-low"),
        pytest.param([row(0), AWRY, row(2)], "off_grid", id="grid"),
        pytest.param([row(0), row(24), row(48)], "midnight", id="days-as-hours"),
        pytest.param([*map(row, range(5)), row(5, 1200, 1210, 1190, 1200)], "jump", id="unit"),
    ],
)
def test_what_cannot_be_is_found(series: Series, rows: list[BarRow], kind: str) -> None:
    with series.writing():
        series.keep("2024-01", (SPAN.from_ns, SPAN.from_ns + 3 * DAY_NS), rows, NOW, "2024-03-10")
    assert kind in kinds(check(series))


def test_a_split_that_is_not_adjusted_is_found(tmp_path: Path) -> None:
    series = series_of(tmp_path, "alpaca-sip", Wanted(SHARE, "TQQQ", "1d"))
    before, after = (90.0, 91.0, 89.0, 90.0), (30.0, 31.0, 29.0, 30.0)
    days = {4: before, 5: before, 8: before, 9: after, 10: after}
    rows = [BarRow(ns(2024, 1, day), *prices, 1.0) for day, prices in days.items()]
    with series.writing():
        series.keep("2024", (rows[0].at_ns, rows[-1].at_ns + DAY_NS), rows, NOW, "2024-03-10")
    (found,) = [one for one in check(series).findings if one.kind == "jump"]
    assert "split" in found.said


def test_a_manifest_cannot_name_files_elsewhere(series: Series, source: AlpacaBars) -> None:
    get(series, source, SPAN, NOW)
    manifest = series.path / MANIFEST
    told = json.loads(manifest.read_bytes())
    told["parts"]["2024-01"]["file"] = "../../../../2024-01.parquet"
    manifest.write_text(json.dumps(told))
    with pytest.raises(BadData, match="not written by this version"):
        load([series.path], Registry.builtin())
    told["parts"]["2024-01"]["more"] = 1
    manifest.write_text(json.dumps(told))
    with pytest.raises(BadData, match="cannot be read"):
        all_series(series.path.parents[3])


# -- the line -------------------------------------------------------------------------------------


def test_a_busy_server_is_given_the_time_that_it_asks_for(
    source: AlpacaBars, market: Market, series: Series, pauses: list[float]
) -> None:
    market.fails = [(429, {"Retry-After": "7"}), (503, {}), (500, {})]
    get(series, source, SPAN, NOW)
    assert pauses == [7.0, 1.0, 2.0]
    assert check(series).is_sound


def test_tries_and_patience_have_an_end(
    source: AlpacaBars, market: Market, series: Series, pauses: list[float]
) -> None:
    market.fails = [(503, {})] * 6
    with pytest.raises(SourceDown, match="6 tries: status 503"):
        get(series, source, SPAN, NOW)
    assert len(pauses) == 5
    market.fails = [(429, {"Retry-After": "3600"})]
    with pytest.raises(SourceDown, match="pause of 3600 s"):
        get(series, source, SPAN, NOW)


def test_a_refusal_is_final_and_quoted(
    source: AlpacaBars, market: Market, series: Series, pauses: list[float]
) -> None:
    market.fails = [(403, {})]
    with pytest.raises(BadData, match=r"status 403: .*not now.*plan includes"):
        get(series, source, SPAN, NOW)
    assert pauses == []


def test_pages_that_go_round_in_a_circle_end(server: Server, source: AlpacaBars) -> None:
    server.answers = lambda path, query: (200, {}, {"bars": {}, "next_page_token": "again"})
    with pytest.raises(SourceDown, match="without end"):
        list(source.fetch(HOURS, SPAN))


@pytest.mark.parametrize(
    ("heads", "waits"),
    [
        pytest.param({"retry-after": "5"}, 5.0, id="seconds"),
        pytest.param({"retry-after": "Thu, 01 Jan 1970 00:01:50 GMT"}, 10.0, id="date"),
        pytest.param({"retry-after": "Thu, 01 Jan 1970 00:00:50 GMT"}, 0.0, id="date-gone"),
        pytest.param({"retry-after": "soon"}, 4.0, id="no-time"),
        pytest.param({"x-ratelimit-reset": "130"}, 30.0, id="reset"),
        pytest.param({"x-ratelimit-reset": "9999999"}, 4.0, id="reset-far"),
        pytest.param({}, 4.0, id="steps"),
    ],
)
def test_how_long_to_wait(heads: dict[str, str], waits: float) -> None:
    assert waits_s(heads, 3, 100.0) == waits


@pytest.mark.parametrize(
    "url",
    ["https://data.example.org", "http://data.alpaca.markets", "http://127.0.0.1:1/x", "file:///x"],
)
def test_keys_go_to_the_source_or_nowhere(url: str) -> None:
    with pytest.raises(ConfigError):
        host_of(url, "https://data.alpaca.markets")


def test_bars_of_shares_need_keys_and_steps_that_do_not_move() -> None:
    with pytest.raises(ConfigError, match="need a key"):
        AlpacaBars(SHARE)
    assert timeframe("15m", is_share=True) == "15Min"
    assert timeframe("4h", is_share=False) == "4Hour"
    with pytest.raises(BadData, match="daylight"):
        timeframe("4h", is_share=True)


@pytest.mark.parametrize("symbol", ["../BTC", "btc/usd", "BTC/USD:USD", "..", "A/B/C", ""])
def test_no_symbol_leads_out_of_the_folder(tmp_path: Path, symbol: str) -> None:
    kind = COIN if "/" in symbol else SHARE
    with pytest.raises(BadData):
        series_of(tmp_path, "alpaca", Wanted(kind, symbol, "1h"))


# -- in general -----------------------------------------------------------------------------------


@given(st.integers(0, 20_000 * 24), st.integers(1, 2_000 * 24), st.sampled_from([HOUR_NS, DAY_NS]))
def test_parts_cover_a_span_without_gap_or_overlap(first: int, length: int, step_ns: int) -> None:
    span = BarSpan(first * HOUR_NS, (first + length) * HOUR_NS)
    parts = list(periods(step_ns, span))
    assert [parts[0][1].from_ns, parts[-1][1].until_ns] == list(span)
    assert all(a.until_ns == b.from_ns for (_, a), (_, b) in pairwise(parts))
    assert all(part.from_ns < part.until_ns for _, part in parts)
    names = [name for name, _ in parts]
    assert names == sorted(set(names))


@given(st.lists(st.integers(0, 30)), st.lists(st.integers(0, 30)))
def test_pages_that_overlap_add_up_to_each_bar_once(a: list[int], b: list[int]) -> None:
    rows = merged(map(row, a), map(row, b))
    assert rows == [row(n) for n in sorted({*a, *b})]
