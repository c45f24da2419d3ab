"""What the dashboard shows, row by row; sums and maxima are over the chosen instances."""

from typing import Final

from deploy.grafana.panels import Panel, Query, Row

OURS: Final = 'instance=~"$instance"'
RATE: Final = "[$__rate_interval]"
PROCESSES: Final = f'{{job=~"riverline.*", {OURS}}}'
FIRING: Final = 'count(ALERTS{alertstate="firing", alertname=~"Riverline.+"}) or vector(0)'


def _legend(*labels: str) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def rate(metric: str, *by: str, said: str = "") -> Query:
    """How fast a counter grows, by these labels; called ``said``, then what they are."""
    labels = f" by ({', '.join(by)}) " if by else ""
    legend = f"{said} {_legend(*by)}".strip()
    return Query(f"sum{labels}(rate({metric}{{{OURS}}}{RATE}))", legend)


def most(metric: str, *by: str, said: str = "", where: str = "") -> Query:
    """The largest of a gauge, by these labels; called ``said``, then what they are."""
    labels = f" by ({', '.join(by)}) " if by else ""
    legend = f"{said} {_legend(*by)}".strip()
    return Query(f"max{labels}({metric}{{{OURS}{where}}})", legend)


def each(metric: str) -> Query:
    """A gauge of each instance."""
    return Query(f"{metric}{{{OURS}}}", _legend("instance"))


def quantiles(metric: str) -> list[Query]:
    """The median and the 99th percentile of a histogram."""
    buckets = rate(f"{metric}_bucket", "le").expression
    return [
        Query(f"histogram_quantile({level}, {buckets})", name)
        for level, name in (("0.5", "p50"), ("0.99", "p99"))
    ]


def stat(title: str, query: Query, unit: str = "short", red: float | None = None) -> Panel:
    """One figure; ``red`` is where it gets red, negative: below which."""
    return Panel(title, [query], unit, kind="stat", red=red)


NOW: Final = Row(
    "Now",
    [
        stat("Instances ready", Query(f"sum(riverline_ready{{{OURS}}})", ""), red=-1),
        stat("Reaching Kafka", Query(f"sum(riverline_kafka_reachable{{{OURS}}})", ""), red=-1),
        stat("Alerts firing", Query(FIRING, ""), red=1),
        stat("Lag by record time", most("riverline_consumer_lag_seconds"), "s", red=60),
        stat("Records behind", Query(f"sum(riverline_events_behind{{{OURS}}})", "")),
        stat("Events a second", rate("riverline_events_total"), "eps"),
        stat("Requests a second", rate("riverline_requests_total"), "reqps"),
        stat("Events in the model", most("riverline_model_events")),
    ],
    columns=3,
    height=4,
)

EVENTS: Final = Row(
    "Events",
    [
        Panel("Events by outcome", [rate("riverline_events_total", "outcome")], "eps"),
        Panel(
            "Lag by record time",
            [most("riverline_consumer_lag_seconds", "partition")],
            "s",
            text="How old what is not learned yet is, by partition; 0 if all is learned.",
        ),
        Panel("Lag in records", [most("riverline_consumer_lag", "partition")]),
        Panel(
            "Dead letters by reason",
            [
                rate("riverline_dead_letters_total", "reason"),
                rate("riverline_dead_letters_failed_total", said="not taken by Kafka"),
            ],
            "cps",
        ),
        Panel("Learning one poll's records", quantiles("riverline_learn_seconds"), "s"),
        Panel("Partitions of each instance", [each("riverline_assigned_partitions")]),
    ],
)

ANSWERS: Final = Row(
    "Answers",
    [
        Panel(
            "Requests by method and outcome",
            [rate("riverline_requests_total", "method", "outcome")],
            "reqps",
        ),
        Panel(
            "Latency from the request's timestamp",
            quantiles("riverline_answer_latency_seconds"),
            "s",
            text="By the clock of those who ask, until the reply is written.",
        ),
        Panel("Answering alone", quantiles("riverline_answer_seconds"), "s"),
    ],
)

