"""The tables of a period by section, in the order in which a statement shows them."""

from smart_leverage.reports.html.parts import Table
from smart_leverage.reports.statement.exposure import binding, exposure
from smart_leverage.reports.statement.judgement import breakers, limited, locks, tiers
from smart_leverage.reports.statement.orders import fills, reasons, verdicts
from smart_leverage.reports.statement.part import Part
from smart_leverage.reports.statement.record import changes, flows, notes, unprotected
from smart_leverage.reports.statement.standing import due, movers, positions


def tables_of(part: Part) -> dict[str, list[Table]]:
    """Return the tables by section, in the order in which a statement shows them."""
    return {
        "standing": [positions(part), movers(part), due(part)],
        "exposure": [exposure(part), binding(part)],
        "judgement": [tiers(part), limited(part), breakers(part), locks(part)],
        "orders": [verdicts(part), reasons(part), fills(part)],
        "record": [unprotected(part), changes(part), flows(part), notes(part)],
    }
