"""Metrics that are read when they are scraped: the model's figures, health, log lines."""

from collections.abc import Iterable, Mapping
from time import monotonic

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from consumer.model import Model, Served
from consumer.telemetry.faults import FaultKind
from consumer.telemetry.health import Health, not_ready
from contract.messages import Outcome


class HealthCollector(Collector):
    """What readiness rests on, read at the scrape."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """Readiness and ages now; faults of all kinds; topics once they were looked up."""
        health, now = self._health, monotonic()
        yield GaugeMetricFamily(
            "riverline_ready", "1 if the service is ready.", value=not not_ready(health, now=now)
        )
        yield GaugeMetricFamily(
            "riverline_kafka_reachable", "1 if Kafka answered the last request.", value=health.kafka
        )
        unsaved = [now - one.since for one in health.unsaved.copy().values()]
        yield GaugeMetricFamily(
            "riverline_unsaved_seconds",
            "For how long progress of one of our partitions has not been saved; 0 if all is.",
            value=max(unsaved, default=0.0),
        )
        oldest = health.oldest_reply
        yield GaugeMetricFamily(
            "riverline_undelivered_reply_seconds",
            "For how long the oldest reply has waited for Kafka to take it; 0 if none waits.",
            value=0.0 if oldest is None else now - oldest,
        )
        seen = CounterMetricFamily(
            "riverline_faults", "Faults of Kafka or of the way to it, by kind.", labels=["kind"]
        )
        for kind in FaultKind:
            seen.add_metric([kind], health.faults.counts[kind])
        yield seen
        leaderless = GaugeMetricFamily(
            "riverline_leaderless_partitions",
            "Partitions of the service's topics that have no leader now, by topic.",
            labels=["topic"],
        )
        for topic, count in health.leaderless.copy().items():
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
        if model.spec.has_late_labels:
            yield from _late_labels(model)
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
        if model.calibration:
            yield _covered(model)
        coefficients = GaugeMetricFamily(
            "riverline_coefficient", "The river model's coefficient, by term.", labels=["term"]
        )
        for term, value in model.coefficients.items():
            coefficients.add_metric([term], value)
        yield coefficients


class ChallengerCollector(Collector):
    """The challengers beside the champion, read at the scrape.

    Args:
        served: The model.
        planned_events: The number of events at which the intervals are narrowest.
    """

    def __init__(self, served: Served, planned_events: int) -> None:
        self._served, self._planned_events = served, planned_events

    def collect(self) -> Iterable[Metric]:
        """By formula: how many events both predicted, the errors of each, and the difference."""
        events = GaugeMetricFamily(
            "riverline_challenger_events",
            "Events that both a challenger and the model's formula predicted.",
            labels=["formula"],
        )
        errors = GaugeMetricFamily(
            "riverline_challenger_error",
            "One-step-ahead error on these events, of the challenger and of the champion.",
            labels=["formula", "of", "metric"],
        )
        difference = GaugeMetricFamily(
            "riverline_challenger_difference",
            "The champion's mean squared error less the challenger's, with always-valid bounds.",
            labels=["formula", "bound"],
        )
        for one in self._served.model.challengers(self._planned_events):
            formula = one["formula"]
            events.add_metric([formula], one["n"])
            if not one["n"]:
                continue
            for metric in ("mae", "rmse"):
                errors.add_metric([formula, "challenger", metric], one[metric])
                errors.add_metric([formula, "champion", metric], one["champion"][metric])
            for bound, value in one["difference"].items():
                if value is not None:
                    difference.add_metric([formula, bound], value)
        yield from (events, errors, difference)


def _covered(model: Model) -> Metric:
    """The shares of outcomes that fell into their prediction intervals."""
    shares = GaugeMetricFamily(
        "riverline_interval_coverage_ratio",
        "Outcomes that fell into their own one-step-ahead prediction interval, by its level; "
        "of all events, and of the last 1,000 (recent).",
        labels=["level", "over"],
    )
    for over, counts in (("all", model.calibration), ("recent", model.calibration["recent"])):
        for it in counts["levels"] if counts["n"] else ():
            shares.add_metric([str(it["level"]), over], it["covered"] / counts["n"])
    return shares


def _late_labels(model: Model) -> Iterable[Metric]:
    """Events that wait for their labels, and those that do no more."""
    yield GaugeMetricFamily(
        "riverline_events_waiting",
        "Events whose labels may still come.",
        value=model.outcomes[Outcome.WAITING],
    )
    expired = GaugeMetricFamily(
        "riverline_events_expired",
        "Events whose labels had not come in time: learned by absence, or unlabelled.",
        labels=["became"],
    )
    expiries = model.expiries
    expired.add_metric(["learned"], expiries.by_absence)
    expired.add_metric(["unlabelled"], expiries.expired - expiries.by_absence)
    yield expired
    yield GaugeMetricFamily(
        "riverline_events_over_limit",
        "Events that waited no more because too many others did.",
        value=expiries.over_limit,
    )
