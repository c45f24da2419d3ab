"""A missing permission has a sentence, and no permission that is missing ends the service."""

import pytest
from kafka.errors import (
    AuthorizationError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)

from consumer.client.permissions import forbidden


@pytest.mark.parametrize(
    ("error", "resource"),
    [
        (TopicAuthorizationFailedError({"events", "asked"}), "topic asked, events"),
        (TopicAuthorizationFailedError("events"), "topic events"),
        (TopicAuthorizationFailedError(), "a topic"),
        (GroupAuthorizationFailedError("one-learner"), "group one-learner"),
        (ClusterAuthorizationFailedError("create"), "the cluster"),
    ],
)
def test_the_sentence_names_the_resource_and_the_cost(
    error: AuthorizationError, resource: str
) -> None:
    assert forbidden(error, "nothing is learned") == (
        f"Kafka does not allow us what we need on {resource}: nothing is learned until an ACL does"
    )
