"""A one-time link lets one in, whoever comes at the same time; a session is over for good."""

import tempfile
import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from smart_leverage.domain.bots import Scope
from smart_leverage.runtime.people import links, sessions

NOW = 1_800_000_000 * 10**9


@settings(max_examples=15, deadline=None)
@given(comers=st.integers(2, 6), offsets=st.lists(st.integers(0, 900), min_size=6, max_size=6))
def test_a_link_that_many_use_at_once_lets_one_in(comers: int, offsets: list[int]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        link = links.make(folder, "anna", (Scope.ADMIN,), NOW)
        gate = threading.Barrier(comers)
        entered: list[links.Entered | None] = []

        def come(offset_s: int) -> None:
            gate.wait()
            entered.append(links.redeem(folder, link, NOW + offset_s * 10**9))

        threads = [threading.Thread(target=come, args=(offsets[at],)) for at in range(comers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        inside = [each for each in entered if each is not None]
        in_time = [offset for offset in offsets[:comers] if offset * 10**9 < links.LASTS_NS]
        assert len(inside) == bool(in_time)
        assert len(sessions.opened(folder, NOW + 900 * 10**9)) == len(inside)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["begin", "end", "look"]), st.integers(0, 3)), max_size=12)
)
def test_what_was_ended_never_opens_again(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, known, over = Path(place), dict[int, str](), set[str]()
        for at, (step, which) in enumerate(steps):
            now_ns = NOW + at
            if step == "begin":
                known[which] = sessions.begin(folder, f"p{which}", (Scope.ADMIN,), "link", now_ns)
            elif step == "end" and which in known:
                sessions.end(folder, known[which].partition(".")[0], now_ns)
                over.add(known[which])
            for token in {*known.values(), *over}:
                found = sessions.find(folder, token, now_ns)
                assert (found is None) == (token in over)
