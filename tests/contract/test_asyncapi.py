"""contract/asyncapi.yaml is AsyncAPI, and says what the service does."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from consumer.decode.dialects import Address, Message, find_address, unwrap
from consumer.settings import Settings
from contract import topics
from contract.messages import MAX_CORRELATION_ID_BYTES
from contract.schemas import SCHEMA_NAMES, load_schema

yaml = pytest.importorskip("yaml")  # untyped

# As AsyncAPI publishes it (Apache-2.0): npm's @asyncapi/specs 6.11.1, schemas/3.1.0.json.
ASYNCAPI = json.loads(Path(__file__).with_name("asyncapi-3.1.0.schema.json").read_bytes())
DOCUMENT: dict[str, Any] = yaml.safe_load(files("contract").joinpath("asyncapi.yaml").read_text())
HERE = "file:///contract/asyncapi.yaml"
REGISTRY: Registry[Any] = Registry().with_resources(
    [
        (HERE, DRAFT202012.create_resource(DOCUMENT)),
        *(
            (name, Resource.from_contents(schema))
            for schema_name in SCHEMA_NAMES
            for schema in [load_schema(schema_name)]
            for name in (schema["$id"], f"file:///contract/schemas/{schema_name}.schema.json")
        ),
    ]
)
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
OPERATIONS: dict[str, Any] = DOCUMENT["operations"]
EXAMPLES = [
    (name, example) for name, message in MESSAGES.items() for example in message.get("examples", ())
]
REQUESTS = [(name, example) for name, example in EXAMPLES if name.endswith("Request")]
PREDICTION = {
    "prediction": 9.4,
    "model": "bayesian",
    "formula": "sales ~ tv",
    "events": 200,
    "positions": {"0": 200},
}
TRACE = {
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate": "congo=t61rcWkgMzE",
}
ERROR = {"code": "not-a-number", "message": "tv: expected a number, got a string"}


def faults(message: str, part: str, document: object) -> list[str]:
    """What the schema of a message's headers or payload finds wrong."""
    reference = f"#/components/messages/{message}/{part}"
    reference = lookup(reference).get("$ref", reference)
    if "schemaFormat" in lookup(reference):
        reference += "/schema"
    validator = Draft202012Validator({"$ref": HERE + reference}, registry=REGISTRY)
    return [error.message for error in validator.iter_errors(document)]


def lookup(reference: str) -> Any:  # noqa: ANN401 - YAML
    """What a reference within the document leads to."""
    return REGISTRY.resolver(HERE).lookup(reference).contents


def references(node: object) -> list[str]:
    """Every reference in a part of the document."""
    if isinstance(node, list):
        return [found for inner in node for found in references(inner)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + [found for inner in node.values() for found in references(inner)]


def on_the_wire(example: dict[str, Any]) -> tuple[list[tuple[str, bytes]], bytes]:
    """Headers and value as bytes, one for each character."""
    headers = [(name, text.encode("latin-1")) for name, text in example.get("headers", {}).items()]
    return headers, orjson.dumps(example["payload"])


def address_of(example: dict[str, Any]) -> Address:
    headers, _ = unwrap(*on_the_wire(example))
    replies = DOCUMENT["channels"]["defaultReplies"]["address"]
    return find_address(headers, default_topic=replies, allowed=Settings().may_reply_to)


def test_it_is_asyncapi() -> None:
    assert [error.message for error in Draft7Validator(ASYNCAPI).iter_errors(DOCUMENT)] == []


def test_what_is_no_asyncapi_would_be_found() -> None:
    wrong = DOCUMENT | {"channels": DOCUMENT["channels"] | {"requests": {"address": 7}}}
    assert list(Draft7Validator(ASYNCAPI).iter_errors(wrong))


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found
    assert all(map(lookup, found))


def test_topics_are_those_of_the_service() -> None:
    settings = Settings(predictions_topic="predictions")
    own = {topic.name: topic for topic in settings.topics}
    own[settings.changelog_topic] = topics.changelog(settings.changelog_topic, 4)
    own[settings.demand_topic] = topics.demand(settings.demand_topic)
    channels = {channel["address"]: channel for channel in DOCUMENT["channels"].values()}
    assert channels.keys() == {*own, None}
    for name, topic in own.items():
        described = channels[name]["bindings"]["kafka"]
        assert described.get("partitions", topic.partition_count) == topic.partition_count
        for setting, value in described["topicConfiguration"].items():
            said = ",".join(value) if isinstance(value, list) else str(value)
            assert topic.config[setting] == said, (name, setting)


def test_limits_are_those_of_python() -> None:
    described = DOCUMENT["components"]["schemas"]["correlationId"]
    assert described["maxLength"] == MAX_CORRELATION_ID_BYTES


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_validates(name: str, example: dict[str, Any]) -> None:
    assert faults(name, "payload", example["payload"]) == []
    assert faults(name, "headers", example.get("headers", {})) == []


@pytest.mark.parametrize(("name", "example"), REQUESTS)
def test_a_request_is_answered_where_its_operation_says(name: str, example: dict[str, Any]) -> None:
    (operation,) = (found for found in OPERATIONS.values() if asked_by(found) == name)
    source, _, pointer = operation["reply"]["address"]["location"].partition("#/")
    named = example["headers" if source == "$message.header" else "payload"].get(pointer)
    default = DOCUMENT["channels"]["defaultReplies"]["address"]
    assert address_of(example).topic == (named or default).strip('"')


@pytest.mark.parametrize(("name", "example"), REQUESTS)
@pytest.mark.parametrize("error", [None, ERROR])
def test_a_reply_is_the_message_that_its_operation_says(
    name: str, example: dict[str, Any], error: dict[str, str] | None
) -> None:
    (operation,) = (found for found in OPERATIONS.values() if asked_by(found) == name)
    (reply,) = operation["reply"]["messages"]
    answered = lookup(reply["$ref"])["$ref"].rpartition("/")[2]
    body = PREDICTION if error is None else {"error": error}
    example = example | {"headers": example.get("headers", {}) | TRACE}
    message: Message = address_of(example).write(
        b"key", orjson.dumps(body), None if error is None else orjson.dumps(error)
    )
    headers = {header: raw.decode("latin-1") for header, raw in message.headers}
    assert faults(answered, "headers", headers) == []
    assert faults(answered, "payload", orjson.loads(message.value)) == []
    named = lookup(f"#/components/messages/{answered}/headers").get("properties", {})
    absent = named.keys() - headers.keys()
    assert absent <= (set() if error else {"kafka_nest-err", "REPLY_ERROR"})


def asked_by(operation: dict[str, Any]) -> str:
    """The name of the message that an operation receives."""
    name: str = lookup(operation["messages"][0]["$ref"])["$ref"].rpartition("/")[2]
    return name
