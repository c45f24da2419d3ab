"""A real Apache Kafka (KRaft) in child processes: for demo, tests and benchmark.

    with EmbeddedKafka() as kafka:
        KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)

Nothing has to be installed: the jars come from Maven Central, the Java runtime from a wheel.
`EmbeddedCluster` has several brokers, with TLS, users and ACLs if it is given a `Security`.
`python -m broker` is the same in the foreground.  Not for production: the settings favour quick
starts on small machines, and all brokers stand on one.
"""

from broker.cluster import EmbeddedCluster
from broker.embedded import EmbeddedKafka
from broker.errors import (
    BrokerError,
    DataFolderError,
    DistributionError,
    ExtraMissingError,
    KafkaFailedError,
    PortTakenError,
)
from broker.security import Security

__all__ = [
    "BrokerError",
    "DataFolderError",
    "DistributionError",
    "EmbeddedCluster",
    "EmbeddedKafka",
    "ExtraMissingError",
    "KafkaFailedError",
    "PortTakenError",
    "Security",
]
