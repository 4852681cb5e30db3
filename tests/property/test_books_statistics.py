"""A window over closed trades equals a count of the last ones, whatever comes in which order."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smart_leverage.books.statistics import Statistics, Window
from smart_leverage.books.trades import Outcome

D = Decimal

trades = st.tuples(st.integers(0, 12), st.integers(-2, 2), st.booleans())
doings = st.lists(st.one_of(trades, st.integers(0, 12)), max_size=40)


def outcome(net: int) -> Outcome:
    return Outcome.WON if net > 0 else Outcome.LOST if net < 0 else Outcome.SCRATCH


def counted(kept: dict[int, tuple[int, bool]], size: int) -> Statistics:
    """Count from the last trade back until the window is full of those won or lost."""
    taken: list[tuple[int, bool]] = []
    for number in sorted(kept, reverse=True):
        if sum(net != 0 for net, _ in taken) == size:
            break
        taken.append(kept[number])
    nets = [net for net, _ in taken]
    return Statistics(
        wins=sum(net > 0 for net in nets),
        losses=sum(net < 0 for net in nets),
        scratches=nets.count(0),
        gain=D(sum(net for net in nets if net > 0)),
        loss=D(-sum(net for net in nets if net < 0)),
        scratched=D(0),
        imported=sum(is_imported for net, is_imported in taken if net),
    )


@given(doings, st.integers(1, 4))
def test_a_window_is_a_count_of_the_last_trades(doings: list[Any], size: int) -> None:
    window, kept = Window(size), dict[int, tuple[int, bool]]()
    for doing in doings:
        if isinstance(doing, int):
            window.remove((doing, "e"))
            kept.pop(doing, None)
        else:
            number, net, is_imported = doing
            window.put((number, "e"), D(net), outcome(net), is_imported=is_imported)
            kept[number] = net, is_imported
        assert window.statistics == counted(kept, size)
