"""Sums as a scrape shows them: named in one catalogue, labelled from closed lists, told once."""

from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from smart_leverage.domain.errors import BrokerDown, Refused
from smart_leverage.domain.orders import AccountSnapshot
from smart_leverage.runtime.meter import BROKER_CALLS, Durations, Meter
from smart_leverage.runtime.timed import TimedBroker
from smart_leverage.server.metrics.catalogue import BY_NAME, CATALOGUE, OTHER, PREFIX, Kind
from smart_leverage.server.metrics.exposition import Labels, Value, Values, alone, exposition


def shown(values: Values) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return the samples of a page by name and labels, as a scraper reads them."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(exposition(values).decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name.removeprefix(PREFIX), {})[labels] = sample.value
    return found


def test_a_duration_lies_below_the_edge_that_it_reaches() -> None:
    times = Durations((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 1.0, 7.0):
        times.add(seconds)
    tally = times.tally()
    assert tally.counts == (2, 2, 1)
    assert tally.total_s == pytest.approx(8.65)


def test_buckets_are_shown_each_with_those_below_it() -> None:
    times = Durations((0.1, 1.0))
    for seconds in (0.05, 0.5, 7.0):
        times.add(seconds)
    page = shown({"decision_seconds": alone(times.tally())})
    buckets = {dict(labels)["le"]: n for labels, n in page["decision_seconds_bucket"].items()}
    assert buckets == {"0.1": 1.0, "1.0": 2.0, "+Inf": 3.0}
    assert page["decision_seconds_count"] == {(): 3.0}
    assert page["decision_seconds_sum"][()] == pytest.approx(7.55)


def test_a_label_from_outside_the_lists_counts_as_other_together_with_its_like() -> None:
    counts: Mapping[Labels, Value] = {("403",): 2.0, ("418",): 3.0, ("599",): 4.0}
    page = shown({"requests_total": counts})["requests_total"]
    assert page[(("status", "403"),)] == 2.0
    assert page[(("status", OTHER),)] == 7.0


def test_a_counter_of_one_label_begins_at_nothing_so_that_its_first_step_is_seen() -> None:
    page = shown({"orders_rejected_total": {}})["orders_rejected_total"]
    assert set(page.values()) == {0.0}
    assert (("code", "40310000"),) in page


def test_what_is_not_known_is_left_out_and_what_is_in_no_catalogue_is_a_mistake() -> None:
    assert shown({"drawdown_ratio": alone(None)}) == {}
    with pytest.raises(KeyError, match="invented"):
        exposition({"invented": alone(1.0)})


def test_text_of_a_label_cannot_end_its_line() -> None:
    evil = 'x"} 9\nsmart_leverage_tier 3'
    page = shown({"build": {(evil,): 1.0}})
    assert page == {"build": {(("version", evil),): 1.0}}


def test_names_say_their_unit_and_stand_once() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name
        assert metric.kind is not Kind.HISTOGRAM or metric.name.endswith("_seconds")
        assert metric.meaning
        assert not metric.meaning.endswith(".")
        assert len(metric.values) in (0, len(metric.labels))


class Venue:
    """Answers, refuses or is silent."""

    def __init__(self, says: object) -> None:
        self.says = says

    def account(self) -> AccountSnapshot:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("says", "is_answer"),
    [
        pytest.param("an account", True, id="answer"),
        pytest.param(Refused(40310000, "no"), True, id="refusal"),
        pytest.param(BrokerDown("silent"), False, id="silence"),
    ],
)
def test_a_broker_is_timed_and_only_what_it_says_is_an_answer(
    says: object, is_answer: bool
) -> None:
    meter = Meter()
    broker = TimedBroker(Venue(says), meter)  # type: ignore[arg-type]
    if isinstance(says, Exception):
        with pytest.raises(type(says)):
            broker.account()
    else:
        assert broker.account() == says
    assert sum(meter.broker["account"].tally().counts) == 1
    assert (meter.broker_answered_s is not None) == is_answer


def test_every_call_of_a_broker_is_timed_under_its_own_name() -> None:
    calls = [name for name in vars(TimedBroker) if not name.startswith("_")]
    # Orders that leave with one message are timed as orders, one by one.
    told = {name.removesuffix("_ns").removesuffix("_all") for name in calls}
    named = told - {"capabilities", "many"}
    assert named == set(BROKER_CALLS)
