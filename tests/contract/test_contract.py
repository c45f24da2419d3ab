"""The JSON Schemas, the golden examples and the Python that serves them say the same."""

import json
from importlib.resources import files
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from consumer.decode.dialects import BadAddressError, find_address
from consumer.decode.event import UNLABELLED, EventDecoder, Rejected
from consumer.decode.request import decode_request
from consumer.decode.request_error import RequestError
from consumer.learn.dead_letters import write_letter
from consumer.model import answer
from consumer.model.folding import RejectedRecord, outcome_of
from consumer.model.merged import Model
from consumer.respond.acknowledgements import acknowledge
from contract.examples import (
    EventExample,
    ReplyExample,
    RequestExample,
    load_events,
    load_replies,
    load_requests,
)
from contract.messages import (
    DEAD_LETTER_BYTES,
    DEAD_LETTER_HEADERS,
    DEAD_LETTER_VERSION,
    KEPT_HEADER,
    MAX_MESSAGE_BYTES,
    VALUE_LIMIT,
    ErrorCode,
    Method,
    Outcome,
    Reason,
)
from contract.schemas import SCHEMA_NAMES, SchemaName, load_schema
from unit.model_files import NAMES, golden
from unit.records import FIELDS, Record, bits, event, folded, model, spec

EVENTS = load_events()
REQUESTS = load_requests()
REPLIES = load_replies()
LEARNED = [(10.0 * i, i * i % 7.0, i % 3.0, 3.0 + 0.5 * i + i % 2) for i in range(20)]
MODEL = model(LEARNED, partitions=4)

SCHEMAS = {name: load_schema(name) for name in SCHEMA_NAMES}
REGISTRY: Registry[Any] = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)

VALIDATORS = {
    name: Draft202012Validator(schema, registry=REGISTRY) for name, schema in SCHEMAS.items()
}

decode = EventDecoder(FIELDS, "sales")


def faults(name: SchemaName, document: object) -> list[str]:
    """What a schema finds wrong with a document."""
    return [error.message for error in VALIDATORS[name].iter_errors(document)]


def reply_to(value: bytes | None, served: Model = MODEL) -> answer.Reply:
    """What the service replies."""
    try:
        request = decode_request(value)
        if request.method is Method.LEARN:
            return acknowledge(outcome_of(decode(orjson.dumps(request.params))), served)
        return answer.answer(request, served)
    except RequestError as refusal:
        return answer.error(refusal)


def code_of(reply: answer.Reply) -> str | None:
    return reply["error"]["code"] if "error" in reply else None