STATE: Final = Row(
    "State",
    [
        Panel(
            "Waiting for Kafka",
            [
                most("riverline_unsaved_seconds", said="unsaved state"),
                most("riverline_undelivered_reply_seconds", said="undelivered reply"),
            ],
            "s",
        ),
        Panel("Saving a snapshot", quantiles("riverline_checkpoint_seconds"), "s"),
        Panel(
            "Snapshots that failed",
            [
                rate("riverline_snapshots_failed_total", said="not written"),
                rate("riverline_snapshots_refused_total", "reason", said="skipped:"),
            ],
            "cps",
        ),
        Panel(
            "Age of the last snapshot",
            [
                Query(
                    f"time() - (riverline_last_checkpoint_timestamp_seconds{{{OURS}}} > 0)",
                    _legend("instance"),
                )
            ],
            "s",
            text="Grows while there is nothing to save, too.",
        ),
        Panel("Restoring a partition", [each("riverline_restore_seconds")], "s"),
        Panel(
            "Changes of assignment", [rate("riverline_rebalances_total", said="a second")], "cps"
        ),
    ],
)

MODEL: Final = Row(
    "Model",
    [
        Panel(
            "Error of predictions (RMSE)",
            [
                most("riverline_prequential_error", said="all events", where=', metric="rmse"'),
                most("riverline_prequential_recent_error", "over", where=', metric="rmse"'),
            ],
            text="Each event is predicted before it is learned.",
        ),
        Panel(
            "R2 of predictions",
            [
                most("riverline_prequential_error", said="all events", where=', metric="r2"'),
                most("riverline_prequential_recent_error", "over", where=', metric="r2"'),
            ],
            "percentunit",
        ),
        Panel("Coefficients", [most("riverline_coefficient", "term")]),
    ],
)

GATEWAY: Final = Row(
    "Gateway",
    [
        Panel(
            "HTTP requests", [rate("riverline_gateway_requests_total", "route", "status")], "reqps"
        ),
        Panel("HTTP requests take", quantiles("riverline_gateway_request_seconds"), "s"),
        Panel(
            "Under way, late, dropped",
            [
                most("riverline_gateway_in_flight", "what", said="in flight:"),
                rate("riverline_gateway_late_replies_total", said="late replies a second"),
                rate("riverline_gateway_connections_dropped_total", said="dropped a second"),
            ],
        ),
    ],
)

KAFKA: Final = Row(
    "Kafka and processes",
    [
        Panel(
            "Faults by kind",
            [
                rate("riverline_faults_total", "kind"),
                rate("riverline_gateway_kafka_faults_total", "kind", said="gateway:"),
            ],
            "cps",
        ),
        Panel(
            "Partitions without a leader",
            [
                most("riverline_leaderless_partitions", "topic"),
                most("riverline_gateway_leaderless_partitions", "topic", said="gateway:"),
            ],
        ),
        Panel(
            "Processor",
            [
                Query(
                    f"rate(process_cpu_seconds_total{PROCESSES}{RATE})",
                    _legend("job", "instance"),
                )
            ],
            "percentunit",
        ),
        Panel(
            "Memory",
            [Query(f"process_resident_memory_bytes{PROCESSES}", _legend("job", "instance"))],
            "bytes",
        ),
        Panel(
            "Versions",
            [
                Query(
                    "count by (version, python, river, kafka_python)"
                    f" (riverline_build_info{{{OURS}}})",
                    "",
                ),
                Query(
                    f"count by (version, node) (riverline_gateway_build_info{{{OURS}}})",
                    "",
                ),
            ],
            kind="table",
        ),
    ],
)

ROWS: Final = (NOW, EVENTS, ANSWERS, STATE, MODEL, GATEWAY, KAFKA)
