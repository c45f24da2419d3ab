"""kafka-python's connections, kept from creating topics.

A client that asks a broker about a topic may create it by asking, with the broker's defaults (one
partition, seven days): that is how both come. kafka-python 3.0.12 has the option
``allow_auto_create_topics`` against it, which never reaches its requests. Here it does.
"""

from typing import Any

from kafka import __version__
from kafka.net.compat import KafkaNetClient


class TopicCreationError(Exception):
    """This version of kafka-python cannot be kept from creating the topics that it asks about."""


def never_create_topics(cluster: Any) -> None:  # noqa: ANN401 - kafka-python's
    """Make a client's metadata requests create nothing.

    Args:
        cluster: The client's ``ClusterMetadata``.

    Raises:
        TopicCreationError: They would still create topics.
    """
    try:
        cluster.config["allow_auto_create_topics"] = False
        creates = cluster.metadata_request().allow_auto_topic_creation
    except AttributeError as error:
        creates = error
    if creates is not False:
        raise TopicCreationError(
            f"kafka-python {__version__} cannot be kept from creating the topics it asks about "
            f"({creates!r}): use the version in requirements.lock"
        )


class NetClient(KafkaNetClient):  # type: ignore[misc]  # kafka-python has no types
    """What a consumer, a producer or an admin client is given as ``kafka_client``.

    Raises:
        TopicCreationError: This version of kafka-python would create topics.
    """

    def __init__(self, **config: object) -> None:
        super().__init__(**config)
        try:
            never_create_topics(self.cluster)
        except TopicCreationError:
            self.close()
            raise
