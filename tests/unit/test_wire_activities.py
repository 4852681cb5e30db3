"""Lists of activities: every filter that the wire has, and pages that come to an end."""

from decimal import Decimal
from typing import Any

import pytest

from smart_leverage.domain.orders import Side
from smart_leverage.domain.stamps import read_stamp
from smart_leverage.wire.activities import activity_list, coin_fee_json, fill_json, page
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.reading import params

NOON_NS = read_stamp("2026-08-03T12:00:00Z").ns
HOUR_NS = 3_600 * 10**9


def fill(number: int, order: str = "o-1") -> dict[str, Any]:
    return fill_json(
        name=f"f{number}", at_ns=NOON_NS + number * HOUR_NS, symbol="BTC/USD", side=Side.BUY,
        qty=Decimal(1), price=Decimal(2), order_id=order, order_qty=Decimal(1),
        filled_qty=Decimal(1),
    )  # fmt: skip


def fee(number: int) -> dict[str, Any]:
    at_ns = NOON_NS + number * HOUR_NS
    return coin_fee_json(
        name=f"c{number}", at_ns=at_ns, symbol="BTC/USD", qty=Decimal(1), price=Decimal(2)
    )


ROWS = [fill(13, "o-2"), fee(2), fill(2), fill(1), fill(0)]
"""Newest first; the first one is of the next day, the second and the third of one instant."""


def names(query: str, kind: str | None = None) -> list[str]:
    wanted = activity_list(params(query.encode()), kind)
    return [row["id"].partition("::")[2] for row in page(ROWS, wanted)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("", ["f13", "c2", "f2", "f1", "f0"], id="all"),
        pytest.param("direction=asc", ["f0", "f1", "f2", "c2", "f13"], id="oldest-first"),
        pytest.param("activity_types=CFEE", ["c2"], id="one-type"),
        pytest.param("activity_types=cfee,FILL&page_size=2", ["f13", "c2"], id="two-types"),
        pytest.param("activity_types=TRANS,DIV,MISC", [], id="types-that-there-are-none-of"),
        pytest.param("category=trade_activity", ["f13", "f2", "f1", "f0"], id="trades"),
        pytest.param("category=non_trade_activity", ["c2"], id="others"),
        pytest.param("date=2026-08-04", ["f13"], id="one-day"),
        pytest.param("after=2026-08-03T13:00:00Z", ["f13", "c2", "f2"], id="after-is-exclusive"),
        pytest.param("until=2026-08-03T13:00:00Z", ["f0"], id="until-is-exclusive"),
        pytest.param("until=2026-08-03T13:00:00+00:00", ["f0"], id="plus-that-was-not-escaped"),
        pytest.param("order_id=o-2", ["f13"], id="one-order"),
        pytest.param("page_size=500", ["f13", "c2", "f2", "f1", "f0"], id="size-beyond-the-bound"),
    ],
)
def test_filters(query: str, found: list[str]) -> None:
    assert names(query) == found


def test_the_type_may_stand_in_the_address() -> None:
    assert names("", "cfee") == ["c2"]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_together_are_the_whole(direction: str, size: int) -> None:
    seen, token = list[Any](), ""
    for _ in range(10):
        query = f"direction={direction}&page_size={size}&page_token={token}"
        rows = page(ROWS, activity_list(params(query.encode())))
        if not rows:
            break
        seen += rows
        token = rows[-1]["id"]
    assert seen == (ROWS if direction == "desc" else ROWS[::-1])


@pytest.mark.parametrize(
    ("direction", "found"),
    [("desc", ["f1", "f0"]), ("asc", ["f2", "c2", "f13"])],
)
def test_a_token_of_a_row_that_is_gone_does_not_begin_anew(
    direction: str, found: list[str]
) -> None:
    assert names(f"direction={direction}&page_token=20260803133000000::0a") == found


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("category=everything", id="unknown-category"),
        pytest.param("category=trade_activity&activity_types=FILL", id="category-and-types"),
        pytest.param("date=tomorrow", id="no-date"),
        pytest.param("after=noon", id="no-time"),
        pytest.param("direction=up", id="no-direction"),
        pytest.param("page_size=0", id="page-of-nothing"),
        pytest.param("page_token=last", id="no-token"),
        pytest.param("page_token=99999999999999999::0a", id="token-of-no-instant"),
        pytest.param("types=FILL", id="unknown-parameter"),
    ],
)
def test_what_is_no_filter_is_refused(query: str) -> None:
    with pytest.raises(WireError) as caught:
        names(query)
    assert caught.value.status == 422
