"""No sequence of orders, restarts, files and troubles lets a limit be looser before its time."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from tests.simulation.desk import KO, Desk

from smart_leverage.domain.limits import LIMITS, is_looser
from smart_leverage.engine.config import EngineConfig
from smart_leverage.engine.events import Command
from smart_leverage.engine.limits import laid_over, limits_of
from smart_leverage.policy.breakers import Severity, severity
from smart_leverage.policy.reasons import TradingState

HOUR_NS = 3_600 * 10**9
VALUES = {
    "limits.symbol_cap": ("0.05", "0.1", "0.15", "0.2"),
    "limits.loss_limit_daily": ("0.01", "0.03", "0.05"),
    "tiers.win_rate_stable": ("0.4", "0.45", "0.5"),
    "tiers.ceiling": ("learning", "stable", "profitable"),
    "tiers.trades_min": ("10", "20", "30"),
    "risk.loosen_after_hours": ("1", "2", "24"),
}
CHANGES = st.dictionaries(
    st.sampled_from(sorted(VALUES)), st.integers(0, 9), min_size=1, max_size=3
).map(lambda drawn: {name: VALUES[name][at % len(VALUES[name])] for name, at in drawn.items()})

Act = Callable[[Desk], object]


def order(changes: dict[str, str], is_admin: bool) -> Act:
    words = [f"{name}={text}" for name, text in changes.items()]
    return lambda desk: desk.limit(*words, is_admin=is_admin)


def begin_anew(changes: dict[str, str]) -> Act:
    return lambda desk: desk.restart(laid_over(desk.config, changes))


def wait(minutes: int, price: str) -> Act:
    def act(desk: Desk) -> None:
        desk.wait(minutes * 60)
        desk.prices({KO: price})

    return act


def command(one: Command) -> Act:
    return lambda desk: desk.order(one)


class Asked(NamedTuple):
    """A looser value that somebody wants, since when, and how long it has to wait."""

    value: str
    since_ns: int
    delay_ns: int


class Watch:
    """Sees the limits in force and the wishes of people and files, and none of the records."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.before = dict(desk.state.limits.in_force)
        self.wanted: dict[str, list[Asked]] = {name: [] for name in LIMITS}

    def expect(self, changes: dict[str, str]) -> None:
        """Remember what may be looser later on, from whoever asked for it."""
        hours = int(self.before["risk.loosen_after_hours"])
        for name, text in changes.items():
            self.wanted[name].append(Asked(text, self.desk.now_ns, hours * HOUR_NS))

    def look(self) -> None:
        state = self.desk.state
        for name, text in state.limits.in_force.items():
            if is_looser(name, self.before[name], text):
                self._check(name, text)
        self.before = dict(state.limits.in_force)
        assert limits_of(self.desk.engine._core.config) == self.before

    def _check(self, name: str, text: str) -> None:
        state, now_ns = self.desk.state, self.desk.now_ns
        asked = [each for each in self.wanted[name] if each.value == text]
        assert any(now_ns >= each.since_ns + each.delay_ns for each in asked), name
        assert state.trading is TradingState.ACTIVE
        assert severity(state.breakers) is Severity.NORMAL


def played(acts: list[tuple[Act, dict[str, str]]]) -> Iterator[tuple[Desk, Watch]]:
    desk = Desk(holdings={KO: "160"}, cash=90_400, config=EngineConfig(loosen_after_hours=2))
    watch = Watch(desk)
    for act, changes in acts:
        watch.expect(changes)
        act(desk)
        watch.look()
        yield desk, watch


@st.composite
def courses(draw: st.DrawFn) -> list[tuple[Act, dict[str, str]]]:
    """Draw acts, each with the values that it asks for."""
    acts: list[tuple[Act, dict[str, str]]] = []
    for kind in draw(st.lists(st.sampled_from("ofrwwwc"), max_size=14)):
        changes = draw(CHANGES) if kind in "of" else {}
        if kind == "o":
            acts.append((order(changes, draw(st.booleans())), changes))
        elif kind in "fr":
            acts.append((begin_anew(changes), changes))
        elif kind == "w":
            price = draw(st.sampled_from(["60", "60", "55", "50"]))
            acts.append((wait(draw(st.integers(0, 1_500)), price), {}))
        else:
            one = draw(st.sampled_from([Command.HALT, Command.REDUCE, Command.RESUME]))
            acts.append((command(one), {}))
    return acts


@given(courses())
def test_no_limit_is_looser_before_it_was_asked_for_and_its_delay_is_over(
    acts: list[tuple[Act, dict[str, str]]],
) -> None:
    for desk, watch in played(acts):
        assert watch.before == desk.state.limits.in_force


@given(courses(), CHANGES)
def test_whatever_happened_a_tightening_is_in_force_at_once(
    acts: list[tuple[Act, dict[str, str]]], changes: dict[str, str]
) -> None:
    desk = Desk(config=EngineConfig(loosen_after_hours=2))
    for desk, _ in played(acts):  # noqa: B007 - the last one
        pass
    limits = desk.state.limits
    tighter = {
        name: text
        for name, text in changes.items()
        if not is_looser(name, limits.in_force[name], text)
    }
    order(tighter, False)(desk)
    assert {name: limits.in_force[name] for name in tighter} == tighter
    assert not tighter.keys() & limits.pending.keys()


@given(courses())
def test_what_the_journal_says_is_what_a_new_process_works_with(
    acts: list[tuple[Act, dict[str, str]]],
) -> None:
    for desk, watch in played(acts):
        before = dict(watch.before)
        pending = dict(desk.state.limits.pending)
        desk.restart()
        assert desk.state.limits.in_force == before
        assert desk.state.limits.pending == pending
