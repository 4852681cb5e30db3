"""Who gives how much when an order closes lots of several bots."""

from decimal import Decimal

import pytest

from smart_leverage.books.sharing import closing_shares, share_out

D = Decimal


def shares(**by_bot: str) -> dict[str, D]:
    return {bot: D(qty) for bot, qty in by_bot.items()}


@pytest.mark.parametrize(
    ("qty", "held", "lot", "expected"),
    [
        pytest.param("6", shares(a="6", b="4", c="2"), "1", shares(a="3", b="2", c="1"), id="even"),
        # 5/3 each: one whole lot each, the two left over go to the first names.
        pytest.param(
            "5", shares(c="4", b="4", a="4"), "1", shares(a="2", b="2", c="1"), id="tie-by-name"
        ),
        # 4 × 5/9 = 2.22, 4 × 3/9 = 1.33, 4 × 1/9 = 0.44: the lot left over goes to the last.
        pytest.param(
            "4", shares(a="5", b="3", c="1"), "1", shares(a="2", b="1", c="1"), id="remainder"
        ),
        pytest.param(
            "2.35", shares(a="2", b="0.35"), "0.1", shares(a="2", b="0.35"), id="all-with-dust"
        ),
        # 1 × 2/2.04 = 0.98 and 0.0196: b holds less than a lot and may give no more than it has.
        pytest.param(
            "1.04",
            shares(a="1", b="0.04", c="1"),
            "0.1",
            shares(a="0.5", b="0.04", c="0.5"),
            id="dust-goes-round",
        ),
        pytest.param("1", shares(a="1", b="9"), "1", shares(b="1"), id="largest-alone"),
    ],
)
def test_shares_are_pro_rata_in_whole_lots(
    qty: str, held: dict[str, D], lot: str, expected: dict[str, D]
) -> None:
    assert share_out(D(qty), held, D(lot)) == expected


@pytest.mark.parametrize(
    ("qty", "bot", "expected"),
    [
        pytest.param("2", "a", shares(a="2"), id="own-are-enough"),
        pytest.param("5", "a", shares(a="4", b="1"), id="rest-from-the-others"),
        pytest.param("3", "nobody", shares(a="2", b="1"), id="none-of-its-own"),
    ],
)
def test_own_lots_go_first(qty: str, bot: str, expected: dict[str, D]) -> None:
    assert closing_shares(D(qty), bot, shares(a="4", b="2"), D(1)) == expected
