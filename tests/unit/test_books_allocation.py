"""Time in the band, mean exposure and use of the cap."""

from decimal import Decimal

import pytest

from smart_leverage.books.allocation import Allocation, Efficiency
from smart_leverage.domain.errors import BadData

D = Decimal


def test_without_time_nothing_is_known() -> None:
    allocation = Allocation()
    assert allocation.efficiency == Efficiency(0, None, None, None)
    allocation.mark(5, D("0.5"), D("0.6"))
    assert allocation.efficiency == Efficiency(0, None, None, None)


def test_a_mark_holds_until_the_next_one() -> None:
    allocation = Allocation()
    allocation.mark(0, D("0.2"), D("0.4"))
    allocation.mark(10, D("0.5"), D("0.6"))
    allocation.mark(40, D("0.9"), D("0.6"))
    # 10 at 0.2 and 30 at 0.5 are 17 of 40; the caps are 10 × 0.4 + 30 × 0.6 = 22.
    efficiency = allocation.efficiency
    assert efficiency.span_ns == 40
    assert efficiency.in_band == D("0.75")
    assert efficiency.exposure_mean == D("0.425")
    assert efficiency.cap_use is not None
    assert efficiency.cap_use * 22 == pytest.approx(D(17), abs=D("1e-26"))


@pytest.mark.parametrize(
    ("exposure", "share"),
    [
        pytest.param("0.40", 1, id="lower-edge"),
        pytest.param("0.60", 1, id="upper-edge"),
        pytest.param("0.3999", 0, id="below"),
        pytest.param("0.6001", 0, id="above"),
    ],
)
def test_both_edges_belong_to_the_band(exposure: str, share: int) -> None:
    allocation = Allocation()
    allocation.mark(0, D(exposure), D("0.6"))
    allocation.mark(1, D(0), D("0.6"))
    assert allocation.efficiency.in_band == share


def test_time_without_a_cap_does_no_harm() -> None:
    allocation = Allocation()
    allocation.mark(0, D(0), D(0))
    allocation.mark(10, D(0), D(0))
    assert allocation.efficiency.cap_use is None
    assert allocation.efficiency.exposure_mean == 0


def test_time_never_runs_backwards() -> None:
    allocation = Allocation()
    allocation.mark(100, D("0.5"), D("0.6"))
    allocation.mark(90, D("0.1"), D("0.6"))
    allocation.mark(110, D("0.5"), D("0.6"))
    assert allocation.efficiency.span_ns == 10
    assert allocation.efficiency.exposure_mean == D("0.1")


def test_an_unknown_exposure_is_refused() -> None:
    with pytest.raises(BadData):
        Allocation().mark(0, D("NaN"), D("0.6"))
