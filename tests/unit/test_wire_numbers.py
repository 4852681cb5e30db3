"""Numbers of a request: exact, plain, and refused before anything computes with a monster."""

from decimal import Decimal

import pytest

from smart_leverage.wire import numbers
from smart_leverage.wire.errors import WireError
from smart_leverage.wire.fields import stepped
from smart_leverage.wire.numbers import Number, number, positive


@pytest.mark.parametrize(
    ("token", "spelt"),
    [
        pytest.param("1", "1", id="whole"),
        pytest.param("1.0", "1", id="as-a-float-writes-it"),
        pytest.param("1e0", "1", id="exponent-of-nothing"),
        pytest.param("007.50", "7.5", id="idle-zeros"),
        pytest.param("1e3", "1000", id="never-an-exponent-upwards"),
        pytest.param("1.5E+2", "150", id="exponent-with-a-sign"),
        pytest.param("1e-05", "0.00001", id="as-python-writes-small-floats"),
        pytest.param("0.30000000000000004", "0.30000000000000004", id="every-digit-stays"),
        pytest.param("999999999999999", "999999999999999", id="fifteen-digits"),
        pytest.param("1e12", "1000000000000", id="largest-exponent"),
        pytest.param("0", "0", id="nothing"),
        pytest.param("0.000", "0", id="nothing-at-length"),
        pytest.param("0e12", "0", id="nothing-with-an-exponent"),
        pytest.param("1.1234567890123456789012345678", "1.1234567890123456789012345678",
                     id="more-digits-than-the-ambient-context"),
    ],
)  # fmt: skip
def test_one_number_has_one_spelling(token: str, spelt: str) -> None:
    assert number(token, "qty") == Decimal(token)
    assert f"{number(token, 'qty')}" == f"{Decimal(spelt)}"
    assert number(Number(token), "qty") == number(token, "qty")


NO_NUMBERS = [
    pytest.param("", id="empty"),
    pytest.param(" 5", id="space-before"),
    pytest.param("5 ", id="space-after"),
    pytest.param("5\n", id="line-end"),
    pytest.param("1_0", id="underscore"),
    pytest.param("1,5", id="comma"),
    pytest.param("-1", id="minus"),
    pytest.param("-0", id="minus-nothing"),
    pytest.param("+1", id="plus"),
    pytest.param(".5", id="no-digit-before"),
    pytest.param("5.", id="no-digit-after"),
    pytest.param("1e", id="no-exponent"),
    pytest.param("1e1.5", id="exponent-with-a-point"),
    pytest.param("0x10", id="another-base"),
    pytest.param("٣", id="digit-of-another-script"),
    pytest.param("５", id="full-width"),
    pytest.param("²", id="superscript"),
    pytest.param("NaN", id="nan"),
    pytest.param("sNaN", id="signalling-nan"),
    pytest.param("Infinity", id="infinity"),
    pytest.param("-inf", id="minus-inf"),
    pytest.param("1e13", id="exponent-too-large"),
    pytest.param("1e-13", id="exponent-too-small"),
    pytest.param("1000000000000000", id="sixteen-digits"),
    pytest.param("1000e12", id="digits-and-exponent-together"),
    pytest.param("0." + "1" * 31, id="too-long-by-one"),
    pytest.param(None, id="none"),
    pytest.param(1, id="int"),
    pytest.param(1.5, id="float"),
    pytest.param(True, id="bool"),
    pytest.param(["1"], id="list"),
    pytest.param({"1": "1"}, id="object"),
]


@pytest.mark.parametrize("token", NO_NUMBERS)
def test_what_is_no_plain_number_is_refused(token: object) -> None:
    with pytest.raises(WireError) as caught:
        number(token, "qty")
    assert (caught.value.status, caught.value.code) == (422, 40010001)
    assert caught.value.message.startswith("qty ")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("1E+2000000", id="two-million-digits"),
        pytest.param("1e308", id="largest-float"),
        pytest.param("1e400", id="beyond-floats"),
        pytest.param("1E-2000000", id="two-million-places"),
        pytest.param("1e999999999999999999", id="exponent-of-eighteen-digits"),
        pytest.param("9" * 400, id="four-hundred-digits"),
        pytest.param("0." + "9" * 60_000, id="a-body-full-of-places"),
        pytest.param("1" * 60_000, id="a-body-full-of-digits"),
    ],
)
def test_a_monster_is_refused_before_anything_computes_with_it(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def computed(*_: object) -> None:
        raise AssertionError("the token reached a conversion")

    monkeypatch.setattr(numbers, "Decimal", computed)
    monkeypatch.setattr(numbers, "int", computed, raising=False)
    with pytest.raises(WireError):
        number(token, "qty")


def test_a_positive_number_is_above_zero() -> None:
    assert positive("0.000000001", "qty") == Decimal("1e-9")
    with pytest.raises(WireError, match="limit_price must be > 0"):
        positive("0.0", "limit_price")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("0.30000000000000004", "0.3", id="noise-of-a-float"),
        pytest.param("1.0000000019", "1.000000001", id="downwards"),
        pytest.param("10.0000000001", "10", id="no-exponent-comes-back"),
        pytest.param("999999999999999.999999999", "999999999999999.999999999", id="largest"),
    ],
)
def test_a_quantity_is_cut_to_its_step(given: str, kept: str) -> None:
    assert str(stepped(Decimal(given), "qty")) == kept


def test_a_quantity_below_its_step_is_refused_and_not_sent_as_nothing() -> None:
    with pytest.raises(WireError, match="qty must be > 0"):
        stepped(Decimal("0.0000000009"), "qty")
