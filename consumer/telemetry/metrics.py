"""The Prometheus metrics: one object on one registry, label values from closed sets."""

import math
from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from consumer.model import FoldResult, Served
from consumer.telemetry.build import versions
from consumer.telemetry.collectors import HealthCollector, ModelCollector, UnsaidCollector
from consumer.telemetry.health import Health
from contract.messages import Method, Reason, RequestOutcome

_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

UNKNOWN_METHOD = "unknown"  # the label of a request whose method is not known


class Telemetry:
    """The service's metrics.

    Args:
        served: The model whose figures are exported.
        info: Labels of ``riverline_info``: what is learned, and how.
    """

    def __init__(self, served: Served, info: Mapping[str, str]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(ModelCollector(served))
        self._events = self._counter("riverline_events", "Events by outcome.", "outcome")
        self._requests = self._counter(
            "riverline_requests", "Requests by method and outcome.", "method", "outcome"
        )
        self._dead_letters = self._counter(
            "riverline_dead_letters", "Events refused, by reason.", "reason"
        )
        self._undeclared = self._counter(
            "riverline_undeclared_levels",
            "Values of categories that are not among their levels, by field of the model file.",
            "field",
        )
        self._dead_letters_failed = self._counter(
            "riverline_dead_letters_failed",
            "Times that Kafka did not take a dead letter; each is sent again.",
        )
        said = "Predictions of events without a target."
        self._predictions = self._counter("riverline_predictions", said, "outcome")
        self._learn = self._histogram(
            "riverline_learn_seconds", "Seconds to fold one poll's records of one partition."
        )
        self._answer = self._histogram(
            "riverline_answer_seconds", "Seconds to answer one request, without the broker's time."
        )
        self._latency = Histogram(
            "riverline_answer_latency_seconds",
            "Seconds from a request's record timestamp until its reply was written.",
            registry=self.registry,
            buckets=_LATENCIES,
        )
        self._waiting = self._gauge("riverline_waiting_requests", "Questions that wait (at_least).")
        self._lag = self._gauge(
            "riverline_consumer_lag",
            "Records behind the end of the log, by partition; NaN if not known.",
            "partition",
        )
        self._lag_seconds = self._gauge(
            "riverline_consumer_lag_seconds",
            "Age of what is not learned yet, by record time and partition; NaN if not known.",
            "partition",
        )
        self._behind = self._gauge(
            "riverline_events_behind",
            "Records behind, over all partitions; NaN if one is not known.",
        )
        self._assigned = self._gauge(
            "riverline_assigned_partitions",
            "Partitions of the events topic assigned to this instance.",
        )
        self._gauge("riverline_info", "Formula, learner and versions.", *info).labels(**info).set(1)
        build = versions()
        self._gauge("riverline_build_info", "Versions of what runs.", *build).labels(**build).set(1)
        self._checkpoint = self._histogram(
            "riverline_checkpoint_seconds",
            "Seconds from sending a snapshot to its acknowledgement.",
        )
        self._checkpoint_bytes = self._gauge(
            "riverline_checkpoint_bytes", "Size of the last acknowledged snapshot."
        )
        self._checkpoint_time = self._gauge(
            "riverline_last_checkpoint_timestamp_seconds",
            "When a snapshot was last acknowledged, seconds since the epoch.",
        )
        self._snapshots_failed = self._counter(
            "riverline_snapshots_failed", "Snapshots that could not be written to the changelog."
        )
        self._restore = self._gauge(
            "riverline_restore_seconds", "Seconds to restore the last restored partition."
        )
        self._replayed = self._counter(
            "riverline_restore_replayed_events", "Records to read again after restores."
        )
        self._rebalances = self._counter(
            "riverline_rebalances", "Assignments of the group that changed our partitions."
        )
        self._snapshots_refused = self._counter(
            "riverline_snapshots_refused", "Snapshots skipped, by reason.", "reason"
        )
        self._followed = self._gauge(
            "riverline_followed_partitions", "Partitions served from other instances' snapshots."
        )
        self._followed_lag = self._gauge(
            "riverline_followed_lag",
            "Records between a followed snapshot and the end of its log, by partition.",
            "partition",
        )
        self._start_closed_sets()

    def watch_health(self, health: Health) -> None:
        """Export what readiness rests on."""
        self.registry.register(HealthCollector(health))

    def watch_log(self, unsaid: Mapping[str, int]) -> None:
        """Export the counts of suppressed log lines, by event."""
        self.registry.register(UnsaidCollector(unsaid))

    def checkpointed(self, seconds: float, size: int, now: float) -> None:
        """A snapshot of ``size`` bytes was acknowledged ``now``, seconds since the epoch."""
        self._checkpoint.observe(seconds)
        self._checkpoint_bytes.set(size)
        self._checkpoint_time.set(now)

    def snapshot_failed(self) -> None:
        """A snapshot could not be written."""
        self._snapshots_failed.inc()

    def restored(self, seconds: float, replayed: int) -> None:
        """A partition was restored; ``replayed`` records are to be read again."""
        self._restore.set(seconds)
        self._replayed.inc(replayed)

    def rebalanced(self) -> None:
        """Our partitions changed."""
        self._rebalances.inc()

    def snapshot_refused(self, *, foreign: bool) -> None:
        """A snapshot was skipped: foreign, or damaged."""
        self._snapshots_refused.labels("foreign" if foreign else "damaged").inc()

    def follows(self, lags: Mapping[int, int | None]) -> None:
        """Set the lag of each followed partition; None if not known."""
        self._followed.set(len(lags))
        self._followed_lag.clear()
        for partition, lag in lags.items():
            self._followed_lag.labels(partition).set(_known(lag))

    def folded(self, result: FoldResult, seconds: float) -> None:
        """Count a fold of records."""
        for outcome, number in result.counts().items():
            self._events.labels(outcome).inc(number)
        for refused in result.refused:
            self._dead_letters.labels(refused.why.reason).inc()
        for name, texts in result.undeclared.items():
            self._undeclared.labels(name).inc(len(texts))
        self._learn.observe(seconds)

    def dead_letter_failed(self) -> None:
        """Kafka did not take a dead letter."""
        self._dead_letters_failed.inc()

    def predicted(self, outcome: str) -> None:
        """A prediction of an event was written or refused; or not taken, and is sent again."""
        self._predictions.labels(outcome).inc()

    def answered(self, seconds: float, waited: float | None) -> None:
        """A request was answered or refused.

        Args:
            seconds: What that took.
            waited: The time since its record's timestamp, by the asker's clock or the broker's;
                None if it has none, or expired.
        """
        self._answer.observe(seconds)
        if waited is not None:
            self._latency.observe(max(0.0, waited))

    def waiting(self, count: int) -> None:
        """So many questions wait for positions."""
        self._waiting.set(count)

    def requested(self, method: Method | None, outcome: RequestOutcome) -> None:
        """Count a settled request, once; ``method`` is None if not known."""
        self._requests.labels(method or UNKNOWN_METHOD, outcome).inc()

    def lags(self, lags: Mapping[int, int | None], seconds: Mapping[int, float]) -> None:
        """Set the lag of each assigned partition; drop all others.

        Args:
            lags: In records; None if not known.
            seconds: By record time; NaN if not known.
        """
        self._lag.clear()
        self._lag_seconds.clear()
        for partition, lag in lags.items():
            self._lag.labels(partition).set(_known(lag))
            self._lag_seconds.labels(partition).set(seconds[partition])
        self._behind.set(sum(map(_known, lags.values())))
        self._assigned.set(len(lags))

    def _start_closed_sets(self) -> None:
        """Create all series at the start, so that their first increase shows."""
        for outcome in FoldResult().counts():
            self._events.labels(outcome)
        for became in ("predicted", "refused", "failed"):
            self._predictions.labels(became)
        for reason in ("damaged", "foreign"):
            self._snapshots_refused.labels(reason)
        for reason in Reason:
            self._dead_letters.labels(reason)
        for method in (*Method, UNKNOWN_METHOD):
            for result in RequestOutcome:
                self._requests.labels(method, result)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(name, text, registry=self.registry, buckets=_BUCKETS)


def _known(lag: int | None) -> float:
    """NaN for a lag that is not known: 0 would claim that there is none."""
    return math.nan if lag is None else lag
