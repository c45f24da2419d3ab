"""Batches made by hand and really written: every honest event is learned, and a restart comes up.

What the broker itself refuses need not be survived; REFUSED_BY_KAFKA says what that is.
"""

import signal
import struct
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient

from contract.environment import Environment
from contract.messages import REQUEST_OF_EVENT, Outcome
from producer import PredictionClient
from support.service import LEARNED
from support.waiting import wait_until
from unit.batches import Crafted, craft, varint, write

from .conftest import Start
from .records import read_all

REFUSED = f'riverline_events_total{{outcome="{Outcome.REFUSED}"}}'
MIN, MAX = -(2**63), 2**63 - 1
ANY_TIME = {"message.timestamp.after.max.ms": str(MAX), "message.timestamp.before.max.ms": str(MAX)}
APPENDED = {"message.timestamp.type": "LogAppendTime"}
OK, INVALID_TIMESTAMP, INVALID_RECORD = 0, 32, 87  # codes of Kafka's errors
NOT_YET = (3, 6)  # a topic just made is not known, or its leader does not know that it leads
INVALID_TRANSACTION, UNKNOWN = 53, -1
APPEND_TIME = 0x08
NOW = int(time.time() * 1000)
BEYOND = 2**66
FORGED = [(REQUEST_OF_EVENT.encode(), b"%d" % number + b"x" * 100_000) for number in range(8)]


def event(number: int) -> bytes:
    row = {"tv": number * 7 % 31, "radio": number * 5 % 17, "newspaper": number % 13}
    return orjson.dumps({**row, "sales": number * 3 % 23})


def honest(count: int = 5) -> list[Crafted]:
    return [Crafted(delta, event(delta)) for delta in range(count)]


def one_is(**wrong: Any) -> list[Crafted]:  # noqa: ANN401 - of any field
    """Two honest events, one that is not, two honest ones."""
    records = honest()
    records[2] = replace(records[2], **wrong)
    return records


def timed(first: int, delta: int, attributes: int = 0) -> bytes:
    records = one_is(timestamp_delta=delta)
    return craft(records, first_timestamp=first, max_timestamp=first, attributes=attributes)


def told(records: Sequence[Crafted | bytes], **header: int) -> bytes:
    """A batch of now."""
    return craft(records, **{"first_timestamp": NOW, "max_timestamp": NOW, **header})


NOT_TEXT = [(b"\xff", b"")]
NO_HEADER_NAME = varint(9) + b"\0\0\x08\1\1\x02\1\1\1"
DELTAS = (0, 1, 3, 4, 1000, -1, 2**31 - 1, 2**31, 2**34 - 1, -(2**33))
ONE_UNREADABLE = [*(told(one_is(delta=delta)) for delta in DELTAS), told(one_is(headers=NOT_TEXT))]
READABLE = [
    told(one_is(headers=[(b"again", b"x")] * 10_000)),
    told([Crafted(delta, event(delta), headers=[header]) for delta, header in enumerate(FORGED)]),
    told(honest(), max_timestamp=MAX),
    told(honest(), leader_epoch=2**31 - 1),
    *(timed(first, 0) for first in (0, -1)),
    *(timed(NOW, delta) for delta in (2**63, BEYOND, -NOW, -NOW - 2)),
]
OF_ANY_TIME = [
    *(timed(first, delta) for first in (MIN, NOW, MAX) for delta in (MIN, -1, 0, 1, MAX, -BEYOND)),
]
OF_THE_BROKER = told(honest(), attributes=APPEND_TIME)
"""Says that its time is the broker's, which corrects that."""

