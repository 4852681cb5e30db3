"""A bell wakes the one who waits, also when it was rung before, and once however often."""

import threading

from smart_leverage.runtime.bell import Bell


def test_nobody_rings_and_the_wait_ends_by_itself() -> None:
    assert not Bell().wait(0.01)
    assert not Bell().wait(-1.0)


def test_what_was_rung_before_ends_the_next_wait_and_only_that() -> None:
    bell = Bell()
    for _ in range(3):
        bell.ring()
    assert bell.wait(30.0)
    assert not bell.wait(0.0)


def test_it_wakes_another_thread() -> None:
    bell, heard = Bell(), list[bool]()
    waiting = threading.Thread(target=lambda: heard.append(bell.wait(30.0)))
    waiting.start()
    bell.ring()
    waiting.join(30.0)
    assert heard == [True]


def test_of_many_who_ring_nobody_is_lost() -> None:
    """As many threads hand something in, each rings after it did; whoever waits sees all of it."""
    bell, handed, seen = Bell(), list[int](), 0

    def hand_in() -> None:
        for number in range(500):
            handed.append(number)
            bell.ring()

    threads = [threading.Thread(target=hand_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    while seen < 2_000:
        assert bell.wait(30.0), f"{seen} were seen"
        seen = len(handed)
    for thread in threads:
        thread.join(30.0)
