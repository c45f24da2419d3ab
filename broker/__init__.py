"""A real, single-node Apache Kafka (KRaft) in a child process: for demo, tests and benchmark.

    with EmbeddedKafka() as kafka:
        KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)

Nothing has to be installed: the jars come from Maven Central, the Java runtime from a wheel.
`python -m broker` is the same broker in the foreground.  Not for production: one node, no
security, and settings that favour quick starts on small machines.
"""

from broker.embedded import EmbeddedKafka
from broker.errors import (
    BrokerError,
    DataFolderError,
    DistributionError,
    KafkaFailedError,
    PortTakenError,
)

__all__ = [
    "BrokerError",
    "DataFolderError",
    "DistributionError",
    "EmbeddedKafka",
    "KafkaFailedError",
    "PortTakenError",
]
