"""The statement of a day or a week: what an account is, made, may still lose, and did."""

from collections.abc import Iterator
from decimal import Decimal

from smart_leverage.books.baselines import Period
from smart_leverage.books.doings import Doings
from smart_leverage.books.exact import ratio
from smart_leverage.books.units import Worth
from smart_leverage.domain.records import Marked
from smart_leverage.domain.sentences import STATES, TIERS, money, percent, short
from smart_leverage.notify.known import Known
from smart_leverage.notify.wording import When
from smart_leverage.policy.reasons import TradingState
from smart_leverage.policy.target import MONTHLY

TARGET = Decimal(repr(MONTHLY))

REASONS_MAX = 6

_LIMITS = (
    ("day", Period.DAY, "limits.loss_limit_daily"),
    ("month", Period.MONTH, "limits.loss_limit_monthly"),
)


def statement(known: Known, when: When, close_ns: int, *, is_week: bool) -> str:
    """Return the text of a statement, a line for each thing.

    Args:
        known: The account, with what was counted since the last statement.
        when: The clock by which times are told.
        close_ns: The close that it is made for.
        is_week: Whether it is about the week that ended with it.
    """
    return "\n".join(_lines(known, when, close_ns, is_week=is_week))


def _lines(known: Known, when: When, close_ns: int, *, is_week: bool) -> Iterator[str]:
    what, day = ("WEEK", known.week) if is_week else ("DAY", known.day)
    state = STATES[TradingState[known.state.upper()]].word
    tier = TIERS.get(known.tier, known.tier)
    yield f"● {what} to {when.at(close_ns)} | {state} | tier {tier}"
    if known.mark is None:
        yield "not valued yet"
    else:
        yield from _money(known, known.mark, is_week=is_week)
        yield from _exposure(known, known.mark)
    yield _orders(day)
    yield f"fills: {day.fills:,}, {money(day.turnover)} turned over"


def _money(known: Known, mark: Marked, *, is_week: bool) -> Iterator[str]:
    yield f"equity {money(mark.equity)}, cash {money(mark.cash)}"
    if is_week:
        yield f"week {_change(known.week_opening, known.worth)}"
    openings = {Period.DAY: known.day_opening, Period.MONTH: known.month_opening}
    for name, period, limit_name in _LIMITS:
        text = f"{name} {_change(openings[period], known.worth)}"
        if period is Period.MONTH:
            text += f" of a target of {percent(TARGET)}"
        yield text + _limited(known, mark, name, period, known.limit(limit_name))
    fallen = known.drawdown
    yield f"drawdown {percent(-fallen if fallen else 0.0)}"


def _limited(known: Known, mark: Marked, name: str, period: Period, limit: Decimal | None) -> str:
    """Return what may still be lost, counted from where the limit counts it."""
    opening = known.baselines.opening(period)
    if opening is None or limit is None:
        return ""
    left = max(limit * opening + mark.equity - opening, Decimal(0))
    room = "TRIPPED" if name in known.tripped else f"{money(left)} left"
    return f"; limit {percent(-limit)}, {room}"


def _change(before: Worth | None, now: Worth) -> str:
    """Return return and result of a span of time, by the arithmetic of every statement."""
    change = None if before is None or before.equity <= 0 else now.change(before)
    if before is None or change is None:
        return "not known"
    amount = now.result(before)
    sign = "+" if amount > 0 else ""
    return f"{'+' if change > 0 else ''}{percent(change, 2)} ({sign}{money(amount)})"


def _exposure(known: Known, mark: Marked) -> Iterator[str]:
    if mark.equity <= 0:
        yield "exposure not known: equity is not above zero"
        return
    groups = (
        ("crypto", mark.crypto, mark.crypto_cap),
        ("leveraged", mark.leveraged, mark.leveraged_cap),
        ("gross", mark.gross, known.limit("limits.gross_cap")),
    )
    parts = [
        f"{name} {percent(ratio(value, mark.equity))}"
        + ("" if cap is None else f" of {percent(cap)}")
        for name, value, cap in groups
    ]
    yield f"exposure: {', '.join(parts)}"


def _orders(day: Doings) -> str:
    verdicts = [f"{day.verdicts[each]:,} {each}" for each in ("approved", "cut", "denied")]
    verdicts += [
        f"{day.verdicts[each]:,} {each}" for each in ("observed", "warned") if day.verdicts[each]
    ]
    text = f"orders: {', '.join(verdicts)}, {day.rejected:,} rejected by the broker"
    if not day.reasons:
        return text
    most = day.reasons.most_common(REASONS_MAX)
    left = day.reasons.total() - sum(count for _, count in most)
    reasons = [f"{short(reason)} {count:,}" for reason, count in most]
    others = [f"others {left:,}"] if left else []
    return f"{text} ({', '.join([*reasons, *others])})"