def names_formula(document: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a request holds a formula that is a string."""
    if not isinstance(document, dict):
        return False
    params = document.get("params") if "method" in document else document
    return isinstance(params, dict) and isinstance(params.get("formula"), str)


def named(example: EventExample | RequestExample | ReplyExample) -> str:
    return example.name


# The schemas.


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_a_schema_is_one_and_says_what_it_is(name: SchemaName) -> None:
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:riverline:{name}"
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("name", SCHEMA_NAMES)
def test_the_examples_in_a_schema_validate(name: SchemaName) -> None:
    assert SCHEMAS[name]["examples"]
    assert [faults(name, example) for example in SCHEMAS[name]["examples"]] == [[]] * len(
        SCHEMAS[name]["examples"]
    )


def test_closed_sets_are_those_of_python_in_their_order() -> None:
    letter, reply, request = SCHEMAS["dead-letter"], SCHEMAS["reply"], SCHEMAS["request"]
    assert letter["properties"]["riverline.reason"]["enum"] == list(Reason)
    assert reply["$defs"]["code"]["enum"] == list(ErrorCode)
    assert request["$defs"]["method"]["enum"] == list(Method)


def test_limits_and_names_are_those_of_python() -> None:
    number = SCHEMAS["event"]["$defs"]["number"]
    assert (number["minimum"], number["maximum"]) == (-VALUE_LIMIT, VALUE_LIMIT)
    assert f"{MAX_MESSAGE_BYTES:,} bytes" in SCHEMAS["event"]["description"]
    assert tuple(SCHEMAS["event"]["properties"]) == FIELDS
    headers = SCHEMAS["dead-letter"]["properties"]
    assert tuple(headers) == DEAD_LETTER_HEADERS
    assert headers["riverline.version"]["const"].encode() == DEAD_LETTER_VERSION
    assert headers["riverline.key"]["maxLength"] == DEAD_LETTER_BYTES


# The examples as files.


@pytest.mark.parametrize("kind", ["events", "requests", "replies"])
def test_every_example_has_a_name_of_its_own_one_value_and_an_outcome(kind: str) -> None:
    entries = json.loads(files("contract").joinpath("examples", f"{kind}.json").read_bytes())
    assert len({entry["name"] for entry in entries}) == len(entries)
    for entry in entries:
        assert len(entry.keys() & {"text", "base64", "null"}) == 1, entry["name"]
        assert entry.keys() - {"text", "base64", "null"} == {"name", "outcome"}, entry["name"]
        assert entry.get("null", True) is True


def test_the_examples_cover_the_closed_sets() -> None:
    # A record that cannot be unpacked has no value; one that is too large is made by its test.
    outside = {Reason.UNREADABLE, Reason.TOO_LARGE, Reason.TOO_MANY_GAPS}
    # What becomes of these depends on what came before (tests/property/test_late.py).
    outside |= {Reason.CONFLICTING_EVENT, Reason.CONFLICTING_LABEL, Reason.LATE_LABEL}
    # Those of a model file are in examples/models (tests/unit/decode/test_mapping.py).
    modelled = {it.reason for name in NAMES for it in golden(name)}
    by_model = {Outcome.SKIPPED, Outcome.WAITING, Outcome.MATCHED, Outcome.REPEATED}
    assert {example.outcome for example in EVENTS} == set(Outcome) - by_model
    assert {example.reason for example in EVENTS} | modelled == {*Reason, None} - outside
    assert {example.asks for example in REQUESTS} == {*Method, None}
    assert {example.error for example in REPLIES} == {*ErrorCode, None}
    assert {example.answers for example in REPLIES} == {*Method, None}


# Events.


@pytest.mark.parametrize("example", EVENTS, ids=named)
def test_the_decoder_makes_of_an_event_what_its_example_says(example: EventExample) -> None:
    event = decode(example.value)
    if example.outcome is Outcome.LEARNED:
        assert isinstance(event, tuple)
    elif example.outcome is Outcome.UNLABELLED:
        assert event is UNLABELLED
    else:
        assert isinstance(event, Rejected)
        assert event.reason is example.reason


@pytest.mark.parametrize("example", EVENTS, ids=named)
def test_an_event_validates_exactly_where_it_is_not_refused(example: EventExample) -> None:
    if example.reason in (Reason.NO_VALUE, Reason.BAD_JSON):
        assert example.value is None or not is_json(example.value)
    else:
        assert bool(faults("event", orjson.loads(example.value or b""))) == bool(example.reason)


@pytest.mark.parametrize("example", [e for e in EVENTS if e.reason is not None], ids=named)
def test_a_refused_event_leaves_the_state_as_it_was_to_the_bit(example: EventExample) -> None:
    good = [event(row) for row in LEARNED]
    among = folded([example.value, *good[:7], example.value, *good[7:], example.value])
    assert bits(among) == bits(folded(good))
    assert among.counts == dict.fromkeys(Outcome, 0) | {Outcome.LEARNED: 20, Outcome.REFUSED: 3}
    assert among.position == 23


@pytest.mark.parametrize("example", [e for e in EVENTS if e.reason is None], ids=named)
def test_an_event_that_is_not_refused_is_counted_as_its_example_says(
    example: EventExample,
) -> None:
    partition = folded([example.value])
    assert partition.counts == dict.fromkeys(Outcome, 0) | {example.outcome: 1}
    assert (bits(partition) == bits(folded([]))) == (example.outcome is Outcome.UNLABELLED)


# Requests.


@pytest.mark.parametrize("example", REQUESTS, ids=named)
def test_the_service_takes_a_request_as_its_example_says(example: RequestExample) -> None:
    if example.asks is not None:
        assert decode_request(example.value).method is example.asks
    assert code_of(reply_to(example.value)) == example.error


@pytest.mark.parametrize("example", REQUESTS, ids=named)
def test_a_request_validates_exactly_where_it_is_well_formed(example: RequestExample) -> None:
    if example.error in (ErrorCode.NO_VALUE, ErrorCode.BAD_JSON):
        assert example.value is None or not is_json(example.value)
        return
    document = orjson.loads(example.value or b"")
    if example.error is None:
        assert faults("request", document) == []
    elif not names_formula(document):  # what a formula says is not the schema's to check
        assert faults("request", document)


# Replies.


@pytest.mark.parametrize("example", REQUESTS, ids=named)
def test_every_reply_validates(example: RequestExample) -> None:
    assert faults("reply", orjson.loads(orjson.dumps(reply_to(example.value)))) == []


def test_errors_that_no_value_alone_brings_about_validate_too() -> None:
    too_large = b'{"tv": 50, "a": "' + b"x" * MAX_MESSAGE_BYTES + b'"}'
    with pytest.raises(BadAddressError) as bad:
        find_address([("reply_to", b"x")], default_topic="replies", allowed=lambda _: False)
    replies = {
        ErrorCode.TOO_LARGE: reply_to(too_large),
        ErrorCode.TOO_FEW_EVENTS: reply_to(b'{"tv": 50}', Model(spec(), {})),
        ErrorCode.BAD_REPLY_ADDRESS: answer.error(
            RequestError(ErrorCode.BAD_REPLY_ADDRESS, bad.value.detail)
        ),
    }
    for code, reply in replies.items():
        assert code_of(reply) == code
        assert faults("reply", orjson.loads(orjson.dumps(reply))) == []


@pytest.mark.parametrize("example", REPLIES, ids=named)
def test_a_golden_reply_validates_and_says_what_its_example_says(example: ReplyExample) -> None:
    document = orjson.loads(example.value)
    assert faults("reply", document) == []
    assert document.get("prediction") == example.prediction
    assert (example.answers is Method.PREDICT) == (example.prediction is not None)
    assert (example.answers is Method.TRAIN) == ("coefficients" in document)
    assert (example.answers is Method.LEARN) == ("learned" in document)
    assert code_of(document) == example.error
    assert (example.answers is None) == (example.error is not None)


def prediction(number: bytes, **others: bytes) -> bytes:
    """A reply to predict, as it should be but for what is given."""
    members = {"model": b'"ols"', "events": b"3", "positions": b"{}", "formula": b'"sales ~ tv"'}
    members |= {"prediction": number} | others
    inner = b", ".join(b'"%s": %s' % (name.encode(), text) for name, text in members.items())
    return b"{%s}" % inner


def test_what_is_not_wrong_about_a_prediction_is_right() -> None:
    assert faults("reply", orjson.loads(prediction(b"9.4"))) == []


@pytest.mark.parametrize(
    "value",
    [
        b"[]",
        b"9.4",
        b"{}",
        b'{"prediction": 9.4}',
        prediction(b"null"),
        prediction(b'"9.4"'),
        prediction(b"9.4", model=b'"oracle"'),
        prediction(b"9.4", events=b"0"),
        prediction(b"9.4", events=b"2.5"),
        prediction(b"9.4", positions=b'{"x": 1}'),
        prediction(b"9.4", positions=b'{"0": -1}'),
        prediction(b"9.4", formula=b"null"),
        b'{"error": "bad-json"}',
        b'{"error": {"code": "bad-json"}}',
        b'{"error": {"code": "no-such-code", "message": "x"}}',
    ],
)
def test_what_is_no_reply_does_not_validate(value: bytes) -> None:
    assert faults("reply", orjson.loads(value))


# Dead letters.


def headers_as_strings(headers: list[tuple[str, bytes]]) -> dict[str, str]:
    """Headers as the schema reads them."""
    assert len(dict(headers)) == len(headers)
    return {
        name: value.decode("latin-1" if name == "riverline.key" else "utf-8")
        for name, value in headers
    }


@pytest.mark.parametrize("example", [e for e in EVENTS if e.reason is not None], ids=named)
def test_every_dead_letter_validates(example: EventExample) -> None:
    rejected = decode(example.value)
    assert isinstance(rejected, Rejected)
    record = Record(71, example.value, timestamp=1_780_000_000_000)
    headers = headers_as_strings(
        write_letter("riverline", "mobile-events", 2, RejectedRecord(record, rejected)).headers
    )
    assert faults("dead-letter", headers) == []
    assert headers["riverline.reason"] == example.reason


@pytest.mark.parametrize("key", [None, b"", b"device-7", bytes(range(256)), b"k" * 200_000])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, Reason.UNREADABLE),
        (b"\x00\x01raw", Reason.UNREADABLE),
        (None, Reason.NO_VALUE),
        (b"", Reason.BAD_JSON),
        (b"x" * (MAX_MESSAGE_BYTES + 1), Reason.TOO_LARGE),
    ],
)
def test_a_dead_letter_validates_whatever_the_key(
    key: bytes | None, value: bytes | None, reason: Reason
) -> None:
    record = Record(0, value, timestamp=-1, key=key, headers=[("ce_type", b"sent")])
    letter = write_letter(
        "riverline", "mobile-events", 0, RejectedRecord(record, Rejected(reason, "says why"))
    )
    headers = headers_as_strings(letter.headers)
    assert faults("dead-letter", headers) == []
    assert [name for name in DEAD_LETTER_HEADERS if name in headers] == list(headers)[:-1]
    assert headers[f"{KEPT_HEADER}ce_type"] == "sent"
    assert ("riverline.key" in headers) == (key is not None)
    assert ("riverline.length" in headers) == (value is not None)
    assert letter.key == b"mobile-events-0-0"


def is_json(value: bytes) -> bool:
    """Whether the parser of every value takes it."""
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True
