"""The limits in force: where each value comes from, what it was before, and what is pending."""

from typing import NamedTuple

from smart_leverage.domain.limits import LIMITS, shown
from smart_leverage.server.desk.screens.standing import Standing

SECTIONS = {
    "tiers": "Tiers",
    "limits": "Caps and loss limits",
    "exposure": "Earned exposure",
    "record": "What the record proves",
    "breakers": "Rolling breakers",
    "edge": "Size by evidence",
    "risk": "Delay of loosening",
}


class Bound(NamedTuple):
    """One limit as it stands."""

    name: str
    value: str
    configured: str
    """What is configured, where something else is in force."""
    source: str
    since_ns: int


class Section(NamedTuple):
    """Limits of one part of the policy."""

    title: str
    bounds: list[Bound]


def sections(standing: Standing) -> list[Section]:
    """Return every limit by section, but for the caps of the tiers."""
    limits = standing.state.limits
    changed = {each.name: each for each in standing.history.limits if each.before}
    found: dict[str, list[Bound]] = {}
    for name in LIMITS:
        if name.endswith(("crypto_cap", "total_cap")):
            continue  # they stand in the table of the tiers
        section, _, rest = name.partition(".")
        text, configured = limits.in_force[name], limits.configured[name]
        last = changed.get(name)
        found.setdefault(section, []).append(
            Bound(
                name=rest,
                value=shown(name, text),
                configured="" if text == configured else shown(name, configured),
                source="policy at the opening" if last is None else f"{last.who}: {last.reason}",
                since_ns=standing.now.account.at_ns if last is None else last.at_ns,
            )
        )
    order = [*SECTIONS, *(name for name in found if name not in SECTIONS)]
    return [Section(SECTIONS.get(name, name), found[name]) for name in order if name in found]
