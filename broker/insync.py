"""Whether a cluster is whole, according to its brokers."""

import time
from collections.abc import Mapping
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from broker.errors import KafkaFailedError

_POLL_S = 0.1
_PATIENCE_MS = 2000  # with a broker that doesn't answer


def wait_until_in_sync(options: Mapping[str, Any], *, timeout_s: float) -> None:
    """Return when each broker reports that all serve and that no partition lacks a replica.

    Args:
        options: kafka-python's, of a client that may describe all topics.
        timeout_s: how long to wait; a broker that doesn't answer adds some seconds.

    Raises:
        KafkaFailedError: it takes too long; the message says what is missing.
    """
    servers = options["bootstrap_servers"].split(",")
    deadline = time.monotonic() + timeout_s
    for server in servers:
        asked = {**options, "bootstrap_servers": server}
        while missing := _missing(asked, len(servers)):
            if time.monotonic() > deadline:
                raise KafkaFailedError(
                    f"The cluster isn't whole after {timeout_s:.0f} s: {missing}."
                )
            time.sleep(_POLL_S)


def _missing(options: Mapping[str, Any], brokers: int) -> str:
    """What is missing, in words; empty if nothing is."""
    try:
        with KafkaAdminClient(
            **options, bootstrap_timeout_ms=_PATIENCE_MS, request_timeout_ms=_PATIENCE_MS
        ) as admin:
            known = admin.describe_cluster()["brokers"]
            topics = admin.describe_topics()
    except KafkaError as error:
        return f"no answer from {options['bootstrap_servers']} ({type(error).__name__})"
    serving = [broker for broker in known if not broker["is_fenced"]]
    if len(serving) < brokers:
        return f"{len(serving)} of {brokers} brokers serve"
    behind = [
        f"{topic['name']}-{partition['partition_index']}"
        for topic in topics
        for partition in topic["partitions"]
        if partition["leader_id"] < 0
        or set(partition["isr_nodes"]) != set(partition["replica_nodes"])
    ]
    return f"replicas of {', '.join(sorted(behind)[:5])} are behind" if behind else ""
