"""History from before our time: taken in whole, into the record and into nothing else."""

from hashlib import sha256

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.records import Noted, PastDealt, PastImported, PastValued, Record
from smart_leverage.domain.stamps import iso
from smart_leverage.engine.core import Core
from smart_leverage.engine.events import PastArrived

REFUSED = "past.refused"
"""Code of the note with which an import is refused."""

ID_LENGTH = 16


def take_past(core: Core, event: PastArrived) -> None:
    """Journal what is new of a history; what is known already is not written again.

    It changes neither cash nor holdings, baselines or the tier: the next price judges the tier by
    the record as it then is, with the ceiling and the one step a day of every other rise.
    """
    if why := _refusal(core, event):
        core.record(Noted(at_ns=core.now_ns, code=REFUSED, text=f"cannot import: {why}"))
        return
    deals = core.state.book.past.new(event.deals)
    equity = {at: worth for at, worth in event.equity.items() if _is_new(core, at)}
    if not deals and not equity:
        return
    name = _name(event)
    records: list[Record] = [
        PastDealt(at_ns=core.now_ns, import_id=name, deal=deal) for deal in deals
    ]
    if equity:
        flows = {at: amount for at, amount in event.flows.items() if at in equity}
        records.append(PastValued(at_ns=core.now_ns, import_id=name, equity=equity, flows=flows))
    records.append(
        PastImported(
            at_ns=core.now_ns,
            import_id=name,
            who=event.who,
            reason=event.reason,
            files=event.files,
            deals=len(deals),
            left_out=event.left_out,
        )
    )
    for record in records:
        core.record(record)


def _refusal(core: Core, event: PastArrived) -> str:
    """Return why a history is not taken in at all, empty when it is."""
    if not event.is_admin:
        return "it needs the admin token, since a record can raise the tier"
    if not event.reason.strip():
        return "it needs a reason"
    opened = core.state.opened
    assert opened is not None, "an event comes after the opening"  # noqa: S101
    late = next((deal for deal in event.deals if deal.at_ns >= opened.at_ns), None)
    if late is not None:
        return f"{late.id} happened {iso(late.at_ns)}, after the account was opened"
    known = core.state.past_equity
    for at, worth in event.equity.items():
        if known.get(int(at), worth) != worth:
            return f"equity is {worth:f} at {iso(int(at))}, and was counted as {known[int(at)]:f}"
    try:
        core.state.book.past.copy().take(event.deals)
    except BadData as error:
        return str(error)
    return ""


def _is_new(core: Core, at: str) -> bool:
    return int(at) not in core.state.past_equity


def _name(event: PastArrived) -> str:
    """Return the name of an import: the same files give the same, at another time another."""
    text = "\n".join([str(event.at_ns), *(each.sha256 for each in event.files)])
    return sha256(text.encode()).hexdigest()[:ID_LENGTH]
