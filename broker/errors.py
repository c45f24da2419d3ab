"""The errors of the embedded broker, and who should act.

BrokerError              the message is one sentence for a person, without a traceback
 +- ExtraMissingError    the packages of the extra `broker` aren't installed: the user
 +- DistributionError    Kafka's jars can't be fetched: the network, or the Maven repository
 +- DataFolderError      the data folder can't be used: the caller
 +- PortTakenError       another program holds the port, or the host isn't ours: the caller
 +- KafkaFailedError     Kafka itself gave up: the message carries the end of its log
"""


class BrokerError(Exception):
    """The embedded broker can't do what was asked."""


class ExtraMissingError(BrokerError):
    """The packages that the embedded broker needs aren't installed."""


class DistributionError(BrokerError):
    """The jars of Kafka can't be fetched, or aren't the ones we know."""


class DataFolderError(BrokerError):
    """The data folder can't be made, read or written, or another Kafka is using it."""


class PortTakenError(BrokerError):
    """The host and port can't be listened on."""


class KafkaFailedError(BrokerError):
    """Kafka ended by itself, or didn't come up in time."""
