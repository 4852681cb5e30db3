"""Values in the text form that Prometheus reads; what stands in no catalogue cannot get out."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import (
    Metric as Family,
)
from prometheus_client.registry import Collector

from smart_leverage.runtime.meter import Tally
from smart_leverage.server.metrics.catalogue import BY_NAME, OTHER, Kind, Metric

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

Labels = tuple[str, ...]
Value = float | Tally
Values = Mapping[str, Mapping[Labels, Value]]
"""By name of the catalogue, then by label values; a name that is not there has no value now."""

ALONE: Labels = ()
"""The labels of a metric that has none."""


def alone(value: Value | None) -> Mapping[Labels, Value]:
    """Return the value of a metric without labels; None, where it is not known, is left out."""
    return {} if value is None else {ALONE: value}


def exposition(values: Values) -> bytes:
    """Return the page of one scrape.

    A value of a label that is in no closed list counts as `other`, together with its like.
    """
    # A registry of its own, and for one page: nothing is left of it, and two processes of one test
    # do not meet in it.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(values))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, values: Values) -> None:
        self._values = values

    def describe(self) -> Sequence[Family]:
        """Name nothing in advance: the registry would ask for the values otherwise."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Yield what there is, in the order of the catalogue."""
        unknown = self._values.keys() - BY_NAME.keys()
        if unknown:
            raise KeyError(f"in no catalogue: {sorted(unknown)}")
        for name, metric in BY_NAME.items():
            if name in self._values:
                yield _family(metric, _closed(metric, self._values[name]))


def _closed(metric: Metric, values: Mapping[Labels, Value]) -> Mapping[Labels, Value]:
    """Return values by labels that stand in the lists; numbers that fall together are summed."""
    if not metric.values:
        return values
    found = _zeros(metric)
    for labels, value in values.items():
        known = tuple(
            label if label in allowed else OTHER
            for label, allowed in zip(labels, metric.values, strict=True)
        )
        before = found.get(known, 0.0)
        if isinstance(before, Tally) or isinstance(value, Tally):
            found[known] = value  # a distribution has labels that are named in code
        else:
            found[known] = before + value
    return found


def _zeros(metric: Metric) -> dict[Labels, Value]:
    """Return 0 for each label of a counter that has one: a rate sees no first step otherwise."""
    if metric.kind is not Kind.COUNTER or len(metric.values) != 1:
        return {}
    return {(label,): 0.0 for label in metric.values[0]}


def _family(metric: Metric, values: Mapping[Labels, Value]) -> Family:
    name, help_, labels = metric.full_name, metric.meaning, metric.labels
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, help_, labels=labels)
        for own, tally in values.items():
            assert isinstance(tally, Tally)  # noqa: S101 - the catalogue says so
            histogram.add_metric(own, _buckets(tally), tally.total_s)
        return histogram
    made: CounterMetricFamily | GaugeMetricFamily
    if metric.kind is Kind.COUNTER:
        made = CounterMetricFamily(name, help_, labels=labels)
    else:
        made = GaugeMetricFamily(name, help_, labels=labels)
    for own, value in values.items():
        assert not isinstance(value, Tally)  # noqa: S101 - the catalogue says so
        made.add_metric(own, value)
    return made


def _buckets(tally: Tally) -> list[tuple[str, float]]:
    """Return the buckets as they are exposed: each holds those below it too."""
    below, found = 0, []
    for edge, count in zip((*map(str, tally.edges), "+Inf"), tally.counts, strict=True):
        below += count
        found.append((edge, float(below)))
    return found
