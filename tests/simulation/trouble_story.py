"""How a trouble is told: what was done, what happened, and whether that is as it has to be."""

import textwrap
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from tests.contract.desk_in_trouble import Desk

from smart_leverage.domain.instruments import Key
from smart_leverage.ledger.verify import verify

WIDTH = 118
LABEL = 36
RIGHT, WRONG = "●", "■"
CENT = Decimal("0.01")


class Outcome(NamedTuple):
    """One thing that happened, in figures that were read from files or venue."""

    label: str
    what: str
    is_right: bool

    def __str__(self) -> str:
        first = f"  {RIGHT if self.is_right else WRONG} {self.label:<{LABEL}} "
        return _wrapped(self.what, first)


class Story:
    """What is told of one trouble, in order; lines of what was done stand between outcomes."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.lines: list[str | Outcome] = []

    def did(self, sentence: str) -> None:
        """Tell what was done to the account."""
        self.lines.append(sentence)

    def saw(self, label: str, what: object, is_right: bool) -> None:
        """Tell what happened, and whether it has to be so."""
        self.lines.append(Outcome(label, str(what).lstrip("■▲ "), is_right))

    @property
    def outcomes(self) -> list[Outcome]:
        return [each for each in self.lines if isinstance(each, Outcome)]

    @property
    def wrong(self) -> list[Outcome]:
        return [each for each in self.outcomes if not each.is_right]

    def __str__(self) -> str:
        told = [str(e) if isinstance(e, Outcome) else _wrapped(e, "  ") for e in self.lines]
        return "\n".join([self.title, *told])


def _wrapped(text: str, first: str) -> str:
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return "\n".join(lines) or first


def agree(story: Story, desk: Desk) -> None:
    """Tell whether the books hold what the venue holds, and whether every order is there once."""
    books = {key: qty for key, qty in desk.state.held() if qty}
    venue = {each.key: each.qty for each in desk.venue.positions() if each.qty}
    ours, theirs = desk.state.book.cash, desk.venue.account().cash
    names = [each.order.client_order_id for each in desk.venue.orders()]
    story.saw(
        "books and venue",
        f"{_holdings(books)} and {ours:,.2f} cash in the books; "
        f"{_holdings(venue)} and {theirs:,.2f} at the venue",
        books == venue and abs(ours - theirs) <= CENT,
    )
    story.saw(
        "orders at the venue",
        f"{len(names)}, {len(names) - len(set(names))} of them twice",
        len(names) == len(set(names)),
    )


def sound(story: Story, path: Path) -> None:
    """Tell what a proof of the ledger says."""
    verdict = verify(path)
    story.saw("ledger verify", verdict.summary, verdict.is_sound)


def _holdings(held: Mapping[Key, Decimal]) -> str:
    return ", ".join(f"{qty} {key.partition(':')[2]}" for key, qty in held.items()) or "nothing"
