"""How far a margin call is, as `status` and the desk tell it, read from a ledger."""

from decimal import Decimal
from pathlib import Path

import pytest

from smart_leverage.cli.status import fields, lines
from smart_leverage.domain.instruments import Key
from smart_leverage.domain.records import AccountOpened, Adopted, InstrumentListed
from smart_leverage.domain.registry import Registry
from smart_leverage.ledger.sqlite import SqliteLedger
from smart_leverage.runtime.borrowing import margin
from smart_leverage.runtime.remembered import Remembered, remember
from smart_leverage.settings import Settings

TQQQ = Key("us_equity:TQQQ")


def account(path: Path, cash: str, qty: str) -> Remembered:
    """Return an account with cash and a threefold fund at $50, as its ledger tells."""
    settings = Settings()
    with SqliteLedger(path) as ledger:
        ledger.commit(
            [
                AccountOpened(
                    at_ns=1, account="tiny", mode="sim", cash=Decimal(cash),
                    risk_timezone="America/New_York", preset="classic",
                    policy=settings.policy_text(), policy_hash=settings.policy_hash(),
                    enforcement="all", version="0",
                ),
                InstrumentListed(at_ns=1, instrument=Registry.builtin()[TQQQ]),
                Adopted(at_ns=1, key=TQQQ, qty=Decimal(qty), price=Decimal(50), bot="house"),
            ]
        )  # fmt: skip
    return remember(path)


@pytest.mark.parametrize(
    ("cash", "qty", "sign", "told"),
    [
        pytest.param(
            "-20000", "2400", "● OK",
            "$20,000 borrowed, $90,000 of $100,000 has to stay; "
            "in call if all securities fall by 33.3 %",
            id="far",
        ),
        pytest.param(
            "-29000", "2400", "▲ NEAR",
            "$29,000 borrowed, $90,000 of $91,000 has to stay; "
            "in call if all securities fall by 3.3 %",
            id="near",
        ),
        pytest.param(
            "-40000", "2400", "■ CALL",
            "$40,000 borrowed, $90,000 of $80,000 has to stay; in call now",
            id="in-call",
        ),
    ],
)  # fmt: skip
def test_what_is_borrowed_and_how_far_a_call_is(
    tmp_path: Path, cash: str, qty: str, sign: str, told: str
) -> None:
    now = account(tmp_path / "ledger.sqlite", cash, qty)
    found = margin(now)
    assert found is not None
    assert (found.sign, found.told) == (sign, told)
    assert f"margin    {sign} {told}" in list(lines(now, 100))
    assert fields(now)["margin"]["borrowed"] == -Decimal(cash)


def test_where_nothing_is_borrowed_nothing_is_said(tmp_path: Path) -> None:
    now = account(tmp_path / "ledger.sqlite", "100", "10")
    assert margin(now) is None
    assert fields(now)["margin"] is None
    assert not any("margin" in line for line in lines(now, 100))
