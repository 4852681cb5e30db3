"""What looking through a series brings to light."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from smart_leverage.domain.errors import BadData
from smart_leverage.domain.stamps import iso
from smart_leverage.market.download.store import Series, refuse_mixed
from smart_leverage.market.placing import Hole

SHOWN = 3


class Finding(NamedTuple):
    """Something about a series; a fault is to be mended, the rest is to be known."""

    kind: str
    number: int
    said: str
    is_fault: bool = True


class Checked(NamedTuple):
    """What was found; `holes` are all that are inside, `damaged` the parts that cannot be read."""

    rows: int
    findings: tuple[Finding, ...]
    holes: tuple[Hole, ...]
    damaged: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is to be mended."""
        return not any(one.is_fault for one in self.findings)


def found(
    kind: str, what: str, at: Sequence[int], *, number: int | None = None, is_fault: bool = True
) -> Iterator[Finding]:
    """Yield where something is, if it is anywhere; `number` where not every place is given."""
    if at:
        number = len(at) if number is None else number
        first = ", ".join(iso(one) for one in at[:SHOWN])
        more = ", ..." if number > SHOWN else ""
        yield Finding(kind, number, f"{what}: {first}{more}", is_fault)


def unfit(series: Series) -> Iterator[Finding]:
    """Yield how parts do not fit together: other dates of adjustment, or a time between them."""
    try:
        refuse_mixed(series)
    except BadData as error:
        yield Finding("mixed_adjustment", 1, f"{error.fault}; {error.fix}")
    parts = list(series.manifest.parts.values())
    for before, after in pairwise(parts):
        if before.until_ns < after.from_ns:
            said = f"never asked for: {iso(before.until_ns)} to {iso(after.from_ns)}"
            yield Finding("never_asked", 1, said)


def new_and_known(series: Series, holes: Sequence[Hole]) -> tuple[list[Hole], list[Hole]]:
    """Return the holes that can be asked for again, and those that stayed when they were."""
    empty = {(one.from_ns, one.until_ns) for one in series.manifest.asked_again}
    known = [hole for hole in holes if (hole.from_ns, hole.until_ns) in empty]
    return [hole for hole in holes if (hole.from_ns, hole.until_ns) not in empty], known
