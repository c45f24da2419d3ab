"""What becomes of events that are refused, and of records that cannot be unpacked."""

import pytest

from contract.environment import Environment
from contract.examples import load_events
from contract.messages import DEAD_LETTER_BYTES, MAX_MESSAGE_BYTES, Outcome
from support.service import LEARNED, Service
from support.waiting import wait_until

from .records import EVENT, produce, read_all


def test_refused_events_become_dead_letters_and_nothing_else(
    service: Service, settings: Environment
) -> None:
    examples = load_events()
    huge = b'{"tv": "' + b"x" * MAX_MESSAGE_BYTES + b'"}'
    values = [example.value for example in examples] + [huge]
    records = [{"value": value, "key": b"k", "partition": 0} for value in values]
    produce(settings, settings.events_topic, *records)
    refused = [
        (offset, example)
        for offset, example in enumerate(examples)
        if example.outcome is Outcome.REFUSED
    ]
    learned = sum(example.outcome is Outcome.LEARNED for example in examples)
    letters = read_all(settings, f"{settings.events_topic}.dead-letters", len(refused) + 1)
    by_key = {letter.key.decode(): letter for letter in letters}
    assert len(by_key) == len(letters) == len(refused) + 1
    for offset, example in refused:
        letter = by_key[f"{settings.events_topic}-0-{offset}"]
        headers = dict(letter.headers)
        assert headers["riverline.reason"].decode() == example.reason, example.name
        assert headers["riverline.offset"] == str(offset).encode()
        assert letter.value == example.value
    cut = by_key[f"{settings.events_topic}-0-{len(examples)}"]
    assert len(cut.value) == DEAD_LETTER_BYTES
    assert dict(cut.headers)["riverline.length"] == str(len(huge)).encode()
    wait_until(lambda: service.metric(LEARNED) == learned)
    assert service.metric('riverline_events_total{outcome="refused"}') == len(refused) + 1


class _BadName(str):
    """A header key that is not UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_record_that_the_client_cannot_unpack_is_stepped_over(
    service: Service, settings: Environment, place: str
) -> None:
    pill = {"value": EVENT, "headers": [(_BadName("x"), b"\x00")], "partition": 0}
    good = {"value": EVENT, "partition": 0}
    batch = {"first": [pill, good, good], "middle": [good, pill, good], "last": [good, good, pill]}
    produce(settings, settings.events_topic, *batch[place])
    wait_until(lambda: service.metric(LEARNED) == 2)
    produce(settings, settings.events_topic, good)
    wait_until(lambda: service.metric(LEARNED) == 3)
    (letter,) = read_all(settings, f"{settings.events_topic}.dead-letters", 1)
    assert dict(letter.headers)["riverline.reason"] == b"unreadable"
    assert EVENT in letter.value
    position = {"first": 0, "middle": 1, "last": 2}[place]
    assert letter.key == f"{settings.events_topic}-0-{position}".encode()
