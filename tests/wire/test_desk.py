"""The desk against clients without manners: who gets in, what is refused, and how streams talk."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import pytest
from tests.wire.desk_server import BTC, ETH, KEYS, SPY, Desk, desk, seat
from tests.wire.raw import Answer, Raw
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

COINS = "/v1beta3/crypto/us"
BARS = f"{COINS}/bars?symbols=BTC/USD&timeframe=1Hour"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture
def raw(served: Desk) -> Raw:
    return Raw(served.url, KEYS)


def is_refusal(answer: Answer, status: int) -> bool:
    told = answer.json
    return answer.status == status and type(told["code"]) is int and bool(told["message"])


# -- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said"),
    [
        pytest.param(f"{COINS}/bars?timeframe=1Day", "symbols is required", id="no-symbols"),
        pytest.param(f"{COINS}/bars?symbols=BTC/USD", "timeframe is required", id="no-timeframe"),
        pytest.param(f"{COINS}/bars?symbols=BTC/USD&timeframe=60Min", "timeframe", id="60-minutes"),
        pytest.param(f"{COINS}/bars?symbols=BTC/USD&timeframe=2Day", "timeframe", id="two-days"),
        pytest.param(f"{BARS}&start=yesterday", "start is no time", id="no-time"),
        pytest.param(f"{BARS}&start=2026-08-04&end=2026-08-03", "before start", id="backwards"),
        pytest.param(f"{BARS}&limit=0", "limit", id="limit-zero"),
        pytest.param(f"{BARS}&limit=-1", "limit", id="limit-below-zero"),
        pytest.param(f"{BARS}&sort=up", "sort", id="sort"),
        pytest.param(f"{BARS}&page_token=AAAA", "page_token", id="foreign-token"),
        pytest.param(f"{BARS}&page_token=%C3%A4", "page_token", id="token-with-an-umlaut"),
        pytest.param(f"{BARS}&feed=iex", "unknown parameter", id="feed-of-coins"),
        pytest.param(f"{COINS}/bars?symbols=btc/usd&timeframe=1Day", "symbol", id="small-letters"),
        pytest.param(f"/v2/stocks/bars?symbols={BTC}&timeframe=1Day", "symbol", id="coin-as-share"),
        pytest.param("/v2/stocks/quotes/latest?symbols=SPY&feed=x", "feed", id="feed"),
        pytest.param("/v2/stocks/quotes/latest?symbols=SPY&currency=EUR", "currency", id="euro"),
        pytest.param("/v2/stocks/bars?symbols=SPY&timeframe=1Day&adjustment=x", "adj", id="adjust"),
    ],
)
def test_what_is_not_offered_is_refused(raw: Raw, path: str, said: str) -> None:
    answer = raw("GET", path)
    assert is_refusal(answer, 422)
    assert said in answer.json["message"]


def test_a_date_means_the_whole_of_its_day(raw: Raw, served: Desk) -> None:
    day = served.first_day.isoformat()
    path = f"{COINS}/bars?symbols=BTC/USD&timeframe=1Hour&start={day}&end={day}"
    rows = raw("GET", path).json["bars"][BTC]
    assert (len(rows), rows[0]["t"]) == (24, f"{day}T00:00:00Z")


def test_nothing_asked_for_is_an_empty_map(raw: Raw) -> None:
    path = f"{BARS}&start=2021-01-01T00:00:00Z&end=2021-01-02T00:00:00Z"
    assert raw("GET", path).json == {"bars": {}, "next_page_token": None}
    path = f"{COINS}/latest/quotes?symbols=XYZ/USD"
    assert raw("GET", path).json == {"quotes": {}}


def test_pages_of_one_symbol_as_the_older_client_asks(raw: Raw, served: Desk) -> None:
    path = f"/v2/stocks/{SPY}/bars?timeframe=1Min&start={served.first_day}&limit=400"
    rows: list[dict[str, Any]] = []
    token: str | None = ""
    pages = 0
    while token is not None and pages < 10:
        told = raw("GET", path + (f"&page_token={token}" if token else "")).json
        assert told["symbol"] == SPY
        rows += told["bars"]
        token, pages = told["next_page_token"], pages + 1
    assert pages == -(-len(rows) // 400)
    assert token is None
    assert [row["t"] for row in rows] == sorted({row["t"] for row in rows})
    for kind in ("quote", "trade", "bar"):
        told = raw("GET", f"/v2/stocks/{SPY}/{kind}s/latest").json
        assert (told["symbol"], "t" in told[kind]) == (SPY, True)
    assert "latestTrade" in raw("GET", f"/v2/stocks/{SPY}/snapshot").json
    assert is_refusal(raw("GET", "/v2/stocks/NVDA/quotes/latest"), 404)


@pytest.mark.parametrize("location", ["us-1", "us-2", "eu-1", "bs-1"])
def test_coins_have_several_places(raw: Raw, location: str) -> None:
    path = f"/v1beta3/crypto/{location}/latest/bars?symbols=ETH/USD"
    assert list(raw("GET", path).json["bars"]) == [ETH]
    assert is_refusal(raw("GET", "/v1beta3/crypto/moon/latest/bars?symbols=ETH/USD"), 404)


# -- the door -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/v2", 404, id="root"),
        pytest.param("GET", "/v2/stocks/SPY/nothing", 404, id="unknown"),
        pytest.param("GET", "/v2/stocks/../account", 404, id="dots"),
        pytest.param("OPTIONS", BARS, 405, id="options"),
        pytest.param("POST", BARS, 403, id="post"),
        pytest.param("DELETE", "/v2/positions", 403, id="delete"),
    ],
)
def test_every_refusal_is_json(raw: Raw, method: str, path: str, status: int) -> None:
    assert is_refusal(raw(method, path), status)


def test_a_foreign_name_and_a_web_page_get_nothing(raw: Raw) -> None:
    assert is_refusal(raw("GET", BARS, headers={"Host": "evil.example"}), 421)
    assert is_refusal(raw("GET", BARS, headers={"Origin": "http://evil.example"}), 403)


def test_a_head_has_no_body_and_what_is_said_is_not_kept(raw: Raw) -> None:
    answer = raw("HEAD", BARS)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_a_body_is_not_taken(raw: Raw) -> None:
    assert is_refusal(raw("GET", BARS, {"symbols": "ETH/USD"}), 400)
    assert is_refusal(raw("GET", BARS, b"x" * 1_000_000), 413)


def test_shares_need_a_key_that_is_live(raw: Raw, served: Desk) -> None:
    path = f"/v2/stocks/quotes/latest?symbols={SPY}"
    assert raw("GET", path).status == 200
    assert is_refusal(Raw(served.url, (KEYS[0], "wrong"))("GET", path), 401)
    assert is_refusal(Raw(served.url, ("", ""))("GET", path), 401)
    late = ("SLKLATE", "late")
    assert is_refusal(Raw(served.url, late)("GET", path), 401)
    served.ledger.commit([seat(late)])
    assert Raw(served.url, late)("GET", path).status == 200
    served.ledger.commit([seat(late, is_revoked=True)])
    assert is_refusal(Raw(served.url, late)("GET", path), 401)


# -- streams --------------------------------------------------------------------------------------


@contextmanager
def told(
    served: Desk, path: str = COINS, keys: tuple[str, str] | None = KEYS, **options: Any
) -> Iterator[tuple[ClientConnection, Callable[..., list[dict[str, Any]]]]]:
    """Connect, and authenticate unless there are no keys; yield what says and hears."""
    with connect(served.ws + path, **options) as socket:

        def hear() -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = json.loads(socket.recv(5.0))
            return rows

        def say(*messages: Any) -> list[dict[str, Any]]:
            for message in messages:
                socket.send(json.dumps(message))
            return hear()

        assert hear() == [{"T": "success", "msg": "connected"}]
        if keys is not None:
            assert say(login(*keys)) == [{"T": "success", "msg": "authenticated"}]
        yield socket, say


def login(key: str, secret: str) -> dict[str, str]:
    return {"action": "auth", "key": key, "secret": secret}


def code(rows: list[dict[str, Any]]) -> int:
    (row,) = rows
    assert (row["T"], bool(row["msg"])) == ("error", True)
    return int(row["code"])


def test_a_stream_in_text_says_when_in_words(served: Desk) -> None:
    with told(served) as (socket, say):
        answer = say({"action": "subscribe", "quotes": [BTC], "orderbooks": ["*"]})
        assert answer == [
            {"T": "subscription", "trades": [], "quotes": [BTC], "bars": [], "updatedBars": [],
             "dailyBars": [], "orderbooks": ["*"]}
        ]  # fmt: skip
        rows = json.loads(socket.recv(5.0))
        (quote,) = [row for row in rows if row["T"] == "q"]
        assert {"T", "S", "t", "ap", "as", "bp", "bs"} == set(quote)
        assert quote["t"].endswith("Z")
        books = [row for row in rows if row["T"] == "o"]
        assert {row["S"] for row in books} == {key[7:] for key in served.series if "/" in key}
        left = say({"action": "unsubscribe", "quotes": [BTC], "orderbooks": ["*"]})
        assert left[0]["quotes"] == left[0]["orderbooks"] == []


def test_a_stream_in_msgpack_is_binary_and_has_timestamps(served: Desk) -> None:
    headers = {"Content-Type": "application/msgpack"}
    with connect(served.ws + COINS, additional_headers=headers) as socket:

        def hear() -> Any:
            frame = socket.recv(5.0)
            assert isinstance(frame, bytes)
            return msgspec.msgpack.decode(frame)

        assert hear() == [{"T": "success", "msg": "connected"}]
        socket.send(msgspec.msgpack.encode(login(*KEYS)))
        assert hear() == [{"T": "success", "msg": "authenticated"}]
        packed = msgspec.msgpack.encode({"action": "subscribe", "trades": [BTC]})
        socket.send([packed[:5], packed[5:]])  # in two frames of one message
        assert hear()[0]["trades"] == [BTC]
        row, *_ = hear()  # more than one, where a second was late
        assert (row["T"], row["S"], type(row["t"]).__name__) == ("t", BTC, "datetime")


@pytest.mark.parametrize("path", ["/v2/iex", "/v2/sip", COINS])
def test_wrong_keys_end_a_stream(served: Desk, path: str) -> None:
    with told(served, path, keys=None) as (socket, say):
        assert code(say({"action": "subscribe", "quotes": [BTC]})) == 401
        assert code(say(login(KEYS[0], "wrong"))) == 402
        with pytest.raises(ConnectionClosed):
            socket.recv(5.0)
    with told(served, path) as (socket, say):
        assert code(say(login(*KEYS))) == 403


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param({"action": "subscribe", "quotes": ["BTCUSD"]}, 400, id="no-slash"),
        pytest.param({"action": "subscribe", "quotes": BTC}, 400, id="no-list"),
        pytest.param({"action": "subscribe", "quotes": [7]}, 400, id="no-text"),
        pytest.param({"action": "subscribe", "moods": [BTC]}, 400, id="no-channel"),
        pytest.param({"action": "dance"}, 400, id="no-action"),
        pytest.param([], 400, id="no-object"),
        pytest.param({"action": "subscribe", "statuses": ["*"]}, 410, id="not-of-coins"),
    ],
)
def test_a_message_that_cannot_be_meant_changes_nothing(
    served: Desk, message: Any, expected: int
) -> None:
    with told(served) as (_, say):
        assert code(say(message)) == expected
        assert say({"action": "subscribe", "bars": [BTC]})[0]["quotes"] == []


def test_symbols_are_bounded(served: Desk) -> None:
    with told(served) as (_, say):
        for first in (0, 50, 100, 150):
            names = [f"C{number}/USD" for number in range(first, first + 50)]
            assert len(say({"action": "subscribe", "bars": names})[0]["bars"]) == first + 50
        assert code(say({"action": "subscribe", "bars": ["ONE/USD"]})) == 405


def test_streams_of_one_token_are_bounded(served: Desk) -> None:
    served.ledger.commit([seat(("SLKMANY", "many"))])
    with ExitStack() as stack:
        for path in ("/v2/iex", "/v2/sip", COINS, COINS):
            stack.enter_context(told(served, path, ("SLKMANY", "many")))
        with told(served, COINS, keys=None) as (_, say):
            assert code(say(login("SLKMANY", "many"))) == 406
    time.sleep(0.2)  # until the server has noticed that they hung up
    with told(served, COINS, ("SLKMANY", "many")):
        pass


def test_a_token_that_is_revoked_ends_its_stream(served: Desk) -> None:
    gone = ("SLKGONE", "gone")
    served.ledger.commit([seat(gone)])
    with told(served, COINS, gone) as (socket, _):
        served.ledger.commit([seat(gone, is_revoked=True)])
        with pytest.raises(ConnectionClosed):
            socket.recv(10.0)


def test_a_web_page_and_a_foreign_path_get_no_stream(served: Desk) -> None:
    for path, headers in (
        ("/v2/otc", {}),
        (COINS, {"Origin": "http://evil.example"}),
        (COINS, {"Host": "evil.example"}),
    ):
        with (
            pytest.raises(InvalidStatus),
            connect(served.ws + path, additional_headers=headers),
        ):
            pass
