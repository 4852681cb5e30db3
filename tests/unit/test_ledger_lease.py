"""How long an owner may act on a lock that it cannot prove: by whichever clock went furthest."""

import pytest

from smart_leverage.domain.clock import SECOND_NS
from smart_leverage.ledger.lease import Lease, Moment, over

PROVED = Moment("boot", 1_000 * SECOND_NS, 5_000 * SECOND_NS)
LEASE = Lease(PROVED, 60.0)


def later(boot_s: float, utc_s: float, boot: str = "boot") -> Moment:
    return Moment(
        boot, PROVED.boot_ns + int(boot_s * SECOND_NS), PROVED.utc_ns + int(utc_s * SECOND_NS)
    )


@pytest.mark.parametrize(
    ("at", "left_s"),
    [
        pytest.param(PROVED, 60.0, id="at-once"),
        pytest.param(later(20, 20), 40.0, id="both-clocks-agree"),
        pytest.param(later(59.5, 59.5), 0.5, id="just-before-its-end"),
        pytest.param(later(60, 60), 0.0, id="at-its-end"),
        pytest.param(later(900, 900), 0.0, id="long-after"),
        pytest.param(later(5, 50), 10.0, id="a-machine-that-stood-still"),
        pytest.param(later(50, 5), 10.0, id="a-wall-clock-that-lags"),
        pytest.param(later(50, -3_600), 10.0, id="a-wall-clock-set-back"),
        pytest.param(later(5, 3_600), 0.0, id="a-wall-clock-set-forward"),
        pytest.param(later(5, 5, boot="another"), 0.0, id="after-another-start"),
        pytest.param(later(-1, 5), 0.0, id="a-clock-that-went-back"),
    ],
)
def test_what_is_left_of_a_lease(at: Moment, left_s: float) -> None:
    assert LEASE.left_s(at) == pytest.approx(left_s)


def test_a_lease_of_now_is_not_over_and_one_of_no_length_is() -> None:
    assert not Lease(Moment.now(), 60.0).is_over
    assert Lease(Moment.now(), 0.0).is_over
    assert "more than 60 s ago" in over(LEASE)
