"""A request in; what is on its way for it."""

import math
import time
from typing import Any, cast

import orjson
import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from consumer.client.permissions import Permissions
from consumer.client.precedence import Precedence
from consumer.client.protocols import Consumer
from consumer.context import Context
from consumer.model.served import Served
from consumer.respond.claim import Claim
from consumer.respond.forwards import MAX_UNCOMMITTED, Forwards
from consumer.respond.loop import Responder
from consumer.respond.replies import Replies
from consumer.settings import Settings
from consumer.telemetry.health import Health
from consumer.telemetry.metrics import Telemetry
from contract.messages import RequestOutcome
from support.waiting import wait_until
from unit.kept_replies import KeptReplies
from unit.records import Record, event, folded
from unit.respond.test_replies import MemoryProducer

AT = TopicPartition("prediction-requests", 2)
ADDRESS = [("reply_to", b"prediction-replies"), ("correlation_id", b"7")]
LEARN = orjson.dumps(
    {"method": "learn", "params": {"tv": 1.0, "radio": 2.0, "newspaper": 3.0, "sales": 4.0}}
)


class World:
    """A responder over ways out in memory."""

    def __init__(self) -> None:
        self.served = served = Served(Settings().spec)
        self.telemetry = Telemetry(served, {"version": "test"})
        health = Health()
        context = Context(
            Settings(),
            served,
            self.telemetry,
            health,
            Precedence(),
            Permissions(Settings(), health.faults),
        )
        self.out = KeptReplies()
        self.events = MemoryProducer({"mobile-events": {0, 1, 2}})
        forwards = Forwards(self.events, "mobile-events", lambda: "an-id", 4)
        self.responder = Responder(
            context,
            cast("Consumer", None),
            cast("Replies", self.out),
            forwards,
            cast("Claim", None),
            partitions=4,
            ask=lambda *_: None,
        )

    def ask(
        self,
        value: bytes,
        *,
        count: int = 1,
        headers: Any = ADDRESS,  # noqa: ANN401
        timestamp: int = -1,
    ) -> None:
        asked = [Record(offset, value, timestamp, b"k", headers) for offset in range(count)]
        self.responder._take({AT: cast("Any", asked)})

    def sample(self, name: str) -> float:
        return self.telemetry.registry.get_sample_value(name) or 0.0

    def counted(self, method: str, outcome: str) -> float:
        labels = {"method": method, "outcome": outcome}
        found = self.telemetry.registry.get_sample_value("riverline_requests_total", labels)
        return found or 0.0


@pytest.fixture
def world() -> World:
    return World()


def test_a_request_past_its_deadline_is_told_so(world: World) -> None:
    late = str(int(time.time() * 1000) - 5000).encode()
    world.ask(b'{"tv": 1}', headers=[*ADDRESS, ("deadline", late)])
    world.ask(LEARN, headers=[*ADDRESS, ("deadline", late)])
    assert world.out.errors() == [("expired", RequestOutcome.EXPIRED)] * 2
    assert world.events.sent == []


def test_the_latency_of_an_answer_counts_from_the_request_s_timestamp(world: World) -> None:
    now = time.time() * 1000
    world.ask(b'{"tv": 1}', timestamp=int(now - 5000))
    world.ask(b'{"tv": 1}', timestamp=int(now + 5000))  # by a clock before ours: no time at all
    world.ask(b'{"tv": 1}')  # a record without a timestamp
    late = str(int(now - 50_000)).encode()  # one that nobody waits for
    world.ask(b'{"tv": 1}', headers=[*ADDRESS, ("deadline", late)], timestamp=int(now - 60_000))
    assert world.sample("riverline_answer_latency_seconds_count") == 2
    assert 5.0 <= world.sample("riverline_answer_latency_seconds_sum") < 6.0


def test_an_event_that_kafka_has_counts_as_answered_and_not_before(world: World) -> None:
    world.ask(LEARN)
    assert world.counted("learn", "answered") == 0
    world.events.sent[0].future.acknowledge()
    assert world.counted("learn", "answered") == 1
    assert world.out.replies == []  # the learner's to acknowledge


def test_an_event_that_kafka_does_not_confirm_is_answered_with_an_error(world: World) -> None:
    world.ask(LEARN)
    assert world.out.replies == []
    world.events.sent[0].future.fail(KafkaTimeoutError("gone"))
    assert world.out.errors() == [("not-learned", RequestOutcome.REFUSED)]
    (reply,) = world.out.replies
    assert (reply.address.topic, reply.address.correlation_id) == ("prediction-replies", b"7")
    assert world.counted("learn", "answered") == 0


def test_an_event_that_cannot_be_sent_on_is_answered_with_an_error(world: World) -> None:
    world.events.topics.clear()
    world.ask(LEARN)
    assert world.out.errors() == [("not-learned", RequestOutcome.REFUSED)]


def test_of_a_storm_of_them_so_many_are_sent_on_and_all_others_told(world: World) -> None:
    world.ask(LEARN, count=MAX_UNCOMMITTED)
    share = MAX_UNCOMMITTED // 4
    assert len(world.events.sent) == share
    refused = ("not-learned", RequestOutcome.REFUSED)
    assert world.out.errors() == [refused] * (MAX_UNCOMMITTED - share)


def test_a_question_waits_for_its_positions_and_its_request_is_not_committed(world: World) -> None:
    world.ask(b'{"method": "describe", "params": {"at_least": {"1": 3}}}')
    world.ask(b'{"method": "describe"}')
    assert [code for code, _ in world.out.errors()] == [
        "too-few-events"
    ]  # the other is not held up
    assert world.responder._positions._of[AT].position() == 0
    events = [event((tv, tv % 2, 1.0, 2 * tv)) for tv in (1.0, 2.0, 3.0)]
    world.served.own({1: folded(events).view()})
    world.responder._look()
    (_, answered) = world.out.bodies()
    assert answered["positions"] == {"1": 3}
    world.out.replies[0].settled = world.out.replies[1].settled = True
    assert world.responder._positions._of[AT].position() == 1


def test_one_whose_deadline_comes_is_told_how_far_the_model_is(world: World) -> None:
    soon = str(int(time.time() * 1000) + 50).encode()
    world.ask(b'{"tv": 1, "at_least": {"0": 7}}', headers=[*ADDRESS, ("deadline", soon)])
    wait_until(lambda: world.responder._look() == math.inf)
    assert world.out.bodies()[0]["error"]["positions"] == {"0": 0}
    assert world.out.errors() == [("not-yet", RequestOutcome.REFUSED)]


@pytest.mark.parametrize("bounds", ["7", '{"9": 1}', '{"0": -1}'])
def test_bounds_that_are_none_are_refused_at_once(world: World, bounds: str) -> None:
    world.ask(f'{{"tv": 1, "at_least": {bounds}}}'.encode())
    assert world.out.errors() == [("bad-params", RequestOutcome.REFUSED)]


def test_a_question_that_waits_is_refused_where_events_to_learn_wait_behind_it(
    world: World,
) -> None:
    world.ask(b'{"tv": 1, "at_least": {"0": 7}}')
    world.ask(LEARN, count=MAX_UNCOMMITTED // 4)
    assert world.out.errors() == [("not-yet", RequestOutcome.REFUSED)]
    assert len(world.events.sent) == MAX_UNCOMMITTED // 4
