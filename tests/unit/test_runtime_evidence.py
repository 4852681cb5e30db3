"""What a step up is judged by is counted from the journal alone."""

from tests.simulation.desk import BTC, KO, Desk

from smart_leverage.runtime.evidence import evidence


def counted(desk: Desk, since_ns: int = 0) -> dict[tuple[str, str], tuple[int, int]]:
    found = evidence(desk.records, since_ns)
    return {(one.what, one.reason): (one.done, one.foreseen) for one in found}


def test_what_would_have_been_is_counted_apart_from_what_was() -> None:
    desk = Desk(holdings={BTC: "0.4"}, cash=80_000, enforcement="observe")
    desk.buy(KO, "200")
    desk.buy(KO, "300", may_shrink=True)
    desk.wait(60)
    desk.prices()
    found = counted(desk)
    assert found["denied", "cap_symbol"] == (0, 2)  # nothing of the second fits beside the first
    assert found["sold", "cap_symbol"][1] >= 1
    assert all(done == 0 for done, _ in found.values())
    desk.step("all")
    desk.buy(KO, "400")
    assert counted(desk)["denied", "cap_symbol"] == (1, 2)


def test_a_cut_is_what_would_have_been_left_of_an_order() -> None:
    desk = Desk(enforcement="warn")
    desk.buy(KO, "200", may_shrink=True)
    (line,) = evidence(desk.records, 0)
    assert (line.what, line.foreseen) == ("cut", 1)
    assert 0 < line.worth < 200 * 60


def test_a_trip_counts_and_what_is_older_does_not() -> None:
    desk = Desk(holdings={KO: "800"}, cash=52_000, enforcement="observe")
    for _ in range(2):
        desk.wait(60)
        desk.prices({KO: "48"})
    assert {("tripped", "limit: day"), ("tripped", "limit: month")} <= counted(desk).keys()
    assert counted(desk, desk.now_ns + 1) == {}
