"""What is told of orders: decisions that were not given in full, refusals, executions."""

from collections.abc import Iterator
from typing import Any, Protocol

from smart_leverage.domain.orders import OrderState, Side
from smart_leverage.domain.records import VOID
from smart_leverage.domain.sentences import plain, price, sentence
from smart_leverage.notify.known import Known
from smart_leverage.notify.message import Level, Manner, Message
from smart_leverage.notify.wording import When, line

SIGNS = {"denied": "✕", "cut": "✂", "observed": "○", "warned": "▲"}
"""Verdicts that are told; what was approved shows in its fills."""


class About(Protocol):
    """A record with its number in the journal."""

    @property
    def record(self) -> Any:
        """The record."""
        ...

    @property
    def seq(self) -> int:
        """Its number, 0 for none."""
        ...


def about_decision(heard: About, known: Known, when: When) -> Iterator[Message]:
    """Yield what a decision says that gave less than was asked, by rule and bot."""
    record = heard.record
    sign = SIGNS.get(record.verdict)
    if sign is None:
        return
    is_sale = record.side is Side.SELL
    why = sentence(record.reason, record.unit, record.bound, record.would_be, is_sale=is_sale)
    cause = f"{record.side} {plain(record.asked)} {record.key} of {record.bot}: {why}"
    head = f"{sign} {record.verdict.upper()}"
    text = line(head, when.at(record.at_ns), cause, seq=heard.seq)
    level = Level.NORMAL if record.verdict == "warned" else Level.QUIET
    group = f"{record.verdict}:{record.reason}:{record.bot}"
    yield _grouped(heard, level, record.verdict, text, group)


def about_move(heard: About, known: Known, when: When) -> Iterator[Message]:
    """Yield what a refusal by the broker says, by its reason."""
    record = heard.record
    if record.state is not OrderState.REJECTED or record.reason == VOID:
        return
    asked = known.orders.get(record.client_order_id)
    what = record.client_order_id
    if asked is not None:
        what = f"{asked.side} {plain(asked.qty)} {asked.key} of {asked.bot}"
    reason = record.reason or record.status
    code = f" [{record.broker_code}]" if record.broker_code else ""
    text = line("✕ REJECTED", when.at(record.at_ns), f"{what}: {reason}{code}", seq=heard.seq)
    group = f"rejected:{record.broker_code or reason}"
    yield _grouped(heard, Level.NORMAL, "rejected", text, group)


def about_fill(heard: About, known: Known, when: When) -> Iterator[Message]:
    """Yield what an execution says; those of one bot are one group."""
    record = heard.record
    fill = record.fill
    asked = known.orders.get(fill.client_order_id)
    bot = "an order of before" if asked is None else asked.bot
    cause = f"{fill.side} {plain(fill.qty)} {fill.key} at {price(fill.price)}, {bot}"
    text = line("✓ FILL", when.at(record.at_ns), cause, seq=heard.seq)
    yield _grouped(heard, Level.QUIET, "fill", text, f"fill:{bot}")


def about_revision(heard: About, known: Known, when: When) -> Iterator[Message]:
    """Yield that the broker took an execution back, or corrected it."""
    before, after = heard.record.before, heard.record.after
    what = f"{before.side} {plain(before.qty)} {before.key} at {price(before.price)}"
    to = "taken back" if after is None else f"is {plain(after.qty)} at {price(after.price)} now"
    text = line(
        "▲ REVISED", when.at(heard.record.at_ns), f"{what}: {to} by the broker", seq=heard.seq
    )
    yield _grouped(heard, Level.URGENT, "fill", text, f"revised:{before.client_order_id}")


def _grouped(heard: About, level: Level, topic: str, text: str, cause: str) -> Message:
    return Message(
        level=level,
        manner=Manner.GROUPED,
        topic=topic,
        cause=cause,
        text=text,
        at_ns=heard.record.at_ns,
        seq=heard.seq,
    )
