"""A5, for the auditor: what is over its band has to come back inside its cap, and how soon."""

from tests.simulation.audit_account import Account
from tests.simulation.audit_market import MINUTE, Moment, when
from tests.simulation.audit_record import BAND, F
from tests.simulation.audit_report import Report

MINUTES, OPENINGS = 120, 3
"""The time of a deleveraging plan, and how many openings it gets where bars are long."""


class _Over:
    """A group that is over its band, until it is inside its cap again."""

    __slots__ = ("is_told", "minutes", "missing", "openings", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.minutes = self.openings = 0
        self.missing: set[str] = set()
        self.is_told = False


class Bands:
    """Follows every group and symbol that is over its band."""

    def __init__(self, account: Account, report: Report) -> None:
        self._account = account
        self._report = report
        self._over: dict[tuple[str, str], _Over] = {}

    def look(self, at: int, tier: int, moment: Moment, *, is_close: bool) -> None:
        """Look at all exposures: at the closes of an instant, and again after its opens filled.

        An episode begins at a close, where it is judged (not on a lone jump), and ends wherever it
        is inside the cap.
        """
        account = self._account
        price = account.judged if is_close else account.last
        equity = account.equity(price)
        if equity <= 0 or not (account.held or self._over):
            return
        sums = account.sums(price)
        for name, amount in sums.items():
            cap = F(equity) * account.cap(*name, tier)
            over = self._over.get(name)
            if over is None and is_close and F(amount) > cap * BAND:
                self._over[name] = _Over(at)
                self._report.over_band_count += 1
            elif over is not None and F(amount) <= cap:
                self._came_back(at, name)
            elif over is not None and not is_close:
                self._wait(at, name, over, moment, float(F(amount) / cap))
        for name in [name for name in self._over if name not in sums]:
            self._came_back(at, name)

    def _wait(
        self, at: int, name: tuple[str, str], over: _Over, moment: Moment, share: float
    ) -> None:
        """Count an opening once everything that would have to be sold has had one."""
        group, key = name
        is_in = self._account.is_in
        members = {k for k in self._account.held if k == key or (not key and is_in(k, group))}
        over.missing = over.missing & members or set(members)
        over.missing -= {k for k, _ in moment.opens}
        if over.missing or not moment.opens:
            return
        over.openings += 1
        starts = [closing.start for closing in moment.closes if closing.key in members]
        over.minutes += (at - min(starts)) // MINUTE if starts else 0
        if over.minutes <= MINUTES or over.openings <= OPENINGS or over.is_told:
            return
        over.is_told = True
        self._report.broken(
            "A5",
            at,
            f"{group} {key} is at {share:.4f} of its cap, over its band since {when(over.since)}, "
            f"{over.openings} openings and {over.minutes} minutes",
        )

    def _came_back(self, at: int, name: tuple[str, str]) -> None:
        lasted = (at - self._over.pop(name).since) / MINUTE
        self._report.over_band_longest_min = max(self._report.over_band_longest_min, lasted)
