"""Metrics that are read when they are scraped: the model's figures, lasting faults, log lines."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from consumer.model import Served
from consumer.telemetry.faults import FaultKind


class FaultsCollector(Collector):
    """Faults by kind and leaderless partitions by topic, read at the scrape."""

    def __init__(self, counts: Mapping[FaultKind, int], leaderless: dict[str, int]) -> None:
        self._counts = counts
        self._leaderless = leaderless

    def collect(self) -> Iterable[Metric]:
        """All kinds from the start; topics once they were looked up."""
        seen = CounterMetricFamily(
            "riverline_faults", "Faults of Kafka or of the way to it, by kind.", labels=["kind"]
        )
        for kind in FaultKind:
            seen.add_metric([kind], self._counts[kind])
        yield seen
        leaderless = GaugeMetricFamily(
            "riverline_leaderless_partitions",
            "Partitions of the service's topics that have no leader now, by topic.",
            labels=["topic"],
        )
        for topic, count in self._leaderless.copy().items():
            leaderless.add_metric([topic], count)
        yield leaderless


class UnsaidCollector(Collector):
    """Suppressed log lines, read at the scrape."""

    def __init__(self, unsaid: Mapping[str, int]) -> None:
        self._unsaid = unsaid

    def collect(self) -> Iterable[Metric]:
        """By event."""
        lines = CounterMetricFamily(
            "riverline_log_lines_unsaid",
            "Warnings and errors suppressed by the log's rate limit, by event.",
            labels=["event"],
        )
        for event, count in dict(self._unsaid).items():
            lines.add_metric([event], count)
        yield lines


class ModelCollector(Collector):
    """The model's figures, read at the scrape."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def collect(self) -> Iterable[Metric]:
        """Events, prequential errors and coefficients."""
        model = self._served.model
        yield GaugeMetricFamily(
            "riverline_model_events", "Events that the model has learned.", value=model.events
        )
        errors = GaugeMetricFamily(
            "riverline_prequential_error",
            "One-step-ahead error of the events, each predicted before it was learned.",
            labels=["metric"],
        )
        recent = GaugeMetricFamily(
            "riverline_prequential_recent_error",
            "The same over the last 1,000 events (recent), and exponentially fading.",
            labels=["over", "metric"],
        )
        for metric, value in model.errors.items():
            if metric not in ("recent", "fading"):
                errors.add_metric([metric], value)
                continue
            for name in ("mae", "rmse", "r2"):
                if name in value:
                    recent.add_metric([metric, name], value[name])
        yield errors
        yield recent
        coefficients = GaugeMetricFamily(
            "riverline_coefficient", "The river model's coefficient, by term.", labels=["term"]
        )
        for term, value in model.coefficients.items():
            coefficients.add_metric([term], value)
        yield coefficients
