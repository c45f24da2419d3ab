"""kafka-acls.sh as far as deploy/acls.sh uses it, as the user in the environment.

The embedded broker has no tools of Kafka's: the options are its own ones
(https://kafka.apache.org/documentation/#security_authz_cli).
"""

import argparse
import re
from contextlib import closing

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from contract.login import Login


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--topic")
    parser.add_argument("--group")
    parser.add_argument("--transactional-id")
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--resource-pattern-type", choices=["literal", "prefixed"])
    parser.add_argument("--operation", action="append", required=True)
    asked = parser.parse_args()
    pattern = ACLResourcePatternType[(asked.resource_pattern_type or "literal").upper()]
    if asked.cluster:
        on = ResourcePattern(ResourceType.CLUSTER, "kafka-cluster")
    elif asked.transactional_id:
        on = ResourcePattern(ResourceType.TRANSACTIONAL_ID, asked.transactional_id, pattern)
    elif asked.topic:
        on = ResourcePattern(ResourceType.TOPIC, asked.topic, pattern)
    else:
        on = ResourcePattern(ResourceType.GROUP, asked.group, pattern)
    with closing(KafkaAdminClient(**Login().admin_options())) as admin:
        admin.create_acls(
            [
                ACL(asked.allow_principal, "*", operation(name), ACLPermissionType.ALLOW, on)
                for name in asked.operation
            ]
        )


def operation(name: str) -> ACLOperation:
    """``DescribeConfigs`` is DESCRIBE_CONFIGS."""
    return ACLOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()]


if __name__ == "__main__":
    main()