REFUSED_BY_KAFKA = [
    (INVALID_TIMESTAMP, timed(MAX, 0)),
    (INVALID_TIMESTAMP, timed(MIN, 0)),
    (INVALID_TIMESTAMP, told(honest(), max_timestamp=MAX, attributes=APPEND_TIME)),
    (INVALID_RECORD, told(one_is(delta=2**34))),  # of five bytes at most
    (INVALID_RECORD, told(one_is(delta=BEYOND))),
    (INVALID_RECORD, told(one_is(timestamp_delta=2**70))),  # of ten bytes at most
    (INVALID_RECORD, told(one_is(length=3))),
    (INVALID_RECORD, told(one_is(length=3000))),
    (INVALID_RECORD, told([*honest(4), NO_HEADER_NAME])),
    (INVALID_RECORD, told([*honest(), b"and more"], count=5)),
    (INVALID_RECORD, told(honest(), last=5)),
    (INVALID_RECORD, told(honest(), count=4)),
    (INVALID_RECORD, told(honest(), count=6, last=5)),
    (INVALID_RECORD, told(honest(), base=77)),
    (INVALID_RECORD, told(honest(), attributes=0x20)),  # a marker of transactions
    (INVALID_TRANSACTION, told(honest(), attributes=0x10)),
    (UNKNOWN, told(honest(), attributes=1)),  # not gzip
    (UNKNOWN, told(honest(), attributes=7)),  # no codec
]


@pytest.mark.parametrize(("code", "batch"), REFUSED_BY_KAFKA)
def test_what_kafka_refuses_need_not_be_survived(
    kafka: str, names: dict[str, str], code: int, batch: bytes
) -> None:
    topic = names["EVENTS_TOPIC"]
    create(kafka, topic, {})
    assert write(kafka, topic, batch) == code


@pytest.mark.parametrize(
    ("config", "batches"),
    [
        pytest.param({}, [*ONE_UNREADABLE, *READABLE, OF_THE_BROKER], id="as Kafka is"),
        pytest.param(ANY_TIME, OF_ANY_TIME, id="any timestamp", marks=pytest.mark.slow),
        pytest.param(
            APPENDED,
            [*ONE_UNREADABLE, *READABLE, *OF_ANY_TIME],
            id="log append time",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_every_honest_event_around_a_crafted_record_is_learned_and_a_restart_comes_up(
    start: Start,
    settings: Environment,
    names: dict[str, str],
    config: dict[str, str],
    batches: list[bytes],
) -> None:
    kafka = names["KAFKA_BOOTSTRAP_SERVERS"]
    create(kafka, settings.events_topic, config)
    service = start(CHECKPOINT_INTERVAL_MS="200")
    end = 0
    unreadable: set[int] = set()
    for batch in batches:
        (count,) = struct.unpack_from(">i", batch, 57)
        if batch in ONE_UNREADABLE:
            unreadable.add(end + 2)
        assert write(kafka, settings.events_topic, batch) == OK
        assert write(kafka, settings.events_topic, told(honest(2))) == OK
        end += count + 2
    learned = end - len(unreadable)
    wait_until(lambda: service.metric(LEARNED) + service.metric(REFUSED) >= end)
    assert service.metric(LEARNED) == learned
    assert service.metric(REFUSED) == len(unreadable)
    assert service.metric("riverline_snapshots_failed_total") == 0
    assert position(settings) == end
    if unreadable:
        letters = read_all(settings, names["DEAD_LETTER_TOPIC"], len(unreadable))
        assert {letter_offset(letter) for letter in letters} == unreadable
        assert {dict(letter.headers)["riverline.reason"] for letter in letters} == {b"unreadable"}
    assert service.stop() == 0

    again = start()
    assert again.metric("riverline_model_events") == learned
    assert again.metric("riverline_restore_replayed_events_total") == 0
    assert position(settings) == end
    assert write(kafka, settings.events_topic, told(honest(2))) == OK
    wait_until(lambda: again.metric("riverline_model_events") == learned + 2)
    again.process.send_signal(signal.SIGKILL)
    again.process.wait(timeout=30)

    third = start()
    wait_until(lambda: third.metric("riverline_model_events") == learned + 2)
    assert position(settings) == end + 2


def create(kafka: str, topic: str, config: dict[str, str]) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics({topic: {"num_partitions": 1, "configs": config}})
    wait_until(lambda: write(kafka, topic, b"") not in NOT_YET)


def letter_offset(letter: Any) -> int:  # noqa: ANN401 - kafka-python's record
    return int(dict(letter.headers)["riverline.offset"])


def position(settings: Environment) -> int:
    """How far the model has read the one partition; every method works after these timestamps."""
    with PredictionClient(settings) as client:
        client.ask("describe", {"recent": 100})
        return int(client.ask("train")["positions"]["0"])
