"""Which tier is in force, on what evidence, and what the next one needs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_leverage.cli.options import LedgerPath, command
from smart_leverage.cli.screen import Screen

if TYPE_CHECKING:
    from smart_leverage.ledger.reader import Reader
    from smart_leverage.ledger.rows import TierRow
    from smart_leverage.runtime.remembered import Remembered

HISTORY = 10


@command("smart-leverage tier", "smart-leverage tier --json")
def tier(screen: Screen, ledger: LedgerPath = None) -> None:
    """Show the tier in force, its evidence, and what the next one needs.

    A tier falls at once and rises by itself, one step a day, never above the ceiling.
    """
    from smart_leverage.cli.places import ledger_path
    from smart_leverage.ledger.read_only import opened
    from smart_leverage.runtime.remembered import remember

    path = ledger_path(ledger)
    now = remember(path)
    with opened(path) as reader:
        history = [_step(reader, row) for row in reader.tiers(limit=HISTORY)]
    if screen.as_json:
        screen.record(_fields(now, history))
    else:
        screen.say(*_lines(now, history))


class Step(NamedTuple):
    """A change of the granted tier, and how many of its trades were imported."""

    row: "TierRow"
    imported: int


def _step(reader: "Reader", row: "TierRow") -> Step:
    """Return a change with what its table does not say and the journal does."""
    from smart_leverage.domain.records import TierGranted, decode

    record = decode(next(reader.entries(after=row.seq - 1)).payload)
    return Step(row, record.imported if isinstance(record, TierGranted) else 0)


def _month(now: "Remembered") -> Decimal | None:
    from smart_leverage.runtime.figures import losses

    return next((line.change for line in losses(now) if line.name == "month"), None)


def _ceiling(now: "Remembered") -> str | None:
    ceiling = now.numbers.get("tiers", {}).get("ceiling")
    return ceiling if isinstance(ceiling, str) else None


def _fields(now: "Remembered", history: list[Step]) -> dict[str, Any]:
    from smart_leverage.books.statistics import rate_interval
    from smart_leverage.runtime.figures import from_before, record
    from smart_leverage.runtime.ranks import next_step, ranks

    wins, closed = record(now)
    return {
        "number": int(now.state.tier),
        "name": now.state.tier.name,
        "since_ns": history[0].row.at_ns if history else now.account.at_ns,
        "wins": wins,
        "closed": closed,
        "imported": now.state.book.record.capping.imported,
        "imports": now.state.imports,
        "from_before": from_before(now)._asdict(),
        "win_rate": Decimal(wins) / closed if closed else None,
        "win_rate_interval": rate_interval(wins, closed) if closed else None,
        "month_return": _month(now),
        "needs": next_step(now),
        "ceiling": _ceiling(now),
        "caps": [
            {"tier": one.tier.name, "crypto_cap": one.crypto_cap, "total_cap": one.total_cap}
            for one in ranks(now)
        ],
        "earned": list(now.state.earned.values()),
        "history": [_row(step) for step in history],
        "as_of_ns": now.at_ns,
    }


def _lines(now: "Remembered", history: list[Step]) -> Iterator[str]:
    from smart_leverage.domain.sentences import percent
    from smart_leverage.domain.stamps import iso
    from smart_leverage.runtime.figures import record
    from smart_leverage.runtime.ranks import next_step, title
    from smart_leverage.runtime.words import rate

    since = iso(history[0].row.at_ns if history else now.account.at_ns)
    yield f"{title(now.state.tier.name)} since {since}"
    yield f"  win rate {rate(*record(now))}   {next_step(now)}".rstrip()
    yield from _imported(now)
    month = _month(now)
    yield f"  month {'not known' if month is None else percent(month, 2)}   {_emergency(now)}"
    yield ""
    yield from _ranks(now)
    yield from _earned(now)
    ceiling = _ceiling(now)
    if ceiling is not None:
        yield f"ceiling   {ceiling.upper()}: the highest that is granted without a person"
    for place, change in enumerate(history):
        yield f"{'' if place else 'history':<9} {_change(change)}"
    if not history:
        yield "history   no change yet"


def _imported(now: "Remembered") -> Iterator[str]:
    """Yield how much of the record is from before our time, and from which files."""
    from smart_leverage.domain.stamps import iso
    from smart_leverage.reports.explain import printable
    from smart_leverage.runtime.figures import from_before

    before, imports = from_before(now), now.state.imports
    if imports:
        count = f"{before.imported} of {before.closed} {before.what}"
        yield f"  imported: {count} are from before our time, decided elsewhere"
    for record in imports:
        for file in record.files:
            days = f"{iso(file.first_ns)[:10]} to {iso(file.last_ns)[:10]}"
            yield printable(
                f"    {file.name}, {file.form}, {days}, {file.counted:,} deals; "
                f"by {record.who} {iso(record.at_ns)[:10]}: {record.reason}"
            )


def _emergency(now: "Remembered") -> str:
    from smart_leverage.domain.sentences import percent
    from smart_leverage.runtime.remembered import number

    edge = number(now.numbers, "tiers.month_return_emergency")
    return "" if edge is None else f"EMERGENCY when it falls below {percent(edge, 2)}"


def _ranks(now: "Remembered") -> Iterator[str]:
    from smart_leverage.domain.sentences import percent
    from smart_leverage.runtime.ranks import ranks, title

    for place, rank in enumerate(ranks(now)):
        if rank.crypto_cap is None or rank.total_cap is None:
            continue
        here = "   ← in force" if rank.tier is now.state.tier else ""
        yield (
            f"{'' if place else 'caps':<9} {title(rank.tier.name):<12}  "
            f"crypto {percent(rank.crypto_cap):>6}   "
            f"crypto and leveraged {percent(rank.total_cap):>6}{here}"
        )


def _earned(now: "Remembered") -> Iterator[str]:
    """Yield what is earned beside the tier: in force, by which cap, and all of the caps."""
    from smart_leverage.domain.sentences import percent
    from smart_leverage.domain.stamps import iso

    for place, one in enumerate(now.state.earned.values()):
        word, since = "" if place else "earned", iso(one.at_ns)
        caps = ", ".join(
            f"{name} {percent(float(text), 1)}" for name, text in one.caps.items() if text
        )
        bound = f"{one.binding} binds of {caps}"
        yield f"{word:<9} {one.sleeve:<12}  at most {percent(one.after):>6} since {since}: {bound}"


def _row(step: Step) -> dict[str, Any]:
    row = step.row
    return {name: getattr(row, name) for name in row.__struct_fields__} | {
        "imported": step.imported
    }


def _change(step: Step) -> str:
    from smart_leverage.domain.sentences import percent
    from smart_leverage.domain.stamps import iso

    change = step.row
    win_rate = f"win rate {percent(Decimal(change.win_rate))}" if change.win_rate else "no record"
    month = f"month {percent(Decimal(change.month_return), 2)}"
    imported = f", {step.imported} of them imported" if step.imported else ""
    record = f"{win_rate} ({change.wins} of {change.closed}{imported}), {month}"
    return f"{iso(change.at_ns)}  {change.before} → {change.after}  {change.why}: {record}"
